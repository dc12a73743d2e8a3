"""The page of data governance says what really runs."""

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import HealthcareCase, event, patient_data


class TestDataGovernance(HealthcareCase):
    def kind(self, code):
        kind = self.env["healthcare.event.type"].search([("code", "=", code)])
        kind.invalidate_recordset()
        return kind

    def test_sources_consumers_and_retries(self):
        kind = self.kind("registration.created")
        self.assertNotIn("Test access", kind.source_names or "")
        self.play(event("registration.created", patient_data("DG-1")))
        kind = self.kind("registration.created")
        self.assertIn("Test access", kind.source_names)
        self.assertIn(str(kind.max_attempts), kind.retry_words)
        kind.max_attempts = 77
        self.assertIn("77", self.kind("registration.created").retry_words)
        targets = self.env["healthcare.target"].create(
            [
                {
                    "name": "All facts",
                    "url": "https://one.example/",
                },
                {
                    "name": "Payments only",
                    "url": "https://two.example/",
                    "fact_types": "payment",
                },
            ]
        )
        consumers = self.kind("registration.created").consumer_names
        self.assertIn("All facts", consumers)
        self.assertNotIn("Payments only", consumers)
        self.assertIn("Payments only", self.kind("payment.received").consumer_names)
        targets.active = False
        self.assertFalse(self.kind("payment.received").consumer_names)

    def test_every_type_leads_to_facts_that_exist(self):
        known = dict(self.env["healthcare.fact"]._fields["fact_type"].selection)
        for kind in self.env["healthcare.event.type"].search([]):
            self.assertTrue(kind.fact_names, kind.code)
            for name in kind.fact_names.split(", "):
                self.assertIn(name, known)

    def test_printed_and_entered_by_whom(self):
        auditor = new_test_user(
            self.env, "gov-auditor", "healthcare_connector.group_auditor"
        )
        kind = self.kind("payment.received").with_user(auditor)
        with self.assertRaises(AccessError):
            kind.source_of_truth = "Bank"
        kind.sudo().write({"source_of_truth": "Bank statement", "owner_id": 2})
        reports = self.env["ir.actions.report"].with_user(auditor)
        content, _kind = reports._render_qweb_html(
            "healthcare_connector.report_data_governance", kind.ids
        )
        self.assertIn(b"Bank statement", content)
        self.assertIn(kind.retry_words.encode(), content)
