"""Memory of a server that takes in and processes 200,000 events.

Runs only when it is named (``dev/bench soak``). Registrations and their updates over
HTTP in batches of 500; ``HEALTHCARE_SOAK`` sets another number of events. Resident
memory is sampled as the server works; what counts is the last tenth against the second
one, when caches are full.
"""

import os
import statistics
import time

from dev.common import say

from . import _shared

EVENTS = int(os.environ.get("HEALTHCARE_SOAK", "200000"))
BATCH, MOST = 500, 4000  # events in a request, and to be processed
PATIENCE = 180  # seconds for the rest
ALONE = True

WAITING = (
    "SELECT count(*) FROM healthcare_event WHERE state IN ('received', 'retrying')"
)
DONE = "SELECT count(*) FROM healthcare_event WHERE state = 'done'"


def main(dev):
    with _shared.running(dev, "soak", cron_threads=3) as (server, events, _rpc):
        samples, sent, started = [], 0, time.monotonic()
        while sent < EVENTS:
            while _count(dev, server, WAITING) > MOST:
                time.sleep(0.5)
            events.post_events(_some(BATCH))
            sent += BATCH
            samples.append(_resident(server.process.pid))
            if sent % (EVENTS // 10) < BATCH:
                say(f"{sent:,} events, {samples[-1]:.0f} MB")
        deadline = time.monotonic() + PATIENCE
        while (done := _count(dev, server, DONE)) < sent:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{done} of {sent} events are done")
            time.sleep(0.5)
        samples.append(_resident(server.process.pid))
        seconds = time.monotonic() - started
    tenth = max(len(samples) // 10, 1)
    early = statistics.median(samples[tenth : 2 * tenth])
    late = statistics.median(samples[-tenth:])
    return [
        ("events taken in and processed", sent, "events", ""),
        ("rate", sent / seconds, "events/s", ""),
        ("resident memory, second tenth", early, "MB", ""),
        ("resident memory, last tenth", late, "MB", ""),
        ("last over second tenth", late / early, "×", "at most 1.1"),
        ("most at any time", max(samples), "MB", ""),
    ]


def _some(count):
    """Return registrations of fresh patients, and as many updates of them."""
    found = []
    for number in _shared.fresh_numbers(count // 2):
        first = _shared.registration(number)
        later = _shared.registration(number, "2026-03-03")
        later["id"] += "-moved"
        later["type"] = later["type"].replace("created", "updated")
        later["data"]["patient"]["address"]["lines"] = ["2 Main Street"]
        found += [first, later]
    return found


def _count(dev, server, query):
    return int(dev.cluster.psql(server.database, query)[0][0])


def _resident(pid):
    """Return megabytes of resident memory of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
