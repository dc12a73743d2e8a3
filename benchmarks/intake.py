"""Taking events in over HTTP, against a route that does nothing."""

import time

from . import _shared


def main(dev):
    # No cron threads: only intake is measured here.
    with _shared.running(dev, "intake", cron_threads=0) as (_server, events, _rpc):
        single, batch, nothing = [], [], []
        for _round in range(5):
            nothing.append(_rate(lambda: _nothing(events), 100, 1))
            single.append(_rate(lambda: _single(events), 100, 1))
            batch.append(_rate(lambda: _batch(events, 500), 4, 500))
    single, batch, nothing = map(_shared.median, (single, batch, nothing))
    return [
        ("route that does nothing", nothing, "requests/s", ""),
        ("single events", single, "events/s", ""),
        ("single events, cost in empty requests", nothing / single, "×", ""),
        ("batches of 500", batch, "events/s", ""),
        ("batches of 500, events per empty request", batch / nothing, "×", ""),
    ]


def _rate(call, times, events):
    start = time.perf_counter()
    for _time in range(times):
        call()
    return times * events / (time.perf_counter() - start)


def _nothing(connection):
    connection.call("GET", "/healthcare/health/live")


def _single(connection):
    connection.post_events([_shared.registration(_shared.fresh_numbers(1)[0])])


def _batch(connection, size):
    connection.post_events(
        [_shared.registration(number) for number in _shared.fresh_numbers(size)]
    )
