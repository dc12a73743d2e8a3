"""From POST to document and to delivered fact, at 20 events a second."""

import tempfile
import time

from core.delivery import receipts
from dev.receiver import Receiver

from . import _shared

RATE, SECONDS = 20, 30

TARGET = """
env["healthcare.target"].create({{"name": "Bench", "url": {url!r}}})
env.cr.commit()
"""

READ = f"""
SELECT extract(epoch FROM e.processed_at - e.received_at),
       extract(epoch FROM b.delivered_at - e.received_at)
  FROM healthcare_event e
  JOIN healthcare_fact f ON f.event_id = e.id
  JOIN healthcare_delivery_batch b ON {receipts.RECEIPT}
 WHERE e.external_id LIKE 'bench-%'
"""


def main(dev):
    with tempfile.TemporaryDirectory() as folder:
        receiver = Receiver(directory=folder)
        receiver.start()
        try:
            return _measure(dev, receiver)
        finally:
            receiver.stop()


def _measure(dev, receiver):
    with _shared.running(dev, "latency", cron_threads=4) as (server, events, _rpc):
        dev.script(server.database, TARGET.format(url=receiver.url))
        numbers = _shared.fresh_numbers(RATE * SECONDS)
        start = time.monotonic()
        for position, number in enumerate(numbers):
            time.sleep(max(0, start + position / RATE - time.monotonic()))
            events.post_events([_shared.registration(number)])
        rows = _wait_for(dev, server.database, len(numbers))
    documents = [float(row[0]) for row in rows]
    facts = [float(row[1]) for row in rows]
    return [
        ("POST to document, p50", _shared.percentile(documents, 0.5), "s", ""),
        ("POST to document, p95", _shared.percentile(documents, 0.95), "s", ""),
        ("POST to delivered fact, p50", _shared.percentile(facts, 0.5), "s", ""),
        (
            "POST to delivered fact, p95",
            _shared.percentile(facts, 0.95),
            "s",
            "under 3",
        ),
    ]


def _wait_for(dev, database, count, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = dev.cluster.psql(database, READ)
        if len(rows) >= count:
            return rows
        time.sleep(1)
    raise RuntimeError("not every fact was delivered")
