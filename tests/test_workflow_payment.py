"""Money finds its invoices, in any order of arrival, and is undone exactly."""

from itertools import permutations

from .payment_common import PaymentCase


class TestPayment(PaymentCase):
    def test_matched_by_account(self):
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        events = self.play(self.by_account("PAY1", "800.00", "P1"))
        self.assertStates(events, "done")
        invoice, payment = self.invoice("S1"), self.recorded("PAY1")
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(payment.state, "paid")
        self.assertEqual(payment.partner_id, self.payer)
        self.assertEqual(payment.reconciled_invoice_ids, invoice)
        facts = self.env["healthcare.fact"].search([("event_id", "=", events.id)])
        self.assertEqual(sorted(facts.mapped("fact_type")), ["invoice", "payment"])
        again = self.play(self.by_account("PAY1", "800.00", "P1", 91))
        self.assertStates(again, "done")
        self.assertEqual(len(self.recorded("PAY1")), 1)
        other = self.play(self.by_account("PAY1", "8.00", "P1", 92))
        self.assertStates(other, "exception")

    def test_matched_by_patient_and_amount(self):
        self.play(
            self.register("P1"),
            self.completed(
                "P1", "S1", 60, charges=[{"code": "T-CONSULT", "quantity": 1}]
            ),
            self.completed("P1", "S2", 61),
        )
        events = self.play(
            self.payment("PAY1", "800.00", 90, "P1"),
            self.payment("PAY2", "120.00", 90, "P1"),
        )
        self.assertStates(events, "done")
        self.assertEqual(self.invoice("S1").payment_state, "paid")
        self.assertEqual(self.invoice("S2").payment_state, "paid")

    def test_everybody_pays_their_own(self):
        self.play(*(self.register(f"P{i}") for i in range(4)))
        self.play(*(self.completed(f"P{i}", f"S{i}", 60) for i in range(3)))
        events = self.play(
            self.by_account("PAY3", "800.00", "P3"),
            *(self.payment(f"PAY{i}", "800.00", 90, f"P{i}") for i in (1, 2)),
            self.by_account("PAY0", "800.00", "P0"),
        )
        self.assertStates(events, "exception", "done", "done", "done")
        for i in range(3):
            paid = self.recorded(f"PAY{i}").reconciled_invoice_ids
            self.assertEqual(paid, self.invoice(f"S{i}"))

    def test_several_invoices_at_once(self):
        self.play(
            self.register("P1"), *(self.completed("P1", f"S{i}", 60) for i in range(3))
        )
        self.assertStates(self.play(self.by_account("PAY1", "1600.00", "P1")), "done")
        states = [self.invoice(f"S{i}").payment_state for i in range(3)]
        self.assertEqual(sorted(states), ["not_paid", "paid", "paid"])

    def test_before_the_invoice_in_any_order(self):
        for index, order in enumerate(permutations(range(3))):
            mrn = f"O{index}"
            steps = [
                self.register(mrn),
                self.completed(mrn, f"SO{index}", 60),
                self.by_account(f"PAYO{index}", "800.00", mrn),
            ]
            events = self.env["healthcare.event"]
            for position in order:
                events |= self.play(steps[position])
            self.assertStates(events, "done")
            self.assertEqual(self.invoice(f"SO{index}").payment_state, "paid")
        self.assertFalse(self.issues())

    def test_fits_nothing(self):
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        events = self.play(
            self.by_account("PAY1", "333.33", "P1"),
            self.payment("PAY2", "5.00", 90),
            self.payment("PAY3", "800.00", 90, "P1", payer_type="patient"),
            self.payment("PAY4", "800.00", 90, "NOBODY"),
        )
        self.assertStates(events, "exception")
        self.assertEqual(
            sorted(self.issues("payment_mismatch").mapped("amount_at_risk")),
            [5.0, 333.33, 800.0, 800.0],
        )
        self.assertEqual(self.invoice("S1").payment_state, "not_paid")

    def test_partial_then_rest(self):
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        invoice = self.invoice("S1")
        self.play(self.by_invoice("PAY1", "300.00", invoice))
        self.assertEqual(invoice.amount_residual, 500)
        issue = self.issues("payment_mismatch")
        self.assertEqual(issue.amount_at_risk, 500)
        self.play(self.by_invoice("PAY2", "500.00", invoice))
        self.assertEqual(invoice.payment_state, "paid")
        self.assertFalse(self.issues())
        more = self.play(self.by_invoice("PAY3", "1.00", invoice))
        self.assertStates(more, "done")
        self.assertEqual(self.issues("payment_mismatch").amount_at_risk, 1)

    def test_partial_settled_by_hand(self):
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        invoice = self.invoice("S1")
        self.play(self.by_invoice("PAY1", "300.00", invoice))
        self.assertTrue(self.issues())
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({})._create_payments()
        self.engine._cron_sweep()
        self.assertFalse(self.issues())

    def test_more_than_allocated(self):
        self.play(self.register("P1"), self.completed("P1", "S1", 60))
        invoice = self.invoice("S1")
        events = self.play(self.by_invoice("PAY1", "800.00", invoice, paid="850.00"))
        self.assertStates(events, "done")
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(self.issues("payment_mismatch").amount_at_risk, 50)

    def test_reversed_in_any_order(self):
        for index, order in enumerate(permutations(range(2))):
            mrn = f"R{index}"
            self.play(self.register(mrn), self.completed(mrn, f"SR{index}", 60))
            received = self.by_account(f"PAYR{index}", "800.00", mrn)
            back = self.reversal(received)
            events = self.env["healthcare.event"]
            for position in order:
                events |= self.play([received, back][position])
            self.assertStates(events, "done")
            self.assertEqual(self.recorded(f"PAYR{index}").state, "canceled")
            self.assertEqual(self.invoice(f"SR{index}").amount_residual, 800)
            self.assertFalse(self.issues())

    def test_bulk_stays_bulk(self):
        numbers = range(150)
        self.play(*(self.register(f"B{i}") for i in numbers))
        self.play(
            *(self.completed(f"B{i}", f"SB{i}", 60, consumables=[]) for i in numbers)
        )
        self.assertBulk(
            lambda n: self.by_account(f"PAYB{n}", "800.00", f"B{n}"), per_event=24
        )
