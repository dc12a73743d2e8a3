"""Completed services to posted invoices, against raw batches and JSON-2."""

import time

from . import _shared

ROUNDS, SIZE = 4, 200

INSIDE = """
import json, time
from benchmarks import _shared
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents

env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
source = env["healthcare.source"].search([("code", "=", "demo-access")])
facility = env["healthcare.facility"].search([("code", "=", "NORTH")])
service = env["healthcare.service"].search([("code", "=", "CONSULT")])
payer = env["res.partner"].search([("healthcare_payer_code", "=", "PAYER-A")])
accounts = facility.analytic_account_id | service.service_line_id.analytic_account_id
distribution = {",".join(map(str, accounts.ids)): 100}

def receive(events):
    body = strict_json.dumps(events)
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    env["healthcare.intake"]._receive(source, items)
    env.cr.commit()

ours, raw = [], []
for turn in range(ROUNDS):
    numbers = _shared.fresh_numbers(200)
    receive([_shared.registration(n) for n in numbers])
    env["healthcare.engine"]._cron_process(1)
    receive([_shared.completion(n, n) for n in numbers])
    start = time.perf_counter()
    env["healthcare.engine"]._cron_process(1)
    ours.append(200 / (time.perf_counter() - start))
    patients = env["healthcare.patient.identifier"].search(
        [("value", "in", [f"B{n}" for n in numbers])]).partner_id
    start = time.perf_counter()
    quiet = {"tracking_disable": True, "mail_create_nolog": True}
    completions = env["healthcare.completion"].with_context(**quiet).create([{
        "identifier": f"R{patient.id}", "key": f"service/raw{patient.id}",
        "facility_id": facility.id, "patient_id": patient.id, "payer_id": payer.id,
        "performed_at": "2026-03-03 08:30:00", "amount_total": 120.0,
    } for patient in patients])
    moves = env["account.move"].with_context(**quiet).create([{
        "move_type": "out_invoice", "partner_id": payer.id,
        "invoice_date": "2026-03-03", "healthcare_patient_id": c.patient_id.id,
        "healthcare_facility_id": facility.id, "healthcare_completion_id": c.id,
        "healthcare_responsible": "payer",
        "invoice_line_ids": [(0, 0, {"product_id": service.product_id.id,
            "quantity": 1, "price_unit": 120.0, "tax_ids": [(6, 0, [])],
            "analytic_distribution": distribution})],
    } for c in completions])
    moves._post(soft=False)
    env.cr.commit()
    raw.append(200 / (time.perf_counter() - start))
posted = env["account.move"].search_count(
    [("healthcare_completion_id", "!=", False), ("state", "=", "posted")])
assert posted == 400 * ROUNDS, posted
print(json.dumps([ours, raw]))
"""


def main(dev):
    ours, raw = map(_shared.median, _shared.inside(dev, "service", INSIDE, ROUNDS))
    calls = _json2(dev)
    return [
        ("completed services to posted invoices", ours, "events/s", ""),
        ("raw create() and post in batches of 200", raw, "invoices/s", ""),
        ("raw over ours", raw / ours, "×", "at most 1.3"),
        ("one call at a time over JSON-2", calls, "invoices/s", ""),
        ("ours over JSON-2", ours / calls, "×", "at least 4"),
    ]


def _json2(dev, count=60):
    with _shared.running(dev, "service2", cron_threads=0) as (_s, _e, rpc):

        def search(model, domain):
            return rpc.call("POST", f"/json/2/{model}/search", {"domain": domain})[1]

        payer = search("res.partner", [["healthcare_payer_code", "=", "PAYER-A"]])[0]
        (facility,) = search("healthcare.facility", [["code", "=", "NORTH"]])
        _status, rows = rpc.call(
            "POST",
            "/json/2/healthcare.service/search_read",
            {"domain": [["code", "=", "CONSULT"]], "fields": ["product_id"]},
        )
        product = rows[0]["product_id"][0]
        patient = rpc.create(
            "res.partner", {"name": "Bench", "healthcare_is_patient": True}
        )
        start = time.perf_counter()
        for number in range(count):
            # A careful script looks whether the service is billed before it bills it.
            search("account.move", [["ref", "=", f"bench-{number}"]])
            move = rpc.create(
                "account.move",
                {
                    "move_type": "out_invoice",
                    "partner_id": payer,
                    "ref": f"bench-{number}",
                    "invoice_date": "2026-03-03",
                    "healthcare_patient_id": patient,
                    "healthcare_facility_id": facility,
                    "invoice_line_ids": [
                        [
                            0,
                            0,
                            {"product_id": product, "quantity": 1, "price_unit": 120.0},
                        ]
                    ],
                },
            )
            rpc.call("POST", "/json/2/account.move/action_post", {"ids": [move]})
        return count / (time.perf_counter() - start)
