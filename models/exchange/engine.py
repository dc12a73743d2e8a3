"""The processing engine: claims events, keeps their order, runs workflows in bulk.

Odoo's own ``ir.cron`` jobs drive it, one per shard, on as many nodes as share the
database. A shard works on partitions; a session-level advisory lock per partition
makes sure that one worker at a time handles a subject, and tells at once when a worker
has died: the lock goes with its connection, and events it left in ``processing`` are
picked up by whoever holds the partition next.
"""

# The driver of a job commits: claims, documents and releases, in that order.
# pylint: disable=invalid-commit
import contextlib
import logging
import random
import time

import psycopg2
from psycopg2 import errorcodes

from odoo import api, models, tools
from odoo.exceptions import ConcurrencyError, UserError
from odoo.tools import SQL

from ...core import clock
from ...core.errors import KeyringError, ParkError, TechnicalError
from ...core.protection import redaction
from .event import UNFINISHED
from .ordering import PARTITIONS

_logger = logging.getLogger(__name__)

LOCK_CLASS = 0x4843  # advisory lock class of ours: "HC"
BATCH_EVENTS = 400
FEW_AFTER = 2  # ends of their worker after which events are suspects
BUDGET_SECONDS = 20
SOON_SECONDS = 5
CONFLICT_TRIES = 6
CONFLICTS = (
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.LOCK_NOT_AVAILABLE,
)


class Run:
    """What workflows said while a group of events ran; merged when it succeeded."""

    def __init__(self, again_on_violation=False):
        # A unique violation may come from another worker writing the same thing.
        self.again_on_violation = again_on_violation
        self.parked = {}  # event id -> ParkError
        self.park_values = {}  # event id -> further exception fields
        self.issues = {}  # fingerprint -> exception that holds nothing back
        self.resolved = set()  # fingerprints of exceptions to close
        self.stale = set()  # event ids older than what is known
        self.links = set()  # (event id, model, document id)
        self.announced = set()  # keys others may wait for
        self.retried = {}  # event id -> (message, retry_after or None)
        self.done = set()

    def merge(self, other):
        self.parked.update(other.parked)
        self.park_values.update(other.park_values)
        # What was said last counts: raised again after it was resolved, or solved.
        self.resolved = (self.resolved - other.issues.keys()) | other.resolved
        self.issues = {
            fingerprint: issue
            for fingerprint, issue in self.issues.items()
            if fingerprint not in other.resolved
        } | other.issues
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
        self._shard_jobs(frozenset(numbers))._healthcare_wake()

    @api.model
    def _shard_jobs(self, numbers):
        # Stands in for the system: whoever brings an event may start its processing.
        jobs = self.env["ir.cron"].sudo()
        return jobs.browse(self._shard_job_ids(numbers))

    @api.model
    @tools.ormcache("numbers")
    def _shard_job_ids(self, numbers):
        jobs = self.env["ir.cron"].sudo()  # as above
        return jobs.search([("healthcare_shard", "in", list(numbers))])._ids

    # -- driving ----------------------------------------------------------------

    @api.model
    def _cron_process(self, shard):
        """Work on one shard until nothing is left or the time is up.

        :return: False when another one works on it, else True
        """
        count = self._shard_count()
        wanted = [p for p in range(PARTITIONS) if p % count == shard - 1]
        end = time.monotonic() + BUDGET_SECONDS
        with self._partitions_held(wanted) as held:
            if not held:
                return False
            self._recover(held)
            self.env.cr.commit()
            while time.monotonic() < end:
                if not self._process_some(held) and not self._await_retry(held):
                    break
            else:
                # A job that stops with work left would sleep up to a minute.
                self._wake(held)
        return True

    @api.model
    def _await_retry(self, partitions):
        """Sleep until the next retry if it is due soon; tell whether it is.

        A wake-up at a set time is noticed at the next poll, up to a minute late.
        """
        ((due,),) = self.env.execute_query(
            SQL(
                """SELECT min(run_after) FROM healthcare_event
                WHERE state = 'retrying' AND partition = ANY(%s) AND NOT %s""",
                partitions,
                self.env["healthcare.pause"]._holding(),
            )
        )
        self.env.cr.commit()
        seconds = (due - clock.utc_now()).total_seconds() if due else None
        if seconds is None or not -1 <= seconds <= SOON_SECONDS:
            return False
        time.sleep(max(seconds, 0) + 0.01)
        return True

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
                        "SELECT pg_advisory_unlock(%s, p) FROM unnest(%s::int[]) AS p",
                        [LOCK_CLASS, held],
                    )
                    cr.commit()

    @api.model
    def _process_some(self, partitions):
        """Claim and process one batch; return how many events were claimed.

        Commits: the claim first, so that an event that kills its worker is counted,
        then the documents with the states of their events, then what they release.
        """
        queues = self._committed(lambda _attempt: self._claim(partitions))
        if not queues:
            return 0
        ids = [event_id for queue in queues for event_id in queue]
        with self._turn(ids):
            try:
                run = self._committed(
                    # In the last tries a repeated violation is some event's own fault.
                    lambda attempt: self._run_queues(
                        queues, attempt < CONFLICT_TRIES - 2
                    )
                )
            except ConcurrencyError:
                run = self._committed(lambda _attempt: self._postpone(ids))
            self._committed(lambda _attempt: self._settle(run))
        return len(ids)

    @api.model
    def _committed(self, work):
        """Do some work and commit it; begin again when other work got in the way.

        Another shard may touch the same stock, journal or document at the same moment.

        :param work: function of the number of the attempt, from 0
        :raise ConcurrencyError: when it did not succeed in some attempts
        """
        for attempt in range(CONFLICT_TRIES):
            try:
                result = work(attempt)
                self.env.cr.commit()
                return result
            except (psycopg2.Error, ConcurrencyError) as error:
                self.env.cr.rollback()
                code = getattr(error, "pgcode", None)
                if isinstance(error, psycopg2.Error) and code not in (
                    *CONFLICTS,
                    errorcodes.UNIQUE_VIOLATION,
                ):
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # nosec B311 # no secret: it spreads retries
        raise ConcurrencyError(self.env._("Too many conflicts with other work"))

    @api.model
    def _postpone(self, ids):
        """Try all events of a batch again later."""
        run = Run()
        message = self.env._("Too many conflicts with other work")
        run.retried = {event_id: (message, None) for event_id in ids}
        self._write_outcome(run, ids, [], time.monotonic())
        return run

    # -- claiming ---------------------------------------------------------------

    @api.model
    def _claim(self, partitions, limit=BATCH_EVENTS):
        """Claim ready events; return them as one ordered list of ids per subject.

        Within a subject everything that is ready up to the first event that is not
        (parked, paused, waiting for a dependency, due later) is taken; what stands
        behind such an event is set ``waiting``. An event that misses what a later one
        of its own subject brings holds nothing back.
        """
        now = clock.utc_now()
        paused = self.env["healthcare.pause"]._holding()
        candidates, suspects = self._candidates(partitions, now, limit, paused)
        if not candidates:
            return []
        rows = self.env.execute_query(
            SQL(
                """SELECT id, subject, state, run_after,
                    (id != ALL(%s::int[]) AND interruptions >= %s) OR %s
                FROM healthcare_event WHERE subject = ANY(%s) AND state IN %s
                AND rejected IS NOT TRUE
                AND (state != 'exception' OR blocked_on IS DISTINCT FROM subject)
                ORDER BY subject, occurred_at, id""",
                suspects,
                FEW_AFTER,
                paused,
                list({subject for _id, subject in candidates}),
                UNFINISHED,
            )
        )
        queues, held, blocked = {}, [], set()
        for event_id, subject, state, run_after, not_now in rows:
            ready = not not_now and (
                state == "received"
                or (state == "retrying" and (not run_after or run_after <= now))
            )
            if subject not in blocked and ready:
                queues.setdefault(subject, []).append(event_id)
            elif ready:
                held.append(event_id)
            else:
                blocked.add(subject)
        queues = self._only(suspects, queues)
        if held:
            self._hold(held)
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
        if held and not claimed:
            return self._claim(partitions, limit)  # others may be ready
        return list(queues.values())

    @api.model
    def _hold(self, ids):
        """Have events wait behind others of their subject."""
        self._set_state(ids, "waiting")
        self._forget()
        self._close_own(ids)

    # -- running ----------------------------------------------------------------

    @api.model
    def _run_queues(self, queues, again_on_violation=False):
        """Run ordered queues of events, one event of each subject at a time.

        Among the heads of all queues those of the lowest rank go first, all events of
        one type together: patients are there before appointments, bulk stays bulk.

        :param again_on_violation: let a unique violation end the whole batch, to be run
            again in a fresh snapshot
        """
        started = time.monotonic()
        queues = [list(queue) for queue in queues]
        ids = [event_id for queue in queues for event_id in queue]
        events = self.env["healthcare.event"].browse(ids)
        run = Run(again_on_violation)
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
                if run.failed(head) and not self._misses_own(head, run):
                    waiting += queue
                    queue.clear()
            queues = [queue for queue in queues if queue]
        self._write_outcome(run, ids, waiting, started)
        return run

    @api.model
    def _misses_own(self, event_id, run):
        """Return whether an event misses what only its own subject can bring.

        Such as a service told of with a time before that of its own booking.
        """
        error = run.parked.get(event_id)
        event = self.env["healthcare.event"].browse(event_id)
        return bool(
            error
            and error.category == "missing_dependency"
            and error.cause == event.subject
        )

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
            violation = error.pgcode == errorcodes.UNIQUE_VIOLATION
            if error.pgcode in CONFLICTS or (violation and run.again_on_violation):
                raise
            if self.env.cr.closed:
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
                handler = company._healthcare_in_language(handler.with_company(company))
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
