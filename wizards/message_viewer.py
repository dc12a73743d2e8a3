from odoo import api, fields, models


class HealthcareMessageViewer(models.TransientModel):
    """Shows a message as it came. Nothing is stored, the reading is recorded."""

    _name = "healthcare.message.viewer"
    _description = "Message as Received"

    message_id = fields.Many2one("healthcare.message", required=True, readonly=True)
    content = fields.Text(compute="_compute_content")

    @api.depends("message_id")
    def _compute_content(self):
        for viewer in self:
            viewer.content = (
                viewer.message_id._readable() if viewer.message_id else False
            )
