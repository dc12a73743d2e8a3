"""One payment for several invoices, by exact amounts; too much; and by reference."""

from itertools import permutations

from .payment_common import PaymentCase


class TestPaymentMatching(PaymentCase):
    def residuals(self, invoices):
        return [invoice.amount_residual for invoice in invoices]

    def test_amounts_are_applied_exactly(self):
        invoices = self.treated("P1", "S1", "S2", "S3")
        one, two, three = invoices
        amounts = {three: "500.00", one: "800.00", two: "0.01"}
        events = self.play(self.by_invoices("PAY1", "1300.01", amounts))
        self.assertStates(events, "done")
        self.assertEqual(self.residuals(invoices), [0, 799.99, 300])
        payment = self.recorded("PAY1")
        self.assertEqual(len(payment), 1)
        self.assertFalse(payment._healthcare_credit())
        self.assertEqual(
            {issue.fingerprint: issue.amount_at_risk for issue in self.issues()},
            {f"partial/{two.id}": 799.99, f"partial/{three.id}": 300},
        )

    def test_nothing_of_the_rest_goes_to_a_part_paid_invoice(self):
        (invoice,) = self.treated("P1", "S1")
        events = self.play(self.by_invoice("PAY1", "60.00", invoice, paid="100.00"))
        self.assertStates(events, "done")
        self.assertEqual(invoice.amount_residual, 740)
        self.assertEqual(
            sum(self.recorded("PAY1")._healthcare_credit().mapped("amount_residual")),
            -40,
        )
        self.assertEqual(
            sorted(self.issues("payment_mismatch").mapped("amount_at_risk")), [40, 740]
        )

    def test_the_same_invoice_twice_in_one_payment(self):
        (invoice,) = self.treated("P1", "S1")
        sent = self.by_invoice("PAY1", "100.00", invoice, paid="300.00")
        sent["data"]["allocations"].append(
            {"account_number": "ACC-P1", "amount": "700.00"}
        )
        sent["data"]["payment"]["amount"] = "800.00"
        self.assertStates(self.play(sent), "done")
        self.assertEqual(invoice.payment_state, "paid")

    def test_several_payments_at_once_for_parts_of_the_same(self):
        one, two = self.treated("P1", "S1", "S2")
        events = self.play(
            self.by_invoices("PAY1", "500.00", {one: "100.00", two: "400.00"}),
            self.by_invoices("PAY2", "900.00", {one: "500.00", two: "400.00"}),
            self.by_invoices("PAY3", "200.00", {one: "200.00"}),
        )
        self.assertStates(events, "done")
        self.assertEqual(self.residuals([one, two]), [0, 0])
        self.assertFalse(self.issues())

    def test_in_any_order_with_duplicates(self):
        for index, order in enumerate(permutations(range(3))):
            one, two = self.treated(f"M{index}", f"SM{index}", f"TM{index}")
            steps = [
                self.by_invoices(
                    f"A{index}", "500.00", {one: "100.00", two: "400.00"}, 90
                ),
                self.by_invoices(f"B{index}", "400.00", {two: "400.00"}, 91),
                self.by_invoices(f"C{index}", "750.00", {one: "750.00"}, 92),
            ]
            for position in order:
                self.assertStates(self.play(steps[position]), "done")
                self.play(steps[order[0]])
            self.assertEqual(self.residuals([one, two]), [0, 0])
            issue = self.issues()
            self.assertEqual(issue.amount_at_risk, 50)
            self.assertTrue(issue.fingerprint.startswith("rest/"))
            issue._close("waived", "waived")

    def test_overpaid(self):
        (invoice,) = self.treated("P1", "S1")
        events = self.play(self.by_invoice("PAY1", "850.00", invoice))
        self.assertStates(events, "done")
        payment = self.recorded("PAY1")
        self.assertEqual(invoice.payment_state, "paid")
        self.assertEqual(payment.amount, 850)
        issue = self.issues("payment_mismatch")
        self.assertEqual(issue.fingerprint, f"rest/{payment.id}")
        self.assertEqual(issue.amount_at_risk, 50)
        self.assertIn("credit", issue.reason)
        # The credit is used up by hand: nothing is at risk any more.
        (other,) = self.treated("P2", "S2")
        (other._healthcare_receivable() | payment._healthcare_credit()).reconcile()
        self.env.cr.flush()
        self.assertEqual(other.amount_residual, 750)
        self.assertEqual(issue.state, "resolved")

    def test_invoices_of_two_payers_are_refused(self):
        (one,) = self.treated("P1", "S1")
        self.payer.copy({"name": "Other payer", "healthcare_payer_code": "T-OTHER"})
        (two,) = self.treated("P2", "S2", registration={"payer": "T-OTHER"})
        self.assertNotEqual(one.partner_id, two.partner_id)
        events = self.play(
            self.by_invoices("PAY1", "1600.00", {one: "800.00", two: "800.00"})
        )
        self.assertStates(events, "exception")
        self.assertIn("several payers", self.issues("payment_mismatch").reason)
        self.assertEqual(self.residuals([one, two]), [800, 800])
        self.assertFalse(self.recorded("PAY1"))

    def test_the_reference_is_an_invoice_number(self):
        (invoice,) = self.treated("P1", "S1")
        for number, more in (("PAY1", {}), ("PAY2", {"mrn": "P1"})):
            sent = self.payment(number, "300.00", 90, **more)
            sent["data"]["payment"]["reference"] = invoice.name
            self.assertStates(self.play(sent), "done")
        self.assertEqual(invoice.amount_residual, 200)
        self.treated("P2", "S2")
        sent = self.payment("PAY3", "200.00", 90, "P2")
        sent["data"]["payment"]["reference"] = invoice.name
        self.assertStates(self.play(sent), "exception")
        self.assertEqual(invoice.amount_residual, 200)

    def test_the_reference_comes_before_its_invoice(self):
        (last,) = self.treated("P1", "S1")
        prefix, _slash, number = last.name.rpartition("/")
        for offset, side in ((1, "payer"), (2, "patient")):
            name = f"{prefix}/{int(number) + offset:0{len(number)}}"
            sent = self.payment(f"PAY{offset}", "800.00", 90, payer_type=side)
            sent["data"]["payment"]["reference"] = name
            event = self.play(sent)
            self.assertStates(event, "exception")
            (invoice,) = self.treated(f"Q{offset}", f"T{offset}")
            self.assertEqual(invoice.name, name)
            self.assertStates(event, "done")
            self.assertEqual(invoice.payment_state, "paid")

    def test_reversal_leaves_the_other_parts(self):
        (invoice,) = self.treated("P1", "S1")
        first = self.by_invoice("PAY1", "300.00", invoice)
        second = self.by_invoice("PAY2", "500.00", invoice, 91)
        self.play(first, second)
        self.assertEqual(invoice.payment_state, "paid")
        self.assertFalse(self.issues())
        self.play(self.reversal(second))
        self.assertEqual(invoice.amount_residual, 500)
        self.assertEqual(self.issues("payment_mismatch").amount_at_risk, 500)
        self.play(self.reversal(first))
        self.assertEqual(invoice.amount_residual, 800)
        self.assertFalse(self.issues())
        self.assertEqual(
            self.facts("payment", self.recorded("PAY1"))[-1:].partner_id,
            self.patient("P1"),
        )

    def test_reversal_after_a_part_was_applied_by_hand(self):
        one, two = self.treated("P1", "S1", "S2")
        sent = self.by_invoice("PAY1", "850.00", one)
        self.play(sent)
        payment = self.recorded("PAY1")
        (two._healthcare_receivable() | payment._healthcare_credit()).reconcile()
        self.env.cr.flush()
        self.assertEqual(self.residuals([one, two]), [0, 750])
        self.assertStates(self.play(self.reversal(sent)), "done")
        self.assertEqual(payment.state, "canceled")
        self.assertEqual(self.residuals([one, two]), [800, 800])
        self.assertEqual(self.told("invoice", two)[-1], "not_paid")
        self.assertFalse(self.issues())

    def test_reversal_of_what_was_reset_or_cancelled_by_hand(self):
        one, two = self.treated("P1", "S1", "S2")
        sent = [
            self.by_invoice("PAY1", "800.00", one),
            self.by_invoice("PAY2", "800.00", two),
        ]
        self.play(*sent)
        self.recorded("PAY1").action_draft()
        self.recorded("PAY2").action_cancel()
        self.assertStates(self.play(*map(self.reversal, sent)), "done")
        self.assertEqual(self.recorded("PAY1").state, "canceled")
        self.assertEqual(self.recorded("PAY2").state, "canceled")
        self.assertEqual(self.residuals([one, two]), [800, 800])
