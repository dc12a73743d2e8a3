"""The engine, once more: what only shows after the commit, in a fresh snapshot."""

from odoo import api, models
from odoo.tools import SQL

from .event import UNFINISHED


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _settle(self, run):
        """Let go on what waited, wait for what is held up, look at visits again."""
        result = super()._settle(run)
        self._wait_for_parked(run)
        self._look_again(run)
        return result

    @api.model
    def _wait_for_parked(self, run):
        """Let events wait for what they miss where it is here but held up.

        What an event misses may arrive later and be parked itself, and so may what
        comes before it. One exception then tells of the whole chain, in whatever order
        its events came in.
        """
        if not run.parked:
            return
        self.env["healthcare.exception"].flush_model(["cause_key", "state"])
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event e SET state = 'waiting', blocked_on = NULL
                FROM healthcare_exception x, healthcare_event b
                WHERE b.id = ANY(%s) AND b.state IN ('exception', 'waiting')
                AND b.blocked_on IS DISTINCT FROM b.subject
                AND e.subject = b.subject AND e.state = 'exception'
                AND e.rejected IS NOT TRUE
                AND (e.occurred_at, e.id) > (b.occurred_at, b.id)
                AND x.event_id = e.id AND x.blocks_event
                AND x.state IN ('open', 'assigned') RETURNING x.id""",
                list(run.parked),
            )
        )
        rows += self.env.execute_query(
            SQL(
                """UPDATE healthcare_event e
                SET state = 'waiting', blocked_on = x.cause_key
                FROM healthcare_exception x
                WHERE x.event_id = e.id AND x.blocks_event
                AND x.category = 'missing_dependency'
                AND x.state IN ('open', 'assigned')
                AND e.state = 'exception' AND x.cause_key != e.subject
                AND (x.event_id = ANY(%(ids)s) OR x.cause_key = ANY(ARRAY(
                    SELECT subject FROM healthcare_event WHERE id = ANY(%(ids)s))))
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

    @api.model
    def _look_again(self, run):
        """Judge visits again in sight of what other workers committed meanwhile.

        A visit and the coverage or authorization it depends on are of different
        subjects, so two workers may have written them at once without seeing each
        other. Whoever commits last sees both here.
        """
        documents = {}
        for event_id, model, res_id in run.links:
            documents.setdefault(model, {})[res_id] = event_id
        self.env["healthcare.workflow.scheduling"]._look_again(documents)
