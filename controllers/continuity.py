"""Files for people at work: worklists, templates, lines to be put right.

They are made when asked for and stored nowhere, for most are full of patients.
"""

from odoo.http import Controller, content_disposition, request, route

from ..core.spreadsheets.spreadsheet import XLSX

_OPTIONS = {"type": "http", "auth": "user", "methods": ["GET"], "readonly": False}


class ContinuityController(Controller):
    @route("/healthcare/continuity/template", **_OPTIONS)
    def template(self, **_query):
        """Download the workbook to fill in while systems are down."""
        request.env["healthcare.downtime.import.wizard"].check_access("create")
        content = request.env["healthcare.downtime.template"]._workbook()
        return _download(content, "downtime.xlsx")

    @route("/healthcare/continuity/worklist/<int:worklist_id>", **_OPTIONS)
    def worklist(self, worklist_id, **_query):
        """Download the lists that a user has chosen."""
        worklist = request.env["healthcare.worklist"].browse(worklist_id)
        worklist.check_access("read")
        return _download(worklist._workbook(), f"worklists-{worklist.day}.xlsx")

    @route("/healthcare/continuity/problems/<int:wizard_id>", **_OPTIONS)
    def problems(self, wizard_id, **_query):
        """Download the lines of a file that could not be taken in."""
        wizard = request.env["healthcare.downtime.import.wizard"].browse(wizard_id)
        wizard.check_access("read")
        return _download(wizard._problems_workbook(), "lines-with-problems.xlsx")


def _download(content, name):
    return request.make_response(
        content,
        headers=[
            ("Content-Type", XLSX),
            ("Content-Disposition", content_disposition(name)),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ],
    )
