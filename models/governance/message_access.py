"""Who read which vendor's message, when: beside the payloads of events."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    event_id = fields.Many2one(required=False)
    message_id = fields.Many2one("healthcare.message", index=True, readonly=True)

    _read_something = models.Constraint(
        "CHECK (event_id IS NOT NULL OR message_id IS NOT NULL)",
        "A reading is of an event or of a message.",
    )

    @api.model
    def _record_messages(self, messages, purpose=None):
        # Stands in for the system: readers must not be able to write this record
        # themselves, and cannot avoid that it is written.
        self.sudo().create(
            [
                {"user_id": self.env.uid, "message_id": message.id, "purpose": purpose}
                for message in messages
            ]
        )
