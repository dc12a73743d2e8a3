"""Events that end their worker: run alone, then left to a person.

An event that eats all memory or crashes a library takes its worker with it, and the
whole batch with the worker. Who was in that batch cannot be told apart by one such end,
which may as well have been a restart; after the second one a few run together, after
the third one each by itself: hundreds that were there by chance are soon done.
"""

import logging

from odoo import api, fields, models
from odoo.tools import SQL

from .engine import FEW_AFTER

_logger = logging.getLogger(__name__)

FEW = 20  # events under suspicion that run together
ALONE_AFTER = 3  # ends of its worker after which an event runs alone
EVER = 2**31 - 1
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
        """Return ``(id, subject)`` of ready events, and the ids of suspects among them.

        What is paused (SQL) is left out.
        What is under suspicion comes when nothing else is to be done, few at a time.
        """
        for least, most, count in (
            (0, FEW_AFTER - 1, limit),
            (FEW_AFTER, ALONE_AFTER - 1, FEW),
            (ALONE_AFTER, EVER, 1),
        ):
            rows = self.env.execute_query(
                SQL(
                    """SELECT id, subject FROM healthcare_event
                    WHERE state IN ('received', 'retrying') AND partition = ANY(%s)
                    AND (run_after IS NULL OR run_after <= %s)
                    AND coalesce(interruptions, 0) BETWEEN %s AND %s AND NOT %s
                    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
                    partitions,
                    now,
                    least,
                    most,
                    paused,
                    count,
                )
            )
            if rows:
                return rows, [row[0] for row in rows] if least else []
        return [], []

    @api.model
    def _only(self, suspects, queues):
        """Have events under suspicion share their batch with no others."""
        if not suspects:
            return queues
        return {
            subject: queue[:1]
            for subject, queue in queues.items()
            if queue[0] in suspects
        }
