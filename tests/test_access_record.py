"""Who saw whose data: recorded, never changed, chained, reported."""

import contextlib
import io
import json
import os
import re
import subprocess
import tempfile

import psycopg2

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..core.protection import access_record_command
from ..dev.common import WORK
from ..models.privacy.access_export import CARRIERS
from .common import HealthcareCase, appointment_data, event, patient_data
from .durability import DurabilityCase

GROUP = "base.group_user,healthcare_connector.group_"


class TestAccessRecord(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.record = cls.env["healthcare.payload.access"]
        cls.checks = cls.env["healthcare.access.check"]
        cls.reader = new_test_user(
            cls.env,
            "ar-reader",
            GROUP + "operator,healthcare_connector.group_phi_reader,"
            "base.group_allow_export",
        )
        cls.auditor = new_test_user(cls.env, "ar-auditor", GROUP + "auditor")

    def setUp(self):
        super().setUp()
        self.booking, self.event = self.play(
            event("appointment.booked", appointment_data("AR-1", "AR-A")),
            event("registration.created", patient_data("AR-1")),
        )
        self.process()
        self.patient = (
            self.env["healthcare.patient.identifier"]
            .search([("value", "=", "AR-1")])
            .partner_id
        )
        self.sittings = self.env["healthcare.sitting"].with_user(self.reader)

    def read_it(self, number=1):
        if not self.sittings._current():
            self.sittings._begin("payment", "Ticket 7")
        for _turn in range(number):
            self.event.with_user(self.reader)._readable()
        self.env.cr.flush()  # as a commit does
        return self.record.search([], limit=number)

    def changed(self, query, *arguments):
        """Tamper as somebody does who owns the database."""
        self.env.cr.execute(
            "ALTER TABLE healthcare_payload_access DISABLE TRIGGER healthcare_guard"
        )
        self.env.cr.execute(query, arguments)
        self.env.cr.execute(
            "ALTER TABLE healthcare_payload_access ENABLE TRIGGER healthcare_guard"
        )
        self.env.invalidate_all()

    # -- what is recorded -----------------------------------------------------------

    def test_who_whose_what_when_why(self):
        row = self.read_it()
        self.assertEqual(row.user_id, self.reader)
        self.assertEqual(row.patients, self.patient.ids)
        self.assertEqual(row.purpose, "Payment: Ticket 7")
        self.assertEqual(row.kind, "payload")
        self.assertTrue(row.date)

    def test_whose_an_event_is(self):
        refused, strange = self.events(
            self.send(
                event(
                    "registration.created", patient_data("AR-1", birth_date="Unsinn")
                ),
                event("registration.created", patient_data("AR-9", birth_date="Huh")),
            )
        )
        patients = (self.booking + self.event + refused + strange)._patients()
        mine = {self.patient.id}
        self.assertEqual(
            patients, {one.id: mine for one in self.booking + self.event + refused}
        )
        theirs = self.env["healthcare.event"]._ids_of_patients(self.patient)
        self.assertEqual(theirs, sorted((self.booking + self.event).ids))

    def test_the_purpose_is_asked_once_per_sitting(self):
        event_ = self.event.with_user(self.reader)
        with self.assertRaises(UserError):
            event_._readable()
        ask = event_.action_open_payload()
        self.assertEqual(ask["res_model"], "healthcare.sitting.wizard")
        wizards = self.env["healthcare.sitting.wizard"].with_user(self.reader)
        wizard = wizards.with_context(**ask["context"]).create({"purpose": "other"})
        with self.assertRaises(UserError):
            wizard.action_begin()
        wizard.note = "Complaint 12"
        opened = wizard.action_begin()
        self.assertEqual(opened["res_model"], "healthcare.payload.viewer")
        again = event_.action_open_payload()
        self.assertEqual(again["res_model"], "healthcare.payload.viewer")
        self.env["healthcare.sitting"].search([]).used_at = "2026-01-01 00:00:00"
        ask = event_.action_open_payload()
        self.assertEqual(ask["res_model"], "healthcare.sitting.wizard")
        with self.assertRaises(AccessError):
            self.event.with_user(self.auditor).action_open_payload()

    def test_exports_of_patients_are_recorded(self):
        before = self.record.search_count([])
        appointments = self.env["healthcare.appointment"].with_user(self.reader)
        mine = appointments.search([("patient_id", "=", self.patient.id)])
        mine.export_data(["identifier", "patient_id/name"])
        row = self.record.search([], limit=1)
        self.assertEqual(self.record.search_count([]), before + 1)
        self.assertEqual((row.kind, row.user_id), ("export", self.reader))
        self.assertEqual(row.patients, self.patient.ids)
        self.assertIn("Appointment", row.detail)
        self.assertNotIn("Quillfeather", row.detail)
        self.env["healthcare.facility"].with_user(self.reader).search([]).export_data(
            ["name"]
        )
        payers = self.env["res.partner"].search([("healthcare_is_payer", "=", True)])
        payers.export_data(["name"])
        self.assertEqual(self.record.search_count([]), before + 1)

    def test_every_way_to_take_a_patient_along_is_known(self):
        """Each model that has a patient is a carrier, and leads to one."""
        for name, paths in CARRIERS.items():
            for path in paths.split():
                if path != "id":
                    found = self.env[name].mapped(path)
                    self.assertEqual(found._name, "res.partner", name)
        missing = [
            name
            for name, model in self.env.registry.items()
            if name.startswith(("healthcare.", "account.move", "sale.", "stock."))
            and not (model._abstract or model._transient or name in CARRIERS)
            and any(
                field.comodel_name == "res.partner"
                and field.type == "many2one"
                and "patient" in field.name
                for field in model._fields.values()
            )
        ]
        self.assertEqual(missing, [])

    def table(self, groupings, domain=(), model="healthcare.appointment"):
        """Record a table as the reader; return the newest row of the record."""
        self.record.with_user(self.reader)._record_table(
            model, 3, list(domain), groupings
        )
        return self.record.search([], limit=1)

    def test_tables_name_whom_their_headings_name(self):
        mine = [("patient_id", "=", self.patient.id)]
        for groupings, patients in (
            (["patient_id"], self.patient.ids),
            (["identifier", "start:month"], self.patient.ids),
            (["order_id"], self.patient.ids),
            (["facility_id", "start:month"], []),
            ([], []),
        ):
            with self.subTest(groupings):
                row = self.table(groupings, mine)
                self.assertEqual((row.kind, row.user_id), ("export", self.reader))
                self.assertEqual(row.patients or [], patients)
                self.assertIn("Appointment, 3 rows", row.detail)
                self.assertIn("filter: Patient", row.detail)
        before = self.record.search_count([])
        self.record._record_table("healthcare.facility", 3, [], ["name"])
        self.assertEqual(self.record.search_count([]), before)
        with self.assertRaises(AccessError):
            self.table([], model="account.move.line")

    # -- append-only ------------------------------------------------------------------

    def test_nobody_changes_or_deletes_it(self):
        row = self.read_it()
        for one in (row, row.sudo(), row.with_user(self.auditor)):
            with self.assertRaises(UserError):
                one.write({"purpose": "none"})
            with self.assertRaises(UserError):
                one.unlink()
        for query in (
            "UPDATE healthcare_payload_access SET purpose = 'none'",
            "UPDATE healthcare_payload_access SET hash = 'x', sequence = 1",
            "DELETE FROM healthcare_payload_access",
            "TRUNCATE healthcare_payload_access CASCADE",
        ):
            with (
                self.subTest(query),
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.errors.InsufficientPrivilege),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query)

    # -- chained --------------------------------------------------------------------

    def test_tampering_is_found_and_the_first_row_named(self):
        rows = self.read_it(4).sorted("sequence")
        self.assertEqual(
            rows.mapped("sequence"),
            list(range(rows[0].sequence, rows[0].sequence + 4)),
        )
        self.assertEqual(rows[2].previous, rows[1].hash)
        self.assertEqual(self.checks._check().state, "sound")
        purpose = rows[2].purpose
        self.changed(
            "UPDATE healthcare_payload_access SET purpose = 'x' WHERE id = %s",
            rows[2].id,
        )
        with self.assertLogs("odoo.addons.healthcare_connector", "ERROR"):
            check = self.checks._check()
        self.assertEqual(check.state, "broken")
        self.assertIn(f"Entry {rows[2].sequence} ", check.message)
        self.changed(
            "UPDATE healthcare_payload_access SET purpose = %s WHERE id = %s",
            purpose,
            rows[2].id,
        )
        self.assertEqual(self.checks._check().state, "sound")
        self.changed("DELETE FROM healthcare_payload_access WHERE id = %s", rows[1].id)
        with mute_logger(
            "odoo.addons.healthcare_connector.models.privacy.access_chain"
        ):
            check = self.checks._check()
        self.assertIn(f"Entry {rows[2].sequence} ", check.message)

    def test_what_is_cut_off_at_the_end_is_missed(self):
        rows = self.read_it(3).sorted("sequence")
        check = self.checks._check()
        self.assertEqual((check.state, check.count), ("sound", rows[-1].sequence))
        action = self.record.with_user(self.auditor).action_check()
        self.assertEqual(action["params"]["type"], "success")
        self.assertIn(rows[-1].hash[:16], action["params"]["message"])
        self.changed("DELETE FROM healthcare_payload_access WHERE id = %s", rows[-1].id)
        with mute_logger(
            "odoo.addons.healthcare_connector.models.privacy.access_chain"
        ):
            self.assertEqual(self.checks._check().state, "broken")
        action = self.record.with_user(self.auditor).action_check()
        self.assertEqual(action["params"]["type"], "danger")
        with self.assertRaises(AccessError):
            self.record.with_user(self.reader).action_check()

    def command(self, action="check", *words):
        """Run the command on this transaction; return its exit code and its words."""
        out = io.StringIO()
        code = access_record_command.main(
            [action, "-d", self.env.cr.dbname, *words],
            connect=lambda _name: contextlib.nullcontext(self.env.cr),
            out=out,
        )
        return code, out.getvalue()

    def test_the_command_names_the_first_at_fault(self):
        rows = self.read_it(4).sorted("sequence")
        code, text = self.command()
        self.assertEqual(code, 0, text)
        self.assertIn(f"sound: {rows[-1].sequence:,} entries", text)
        head = self.command("head")[1].strip()
        self.assertEqual(head, f"{rows[-1].sequence}:{rows[-1].hash}")
        self.changed(
            "UPDATE healthcare_payload_access SET user_id = 1 WHERE id = %s", rows[1].id
        )
        code, text = self.command()
        self.assertEqual(code, 1)
        self.assertIn(f"Entry {rows[1].sequence:,} is the first at fault: what", text)

    def test_the_command_misses_what_a_kept_head_has(self):
        rows = self.read_it(3).sorted("sequence")
        head = self.command("head")[1].strip()
        last = rows[-1].sequence
        early = f"{rows[0].sequence}:{rows[0].hash}"
        self.assertEqual(self.command("check", "--head", head, "--head", early)[0], 0)
        self.changed("DELETE FROM healthcare_payload_access WHERE id = %s", rows[-1].id)
        self.assertEqual(self.command()[0], 0)  # without the head nothing is missed
        self.assertEqual(self.command("check", "--head", early)[0], 0)
        code, text = self.command("check", "--head", head)
        self.assertEqual(code, 1)
        self.assertIn(f"Entry {last:,} is the first at fault", text)
        # Others in its place, chained as well, by somebody who has the keyring.
        self.sittings._begin("audit")
        self.read_it(2)
        self.assertEqual(self.command()[0], 0)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(f"{early}\n{head}\n")
            file.flush()
            code, text = self.command("check", "--heads", file.name)
        self.assertEqual(code, 1)
        self.assertIn("it is another one than", text)
        # What the daily check saw is missed, too.
        self.checks._check()
        self.changed(
            "DELETE FROM healthcare_payload_access WHERE sequence > %s",
            rows[0].sequence,
        )
        code, text = self.command()
        self.assertEqual(code, 1)
        self.assertIn("which an earlier check saw", text)

    def test_the_command_says_what_it_cannot_use(self):
        for words in (["--head", "7"], ["--head", "x:y"], ["--heads", "/none"]):
            with self.subTest(words):
                self.assertEqual(self.command("check", *words)[0], 2)
        self.assertEqual(self.command("check", "-f", "/none")[0], 1)

    def test_without_the_keyring_it_is_recorded_and_chained_later(self):
        self.sittings._begin("payment")
        self.event.with_user(self.reader)._readable()
        self.patch(type(self.env["healthcare.keyring"]), "_path", lambda _self: None)
        with self.assertLogs("odoo.addons.healthcare_connector", "WARNING"):
            self.env.cr.flush()
        row = self.record.search([], limit=1)
        self.assertFalse(row.hash)
        self.assertEqual(self.checks._check().state, "unchecked")
        self.patch(type(self.env["healthcare.keyring"]), "_path", self._keyring_path)
        self.assertEqual(self.checks._check().state, "sound")
        row.invalidate_recordset()
        self.assertTrue(row.hash)

    def _keyring_path(self, *_arguments):
        return os.environ["HEALTHCARE_KEYRING_FILE"]

    # -- reports --------------------------------------------------------------

    def test_reports_by_patient_and_reader(self):
        self.read_it(2)
        reports = self.env["healthcare.access.patient"].with_user(self.auditor)
        rows = reports.search([("patient_id", "=", self.patient.id)])
        self.assertEqual(len(rows), 2)
        self.assertEqual(rows.user_id, self.reader)
        ((who, count),) = reports._read_group(
            [("patient_id", "=", self.patient.id)], ["user_id"], ["count:sum"]
        )
        self.assertEqual((who, count), (self.reader, 2))
        page = self.env["ir.actions.report"].with_user(self.auditor)
        html = page._render_qweb_html("healthcare_connector.report_access", rows.ids)[
            0
        ].decode()
        self.assertIn(self.patient.healthcare_reference, html)
        self.assertIn("Ticket 7", html)
        self.assertNotIn("Quillfeather", re.sub(r"\s+", " ", html))
        with self.assertRaises(AccessError):
            reports.with_user(self.reader).search([])

    def test_readings_of_a_merged_account_count_for_the_survivor(self):
        self.read_it()
        survivor = self.env["res.partner"].create(
            {"name": "S", "healthcare_is_patient": True, "healthcare_reference": "ARS"}
        )
        self.env["healthcare.patient.merge"]._merge(
            self.patient, survivor, self.env["healthcare.event"], "The same person"
        )
        self.env.flush_all()
        rows = self.env["healthcare.access.patient"].search(
            [("patient_id", "=", survivor.id)]
        )
        self.assertEqual(len(rows), 1)
        self.assertEqual(self.checks._check().state, "sound")


ONE = """
from odoo.addons.healthcare_connector.formats import cloudevents
items = cloudevents.read(
    "application/cloudevents-batch+json", {}, EVENTS.encode()).items
env["healthcare.intake"]._receive(env["healthcare.source"].search([], limit=1), items)
env.cr.execute("UPDATE healthcare_event SET state = 'done'")
env.cr.commit()
"""
MANY = """
import json, threading
from odoo import api
from odoo.modules.registry import Registry
event = env["healthcare.event"].search([("state", "=", "done")], limit=1)
env.cr.commit()
errors = []
def read(number):
    try:
        for turn in range(12):
            with Registry(env.cr.dbname).cursor() as cr:
                own = api.Environment(cr, 1, {})
                own["healthcare.event"].browse(event.id).state  # an old snapshot
                own["healthcare.payload.access"]._record(
                    own["healthcare.event"].browse(event.id), f"{number}/{turn}")
    except Exception as error:
        errors.append(repr(error))
threads = [threading.Thread(target=read, args=(n,)) for n in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
env.cr.rollback()
check = env["healthcare.access.check"]._check()
print(json.dumps([errors, check.state, check.count, check.message or ""]))
"""
BREAK = """
for query in (
    "ALTER TABLE healthcare_payload_access DISABLE TRIGGER healthcare_guard",
    "UPDATE healthcare_payload_access SET purpose = 'none' WHERE sequence = 40",
    "ALTER TABLE healthcare_payload_access ENABLE TRIGGER healthcare_guard",
):
    env.cr.execute(query)
env.cr.commit()
"""


@tagged("post_install", "-at_install")
class TestAccessRecordAtOnce(DurabilityCase):
    def test_many_readers_make_one_chain(self):
        site = self.site("access", started=False)
        site.dev.script(
            site.name,
            f"EVENTS = {json.dumps([self.events[0]])!r}\n{ONE}",
        )
        errors, state, count, message = json.loads(site.dev.script(site.name, MANY))
        self.assertEqual(errors, [])
        self.assertEqual((state, count, message), ("sound", 72, ""))
        code, text = self.command(site)
        self.assertEqual(code, 0, text)
        self.assertIn("sound: 72 entries", text)
        site.dev.script(site.name, BREAK)
        code, text = self.command(site)
        self.assertEqual(code, 1, text)
        self.assertIn("Entry 40 is the first at fault: what it says was changed", text)

    def command(self, site):
        """Run the command as from a shell; return its exit code and its words."""
        done = subprocess.run(
            [
                *(site.dev.environment.python, "-m", "odoo"),
                f"--addons-path={site.dev.environment.addons_path}",
                *("healthcare_access_record", "check", "-d", site.name),
                *("--", "-c", str(site.dev.configuration(site.name))),
            ],
            env=site.dev.variables(),
            cwd=WORK / "addons",
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr
