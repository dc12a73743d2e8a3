"""Turns: what all shards write to is written by one of them at a time.

Documents of a company share its journals, its numbers and its stock. Two shards that
write them at once end in conflicts, and each begins again with all of its batch: four
shards were four times as slow as one.
"""

import contextlib

import psycopg2

from odoo import api, models
from odoo.tools import SQL

LOCK_CLASS = 0x4845  # advisory lock class of ours: "HE", with the company's id


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @contextlib.contextmanager
    def _turn(self, ids):
        """Hold the turn of every company to whose journals and stock events write.

        To be called between transactions: who waited must see what was written
        meanwhile. Like those of partitions, the locks go with their connection.
        """
        companies = self._companies_in_turn(ids)
        cr = self.env.cr
        try:
            for company_id in companies:  # all take them in the same order
                cr.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, company_id])
            cr.commit()  # pylint: disable=invalid-commit
            yield
        finally:
            if companies and not cr.closed:
                with contextlib.suppress(psycopg2.Error):
                    cr.rollback()
                    cr.execute(
                        """SELECT pg_advisory_unlock(%s, c)
                        FROM unnest(%s::int[]) AS c""",
                        [LOCK_CLASS, companies],
                    )
                    cr.commit()  # pylint: disable=invalid-commit

    @api.model
    def _companies_in_turn(self, ids):
        """Return the ids of companies whose documents these events may write."""
        if self._shard_count() == 1:
            return []
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT e.type_id, f.company_id FROM healthcare_event e
                LEFT JOIN healthcare_facility f ON f.id = e.facility_id
                WHERE e.id = ANY(%s) AND e.type_id IS NOT NULL""",
                list(ids),
            )
        )
        types = self.env["healthcare.event.type"].browse({row[0] for row in rows})
        turning = {one.id for one in types if self.env[one.workflow]._takes_turns}
        return sorted(
            {company_id or 0 for type_id, company_id in rows if type_id in turning}
        )
