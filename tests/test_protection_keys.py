"""Keys and signing secrets in the hands of an administrator; reminders; last use."""

import time
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.sql_db import db_connect
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.core.protection import signatures
from odoo.addons.healthcare_connector.models.exchange import key_use

from .common import event, patient_data
from .http_common import EndpointCase


class KeyCase(EndpointCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = new_test_user(
            cls.env, "keys-admin", "healthcare_connector.group_administrator"
        )
        cls.keys = cls.env["res.users.apikeys"]

    def one(self, number):
        return event("registration.created", patient_data(f"K-{number}"))

    def ask(self, **values):
        """Use the key wizard as an administrator; return the new key."""
        wizard = self.env["healthcare.key.wizard"].with_user(self.admin)
        action = wizard.create({"source_id": self.source.id, **values})
        return action.action_generate()["context"]["healthcare_fresh_key"]

    def days_left(self, key):
        return (key.expiration_date - fields.Datetime.now()) / timedelta(days=1)


class TestRotation(KeyCase):
    def test_both_work_until_the_old_one_ends(self):
        old = self.source.key_ids
        action = old.with_user(self.admin).action_healthcare_replace()
        values = {
            name.removeprefix("default_"): value
            for name, value in action["context"].items()
        }
        self.assertEqual(values["source_id"], self.source.id)
        self.assertEqual(values["scope"], "healthcare.events")
        fresh = self.ask(**values, overlap_days=3)
        self.assertAlmostEqual(self.days_left(old), 3, places=2)
        self.assertEqual(self.post(self.one(1), key=self.key).status_code, 202)
        self.assertEqual(self.post(self.one(2), key=fresh).status_code, 202)
        old.sudo().expiration_date = fields.Datetime.now() - timedelta(days=1)
        self.env.flush_all()
        self.assertEqual(self.post(self.one(3), key=self.key).status_code, 401)
        self.assertEqual(self.post(self.one(3), key=fresh).status_code, 202)

    def test_an_end_is_never_put_off(self):
        old = self.source.key_ids
        soon = fields.Datetime.now() + timedelta(days=1)
        old.sudo().expiration_date = soon
        self.ask(replaces_id=old.id, overlap_days=30)
        self.assertEqual(old.expiration_date, soon)

    def test_only_administrators_and_only_keys_of_sources(self):
        operator = new_test_user(
            self.env, "keys-operator", "healthcare_connector.group_operator"
        )
        key = self.keys.browse(self.source.key_ids.id).with_user(operator)
        with self.assertRaises(AccessError):
            key.action_healthcare_replace()
        with self.assertRaises(AccessError):
            key._healthcare_end_in(0)


class TestReminders(KeyCase):
    def remind(self):
        self.keys._healthcare_cron_remind()
        return self.source.activity_ids.filtered(lambda a: a.user_id == self.admin)

    def end_in(self, key, days):
        key.sudo().expiration_date = fields.Datetime.now() + timedelta(days=days)
        self.env.flush_all()

    def test_once_and_in_time(self):
        key = self.source.key_ids
        self.assertFalse(self.remind())
        self.end_in(key, 10)
        reminder = self.remind()
        self.assertEqual(len(reminder), 1)
        self.assertEqual(reminder.date_deadline, key.expiration_date.date())
        self.assertIn(key.name, reminder.note)
        reminder.action_done()
        self.assertFalse(self.remind())
        self.end_in(key, 9)
        self.assertEqual(len(self.remind()), 1)  # another end is another matter
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.key_reminder_days", "5"
        )
        self.assertEqual(key.healthcare_state, "valid")

    def test_replacing_or_revoking_takes_reminders_back(self):
        key = self.source.key_ids
        self.end_in(key, 10)
        self.assertTrue(self.remind())
        self.ask(replaces_id=key.id)
        self.assertFalse(self.source.activity_ids)
        self.assertFalse(self.remind())  # the old one ends, and that is meant
        newest = self.source.key_ids - key
        self.end_in(newest, 12)
        self.end_in(key, 2)
        self.assertTrue(self.remind())
        newest.with_user(self.admin).action_healthcare_revoke()
        key.with_user(self.admin).action_healthcare_revoke()
        self.assertFalse(self.source.activity_ids)

    def test_ended_keys_are_past_reminding(self):
        self.end_in(self.source.key_ids, -1)
        self.assertFalse(self.remind())
        self.assertEqual(self.source.key_ids.healthcare_state, "ended")


class TestLastUse(KeyCase):
    def used_at(self, key):
        """Read it on another connection, where it was committed."""
        with db_connect(self.env.cr.dbname).cursor() as cr:
            cr.execute(
                "SELECT used_at FROM healthcare_key_use WHERE key_id = %s", [key.id]
            )
            row = cr.fetchone()
        return row and row[0]

    def forget(self, key):
        key_use._written.clear()
        with db_connect(self.env.cr.dbname).cursor() as cr:
            cr.execute("DELETE FROM healthcare_key_use WHERE key_id = %s", [key.id])

    def test_kept_though_the_request_fails_and_seldom_written(self):
        key = self.source.key_ids
        self.addCleanup(self.forget, key)
        key_use._written.clear()
        self.assertIsNone(self.used_at(key))
        self.assertEqual(self.post(b"{").status_code, 400)
        first = self.used_at(key)
        self.assertIsNotNone(first)
        with patch.object(key_use, "aside") as aside:
            for number in range(3):
                self.assertEqual(self.post(self.one(number)).status_code, 202)
            aside.assert_not_called()
        # Another process that has not written lately finds it fresh enough.
        key_use._written.clear()
        self.post(b"{")
        self.assertEqual(self.used_at(key), first)
        with db_connect(self.env.cr.dbname).cursor() as cr:
            cr.execute(
                "UPDATE healthcare_key_use SET used_at = used_at - interval '1 hour'"
                " WHERE key_id = %s",
                [key.id],
            )
        key_use._written.clear()
        self.post(b"{")
        self.assertGreaterEqual(self.used_at(key), first)

    def test_refused_keys_are_not_used(self):
        key = self.source.key_ids
        self.addCleanup(self.forget, key)
        key_use._written.clear()
        self.source.allowed_networks = "192.0.2.0/24"
        self.assertEqual(self.post(b"{").status_code, 403)
        self.assertIsNone(self.used_at(key))

    def test_shown(self):
        key = self.source.key_ids.with_user(self.admin)
        self.assertIn("never used", key.healthcare_summary)
        self.env["healthcare.key.use"].create(
            {"key_id": key.id, "used_at": fields.Datetime.now()}
        )
        self.env.invalidate_all()
        self.assertTrue(key.healthcare_used_at)
        self.assertNotIn("never used", key.healthcare_summary)
        self.assertIn("ends in 36", key.healthcare_summary)

    def test_removed_keys_are_forgotten(self):
        uses = self.env["healthcare.key.use"]
        stale = uses.create({"key_id": 2**31 - 1})
        kept = uses.create({"key_id": self.source.key_ids.id})
        uses._gc_removed_keys()
        self.assertFalse(stale.exists())
        self.assertTrue(kept.exists())

    def test_cheap(self):
        begin = time.perf_counter()
        for _time in range(1000):
            self.env["healthcare.key.use"]._note(2**31 - 2)
        self.assertLess(time.perf_counter() - begin, 0.5)
        with db_connect(self.env.cr.dbname).cursor() as cr:
            cr.execute("DELETE FROM healthcare_key_use WHERE key_id = %s", [2**31 - 2])


class TestSecretWizard(KeyCase):
    def add(self, user=None, **values):
        wizard = self.env["healthcare.secret.wizard"].with_user(user or self.admin)
        wizard = wizard.create({"source_id": self.source.id, **values})
        return wizard, wizard.action_add()

    def stored(self, table):
        self.env.flush_all()
        self.env.cr.execute(f"SELECT * FROM {table}")
        return str(
            [
                [bytes(v) if isinstance(v, memoryview) else v for v in row]
                for row in self.env.cr.fetchall()
            ]
        )

    def test_made_here_and_shown_once(self):
        self.source.signature_required = True
        self.assertFalse(self.source.has_valid_secret)
        wizard, action = self.add()
        secret = action["context"]["healthcare_fresh_secret"]
        self.assertEqual(wizard.state, "shown")
        self.assertTrue(secret.startswith("whsec_"))
        self.assertTrue(self.source.has_valid_secret)
        for table in ("healthcare_secret_wizard", "healthcare_source_secret"):
            self.assertNotIn(secret[6:], self.stored(table))
        self.assertEqual(self.source.secret_ids.sudo()._open_usable(), [secret])

    def test_given_by_the_vendor(self):
        secret = signatures.generate_secret()
        wizard = (
            self.env["healthcare.secret.wizard"]
            .with_user(self.admin)
            .create(
                {"source_id": self.source.id, "origin": "given", "given": f" {secret} "}
            )
        )
        self.assertNotIn(secret[6:], self.stored("healthcare_secret_wizard"))
        self.assertNotIn("context", wizard.action_add())
        self.assertEqual(self.source.secret_ids.sudo()._open_usable(), [secret])
        self.assertFalse(wizard.sudo().given_sealed)

    def test_no_secret_is_none(self):
        from odoo.exceptions import ValidationError

        for text in ("", "whsec_", "whsec_c2hvcnQ=", "hunter2hunter2"):
            with self.subTest(text=text), self.assertRaises(ValidationError):
                self.add(origin="given", given=text)

    def test_only_administrators(self):
        auditor = new_test_user(
            self.env, "keys-auditor", "healthcare_connector.group_auditor"
        )
        with self.assertRaises(AccessError):
            self.add(auditor)
        self.add()
        with self.assertRaises(AccessError):
            self.source.secret_ids.with_user(auditor).action_end()
        secret = self.source.secret_ids.with_user(self.admin)
        secret.action_end()
        self.assertEqual(secret.state, "ended")
