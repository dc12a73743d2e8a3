"""What people do to our invoices in Odoo itself is reflected everywhere."""

from datetime import date

from odoo import Command
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.models.erp.billing.account_move_changes import (
    NOTED,
)

from .payment_common import PaymentCase


class TestHandChanges(PaymentCase):
    def setUp(self):
        super().setUp()
        (self.bill,) = self.treated("P1", "S1")

    def late(self):
        """Open exceptions for what payers should have paid."""
        self.bill.invoice_date_due = date(2026, 3, 6)
        self.env["account.move"]._cron_healthcare_delayed_payments()
        issue = self.issues("delayed_payment")
        self.assertEqual(issue.amount_at_risk, self.bill.amount_residual)
        return issue

    def test_late_money_comes_after_all(self):
        issue = self.late()
        self.play(self.by_invoice("PAY1", "300.00", self.bill))
        self.assertEqual(issue.state, "open")
        sent = self.by_invoice("PAY2", "500.00", self.bill, 91)
        self.play(sent)
        self.assertEqual((issue.state, issue.resolution), ("resolved", "cause_gone"))
        # The bank takes it back: it is late again.
        self.play(self.reversal(sent))
        self.assertEqual(self.late().amount_at_risk, 500)

    def test_paid_by_a_user_without_our_rights(self):
        issue = self.late()
        user = new_test_user(
            self.env, "cashier", "base.group_user,account.group_account_invoice"
        )
        before = self.told("invoice", self.bill)
        payments = (
            self.env["account.payment.register"]
            .with_user(user)
            .with_context(active_model="account.move", active_ids=self.bill.ids)
            .create({})
            ._create_payments()
        )
        self.assertEqual(self.told("invoice", self.bill), before + ["paid"])
        self.assertEqual(self.told("payment", payments), ["paid"])
        fact = self.facts("payment", payments)
        self.assertEqual(fact.partner_id, self.patient("P1"))
        self.assertEqual(fact.facility_id, self.facility)
        self.assertEqual(fact.columns["payer_type"], "payer")
        self.assertEqual(issue.state, "resolved")

        payments.with_user(user).action_draft()
        payments.with_user(user).action_cancel()
        self.assertEqual(self.told("payment", payments)[-1], "canceled")
        self.assertEqual(self.told("invoice", self.bill)[-1], "not_paid")
        self.assertEqual(
            self.facts("payment", payments)[-1:].facility_id, self.facility
        )

    def test_unreconciled_and_reconciled_again(self):
        payments = self.pay_by_hand(self.bill)
        self.assertEqual(self.told("invoice", self.bill), ["not_paid", "paid"])
        self.bill.line_ids.remove_move_reconcile()
        self.assertEqual(self.told("invoice", self.bill)[-1], "not_paid")
        lines = self.bill._healthcare_receivable() | payments._healthcare_credit()
        lines.reconcile()
        self.assertEqual(
            self.told("invoice", self.bill), ["not_paid", "paid", "not_paid", "paid"]
        )

    def test_part_paid_by_hand(self):
        self.play(self.by_invoice("PAY1", "300.00", self.bill))
        issue = self.issues("payment_mismatch")
        self.assertEqual(issue.amount_at_risk, 500)
        self.pay_by_hand(self.bill, amount=100)
        facts = self.facts("invoice", self.bill)
        self.assertEqual(facts[-1:].columns["amount_residual"], "400.00")
        self.assertEqual(issue.amount_at_risk, 400)
        self.assertIn("400.00", issue.reason)
        self.pay_by_hand(self.bill)
        self.env.cr.flush()
        self.assertEqual(issue.state, "resolved")

    def test_cancelled(self):
        late = self.late()
        self.play(self.by_invoice("PAY1", "300.00", self.bill))
        partial = self.issues("payment_mismatch")
        self.bill.button_cancel()
        self.assertEqual(self.told("invoice", self.bill)[-1], "cancel")
        self.assertEqual((late.state, partial.state), ("resolved", "resolved"))

    def test_reset_corrected_and_posted_again(self):
        self.bill.button_draft()
        self.assertEqual(self.told("invoice", self.bill), ["not_paid", "draft"])
        parked = self.play(self.by_account("PAY1", "750.00", "P1"))
        self.assertStates(parked, "exception")
        self.bill.invoice_line_ids.price_unit = 750
        self.bill.action_post()
        facts = self.facts("invoice", self.bill)
        self.assertEqual(facts[-1:].columns["state"], "not_paid")
        self.assertEqual(facts[-1:].columns["amount_total"], "750.00")
        # Money that waited for such an invoice finds it.
        self.process()
        self.assertStates(parked, "done")
        self.assertEqual(self.bill.payment_state, "paid")

    def test_posted_within_one_transaction_is_told_once(self):
        self.bill.button_draft()
        self.bill.action_post()
        self.assertEqual(self.told("invoice", self.bill), ["not_paid"])

    def test_credited(self):
        late = self.late()
        wizard = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=self.bill.ids
        )
        values = {"journal_id": self.bill.journal_id.id, "reason": "Wrong"}
        reversal = wizard.create(values)
        reversal.refund_moves()
        reversal.new_move_ids.action_post()
        self.assertEqual(self.told("invoice", self.bill), ["not_paid", "reversed"])
        self.assertEqual(late.state, "resolved")

    def test_denied_then_cancelled(self):
        claim = {
            "id": "C1",
            "invoice": self.bill.name,
            "charged": "800.00",
        }
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref("P1"),
            "claim": claim,
            "payer": {"code": "T-PAYER"},
        }
        denied = {**self.completed("P1", "X", 80), "data": data}
        denied["type"] = "healthcare.claim.denied.v1"
        self.assertStates(self.play(denied), "done")
        issue = self.issues()
        self.assertTrue(issue.fingerprint.startswith("claim-denied/"))
        self.bill.button_cancel()
        self.env.cr.flush()
        self.assertEqual(issue.state, "resolved")

    def test_deleted(self):
        draft = self.bill.copy(
            {"healthcare_patient_id": self.patient("P1").id, "name": "/"}
        )
        self.env.cr.flush()
        self.assertFalse(self.facts("invoice", draft), "a draft was never issued")
        draft.unlink()
        payments = self.pay_by_hand(self.bill, amount=10)
        self.env.cr.flush()
        payments.action_draft()
        self.assertEqual(self.told("payment", payments), ["in_process", "draft"])
        self.bill.button_draft()
        self.bill.name = "/"
        told = self.told("invoice", self.bill)
        self.assertEqual(told[-1], "draft")
        bill, payment = self.bill.browse(self.bill.id), payments.browse(payments.id)
        payments.unlink()
        self.bill.with_context(force_delete=True).unlink()
        self.assertEqual(self.told("invoice", bill)[-1], "deleted")
        self.assertEqual(self.told("payment", payment)[-1], "deleted")

    def test_what_workflows_do_is_told_once(self):
        self.env.cr.flush()
        self.play(self.by_invoice("PAY1", "800.00", self.bill))
        self.assertEqual(self.told("invoice", self.bill), ["not_paid", "paid"])
        self.assertEqual(self.told("payment", self.recorded("PAY1")), ["paid"])

    def test_invoices_that_are_not_ours(self):
        count = self.env["healthcare.fact"].search_count([])
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.vendor.id,
                "invoice_line_ids": [Command.create({"name": "X", "price_unit": 5})],
            }
        )
        move.action_post()
        self.pay_by_hand(move)
        self.env.cr.flush()
        self.assertEqual(self.env["healthcare.fact"].search_count([]), count)

    def test_many_at_once(self):
        """Statements of ours do not grow with the invoices."""

        def paid(count, name):
            self.play(*(self.register(f"{name}{i}") for i in range(count)))
            self.play(
                *(self.completed(f"{name}{i}", f"{name}S{i}", 60) for i in range(count))
            )
            bills = self.env["account.move"].union(
                *(self.invoice(f"{name}S{i}") for i in range(count))
            )
            self.pay_by_hand(bills)
            self.env.flush_all()
            noted = self.env.cr.precommit.data.pop(NOTED)
            self.env.cr.flush()
            self.env.invalidate_all()
            self.assertGreater(len(noted["account.move"]), count)
            before = self.env.cr.sql_log_count
            self.env["account.move"]._healthcare_tell_changes(
                noted["account.move"], noted["account.payment"]
            )
            self.assertEqual(self.told("invoice", bills[0]), ["not_paid", "paid"])
            return self.env.cr.sql_log_count - before

        self.assertLessEqual(paid(30, "Q") - paid(5, "R"), 10)
