"""A second completion is billed in place of the first, by a person's decision."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.core import strict_json

from .test_billing_policies import BillingCase
from .workflow_common import event

GROUP = "healthcare_connector.group_"


class TestServiceCorrection(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = new_test_user(
            cls.env, "test-correct-finance", groups=f"base.group_user,{GROUP}finance"
        )
        cls.operator = new_test_user(
            cls.env, "test-correct-operator", groups=f"base.group_user,{GROUP}operator"
        )
        cls.reader = new_test_user(
            cls.env,
            "test-correct-reader",
            groups=f"base.group_user,{GROUP}finance,{GROUP}phi_reader",
        )

    def two(self, number="SX1", visit=None, first=None, second=None, mrn="X1"):
        """Play two completions of one service; return their events."""
        self.play(self.register(mrn))
        if visit:
            self.play(self.appointment("confirmed", mrn, visit, 10))
        one = self.completed(mrn, number, 60, visit, **(first or {}))
        two = self.completed(
            mrn,
            number,
            61,
            visit,
            **(second or {"charges": [{"code": "T-CONSULT", "quantity": 2}]}),
        )
        one, two = self.play(one)[0], self.play(two)[0]
        self.assertStates(one | two, "done", "exception")
        return one, two

    def decide(self, user=None, reason="The second one is right"):
        issue = self.issues("duplicate_service")
        wizard = (
            self.env["healthcare.rebill.wizard"]
            .with_user(user or self.finance)
            .create({"exception_id": issue.id, "reason": reason})
        )
        wizard.action_rebill()
        self.process()
        return issue

    def versions(self, number="SX1"):
        found = self.completion(number)
        return found.filtered("superseded"), found.filtered(lambda c: not c.superseded)

    def on_hand(self, product):
        return product.with_context(
            location=self.warehouse.lot_stock_id.id
        ).qty_available

    def test_billed_anew(self):
        one, two = self.two(visit="VX1")
        issue = self.decide()
        self.assertStates(one | two, "done")
        self.assertEqual((issue.state, issue.resolution), ("resolved", "corrected"))
        old, new = self.versions()
        self.assertEqual(new.replaces_id, old)
        self.assertEqual(old.replacement_user_id, self.finance)
        self.assertEqual(old.replacement_reason, "The second one is right")
        first = old.invoice_ids.filtered(lambda m: m.move_type == "out_invoice")
        self.assertEqual(first.payment_state, "reversed")
        note = first.reversal_move_ids
        self.assertEqual((note.amount_total, note.state), (800, "posted"))
        self.assertEqual(new.invoice_ids.amount_total, 240)
        self.assertEqual(new.invoice_ids.payment_state, "not_paid")
        self.assertEqual(sum(self.open_amounts()), 240)
        lines = {
            line.product_id: (line.qty_delivered, line.qty_invoiced)
            for line in new.order_id.order_line
        }
        self.assertEqual(new.order_id, old.order_id)
        self.assertEqual(lines[self.mri.product_id], (0, 0))
        self.assertEqual(lines[self.consult.product_id], (2, 2))
        self.assertEqual(self.visit("VX1").state, "completed")
        self.assertFalse(self.issues())

    def open_amounts(self):
        lines = self.env["account.move.line"].search(
            [
                ("partner_id", "=", self.payer.id),
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
            ]
        )
        return lines.mapped("amount_residual")

    def test_resending_either_changes_nothing(self):
        one, two = self.two()
        self.decide()
        before = self.env["account.move"].search_count([])
        for minute in (60, 61, 62):
            again = self.play(self.completed("X1", "SX1", minute))
            self.assertStates(again, "exception")
            self.issues("duplicate_service")._waive("A repeat")
        self.engine._replay((one | two).ids)
        self.process()
        self.assertEqual(self.env["account.move"].search_count([]), before)
        self.assertEqual(len(self.completion("SX1")), 2)

    def test_the_first_is_kept(self):
        self.two()
        self.issues("duplicate_service").with_user(self.finance)._waive("A repeat")
        old, new = self.versions()
        self.assertFalse(old)
        self.assertEqual(new.invoice_ids.payment_state, "not_paid")

    def test_supplies_follow(self):
        before = self.on_hand(self.contrast)
        self.two(
            first={"consumables": [{"code": "T-CONTRAST", "quantity": 5}]},
            second={
                "consumables": [
                    {"code": "T-CONTRAST", "quantity": 3},
                    {"code": "T-GLOVES", "quantity": 2},
                ]
            },
        )
        self.assertEqual(self.on_hand(self.contrast), before - 5)
        self.decide()
        self.assertEqual(self.on_hand(self.contrast), before - 3)
        self.assertEqual(self.on_hand(self.gloves), 998)
        old, new = self.versions()
        self.assertFalse(old.picking_ids.filtered(lambda p: p.state == "done"))
        self.assertEqual(set(new.picking_ids.mapped("state")), {"done"})

    def test_more_than_there_is_waits(self):
        self._stock(self.contrast, 4)
        self.two(
            first={"consumables": [{"code": "T-CONTRAST", "quantity": 6}]},
            second={"consumables": [{"code": "T-CONTRAST", "quantity": 1}]},
        )
        self.assertTrue(self.issues("stock_shortage"))
        self.decide()
        self.assertEqual(self.on_hand(self.contrast), 3)
        self.assertFalse(self.issues())
        _old, new = self.versions()
        moves = new.picking_ids.move_ids
        self.assertFalse(moves.filtered(lambda m: m.state not in ("done", "cancel")))

    def test_what_goes_back_goes_to_who_waits(self):
        self._stock(self.contrast, 3)
        self.two(
            first={"consumables": [{"code": "T-CONTRAST", "quantity": 3}]},
            second={"consumables": []},
        )
        self.play(self.register("X2"), self.appointment("confirmed", "X2", "VX2", 30))
        self.assertTrue(self.issues("stock_shortage"))
        self.decide()
        self.assertFalse(self.issues("stock_shortage"))
        self.assertEqual(self.visit("VX2").supplies_state, "reserved")
        picking = self.visit("VX2").picking_ids
        self.assertEqual(
            sum(
                picking.move_ids.filtered(
                    lambda m: m.product_id == self.contrast and m.state != "cancel"
                ).mapped("quantity")
            ),
            2,
        )

    def test_another_lot(self):
        drug = self._supply("T-DRUG", 0)
        drug.tracking = "lot"
        for name in ("L1", "L2"):
            lot = self.env["stock.lot"].create({"name": name, "product_id": drug.id})
            self.env["stock.quant"]._update_available_quantity(
                drug, self.warehouse.lot_stock_id, 5, lot_id=lot
            )

        def used(lot):
            return {"consumables": [{"code": "T-DRUG", "quantity": 2, "lot": lot}]}

        self.two(first=used("L1"), second=used("L2"))
        self.decide()
        quants = self.env["stock.quant"].search(
            [
                ("product_id", "=", drug.id),
                ("location_id", "=", self.warehouse.lot_stock_id.id),
            ]
        )
        self.assertEqual(
            {one.lot_id.name: one.quantity for one in quants if one.quantity},
            {"L1": 5, "L2": 3},
        )

    def test_money_goes_to_the_new_invoice(self):
        self.two()
        old = self.completion("SX1").invoice_ids
        paid = self.play(
            self.payment(
                "PX1",
                "800.00",
                90,
                "X1",
                allocations=[{"invoice": old.name, "amount": "800.00"}],
            )
        )
        self.assertStates(paid, "done")
        self.assertEqual(old.payment_state, "paid")
        self.decide()
        _old, new = self.versions()
        self.assertEqual(old.payment_state, "reversed")
        self.assertEqual(new.invoice_ids.payment_state, "paid")
        self.assertEqual(sum(self.open_amounts()), -560)

    def test_with_copay(self):
        self.facility.copay_at_service = True
        self.play(self.register("X1"), self.verified("X1", 5, copay="50.00"))
        self.two()
        self.decide()
        old, new = self.versions()
        self.assertEqual(sorted(new.invoice_ids.mapped("amount_total")), [50, 190])
        self.assertEqual(
            old.invoice_ids.filtered(lambda m: m.move_type == "out_invoice").mapped(
                "payment_state"
            ),
            ["reversed", "reversed"],
        )
        transfer = self.company.healthcare_account_transfer_id
        self.assertEqual(self.balance(transfer, old.invoice_ids | new.invoice_ids), 0)

    def test_drafts_are_cancelled(self):
        self.facility.invoice_policy = "draft"
        self.two()
        self.decide()
        old, new = self.versions()
        self.assertEqual(old.invoice_ids.state, "cancel")
        self.assertEqual(new.invoice_ids.state, "draft")

    def claim(self, kind, invoice, minute=70, number="CLX", **more):
        return event(
            f"claim.{kind}",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref("X1"),
                "payer": {"code": "T-PAYER"},
                "claim": {
                    "id": number,
                    "invoice": invoice.name,
                    "charged": f"{invoice.amount_total:.2f}",
                    **more,
                },
            },
            time=self.at(minute),
        )

    def test_a_decided_claim_comes_first(self):
        self.two()
        old = self.completion("SX1")
        decided = self.claim("adjudicated", old.invoice_ids, paid="800.00")
        self.assertStates(self.play(decided), "done")
        with self.assertRaisesRegex(UserError, "CLX"):
            self.decide()
        # Decided upon before the payer was: the event says so, and nothing is undone.
        issue = self.issues("duplicate_service")
        old.replacement_event_id = issue.event_id
        issue.action_retry()
        self.process()
        self.assertIn("CLX", self.issues("duplicate_service").reason)
        self.assertFalse(old.superseded)
        self.assertEqual(old.invoice_ids.payment_state, "paid")

    def test_a_claim_that_was_only_submitted(self):
        self.two()
        first = self.completion("SX1").invoice_ids
        self.play(self.claim("submitted", first))
        self.decide()
        _old, new = self.versions()
        late = self.play(self.claim("adjudicated", first, 80, paid="800.00"))
        self.assertStates(late, "exception")
        self.assertIn("billed anew", self.issues("invoice_mismatch").reason)
        right = self.play(
            self.claim("adjudicated", new.invoice_ids, 85, "CLY", paid="240.00")
        )
        self.assertStates(right, "done")
        self.assertEqual(new.invoice_ids.payment_state, "paid")

    def test_credited_in_part_by_hand(self):
        self.two()
        invoice = self.completion("SX1").invoice_ids
        note = invoice._reverse_moves([{"date": invoice.date}])
        note.invoice_line_ids.price_unit = 100
        note.action_post()
        with self.assertRaisesRegex(UserError, "in part"):
            self.decide()

    def test_rights(self):
        self.two()
        issue = self.issues("duplicate_service").with_user(self.operator)
        with self.assertRaises(AccessError):
            issue.action_open_rebill()
        with self.assertRaises(AccessError):
            self.decide(self.operator)
        action = issue.with_user(self.finance).action_open_rebill()
        self.assertEqual(action["res_model"], "healthcare.rebill.wizard")
        completion = self.completion("SX1")
        with self.assertRaises(AccessError):
            completion.with_user(self.operator)._replace_with(issue.event_id, "Mine")

    # -- what an event said is corrected ------------------------------------------

    def correct(self, change, user=None, number="SX1"):
        completion = self.versions(number)[1]
        wizards = self.env["healthcare.completion.correct.wizard"].with_user(
            user or self.reader
        )
        values = {"completion_id": completion.id, "reason": "Typing error"}
        content = strict_json.loads(wizards.new(values).content.encode())
        change(content)
        wizards.create({**values, "content": strict_json.dumps(content).decode()})
        self.process()

    def test_what_it_said_is_corrected(self):
        self.play(self.register("X1"), self.appointment("booked", "X1", "VX1", 10))
        done = self.play(self.completed("X1", "SX1", 60, "VX1"))

        def change(content):
            content["data"]["charges"] = [{"code": "T-CONSULT", "quantity": 1}]

        self.correct(change)
        self.assertStates(done, "done")
        old, new = self.versions()
        self.assertEqual((old.event_id, new.event_id), (done, done))
        self.assertEqual(new.invoice_ids.amount_total, 120)
        self.assertEqual(done.correction_ids.user_id, self.reader)
        self.correct(lambda content: content["data"]["charges"][0].update(quantity=3))
        old, new = self.versions()
        self.assertEqual(len(old), 2)
        self.assertEqual(new.invoice_ids.amount_total, 360)
        self.assertEqual(sum(self.open_amounts()), 360)

    def test_another_patient(self):
        self.play(self.register("X1"), self.register("X2"))
        done = self.play(self.completed("X1", "SX1", 60))
        self.correct(
            lambda content: content["data"].update(patient=self.patient_ref("X2"))
        )
        self.assertStates(done, "done")
        old, new = self.versions()
        self.assertEqual(new.patient_id, self.patient("X2"))
        self.assertNotEqual(old.order_id, new.order_id)
        self.assertEqual(set(old.order_id.order_line.mapped("qty_delivered")), {0})
        self.assertEqual(self.on_hand(self.contrast), 48)

    def test_what_it_lacks_now_leaves_the_first_billed(self):
        self.play(self.register("X1"))
        done = self.play(self.completed("X1", "SX1", 60))
        self.correct(
            lambda content: content["data"].update(
                charges=[{"code": "T-NEW", "quantity": 1}]
            )
        )
        self.assertStates(done, "exception")
        self.assertEqual(self.completion("SX1").invoice_ids.payment_state, "not_paid")
        self._service("T-NEW", 70, {})
        self.process()
        self.assertStates(done, "done")
        self.assertEqual(self.versions()[1].invoice_ids.amount_total, 70)

    def test_correcting_needs_both_rights(self):
        self.play(self.register("X1"))
        self.play(self.completed("X1", "SX1", 60))
        with self.assertRaises(AccessError):
            self.correct(lambda content: None, self.finance)
        both = new_test_user(
            self.env,
            "test-correct-phi",
            groups=f"base.group_user,{GROUP}operator,{GROUP}phi_reader",
        )
        with self.assertRaises(AccessError):
            self.correct(lambda content: None, both)

    def test_facts(self):
        one, two = self.two()
        self.decide()
        old, new = self.versions()
        facts = self.env["healthcare.fact"]
        last = facts._latest({(old._name, old.id), (new._name, new.id)})
        self.assertEqual(
            {(f.fact_type, f.res_id): f.operation for f in last}[("service", old.id)],
            "delete",
        )
        self.assertTrue(
            all(f.operation == "delete" for f in last if f.res_id == old.id)
        )
        self.assertTrue(
            all(f.operation == "upsert" for f in last if f.res_id == new.id)
        )
