"""What one turn of the delivery job knows, and what its threads do."""

import contextlib
import time

import psycopg2

from odoo.sql_db import PoolError
from odoo.tools import SQL

from ...core.bulk import as_array
from ...core.delivery import parcel as parcels
from ..exchange.aside import aside

#: Requests that one job has on their way at most, and targets it claims.
REQUESTS = 16
WRITERS = 2  # threads of a job that write what comes next
SHARE_SECONDS = 1.0  # how long a job leaves to others what is more than its share


def go(database, trip, parcel):
    """Send a parcel; when all of it was taken, take its facts off the queue at once.

    In any thread, on a connection of its own: the job writes the next batch meanwhile,
    and this takes as long as that. When it cannot be done here, because somebody holds
    one of the rows, the job does it with the rest of the record. Should the job end in
    between, the batch is still open and goes out again under its old key.

    :return: the :class:`~...core.delivery.dialects.Answer`, and how many are off
    """
    answer, taken = parcels.send(parcel), 0
    if answer.kind == "taken" and not answer.refused and not answer.again:
        with contextlib.suppress(psycopg2.Error, PoolError), aside(database) as cr:
            cr.execute("SET lock_timeout = '1s'")
            cr.execute(taking(trip.target_id, trip.fact_ids))
            taken = cr.rowcount
    return answer, taken


def taking(target_id, fact_ids):
    """Return the SQL that takes facts off the queue which a target has taken.

    They are found by their numbers, whatever the statistics of the queue say: as often
    as not these were gathered while it was empty, and then PostgreSQL would rather read
    all that is pending, for every batch. So the condition is none that the index of
    what is pending could answer.
    """
    return SQL(
        """DELETE FROM healthcare_delivery
        WHERE target_id = %s AND fact_id = ANY(%s::int[]) AND state || '' = 'pending'
        """,
        target_id,
        as_array(fact_ids),
    )


class Trip:
    """A batch on its way: what has to be remembered until the answer."""

    def __init__(self, target, batch, fact_ids):
        self.target_id, self.batch_id = target.id, batch.id
        self.lane, self.lanes, self.limit = batch.lane, batch.lanes, batch.limit_count
        self.fact_ids = fact_ids
        self.looked_ahead = False
        self.started = time.monotonic()


class Ready:
    """A batch to come, written while the one before it is on its way.

    ``stamp`` is what it was written by: when it is another one, all is done anew.
    """

    def __init__(self, fact_ids, contents, stamp):
        self.fact_ids, self.contents, self.stamp = fact_ids, contents, stamp


def write_ahead(env, trip):
    """Write what comes after a batch; in a thread, on a connection of its own.

    :return: :class:`Ready`; None where it is left to the job
    """
    with contextlib.suppress(psycopg2.Error, PoolError), aside(env.cr.dbname) as cr:
        return env(cr=cr)["healthcare.delivery"]._write_ahead(trip)
    return None


class Run:
    """What one turn of the job knows: its claims, what is on its way, rates."""

    def __init__(self, seconds, jobs=1):
        self.end = time.monotonic() + seconds
        self.jobs = jobs
        self.claimed = set()  # ids of targets
        self.seen = {}  # target id -> when it was first found to have work
        self.trips = {}  # future -> trip
        self.ready = {}  # (target id, lane) -> future of what comes next
        self.awaited = set()  # ids of targets passed over while it was written
        self.free_at = {}  # target id -> monotonic time of its next request

    def is_over(self):
        return time.monotonic() >= self.end

    def may_send(self, target_id):
        """Past its time a job serves others only while it waits for a slow one."""
        if not self.is_over():
            return True
        return target_id not in self.on_their_way() and any(
            trip.started < self.end for trip in self.trips.values()
        )

    def see(self, ids):
        """Note which targets have work, the most urgent first.

        With other jobs beside it a job takes its share at once, and more only when
        nobody else has taken it for a while.

        :return: ids of targets it may claim, how many of them, and all it may claim
            however many
        """
        now = time.monotonic()
        self.seen = {one: self.seen.get(one, now) for one in ids}
        free = [one for one in ids if one not in self.claimed]
        room = REQUESTS - len(self.claimed)
        if self.jobs == 1:
            return [], 0, free[:room]
        share = -(-len(ids) // self.jobs) - len(self.claimed)
        left = [one for one in free if now - self.seen[one] >= SHARE_SECONDS]
        return free, max(0, min(share, room)), left[:room]

    def take_ready(self, target_id, lane):
        """Return the :class:`Ready` of a lane, or None; it is nobody's afterwards.

        What no thread has begun to write is not waited for.
        """
        future = self.ready.pop((target_id, lane), None)
        return None if future is None or future.cancel() else future.result()

    def writing(self):
        """Return the futures of what is being written now."""
        return [future for future in self.ready.values() if future.running()]

    def is_writing(self, target_id, lane):
        future = self.ready.get((target_id, lane))
        return future is not None and future.running()

    def let_go(self, target_ids):
        """Forget targets that others may take: what was written may be theirs then."""
        self.claimed -= target_ids
        for key in [key for key in self.ready if key[0] in target_ids]:
            self.ready.pop(key).cancel()

    def left_in(self):
        """Return the seconds until targets that others should have taken are ours."""
        now = time.monotonic()
        others = [since for one, since in self.seen.items() if one not in self.claimed]
        return [left for since in others if (left := since + SHARE_SECONDS - now) > 0]

    def on_their_way(self):
        return {trip.target_id for trip in self.trips.values()}

    def in_hand(self):
        """Return the targets that are sent to, or that what they get is written for."""
        return self.on_their_way() | self.awaited

    def lanes_of(self, target_id):
        return {t.lane for t in self.trips.values() if t.target_id == target_id}

    def pause(self, target_id):
        """Return the seconds its rate still keeps a target from its next request."""
        return max(0.0, self.free_at.get(target_id, 0.0) - time.monotonic())
