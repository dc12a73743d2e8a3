"""Re-encryption under a new key: everything, in slices, while others work."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.healthcare_connector.core.errors import KeyringError
from odoo.addons.healthcare_connector.core.protection import sealed_columns
from odoo.addons.healthcare_connector.core.protection.encryption import Keyring
from odoo.addons.healthcare_connector.core.protection.sealed_columns import BY_NAME
from odoo.addons.healthcare_connector.models.privacy import key_job_run

from ..dev import instance
from .common import HealthcareCase, event, patient_data
from .durability import DurabilityCase

# Files of configuration and counts; nobody's health is in them.
NOT_SEALED = {
    ("healthcare_configuration_wizard", "export_file"),
    ("healthcare_configuration_wizard", "file"),
    ("healthcare_control_total_import", "file"),
    ("healthcare_mapping_import", "file"),
}
GROUP = "base.group_user,healthcare_connector.group_"


class TestKeyRotation(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = os.environ["HEALTHCARE_KEYRING_FILE"]
        cls.admin = new_test_user(cls.env, "kr-admin", GROUP + "administrator")
        # What the database holds already was sealed with a key this test has not.
        cls.jobs = cls.env["healthcare.key.job"]
        cls.lost = cls.counts(cls, "missing")

    def setUp(self):
        super().setUp()
        with open(self.path, "rb") as file:
            content = file.read()

        def restore():
            with open(self.path, "wb") as file:
                file.write(content)

        self.addCleanup(restore)

    def counts(self, *states):
        return sum(
            count
            for *_rest, state, count in self.env["healthcare.key.job"]._count_by_key()
            if state in states
        )

    def run_job(self, kind):
        job = self.jobs.with_user(self.admin)._begin(kind).sudo()
        for _turn in range(2000):
            self.jobs._advance_running()
            if job.state != "running":
                return job
        return self.fail("The job does not end")

    def make_all(self):
        good, bad = self.events(
            self.send(
                event("registration.created", patient_data("K-1")),
                event("registration.created", patient_data("K-2", birth_date="No")),
            )
        )
        self.process()
        envelope = bad._envelopes()[bad.sudo()]
        envelope["data"]["patient"]["birth_date"] = "1950-01-31"
        bad._correct(envelope, "Typing error")
        self.process()
        secret = self.env["healthcare.source.secret"]._issue(self.source)
        target = self.env["healthcare.target"].create(
            {
                "name": "T",
                "url": "https://example.com",
                "secret": "whsec_" + "QUJD" * 9,
                "authentication": "bearer",
                "token": "T-1",
            }
        )
        return good + bad, secret, target

    # -- the list of columns ------------------------------------------------------

    def test_every_sealed_column_is_in_the_list(self):
        found = {
            (model._table, name)
            for model in self.env.registry.values()
            if model._name.startswith("healthcare.") and not model._abstract
            for name, field in model._fields.items()
            if field.type == "binary" and field.store and field.column_type
        }
        listed = {(one.table, one.column) for one in sealed_columns.COLUMNS}
        self.assertEqual(found - NOT_SEALED, listed)
        for one in sealed_columns.COLUMNS:
            self.assertIn(one.model, self.env)
            model = self.env[one.table.replace("_", ".")]
            self.assertEqual(model._table, one.table)
            self.assertIn(one.key, model._fields)

    # -- rotation -------------------------------------------------------------------

    def test_everything_is_sealed_anew_and_reads_the_same(self):
        events, secret, target = self.make_all()
        facts = self.env["healthcare.fact"].search([("event_id", "in", events.ids)])
        before = events._envelopes(), facts._phi_values()
        self.assertTrue(any(before[1].values()))
        Keyring.rotate_file(self.path)
        self.assertGreaterEqual(self.counts("retired"), 6)
        job = self.run_job("rotate")
        self.assertEqual((job.state, job.problem_count), ("done", self.lost))
        self.assertEqual(job.progress, 100)
        self.assertEqual(self.counts("retired"), 0)
        self.assertEqual(self.counts("missing"), self.lost)
        self.assertIn(job.key_id, job.count_ids.mapped("key_id"))
        # The old key is not needed any more.
        with open(self.path, encoding="utf-8") as file:
            (old,) = json.load(file)["keys"].keys() - {job.key_id}
        Keyring.remove_file(self.path, old)
        self.env.invalidate_all()
        self.assertEqual((events._envelopes(), facts._phi_values()), before)
        self.assertEqual(self.source.secret_ids._open_usable(), [secret])
        self.assertEqual(target._signing_secret(), "whsec_" + "QUJD" * 9)
        self.assertEqual(target._open_sealed(), {"token": "T-1"})
        # Again: there is nothing left to do.
        self.assertEqual(self.run_job("rotate").changed_count, 0)

    def test_it_can_be_paused_and_goes_on_where_it_was(self):
        self.make_all()
        Keyring.rotate_file(self.path)
        self.patch(key_job_run, "WINDOW", 1)
        job = self.jobs.with_user(self.admin)._begin("rotate")
        for _turn in range(3):
            self.jobs._advance_running()
        job.action_pause()
        self.assertFalse(self.jobs._advance_running())
        seen = job.seen_count
        with self.assertRaises(UserError):
            self.jobs.with_user(self.admin)._begin("check")
        job.action_resume()
        self.jobs._advance_running()
        self.assertGreater(job.seen_count, 0)
        self.assertGreaterEqual(job.seen_count, seen)
        job.action_cancel()
        self.assertEqual(job.state, "cancelled")

    def test_what_cannot_be_opened_is_named_and_stops_nothing(self):
        events, _secret, _target = self.make_all()
        good, bad = events
        keyring = Keyring.load(self.path)
        Keyring.generate_file(self.path + ".other")
        other = Keyring.rotate_file(self.path + ".other")
        sealed = other.seal(b"{}", "any")
        self.env.cr.execute(
            "UPDATE healthcare_event SET body = %s WHERE id = %s", [sealed, good.id]
        )
        correction = bad.correction_ids
        self.env.cr.execute(
            "UPDATE healthcare_event_correction SET body = %s || body || %s"
            " WHERE id = %s",
            [b"", b"x", correction.id],
        )
        job = self.run_job("check")
        found = {
            (problem.name, problem.res_id): (problem.key_id, problem.code)
            for problem in job.problem_ids
        }
        self.assertEqual(
            found["healthcare_event.body", good.id], (other.active, "unknown_key")
        )
        place = ("healthcare_event_correction.body", correction.id)
        self.assertEqual(found[place], (keyring.active, "tampered"))
        self.assertEqual(job.changed_count, 0)
        problem = job.problem_ids.filtered(lambda one: one.res_id == good.id)[:1]
        self.assertEqual(problem.action_open()["res_id"], good.id)
        Keyring.rotate_file(self.path)
        Keyring.rotate_file(self.path)  # now there is a key of the other one's name
        job = self.run_job("rotate")
        self.assertEqual(job.problem_count, self.lost + 2)
        self.assertGreater(job.changed_count, 3)
        found = job.problem_ids.filtered(lambda one: one.res_id == good.id)
        self.assertIn("tampered", found.mapped("code"))

    def test_a_record_that_only_says_it_has_the_active_key_is_named(self):
        (good, bad), _secret, _target = self.make_all()
        old = Keyring.load(self.path)
        new = Keyring.rotate_file(self.path)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE healthcare_event SET body = %s || substring(body from %s)"
            " WHERE id = %s",
            [new.active_header, len(old.active_header) + 1, good.id],
        )
        self.env.cr.execute(  # neither a key nor text
            "UPDATE healthcare_event SET body = set_byte(body, 3, 255) WHERE id = %s",
            [bad.id],
        )
        job = self.run_job("rotate")
        found = {
            problem.res_id: (problem.key_id, problem.code)
            for problem in job.problem_ids
            if problem.name == "healthcare_event.body"
        }
        self.assertEqual(found[good.id], (new.active, "tampered"))
        self.assertEqual(found[bad.id], (False, "tampered"))
        self.assertEqual(job.problem_count, self.lost + 2)
        Keyring.rotate_file(self.path)
        self.assertEqual(self.run_job("rotate").problem_count, self.lost + 2)

    def test_without_a_keyring_it_waits(self):
        job = self.jobs.with_user(self.admin)._begin("check")
        os.rename(self.path, self.path + ".away")
        try:
            self.assertFalse(self.jobs._advance_running())
            self.assertEqual(job.state, "paused")
            self.assertTrue(job.message)
            with self.assertRaises(UserError):
                self.jobs.with_user(self.admin)._begin("check")
        finally:
            os.rename(self.path + ".away", self.path)

    def test_only_administrators(self):
        for role in ("operator", "auditor", "finance"):
            user = new_test_user(self.env, f"kr-{role}", GROUP + role)
            with self.assertRaises(AccessError):
                self.jobs.with_user(user)._begin("check")
            with self.assertRaises(AccessError):
                self.env["healthcare.keyring.wizard"].with_user(user).default_get([])
        wizard = self.env["healthcare.keyring.wizard"].with_user(self.admin).create({})
        self.assertEqual(wizard.active_key, Keyring.load(self.path).active)
        job = wizard.action_check()["res_id"]
        self.assertEqual(self.jobs.browse(job).state, "running")
        with self.assertRaises(AccessError):
            self.jobs.browse(job).with_user(self.admin).write({"state": "done"})

    # -- secrets that are named -------------------------------------------------------

    def test_a_signing_secret_may_be_named_and_not_stored(self):
        secrets = self.env["healthcare.source.secret"]
        text = "whsec_" + base64.b64encode(b"s" * 32).decode()
        os.environ["HEALTHCARE_SECRET_KR"] = text
        self.addCleanup(os.environ.pop, "HEALTHCARE_SECRET_KR", None)
        with self.assertRaises(UserError):
            secrets._issue(self.source, secret="env:HEALTHCARE_SECRET_NONE")
        with self.assertRaises(UserError):
            secrets._issue(self.source, secret="env:PATH")
        wizard = self.env["healthcare.secret.wizard"].with_user(self.admin)
        wizard = wizard.create(
            {
                "source_id": self.source.id,
                "origin": "named",
                "reference": "env:HEALTHCARE_SECRET_KR",
            }
        )
        wizard.action_add()
        (record,) = self.source.secret_ids
        self.assertEqual(record._open_usable(), [text])
        self.assertEqual(record.state, "valid")
        self.env.flush_all()
        self.env.cr.execute("SELECT s.*::text FROM healthcare_source_secret s")
        self.assertNotIn(text[6:20], str(self.env.cr.fetchall()))
        stored = secrets._issue(self.source)
        del os.environ["HEALTHCARE_SECRET_KR"]
        record.invalidate_recordset()
        self.assertEqual(record.state, "missing")
        # One that is gone does not shut out the others.
        self.assertEqual(self.source.secret_ids._open_usable(), [stored])

    def test_credentials_of_targets_may_be_named(self):
        text = "whsec_" + base64.b64encode(b"t" * 32).decode()
        os.environ["HEALTHCARE_SECRET_KT"] = text
        self.addCleanup(os.environ.pop, "HEALTHCARE_SECRET_KT", None)
        target = self.env["healthcare.target"].create(
            {
                "name": "T",
                "url": "https://example.com",
                "secret": "env:HEALTHCARE_SECRET_KT",
                "authentication": "bearer",
                "token": "env:HEALTHCARE_SECRET_KT",
            }
        )
        self.assertEqual(target._signing_secret(), text)
        self.assertEqual(target._credentials().token, text)
        target.invalidate_recordset()
        self.assertFalse(target.token)
        with self.assertRaises(UserError):
            target.token = "env:PATH"
        del os.environ["HEALTHCARE_SECRET_KT"]
        with self.assertRaises(KeyringError):
            target._signing_secret()
        with self.assertRaises(KeyringError):
            target._credentials()


@tagged("post_install", "-at_install")
class TestKeyRotationUnderLoad(DurabilityCase):
    def test_while_events_come_in_and_are_processed(self):
        """Nothing is lost, nothing stays under the old key, no key is in a dump."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "keyring.json")
        shutil.copy(self.dev.variables()["HEALTHCARE_KEYRING_FILE"], path)
        dev = instance.Dev()
        variables = dev.variables
        dev.variables = lambda: {**variables(), "HEALTHCARE_KEYRING_FILE": path}
        type(self).dev, usual = dev, self.dev
        try:
            site = self.site("rotation")
        finally:
            type(self).dev = usual
        with site.playing(self.events, batch=20) as wait_for:
            wait_for(5)
            new = Keyring.rotate_file(path).active
            dev.script(
                site.name, "env['healthcare.key.job']._begin('rotate'); env.cr.commit()"
            )
            wait_for(12)
            site.server.kill()
            site.server.start()
        site.settle()
        self.assertFalse(site.problems())
        end = time.monotonic() + 150
        while self.one(site, "SELECT state FROM healthcare_key_job") != "done":
            self.assertLess(time.monotonic(), end, "The job got stuck")
            time.sleep(0.5)
        self.assertEqual(
            self.one(site, "SELECT count(*) FROM healthcare_key_problem"), "0"
        )
        for column in BY_NAME.values():
            keys = site.dev.cluster.psql(site.name, sealed_columns.count_query(column))
            self.assertLessEqual({row[0] for row in keys}, {new}, column.table)
        self.assertNoKeys(site, path)

    def one(self, site, query):
        return site.dev.cluster.psql(site.name, query)[0][0]

    def assertNoKeys(self, site, path):
        dump = subprocess.run(
            [f"{site.dev.cluster.programs}/pg_dump", site.name],
            env={**os.environ, **site.dev.cluster.variables()},
            check=True,
            capture_output=True,
        ).stdout
        self.assertGreater(len(dump), 1_000_000)
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        for key in (*document["keys"].values(), document["index"]):
            raw = base64.b64decode(key["secret"])
            for form in (
                raw,
                raw.hex().encode(),
                raw.hex().upper().encode(),
                key["secret"].encode(),
                base64.urlsafe_b64encode(raw),
                key["secret"].encode().hex().encode(),
            ):
                self.assertFalse(form.rstrip(b"=") in dump)
