"""A fee for who does not come: off by default, once, and credited when wrong."""

from itertools import permutations

from psycopg2 import IntegrityError

from odoo.tools import mute_logger

from .workflow_common import WorkflowCase


class TestNoShowFee(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.play(self.register("N1"))

    def ask_for_fee(self):
        fee = self.env["product.product"].create(
            {"name": "No-show fee", "type": "service", "taxes_id": False}
        )
        self.facility.write({"no_show_fee": 40, "no_show_product_id": fee.id})
        return fee

    def step(self, kind, minute, number="NV1"):
        return self.appointment(kind, "N1", number, minute)

    def invoices(self):
        return self.visit("NV1").fee_invoice_ids.sorted("id")

    def owed(self):
        return sum(self.invoices().mapped("amount_residual_signed"))

    def test_nothing_is_billed_by_default(self):
        self.play(self.step("booked", 5), self.step("no_show", 20))
        self.assertEqual(self.visit("NV1").state, "no_show")
        self.assertFalse(self.invoices())

    def test_fee_is_invoiced_once(self):
        product = self.ask_for_fee()
        self.play(self.step("booked", 5))
        events = self.play(self.step("no_show", 20), self.step("no_show", 21))
        self.assertStates(events, "done")
        invoice = self.invoices()
        self.assertEqual(len(invoice), 1)
        self.assertEqual((invoice.state, invoice.amount_total), ("posted", 40))
        self.assertEqual(invoice.partner_id, self.patient("N1"))
        self.assertEqual(invoice.healthcare_responsible, "patient")
        self.assertEqual(invoice.invoice_line_ids.product_id, product)
        self.assertEqual(
            invoice.invoice_line_ids.analytic_distribution,
            {str(self.analytic["EAST"].id): 100.0},
        )
        self.assertIn(
            (invoice._name, invoice.id),
            [(link.res_model, link.res_id) for link in events.link_ids],
        )
        facts = self.env["healthcare.fact"].search(
            [("fact_type", "=", "invoice"), ("res_id", "=", invoice.id)]
        )
        self.assertTrue(facts)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.cr.savepoint(),
        ):
            invoice.copy({"healthcare_fee_appointment_id": self.visit("NV1").id})
            self.env.flush_all()

    def test_a_payment_finds_the_fee(self):
        self.ask_for_fee()
        held = self.play(self.payment("NP1", "40.00", 30, "N1", payer_type="patient"))
        self.assertStates(held, "exception")
        self.play(self.step("no_show", 20))
        self.assertStates(held, "done")
        self.assertEqual(self.invoices().payment_state, "paid")

    def test_came_or_cancelled_after_all(self):
        self.ask_for_fee()
        for kind, state in (("cancelled", "cancelled"), ("checked_in", "checked_in")):
            point = self.cr.savepoint(flush=True)
            self.play(self.step("booked", 5), self.step("no_show", 20))
            self.play(self.step(kind, 25))
            self.assertEqual(self.visit("NV1").state, state)
            invoice, credit = self.invoices()
            self.assertEqual(credit.move_type, "out_refund")
            self.assertEqual(credit.healthcare_patient_id, self.patient("N1"))
            self.assertEqual(invoice.payment_state, "reversed")
            self.assertEqual(self.owed(), 0)
            point.close(rollback=True)
            self.env.invalidate_all()

    def test_a_paid_fee_becomes_a_credit(self):
        self.ask_for_fee()
        self.play(self.step("no_show", 20))
        self.play(self.payment("NP1", "40.00", 22, "N1", payer_type="patient"))
        self.assertEqual(self.invoices().payment_state, "paid")
        self.play(self.step("cancelled", 25))
        self.assertEqual(self.owed(), 0)
        visit = self.visit("NV1")
        self.assertEqual(
            visit._patient_credits(), {(visit.patient_id, self.company): 40}
        )

    def test_in_any_order(self):
        self.ask_for_fee()
        steps = [
            self.step("confirmed", 5),
            self.step("no_show", 20),
            self.step("checked_in", 25),
        ]
        for order in permutations(range(3)):
            point = self.cr.savepoint(flush=True)
            for position in order:
                self.play(steps[position])
            visit = self.visit("NV1")
            self.env.invalidate_all()
            self.assertEqual(visit.state, "checked_in", order)
            self.assertEqual(visit.order_id.state, "sale", order)
            self.assertEqual(visit.supplies_state, "reserved", order)
            self.assertEqual(self.owed(), 0, order)
            point.close(rollback=True)
            self.env.invalidate_all()

    def test_a_service_performed_drops_the_fee(self):
        self.ask_for_fee()
        self.play(self.step("booked", 5), self.step("no_show", 20))
        self.play(self.completed("N1", "NS1", 60, "NV1"))
        self.assertEqual(self.visit("NV1").state, "completed")
        self.assertEqual(self.owed(), 0)
        self.assertEqual(len(self.invoices()), 2)
