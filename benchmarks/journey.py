"""Whole journeys: register, book, confirm, complete, adjudicate, pay.

Against the same documents made by plain calls of Odoo, in batches as large as ours and
one journey at a time with a commit each. All three in turns in one run, and compared:
as many documents, over the same amounts.
"""

import json
import statistics
import time

from . import _shared

ROUNDS, SIZE, SINGLE = 2, 50, 5
CHARGED, PAID, WRITTEN_OFF, SHARE = 120.0, 80.0, 25.0, 15.0

QUIET = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
}

INSIDE = """
import json
from benchmarks import journey
print(json.dumps(journey.inside(env, ROUNDS)))
"""

# What a journey leaves, counted and summed up over the whole database.
DOCUMENTS = {
    "patients": "SELECT count(*), 0 FROM res_partner WHERE healthcare_is_patient",
    "coverages": "SELECT count(*), 0 FROM healthcare_coverage",
    "visits": "SELECT count(*), sum(amount_expected) FROM healthcare_appointment "
    "WHERE state = 'completed'",
    "orders": "SELECT count(*), sum(amount_total) FROM sale_order WHERE state = 'sale' "
    "AND healthcare_facility_id IS NOT NULL",
    "delivered": "SELECT count(*), sum(l.qty_delivered) FROM sale_order_line l "
    "JOIN sale_order o ON o.id = l.order_id WHERE o.healthcare_facility_id IS NOT NULL",
    "services": "SELECT count(*), sum(amount_total) FROM healthcare_completion",
    "supplies": "SELECT count(*), sum(m.quantity) FROM stock_move m "
    "JOIN stock_picking k ON k.id = m.picking_id WHERE m.state = 'done' "
    "AND k.healthcare_completion_id IS NOT NULL",
    "invoices": "SELECT count(*), sum(amount_total) FROM account_move "
    "WHERE move_type = 'out_invoice' AND state = 'posted' "
    "AND healthcare_patient_id IS NOT NULL",
    "open": "SELECT count(*), sum(amount_residual) FROM account_move "
    "WHERE move_type = 'out_invoice' AND healthcare_patient_id IS NOT NULL "
    "AND payment_state != 'paid'",
    "payments": "SELECT count(*), sum(amount) FROM account_payment "
    "WHERE healthcare_facility_id IS NOT NULL",
    "written off": "SELECT count(*), sum(amount_total_signed) FROM account_move "
    "WHERE healthcare_claim_role = 'adjustment' AND state = 'posted'",
    "claims": "SELECT count(*), sum(paid) FROM healthcare_claim",
    "entries": "SELECT count(*), sum(debit) FROM account_move_line "
    "WHERE parent_state = 'posted'",
    "analytics": "SELECT count(*), sum(amount) FROM account_analytic_line",
}


def main(dev):
    ours, raw, single = _shared.inside(dev, "journey", INSIDE, ROUNDS)
    ours, raw, single = map(statistics.median, (ours, raw, single))
    return [
        ("whole journeys, by events", ours, "journeys/s", ""),
        (f"the same raw, in batches of {SIZE}", raw, "journeys/s", ""),
        ("raw over ours", raw / ours, "×", "at most 1.5"),
        ("the same raw, one by one", single, "journeys/s", ""),
        ("ours over one by one", ours / single, "×", "at least 4"),
    ]


def inside(env, rounds):
    """Run in Odoo; return the rates of each round: ours, raw, one by one."""
    env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
    world = World(env)
    env.cr.commit()
    ours, raw, single = [], [], []
    for turn in range(rounds + 1):
        left = documents(env)
        rate, made = _timed(env, world.by_events, _shared.fresh_numbers(SIZE), SIZE)
        ours.append(rate)
        rate, same = _timed(env, world.raw, _shared.fresh_numbers(SIZE), SIZE)
        raw.append(rate)
        numbers = _shared.fresh_numbers(SINGLE)
        rate, few = _timed(env, world.raw, numbers, 1)
        single.append(rate)
        if made != same:
            raise AssertionError(f"not the same: {json.dumps([made, same])}")
        for name, (count, amount) in few.items():
            if made[name] != [count * SIZE / SINGLE, round(amount * SIZE / SINGLE, 2)]:
                raise AssertionError(f"not the same one by one: {name}")
        if not turn and left == documents(env):
            raise AssertionError("nothing was made")
    # The first round fills caches.
    return [ours[1:], raw[1:], single[1:]]


def documents(env):
    """Return ``{what: [count, amount]}`` of the whole database."""
    found = {}
    for name, query in DOCUMENTS.items():
        env.cr.execute(query)
        count, amount = env.cr.fetchone()
        found[name] = [count, round(float(amount or 0), 2)]
    return found


def _timed(env, make, numbers, size):
    """Return journeys per second, and what they left."""
    before = documents(env)
    env.cr.commit()
    env.invalidate_all()
    start = time.perf_counter()
    for at in range(0, len(numbers), size):
        make(numbers[at : at + size])
    seconds = time.perf_counter() - start
    after = documents(env)
    return len(numbers) / seconds, {
        name: [after[name][0] - count, round(after[name][1] - amount, 2)]
        for name, (count, amount) in before.items()
    }


# -- ours -----------------------------------------------------------------------


def steps(number):
    """Return the events of one journey, one per step."""
    patient = {"identifiers": [{"system": _shared.SYSTEM, "value": f"B{number}"}]}
    visit = {
        "id": f"V{number}",
        "start": "2026-03-05T09:00:00Z",
        "services": [{"code": "CONSULT", "quantity": 1}],
    }

    def event(step, name, day, data):
        return {
            "specversion": "1.0",
            "id": f"bench-{step}-{number}",
            "source": "urn:bench",
            "type": f"healthcare.{name}.v1",
            "time": f"{day}T10:00:00Z",
            "data": {"facility": "NORTH", "patient": patient, **data},
        }

    return [
        _shared.registration(number),
        event("booked", "appointment.booked", "2026-03-03", {"appointment": visit}),
        event(
            "confirmed", "appointment.confirmed", "2026-03-04", {"appointment": visit}
        ),
        event(
            "completed",
            "service.completed",
            "2026-03-05",
            {
                "service": {
                    "id": f"S{number}",
                    "performed_at": "2026-03-05T09:30:00Z",
                },
                "appointment_id": f"V{number}",
                "charges": [
                    {"code": "CONSULT", "quantity": 1, "unit_price": f"{CHARGED:.2f}"}
                ],
            },
        ),
        event(
            "decided",
            "claim.adjudicated",
            "2026-03-09",
            {
                "claim": {
                    "id": f"C{number}",
                    "charged": f"{CHARGED:.2f}",
                    "paid": f"{PAID:.2f}",
                    "patient_responsibility": f"{SHARE:.2f}",
                    "adjustments": [
                        {"group": "CO", "reason": "45", "amount": f"{WRITTEN_OFF:.2f}"},
                        {"group": "PR", "reason": "3", "amount": f"{SHARE:.2f}"},
                    ],
                },
                "payer": {"code": "PAYER-A"},
                "remittance_id": f"ERA{number}",
            },
        ),
        event(
            "paid",
            "payment.received",
            "2026-03-10",
            {
                "payment": {
                    "id": f"P{number}",
                    "amount": f"{SHARE:.2f}",
                    "currency": "USD",
                    "paid_at": "2026-03-10T10:00:00Z",
                    "payer_type": "patient",
                }
            },
        ),
    ]


class World:
    """Master data, and the two ways to make journeys."""

    def __init__(self, env):
        self.env = env(context={**env.context, **QUIET})
        find = self._find
        self.source = find("healthcare.source", "code", _shared.SOURCE)
        self.facility = find("healthcare.facility", "code", "NORTH")
        self.service = find("healthcare.service", "code", "CONSULT")
        self.payer = find("res.partner", "healthcare_payer_code", "PAYER-A")
        self.country = env.ref("base.us")
        self.state = env["res.country.state"].search(
            [("code", "=", "IL"), ("country_id", "=", self.country.id)]
        )
        self.company = self.facility.company_id
        self.warehouse = self.facility.warehouse_id
        self.customers = env.ref("stock.stock_location_customers")
        accounts = self.facility.analytic_account_id
        accounts |= self.service.service_line_id.analytic_account_id
        self.distribution = {",".join(map(str, accounts.ids)): 100}
        self.adjusting = self.company._healthcare_adjustment_journal()
        self.written_off = self.company._healthcare_claim_account("CO")
        self.transfer = self.company._healthcare_claim_account("transfer")
        self.bank = env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        for supply in self.service.supply_ids:
            env["stock.quant"]._update_available_quantity(
                supply.product_id, self.warehouse.lot_stock_id, 100000
            )

    def _find(self, model, name, value):
        return self.env[model].search([(name, "=", value)])

    def by_events(self, numbers):
        """Take events in and process them, step by step as time goes on."""
        # Odoo's shell imports this module before the addons' path is known to it.
        from odoo.addons.healthcare_connector.core import strict_json
        from odoo.addons.healthcare_connector.formats import cloudevents

        for events in zip(*map(steps, numbers), strict=True):
            body = strict_json.dumps(list(events))
            reading = cloudevents.read("application/cloudevents-batch+json", {}, body)
            self.env["healthcare.intake"]._receive(self.source, reading.items)
            self.env.cr.commit()
            self.env["healthcare.engine"]._cron_process(1)

    # -- raw --------------------------------------------------------------------

    def raw(self, numbers):
        """Make the same documents by plain calls, each step for all at once."""
        patients = self._register(numbers)
        visits = self._book(numbers, patients)
        self._confirm(visits)
        services = self._complete(numbers, visits)
        bills = self._decide(numbers, services)
        self._pay(numbers, bills)

    def _register(self, numbers):
        patients = self.env["res.partner"].create(
            [
                {
                    "name": f"Given{number} Family{number}",
                    "healthcare_is_patient": True,
                    "healthcare_birth_date": "1970-01-01",
                    "phone": "+1 555 0100",
                    "street": "1 Main Street",
                    "city": "Springfield",
                    "zip": "62701",
                    "state_id": self.state.id,
                    "country_id": self.country.id,
                    "healthcare_identifier_ids": [
                        (
                            0,
                            0,
                            {
                                "system": _shared.SYSTEM,
                                "value": f"B{number}",
                                "subject": f"patient/raw{number}",
                            },
                        )
                    ],
                    "healthcare_coverage_ids": [
                        (
                            0,
                            0,
                            {
                                "payer_id": self.payer.id,
                                "member_id": f"M{number}",
                                "priority": 1,
                            },
                        )
                    ],
                }
                for number in numbers
            ]
        )
        self.env.cr.commit()
        return patients

    def _book(self, numbers, patients):
        orders = self.env["sale.order"].create(
            [
                {
                    "partner_id": patient.id,
                    "user_id": False,
                    "warehouse_id": self.warehouse.id,
                    "healthcare_facility_id": self.facility.id,
                    "order_line": [
                        (
                            0,
                            0,
                            {
                                "product_id": self.service.product_id.id,
                                "product_uom_qty": 1,
                                "price_unit": CHARGED,
                                "analytic_distribution": self.distribution,
                            },
                        )
                    ],
                }
                for patient in patients
            ]
        )
        visits = self.env["healthcare.appointment"].create(
            [
                {
                    "identifier": f"V{number}",
                    "source_id": self.source.id,
                    "subject": f"appointment/raw{number}",
                    "facility_id": self.facility.id,
                    "patient_id": order.partner_id.id,
                    "start": "2026-03-05 09:00:00",
                    "order_id": order.id,
                    "amount_expected": CHARGED,
                    "line_ids": [
                        (0, 0, {"service_id": self.service.id, "quantity": 1})
                    ],
                }
                for number, order in zip(numbers, orders, strict=True)
            ]
        )
        for visit in visits:
            visit.order_id.healthcare_appointment_id = visit
        self.env.cr.commit()
        return visits

    def _confirm(self, visits):
        visits.state = "confirmed"
        visits.order_id.action_confirm()
        places = {
            "location_id": self.warehouse.lot_stock_id.id,
            "location_dest_id": self.customers.id,
        }
        pickings = self.env["stock.picking"].create(
            [
                {
                    "picking_type_id": self.warehouse.out_type_id.id,
                    **places,
                    "origin": visit.order_id.name,
                    "healthcare_appointment_id": visit.id,
                    "move_ids": [
                        (
                            0,
                            0,
                            {
                                "product_id": supply.product_id.id,
                                "product_uom_qty": supply.quantity,
                                **places,
                            },
                        )
                        for supply in self.service.supply_ids
                    ],
                }
                for visit in visits
            ]
        )
        pickings.action_confirm()
        pickings.action_assign()
        self.env.cr.commit()

    def _complete(self, numbers, visits):
        services = self.env["healthcare.completion"].create(
            [
                {
                    "identifier": f"S{number}",
                    "key": f"service/raw{number}",
                    "facility_id": self.facility.id,
                    "patient_id": visit.patient_id.id,
                    "payer_id": self.payer.id,
                    "appointment_id": visit.id,
                    "performed_at": "2026-03-05 09:30:00",
                    "order_id": visit.order_id.id,
                    "amount_total": CHARGED,
                }
                for number, visit in zip(numbers, visits, strict=True)
            ]
        )
        services.order_id.order_line.qty_delivered = 1
        invoices = self.env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": self.payer.id,
                    "invoice_date": "2026-03-05",
                    "invoice_user_id": False,
                    "invoice_origin": one.order_id.name,
                    **self._concerns(one),
                    "healthcare_responsible": "payer",
                    "invoice_line_ids": [
                        (
                            0,
                            0,
                            {
                                "product_id": self.service.product_id.id,
                                "quantity": 1,
                                "price_unit": CHARGED,
                                "analytic_distribution": self.distribution,
                                "sale_line_ids": [(4, one.order_id.order_line.id)],
                            },
                        )
                    ],
                }
                for one in services
            ]
        )
        invoices._post(soft=False)
        for one in services:
            one.appointment_id.picking_ids.healthcare_completion_id = one
        pickings = visits.picking_ids
        pickings.move_ids.picked = True
        pickings._action_done()
        visits.state = "completed"
        self.env.cr.commit()
        return services

    def _concerns(self, service):
        return {
            "healthcare_patient_id": service.patient_id.id,
            "healthcare_facility_id": self.facility.id,
            "healthcare_completion_id": service.id,
        }

    def _decide(self, numbers, services):
        claims = self.env["healthcare.claim"].create(
            [
                {
                    "identifier": f"C{number}",
                    "subject": f"claim/raw{number}",
                    "facility_id": self.facility.id,
                    "payer_id": self.payer.id,
                    "patient_id": one.patient_id.id,
                    "move_id": one.invoice_ids.id,
                    "state": "adjudicated",
                    "decision": "adjudicated",
                    "charged": CHARGED,
                    "paid": PAID,
                    "patient_responsibility": SHARE,
                    "adjustment_ids": [
                        (0, 0, {"group": "CO", "reason": "45", "amount": WRITTEN_OFF}),
                        (0, 0, {"group": "PR", "reason": "3", "amount": SHARE}),
                    ],
                }
                for number, one in zip(numbers, services, strict=True)
            ]
        )
        moves = self.env["account.move"].create(
            [self._entry(claim) for claim in claims]
            + [
                self._bill(claim, one)
                for claim, one in zip(claims, services, strict=True)
            ]
        )
        moves._post(soft=False)
        entries, bills = moves[: len(claims)], moves[len(claims) :]
        payments = self.env["account.payment"].create(
            [
                self._payment(claim.payer_id, PAID, claim.identifier, claim)
                for claim in claims
            ]
        )
        payments.action_post()
        self._reconcile(
            claim.move_id | entry | payment.move_id
            for claim, entry, payment in zip(claims, entries, payments, strict=True)
        )
        self.env.cr.commit()
        return bills

    def _entry(self, claim):
        receivable = self.payer.property_account_receivable_id
        return {
            "move_type": "entry",
            "journal_id": self.adjusting.id,
            "date": "2026-03-09",
            "ref": claim.identifier,
            "healthcare_patient_id": claim.patient_id.id,
            "healthcare_facility_id": self.facility.id,
            "healthcare_claim_id": claim.id,
            "healthcare_claim_role": "adjustment",
            "line_ids": [
                (
                    0,
                    0,
                    {
                        "account_id": account.id,
                        "name": name,
                        "partner_id": partner,
                        "balance": balance,
                        "analytic_distribution": shared,
                    },
                )
                for account, name, partner, balance, shared in (
                    (self.written_off, "CO-45", False, WRITTEN_OFF, self.distribution),
                    (self.transfer, "PR", False, SHARE, False),
                    (
                        receivable,
                        claim.identifier,
                        self.payer.id,
                        -WRITTEN_OFF - SHARE,
                        False,
                    ),
                )
            ],
        }

    def _bill(self, claim, service):
        return {
            "move_type": "out_invoice",
            "partner_id": claim.patient_id.id,
            "invoice_date": "2026-03-09",
            "invoice_origin": claim.move_id.name,
            "invoice_user_id": False,
            **self._concerns(service),
            "healthcare_responsible": "patient",
            "healthcare_claim_id": claim.id,
            "healthcare_claim_role": "patient",
            "invoice_line_ids": [
                (
                    0,
                    0,
                    {
                        "name": f"Your share of invoice {claim.move_id.name}",
                        "quantity": 1,
                        "price_unit": SHARE,
                        "account_id": self.transfer.id,
                        "tax_ids": [(5,)],
                        "analytic_distribution": False,
                    },
                )
            ],
        }

    def _payment(self, partner, amount, memo, claim=None):
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": partner.id,
            "amount": amount,
            "date": "2026-03-10",
            "journal_id": self.bank.id,
            "memo": memo,
            "healthcare_facility_id": self.facility.id,
            "healthcare_claim_id": claim.id if claim else False,
        }

    def _pay(self, numbers, bills):
        payments = self.env["account.payment"].create(
            [
                self._payment(bill.partner_id, SHARE, f"P{number}")
                for number, bill in zip(numbers, bills, strict=True)
            ]
        )
        payments.action_post()
        self._reconcile(
            bill | payment.move_id
            for bill, payment in zip(bills, payments, strict=True)
        )
        self.env.cr.commit()

    def _reconcile(self, groups):
        self.env["account.move.line"]._reconcile_plan(
            [
                moves.line_ids.filtered(
                    lambda line: (
                        line.account_id.account_type == "asset_receivable"
                        and not line.reconciled
                    )
                )
                for moves in groups
            ]
        )
