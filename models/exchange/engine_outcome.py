"""The engine, after the workflows: states, log, links and exceptions of a batch."""

import time
from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from ...core import backoff, clock
from .event import UNFINISHED


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    # -- outcome ----------------------------------------------------------------

    @api.model
    def _write_outcome(self, run, ids, waiting, started):
        """Write states, log, links and exceptions of a batch, each in bulk."""
        now = clock.utc_now()
        events = self.env["healthcare.event"].browse(ids)
        self.env.flush_all()
        dependent = self._find_dependent(run)
        exhausted = self._schedule_retries(events, run, now)
        parked = {i: e for i, e in run.parked.items() if i not in dependent}
        if run.done:
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_event SET state = 'done', processed_at = %s,
                    run_after = NULL, blocked_on = NULL WHERE id = ANY(%s)
                    RETURNING id""",
                    now,
                    list(run.done),
                )
            )
        self._set_state(list(parked) + list(exhausted), "exception")
        if own := [event_id for event_id in parked if self._misses_own(event_id, run)]:
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_event SET blocked_on = subject
                    WHERE id = ANY(%s) RETURNING id""",
                    own,
                )
            )
        self._set_state(waiting, "waiting")
        for key in set(dependent.values()):
            self._set_state(
                [i for i, k in dependent.items() if k == key], "waiting", key
            )
        self._write_links(run.links)
        self._write_log(events, run, dependent, waiting, exhausted, now, started)
        self._forget()
        self._write_exceptions(events, run, parked, exhausted)
        self._close_own(run.done.union(waiting, dependent), run.resolved)

    @api.model
    def _find_dependent(self, run):
        """Return ``{event id: subject}`` of parked events that wait for another event.

        What is missing was sent already but is itself held up: then waiting is enough,
        and one exception tells of the whole chain.
        """
        wanted = {
            event_id: error.cause
            for event_id, error in run.parked.items()
            if error.category == "missing_dependency" and error.cause
        }
        if not wanted:
            return {}
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT subject FROM healthcare_event
                WHERE subject = ANY(%s) AND state IN %s AND rejected IS NOT TRUE
                AND NOT (id = ANY(%s))""",
                list(set(wanted.values())),
                UNFINISHED,
                list(run.done),
            )
        )
        unfinished = {row[0] for row in rows}
        return {
            event_id: cause
            for event_id, cause in wanted.items()
            if cause in unfinished
            and cause != self.env["healthcare.event"].browse(event_id).subject
        }

    @api.model
    def _schedule_retries(self, events, run, now):
        """Set the next attempt of what failed technically; return what is exhausted."""
        exhausted = {}
        for event in events:
            if event.id not in run.retried:
                continue
            message, retry_after = run.retried[event.id]
            kind = event.type_id
            if event.attempts >= kind.max_attempts:
                exhausted[event.id] = message
                continue
            seconds = retry_after or backoff.full_jitter(
                event.attempts, kind.retry_base_seconds, kind.retry_cap_seconds
            )
            due = now + timedelta(seconds=seconds)
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_event SET state = 'retrying', run_after = %s
                    WHERE id = %s RETURNING id""",
                    due,
                    event.id,
                )
            )
            self._wake_at(event.partition, due)
        return exhausted

    @api.model
    def _wake_at(self, partition, due):
        number = partition % self._shard_count() + 1
        cron = self.env["ir.cron"].search([("healthcare_shard", "=", number)], limit=1)
        cron._trigger(at=due)

    @api.model
    def _write_links(self, links):
        if links:
            self.env.cr.execute_values(
                """INSERT INTO healthcare_document_link (event_id, res_model, res_id)
                VALUES %s ON CONFLICT DO NOTHING""",
                sorted(links),
                page_size=len(links),
            )

    @api.model
    def _write_log(self, events, run, dependent, waiting, exhausted, now, started):
        """Log what became of each event; return ``{event: outcome}``."""
        duration = (time.monotonic() - started) * 1000
        held = set(waiting) | set(dependent)
        rows = []
        for event in events:
            category = message = None
            if event.id in run.done:
                outcome = "done"
                if event.id in run.stale:
                    outcome = "stale"
                    message = self.env._(
                        "Newer information was known already; nothing was changed."
                    )
            elif event.id in held:
                outcome = "waiting"
            elif event.id in run.parked:
                error = run.parked[event.id]
                outcome, category, message = "parked", error.category, error.reason
            elif event.id in exhausted:
                outcome, message = "failed", exhausted[event.id]
            else:
                outcome, message = "retry", run.retried[event.id][0]
            rows.append(
                (
                    event.id,
                    event.source_id.id,
                    event.facility_id.id or None,
                    "process",
                    outcome,
                    category,
                    event.attempts,
                    message,
                    now,
                    duration,
                    len(events),
                )
            )
        self.env.cr.execute_values(
            """INSERT INTO healthcare_sync_log (event_id, source_id, facility_id,
            operation, outcome, category, attempt, message, date, duration_ms,
            batch_size) VALUES %s""",
            rows,
            page_size=len(rows),
        )
        return {event: row[4] for event, row in zip(events, rows, strict=True)}

    @api.model
    def _write_exceptions(self, events, run, parked, exhausted):
        exceptions = self.env["healthcare.exception"]
        issues = list(run.issues.values())
        for event in events.browse(list(parked)):
            error = parked[event.id]
            issues.append(
                {
                    **event._exception_values(),
                    "fingerprint": f"event/{event.id}",
                    "category": error.category,
                    "reason": error.reason,
                    "cause_key": error.cause,
                    "amount_at_risk": error.amount or 0.0,
                    "blocks_event": True,
                    **run.park_values.get(event.id, {}),
                }
            )
        for event in events.browse(list(exhausted)):
            issues.append(
                {
                    **event._exception_values(),
                    "fingerprint": f"event/{event.id}",
                    "category": "retry_exhausted",
                    "reason": exhausted[event.id],
                    "blocks_event": True,
                }
            )
        exceptions._open_or_update(issues)

    @api.model
    def _close_own(self, ids, others=()):
        """Close what held these events back: they are done, or wait for another one.

        The exception of that other one tells of the whole chain. What is still wrong
        with an event shows when it runs again.

        :param others: fingerprints of further exceptions that are over
        """
        fingerprints = [f"event/{event_id}" for event_id in ids]
        gone = self.env["healthcare.exception"].search(
            [
                ("fingerprint", "in", [*fingerprints, *others]),
                ("state", "in", ("open", "assigned")),
            ]
        )
        gone._close("resolved", "cause_gone")
