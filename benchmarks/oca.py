"""Registrations to patients: ours, one OCA queue_job job each, one OCA EDI record each.

All three store the message first and commit; then it is worked on, and a patient is
made. Jobs run as the route of queue_job runs them, without the request that its runner
makes for each, and exchange records as the cron of edi_core_oca processes them, one
after the other. In turns in one process on one database.
"""

import copy
import json
import statistics

from dev import environment as environments
from dev.common import REPO, sh

from . import _shared

ROUNDS, SIZE, SINGLE = 4, 300, 40

INSIDE = """
import json, time
from benchmarks import _shared
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.job import Job

env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
source = env["healthcare.source"].search([("code", "=", "demo-access")])
maker = env["healthcare.bench.registration"]
backend_type = env["edi.backend.type"].create({"name": "Bench", "code": "bench"})
backend = env["edi.backend"].create(
    {"name": "Bench", "backend_type_id": backend_type.id})
env["edi.exchange.type"].create({
    "name": "Bench", "code": "bench", "direction": "input",
    "backend_type_id": backend_type.id, "backend_id": backend.id,
    "process_model_id": env["ir.model"]._get_id(maker._name)})
env.cr.commit()

def by_events(events):
    body = strict_json.dumps(events)
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    env["healthcare.intake"]._receive(source, items)
    env.cr.commit()
    env["healthcare.engine"]._cron_process(1)

def by_jobs(events):
    jobs = []
    for event in events:
        jobs.append(maker.with_delay().register(event).uuid)
        env.cr.commit()
    for uuid in jobs:
        job = Job.load(env, uuid)
        job.set_enqueued()
        job.store()
        env.flush_all()
        job = RunJobController._acquire_job(env, uuid)
        RunJobController._try_perform_job(env, job)

def by_records(events):
    for event in events:
        record = backend.create_record(
            "bench", {"edi_exchange_state": "input_received"})
        record._set_file_content(json.dumps(event))
        env.cr.commit()
    while records := env["edi.exchange.record"].search(
            backend._input_pending_process_records_domain()):
        for record in records:
            record.action_exchange_process()
            env.cr.commit()

def patients():
    return env["res.partner"].search_count([("healthcare_is_patient", "=", True)])

rates = {"ours": [], "jobs": [], "records": []}
for turn in range(ROUNDS + 1):
    for name, make, count in (
            ("ours", by_events, SIZE), ("jobs", by_jobs, SINGLE),
            ("records", by_records, SINGLE)):
        events = [_shared.registration(n) for n in _shared.fresh_numbers(count)]
        before = patients()
        env.cr.commit()
        env.invalidate_all()
        start = time.perf_counter()
        make(events)
        rates[name].append(count / (time.perf_counter() - start))
        assert patients() == before + count, (name, patients() - before)
print(json.dumps({name: found[1:] for name, found in rates.items()}))
"""


def main(dev):
    ours, jobs, records = _rates(dev)
    return [
        ("ours, received, stored and processed", ours, "patients/s", ""),
        ("one queue_job job per event", jobs, "patients/s", ""),
        ("ours over queue_job", ours / jobs, "×", "at least 4"),
        ("one edi_core_oca record per event", records, "patients/s", ""),
        ("ours over edi_core_oca", ours / records, "×", "at least 4"),
    ]


def _rates(dev):
    database = _shared.clone(dev, "oca")
    other = copy.copy(dev)
    addons = REPO / "benchmarks" / "addons"
    other.environment = environments.with_addons(dev.environment, "oca", addons)
    head = (
        f"import sys; sys.path.insert(0, {str(REPO)!r})\n"
        f"ROUNDS, SIZE, SINGLE = {ROUNDS}, {SIZE}, {SINGLE}\n"
    )
    try:
        words = ("-i", "healthcare_bench", "--stop-after-init", "--no-http")
        command = other.command(database, *words)
        sh(*command, env=other.variables(), cwd=REPO / "benchmarks")
        found = json.loads(other.script(database, head + INSIDE))
    finally:
        dev.cluster.drop(database)
    return [statistics.median(found[name]) for name in ("ours", "jobs", "records")]
