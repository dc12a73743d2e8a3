"""Who printed or took away a list with names of patients, and when."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    worklist = fields.Char(
        readonly=True, help="Which lists with names, and of which day."
    )
    facility_id = fields.Many2one(
        "healthcare.facility", index=True, readonly=True, ondelete="restrict"
    )

    @api.model
    def _record_worklist(self, patients, worklist, purpose):
        """Record that somebody takes a list with names along.

        :param patients: ``{facility: ids of the patients on its lists}``
        """
        self._append(
            [
                {
                    "kind": "worklist",
                    "facility_id": facility.id,
                    "worklist": worklist,
                    "purpose": purpose,
                    "patients": ids,
                }
                for facility, ids in patients.items()
            ]
        )
