"""The buttons of an exception: what each role may do, and that it does it."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"


class TestExceptionFix(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, groups in (
            ("operator", f"{GROUP}operator"),
            ("auditor", f"{GROUP}auditor"),
            ("master", f"{GROUP}administrator,base.group_partner_manager,"),
            ("buyer", f"{GROUP}operator,purchase.group_purchase_user"),
        ):
            user = new_test_user(
                cls.env, f"fix-{name}", groups=f"base.group_user,{groups.strip(',')}"
            )
            setattr(cls, name, user)
        cls.master.group_ids += cls.env.ref("product.group_product_manager")

    def issue(self, *envelopes):
        self.play(*envelopes)
        issue = self.issues()
        self.assertEqual(len(issue), 1)
        return issue

    def shown(self, issue, user):
        issue = issue.with_user(user)
        return issue.missing_kind, issue.missing_code, issue.can_fix

    def wizard(self, issue, user):
        action = issue.with_user(user).action_fix()
        return (
            self.env[action["res_model"]]
            .with_user(user)
            .with_context(**action["context"])
        )

    # -- what is missing --------------------------------------------------------

    def test_only_who_may_add_payers_is_offered_to(self):
        issue = self.issue(self.register("F1", payer="T-NEW"))
        self.assertEqual(self.shown(issue, self.operator), ("payer", "T-NEW", False))
        self.assertEqual(self.shown(issue, self.master), ("payer", "T-NEW", True))
        with self.assertRaisesRegex(UserError, "Hand the exception over"):
            issue.with_user(self.operator).action_fix()
        with self.assertRaises(AccessError):
            self.env["healthcare.missing.wizard"].with_user(self.operator).create(
                {"exception_id": issue.id, "name": "A payer"}
            ).action_make()
        with self.assertRaises(AccessError):
            issue.with_user(self.auditor).action_fix()

    def test_a_payer_through_the_dialog(self):
        issue = self.issue(self.register("F1", payer="T-NEW"))
        with Form(self.wizard(issue, self.master)) as form:
            self.assertEqual((form.kind, form.code), ("payer", "T-NEW"))
            form.name = "New payer"
        form.record.action_make()
        self.process()
        self.assertEqual(issue.state, "resolved")
        self.assertEqual(issue.resolution, "cause_gone")
        with self.assertRaises(UserError):
            issue.with_user(self.master).action_fix()

    def test_an_existing_product_for_a_service(self):
        product = self.consult.product_id.copy({"name": "Scan"})
        issue = self.issue(
            self.register("F1"),
            self.appointment("booked", "F1", "V1", 10, services=["T-SCAN"]),
        )
        self.assertEqual(issue.missing_kind, "service")
        with Form(self.wizard(issue, self.master)) as form:
            form.choice = "existing"
            form.service_product_id = product
        form.record.action_make()
        self.process()
        self.assertEqual(self.visit("V1").line_ids.service_id.product_id, product)

    def test_a_product_that_is_new(self):
        issue = self.issue(
            self.register("F1"),
            self.completed(
                "F1", "S1", 60, consumables=[{"code": "T-X", "quantity": "1"}]
            ),
        )
        self.assertEqual(self.shown(issue, self.master)[:2], ("supply", "T-X"))
        with Form(self.wizard(issue, self.master)) as form:
            form.name = "Needle"
        form.record.action_make()
        self.process()
        self.assertEqual(issue.state, "resolved")
        product = self.env["product.product"].search([("default_code", "=", "T-X")])
        self.assertTrue(product.is_storable)

    def test_a_facility(self):
        issue = self.issue(self.register("F1", facility="T-WEST"))
        action = issue.with_user(self.master).action_fix()
        self.assertEqual(action["res_model"], "healthcare.facility.wizard")
        self.assertEqual(action["context"], {"default_code": "T-WEST"})

    # -- supplies ---------------------------------------------------------------

    def shortage(self, product):
        self._stock(product, 0)
        return self.issue(
            self.register("F1"), self.appointment("confirmed", "F1", "V1", 10)
        )

    def test_the_order_of_what_is_short(self):
        issue = self.shortage(self.contrast)
        with self.assertRaisesRegex(UserError, "to a buyer"):
            issue.with_user(self.operator).action_open_replenishment()
        action = issue.with_user(self.buyer).action_open_replenishment()
        order = self.env["purchase.order"].browse(action["res_id"])
        self.assertEqual(order.partner_id, self.vendor)
        self.assertEqual(order.order_line.product_id, self.contrast)
        again = issue.with_user(self.buyer).action_open_replenishment()
        self.assertEqual(again["res_id"], order.id)

    def test_ordered_anew_when_the_order_was_cancelled(self):
        issue = self.shortage(self.contrast)
        action = issue.with_user(self.buyer).action_open_replenishment()
        first = self.env["purchase.order"].browse(action["res_id"])
        first.button_cancel()
        action = issue.with_user(self.buyer).action_open_replenishment()
        second = self.env["purchase.order"].browse(action["res_id"])
        self.assertNotEqual(first, second)
        self.assertEqual(second.state, "draft")

    def test_nobody_sells_it(self):
        issue = self.shortage(self.gloves)
        with self.assertRaisesRegex(UserError, "No vendor is set"):
            issue.with_user(self.buyer).action_open_replenishment()

    # -- documents --------------------------------------------------------------

    def test_documents_are_opened_by_who_may_see_them(self):
        self.play(self.register("F1"), self.completed("F1", "S1", 60))
        invoice = self.env["account.move"].search(
            [("healthcare_patient_id", "=", self.patient("F1").id)]
        )
        issue = self.env["healthcare.exception"].create(
            {
                "category": "invoice_mismatch",
                "fingerprint": "x",
                "reason": "Something",
                "res_model": "account.move",
                "res_id": invoice.id,
            }
        )
        self.assertEqual(issue.document_kind, "account.move")
        with self.assertRaisesRegex(UserError, "no right to see"):
            issue.with_user(self.operator).action_open_document()
        finance = new_test_user(
            self.env, "fix-finance", groups=f"base.group_user,{GROUP}finance"
        )
        action = issue.with_user(finance).action_open_document()
        self.assertEqual(action["res_id"], invoice.id)

    def test_the_appointment(self):
        issue = self.shortage(self.contrast)
        action = issue.with_user(self.operator).action_open_appointment()
        self.assertEqual(action["res_id"], self.visit("V1").id)

    def test_what_costs_money_is_waived_by_finance(self):
        cheap, dear = self.env["healthcare.exception"].create(
            [
                {"category": "missing_payer", "fingerprint": "cheap"},
                {
                    "category": "missing_payer",
                    "fingerprint": "dear",
                    "amount_at_risk": 0.01,
                },
            ]
        )
        with self.assertRaisesRegex(UserError, "only finance"):
            (cheap | dear).with_user(self.operator)._waive("Never mind")
        cheap.with_user(self.operator)._waive("Never mind")
        finance = new_test_user(
            self.env, "fix-money", groups=f"base.group_user,{GROUP}finance"
        )
        dear.with_user(finance)._waive("Agreed with the payer")
        self.assertEqual(dear.waive_reason, "Agreed with the payer")

    def test_handing_over_needs_the_right_to_write(self):
        issue = self.issue(self.register("F1", payer="T-NEW"))
        with self.assertRaises(AccessError):
            issue.with_user(self.auditor)._hand_over(self.operator)
        issue.with_user(self.buyer)._hand_over(self.operator, "Please look")
        self.assertEqual((issue.user_id, issue.state), (self.operator, "assigned"))
        self.assertIn("Please look", issue.message_ids[:1].body)

    # -- one after the other ----------------------------------------------------

    def test_next_by_due_time_then_by_money(self):
        exceptions = self.env["healthcare.exception"]
        exceptions.search([("user_id", "=", self.operator.id)]).user_id = False
        first, poor, rich, late = exceptions.create(
            [
                {
                    "category": "invoice_mismatch",
                    "fingerprint": f"next/{number}",
                    "deadline": f"2026-03-0{day} 10:00:00",
                    "amount_at_risk": amount,
                    "user_id": self.operator.id,
                }
                for number, (day, amount) in enumerate(
                    ((1, 0), (2, 5), (2, 900), (3, 0))
                )
            ]
        ).with_user(self.operator)
        seen, one = [], exceptions.with_user(self.operator)
        for _turn in range(5):
            one = one.browse(one.action_open_next()["res_id"])
            seen.append(one)
        self.assertEqual(seen, [first, rich, poor, late, first])
        (rich + poor + late).sudo()._close("waived", "waived")
        self.assertEqual(first.action_open_next()["tag"], "display_notification")
