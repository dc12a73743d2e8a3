"""Revenue of services that last over months is deferred and recognized."""

from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import fields
from odoo.tools import mute_logger

from .test_billing_policies import BillingCase


class TestRevenue(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deferred = cls.env["account.account"].create(
            {
                "name": "Deferred revenue",
                "code": "299901",
                "account_type": "liability_current",
            }
        )
        cls.company.healthcare_deferred_account_id = cls.deferred
        cls.rehab = cls._service("T-REHAB", 890.0, {}, cls.mri.service_line_id)
        cls.rehab.recognition = "period"

    def setUp(self):
        super().setUp()
        self.events_played = None

    def stay(self, number, start="2026-01-16", end="2026-04-14", minute=60, **more):
        """Play a stay, and return its invoice."""
        self.play(
            self.register("R1"),
            self.appointment(
                "confirmed",
                "R1",
                f"V{number}",
                10,
                ("T-REHAB",),
                start=f"{start}T08:00:00Z",
                end=f"{end}T12:00:00Z",
            ),
        )
        done = self.completed(
            "R1",
            number,
            minute,
            f"V{number}",
            charges=[
                {"code": "T-REHAB", "quantity": 1},
                {"code": "T-CONSULT", "quantity": 1},
            ],
            **more,
        )
        done["data"]["service"]["performed_at"] = f"{start}T09:00:00Z"
        self.events_played = self.play(done)
        return self.completion(number).invoice_ids

    def entries(self, invoice):
        return [
            (
                one.healthcare_deferral_month,
                str(one.date),
                -self.balance(self.deferred, one),
            )
            for one in invoice._healthcare_deferrals()
        ]

    def test_months_of_a_stay(self):
        invoice = self.stay("SR1")
        lines = invoice.invoice_line_ids
        self.assertEqual(
            {
                (str(one.healthcare_service_from), str(one.healthcare_service_to))
                for one in lines
            },
            {("2026-01-16", "2026-04-14")},
        )
        self.assertEqual(
            self.entries(invoice),
            [
                ("deferred", "2026-01-16", 890),
                ("2026-01", "2026-01-31", -160),
                ("2026-02", "2026-02-28", -280),
                ("2026-03", "2026-03-31", -310),
                ("2026-04", "2026-04-30", -140),
            ],
        )
        entries = invoice._healthcare_deferrals()
        self.assertEqual(set(entries.mapped("state")), {"posted"})
        self.assertBalanced(entries)
        self.assertEqual(self.balance(self.deferred, entries), 0)
        revenue = lines.account_id
        self.assertEqual(self.balance(revenue, entries), 0)
        self.assertEqual(self.balance(revenue, entries | invoice), -1010)
        # By month and facility, the analytic lines say what was earned.
        column = self.analytic["EAST"].plan_id._column_name()
        january = self.env["account.analytic.line"].search(
            [
                (column, "=", self.analytic["EAST"].id),
                ("date", ">=", "2026-01-01"),
                ("date", "<=", "2026-01-31"),
            ]
        )
        self.assertAlmostEqual(sum(january.mapped("amount")), 120 + 160)

    def test_cents_add_up(self):
        self.rehab.product_id.lst_price = 100.0
        invoice = self.stay("SR1")
        self.assertEqual(
            [amount for _month, _date, amount in self.entries(invoice)],
            [100, -17.98, -31.46, -34.83, -15.73],
        )

    def test_what_is_not_deferred(self):
        self.assertFalse(self.entries(self.stay("SR1", end="2026-01-31")))
        self.rehab.recognition = "once"
        self.assertFalse(self.entries(self.stay("SR2")))

    def test_months_to_come_stay_drafts(self):
        today = fields.Date.today()
        invoice = self.stay("SR1", str(today), str(today + timedelta(days=80)))
        entries = invoice._healthcare_deferrals()
        later = entries.filtered(lambda one: one.date > today)
        self.assertTrue(later)
        self.assertEqual(set(later.mapped("state")), {"draft"})
        self.assertEqual(set(later.mapped("auto_post")), {"at_date"})
        self.assertEqual(set((entries - later).mapped("state")), {"posted"})
        invoice._reverse_moves([{"date": today}], cancel=True)
        self.assertEqual(set(later.mapped("state")), {"cancel"})
        posted = entries - later
        self.assertEqual(
            self.balance(self.deferred, posted | posted.reversal_move_ids), 0
        )

    def test_undone_with_the_invoice(self):
        invoice = self.stay("SR1")
        entries = invoice._healthcare_deferrals()
        invoice._reverse_moves([{"date": "2026-05-02"}], cancel=True)
        undone = entries.reversal_move_ids
        self.assertEqual(len(undone), len(entries))
        self.assertBalanced(undone)
        self.assertEqual(self.balance(self.deferred, entries | undone), 0)
        for entry in entries:
            self.assertEqual(
                self.balance(self.deferred, entry | entry.reversal_move_ids), 0
            )

    def test_made_anew_when_the_invoice_is_posted_again(self):
        invoice = self.stay("SR1")
        first = invoice._healthcare_deferrals()
        invoice.button_draft()
        self.assertEqual(set(first.mapped("state")), {"cancel"})
        invoice.action_post()
        self.assertEqual(len(self.entries(invoice)), 5)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(UniqueViolation),
            self.env.cr.savepoint(),
        ):
            invoice._healthcare_defer_revenue()
            self.env.flush_all()

    def test_drafts_defer_at_posting(self):
        self.facility.invoice_policy = "draft"
        invoice = self.stay("SR1")
        self.assertFalse(self.entries(invoice))
        invoice.action_post()
        self.assertEqual(len(self.entries(invoice)), 5)

    def test_waits_for_the_account(self):
        self.company.healthcare_deferred_account_id = False
        self.assertFalse(self.stay("SR1"))
        self.assertStates(self.events_played, "exception")
        self.facility.deferred_account_id = self.deferred
        self.process()
        self.assertStates(self.events_played, "done")
        self.assertEqual(len(self.entries(self.completion("SR1").invoice_ids)), 5)

    def test_booked_when_all_is_earned(self):
        self.facility.period_policy = "next"
        self.company.fiscalyear_lock_date = "2026-04-30"
        invoice = self.stay("SR1")
        self.assertGreater(str(invoice.date), "2026-04-30")
        self.assertFalse(self.entries(invoice))

    def test_a_late_invoice_recognizes_what_is_earned_already(self):
        self.facility.invoice_policy = "draft"
        invoice = self.stay("SR1")
        invoice.invoice_date = "2026-03-10"
        invoice.action_post()
        self.assertEqual(
            self.entries(invoice),
            [
                ("deferred", "2026-03-10", 890),
                ("2026-01", "2026-03-10", -160),
                ("2026-02", "2026-03-10", -280),
                ("2026-03", "2026-03-31", -310),
                ("2026-04", "2026-04-30", -140),
            ],
        )
