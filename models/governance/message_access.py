"""Who read which vendor's message, when: beside the payloads of events."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    message_id = fields.Many2one(
        "healthcare.message", index=True, readonly=True, ondelete="restrict"
    )

    @api.model
    def _record_messages(self, messages, purpose=None):
        """Record that somebody reads messages as they were received."""
        patients = messages.event_ids.sudo()._patients()  # what the message is about
        self._append(
            [
                {
                    "message_id": message.id,
                    "kind": "message",
                    "purpose": purpose,
                    "patients": [
                        patient
                        # Searched above for all messages; rules do not apply to what
                        # is only recorded.
                        for event in message.sudo().event_ids
                        for patient in patients.get(event.id, ())
                    ],
                }
                for message in messages
            ]
        )
