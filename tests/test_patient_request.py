"""A patient asks for a copy of the data, or that they are erased."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user

from odoo.addons.healthcare_connector.core.protection import patient_archive
from odoo.addons.healthcare_connector.models.privacy import data_erasure

from .common import HealthcareCase, appointment_data, coverage_data, event, patient_data

GROUP = "base.group_user,healthcare_connector.group_"


class RequestCase(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = new_test_user(
            cls.env,
            "pr-reader",
            GROUP + "operator,healthcare_connector.group_phi_reader",
        )
        cls.admin = new_test_user(cls.env, "pr-admin", GROUP + "administrator")
        cls.requests = cls.env["healthcare.data.request"].with_user(cls.reader)

    def setUp(self):
        super().setUp()
        self.event, self.stranger = self.play(
            event(
                "registration.created",
                patient_data(
                    "PR-1",
                    family="<b>Asker",
                    coverages=[coverage_data(member="M-PR-1")],
                ),
            ),
            event("registration.created", patient_data("PR-2", family="Strangerson")),
        )
        self.patient = self.partner("PR-1")
        self.patient.write({"phone": "+15550100", "email": "a@example.com"})
        self.patient.message_post(body="Called under +15550100")

    def partner(self, number):
        numbers = self.env["healthcare.patient.identifier"]
        return numbers.search([("value", "=", number)]).partner_id

    def ask(self, kind):
        return self.requests.create(
            {"partner_id": self.patient.id, "kind": kind, "reason": "Letter of May 2"}
        )

    def bodies(self, events):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT count(body) FROM healthcare_event WHERE id = ANY(%s)", [events.ids]
        )
        return self.env.cr.fetchone()[0]


class TestDataExport(RequestCase, HttpCase):
    def test_the_copy_has_all_of_this_patient_and_nobody_else(self):
        (visit,) = self.play(
            event("appointment.booked", appointment_data("PR-1", "PR-A"))
        )
        asked = self.ask("export")
        content = asked._archive()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            data = json.loads(archive.read("data.json"))
            page = archive.read("index.html").decode()
        self.assertEqual(
            {row["Event"] for row in data["events"]}, {self.event.uuid, visit.uuid}
        )
        self.assertIn("PR-1", str(data["identifiers"]))
        self.assertIn("M-PR-1", str(data["coverages"]))
        self.assertIn("PR-A", str(data["appointments"]))
        self.assertIn("+15550100", str(data["account"]))
        self.assertIn("birth_date", str(data["events"]))
        self.assertIn("&lt;b&gt;Asker", page)
        self.assertNotIn("<b>Asker", page)
        for text in (str(data), page):
            self.assertNotIn("Strangerson", text)
        self.assertEqual(asked.state, "done")
        row = self.env["healthcare.payload.access"].search([], limit=1)
        self.assertEqual((row.kind, row.user_id), ("request", self.reader))
        self.assertEqual(row.patients, self.patient.ids)
        self.assertIn("Letter of May 2", row.purpose)

    def test_it_comes_over_http_to_readers_only(self):
        asked = self.ask("export")
        url = asked.action_download()["url"]
        self.env.flush_all()
        self.authenticate(self.reader.login, self.reader.login)
        answer = self.url_open(url)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertTrue(zipfile.is_zipfile(io.BytesIO(answer.content)))
        self.assertEqual(
            self.url_open("/healthcare/privacy/request/0").status_code, 404
        )
        self.authenticate(self.admin.login, self.admin.login)
        self.assertNotEqual(self.url_open(url).status_code, 200)

    def test_the_page_is_harmless(self):
        page = patient_archive.page(
            "T<script>",
            ["<i>"],
            [
                {
                    "name": "a",
                    "title": "A",
                    "rows": [{"<x>": "<y>", "b": {"c": "</pre><script>"}}],
                }
            ],
        )
        for tag in ("<script>", "<i>", "<x>", "<y>"):
            self.assertNotIn(tag, page)


class TestErasure(RequestCase):
    def submitted(self):
        asked = self.ask("erase")
        asked.action_submit()
        return asked

    def approve(self, asked):
        asked.with_user(self.admin).action_approve()
        self.erase(asked)

    def erase(self, asked):
        """Work as the scheduled job does, until the request is done with."""
        for _turn in range(100):
            if asked.state != "running":
                return
            self.env["healthcare.retention.run"]._advance_running()
        self.fail("The erasure does not end")

    def lines(self, asked):
        return {line.name: (line.goes, line.stays) for line in asked.line_ids}

    def test_another_person_approves(self):
        asked = self.submitted()
        self.assertEqual(asked.state, "waiting")
        with self.assertRaises(AccessError):
            asked.action_approve()
        both = new_test_user(
            self.env,
            "pr-both",
            GROUP + "administrator,healthcare_connector.group_phi_reader",
        )
        mine = (
            self.env["healthcare.data.request"]
            .with_user(both)
            .create(
                {"partner_id": self.patient.id, "kind": "erase", "reason": "Letter"}
            )
        )
        mine.action_submit()
        self.assertFalse(mine.may_decide)
        with self.assertRaises(UserError):
            mine.action_approve()
        with self.assertRaises(UserError):
            mine.write({"state": "done"})
        with self.assertRaises(UserError):
            asked.with_user(self.admin).action_refuse()  # say why
        self.assertEqual(self.bodies(self.event), 1)
        asked.with_user(self.admin).action_approve()
        self.assertEqual((asked.state, asked.approver_id), ("running", self.admin))
        with self.assertRaises(UserError):
            asked.with_user(both).action_approve()
        self.assertEqual(self.bodies(self.event), 1)
        self.erase(asked)
        self.assertEqual((asked.state, asked.progress), ("done", 100.0))

    def test_without_business_the_person_is_gone(self):
        (again,) = self.play(
            event(
                "registration.updated",
                patient_data("PR-1", family="<b>Asker", given=("Other",)),
                time="2026-03-03T08:00:00Z",
            )
        )
        mine = self.event + again
        asked = self.submitted()
        self.assertEqual(self.lines(asked)["Contents of events"], (2, 0))
        self.assertFalse(any(x.reason for x in asked.line_ids if not x.stays))
        self.approve(asked)
        self.env.invalidate_all()
        self.assertEqual(self.bodies(mine), 0)
        self.assertEqual(self.bodies(self.stranger), 1)
        self.assertFalse(self.patient.phone or self.patient.email)
        self.assertFalse(self.patient.healthcare_birth_date)
        self.assertFalse(self.patient.healthcare_identifier_ids)
        self.assertNotIn("Asker", self.patient.name)
        self.assertFalse(self.patient.message_ids)
        facts = self.env["healthcare.fact"].search(
            [("partner_id", "=", self.patient.id), ("event_id", "in", mine.ids)]
        )
        self.assertFalse(any(fact.sealed for fact in facts.sudo()))
        proof = {run.kind: run.erased_count for run in asked.run_ids}
        self.assertEqual(proof["event"], 2)
        self.assertEqual(proof["patient"], 1)
        self.assertTrue(all(r.ids_hash for r in asked.run_ids if r.erased_count))

    def test_it_goes_slice_by_slice_and_what_came_up_meanwhile_stays(self):
        again = self.play(
            *(
                event(
                    "registration.updated",
                    patient_data("PR-1", family="<b>Asker", given=(f"G{day}",)),
                    time=f"2026-03-0{day}T08:00:00Z",
                )
                for day in range(2, 6)
            )
        )
        mine = self.event + again
        asked = self.submitted()
        self.patch(data_erasure, "SLICE", 2)
        asked.with_user(self.admin).action_approve()
        left, shares = [], []
        for _turn in range(3):
            self.env["healthcare.retention.run"]._advance_running()
            left.append(self.bodies(mine))
            shares.append(asked.progress)
        self.assertEqual(left, [3, 1, 0])
        self.assertEqual(asked.state, "running")
        self.assertEqual(shares, sorted(shares))
        self.assertTrue(0 < shares[0] < shares[-1] < 100)
        self.assertEqual(asked.erased_count, 5)
        self.assertTrue(self.patient.phone)
        soon = fields.Datetime.now() + timedelta(days=9)
        visit = appointment_data("PR-1", "PR-B", start=f"{soon.isoformat()}Z")
        self.play(event("appointment.booked", visit))
        self.erase(asked)
        self.assertTrue(self.patient.phone)
        kept = asked.line_ids.filtered(lambda line: line.part == "contact")
        self.assertEqual(kept.reason, "An appointment is to come.")
        proof = {run.kind: run.erased_count for run in asked.run_ids}
        self.assertEqual((proof["event"], proof.get("patient")), (5, None))
        ids = [str(one) for one in sorted(mine.ids)]
        text = ""
        for part in (ids[:2], ids[2:4], ids[4:]):
            text = hashlib.sha256((text + ",".join(part)).encode()).hexdigest()
        run = asked.run_ids.filtered(lambda one: one.kind == "event")
        self.assertEqual(run.ids_hash, text)

    def test_invoices_keep_who_they_are_for(self):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.patient.id,
                "healthcare_patient_id": self.patient.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    fields.Command.create(
                        {
                            "name": "Visit",
                            "quantity": 1,
                            "price_unit": 10,
                            "tax_ids": [],
                        }
                    )
                ],
            }
        )
        move.action_post()
        asked = self.submitted()
        self.assertIn("An invoice is open.", asked.line_ids.mapped("reason"))
        self.approve(asked)
        self.assertEqual(self.patient.phone, "+15550100")
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        ).create({})._create_payments()
        asked = self.submitted()
        self.approve(asked)
        self.assertFalse(self.patient.phone)
        self.assertIn("Asker", self.patient.name)
        self.assertTrue(self.patient.healthcare_identifier_ids)
        old = fields.Date.today() - timedelta(days=4000)
        self.env.cr.execute(
            "UPDATE account_move SET invoice_date = %s WHERE id = %s", [old, move.id]
        )
        self.env.invalidate_all()
        asked = self.submitted()
        self.approve(asked)
        self.assertNotIn("Asker", self.patient.name)
        self.assertTrue(move.exists())

    def test_a_hold_and_what_is_open_stay(self):
        (parked,) = self.play(
            event(
                "registration.updated",
                patient_data("PR-1", coverages=[coverage_data("PAYER-NONE")]),
                time="2026-03-04T08:00:00Z",
            )
        )
        self.assertEqual(parked.state, "exception")
        asked = self.submitted()
        self.assertEqual(self.lines(asked)["Contents of events"], (1, 1))
        self.env["healthcare.legal.hold"].create(
            {"name": "File", "reason": "Lawsuit", "partner_id": self.patient.id}
        )
        asked = self.submitted()
        self.assertEqual(self.lines(asked)["Contents of events"], (0, 2))
        self.approve(asked)
        self.assertEqual(self.bodies(self.event + parked), 2)
        self.assertTrue(self.patient.phone)

    def test_a_preview_changes_nothing(self):
        asked = self.ask("erase")
        asked.action_preview()
        self.assertEqual(asked.state, "draft")
        self.assertTrue(asked.line_ids)
        self.assertEqual(self.bodies(self.event), 1)
        with self.assertRaises(AccessError):
            asked.with_user(self.admin).action_preview()
