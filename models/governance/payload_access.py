"""Who read whose payload, when."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    """Append-only: nobody, the administrator included, may change or delete a row."""

    _name = "healthcare.payload.access"
    _description = "Payload Access"
    _order = "id desc"
    _log_access = False
    _rec_name = "date"

    user_id = fields.Many2one("res.users", required=True, index=True, readonly=True)
    event_id = fields.Many2one(
        "healthcare.event", required=True, index=True, readonly=True
    )
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    purpose = fields.Char(readonly=True)

    @api.model
    def _record(self, events, purpose=None):
        # Stands in for the system: readers must not be able to write this record
        # themselves, and cannot avoid that it is written.
        self.sudo().create(
            [
                {"user_id": self.env.uid, "event_id": event.id, "purpose": purpose}
                for event in events
            ]
        )
