"""Who gets an exception, and until when: the most specific policy counts."""

from psycopg2 import IntegrityError

from odoo import fields
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .workflow_common import WorkflowCase


class TestExceptionPolicy(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = {
            name: new_test_user(cls.env, f"test-{name}")
            for name in ("all", "place", "payer", "large", "both")
        }
        cls.policies = cls.env["healthcare.exception.policy"]
        cls.policies.search([]).unlink()
        for name, hours, values in (
            ("all", 10, {}),
            ("place", 20, {"facility_id": cls.facility.id}),
            ("payer", 30, {"payer_id": cls.payer.id}),
            ("large", 40, {"amount_from": 1000}),
            ("both", 50, {"payer_id": cls.payer.id, "facility_id": cls.facility.id}),
        ):
            cls.policies.create(
                {
                    "category": "invoice_mismatch",
                    "user_id": cls.people[name].id,
                    "due_hours": hours,
                    **values,
                }
            )

    def opened(self, **values):
        return self.env["healthcare.exception"].create(
            {"category": "invoice_mismatch", "fingerprint": str(values), **values}
        )

    def test_the_most_specific_counts(self):
        place, payer = self.facility.id, self.payer.id
        for expected, values in (
            ("all", {}),
            ("place", {"facility_id": place}),
            ("payer", {"payer_id": payer}),
            ("large", {"amount_at_risk": 1000}),
            ("all", {"amount_at_risk": 999}),
            ("both", {"facility_id": place, "payer_id": payer}),
            ("both", {"facility_id": place, "payer_id": payer, "amount_at_risk": 9e3}),
            ("payer", {"payer_id": payer, "amount_at_risk": 9e3}),
        ):
            one = self.opened(**values)
            self.assertEqual(one.user_id, self.people[expected], values)
            hours = (one.deadline - fields.Datetime.now()).total_seconds() / 3600
            policy = self.policies.search([("user_id", "=", one.user_id.id)])
            self.assertAlmostEqual(hours, policy.due_hours, 1)

    def test_without_a_policy_an_administrator_gets_it(self):
        one = self.env["healthcare.exception"].create(
            {"category": "missing_payer", "fingerprint": "none"}
        )
        self.assertTrue(
            one.user_id.has_group("healthcare_connector.group_administrator")
        )

    def test_owners_who_left_get_nothing(self):
        self.people["all"].active = False
        self.assertNotEqual(self.opened().user_id, self.people["all"])

    def test_one_policy_for_each(self):
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(),
        ):
            self.policies.create(
                {"category": "invoice_mismatch", "payer_id": self.payer.id}
            )
