"""Who printed or took away a list with names of patients, and when."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    worklist = fields.Char(
        readonly=True, help="Which lists with names, and of which day."
    )
    facility_id = fields.Many2one("healthcare.facility", index=True, readonly=True)

    # Of the same name as the one it widens, which it replaces.
    _read_something = models.Constraint(
        "CHECK (event_id IS NOT NULL OR message_id IS NOT NULL"
        " OR worklist IS NOT NULL)",
        "A reading is of an event, of a message or of a worklist.",
    )

    @api.model
    def _record_worklist(self, facilities, worklist, purpose):
        # Stands in for the system: readers must not be able to write this record
        # themselves, and cannot avoid that it is written.
        self.sudo().create(
            [
                {
                    "user_id": self.env.uid,
                    "facility_id": facility.id,
                    "worklist": worklist,
                    "purpose": purpose,
                }
                for facility in facilities
            ]
        )
