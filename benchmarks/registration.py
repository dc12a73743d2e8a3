"""Registrations to patients, against the same records made raw, and over RPC."""

import time

from . import _shared

ROUNDS, SIZE = 5, 400

INSIDE = """
import json, time
from benchmarks import _shared
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents

env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
source = env["healthcare.source"].search([("code", "=", "demo-access")])
payer = env["res.partner"].search([("healthcare_payer_code", "=", "PAYER-A")])
country = env.ref("base.us")
state = env["res.country.state"].search(
    [("code", "=", "IL"), ("country_id", "=", country.id)])
env.cr.commit()
ours, raw = [], []
for turn in range(ROUNDS):
    numbers = _shared.fresh_numbers(400)
    body = strict_json.dumps([_shared.registration(n) for n in numbers])
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    env["healthcare.intake"]._receive(source, items)
    env.cr.commit()
    start = time.perf_counter()
    env["healthcare.engine"]._cron_process(1)
    ours.append(400 / (time.perf_counter() - start))
    numbers = _shared.fresh_numbers(400)
    start = time.perf_counter()
    env["res.partner"].with_context(tracking_disable=True, mail_create_nolog=True,
        mail_create_nosubscribe=True).create([{
        "name": f"Given{n} Family{n}", "healthcare_is_patient": True,
        "healthcare_birth_date": "1970-01-01", "phone": "+1 555 0100",
        "street": "1 Main Street", "city": "Springfield", "zip": "62701",
        "state_id": state.id, "country_id": country.id,
        "healthcare_identifier_ids": [(0, 0, {"system": _shared.SYSTEM,
            "value": f"B{n}", "subject": f"patient/bench{n}"})],
        "healthcare_coverage_ids": [(0, 0, {"payer_id": payer.id,
            "member_id": f"M{n}", "priority": 1})],
    } for n in numbers])
    env.cr.commit()
    raw.append(400 / (time.perf_counter() - start))
done = env["healthcare.event"].search_count([("state", "=", "done")])
assert done == 400 * ROUNDS, done
print(json.dumps([ours, raw]))
"""


def main(dev):
    ours, raw = map(_shared.median, _shared.inside(dev, "registration", INSIDE, ROUNDS))
    calls, old_calls = _one_by_one(dev)
    return [
        ("registrations processed", ours, "events/s", ""),
        ("raw create() in batches of 400", raw, "patients/s", ""),
        ("raw over ours", raw / ours, "×", "at most 1.5"),
        ("one call at a time over JSON-2", calls, "patients/s", ""),
        ("ours over JSON-2", ours / calls, "×", "at least 8"),
        ("one call at a time over XML-RPC", old_calls, "patients/s", ""),
        ("ours over XML-RPC", ours / old_calls, "×", "at least 8"),
    ]


def _one_by_one(dev, count=100):
    """Return patients per second over JSON-2 and over XML-RPC, in turns."""
    with _shared.running(dev, "registration2", cron_threads=0) as (server, _e, rpc):
        classic = _shared.XmlRpc(server.url, server.database, rpc.key)
        payer = [["healthcare_payer_code", "=", "PAYER-A"]]
        (payer,) = rpc.search("res.partner", payer)
        for connection in (rpc, classic):
            _register(connection, payer, count // 10)  # fills caches
        seconds = [_register(one, payer, count) for one in (rpc, classic)]
    return [count / one for one in seconds]


def _register(connection, payer, count):
    """Make patients one call at a time; return how long it took."""
    start = time.perf_counter()
    for number in _shared.fresh_numbers(count):
        # A careful script looks whether the patient is there before it makes one.
        known = [["value", "=", f"B{number}"]]
        if connection.search("healthcare.patient.identifier", known):
            raise AssertionError("the patient is there already")
        coverage = {"payer_id": payer, "member_id": f"M{number}"}
        connection.create(
            "res.partner",
            {
                "name": f"Given{number} Family{number}",
                "healthcare_is_patient": True,
                "healthcare_birth_date": "1970-01-01",
                "phone": "+1 555 0100",
                "street": "1 Main Street",
                "city": "Springfield",
                "zip": "62701",
                "healthcare_coverage_ids": [[0, 0, coverage]],
            },
        )
    return time.perf_counter() - start
