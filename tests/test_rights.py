"""Who may see and do what."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import HealthcareCase, event, patient_data

GROUP = "healthcare_connector.group_"


class TestRights(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(
                cls.env, f"test-{role}", groups=f"base.group_user,{GROUP}{role}"
            )
            for role in ("operator", "finance", "auditor", "administrator")
        }
        cls.users["phi_reader"] = new_test_user(
            cls.env,
            "test-phi",
            groups=f"base.group_user,{GROUP}operator,{GROUP}phi_reader",
        )
        cls.users["nobody"] = new_test_user(cls.env, "test-nobody")

    def setUp(self):
        super().setUp()
        bad = event("registration.created", patient_data("R-1", birth_date="Unsinn"))
        self.event = self.events(self.send(bad))
        self.exception = self.event.exception_ids

    def as_role(self, record, role):
        return record.with_user(self.users[role])

    def test_metadata_is_for_the_roles_and_no_one_else(self):
        for role in ("operator", "finance", "auditor", "administrator"):
            self.assertEqual(self.as_role(self.event, role).state, "exception")
        with self.assertRaises(AccessError):
            self.as_role(self.event, "nobody").read(["state"])
        with self.assertRaises(AccessError):
            self.event.with_user(self.source.user_id).read(["state"])

    def test_ciphertext_is_for_no_one(self):
        for role in ("administrator", "phi_reader"):
            with self.assertRaises(AccessError):
                self.as_role(self.event, role).read(["body"])

    def test_the_payload_is_for_phi_readers_and_reading_is_recorded(self):
        for role in ("operator", "finance", "auditor", "administrator"):
            with self.assertRaises(AccessError):
                self.as_role(self.event, role).action_open_payload()
            with self.assertRaises(AccessError):
                self.as_role(self.event, role)._readable()
        readers = self.as_role(self.env["healthcare.sitting"], "phi_reader")
        with self.assertRaises(UserError):  # what for?
            self.as_role(self.event, "phi_reader")._readable()
        readers._begin("payment")
        before = self.env["healthcare.payload.access"].search_count([])
        viewer = (
            self.env["healthcare.payload.viewer"]
            .with_user(self.users["phi_reader"])
            .create({"event_id": self.event.id})
        )
        self.assertIn("Quillfeather", viewer.content)
        access = self.env["healthcare.payload.access"].search([], limit=1)
        self.assertEqual(access.user_id, self.users["phi_reader"])
        self.assertEqual(access.event_id, self.event)
        self.assertEqual(access.purpose, "Payment")
        count = self.env["healthcare.payload.access"].search_count([])
        self.assertEqual(count, before + 1)
        for role in ("administrator", "auditor", "phi_reader"):
            with self.assertRaises(AccessError):
                self.as_role(access, role).unlink()
            with self.assertRaises(AccessError):
                self.as_role(access, role).write({"purpose": "none"})

    def test_the_payload_is_not_stored_by_the_viewer(self):
        self.as_role(self.env["healthcare.sitting"], "phi_reader")._begin("payment")
        self.env["healthcare.payload.viewer"].with_user(
            self.users["phi_reader"]
        ).create({"event_id": self.event.id})
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM healthcare_payload_viewer")
        self.assertNotIn("Quillfeather", str(self.env.cr.fetchall()))

    def test_auditors_change_nothing(self):
        with self.assertRaises(AccessError):
            self.as_role(self.exception, "auditor").action_assign_to_me()
        with self.assertRaises(AccessError):
            self.as_role(self.exception, "auditor")._waive("because")
        with self.assertRaises(AccessError):
            self.as_role(self.event, "auditor").write({"state": "done"})

    def test_operators_work_the_queue_but_make_no_events(self):
        mine = self.as_role(self.exception, "operator")
        mine.action_assign_to_me()
        self.assertEqual(mine.user_id, self.users["operator"])
        for role in ("operator", "administrator"):
            with self.assertRaises(AccessError):
                self.as_role(self.event, role).write({"state": "done"})
            with self.assertRaises(AccessError):
                self.as_role(self.event, role).unlink()

    def test_waiving_is_recorded_with_its_author(self):
        wizard = (
            self.env["healthcare.waive.wizard"]
            .with_user(self.users["finance"])
            .create(
                {"exception_ids": [(6, 0, self.exception.ids)], "reason": "Test data"}
            )
        )
        wizard.action_waive()
        self.assertEqual(self.exception.state, "waived")
        self.assertEqual(self.exception.resolved_by_id, self.users["finance"])
        self.assertEqual(self.event.state, "discarded")
        decision = self.event.log_ids.filtered(lambda log: log.operation == "decision")
        self.assertEqual(decision.user_id, self.users["finance"])
        with self.assertRaises(UserError):
            self.as_role(self.exception, "finance")._waive("again")

    def test_correcting_needs_both_rights(self):
        values = {
            "exception_ids": [(6, 0, self.exception.ids)],
            "reason": "Typing error",
        }
        with self.assertRaises(AccessError):
            self.env["healthcare.correct.wizard"].with_user(
                self.users["operator"]
            ).create({**values, "content": "{}"})
        wizards = self.env["healthcare.correct.wizard"].with_user(
            self.users["phi_reader"]
        )
        content = wizards.new(values).content
        with self.assertRaises(UserError):
            wizards.create({**values, "content": content})  # still not right
        wizards.create({**values, "content": content.replace("Unsinn", "1950-01-31")})
        self.assertEqual(self.event.state, "received")
        self.process()
        self.assertEqual(self.event.state, "done")
        self.assertEqual(self.exception.resolution, "corrected")
        self.assertEqual(self.event.correction_ids.user_id, self.users["phi_reader"])

    def test_only_administrators_make_keys(self):
        for role in ("operator", "auditor", "finance"):
            with self.assertRaises(AccessError):
                self.env["healthcare.key.wizard"].with_user(self.users[role]).create(
                    {"source_id": self.source.id}
                )
        wizard = (
            self.env["healthcare.key.wizard"]
            .with_user(self.users["administrator"])
            .create({"source_id": self.source.id})
        )
        key = wizard.action_generate()["context"]["healthcare_fresh_key"]
        self.assertGreaterEqual(len(key), 32)
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM healthcare_key_wizard")
        self.assertNotIn(key, str(self.env.cr.fetchall()))

    def test_administrators_see_and_revoke_keys_of_sources_only(self):
        self.source._issue_key(name="of a source")
        administrator = self.users["administrator"]
        keys = self.env["res.users.apikeys"].with_user(administrator)
        (key,) = self.source.with_user(administrator).key_ids
        self.assertEqual(key.name, "of a source")
        with self.assertRaises(AccessError):
            keys.with_user(self.users["operator"]).browse(
                key.id
            ).action_healthcare_revoke()
        self.assertEqual(
            keys.browse(key.id).action_healthcare_revoke()["tag"], "soft_reload"
        )
        self.assertFalse(self.source.key_ids)

    def test_neutralized_copy_takes_and_sends_nothing(self):
        self.source._issue_key()
        target = self.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "http://127.0.0.1:9/"}
        )
        from odoo.modules.neutralize import get_neutralization_queries

        self.env.flush_all()
        for query in get_neutralization_queries(["healthcare_connector"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertFalse(target.active)
        self.assertTrue(self.source.paused)
        self.assertFalse(self.source.key_ids)
        self.env.registry.clear_cache()
        self.assertEqual(self.source._database_environment(), "sandbox")
