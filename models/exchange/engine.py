"""The processing engine: claims events, keeps their order, runs workflows in bulk.

Odoo's own ``ir.cron`` jobs drive it, one per shard, on as many nodes as share the
database. A shard works on partitions; a session-level advisory lock per partition
makes sure that one worker at a time handles a subject, and tells at once when a worker
has died: the lock goes with its connection, and events it left in ``processing`` are
picked up by whoever holds the partition next.
"""

import contextlib
import logging
import random
import time
from datetime import timedelta

import psycopg2
from psycopg2 import errorcodes

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import SQL

from ...core import backoff, clock, redaction
from ...core.errors import KeyringError, ParkError, TechnicalError
from .event import UNFINISHED
from .ordering import PARTITIONS

_logger = logging.getLogger(__name__)

LOCK_CLASS = 0x4843  # advisory lock class of ours: "HC"
BATCH_EVENTS = 400
BUDGET_SECONDS = 20
CONFLICT_TRIES = 6
CONFLICTS = (
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.LOCK_NOT_AVAILABLE,
)


class Run:
    """What workflows said while a group of events ran; merged when it succeeded."""

    def __init__(self):
        self.parked = {}  # event id -> ParkError
        self.park_values = {}  # event id -> further exception fields
        self.issues = []  # exceptions that hold nothing back
        self.resolved = set()  # fingerprints of exceptions to close
        self.stale = set()  # event ids older than what is known
        self.links = set()  # (event id, model, document id)
        self.announced = set()  # keys others may wait for
        self.retried = {}  # event id -> (message, retry_after or None)
        self.done = set()

    def merge(self, other):
        self.parked.update(other.parked)
        self.park_values.update(other.park_values)
        self.issues += other.issues
        self.resolved |= other.resolved
        self.stale |= other.stale
        self.links |= other.links
        self.announced |= other.announced
        self.retried.update(other.retried)
        self.done |= other.done

    def failed(self, event_id):
        return event_id in self.parked or event_id in self.retried


class HealthcareEngine(models.AbstractModel):
    _name = "healthcare.engine"
    _description = "Processing Engine"

    # -- shards -----------------------------------------------------------------

    @api.model
    def _shard_count(self):
        # Reading one parameter of ours on behalf of any caller.
        value = (
            self.env["ir.config_parameter"]
            .sudo()
            .get_param("healthcare_connector.shards", "2")
        )
        return min(max(int(value), 1), PARTITIONS)

    @api.model
    def _sync_shards(self):
        """Have exactly one active job per shard."""
        count = self._shard_count()
        # Stands in for the system: jobs are configuration of ours.
        crons = (
            self.env["ir.cron"]
            .sudo()
            .with_context(active_test=False)
            .search([("healthcare_shard", "!=", 0)], order="healthcare_shard")
        )
        template = self.env.ref("healthcare_connector.cron_process")
        existing = {cron.healthcare_shard: cron for cron in crons}
        for number in range(1, count + 1):
            cron = existing.get(number) or template.copy(
                {
                    "name": f"Healthcare: process events ({number})",
                    "code": f"model._cron_process({number})",
                    "healthcare_shard": number,
                }
            )
            if not cron.active:
                cron.active = True
        for number, cron in existing.items():
            if number > count and cron.active:
                cron.active = False
        self.env.registry.clear_cache()

    @api.model
    def _wake(self, partitions):
        """Wake the jobs of these partitions once the transaction has committed."""
        count = self._shard_count()
        numbers = {partition % count + 1 for partition in partitions}
        # Stands in for the system: whoever brings an event may start its processing.
        crons = (
            self.env["ir.cron"].sudo().search([("healthcare_shard", "in", list(numbers))])
        )
        for cron in crons:
            cron._trigger()

    # -- driving ----------------------------------------------------------------

    @api.model
    def _cron_process(self, shard):
        """Work on one shard until nothing is left or the time is up."""
        count = self._shard_count()
        wanted = [p for p in range(PARTITIONS) if p % count == shard - 1]
        end = time.monotonic() + BUDGET_SECONDS
        with self._partitions_held(wanted) as held:
            if not held:
                return
            self._recover(held)
            self.env.cr.commit()
            while time.monotonic() < end:
                if not self._process_some(held):
                    break
            else:
                # A job that stops with work left would sleep up to a minute.
                self._wake(held)

    @contextlib.contextmanager
    def _partitions_held(self, partitions):
        """Hold the advisory locks of those partitions nobody else works on."""
        cr = self.env.cr
        cr.execute(
            "SELECT p FROM unnest(%s) AS p WHERE pg_try_advisory_lock(%s, p)",
            [partitions, LOCK_CLASS],
        )
        held = [row[0] for row in cr.fetchall()]
        try:
            yield held
        finally:
            if not cr.closed:
                with contextlib.suppress(psycopg2.Error):
                    cr.rollback()
                    cr.execute(
                        "SELECT pg_advisory_unlock(%s, p) FROM unnest(%s) AS p",
                        [LOCK_CLASS, held],
                    )
                    cr.commit()

    @api.model
    def _recover(self, partitions):
        """Take back what a worker that died was working on."""
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'received'
                WHERE state = 'processing' AND partition = ANY(%s) RETURNING uuid""",
                partitions,
            )
        )
        if rows:
            _logger.warning("Took back %d events of a worker that died", len(rows))

    @api.model
    def _process_some(self, partitions):
        """Claim and process one batch; return how many events were claimed.

        Commits: the claim first, so that an event that kills its worker is counted,
        then the documents with the states of their events, then what they release.
        """
        queues = self._claim(partitions)
        self.env.cr.commit()
        if not queues:
            return 0
        ids = [event_id for queue in queues for event_id in queue]
        for attempt in range(CONFLICT_TRIES):
            try:
                run = self._run_queues(queues)
                self.env.cr.commit()
                break
            except (psycopg2.Error, ConcurrencyError) as error:
                self.env.cr.rollback()
                code = getattr(error, "pgcode", None)
                if isinstance(error, psycopg2.Error) and code not in CONFLICTS:
                    raise
                # Another shard touched the same stock or journal: once more, soon.
                time.sleep(random.uniform(0, 0.02 * 2**attempt))
        else:
            run = Run()
            run.retried = {
                event_id: (self.env._("Too many conflicts with other work"), None)
                for event_id in ids
            }
            self._write_outcome(run, ids, [], time.monotonic())
            self.env.cr.commit()
        self._settle(run)
        self.env.cr.commit()
        return len(ids)

    # -- claiming ---------------------------------------------------------------

    @api.model
    def _claim(self, partitions, limit=BATCH_EVENTS):
        """Claim ready events; return them as one ordered list of ids per subject.

        Within a subject everything that is ready up to the first event that is not
        (parked, waiting for a dependency, due later) is taken; what stands behind such
        an event is set ``waiting``.
        """
        now = fields.Datetime.now()
        candidates = self.env.execute_query(
            SQL(
                """SELECT id, subject FROM healthcare_event
                WHERE state IN ('received', 'retrying') AND partition = ANY(%s)
                AND (run_after IS NULL OR run_after <= %s)
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
                partitions,
                now,
                limit,
            )
        )
        if not candidates:
            return []
        rows = self.env.execute_query(
            SQL(
                """SELECT id, subject, state, run_after FROM healthcare_event
                WHERE subject = ANY(%s) AND state IN %s AND rejected IS NOT TRUE
                ORDER BY subject, occurred_at, id""",
                list({subject for _id, subject in candidates}),
                UNFINISHED,
            )
        )
        queues, held, blocked = {}, [], set()
        for event_id, subject, state, run_after in rows:
            ready = state == "received" or (
                state == "retrying" and (not run_after or run_after <= now)
            )
            if subject not in blocked and ready:
                queues.setdefault(subject, []).append(event_id)
            elif ready:
                held.append(event_id)
            else:
                blocked.add(subject)
        if held:
            self._set_state(held, "waiting")
        claimed = [event_id for queue in queues.values() for event_id in queue]
        if claimed:
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_event
                    SET state = 'processing', attempts = attempts + 1
                    WHERE id = ANY(%s) RETURNING id""",
                    claimed,
                )
            )
        self._forget()
        return list(queues.values())

    # -- running ----------------------------------------------------------------

    @api.model
    def _run_queues(self, queues):
        """Run ordered queues of events, one event of each subject at a time.

        Among the heads of all queues those of the lowest rank go first, all events of
        one type together; so patients are there before appointments, and bulk stays bulk.
        """
        started = time.monotonic()
        queues = [list(queue) for queue in queues]
        ids = [event_id for queue in queues for event_id in queue]
        events = self.env["healthcare.event"].browse(ids)
        run = Run()
        self._open_contents(events, run)
        rank = {event.id: (event.type_id.rank, event.type_id.id) for event in events}
        waiting = []
        while queues:
            lowest = min(rank[queue[0]] for queue in queues)
            group = [queue for queue in queues if rank[queue[0]] == lowest]
            heads = [queue[0] for queue in group if not run.failed(queue[0])]
            self._run_group(self.env["healthcare.event"].browse(heads), run)
            for queue in group:
                head = queue.pop(0)
                if run.failed(head):
                    waiting += queue
                    queue.clear()
            queues = [queue for queue in queues if queue]
        self._write_outcome(run, ids, waiting, started)
        return run

    @api.model
    def _open_contents(self, events, run):
        """Open all payloads at once; one that cannot be opened is retried alone."""
        try:
            events._contents()
        except KeyringError:
            for event in events:
                try:
                    event._contents()
                except KeyringError as error:
                    run.retried[event.id] = (
                        self.env._("The payload cannot be opened: %s", error.code),
                        None,
                    )

    @api.model
    def _run_group(self, events, run):
        """Run events of one type in a savepoint; split until a bad one stands alone."""
        if not events:
            return
        attempt = Run()
        try:
            with self.env.cr.savepoint():
                self._handle(events, attempt)
                self.env.flush_all()
        except psycopg2.Error as error:
            if error.pgcode in CONFLICTS or self.env.cr.closed:
                raise
            self._split(events, run, error)
        except ConcurrencyError:
            raise
        except Exception as error:  # whatever a workflow or Odoo raises ends here
            self._split(events, run, error)
        else:
            attempt.done = {i for i in events.ids if not attempt.failed(i)}
            run.merge(attempt)

    @api.model
    def _handle(self, events, attempt):
        """Call the workflow, company by company."""
        event_type = events.type_id
        workflow = self.env[event_type.workflow]
        by_company = {}
        for event in events:
            company = event.facility_id.company_id
            by_company[company] = by_company.get(company, events.browse()) | event
        for company, group in by_company.items():
            context = {
                "healthcare_run": attempt,
                "tracking_disable": True,
                "mail_create_nosubscribe": True,
                "mail_create_nolog": True,
                "mail_activity_automation_skip": True,
            }
            handler = workflow.with_context(**context)
            if company:
                handler = handler.with_company(company)
            getattr(handler, event_type._handler_name())(group.with_env(handler.env))

    @api.model
    def _split(self, events, run, error):
        self.env.invalidate_all(flush=False)
        if len(events) > 1:
            half = len(events) // 2
            self._run_group(events[:half], run)
            self._run_group(events[half:], run)
            return
        if isinstance(error, ParkError):
            run.parked[events.id] = error
        elif isinstance(error, UserError):
            run.parked[events.id] = ParkError(
                events.type_id.fallback_category,
                self._plain_message(events, error),
                None,
                None,
            )
        elif isinstance(error, TechnicalError):
            run.retried[events.id] = (str(error.detail), error.retry_after)
        else:
            _logger.error(
                "Event %s failed: %s at %s",
                events.uuid,
                type(error).__name__,
                _where(error),
            )
            run.retried[events.id] = (
                self.env._("Unexpected error (%s)", type(error).__name__),
                None,
            )

    @api.model
    def _plain_message(self, event, error):
        """Return Odoo's own words for a refusal, without what the payload said."""
        text = " ".join(str(error).split())[:500]
        return redaction.scrub(text, redaction.strings_of(event._content()))

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
        self._set_state(waiting, "waiting")
        for key in set(dependent.values()):
            self._set_state([i for i, k in dependent.items() if k == key], "waiting", key)
        self._write_links(run.links)
        self._write_log(events, run, dependent, waiting, exhausted, now, started)
        self._forget()
        self._write_exceptions(events, run, parked, exhausted)

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
        duration = (time.monotonic() - started) * 1000
        held = set(waiting) | set(dependent)
        rows = []
        for event in events:
            category = message = None
            if event.id in run.done:
                outcome = "stale" if event.id in run.stale else "done"
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
            """INSERT INTO healthcare_sync_log (event_id, operation, outcome, category,
            attempt, message, date, duration_ms, batch_size) VALUES %s""",
            rows,
            page_size=len(rows),
        )

    @api.model
    def _write_exceptions(self, events, run, parked, exhausted):
        exceptions = self.env["healthcare.exception"]
        issues = list(run.issues)
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
        fingerprints = run.resolved | {
            f"event/{event_id}" for event_id in run.done
        }
        gone = exceptions.search(
            [
                ("fingerprint", "in", list(fingerprints)),
                ("state", "in", ("open", "assigned")),
            ]
        )
        gone._close("resolved", "cause_gone")

    # -- letting go on ----------------------------------------------------------

    @api.model
    def _settle(self, run):
        """After a commit, in a fresh snapshot: let go on what was waiting.

        Both sides look after their own commit, so that an event parked for a patient
        and the patient that appears meanwhile in another shard cannot miss each other.
        """
        subjects = self._subjects_of(run.done)
        keys = run.announced | subjects
        self._release_causes(keys)
        self._release_subjects(subjects)
        self._recheck_causes({error.cause for error in run.parked.values() if error.cause})

    @api.model
    def _subjects_of(self, ids):
        if not ids:
            return set()
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT subject FROM healthcare_event WHERE id = ANY(%s)",
                list(ids))
        )
        return {row[0] for row in rows if row[0]}

    @api.model
    def _release_causes(self, keys):
        """Run again what was parked for these causes, or waits for these subjects."""
        if not keys:
            return
        keys = list(keys)
        self.env["healthcare.exception"].flush_model(["cause_key", "state"])
        rows = self.env.execute_query(
            SQL(
                """SELECT e.id, e.event_id, e.blocks_event FROM healthcare_exception e
                WHERE e.cause_key = ANY(%s) AND e.state IN ('open', 'assigned')""",
                keys,
            )
        )
        self._requeue([event_id for _id, event_id, blocks in rows if blocks])
        issues = [issue_id for issue_id, _event, blocks in rows if not blocks]
        if issues:
            self.env["healthcare.exception"].browse(issues)._recheck()
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM healthcare_event
                WHERE blocked_on = ANY(%s) AND state = 'waiting'""",
                keys,
            )
        )
        self._requeue([row[0] for row in rows])

    @api.model
    def _release_subjects(self, subjects):
        """Let go on what waited behind finished events of these subjects."""
        if not subjects:
            return
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM healthcare_event WHERE subject = ANY(%s)
                AND state = 'waiting' AND blocked_on IS NULL""",
                list(subjects),
            )
        )
        self._requeue([row[0] for row in rows])

    @api.model
    def _requeue(self, ids):
        """Set parked or waiting events ``received`` and wake their shards."""
        if not ids:
            return
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event
                SET state = 'received', run_after = NULL, blocked_on = NULL
                WHERE id = ANY(%s) AND state IN ('exception', 'waiting', 'retrying')
                AND rejected IS NOT TRUE RETURNING partition""",
                list(ids),
            )
        )
        self._forget()
        self._wake({row[0] for row in rows})

    @api.model
    def _discard(self, ids):
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'discarded', processed_at = %s
                WHERE id = ANY(%s) AND state IN ('exception', 'waiting', 'retrying')
                RETURNING subject""",
                fields.Datetime.now(),
                list(ids),
            )
        )
        self._forget()
        subjects = {row[0] for row in rows if row[0]}
        self._release_subjects(subjects)
        self._release_causes(subjects)

    @api.model
    def _recheck_causes(self, causes):
        """Release what was parked for a cause that exists after all."""
        present = self.env["healthcare.workflow"]._causes_present(causes)
        self._release_causes(present)

    @api.model
    def _cron_sweep(self):
        """The net below all wake-ups: find what could go on but was not told so.

        Wake-ups can be lost when a server dies between a commit and what follows it.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT cause_key FROM healthcare_exception
                WHERE cause_key IS NOT NULL AND state IN ('open', 'assigned')"""
            )
        )
        self._recheck_causes({row[0] for row in rows})
        rows = self.env.execute_query(
            SQL(
                """SELECT w.id FROM healthcare_event w WHERE w.state = 'waiting'
                AND NOT EXISTS (
                    SELECT 1 FROM healthcare_event b
                    WHERE b.subject = coalesce(w.blocked_on, w.subject)
                    AND b.state IN %s AND b.rejected IS NOT TRUE AND b.id != w.id
                    AND (w.blocked_on IS NOT NULL
                         OR (b.occurred_at, b.id) < (w.occurred_at, w.id)))""",
                UNFINISHED,
            )
        )
        self._requeue([row[0] for row in rows])
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT partition FROM healthcare_event
                WHERE state IN ('received', 'processing')
                OR (state = 'retrying' AND run_after <= %s)""",
                fields.Datetime.now(),
            )
        )
        if rows:
            self._wake({row[0] for row in rows})

    # -- helpers ----------------------------------------------------------------

    @api.model
    def _set_state(self, ids, state, blocked_on=None):
        if ids:
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_event SET state = %s, blocked_on = %s
                    WHERE id = ANY(%s) RETURNING id""",
                    state,
                    blocked_on,
                    list(ids),
                )
            )

    @api.model
    def _forget(self):
        self.env["healthcare.event"].invalidate_model(
            ["state", "attempts", "processed_at", "run_after", "blocked_on"]
        )


def _where(error):
    """Return ``file:line function`` of the innermost frames, without any value."""
    frames, trace = [], error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        name = code.co_filename.rsplit("/", 1)[-1]
        frames.append(f"{name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " < ".join(reversed(frames[-4:]))
