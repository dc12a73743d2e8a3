"""Totals since the beginning: what counters tell, without adding up years of hours."""

from odoo import api, fields, models
from odoo.tools import SQL


class HealthcareTallyTotal(models.Model):
    """The sum of all tallies that are ``totalled``; the job of tallies keeps it.

    A total is this and what is not totalled yet, read in one statement, so that it
    never falls, whenever it is read.
    """

    _name = "healthcare.tally.total"
    _description = "Total of Tallies"
    _log_access = False

    kind = fields.Char(required=True)
    source_id = fields.Many2one("healthcare.source", ondelete="set null")
    type_id = fields.Many2one("healthcare.event.type", ondelete="set null")
    latency_class = fields.Integer()
    count = fields.Float(required=True, digits=(20, 0))
    seconds = fields.Float()

    @api.model
    def _add_fresh(self):
        """Add to the totals what was counted since the last time, in one statement."""
        self.env.execute_query(
            SQL(
                """
                WITH fresh AS (
                    UPDATE healthcare_tally t SET totalled = true FROM (
                        SELECT id FROM healthcare_tally WHERE totalled IS NOT TRUE
                        FOR UPDATE SKIP LOCKED
                    ) new WHERE t.id = new.id RETURNING t.*
                ), old AS (
                    DELETE FROM healthcare_tally_total o USING (
                        SELECT DISTINCT kind, source_id, type_id FROM fresh
                    ) f WHERE o.kind = f.kind
                    AND o.source_id IS NOT DISTINCT FROM f.source_id
                    AND o.type_id IS NOT DISTINCT FROM f.type_id RETURNING o.*
                )
                INSERT INTO healthcare_tally_total (kind, source_id, type_id,
                    latency_class, count, seconds)
                SELECT kind, source_id, type_id, latency_class, sum(count),
                    sum(seconds)
                FROM (
                    SELECT kind, source_id, type_id, latency_class, count, seconds
                    FROM fresh UNION ALL
                    SELECT kind, source_id, type_id, latency_class, count, seconds
                    FROM old) every
                GROUP BY 1, 2, 3, 4 RETURNING id
                """
            )
        )

    @api.model
    def _every(self):
        """Return SQL of ``(kind, source_id, type_id, latency_class, count, seconds)``.

        Rows of the totals and of what is not among them yet.
        """
        return SQL(
            """(SELECT kind, source_id, type_id, latency_class, count, seconds
                FROM healthcare_tally_total UNION ALL
                SELECT kind, source_id, type_id, latency_class, count, seconds
                FROM healthcare_tally WHERE totalled IS NOT TRUE)"""
        )
