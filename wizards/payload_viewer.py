from odoo import api, fields, models


class HealthcarePayloadViewer(models.TransientModel):
    """Shows what an event contains. Nothing is stored, the reading is recorded."""

    _name = "healthcare.payload.viewer"
    _description = "Payload"

    event_id = fields.Many2one("healthcare.event", required=True, readonly=True)
    content = fields.Text(compute="_compute_content")

    @api.depends("event_id")
    def _compute_content(self):
        for viewer in self:
            viewer.content = viewer.event_id._readable() if viewer.event_id else False
