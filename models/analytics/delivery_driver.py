"""The delivery job: many targets at once, each in its own time."""

# The driver of a job commits: the batch before it is sent, the answer after it.
# pylint: disable=invalid-commit

import logging
import time
from concurrent import futures
from datetime import timedelta

import psycopg2

from odoo import api, models
from odoo.tools import SQL

from ...core import clock
from ...core.errors import KeyringError
from .delivery_run import REQUESTS, WRITERS, Ready, Run, Trip, go, write_ahead

_logger = logging.getLogger(__name__)

LOCK_CLASS = 0x4854  # advisory lock class of ours: "HT", with the target's id
BUDGET_SECONDS = 20
SOON_SECONDS = 10
LOOK_SECONDS = 0.25  # how often to look for new work while something is awaited
ATTEMPTS = 5
FACT_FAULTS = (ValueError, KeyError, TypeError, KeyringError)
#: What is wrong with one fact; all else is wrong with the keyring.
SEALED_BADLY = ("tampered", "unknown_key")


class HealthcareDelivery(models.Model):
    _inherit = "healthcare.delivery"

    @api.model
    def _cron_deliver(self):
        """Send what is waiting to all targets, until done or the time is up.

        Requests are made in threads, everything else here: a target that is slow to
        answer holds up nobody. A target is driven by one job at a time, under its
        advisory lock; other jobs, on this node or another, drive others.
        """
        run = Run(BUDGET_SECONDS, self._job_count())
        pool = futures.ThreadPoolExecutor(REQUESTS, "healthcare-deliver")
        writers = self._writers()
        try:
            while self._fill(run, pool) or run.in_hand() or self._await_probe(run):
                self._settle_answered(run, writers)
            self._wake_when_due(run)
            self.env.cr.commit()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            writers.shutdown(wait=False, cancel_futures=True)
            self.env.cr.rollback()
            self._unclaim(run, set(run.claimed))

    @api.model
    def _writers(self):
        """Return what writes batches ahead."""
        return futures.ThreadPoolExecutor(WRITERS, "healthcare-write")

    @api.model
    def _deliver_one(self, target):
        """Send one batch to one target at once; tell whether there may be more."""
        run = Run(target.timeout_seconds)
        with futures.ThreadPoolExecutor(1) as pool:
            if not self._fill_target(run, pool, target):
                return False
            ((future, trip),) = run.trips.items()
            done = self._settle(run, trip, *future.result())
        return done

    # -- claims -----------------------------------------------------------------

    @api.model
    def _claim(self, run, targets):
        """Take the targets that nobody else drives."""
        free, share, left = run.see(targets.ids)
        before = len(run.claimed)
        for ids, count in ((free, share), (left, len(left))):
            ids = [one for one in ids if one not in run.claimed]
            if ids and count:
                self.env.cr.execute(
                    """SELECT t FROM unnest(%s) AS t
                    WHERE pg_try_advisory_lock(%s, t) LIMIT %s""",
                    [ids, LOCK_CLASS, count],
                )
                run.claimed.update(row[0] for row in self.env.cr.fetchall())
        if len(run.claimed) > before:
            # What others wrote while they held them is seen from here on.
            self.env.cr.commit()

    @api.model
    def _unclaim(self, run, ids):
        if ids:
            self.env.cr.execute(
                "SELECT pg_advisory_unlock(%s, t) FROM unnest(%s) AS t",
                [LOCK_CLASS, list(ids)],
            )
            run.let_go(ids)

    @api.model
    def _with_work(self):
        """Return the targets that something waits for."""
        rows = self.env.execute_query(
            SQL(
                # one look into the index of what is pending for each target; a batch
                # whose job ended before it was put on record is open still
                """SELECT t.id FROM healthcare_target t
                WHERE t.active AND NOT coalesce(t.paused, false) AND ((
                    SELECT d.fact_id FROM healthcare_delivery d
                    WHERE d.target_id = t.id AND d.state = 'pending'
                    ORDER BY d.latency, d.fact_id LIMIT 1) IS NOT NULL
                    OR EXISTS (SELECT FROM healthcare_delivery_batch b
                        WHERE b.target_id = t.id AND b.state = 'open'))
                ORDER BY t.last_delivery_at NULLS FIRST, t.id"""
            )
        )
        return self.env["healthcare.target"].browse([row[0] for row in rows])

    # -- sending ----------------------------------------------------------------

    @api.model
    def _fill(self, run, pool):
        """Send a batch in every lane that is free; tell whether any was sent."""
        self.env.cr.commit()  # a new snapshot
        targets = self._with_work().filtered(lambda one: run.may_send(one.id))
        self._claim(run, targets)
        run.awaited.clear()
        sent = False
        for target in targets.filtered(lambda one: one.id in run.claimed):
            sent |= self._fill_target(run, pool, target)
        # Committed before others may take what is left alone.
        self.env.cr.commit()
        self._unclaim(run, run.claimed - run.in_hand())
        return sent

    @api.model
    def _fill_target(self, run, pool, target):
        target.invalidate_recordset()
        busy, sent = run.lanes_of(target.id), False
        for lane, lanes in self.env["healthcare.delivery.batch"]._lanes_of(target):
            if lane in busy or len(run.trips) >= REQUESTS or run.pause(target.id):
                continue
            if run.is_writing(target.id, lane):
                run.awaited.add(target.id)  # others need not wait with it
                continue
            if not target._may_send() or (
                (busy or sent) and target.breaker_state == "half_open"
            ):
                break
            trip, parcel = self._prepare(run, target, lane, lanes)
            if trip:
                run.trips[pool.submit(go, self.env.cr.dbname, trip, parcel)] = trip
                seconds = target._pause_after(len(trip.fact_ids))
                run.free_at[target.id] = time.monotonic() + seconds
                sent = True
        return sent

    @api.model
    def _prepare(self, run, target, lane, lanes):
        """Return a trip and what to send; nothing where nothing is to be sent."""
        ready = run.take_ready(target.id, lane)
        if ready and ready.stamp != self._stamp(target, lanes):
            ready = None
        batch = self.env["healthcare.delivery.batch"]._open_batch(
            target, lane, lanes, ready and ready.fact_ids
        )
        self.env.cr.commit()
        if not batch:
            return None, None
        started = time.monotonic()
        for _attempt in range(ATTEMPTS):
            try:
                return self._packed(target, batch, ready)
            except psycopg2.errors.SerializationFailure:
                self.env.cr.rollback()  # a surrogate was made beside us
            except KeyringError as error:
                self.env.cr.rollback()
                target._note_failure(str(error.detail))
                batch._note_failure(str(error.detail), started)
                self.env.cr.commit()
                break
        return None, None

    @api.model
    def _packed(self, target, batch, ready):
        """Return the trip of a batch and its parcel; nothing if none of it is left.

        :param ready: :class:`~.delivery_run.Ready` of what may be in it, or None
        :raise KeyringError: when there are no keys to open any
        """
        if ready and batch._is_of(ready.fact_ids):
            fact_ids, documents = ready.fact_ids, ready.contents
        else:
            fact_ids, documents = self._documents(target, batch)
        if not fact_ids and batch.state == "open":
            batch.state = "failed"  # nothing is left of it to be sent
        # Surrogates must be known here before they are known there.
        self.env.cr.commit()
        if not fact_ids:
            return None, None
        parcel = target._parcel(batch.uuid, documents)
        return Trip(target, batch, fact_ids), parcel

    @api.model
    def _stamp(self, target, lanes):
        """Return what a batch depends on, besides its facts."""
        rules = self.env["healthcare.policy"]._in_force(target.policy)
        classes = tuple(target._open_classes())
        return target.content, target.parallel, lanes, classes, rules

    @api.model
    def _look_ahead(self, run, writers):
        """Have what comes next written while a request is out.

        Nothing is promised by it: it becomes a batch when the one before was taken.
        """
        for trip in run.trips.values():
            if not trip.looked_ahead and not run.is_over():
                trip.looked_ahead = True
                key = trip.target_id, trip.lane
                run.ready[key] = writers.submit(write_ahead, self.env, trip)

    @api.model
    def _write_ahead(self, trip):
        """Return what comes after a trip, written, where a full batch of it waits."""
        target = self.env["healthcare.target"].browse(trip.target_id).exists()
        if target.content != "facts":
            return None
        batches = self.env["healthcare.delivery.batch"]
        stamp = self._stamp(target, trip.lanes)
        limit = min(target._size(), trip.limit * 2)
        ids = batches._choose(target, trip.lane, trip.lanes, limit, trip.fact_ids)
        if not ids or len(ids) < limit:
            return None
        try:
            contents = target._written(self.env["healthcare.fact"].browse(ids))
        except FACT_FAULTS:
            return None  # told of when its turn comes
        if len(contents) != len(ids):
            return None  # one is gone, and answers go by position
        return Ready(ids, contents, stamp)

    @api.model
    def _documents(self, target, batch):
        """Return ids of facts and the documents they are told by.

        A fact that cannot be told is set aside alone.

        :raise KeyringError: when there are no keys to open any
        """
        records = batch._facts()
        try:
            documents = target._written(records)
            if target.content == "facts" and len(documents) != len(records):
                records = records.exists()  # answers go by position
            return records.ids, documents
        except FACT_FAULTS:
            self.env.cr.rollback()
        documents, ids, faults = [], [], {}
        for fact in records:
            try:
                documents += target._written(fact)
                ids.append(fact.id)
            except KeyringError as error:
                if error.code not in SEALED_BADLY:
                    raise
                faults[fact.id] = self.env._("it cannot be opened")
            except FACT_FAULTS as error:
                _logger.warning("fact %s: %s", fact.fact_id, type(error).__name__)
                faults[fact.id] = self.env._("it cannot be written")
        if faults:
            self._park(batch, faults)
            batch.write(
                {
                    "fact_count": len(ids),
                    "facts": ids,
                    "refused_count": len(faults),
                    "state": "open" if ids else "failed",
                }
            )
        return ids, documents

    # -- answers ----------------------------------------------------------------

    @api.model
    def _settle_answered(self, run, writers):
        """Wait a moment for answers and put those that came on record."""
        self._look_ahead(run, writers)
        done, _waiting = futures.wait(
            [*run.trips, *run.writing()],
            timeout=LOOK_SECONDS,
            return_when=futures.FIRST_COMPLETED,
        )
        for future in done & run.trips.keys():
            self._settle(run, run.trips.pop(future), *future.result())

    @api.model
    def _settle(self, run, trip, answer, marked):
        """Put an answer on record; tell whether the target goes on.

        Begins again when somebody changed the target meanwhile.

        :param marked: how many of its deliveries have it on record already
        """
        self.env.cr.commit()  # a snapshot that has what was marked
        if answer.kind != "taken" or answer.refused or answer.again:
            run.ready.pop((trip.target_id, trip.lane), None)
        for _attempt in range(ATTEMPTS):
            try:
                goes_on = self._settle_once(run, trip, answer, marked)
                self.env.cr.commit()
                return goes_on
            except psycopg2.errors.SerializationFailure:
                self.env.cr.rollback()
        return True  # it goes out again as it was

    @api.model
    def _settle_once(self, run, trip, answer, marked):
        target = self.env["healthcare.target"].browse(trip.target_id)
        batch = self.env["healthcare.delivery.batch"].browse(trip.batch_id)
        if not batch.exists() or batch.state != "open":
            return True  # given up while it was on its way
        if answer.kind == "taken":
            refused = {trip.fact_ids[at]: why for at, why in answer.refused}
            again = [trip.fact_ids[at] for at in answer.again]
            count = batch._note_taken(
                answer.status, trip.started, refused, again, marked
            )
            if count:
                target._note_success(count)
            if again:
                run.free_at[target.id] = time.monotonic() + 1.0
            if run.pause(target.id) > 1:
                target._rest(run.pause(target.id))
            return True
        if answer.kind in ("refused", "too_large"):
            if answer.kind == "too_large" and len(trip.fact_ids) > 1:
                target.fits = len(trip.fact_ids) // 2
            found = batch._note_refused(answer, trip.fact_ids, trip.started)
            if not found or not target._is_unproven():
                return True
        else:
            batch._note_failure(answer.reason, trip.started)
        target._note_failure(
            answer.reason, answer.retry_after, refused=answer.kind != "later"
        )
        return False

    # -- waiting ----------------------------------------------------------------

    @api.model
    def _await_probe(self, run):
        """Wait a moment if a target may be tried again soon; tell whether.

        A wake-up at a set time is noticed at the next poll, up to a minute late.
        """
        now = clock.utc_now()
        waits = [(due - now).total_seconds() for due in self._dues() if due > now]
        waits += [run.pause(one) for one in run.free_at if run.pause(one)]
        waits += run.left_in() if run.jobs > 1 else []
        wait = min(waits, default=SOON_SECONDS)
        self.env.cr.commit()
        if wait >= min(SOON_SECONDS, run.end - time.monotonic()):
            return False
        time.sleep(max(0.01, min(wait, LOOK_SECONDS)))
        return True

    @api.model
    def _dues(self):
        """Return when targets that something waits for may get it."""
        return [due for target in self._with_work() if (due := target._due_at())]

    @api.model
    def _wake_when_due(self, run):
        """Have the job run when the next target is due; it runs every minute anyway."""
        now = clock.utc_now()
        dues = self._dues()
        if run.is_over() and any(due <= now for due in dues):
            self._wake()
            return
        soon = [due for due in dues if now < due < now + timedelta(minutes=1)]
        if soon:
            for job in self._jobs():
                job._trigger(at=min(soon) + timedelta(seconds=1))
