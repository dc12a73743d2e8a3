"""Facts delivered a second against COPY through gzip; what facts cost an event.

How fresh facts are at a target is measured by ``latency``.
"""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import _shared

ROUNDS, FACTS, SIZE = 5, 60_000, 300

INSIDE = """
import gzip, io, json, statistics, time
from unittest.mock import patch
import requests
from benchmarks import _shared
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.delivery import parcel
from odoo.addons.healthcare_connector.formats import cloudevents

facts, deliveries = env["healthcare.fact"], env["healthcare.delivery"]
env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
env["healthcare.target"].search([]).active = False
target = env["healthcare.target"].create(
    {"name": "Bench", "url": URL, "parallel": 2, "fact_types": "invoice"})
patients = env["res.partner"].create(
    [{"name": f"n{n}", "healthcare_is_patient": True} for n in range(500)])
env.cr.commit()

def tell(count):
    rows = [{"document": patient, "part": str(part), "patient": patient, "values": {
        "state": "posted", "date": "2026-03-02", "responsible": "payer",
        "payer": "PAYER-A", "currency": "USD", "amount_total": "120.00",
        "amount_residual": "120.00"}}
        for part in range(count // 500) for patient in patients]
    facts._emit("invoice", rows)
    env.cr.commit()

def waiting():
    return deliveries.search_count([("state", "=", "pending")])

def copied():
    with io.BytesIO() as packed:
        with gzip.GzipFile(
            fileobj=packed, mode="wb", compresslevel=parcel.LEVEL) as pipe:
            env.cr._cnx.cursor().copy_expert(
                "COPY (SELECT f.* FROM healthcare_fact f ORDER BY id DESC "
                "LIMIT %d) TO STDOUT" % FACTS, pipe)
        requests.post(URL, data=packed.getvalue(),
                      headers={"Content-Encoding": "gzip"}, timeout=60)

ours, copy = [], []
for turn in range(ROUNDS):
    tell(FACTS)
    start = time.perf_counter()
    while waiting():
        deliveries._cron_deliver()
    ours.append(FACTS / (time.perf_counter() - start))
    start = time.perf_counter()
    copied()
    copy.append(FACTS / (time.perf_counter() - start))

source = env["healthcare.source"].search([("code", "=", "demo-access")])
env["healthcare.target"].browse(target.id).fact_types = False
env.cr.commit()

def process():
    numbers = _shared.fresh_numbers(SIZE)
    body = strict_json.dumps([_shared.registration(n) for n in numbers])
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    env["healthcare.intake"]._receive(source, items)
    env.cr.commit()
    start = time.perf_counter()
    env["healthcare.engine"]._cron_process(1)
    return time.perf_counter() - start

# As if there were no facts: neither are they written nor is what they say worked out.
workflow = type(env["healthcare.workflow.registration"])
mute = [patch.object(type(facts), "_emit", lambda *args: None),
        patch.object(workflow, "_emit_registrations", lambda *args: None)]

def silently():
    with mute[0], mute[1]:
        return process()

costs = []
process(), silently()
for turn in range(4 * ROUNDS):
    pair = (process, silently)
    first = turn % 2  # whoever comes second finds the caches warm
    times = {one: one() for one in (pair[first], pair[1 - first])}
    costs.append(times[process] / times[silently])
print(json.dumps([ours, copy, [c / o for o, c in zip(ours, copy)], costs]))
"""


class _Sink(BaseHTTPRequestHandler):
    """Takes what comes and unpacks it, as a receiver would."""

    def do_POST(self):
        gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing on stderr."""


def main(dev):
    sink = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{sink.server_port}/facts"
    head = f"URL, FACTS, SIZE = {url!r}, {FACTS}, {SIZE}\n"
    try:
        found = _shared.inside(dev, "delivery", head + INSIDE, ROUNDS)
    finally:
        sink.shutdown()
        sink.server_close()
    ours, copy, ratio, cost = map(_shared.median, found)
    return [
        ("facts delivered", ours, "facts/s", ""),
        ("COPY of the same rows through gzip", copy, "facts/s", ""),
        ("COPY over ours", ratio, "×", "at most 3"),
        ("cost of facts to an event", 100 * (cost - 1), "%", "under 10"),
    ]
