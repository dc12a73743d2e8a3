"""What is handed over to a patient: made when asked for, stored nowhere."""

from odoo.http import Controller, content_disposition, request, route


class PrivacyController(Controller):
    @route(
        "/healthcare/privacy/request/<int:request_id>",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=False,
    )
    def data_request(self, request_id, **_query):
        """Download a copy of everything held about a patient."""
        asked = request.env["healthcare.data.request"].browse(request_id).exists()
        if not asked:
            return request.not_found()
        asked.check_access("read")
        name = f"patient-{asked.patient_reference or asked.id}.zip"
        return request.make_response(
            asked._archive(),
            headers=[
                ("Content-Type", "application/zip"),
                ("Content-Disposition", content_disposition(name)),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )
