"""Master data of a small provider, and a day at it, for the workflow tests."""

import re
from collections import Counter
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import UserError
from odoo.sql_db import Cursor

from odoo.addons.healthcare_connector.core.errors import HealthcareError

from .common import SYSTEM, HealthcareCase, event

__all__ = ["SYSTEM", "WorkflowCase", "event"]


class WorkflowCase(HealthcareCase):
    """Two facilities, two payers, services with supplies; nothing from demo data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        env = cls.env
        cls.company = env.company
        plans = env["account.analytic.plan"].create(
            [{"name": "Test facilities"}, {"name": "Test service lines"}]
        )
        accounts = env["account.analytic.account"].create(
            [
                {"name": name, "plan_id": plan.id, "company_id": False}
                for name, plan in (
                    ("East", plans[0]),
                    ("West", plans[0]),
                    ("Imaging", plans[1]),
                )
            ]
        )
        cls.analytic = dict(zip(("EAST", "WEST", "IMAGING"), accounts, strict=True))
        cls.warehouse = env["stock.warehouse"].create(
            {"name": "Test East", "code": "TEAST"}
        )
        cls.facility = env["healthcare.facility"].create(
            {
                "name": "East",
                "code": "T-EAST",
                "warehouse_id": cls.warehouse.id,
                "analytic_account_id": cls.analytic["EAST"].id,
            }
        )
        cls.payer = env["res.partner"].create(
            {
                "name": "Test payer",
                "is_company": True,
                "healthcare_is_payer": True,
                "healthcare_payer_code": "T-PAYER",
            }
        )
        cls.vendor = env["res.partner"].create({"name": "Test vendor"})
        line = env["healthcare.service.line"].create(
            {
                "name": "Imaging",
                "code": "T-IMG",
                "analytic_account_id": cls.analytic["IMAGING"].id,
            }
        )
        cls.contrast = cls._supply("T-CONTRAST", 50, vendor=cls.vendor)
        cls.gloves = cls._supply("T-GLOVES", 1000)
        cls.consult = cls._service("T-CONSULT", 120.0, {})
        cls.mri = cls._service("T-MRI", 800.0, {cls.contrast: 2, cls.gloves: 1}, line)

    def setUp(self):
        super().setUp()
        split = type(self.engine)._split

        def strict_split(engine, events, run, error):
            if not isinstance(error, (HealthcareError, UserError)):
                raise error
            return split(engine, events, run, error)

        # The engine would retry what is a mistake of ours: tests want to see it.
        self.patch(type(self.engine), "_split", strict_split)

    @classmethod
    def _supply(cls, code, quantity, vendor=None):
        product = cls.env["product.product"].create(
            {
                "name": f"Supply {code}",
                "default_code": code,
                "type": "consu",
                "is_storable": True,
                "standard_price": 5.0,
                "seller_ids": [
                    Command.create(
                        {"partner_id": vendor.id, "price": 4.0, "min_qty": 0}
                    )
                ]
                if vendor
                else [],
            }
        )
        cls._stock(product, quantity)
        return product

    @classmethod
    def _stock(cls, product, quantity):
        """Set what lies at the facility."""
        location = cls.warehouse.lot_stock_id
        quants = cls.env["stock.quant"].with_context(inventory_mode=True)
        quant = quants.search(
            [("product_id", "=", product.id), ("location_id", "=", location.id)]
        )
        if quant:
            quant.inventory_quantity = quantity
        else:
            quant = quants.create(
                {
                    "product_id": product.id,
                    "location_id": location.id,
                    "inventory_quantity": quantity,
                }
            )
        quant.action_apply_inventory()

    @classmethod
    def _service(cls, code, price, supplies, line=None):
        product = cls.env["product.product"].create(
            {
                "name": f"Service {code}",
                "type": "service",
                "list_price": price,
                "invoice_policy": "order",
                "taxes_id": [Command.clear()],
            }
        )
        return cls.env["healthcare.service"].create(
            {
                "name": f"Service {code}",
                "code": code,
                "product_id": product.id,
                "service_line_id": line.id if line else False,
                "supply_ids": [
                    Command.create({"product_id": supply.id, "quantity": quantity})
                    for supply, quantity in supplies.items()
                ],
            }
        )

    # -- events -----------------------------------------------------------------

    def at(self, minute):
        return f"2026-03-02T{8 + minute // 60:02d}:{minute % 60:02d}:00Z"

    def patient_ref(self, mrn):
        return {"identifiers": [{"system": SYSTEM, "value": mrn}]}

    def register(self, mrn, minute=0, kind="created", payer="T-PAYER", **more):
        data = {
            "facility": "T-EAST",
            "patient": {
                **self.patient_ref(mrn),
                "name": {"family": "Quillfeather", "given": [f"Zeph{mrn}"]},
                "birth_date": "1961-07-19",
                **more.pop("patient", {}),
            },
            "coverages": [
                {"payer": {"code": payer}, "member_id": f"M-{mrn}", "priority": 1}
            ]
            if payer
            else [],
            "account_number": f"ACC-{mrn}",
            **more,
        }
        return event(f"registration.{kind}", data, time=self.at(minute))

    def appointment(self, kind, mrn, number, minute, services=("T-MRI",), **more):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref(mrn),
            "appointment": {
                "id": number,
                "start": "2026-03-05T09:00:00Z",
                "services": [{"code": code, "quantity": 1} for code in services],
                **more,
            },
        }
        return event(f"appointment.{kind}", data, time=self.at(minute))

    def completed(self, mrn, service, minute, appointment=None, **more):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref(mrn),
            "service": {"id": service, "performed_at": "2026-03-05T09:30:00Z"},
            "charges": more.pop("charges", [{"code": "T-MRI", "quantity": 1}]),
            **more,
        }
        if appointment:
            data["appointment_id"] = appointment
        return event("service.completed", data, time=self.at(minute))

    def payment(self, number, amount, minute, mrn=None, payer_type="payer", **more):
        data = {
            "facility": "T-EAST",
            "payment": {
                "id": number,
                "amount": amount,
                "currency": self.company.currency_id.name,
                "paid_at": "2026-03-09T12:00:00Z",
                "payer_type": payer_type,
            },
            **more,
        }
        if mrn:
            data["patient"] = self.patient_ref(mrn)
        return event("payment.received", data, time=self.at(minute))

    def statements(self, *envelopes):
        """Return how often each SQL statement ran while these were processed."""
        self.send(*envelopes)
        self.env.flush_all()
        self.env.invalidate_all()
        counted = Counter()
        execute = Cursor.execute

        def counting(cursor, query, *args, **kwargs):
            text = getattr(query, "code", query)
            counted[re.sub(r"\d+|\(?%s\)?(, *\(?%s\)?)*", "?", str(text))[:300]] += 1
            return execute(cursor, query, *args, **kwargs)

        with patch.object(Cursor, "execute", counting):
            self.process()
            self.env.flush_all()
        return counted

    def assertBulk(self, make, few=10, many=30, per_event=0.0):
        """Assert that statements do not grow with events.

        :param make: ``make(number)`` returns an envelope
        :param per_event: how many more statements Odoo itself needs for each
        """
        self.statements(*(make(number) for number in range(3)))
        first = self.statements(*(make(10 + number) for number in range(few)))
        second = self.statements(*(make(100 + number) for number in range(many)))
        grown = second - first
        self.assertLessEqual(
            sum(second.values()) - sum(first.values()),
            per_event * (many - few) + 10,
            "\n".join(f"{n} {text}" for text, n in grown.most_common(30)),
        )

    # -- what came of them ------------------------------------------------------

    def patient(self, mrn):
        return (
            self.env["healthcare.patient.identifier"]
            .search([("system", "=", SYSTEM), ("value", "=", mrn)])
            .partner_id
        )

    def visit(self, number):
        return self.env["healthcare.appointment"].search([("identifier", "=", number)])

    def issues(self, *categories):
        domain = [("state", "in", ("open", "assigned"))]
        if categories:
            domain.append(("category", "in", categories))
        return self.env["healthcare.exception"].search(domain)

    def assertStates(self, events, *states):
        events.invalidate_recordset()
        self.assertEqual(
            [(e.type_code, e.state, e.open_exception_id.reason) for e in events],
            [
                (e.type_code, state, e.open_exception_id.reason)
                for e, state in zip(
                    events, states * (len(events) // len(states)), strict=True
                )
            ],
        )
