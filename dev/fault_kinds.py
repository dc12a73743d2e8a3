"""What can break: each fault is a function of the running world, drawn from a seed."""

import os
import random
import signal
import threading
import time

from .common import DevError

STORM = 8  # connections that send the same at the same moment
#: server processes that hold the locks of processing while events are being processed
PROCESSING = """
SELECT DISTINCT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.classid = 18499 AND a.datname = current_database()
   AND EXISTS (SELECT 1 FROM healthcare_event WHERE state = 'processing')"""
SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid != pg_backend_pid()
   AND application_name LIKE 'odoo-%' AND random() < 0.7"""


def plan(seed, seconds, gap):
    """Return ``[(seconds after the start, name)]``: every kind, again and again.

    :param gap: mean seconds between two faults
    """
    rng = random.Random(f"{seed} plan")
    found, at = [], 0.0
    while True:
        names = list(KINDS)
        rng.shuffle(names)
        for name in names:
            at += rng.uniform(0.5, 1.5) * gap
            if at >= seconds:
                return found
            found.append((at, name))


def odoo_killed(world, rng):
    """``kill -9`` of an Odoo process and its workers; something starts it again."""
    number = rng.randrange(len(world.servers))
    world.kill(number, down=rng.uniform(0, 3))
    return {"server": number}


def processing_killed(world, rng):
    """``kill -9`` of the process that is processing events, in the middle of it."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        names = [row[0] for row in world.psql(PROCESSING)]
        names = [name for name in names if name.startswith("odoo-")]
        if names:
            time.sleep(rng.uniform(0, 0.3))
            process = int(rng.choice(sorted(names)).removeprefix("odoo-"))
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                return {"process": "had ended"}
            return {"process": "killed"}
        time.sleep(0.05)
    return {"process": "none was processing"}


def intake_killed(world, rng):
    """``kill -9`` of a server in the middle of a large batch that comes in."""
    number = rng.randrange(len(world.servers))
    events = world.senders.waves.next(world.large)
    world.background(world.senders.submit, events, random.Random(rng.random()), number)
    time.sleep(rng.uniform(0.02, 0.3))
    world.kill(number, down=rng.uniform(0, 2))
    return {"server": number, "events": len(events)}


def database_crashed(world, rng):
    """PostgreSQL ends without a checkpoint and recovers from its log."""
    world.cluster.restart("immediate")
    return {}


def sessions_cut(world, rng):
    """Connections to the database are cut, in the middle of whatever they do."""
    return {"sessions": len(world.psql(SESSIONS))}


def target_down(world, rng):
    """Nobody listens where facts are delivered to."""
    seconds = rng.uniform(2, 6)
    world.receiver.stop()
    time.sleep(seconds)
    world.receiver.start()
    return {"seconds": round(seconds, 1)}


def target_faulty(world, rng):
    """The target stores and answers 500, refuses, is slow, or hangs up."""
    how = rng.choice(("lost", "lost", "500", "429", "slow", "drop"))
    times = rng.randint(1, 3)
    world.receiver.fail(how, times)
    return {"how": how, "times": times}


def duplicate_storm(world, rng):
    """What was answered before comes again, by many connections at once."""
    answered = list(world.senders.answered)
    if not answered:
        return {"events": 0}
    events = rng.choice(answered[-40:])
    start = threading.Barrier(STORM)

    def send(seed):
        start.wait()
        world.senders.submit(events, random.Random(seed))

    for _number in range(STORM):
        world.background(send, rng.random())
    return {"events": len(events) * STORM}


KINDS = {
    function.__name__.replace("_", " "): function
    for function in (
        odoo_killed,
        processing_killed,
        intake_killed,
        database_crashed,
        sessions_cut,
        target_down,
        target_faulty,
        duplicate_storm,
    )
}


class Faults(threading.Thread):
    """Breaks things as planned, and writes each into the ledger.

    :param world: :class:`~.faults.World`
    :param seed: of the plan and of what each fault draws
    """

    def __init__(self, world, seed, seconds, gap):
        super().__init__(name="faults", daemon=True)
        self.world, self.seed = world, seed
        self.plan = plan(seed, seconds, gap)
        self.counts = dict.fromkeys(KINDS, 0)
        self.failure = None

    def run(self):
        started = time.monotonic()
        try:
            for number, (at, name) in enumerate(self.plan):
                time.sleep(max(0, started + at - time.monotonic()))
                self._break(name, random.Random(f"{self.seed} {number}"))
        except Exception as error:  # the run ends with it
            self.failure = error

    def _break(self, name, rng):
        try:
            told = KINDS[name](self.world, rng)
        except DevError:  # the database was away: psql could not ask
            told = {"missed": True}
        else:
            self.counts[name] += 1
        self.world.ledger.note(fault=name, **told)
