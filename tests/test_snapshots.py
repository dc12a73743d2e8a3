"""Daily figures: right, of the right day, and told again only when they differ."""

from datetime import date, timedelta
from unittest.mock import patch

import psycopg2

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.core import facts

from .workflow_common import WorkflowCase

DAY = date(2026, 3, 5)  # of the services that the tests' events tell of


class TestSnapshots(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.env.cr.flush()
        self.snapshots = self.env["healthcare.snapshot"]
        self.company.partner_id.tz = "UTC"

    def take(self, *types, day=DAY):
        return self.snapshots._take(self.facility, day, types or facts.SNAPSHOTS)

    def rows(self, fact_type, day=DAY, **wanted):
        """Return ``[columns]`` of the newest facts of a day, those that fit."""
        found = self.env["healthcare.fact"].search(
            [("key", "=like", f"{fact_type}:T-EAST:{day}:%")], order="key, sequence"
        )
        newest = {fact.key: fact for fact in found}.values()
        return [
            fact.columns
            for fact in newest
            if fact.operation == "upsert"
            and all(fact.columns[name] == value for name, value in wanted.items())
        ]

    def test_every_type_fits_the_catalogue_and_says_what_it_covers(self):
        self.company.partner_id.tz = "America/New_York"
        self.play(
            self.register("P1"),
            self.appointment("booked", "P1", "V1", 10, provider="Dr. No"),
            self.completed("P1", "S1", 60, "V1"),
        )
        self.assertGreater(self.take(), 2)
        for fact_type in ("utilization", "financial_summary"):
            row = self.rows(fact_type)[0]
            self.assertEqual(set(row), set(facts.CATALOGUE[fact_type]))
            self.assertEqual(row["day"], "2026-03-05")
            self.assertEqual(row["covers_from"], "2026-03-05T05:00:00Z")
            self.assertEqual(row["covers_to"], "2026-03-06T05:00:00Z")
            self.assertIs(row["complete"], True)
        self.assertEqual(self.take(), 0, "the same again is no news")

    def test_stock_of_a_past_day(self):
        today = self.snapshots._today(self.company)
        product = self._supply("T-SWAB", 40)
        moves = self.env["stock.move"].search([("product_id", "=", product.id)])
        self.age(moves, 3)
        self._stock(product, 100)
        self.play(
            self.register("P1"),
            self.completed(
                "P1", "S1", 60, consumables=[{"code": "T-SWAB", "quantity": "7"}]
            ),
        )
        for back, quantity, adjusted, issued in (
            (4, None, None, None),
            (3, 40, 40, 0),
            (1, 40, 0, 0),
            (0, 93, 60, 7),
        ):
            day = today - timedelta(days=back)
            self.take("stock_level", day=day)
            rows = self.rows("stock_level", day, product="T-SWAB")
            if quantity is None:
                self.assertFalse(rows)
                continue
            (row,) = rows
            self.assertEqual(
                (row["quantity"], row["adjusted"], row["issued"], row["complete"]),
                (quantity, adjusted, issued, back > 0),
            )
            self.assertEqual(row["value"], f"{quantity * 5:.2f}")
            self.assertEqual(row["reserved"] is None, back > 0)
            at_date = product.with_context(
                to_date=self.snapshots._window(self.company, day).end,
                warehouse_id=self.warehouse.id,
            )
            self.assertEqual(row["quantity"], at_date.qty_available)

    def age(self, moves, days):
        moment = fields.Datetime.now() - timedelta(days=days)
        moves.date = moment
        moves.move_line_ids.date = moment
        self.env.flush_all()

    def test_cost_of_a_past_day(self):
        product = self._supply("T-SWAB", 10)
        values = self.env["product.value"].search([("product_id", "=", product.id)])
        moves = self.env["stock.move"].search([("product_id", "=", product.id)])
        self.age(moves, 3)
        values.date = fields.Datetime.now() - timedelta(days=3)
        product.standard_price = 8.0
        today = self.snapshots._today(self.company)
        for back, value in ((1, "50.00"), (0, "80.00")):
            day = today - timedelta(days=back)
            self.take("stock_level", day=day)
            (row,) = self.rows("stock_level", day, product="T-SWAB")
            self.assertEqual(row["value"], value)

    def test_stock_moved_by_hand_is_told_at_once(self):
        today = self.snapshots._today(self.company)

        def level():
            self.env.cr.flush()
            (row,) = self.rows("stock_level", today, product="T-CONTRAST")
            return row["quantity"], row["adjusted"], row["scrapped"]

        self._stock(self.contrast, 45)
        self.assertEqual(level(), (45, 45, 0))
        scrap = self.env["stock.scrap"].create(
            {
                "product_id": self.contrast.id,
                "scrap_qty": 2,
                "location_id": self.warehouse.lot_stock_id.id,
            }
        )
        scrap.action_validate()
        self.assertEqual(level(), (43, 45, 2))

    def test_two_who_move_the_same_do_not_stop_each_other(self):
        taken = psycopg2.errors.UniqueViolation("told by somebody else just now")
        with patch.object(type(self.snapshots), "_tell", side_effect=taken) as tell:
            self._stock(self.contrast, 45)
            self.env.cr.flush()
        self.assertTrue(tell.called)
        self.assertEqual(self.contrast.qty_available, 45)

    def test_warehouse_of_two_facilities_counts_once(self):
        second = self.facility.copy({"name": "East 2", "code": "T-EAST-2"})
        self.snapshots._take(self.facility | second, DAY, ["stock_level"])
        found = self.env["healthcare.fact"].search([("fact_type", "=", "stock_level")])
        self.assertNotIn(second, found.facility_id)

    def test_procurement(self):
        today = self.snapshots._today(self.company)
        order = self.env["purchase.order"].create(
            {
                "partner_id": self.vendor.id,
                "picking_type_id": self.warehouse.in_type_id.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.contrast.id,
                            "product_qty": 10,
                            "price_unit": 4,
                            "tax_ids": [Command.clear()],
                        }
                    )
                ],
            }
        )
        self.take("procurement", day=today)
        (row,) = self.rows("procurement", today)
        self.assertEqual((row["open_replenishments"], row["orders"]), (1, 0))
        order.button_confirm()
        order.date_approve -= timedelta(days=2)
        self.env.cr.execute(
            "UPDATE purchase_order SET create_date = %s WHERE id = %s",
            [order.date_approve, order.id],
        )
        order.order_line.date_planned = fields.Datetime.now() - timedelta(hours=1)
        receipt = order.picking_ids
        receipt.move_ids.quantity = 4
        receipt.move_ids.picked = True
        receipt.with_context(skip_backorder=True).button_validate()
        self.take("procurement", day=today)
        (row,) = self.rows("procurement", today)
        self.assertEqual(row["vendor"], "Test vendor")
        self.assertEqual(row["quantity_received"], 4)
        self.assertAlmostEqual(row["lead_days"], 2, 1)
        self.assertEqual((row["open_quantity"], row["late_quantity"]), (6, 6))
        self.assertEqual(row["open_replenishments"], 0)
        self.take("procurement", day=today - timedelta(days=2))
        (row,) = self.rows("procurement", today - timedelta(days=2))
        self.assertEqual(row["quantity_ordered"], 10)
        self.assertEqual(row["amount_ordered"], "40.00")
        self.assertEqual(row["open_quantity"], 10)

    def test_utilization(self):
        self.play(*(self.register(f"P{n}") for n in range(4)))
        end = {"end": "2026-03-05T09:30:00Z", "provider": "Dr. No"}
        self.play(
            *(self.appointment("booked", f"P{n}", f"V{n}", n, **end) for n in range(4))
        )
        self.play(
            self.appointment("cancelled", "P0", "V0", 30, **end),
            self.appointment("no_show", "P1", "V1", 31, **end),
            self.completed("P2", "S2", 60, "V2"),
        )
        self.take("utilization")
        rows = {row["provider"]: row for row in self.rows("utilization")}
        visits, services = rows["Dr. No"], rows[None]
        self.assertEqual(
            [visits[name] for name in ("scheduled", "cancelled", "no_shows")], [4, 1, 1]
        )
        self.assertEqual(visits["minutes_scheduled"], 90)
        self.assertEqual(visits["minutes_completed"], 30)
        self.assertEqual(visits["patients"], 4)
        self.assertEqual((services["performed"], services["patients"]), (1, 1))
        self.take("utilization", day=date(2026, 3, 2))
        (row,) = self.rows("utilization", date(2026, 3, 2))
        self.assertEqual((row["booked"], row["scheduled"]), (4, 0))
        # Known late: the past day is told anew, of what differs only.
        self.play(self.appointment("cancelled", "P3", "V3", 40, **end))
        self.assertEqual(self.take("utilization"), 1)
        # A visit moved to another day is gone from this one.
        moved = {**end, "start": "2026-03-09T09:00:00Z", "end": "2026-03-09T10:00:00Z"}
        self.play(
            *(self.appointment("updated", f"P{n}", f"V{n}", 9, **moved) for n in (0, 1))
        )
        self.env["healthcare.appointment"].search([]).start = "2026-03-09 09:00:00"
        self.env["healthcare.completion"].search([]).performed_at = "2026-03-09"
        self.take("utilization")
        self.assertFalse(self.rows("utilization"))

    def test_financial_summary(self):
        self.play(
            self.register("P1"),
            self.register("P2", payer=None),
            self.completed("P1", "S1", 60),
        )
        bill = self.env["healthcare.completion"].search([]).invoice_ids
        self.take("financial_summary")
        (row,) = self.rows("financial_summary", payer="T-PAYER")
        self.assertEqual((row["charges"], row["ar_payer_0_30"]), ("800.00", "800.00"))
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref("P1"),
            "claim": {
                "id": "C1",
                "invoice": bill.name,
                "charged": "800.00",
                "paid": "600.00",
                "adjustments": [
                    {"group": "CO", "reason": "45", "amount": "150.00"},
                    {"group": "PR", "reason": "3", "amount": "50.00"},
                ],
            },
            "payer": {"code": "T-PAYER"},
        }
        decided = {
            **self.completed("P1", "X", 0),
            "data": data,
            "time": "2026-03-20T08:00:00Z",
            "type": "healthcare.claim.adjudicated.v1",
        }
        self.assertStates(self.play(decided), "done")
        self.assertEqual(self.take("financial_summary"), 0, "the day stays as it was")
        later = date(2026, 3, 20)
        self.take("financial_summary", day=later)
        (payer,) = self.rows("financial_summary", later, payer="T-PAYER")
        (patient,) = self.rows("financial_summary", later, payer=None)
        self.assertEqual(
            (payer["payments"], payer["adjustments"]), ("600.00", "150.00")
        )
        self.assertEqual(payer["ar_payer_0_30"], "0.00")
        self.assertEqual(patient["ar_patient_0_30"], "50.00")
        self.assertEqual(patient["charges"], "0.00", "billed once, to the payer")
        share = self.env["account.move"].search(
            [("healthcare_claim_role", "=", "patient")]
        )
        old = share.invoice_date_due + timedelta(days=100)
        self.take("financial_summary", day=old)
        (patient,) = self.rows("financial_summary", old, payer=None)
        self.assertEqual(patient["ar_patient_91_120"], "50.00")

    def test_denials(self):
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        bill = self.env["healthcare.completion"].search([]).invoice_ids
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref("P1"),
            "claim": {
                "id": "C1",
                "invoice": bill.name,
                "charged": "800.00",
                "adjustments": [{"group": "CO", "reason": "197", "amount": "800.00"}],
            },
            "payer": {"code": "T-PAYER"},
        }
        denied = {**self.completed("P1", "X", 90), "data": data}
        denied["type"] = "healthcare.claim.denied.v1"
        self.assertStates(self.play(denied), "done")
        claim = self.env["healthcare.fact"].search(
            [("fact_type", "=", "claim")], limit=1
        )
        self.assertEqual(claim.columns["denial_reason"], "CO-197")
        self.assertEqual(claim.columns["amount_denied"], "800.00")
        day = date(2026, 3, 2)
        self.take("financial_summary", day=day)
        (row,) = self.rows("financial_summary", day, payer="T-PAYER")
        self.assertEqual((row["denials"], row["amount_denied"]), (1, "800.00"))

    def test_smallest_cells_guard_each_other(self):
        cells = {
            (1, 1, "A"): ({}, set(range(3))),
            (1, 1, "B"): ({}, set(range(20))),
            (1, 1, "C"): ({}, set(range(30))),
            (1, 2, "A"): ({}, set(range(5))),
            (1, 2, "B"): ({}, set()),
        }
        self.assertEqual(
            self.snapshots._smallest(cells),
            {
                (1, 1, "A"): 3,
                (1, 1, "B"): 3,
                (1, 1, "C"): 30,
                (1, 2, "A"): 5,
                (1, 2, "B"): 0,
            },
        )

    def test_the_job_takes_what_is_over_once(self):
        taken = []
        self.env["healthcare.facility"].search([("id", "!=", self.facility.id)])[
            :
        ].active = False
        yesterday = self.snapshots._today(self.company) - timedelta(days=1)
        with (
            patch.object(
                type(self.snapshots), "_take", lambda _s, ones, day: taken.append(day)
            ),
            patch.object(type(self.env["ir.cron"]), "_commit_progress"),
        ):
            for expected in (
                [yesterday],
                [],
            ):
                taken.clear()
                self.snapshots._cron_take()
                self.assertEqual(taken, expected)
            self.company.healthcare_snapshot_day = yesterday - timedelta(days=1)
            self.snapshots._cron_take()
            again = [yesterday - timedelta(days=back) for back in (3, 2, 1, 0)]
            self.assertEqual(taken, again)
        self.assertEqual(self.company.healthcare_snapshot_day, yesterday)

    def test_wizard(self):
        users = {
            role: new_test_user(
                self.env,
                f"snap-{role}",
                groups=f"base.group_user,healthcare_connector.group_{role}",
            )
            for role in ("finance", "operator")
        }
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        values = {
            "date_from": DAY,
            "date_to": DAY + timedelta(days=1),
            "facility_ids": self.facility.ids,
        }
        wizards = self.env["healthcare.snapshot.wizard"]
        with self.assertRaises(AccessError):
            wizards.with_user(users["operator"]).create(values)
        wizard = wizards.with_user(users["finance"]).create(values)
        self.assertIn("2 days", wizard.action_take()["params"]["message"])
        self.assertTrue(self.rows("financial_summary"))
        wizard.date_to = fields.Date.today() + timedelta(days=3)
        wizard.date_from = wizard.date_to
        with self.assertRaises(UserError):
            wizard.action_take()
