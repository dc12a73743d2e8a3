"""A copied database sends nothing and opens to nobody; sandbox and production."""

import re

from odoo.modules.neutralize import neutralize_database

from odoo.addons.healthcare_connector.core.protection import signatures

from .common import event, patient_data
from .http_common import EndpointCase

#: What a column that opens or leads somewhere is called.
OPENING = re.compile(
    r"secret|seal|token|passw|credential|certificate|private|client_key|header"
)


class TestNeutralisation(EndpointCase):
    def setUp(self):
        super().setUp()
        self.secret = signatures.generate_secret()
        self.target = self.env["healthcare.target"].create(
            {
                "name": "Warehouse",
                "url": "https://warehouse.example/facts?token=hush",
                "secret": self.secret,
                "authentication": "basic",
                "username": "hush-user",
                "password": "hush-password",
            }
        )
        self.env["healthcare.source.secret"]._issue(self.source)
        rule = self.env["healthcare.alert.rule"].search([], limit=1)
        rule.email_to = "operations@hospital.example"
        patient = self.env["res.partner"].create({"name": "Neutral Patient"})
        self.env["healthcare.surrogate"]._keys(self.target, patient.ids)
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("healthcare_connector.environment", "production")
        self.source.environment = "production"
        self.key = self.source._issue_key()
        self.env.flush_all()

    def neutralize(self):
        """Do what ``odoo neutralize`` does."""
        neutralize_database(self.env.cr)
        self.env.invalidate_all()
        self.env.registry.clear_all_caches()

    def rows(self, query):
        self.env.cr.execute(query)
        return self.env.cr.fetchall()

    def test_nothing_is_sent(self):
        self.neutralize()
        targets = self.env["healthcare.target"].with_context(active_test=False)
        for target in targets.search([]):
            self.assertFalse(target.active)
            self.assertTrue(target.paused)
            self.assertEqual(target.url, "https://neutralized.invalid/")
            self.assertFalse(target._may_send())
        rules = self.env["healthcare.alert.rule"].with_context(active_test=False)
        self.assertFalse(any(rules.search([]).mapped("email_to")))
        due = self.env["healthcare.alert.notice"].search([("state", "=", "due")])
        self.assertFalse(due)
        self.assertFalse(self.env["healthcare.surrogate"].search([]))
        ours = self.env["ir.model.data"].search(
            [("module", "=", "healthcare_connector"), ("model", "=", "ir.cron")]
        )
        jobs = self.env["ir.cron"].browse(ours.mapped("res_id"))
        self.assertTrue(jobs)
        self.assertFalse(jobs.filtered("active"))

    def test_nothing_that_opens_is_left(self):
        """Whatever column of ours holds a secret, today or later, is empty."""
        self.neutralize()
        columns = self.rows(
            """
            SELECT table_name, column_name FROM information_schema.columns
             WHERE table_schema = 'public'
               AND table_name IN
                   ('healthcare_target', 'healthcare_source', 'healthcare_alert_rule')
               AND data_type IN ('bytea', 'character varying', 'text', 'jsonb')
            """
        )
        checked = [column for column in columns if OPENING.search(column[1])]
        self.assertIn(("healthcare_target", "secret_sealed"), checked)
        self.assertIn(("healthcare_target", "credentials_sealed"), checked)
        for table, column in checked:
            left = self.rows(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
            self.assertFalse(left, f"{table}.{column}")
        self.assertFalse(self.rows("SELECT 1 FROM healthcare_source_secret"))
        everything = self.rows("SELECT t::text FROM healthcare_target t")
        for word in ("hush", "warehouse.example"):
            self.assertNotIn(word, str(everything))

    def test_no_key_of_before_opens(self):
        one = event("registration.created", patient_data("Z-1"))
        self.assertEqual(self.post(one).status_code, 202)
        self.neutralize()
        self.assertEqual(self.post(one).status_code, 401)
        self.assertTrue(self.source.paused)

    def test_production_and_sandbox_are_apart(self):
        one = event("registration.created", patient_data("Z-2"))
        parameters = self.env["ir.config_parameter"]
        for database, source, status in (
            ("production", "production", 202),
            ("production", "sandbox", 403),
            ("sandbox", "production", 403),
            ("sandbox", "sandbox", 200),
        ):
            parameters.set_param("healthcare_connector.environment", database)
            self.source.environment = source
            self.assertEqual(self.post(one).status_code, status, (database, source))

    def test_a_neutralized_copy_is_a_sandbox(self):
        self.neutralize()
        self.assertEqual(self.source._database_environment(), "sandbox")
        self.source.write({"paused": False, "pause_reason": False})
        # a new key of a production source does not open it, either
        self.key = self.source._issue_key()
        one = event("registration.created", patient_data("Z-3"))
        self.assertEqual(self.post(one).status_code, 403)
        self.source.environment = "sandbox"
        self.assertEqual(self.post(one).status_code, 202)
