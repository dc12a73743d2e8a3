"""Mappings as people keep them: versions, rows, codes, the test bench."""

import base64
import json
from pathlib import Path

import psycopg2

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user

from odoo.addons.healthcare_connector.core import mapping as core_mapping

from .common import event
from .test_format_hl7v2 import ADT, SIU, body
from .test_format_x12 import (
    BALANCED,
    ELIGIBILITY,
    interchange,
    remittance,
    transaction,
)
from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"
MAPPINGS = Path(core_mapping.DIRECTORY)


class MappingCase(WorkflowCase):
    def draft(self, kind="ADT^A04", format_name="hl7v2"):
        wizard = self.env["healthcare.mapping.new"].create(
            {
                "source_id": self.source.id,
                "format": format_name,
                f"{format_name}_kind": kind,
            }
        )
        return self.env["healthcare.mapping"].browse(wizard.action_copy()["res_id"])

    def row(self, mapping, path):
        return mapping.row_ids.filtered(lambda row: row.path == path)[:1]

    def receive(self, *segments, format_name="hl7v2", content=None):
        """Take a body in; return the results of its messages."""
        intake = self.env["healthcare.intake"]
        _batch, results = intake._receive_body(
            self.source, format_name, content or body(*segments)
        )
        return results

    def message(self, result):
        return self.env["healthcare.message"].browse(result.record_id)

    def their(self, *segments):
        """Return segments about our facility."""
        return [line.replace("|NORTH|", "|T-EAST|") for line in segments]


class TestMapping(MappingCase):
    def test_every_shipped_mapping_survives_being_rows(self):
        for path in sorted(MAPPINGS.glob("*/*.json")):
            document = json.loads(path.read_text())
            mapping = self.env["healthcare.mapping"]._from_document(
                document, self.source
            )
            again = mapping._document()
            with self.subTest(path=path.name):
                self.assertEqual(again["events"], document["events"])
                self.assertEqual(again.get("maps"), document.get("maps"))
                self.assertEqual(again.get("unhandled"), document.get("unhandled"))

    def test_versions(self):
        first = self.draft()
        self.assertEqual((first.version, first.state), (1, "draft"))
        self.assertEqual(first.based_on, "ADT^A04, shipped version 1")
        first.action_activate()
        with self.assertRaises(UserError):
            self.row(first, "facility").expression = "MSH.f6[0].c1"
        with self.assertRaises(UserError):
            first.event_ids.unlink()
        with self.assertRaises(UserError):
            first.unlink()
        with self.assertRaises(UserError):
            first.maps = "{}"
        second = self.env["healthcare.mapping"].browse(
            first.action_new_version()["res_id"]
        )
        self.assertEqual(second.version, 2)
        self.row(second, "facility").expression = "MSH.f6[0].c1"
        in_force = self.env["healthcare.mapping"]._in_force
        self.assertEqual(in_force(self.source, "hl7v2", "ADT^A04").id, first.id)
        second.action_activate()
        self.assertEqual((first.state, second.state), ("retired", "active"))
        self.assertEqual(in_force(self.source, "hl7v2", "ADT^A04").id, second.id)
        second.action_retire()
        self.assertIsNone(in_force(self.source, "hl7v2", "ADT^A04").id)

    def test_one_active_version_by_constraint(self):
        first, second = self.draft(), self.draft()
        first.action_activate()
        violated = self.assertRaises(psycopg2.IntegrityError)
        with violated as caught, self.cr.savepoint():
            second.write({"state": "active", "document": first.document})
            self.env.flush_all()
        self.assertIn("_active_unique", str(caught.exception))
        with self.assertRaises(ValidationError), self.cr.savepoint():
            self.draft().state = "active"

    def test_what_is_dangerous_is_refused_with_its_place(self):
        mapping = self.draft()
        row = self.row(mapping, "patient.birth_date")
        for values, words in (
            ({"expression": "PID.f7["}, "JMESPath"),
            ({"expression": "x" * 3000}, "2048"),
            ({"expression": "@" + "|[@,@]" * 200}, "complex"),
            ({"expression": "system('x')"}, "does not exist"),
            ({"transforms": "hl7_date\nnonsense"}, "no such transform"),
            ({"field": "patient..x"}, "path"),
        ):
            with self.subTest(values=str(values)[:50]):
                with self.assertRaises(ValidationError) as caught, self.cr.savepoint():
                    row.write(values)
                self.assertIn(words, str(caught.exception))
                if "expression" in values:
                    self.assertIn("patient.birth_date", str(caught.exception))

    def test_the_event_tells_what_mapped_it(self):
        mapping = self.draft()
        self.row(mapping, "account_number").write({"mode": "value", "value": "X-1"})
        mapping.action_activate()
        (result,) = self.receive(*self.their(*ADT))
        self.assertEqual(result.state, "taken")
        made = self.env["healthcare.event"].search([("mapping_id", "=", mapping.id)])
        self.assertEqual(made.mapping_label, "ADT^A04, version 1")
        self.assertEqual(made._content()["account_number"], "X-1")
        self.assertEqual(mapping.message_count, 1)

    def test_a_message_nobody_knew_is_mapped_later(self):
        message = [line.replace("ADT^A04^ADT_A01", "ADT^A03") for line in ADT]
        (result,) = self.receive(*self.their(*message))
        self.assertEqual(result.state, "unsupported")
        self.env.flush_all()
        listed = self.env["healthcare.message.unsupported"].search(
            [("source_id", "=", self.source.id)]
        )
        context = listed.action_new_mapping()["context"]
        wizard = (
            self.env["healthcare.mapping.new"]
            .with_context(**context)
            .create({"like_kind": "ADT^A08"})
        )
        mapping = self.env["healthcare.mapping"].browse(wizard.action_copy()["res_id"])
        self.assertEqual(mapping.kind, "ADT^A03")
        mapping.action_activate()
        listed.invalidate_recordset()
        self.assertTrue(listed.mapped)
        listed.action_replay()
        taken = self.message(result)
        self.assertEqual(taken.state, "taken")
        self.assertEqual(taken.event_ids.type_code, "registration.updated")

    def test_a_resource_nobody_knew_is_mapped_later(self):
        self.source.default_facility_id = self.facility
        resource = {
            "resourceType": "Flag",
            "id": "f-1",
            "status": "finished",
            "subject": {"identifier": {"system": "urn:test:mrn", "value": "F-1"}},
            "period": {"end": "2026-03-02T09:00:00Z"},
        }
        content = json.dumps(resource).encode()
        (result,) = self.receive(format_name="fhir_r4", content=content)
        self.assertEqual((result.state, result.message.kind), ("unsupported", "Flag"))
        wizard = self.env["healthcare.mapping.new"].create(
            {
                "source_id": self.source.id,
                "format": "fhir_r4",
                "kind": "Flag",
                "like_resource": "Encounter",
            }
        )
        mapping = self.env["healthcare.mapping"].browse(wizard.action_copy()["res_id"])
        mapping.action_activate()
        self.message(result).action_replay()
        self.assertEqual(self.message(result).state, "taken")
        made = self.message(result).event_ids
        self.assertEqual(made.type_code, "service.completed")
        self.assertEqual(
            made._content()["patient"]["identifiers"],
            [{"system": "urn:test:mrn", "value": "F-1"}],
        )

    def test_export_and_import(self):
        mapping = self.draft("SIU^S12")
        self.row(mapping, "appointment.reason").expression = "SCH.f7[0].c2"
        self.assertIn("/export_file/", mapping.action_export()["url"])
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other", "environment": "sandbox"}
        )
        wizard = self.env["healthcare.mapping.import"].create(
            {"source_id": other.id, "file": mapping.export_file, "filename": "x.json"}
        )
        copy = self.env["healthcare.mapping"].browse(wizard.action_import()["res_id"])
        self.assertEqual((copy.source_id, copy.state), (other, "draft"))
        self.assertEqual(copy._document()["events"], mapping._document()["events"])
        for bad in (b"{", b"[]", b'{"format": "hl7v2"}', b"\xff"):
            wizard = self.env["healthcare.mapping.import"].create(
                {"source_id": other.id, "file": base64.b64encode(bad)}
            )
            with self.assertRaises(UserError):
                wizard.action_import()


class TestCodes(MappingCase):
    """What a source's codes mean, and what waits for it."""

    def map_now(self, exception, **meant):
        action = exception.action_map_code()
        wizard = (
            self.env["healthcare.mapping.code"]
            .with_context(**action["context"])
            .create(meant)
        )
        wizard.action_map()
        self.process()
        return wizard

    def test_map_it_now_releases_what_waits_of_this_source(self):
        self.play(self.register("C-1"))
        unknown = [
            self.appointment("booked", "C-1", f"A-{n}", n, services=("THEIR-MRI",))
            for n in (1, 2)
        ]
        other_source = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other", "environment": "sandbox"}
        )
        self.send(*unknown)
        elsewhere = self.appointment("booked", "C-1", "A-3", 3, services=("THEIR-MRI",))
        self.send(elsewhere, source=other_source)
        self.process()
        issues = self.issues("unmapped_code")
        self.assertEqual(len(issues), 3)
        first = issues.filtered(lambda one: one.source_id == self.source)[0]
        self.assertTrue(first.can_map)
        wizard = self.map_now(first, service_id=self.mri.id)
        self.assertEqual((wizard.kind, wizard.code), ("services", "THEIR-MRI"))
        self.assertEqual(self.issues("unmapped_code").source_id, other_source)
        for number in ("A-1", "A-2"):
            self.assertEqual(self.visit(number).line_ids.service_id, self.mri)
        self.assertFalse(self.visit("A-3"))
        # What comes later is understood at once.
        self.play(self.appointment("booked", "C-1", "A-4", 5, services=("THEIR-MRI",)))
        self.assertTrue(self.visit("A-4"))

    def test_payers_supplies_and_facilities(self):
        self.play(self.register("C-2", payer="BCBS"))
        self.map_now(self.issues("missing_payer"), payer_id=self.payer.id)
        coverage = self.patient("C-2").healthcare_coverage_ids
        self.assertEqual(coverage.payer_id, self.payer)
        self.play(
            self.completed(
                "C-2",
                "S-1",
                5,
                charges=[{"code": "T-CONSULT", "quantity": 1}],
                consumables=[{"code": "THEIR-GLOVE", "quantity": 2}],
            )
        )
        self.map_now(self.issues("unmapped_code"), product_id=self.gloves.id)
        self.assertFalse(self.issues("unmapped_code"))
        elsewhere = self.register("C-3")
        elsewhere["data"]["facility"] = "EAST-9"
        self.play(elsewhere)
        issue = self.issues("missing_dependency")
        self.map_now(issue, facility_id=self.facility.id)
        self.assertTrue(self.patient("C-3"))

    def test_order_of_arrival_does_not_matter(self):
        """The meaning first or the event first: the same visit."""
        self.play(self.register("C-4"))
        self.env["healthcare.value.map"].create(
            {
                "source_id": self.source.id,
                "kind": "services",
                "code": "LATER",
                "service_id": self.consult.id,
            }
        )
        self.play(self.appointment("booked", "C-4", "A-9", 1, services=("LATER",)))
        self.assertEqual(self.visit("A-9").line_ids.service_id, self.consult)
        self.assertEqual(self.visit("A-9").state, "booked")

    def test_one_meaning_per_code(self):
        values = {
            "source_id": self.source.id,
            "kind": "services",
            "code": "TWICE",
            "service_id": self.consult.id,
        }
        self.env["healthcare.value.map"].create(values)
        with self.assertRaises(psycopg2.IntegrityError), self.cr.savepoint():
            self.env["healthcare.value.map"].create(values)
        without = {**values, "code": "NONE", "service_id": False}
        with self.assertRaises(psycopg2.IntegrityError), self.cr.savepoint():
            self.env["healthcare.value.map"].create(without)

    def test_codes_cost_one_query_for_many_events(self):
        self.play(self.register("C-5"))
        self.assertBulk(
            lambda number: self.register(f"BULK-{number}", payer=None), per_event=8
        )

    def test_maps_of_messages(self):
        """Issuers of numbers are mapped as the message comes in."""
        self.env["healthcare.value.map"].create(
            {
                "source_id": self.source.id,
                "kind": "identifier_systems",
                "code": "NORTHMRN",
                "to_code": "urn:test:mrn",
            }
        )
        self.receive(*self.their(*ADT))
        self.process()
        self.assertTrue(self.patient("M-1"))

    def test_a_code_without_a_meaning_keeps_a_message_until_it_has_one(self):
        self.source.default_facility_id = self.facility
        claim = [line.replace("CAS*CO*45", "CAS*ZZ*45") for line in BALANCED]
        results = self.receive(format_name="x12", content=remittance(claim))
        self.assertEqual([one.state for one in results], ["taken", "failed"])
        issue = self.issues("unmapped_code")
        self.assertEqual(issue.cause_key, "code/adjustment_groups/ZZ")
        self.assertTrue(issue.can_map)
        self.map_now(issue, to_code="CO")
        self.assertEqual(issue.state, "resolved")
        message = self.message(results[1])
        self.assertEqual(message.state, "taken")
        good = message.event_ids.filtered(lambda one: not one.rejected)
        self.assertEqual(good._content()["claim"]["adjustments"][-1]["group"], "CO")

    def test_operators_map_and_others_do_not(self):
        operator = new_test_user(
            self.env, "map-op", groups=f"base.group_user,{GROUP}operator"
        )
        auditor = new_test_user(
            self.env, "map-au", groups=f"base.group_user,{GROUP}auditor"
        )
        self.play(self.register("C-6"))
        self.play(self.appointment("booked", "C-6", "A-7", 1, services=("NEW",)))
        issue = self.issues("unmapped_code")
        wizards = self.env["healthcare.mapping.code"]
        values = {"exception_id": issue.id, "service_id": self.mri.id}
        with self.assertRaises(AccessError):
            wizards.with_user(auditor).create(values)
        wizards.with_user(operator).create(values).action_map()
        self.process()
        self.assertTrue(self.visit("A-7"))
        with self.assertRaises(AccessError):
            self.draft().with_user(operator).action_activate()

    def test_an_unknown_payer_is_named_before_the_unknown_member(self):
        lines = [line.replace("PAYER-A", "00431") for line in ELIGIBILITY]
        self.source.default_facility_id = self.facility
        self.receive(format_name="x12", content=interchange(transaction("271", lines)))
        self.process()
        issue = self.issues("missing_payer")
        self.assertEqual(issue.cause_key, "payer/00431")
        self.play(self.register("C-8", coverages=[self._member("M-1")]))
        self.map_now(issue, payer_id=self.payer.id)
        coverage = self.patient("C-8").healthcare_coverage_ids
        self.assertEqual((coverage.member_id, coverage.status), ("M-1", "active"))
        self.assertFalse(self.issues())

    def test_members_are_not_guessed(self):
        """Two people with one member number: neither is taken for the other."""
        self.source.default_facility_id = self.facility
        lines = [line.replace("PAYER-A", "T-PAYER") for line in ELIGIBILITY]
        two = [self._member("M-1"), {**self._member("M-1"), "relationship": "child"}]
        self.play(self.register("C-9", coverages=two[:1]))
        self.play(self.register("C-10", minute=1, coverages=two[:1]))
        self.receive(format_name="x12", content=interchange(transaction("271", lines)))
        self.process()
        self.assertEqual(len(self.issues("missing_dependency")), 1)
        insured = {**self._member("M-1"), "relationship": "self"}
        self.play(self.register("C-9", 2, "updated", coverages=[insured]))
        self.issues("missing_dependency").action_retry()
        self.process()
        self.assertEqual(self.patient("C-9").healthcare_coverage_ids.status, "active")
        self.assertEqual(
            self.patient("C-10").healthcare_coverage_ids.status, "unverified"
        )

    def _member(self, number):
        return {"payer": {"code": "T-PAYER"}, "member_id": number, "priority": 1}


class TestBench(MappingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = f"base.group_user,{GROUP}administrator"
        cls.admin = new_test_user(cls.env, "bench-admin", groups=groups)
        cls.reader = new_test_user(
            cls.env, "bench-reader", groups=f"{groups},{GROUP}phi_reader"
        )

    def bench(self, mapping, user, **values):
        return (
            self.env["healthcare.mapping.bench"]
            .with_user(user)
            .create({"mapping_id": mapping.id, **values})
        )

    def test_a_recent_message_shows_result_errors_and_difference(self):
        (result,) = self.receive(*self.their(*ADT))
        mapping = self.draft()
        self.row(mapping, "account_number").write({"mode": "value", "value": "X-1"})
        message = self.message(result)
        bench = self.bench(mapping, self.reader, message_id=message.id)
        bench.action_try()
        self.assertIn("Quillfeather", bench.result)
        self.assertIn("valid", bench.summary)
        self.assertIn("/data/account_number", bench.summary)
        reading = self.env["healthcare.payload.access"].search([], limit=1)
        self.assertEqual((reading.message_id, reading.user_id), (message, self.reader))
        self.row(mapping, "patient.birth_date").write(
            {"mode": "value", "value": "soon", "transforms": False}
        )
        bench.invalidate_recordset()
        self.assertIn("would be refused", bench.summary)
        self.assertIn("/data/patient/birth_date", bench.summary)

    def test_what_is_pasted_is_encrypted(self):
        mapping = self.draft()
        bench = self.bench(mapping, self.reader, pasted="\n".join(self.their(*ADT)))
        bench.action_try()
        self.assertIn("Quillfeather", bench.result)
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM healthcare_mapping_bench")
        self.assertNotIn("Quillfeather", str(self.env.cr.fetchall()))
        bench = self.bench(mapping, self.reader, pasted="\n".join(SIU))
        bench.action_try()
        self.assertIn("another kind", bench.summary)
        bench = self.bench(mapping, self.reader, pasted="nonsense")
        bench.action_try()
        self.assertIn("cannot be read", bench.summary)

    def test_only_readers_see_messages(self):
        (result,) = self.receive(*self.their(*ADT))
        message = self.message(result)
        bench = self.bench(self.draft(), self.admin, message_id=message.id)
        with self.assertRaises(AccessError):
            bench.action_try()
        bench.tried = True
        self.assertFalse(bench.result)
        self.assertFalse(bench.summary)
        with self.assertRaises(AccessError):
            message.with_user(self.admin).action_open_content()
        viewer = (
            self.env["healthcare.message.viewer"]
            .with_user(self.reader)
            .create({"message_id": message.id})
        )
        self.assertIn("PID|1||M-1", viewer.content)
        self.assertIn("\nPID", viewer.content)

    def test_messages_about_another_company_stay_closed(self):
        (result,) = self.receive(*self.their(*ADT))
        company = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "bench-stranger",
            groups=f"base.group_user,{GROUP}administrator,{GROUP}phi_reader",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        message = self.message(result).with_user(stranger)
        with self.assertRaises(AccessError):
            message._readable()
        bench = self.bench(self.draft(), stranger, message_id=message.id)
        with self.assertRaises(AccessError):
            bench.action_try()

    def test_the_last_messages_are_compared_by_counts(self):
        for number in range(3):
            self.receive(
                *[line.replace("M-1^", f"M-{number}^") for line in self.their(*ADT)]
            )
        no_account = self.their(*ADT)
        no_account[2] = no_account[2].replace("|ACC-9", "|").replace("M-1^", "M-7^")
        self.receive(*no_account)
        mapping = self.draft()
        bench = self.bench(mapping, self.admin)
        bench.action_try_last()
        self.assertIn("Same result", bench.report)
        self.assertIn("4", bench.report)
        self.row(mapping, "account_number").required = "yes"
        bench.action_try_last()
        self.assertIn("Newly failing", bench.report)
        self.assertNotIn("Quillfeather", bench.report)
        counts, _places = bench._compare(
            self.env["healthcare.message"].search([("kind", "=", "ADT^A04")])
        )
        self.assertEqual((counts["same"], counts["failing"]), (3, 1))


class TestMessagesAreLike(MappingCase):
    def test_any_order_and_twice_make_the_same_patient(self):
        """A message, its resend and canonical events about the same visit."""
        first, later = self.their(*ADT), self.their(*ADT)
        later[0] = later[0].replace("ADT^A04^ADT_A01", "ADT^A08")
        later[0] = later[0].replace("20260302093000", "20260302113000")
        later[1] = "EVN|A08|20260302112900-0500"
        later[2] = later[2].replace("Zephyrine", "Zephyr")
        names = set()
        for turn, order in enumerate(((first, later), (later, first))):
            for message in (*order, *order):
                lines = [line.replace("M-1^", f"M-T{turn}^") for line in message]
                self.receive(*lines)
                self.process()
            patient = self.env["healthcare.patient.identifier"].search(
                [("value", "=", f"M-T{turn}")]
            )
            names.add(patient.partner_id.name)
        self.assertEqual(len(names), 1, names)
        self.assertIn("Zephyr ", names.pop())
        self.assertEqual(
            self.env["healthcare.event"].search_count(
                [("message_id", "!=", False), ("rejected", "=", False)]
            ),
            4,
        )

    def test_another_time_of_sending_is_no_conflict(self):
        """Of a message that was refused in part, what was taken comes again."""
        message = self.their(*SIU)
        (result,) = self.receive(*message)
        self.cr.execute(
            "UPDATE healthcare_message SET state = 'failed' WHERE id = %s",
            [result.record_id],
        )
        message[0] = message[0].replace("093000", "101500")
        (again,) = self.receive(*message)
        self.assertEqual([one.status for one in again.receipts], ["duplicate"])
        self.assertEqual(again.receipts[0].event, result.receipts[0].event)

    def test_canonical_events_need_no_message(self):
        (receipt,) = self.send(
            event("registration.created", self.register("Z-1")["data"])
        )
        made = self.env["healthcare.event"].search([("uuid", "=", receipt.event)])
        self.assertFalse(made.message_id)
        self.assertFalse(made.mapping_label)


class TestMappingScreens(MappingCase):
    """What people do on the screens, as the web client would."""

    def test_rows_are_added_and_refused_where_they_clash(self):
        mapping = self.draft()
        with Form(mapping.event_ids) as form:
            with form.top_row_ids.new() as row:
                row.field = "vendor_note"
                row.mode = "value"
                row.value = "Somebody"
        self.assertEqual(self.row(mapping, "vendor_note").value, '"Somebody"')
        with self.assertRaises(ValidationError) as caught:
            with Form(mapping.event_ids) as form:
                with form.top_row_ids.new() as row:
                    row.field = "guarantor.name.family"
                    row.expression = "GT1[0].f3[0].c1"
        self.assertIn("Another row sets the whole", str(caught.exception))

    def test_parts_of_a_list(self):
        mapping = self.draft()
        event = mapping.event_ids
        with Form(event) as form:
            with form.top_row_ids.new() as row:
                row.field = "contacts"
                row.mode = "each"
                row.expression = "NK1"
        whole = self.row(mapping, "contacts")
        with Form(whole) as form:
            with form.child_ids.new() as part:
                part.field = "name"
                part.expression = "item.f2[0].c1"
                part.add_transform = "upper"
        part = self.row(mapping, "contacts › name")
        self.assertEqual((part.event_id, part.transforms), (event, "upper"))
        document = mapping._document()["events"][0]["rows"][-1]
        self.assertEqual(
            document["rows"],
            [{"field": "name", "from": "item.f2[0].c1", "transforms": ["upper"]}],
        )
        mapping.action_activate()
