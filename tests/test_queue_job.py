"""Shards as jobs of OCA's queue_job, performed as its runner performs them."""

import copy
import json

from odoo.tests import BaseCase, tagged

from ..dev import environment as environments
from ..dev import instance
from ..dev.common import sh

INSIDE = """
import json
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.job import Job

parameters = env["ir.config_parameter"]
parameters.set_param("healthcare_connector.shards", "1")
source = env["healthcare.source"].search([("code", "=", "demo-access")])
jobs = env["queue.job"]
ours = [("method_name", "=", "_queue_process")]
waiting = [*ours, ("state", "=", "pending")]
env.cr.commit()
told = {}

def send(*numbers):
    events = [{"specversion": "1.0", "id": f"queue-{n}", "source": "urn:example",
        "type": "healthcare.registration.created.v1", "time": "2026-03-02T08:00:00Z",
        "data": {"facility": "NORTH", "patient": {
            "identifiers": [{"system": "urn:queue", "value": f"Q{n}"}],
            "name": {"family": f"Q{n}", "given": ["Q"]}, "birth_date": "1980-05-17"}}}
        for n in numbers]
    items = cloudevents.read("application/cloudevents-batch+json", {},
        strict_json.dumps(events)).items
    env["healthcare.intake"]._receive(source, items)
    env.cr.commit()

def states():
    env.invalidate_all()
    return sorted(env["healthcare.event"].search(
        [("external_id", "like", "queue-")]).mapped("state"))

def perform():
    uuid = jobs.search(waiting, limit=1).uuid
    job = Job.load(env, uuid)
    job.set_enqueued()
    job.store()
    env.cr.commit()
    job = RunJobController._acquire_job(env, uuid)
    try:
        RunJobController._try_perform_job(env, job)
    except Exception as error:
        env.cr.rollback()
        return type(error).__name__
    env.cr.commit()
    return jobs.search([("uuid", "=", uuid)]).state

send(1)
told["off"] = jobs.search_count(ours)
parameters.set_param("healthcare_connector.executor", "queue_job")
env.cr.commit()
send(2)
send(3, 4)
told["waiting"] = jobs.search_count(waiting)
told["before"] = states()
told["performed"] = perform()
told["after"] = states()
send(5)
told["again"] = jobs.search_count(waiting)
engine = env["healthcare.engine"]
with engine._partitions_held(list(range(64))), env.registry.cursor() as other:
    engine = env(cr=other)["healthcare.engine"]
    try:
        engine._queue_process(1)
        told["held"] = "worked"
    except Exception as error:
        told["held"] = type(error).__name__
# What no job was made for is found by the scheduled job.
jobs.search(ours).unlink()
env.cr.commit()
env["healthcare.engine"]._cron_process(1)
told["swept"] = states()
print(json.dumps(told))
"""


@tagged("post_install", "-at_install")
class TestQueueJob(BaseCase):
    def test_shards_as_jobs(self):
        dev = instance.Dev()
        database = dev.clone("queue_job")
        self.addCleanup(dev.cluster.drop, database)
        other = copy.copy(dev)
        other.environment = environments.with_addons(dev.environment, "oca")
        words = ("-i", "queue_job", "--stop-after-init", "--no-http")
        command = other.command(database, *words, "--log-level=error")
        sh(*command, env=other.variables())
        told = json.loads(other.script(database, INSIDE))
        self.assertEqual(told["off"], 0, "it is the operator's to say")
        self.assertEqual(told["waiting"], 1, "one job waits for a shard, never two")
        self.assertEqual(told["before"], ["received"] * 4)
        self.assertEqual(told["performed"], "done")
        self.assertEqual(told["after"], ["done"] * 4)
        self.assertEqual(told["again"], 1)
        self.assertEqual(told["held"], "RetryableJobError")
        self.assertEqual(told["swept"], ["done"] * 5)
