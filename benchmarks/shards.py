"""Processing with 1, 2 and 4 shards, by one Odoo process and by two.

Registrations, bookings, confirmations and completed services, all stored at once; the
clock runs from the moment they are committed until the last invoice is posted. Each
case on a database of its own.
"""

import os
import time

from dev.common import say
from dev.server import Server

from . import _shared

JOURNEYS = int(os.environ.get("HEALTHCARE_STORED", "150"))
CASES = [(shards, servers) for servers in (1, 2) for shards in (1, 2, 4)]
STEPS = 4  # of a journey: what follows waits for people and payers
PATIENCE = 600

PREPARE = """
from benchmarks import journey
env["ir.config_parameter"].set_param("healthcare_connector.shards", str(SHARDS))
env["healthcare.engine"]._sync_shards()
journey.World(env)
env.cr.commit()
"""

STORE = """
import json, time
from benchmarks import _shared, journey
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents
source = env["healthcare.source"].search([("code", "=", "demo-access")])
numbers = _shared.fresh_numbers(JOURNEYS)
for events in list(zip(*map(journey.steps, numbers), strict=True))[:STEPS]:
    body = strict_json.dumps(list(events))
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    env["healthcare.intake"]._receive(source, items)
env.cr.commit()
print(json.dumps(time.time()))
"""

DONE = """
SELECT count(*), extract(epoch FROM max(processed_at) AT TIME ZONE 'UTC')
  FROM healthcare_event WHERE state = 'done'"""


def main(dev):
    rows, first = [], None
    for shards, servers in CASES:
        rate = _one(dev, shards, servers)
        first = first or rate
        words = "one process" if servers == 1 else f"{servers} processes"
        what = f"{shards} shard{'s' * (shards > 1)}, {words}"
        say(f"{what}: {rate:.1f} events/s")
        rows.append((what, rate, "events/s", ""))
        if rate != first:
            rows.append((f"{what}, over the first", rate / first, "×", ""))
    return rows


def _one(dev, shards, servers):
    database = _shared.clone(dev, f"shards_{shards}_{servers}")
    head = f"SHARDS, JOURNEYS, STEPS = {shards}, {JOURNEYS}, {STEPS}\n"
    running = [
        Server(dev, database, cron_threads=shards + 1, node=f"-{number}")
        for number in range(servers)
    ]
    try:
        _shared.script(dev, database, head + PREPARE)
        for server in running:
            server.start()
        time.sleep(8)  # jobs that are due are done
        started = float(_shared.script(dev, database, head + STORE))
        return _rate(dev, database, started)
    finally:
        for server in running:
            server.stop()
        dev.cluster.drop(database)


def _rate(dev, database, started):
    wanted = JOURNEYS * STEPS
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        [[done, ended]] = dev.cluster.psql(database, DONE)
        if int(done) == wanted:
            return wanted / (float(ended) - started)
        time.sleep(0.5)
    raise RuntimeError(f"{done} of {wanted} events are done")
