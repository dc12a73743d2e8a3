"""Mappings as people keep them: versions, rows, what events tell of them."""

import base64
import json
from pathlib import Path

import psycopg2

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form

from odoo.addons.healthcare_connector.core.mapping import mapping as core_mapping

from .common import event
from .test_format_hl7v2 import ADT, SIU, body
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
                [
                    ("source_id", "=", self.source.id),
                    ("message_id", "!=", False),
                    ("rejected", "=", False),
                ]
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
