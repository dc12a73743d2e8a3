"""People compare two patients and decide; Odoo's own merge keeps our records right."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .test_patient_identity import IdentityCase


class TestMergeByPeople(IdentityCase):
    def setUp(self):
        super().setUp()
        self.play(self.person("W1"))
        self.play(self.person("W2", 1, phone="5550199"))
        self.one, self.two = self.patient("W1"), self.patient("W2")
        self.issue = self.issues("duplicate_patient")

    def user(self, group):
        return new_test_user(
            self.env, f"merge_{group}", groups=f"healthcare_connector.group_{group}"
        )

    def wizard(self, user):
        context = self.issue.with_user(user).action_open_merge()["context"]
        return (
            self.env["healthcare.merge.wizard"]
            .with_user(user)
            .with_context(**context)
            .create({"reason": "Same card"})
        )

    def test_finance_compares_and_merges(self):
        self.invoice(self.two, 50)
        wizard = self.wizard(self.user("finance"))
        self.assertEqual((wizard.left_id, wizard.right_id), (self.one, self.two))
        self.assertIn("5550199", wizard.comparison)
        self.assertIn("table-warning", wizard.comparison)
        self.assertIn("owed by the patient", wizard.comparison)
        wizard.survivor = "right"
        action = wizard.action_merge()
        self.assertEqual(action["res_id"], self.two.id)
        self.assertEqual(self.patient("W1"), self.two)
        self.assertEqual(self.issue.state, "resolved")
        merge = self.env["healthcare.patient.merge"].search([])
        self.assertEqual(merge.reason, "Same card")
        self.assertEqual(merge.user_id.login, "merge_finance")
        merge.with_user(merge.user_id).action_undo()
        self.assertEqual(self.patient("W1"), self.one)

    def test_two_people(self):
        self.wizard(self.user("administrator")).action_two_people()
        self.assertEqual(self.issue.state, "waived")
        self.play(self.person("W1", 9, "updated", phone="5550199"))
        self.assertFalse(self.issues())

    def test_a_reason_is_wanted(self):
        wizard = self.wizard(self.user("finance"))
        wizard.reason = " "
        with self.assertRaises(UserError):
            wizard.action_merge()

    def test_others_may_not(self):
        operator = self.user("operator")
        with self.assertRaises(AccessError):
            self.wizard(operator)
        with self.assertRaises(AccessError):
            self.two.with_user(operator)._healthcare_merge_into(self.one)
        self.two._healthcare_merge_into(self.one)
        merge = self.env["healthcare.patient.merge"].search([])
        with self.assertRaises(AccessError):
            merge.with_user(operator).action_undo()

    def test_from_the_list_of_patients(self):
        wizards = self.env["healthcare.merge.wizard"].with_context(
            active_model="res.partner", active_ids=(self.two | self.one).ids
        )
        values = wizards.default_get(["left_id", "right_id"])
        self.assertEqual(values["left_id"], self.one.id)
        with self.assertRaises(UserError):
            wizards.with_context(active_ids=self.one.ids).default_get(["left_id"])

    def test_only_patients(self):
        with self.assertRaises(UserError):
            self.two._healthcare_merge_into(self.payer)

    def test_odoos_own_merge(self):
        same = {"payer": {"code": "T-PAYER"}, "member_id": "X", "priority": 1}
        self.play(
            self.register("W1", 5, "updated", coverages=[same]),
            self.register("W2", 6, "updated", coverages=[{**same, "plan": "Gold"}]),
            self.appointment("booked", "W2", "V1", 7),
        )
        target = self.env["healthcare.target"].search([], limit=1) or self.env[
            "healthcare.target"
        ].create({"name": "T", "url": "https://example.org/facts"})
        self.env["healthcare.surrogate"]._keys(target, (self.one | self.two).ids)
        reference = self.two.healthcare_reference
        account_key = self.two.healthcare_account_key
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.one | self.two).ids, self.one
        )
        self.env.invalidate_all()
        self.assertFalse(self.two.exists())
        self.assertEqual(self.patient("W2"), self.one)
        self.assertEqual(self.visit("V1").patient_id, self.one)
        members = self.one.healthcare_coverage_ids.mapped("member_id")
        self.assertEqual(sorted(members), ["M-W1", "M-W2", "X"])
        merge = self.env["healthcare.patient.merge"].search([])
        self.assertEqual(merge.retired_reference, reference)
        self.assertEqual(merge.state, "final")
        self.assertEqual(self.issue.state, "resolved")
        workflow = self.env["healthcare.workflow"]
        self.assertEqual(
            workflow._patients_by_account([account_key])[account_key], self.one
        )
        with self.assertRaises(UserError):
            merge.action_undo()

    def test_odoos_own_merge_into_a_contact(self):
        contact = self.env["res.partner"].create({"name": "Plain contact"})
        reference = self.two.healthcare_reference
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (contact | self.two).ids, contact
        )
        self.env.invalidate_all()
        self.assertEqual(contact.healthcare_reference, reference)
        self.assertEqual(self.patient("W2"), contact)
