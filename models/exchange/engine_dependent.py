"""The engine, once more: who waits for an event that is itself held up.

What an event misses may arrive later and be parked itself. One exception then tells of
the whole chain, in whatever order its events came in.
"""

from odoo import api, models
from odoo.tools import SQL

from .event import UNFINISHED


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _settle(self, run):
        result = super()._settle(run)
        self._wait_for_parked(run)
        return result

    @api.model
    def _wait_for_parked(self, run):
        """Let events wait for what they miss where it is here but held up.

        After a commit, so that two workers that park both ends of a chain at the same
        moment see each other.
        """
        if not run.parked:
            return
        self.env["healthcare.exception"].flush_model(["cause_key", "state"])
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event e
                SET state = 'waiting', blocked_on = x.cause_key
                FROM healthcare_exception x
                WHERE x.event_id = e.id AND x.blocks_event
                AND x.category = 'missing_dependency'
                AND x.state IN ('open', 'assigned')
                AND e.state = 'exception' AND x.cause_key != e.subject
                AND (e.id = ANY(%(ids)s) OR x.cause_key IN (
                    SELECT subject FROM healthcare_event WHERE id = ANY(%(ids)s)))
                AND EXISTS (
                    SELECT 1 FROM healthcare_event b WHERE b.subject = x.cause_key
                    AND b.state IN %(unfinished)s AND b.rejected IS NOT TRUE)
                RETURNING x.id""",
                ids=list(run.parked),
                unfinished=UNFINISHED,
            )
        )
        self._forget()
        self.env["healthcare.exception"].browse([row[0] for row in rows])._close(
            "resolved", "cause_gone"
        )
