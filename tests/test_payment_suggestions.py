"""Money that found no invoice is used by one click, and stays traceable."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user

from .payment_common import PaymentCase


class TestPaymentSuggestions(PaymentCase):
    def setUp(self):
        super().setUp()
        group = "healthcare_connector.group_%s"
        self.finance = new_test_user(self.env, "money", group % "finance")
        self.operator = new_test_user(self.env, "queue", group % "operator")

    def parked(self, envelope):
        event = self.play(envelope)
        self.assertStates(event, "exception")
        return event, event.open_exception_id

    def suggested(self, issue):
        return [(one.invoices, one.amount) for one in issue.suggestion_ids]

    def wizard(self, issue, amounts, user=None, **values):
        return (
            self.env["healthcare.payment.wizard"]
            .with_user(user or self.finance)
            .create(
                {
                    "exception_id": issue.id,
                    "reason": "The remittance advice says so",
                    "line_ids": [
                        Command.create({"move_id": move.id, "amount": amount})
                        for move, amount in amounts.items()
                    ],
                    **values,
                }
            )
        )

    def test_ranked_with_reasons(self):
        bills = self.treated("P1", "S1", "S2", "S3")
        one, two, three = sorted(bills, key=lambda bill: bill.id)
        self.pay_by_hand(three, amount=100)
        _event, issue = self.parked(self.by_account("PAY1", "1500.00", "P1"))
        first = issue.suggestion_ids[0]
        self.assertEqual(first.amount, 1500)
        self.assertIn(three.name, first.invoices)
        self.assertIn(first.invoices.split(", ")[0], (one.name, two.name))
        self.assertEqual(
            first.reason,
            "2 invoices that add up to it, same patient, issued 4 days before the "
            "payment",
        )
        scores = issue.suggestion_ids.mapped("score")
        self.assertEqual(scores, sorted(scores, reverse=True))

    def test_applied_by_one_click(self):
        (bill,) = self.treated("P1", "S1")
        event, issue = self.parked(self.by_account("PAY1", "500.00", "P1"))
        self.assertEqual(self.suggested(issue), [(bill.name, 500)])
        with self.assertRaises(AccessError):
            issue.suggestion_ids.with_user(self.operator).action_apply()
        suggestion = issue.suggestion_ids.with_user(self.finance)
        suggestion.action_apply()
        with self.assertRaises(UserError):  # it is on its way
            suggestion.action_apply()
        self.process()
        self.assertStates(event, "done")
        self.assertEqual(bill.amount_residual, 300)
        self.assertEqual((issue.state, issue.resolution), ("resolved", "corrected"))
        self.assertFalse(issue.suggestion_ids)
        correction = event.correction_ids
        self.assertEqual(correction.user_id, self.finance)
        self.assertIn("Pays a part of it", correction.reason)
        self.assertIn(
            bill,
            self.env["account.move"].browse(
                event.link_ids.filtered(
                    lambda link: link.res_model == "account.move"
                ).mapped("res_id")
            ),
        )
        again = self.play(self.by_account("PAY1", "500.00", "P1", 95))
        self.assertStates(again, "done")
        self.assertEqual(len(self.recorded("PAY1")), 1)

    def test_a_slip_in_the_number(self):
        (bill,) = self.treated("P1", "S1")
        sent = self.by_invoice("PAY1", "800.00", bill)
        name = bill.name
        wrong = name[:-1] + str((int(name[-1]) + 1) % 10)
        self.env["account.move"].search([("name", "=", wrong)]).name = "X/1"
        sent["data"]["allocations"][0]["invoice"] = wrong
        _event, issue = self.parked(sent)
        self.assertEqual(self.suggested(issue)[0], (bill.name, 800))
        self.assertIn("one slip away", issue.suggestion_ids[0].reason)

    def test_nobody_is_named(self):
        (bill,) = self.treated("P1", "S1")
        event, issue = self.parked(self.payment("PAY1", "800.00", 90))
        self.assertIn((bill.name, 800), self.suggested(issue))
        issue.suggestion_ids.filtered(lambda one: one.invoices == bill.name).with_user(
            self.finance
        ).action_apply()
        self.process()
        self.assertStates(event, "done")
        self.assertEqual(bill.payment_state, "paid")

    def test_suggestions_grow_stale(self):
        (bill,) = self.treated("P1", "S1")
        _event, issue = self.parked(self.by_account("PAY1", "500.00", "P1"))
        suggestion = issue.suggestion_ids.with_user(self.finance)
        self.pay_by_hand(bill, amount=700)
        with self.assertRaises(UserError):
            suggestion.action_apply()
        issue.with_user(self.operator).action_suggest()
        self.assertEqual(self.suggested(issue), [(bill.name, 100)])

    def test_any_invoices_by_wizard(self):
        one, two = self.treated("P1", "S1", "S2")
        event, issue = self.parked(self.by_account("PAY1", "900.00", "P1"))
        action = issue.with_user(self.finance).action_open_payment_wizard()
        form = Form(
            self.env[action["res_model"]]
            .with_user(self.finance)
            .with_context(**action["context"])
        )
        self.assertEqual(form.amount, 900)
        with form.line_ids.new() as line:
            line.move_id = one
            self.assertEqual(line.amount, 800)
        with form.line_ids.new() as line:
            line.move_id = two
            line.amount = 50
        self.assertEqual(form.rest, 50)
        form.reason = "By telephone"
        form.save().action_apply()
        self.process()
        self.assertStates(event, "done")
        self.assertEqual((one.amount_residual, two.amount_residual), (0, 750))
        self.assertEqual(event.correction_ids.reason, "By telephone")
        rest = self.issues().filtered(lambda i: i.fingerprint.startswith("rest/"))
        self.assertEqual(rest.amount_at_risk, 50)

    def test_kept_as_a_credit(self):
        self.treated("P1", "S1")
        for number, owner in (("PAY1", self.patient("P1")), ("PAY2", self.payer)):
            event, issue = self.parked(self.by_account(number, "333.33", "P1"))
            wizard = self.wizard(issue, {}, owner_id=owner.id)
            self.assertEqual(wizard.amount, 333.33)
            wizard.reason = " "
            with self.assertRaises(UserError):
                wizard.action_keep()
            wizard.reason = "A deposit"
            wizard.action_keep()
            self.process()
            self.assertStates(event, "done")
            payment = self.recorded(number)
            self.assertEqual(payment.partner_id, owner)
            self.assertEqual(
                sum(payment._healthcare_credit().mapped("amount_residual")), -333.33
            )
            self.assertEqual(issue.resolution, "corrected")
        self.assertFalse(self.issues())
        # What a sender calls the same means nothing.
        sent = self.payment("PAY3", "5.00", 90, "P1")
        sent["data"]["healthcare_on_account"] = "patient"
        self.parked(sent)

    def test_rest_of_a_posted_payment(self):
        one, two = self.treated("P1", "S1", "S2")
        self.play(self.by_invoice("PAY1", "1000.00", one))
        issue = self.issues()
        payment = self.recorded("PAY1")
        self.assertEqual(self.suggested(issue), [(two.name, 200)])
        self.assertEqual(self.told("invoice", two), ["not_paid"])
        issue.suggestion_ids.with_user(self.finance).action_apply()
        self.assertEqual(two.amount_residual, 600)
        self.assertFalse(payment._healthcare_credit())
        self.assertEqual(self.told("invoice", two), ["not_paid", "partial"])
        self.assertEqual((issue.state, issue.resolution), ("resolved", "corrected"))
        self.assertEqual(issue.resolved_by_id, self.finance)
        self.assertIn(two.id, issue.event_id.link_ids.mapped("res_id"))

    def test_part_of_a_rest_then_the_other_is_kept(self):
        one, two = self.treated("P1", "S1", "S2")
        self.play(self.by_invoice("PAY1", "1000.00", one))
        issue = self.issues()
        self.wizard(issue, {two: 150}).action_apply()
        self.env.cr.flush()
        self.assertEqual(two.amount_residual, 650)
        self.assertEqual((issue.state, issue.amount_at_risk), ("open", 50))
        self.assertEqual(self.suggested(issue), [(two.name, 50)])
        self.wizard(issue, {}).action_keep()
        self.assertEqual((issue.state, issue.resolution), ("resolved", "corrected"))
        self.assertEqual(two.amount_residual, 650)

    def test_refused(self):
        one, two = self.treated("P1", "S1", "S2")
        _event, issue = self.parked(self.by_account("PAY1", "900.00", "P1"))
        for amounts in ({}, {one: 800.01}, {one: 0}, {one: 800, two: 101}):
            with self.assertRaises(UserError):
                self.wizard(issue, amounts).action_apply()
        with self.assertRaises(AccessError):
            self.wizard(issue, {one: 800}, user=self.operator)
        self.assertFalse(
            issue.with_user(self.operator).suggestion_ids.filtered(
                lambda one: not one.reason
            )
        )
        issue._waive("Sent in error")
        with self.assertRaises(UserError):
            self.wizard(issue, {one: 800}).action_apply()

    def test_many_at_once(self):
        """Statements do not grow with each payment that is parked."""
        numbers = range(150)
        self.play(*(self.register(f"B{i}") for i in numbers))
        self.play(
            *(self.completed(f"B{i}", f"SB{i}", 60, consumables=[]) for i in numbers)
        )
        self.assertBulk(
            lambda n: self.by_account(f"PAYB{n}", "10.00", f"B{n}"), per_event=5
        )
        self.assertTrue(all(issue.suggestion_ids for issue in self.issues()))
