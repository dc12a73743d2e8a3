"""Completed services to orders, moved supplies and posted invoices.

Against the same documents made raw in batches, and one call at a time over JSON-2.
"""

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

for supply in service.supply_ids:
    env["stock.quant"]._update_available_quantity(
        supply.product_id, facility.warehouse_id.lot_stock_id, 100000)

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
    quiet = {"tracking_disable": True, "mail_create_nolog": True,
        "mail_create_nosubscribe": True}
    warehouse = facility.warehouse_id
    orders = env["sale.order"].with_context(**quiet).create([{
        "partner_id": patient.id, "user_id": False, "warehouse_id": warehouse.id,
        "healthcare_facility_id": facility.id,
        "order_line": [(0, 0, {"product_id": service.product_id.id,
            "product_uom_qty": 1, "price_unit": 120.0})],
    } for patient in patients])
    orders.action_confirm()
    orders.order_line.qty_delivered = 1
    completions = env["healthcare.completion"].with_context(**quiet).create([{
        "identifier": f"R{order.id}", "key": f"service/raw{order.id}",
        "facility_id": facility.id, "patient_id": order.partner_id.id,
        "payer_id": payer.id, "performed_at": "2026-03-03 08:30:00",
        "order_id": order.id, "amount_total": 120.0,
    } for order in orders])
    moves = env["account.move"].with_context(**quiet).create([{
        "move_type": "out_invoice", "partner_id": payer.id,
        "invoice_date": "2026-03-03", "healthcare_patient_id": c.patient_id.id,
        "healthcare_facility_id": facility.id, "healthcare_completion_id": c.id,
        "healthcare_responsible": "payer", "invoice_user_id": False,
        "invoice_line_ids": [(0, 0, {"product_id": service.product_id.id,
            "quantity": 1, "price_unit": 120.0,
            "analytic_distribution": distribution,
            "sale_line_ids": [(4, c.order_id.order_line.id)]})],
    } for c in completions])
    moves._post(soft=False)
    pickings = env["stock.picking"].with_context(**quiet).create([{
        "picking_type_id": warehouse.out_type_id.id,
        "location_id": warehouse.lot_stock_id.id, "partner_id": c.patient_id.id,
        "location_dest_id": env.ref("stock.stock_location_customers").id,
        "origin": c.order_id.name, "healthcare_completion_id": c.id,
        "move_ids": [(0, 0, {"product_id": supply.product_id.id,
            "product_uom_qty": supply.quantity,
            "location_id": warehouse.lot_stock_id.id,
            "location_dest_id": env.ref("stock.stock_location_customers").id})
            for supply in service.supply_ids],
    } for c in completions])
    pickings.action_confirm()
    pickings.action_assign()
    pickings.move_ids.picked = True
    pickings._action_done()
    env.cr.commit()
    raw.append(200 / (time.perf_counter() - start))
posted = env["account.move"].search_count(
    [("healthcare_completion_id", "!=", False), ("state", "=", "posted")])
assert posted == 400 * ROUNDS, posted
shipped = env["stock.picking"].search_count(
    [("healthcare_completion_id", "!=", False), ("state", "=", "done")])
assert shipped == 400 * ROUNDS, shipped
print(json.dumps([ours, raw]))
"""


def main(dev):
    ours, raw = map(_shared.median, _shared.inside(dev, "service", INSIDE, ROUNDS))
    calls = _json2(dev)
    return [
        ("completed services to posted invoices", ours, "events/s", ""),
        ("the same documents raw, in batches of 200", raw, "invoices/s", ""),
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

        def read(model, domain, names):
            body = {"domain": domain, "fields": names}
            return rpc.call("POST", f"/json/2/{model}/search_read", body)[1][0]

        warehouse = read(
            "healthcare.facility", [["id", "=", facility]], ["warehouse_id"]
        )["warehouse_id"][0]
        stock = read(
            "stock.warehouse",
            [["id", "=", warehouse]],
            ["lot_stock_id", "out_type_id"],
        )
        customers = read("stock.location", [["usage", "=", "customer"]], ["id"])["id"]
        supply = read(
            "healthcare.service.supply",
            [["service_id.code", "=", "CONSULT"]],
            ["product_id", "quantity"],
        )
        patient = rpc.create("res.partner", {"name": "Bench"})
        start = time.perf_counter()
        for number in range(count):
            # A careful script looks whether the service is billed before it bills it.
            search("account.move", [["ref", "=", f"bench-{number}"]])
            line = {"product_id": product, "product_uom_qty": 1, "price_unit": 120.0}
            order = rpc.create(
                "sale.order", {"partner_id": patient, "order_line": [[0, 0, line]]}
            )
            rpc.call("POST", "/json/2/sale.order/action_confirm", {"ids": [order]})
            move = rpc.create(
                "account.move",
                {
                    "move_type": "out_invoice",
                    "partner_id": payer,
                    "ref": f"bench-{number}",
                    "invoice_date": "2026-03-03",
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
            places = {
                "location_id": stock["lot_stock_id"][0],
                "location_dest_id": customers,
            }
            picking = rpc.create(
                "stock.picking",
                {
                    "picking_type_id": stock["out_type_id"][0],
                    **places,
                    "move_ids": [
                        [
                            0,
                            0,
                            {
                                "product_id": supply["product_id"][0],
                                "product_uom_qty": supply["quantity"],
                                **places,
                            },
                        ]
                    ],
                },
            )
            for action in ("action_confirm", "button_validate"):
                rpc.call("POST", f"/json/2/stock.picking/{action}", {"ids": [picking]})
        return count / (time.perf_counter() - start)
