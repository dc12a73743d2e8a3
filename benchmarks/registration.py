"""Registrations to patients, against the same records made raw and over JSON-2."""

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
    calls = _json2(dev)
    return [
        ("registrations processed", ours, "events/s", ""),
        ("raw create() in batches of 400", raw, "patients/s", ""),
        ("raw over ours", raw / ours, "×", "at most 1.5"),
        ("one call at a time over JSON-2", calls, "patients/s", ""),
        ("ours over JSON-2", ours / calls, "×", "at least 8"),
    ]


def _json2(dev, count=150):
    with _shared.running(dev, "registration2", cron_threads=0) as (_s, _e, rpc):
        _status, payers = rpc.call(
            "POST",
            "/json/2/res.partner/search",
            {"domain": [["healthcare_payer_code", "=", "PAYER-A"]]},
        )
        numbers = _shared.fresh_numbers(count)
        start = time.perf_counter()
        for number in numbers:
            # A careful script looks whether the patient is there before it makes one.
            rpc.call(
                "POST",
                "/json/2/healthcare.patient.identifier/search",
                {"domain": [["value", "=", f"B{number}"]]},
            )
            partner = rpc.create(
                "res.partner",
                {
                    "name": f"Given{number} Family{number}",
                    "healthcare_is_patient": True,
                    "healthcare_birth_date": "1970-01-01",
                    "phone": "+1 555 0100",
                    "street": "1 Main Street",
                    "city": "Springfield",
                    "zip": "62701",
                    "healthcare_coverage_ids": [
                        [0, 0, {"payer_id": payers[0], "member_id": f"M{number}"}]
                    ],
                },
            )
            assert partner
        return count / (time.perf_counter() - start)
