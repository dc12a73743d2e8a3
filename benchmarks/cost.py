"""What an event costs in a database of 10,000, of 100,000 and of 1,000,000 events.

Registrations and completed services are taken in and processed, to posted invoices, in
turns in all databases, so that what else the machine does falls on all alike.
``HEALTHCARE_VOLUME`` sets another largest number than 1,000,000.
"""

import json
import os
import statistics

from dev.common import say

from . import _shared
from .volume import FILL, LARGE

SIZES = [size for size in (10_000, 100_000) if size < LARGE] + [LARGE]
ROUNDS, SIZE = int(os.environ.get("HEALTHCARE_COST_ROUNDS", "3")), 150

INSIDE = """
import json, time
from benchmarks import _shared
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents

env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
source = env["healthcare.source"].search([("code", "=", "demo-access")])
service = env["healthcare.service"].search([("code", "=", "CONSULT")])
facility = env["healthcare.facility"].search([("code", "=", "NORTH")])
for supply in service.supply_ids:
    env["stock.quant"]._update_available_quantity(
        supply.product_id, facility.warehouse_id.lot_stock_id, 100000)
# What the generator left to be claimed is not what is measured.
env.cr.execute("UPDATE healthcare_event SET state = 'done' WHERE state = 'received'")
env.cr.commit()

def run(events):
    start = time.perf_counter()
    body = strict_json.dumps(events)
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    env["healthcare.intake"]._receive(source, items)
    env.cr.commit()
    taken = time.perf_counter()
    env["healthcare.engine"]._cron_process(1)
    return taken - start, time.perf_counter() - taken

times = []
for turn in range(4):
    numbers = [FIRST + turn * SIZE + n for n in range(SIZE)]
    times.append([
        run([_shared.registration(n) for n in numbers]),
        run([_shared.completion(n, n) for n in numbers])])
done = env["healthcare.completion"].search_count([])
print(json.dumps([times[1:], done]))
"""


def main(dev):
    databases = {}
    try:
        for size in SIZES:
            databases[size] = _shared.clone(dev, f"cost_{size}")
            _shared.script(dev, databases[size], f"import json\nSIZE = {size}\n{FILL}")
            dev.cluster.psql(databases[size], "VACUUM ANALYZE")
            say(f"{size:,} events are there")
        found = {size: [] for size in SIZES}
        for turn in range(ROUNDS):
            for size in SIZES:
                head = f"FIRST, SIZE = {10**6 * (turn + 1)}, {SIZE}\n"
                text = _shared.script(dev, databases[size], head + INSIDE)
                times, done = json.loads(text)
                if done != 4 * SIZE * (turn + 1):
                    raise RuntimeError(f"{done} services are done")
                found[size] += times
        return _rows(found)
    finally:
        dev.cluster.drop(*databases.values())


def _rows(found):
    rows, costs = [], {}
    for kind, name in enumerate(("registration", "completed service")):
        for step, words in enumerate(("taken in", "processed")):
            for size in SIZES:
                seconds = [times[kind][step] for times in found[size]]
                cost = 1000 * statistics.median(seconds) / SIZE
                costs[name, words, size] = cost
                rows.append((f"{name} {words}, {size:,} stored", cost, "ms", ""))
    for size in SIZES[1:]:
        small, large = (
            sum(cost for (_name, _words, one), cost in costs.items() if one == many)
            for many in (SIZES[0], size)
        )
        what = f"an event in all, {size:,} over {SIZES[0]:,}"
        rows.append((what, large / small, "×", "at most 1.1"))
    return rows
