"""How long facts are kept that everybody has."""

# The driver of a job commits slice by slice.
# pylint: disable=invalid-commit

import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock

PARAMETER = "healthcare_connector.fact_retention_days"
SLICE = 5000
BUDGET_SECONDS = 60


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    @api.model
    def _retention_days(self):
        """Return how many days facts are kept; 0 is for ever."""
        # One parameter of ours, read on behalf of the job.
        value = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        return int(value) if value and value.isdigit() else 0

    @api.model
    def _cron_retention(self):
        """Forget old facts, slice by slice.

        Kept are the newest of each key, which says how things are and what the next
        sequence is, and whatever a target has still to get or has refused.
        """
        end = time.monotonic() + BUDGET_SECONDS
        days = self._retention_days()
        if not days:
            return
        before = clock.utc_now() - timedelta(days=days)
        while self._forget_some(before):
            self.env.cr.commit()
            if time.monotonic() > end:
                job = self.env.ref("healthcare_connector.cron_fact_retention")
                job._healthcare_wake()
                return
        self._forget_batches(before)
        self.env.cr.commit()

    @api.model
    def _forget_some(self, before):
        """Delete a slice of old facts; tell whether there were any."""
        rows = self.env.execute_query(
            SQL(
                """DELETE FROM healthcare_fact WHERE id IN (
                    SELECT f.id FROM healthcare_fact f
                    WHERE f.recorded_at < %s
                    AND EXISTS (SELECT 1 FROM healthcare_fact l
                        WHERE l.key = f.key AND l.sequence > f.sequence)
                    AND NOT EXISTS (SELECT 1 FROM healthcare_delivery d
                        WHERE d.fact_id = f.id
                        AND d.state IN ('pending', 'failed', 'given_up'))
                    ORDER BY f.recorded_at LIMIT %s FOR UPDATE SKIP LOCKED)
                RETURNING id""",
                before,
                SLICE,
            )
        )
        self.env.invalidate_all()
        return bool(rows)

    @api.model
    def _forget_batches(self, before):
        """Delete old batches: receipts of no fact there is, and what none was left of.

        What was set aside names the batch that it was in last.
        """
        self.env.flush_all()
        self.env.execute_query(
            SQL(
                """DELETE FROM healthcare_delivery_batch b
                WHERE b.state != 'open' AND b.opened_at < %s
                AND b.id NOT IN (SELECT batch_number FROM healthcare_delivery
                    WHERE batch_number IS NOT NULL)
                AND (b.state != 'delivered' OR NOT EXISTS (
                    SELECT FROM jsonb_array_elements_text(b.facts) n(fact_id)
                    JOIN healthcare_fact f ON f.id = n.fact_id::int))
                RETURNING b.id""",
                before,
            )
        )
        self.env["healthcare.delivery.batch"].invalidate_model()


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    healthcare_fact_retention_days = fields.Integer(
        string="Days Facts Are Kept", config_parameter=PARAMETER
    )
