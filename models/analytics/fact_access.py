"""Who looked at the sealed columns of a fact, and when."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    fact_id = fields.Many2one("healthcare.fact", index="btree_not_null", readonly=True)

    # Of the same name as the one it widens, which it replaces.
    _read_something = models.Constraint(
        "CHECK (event_id IS NOT NULL OR message_id IS NOT NULL"
        " OR worklist IS NOT NULL OR fact_id IS NOT NULL)",
        "A reading is of an event, of a message, of a worklist or of a fact.",
    )

    @api.model
    def _record_fact(self, fact, purpose):
        # Stands in for the system: readers must not be able to write this record
        # themselves, and cannot avoid that it is written.
        self.sudo().create(
            {
                "user_id": self.env.uid,
                "fact_id": fact.id,
                "event_id": fact.event_id.id,
                "facility_id": fact.facility_id.id,
                "purpose": purpose,
            }
        )
