"""What people do on the screens, in a real browser."""

from odoo.tests import HttpCase, new_test_user, tagged

from .common import SYSTEM

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestTours(HttpCase):
    def setUp(self):
        super().setUp()
        self.user = new_test_user(
            self.env,
            "test-tour-finance",
            groups=f"base.group_user,{GROUP}finance",
        )
        patient = self.env["res.partner"].create(
            {
                "name": "Zephyrine Quillfeather",
                "healthcare_is_patient": True,
                "healthcare_identifier_ids": [
                    (0, 0, {"system": SYSTEM, "value": "T-1"}),
                ],
            }
        )
        self.exception = self.env["healthcare.exception"].create(
            {
                "category": "stock_shortage",
                "fingerprint": "tour",
                "reason": "Gloves of the tour are short at this clinic.",
                "patient_id": patient.id,
                "amount_at_risk": 180,
            }
        )

    def test_finance_works_the_exception_queue(self):
        self.start_tour("/odoo", "healthcare_exception_queue", login=self.user.login)
        self.exception.invalidate_recordset()
        self.assertEqual(self.exception.state, "waived")
        self.assertEqual(self.exception.user_id, self.user)
        self.assertEqual(self.exception.resolved_by_id, self.user)
        self.assertEqual(self.exception.waive_reason, "Borrowed from the other clinic")
