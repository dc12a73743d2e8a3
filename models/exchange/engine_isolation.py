"""Events that end their worker: run alone, then left to a person.

An event that eats all memory or crashes a library takes its worker with it, and the
whole batch with the worker. Who was in that batch cannot be told apart by one such end,
which may as well have been a restart; after the second one each runs by itself.
"""

import logging

from odoo import api, fields, models
from odoo.tools import SQL

from .engine import ALONE_AFTER

_logger = logging.getLogger(__name__)

GIVE_UP_AFTER = 5  # ends after which it is not run again without a person


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    interruptions = fields.Integer(
        readonly=True,
        aggregator=None,
        help="How often the worker ended while it worked on this event's batch.",
    )


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _recover(self, partitions):
        """Take back what a worker that died was working on, and count it."""
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event
                SET interruptions = coalesce(interruptions, 0) + 1,
                    state = CASE WHEN coalesce(interruptions, 0) + 1 >= %s
                        THEN 'exception' ELSE 'received' END
                WHERE state = 'processing' AND partition = ANY(%s)
                RETURNING id, state""",
                GIVE_UP_AFTER,
                partitions,
            )
        )
        if not rows:
            return
        _logger.warning("Took back %d events of a worker that died", len(rows))
        self._forget()
        given_up = [event_id for event_id, state in rows if state == "exception"]
        self.env["healthcare.exception"]._open_or_update(
            [
                {
                    **event._exception_values(),
                    "fingerprint": f"event/{event.id}",
                    "category": "retry_exhausted",
                    "reason": self.env._(
                        "Working on this event ended the worker %s times.",
                        event.interruptions,
                    ),
                    "blocks_event": True,
                }
                for event in self.env["healthcare.event"].browse(given_up)
            ]
        )

    @api.model
    def _candidates(self, partitions, now, limit, paused):
        """Return ``(id, subject)`` of ready events, and the one to be run alone if any.

        What is paused (SQL) is left out.
        What is under suspicion comes when nothing else is to be done, one at a time.
        """
        for suspects, count in ((False, limit), (True, 1)):
            rows = self.env.execute_query(
                SQL(
                    """SELECT id, subject FROM healthcare_event
                    WHERE state IN ('received', 'retrying') AND partition = ANY(%s)
                    AND (run_after IS NULL OR run_after <= %s)
                    AND (coalesce(interruptions, 0) >= %s) = %s AND NOT %s
                    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
                    partitions,
                    now,
                    ALONE_AFTER,
                    suspects,
                    paused,
                    count,
                )
            )
            if rows:
                return rows, rows[0][0] if suspects else None
        return [], None

    @api.model
    def _only(self, alone, queues):
        """Have an event under suspicion share its batch with nobody."""
        if not alone:
            return queues
        return {
            subject: [alone] for subject, queue in queues.items() if queue[0] == alone
        }
