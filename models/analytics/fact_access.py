"""Who looked at the sealed columns of a fact, and when."""

from odoo import api, fields, models


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    fact_id = fields.Many2one(
        "healthcare.fact", index="btree_not_null", readonly=True, ondelete="restrict"
    )

    @api.model
    def _record_fact(self, fact, purpose):
        """Record that somebody looks at the sealed columns of a fact."""
        self._append(
            [
                {
                    "fact_id": fact.id,
                    "event_id": fact.event_id.id,
                    "facility_id": fact.facility_id.id,
                    "purpose": purpose,
                    "patients": fact.partner_id.ids,
                }
            ]
        )
