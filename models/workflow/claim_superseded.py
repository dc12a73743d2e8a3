"""A remittance that does not balance gives way to the payer's corrected one."""

from odoo import api, fields, models
from odoo.tools import SQL


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _cron_sweep(self):
        self._supersede_decisions()
        return super()._cron_sweep()

    @api.model
    def _supersede_decisions(self):
        """Discard decisions out of balance that a newer one of the claim waits behind.

        Had the newer one come first, the older one would have changed nothing; so it
        must not hold it back. The newer one is judged by itself.
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT e.id, v.id FROM healthcare_exception e
                  JOIN healthcare_event v ON v.id = e.event_id AND v.state = 'exception'
                  JOIN healthcare_event n ON n.subject = v.subject
                   AND (n.occurred_at, n.id) > (v.occurred_at, v.id)
                   AND n.state = 'waiting'
                  JOIN healthcare_event_type t ON t.id = n.type_id
                   AND t.code IN ('claim.adjudicated', 'claim.denied')
                 WHERE e.category = 'remittance_out_of_balance' AND e.blocks_event
                   AND e.state IN ('open', 'assigned')
                """
            )
        )
        if not rows:
            return
        issues = self.env["healthcare.exception"].browse([row[0] for row in rows])
        self.env["healthcare.sync.log"].create(
            [
                {
                    "event_id": event_id,
                    "operation": "process",
                    "outcome": "discarded",
                    "category": "remittance_out_of_balance",
                    "message": self.env._(
                        "The payer sent a newer decision on this claim."
                    ),
                    "date": fields.Datetime.now(),
                }
                for _issue_id, event_id in rows
            ]
        )
        self._discard([event_id for _issue_id, event_id in rows])
        issues._close("resolved", "superseded")
