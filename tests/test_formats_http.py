"""HL7 v2, FHIR and X12 through HTTP: answers, duplicates, refusals, every corpus."""

import csv
import gzip
import json
import logging
import zlib
from collections import Counter
from pathlib import Path

import hl7

from odoo.addons.healthcare_connector.core.contract import samples
from odoo.addons.healthcare_connector.models.exchange.ordering import PARTITIONS

from .http_common import BASE, EndpointCase
from .test_format_fhir import APPOINTMENT, COVERAGE, INSURER, PATIENT, bundle
from .test_format_hl7v2 import ADT, DFT, SIU, body
from .test_format_x12 import (
    AUTHORIZATION,
    BALANCED,
    ELIGIBILITY,
    interchange,
    remittance,
    transaction,
)

ER7 = "application/hl7-v2+er7"
FHIR = "application/fhir+json"
X12 = "application/edi-x12"
OURS = "odoo.addons.healthcare_connector"
TRACES = f"{OURS}.controllers.protection"
CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"
#: Of the samples; none of it may ever be seen in an answer to a refusal or in a log.
PHI = ("Quillfeather", "Zephyrine", "413)555", "19610719", "123-45-6789")


class FormatsCase(EndpointCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.facility = cls.env["healthcare.facility"].search([], limit=1)
        cls.facility.code = "NORTH"
        cls.source.write({"facility_ids": [(6, 0, cls.facility.ids)]})

    def hl7(self, content, content_type=ER7, **headers):
        return self.call(
            f"{BASE}/hl7v2", content, **{"Content-Type": content_type}, **headers
        )

    def fhir(self, value, content_type=FHIR, **headers):
        return self.call(
            f"{BASE}/fhir", value, **{"Content-Type": content_type}, **headers
        )

    def x12(self, content, content_type=X12, **headers):
        return self.call(
            f"{BASE}/x12", content, **{"Content-Type": content_type}, **headers
        )

    def codes(self, answer):
        """Return the MSA-1 of each acknowledgement, read by another parser."""
        text = answer.content.decode("utf-8", "replace")
        if text.startswith("BHS"):
            return [str(ack.segment("MSA")[1]) for ack in hl7.parse_batch(text)]
        return [str(hl7.parse(text).segment("MSA")[1])]

    def events(self, **domain):
        return self.env["healthcare.event"].search(
            [
                ("source_id", "=", self.source.id),
                *((k, "=", v) for k, v in domain.items()),
            ]
        )

    def messages(self):
        return self.env["healthcare.message"].search(
            [("source_id", "=", self.source.id)]
        )

    def contents(self, events):
        return [event._content() for event in events.sudo()]

    def process(self):
        engine = self.env["healthcare.engine"]
        for _turn in range(50):
            queues = engine._claim(list(range(PARTITIONS)))
            if not queues:
                return
            engine._settle(engine._run_queues(queues))
        self.fail("The engine does not come to rest")


class TestHl7v2(FormatsCase):
    def test_taken_then_duplicate(self):
        answer = self.hl7(body(*ADT))
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Content-Type"], ER7)
        self.assertEqual(self.codes(answer), ["AA"])
        event = self.events()
        self.assertEqual(event.type_code, "registration.created")
        self.assertEqual(event.mapping_label, "ADT^A04, shipped version 1")
        self.assertEqual(event.message_id.state, "taken")
        self.assertEqual(self.codes(self.hl7(body(*ADT))), ["AA"])
        # Another time of sending and other line ends: still the same message.
        resent = (ADT[0].replace("20260302093000", "20260302094500"), *ADT[1:])
        for again in (body(*resent), body(*resent, end="\n"), body(*ADT, end="\r\n")):
            self.assertEqual(self.codes(self.hl7(again)), ["AA"])
        self.assertEqual(self.events(), event)
        self.assertEqual(len(self.messages()), 1)

    def test_one_control_id_for_two_messages_is_two_messages(self):
        other = [line.replace("Zephyrine", "Barnaby") for line in ADT]
        self.hl7(body(*ADT))
        self.hl7(body(*other))
        self.assertEqual(len(self.events()), 2)

    def test_batch_is_answered_by_a_batch(self):
        bad = (ADT[0].replace("A04^", "A99^"), *ADT[1:])
        content = body("FHS|^~\\&", "BHS|^~\\&", *ADT, *SIU, *bad, "BTS|3", "FTS|1")
        answer = self.hl7(content, "x-application/hl7-v2+er7; charset=utf-8")
        self.assertTrue(
            answer.headers["Content-Type"].startswith("x-application/hl7-v2+er7")
        )
        self.assertEqual(self.codes(answer), ["AA", "AA", "AR"])
        self.assertEqual(
            sorted(self.events().mapped("type_code")),
            ["appointment.booked", "registration.created"],
        )

    def test_unsupported_is_refused_listed_and_kept(self):
        message = (ADT[0].replace("ADT^A04^ADT_A01", "ADT^A13"), *ADT[1:])
        answer = self.hl7(body(*message))
        self.assertEqual(self.codes(answer), ["AR"])
        self.assertIn("201", answer.text)
        self.assertFalse(self.events())
        self.env.flush_all()
        listed = self.env["healthcare.message.unsupported"].search(
            [("source_id", "=", self.source.id)]
        )
        self.assertEqual((listed.kind, listed.message_count), ("ADT^A13", 1))
        self.assertFalse(listed.mapped)
        self.env.cr.execute("SELECT body FROM healthcare_message_body")
        for (sealed,) in self.env.cr.fetchall():
            self.assertNotIn(b"Quillfeather", bytes(sealed))
            with self.assertRaises(zlib.error):
                zlib.decompress(bytes(sealed))
        self.assertIn("Quillfeather", self.messages()._text())

    def test_at_fault_is_kept_and_healed_by_a_mapping(self):
        message = [line.replace("19610719", "19619999") for line in ADT]
        answer = self.hl7(body(*message))
        self.assertEqual(self.codes(answer), ["AE"])
        self.assertNotIn("19619999", answer.text)
        event = self.events()
        self.assertTrue(event.rejected)
        self.assertEqual(event.exception_ids.category, "schema_mismatch")
        self.assertIn("birth date", event.exception_ids.reason)
        self.assertIn("/data/patient/birth_date", event.exception_ids.fault_places)
        again = (message[0].replace("093000", "093100"), *message[1:])
        self.assertEqual(self.codes(self.hl7(body(*again))), ["AE"])
        self.assertEqual(self.events(), event, "a resend must not open another one")
        mapping = self._draft("ADT^A04")
        row = mapping.row_ids.filtered(lambda row: row.path == "patient.birth_date")
        row.write({"mode": "value", "value": "1961-07-19", "transforms": False})
        mapping.action_activate()
        self.messages().action_replay()
        self.assertEqual(self.messages().state, "taken")
        self.assertEqual(event.state, "discarded")
        self.assertEqual(event.exception_ids.state, "resolved")
        good = self.events(rejected=False)
        self.assertEqual(good.mapping_id, mapping)
        self.assertEqual(good.mapping_label, "ADT^A04, version 1")
        self.assertEqual(self.codes(self.hl7(body(*message))), ["AA"])
        self.assertEqual(self.events(rejected=False), good)

    def test_refusals_name_the_segment_and_field(self):
        """Before 2.5 there is no ERR: MSA-3 says where, too."""
        pid = ADT[2].replace("19610719", "")
        answer = self.hl7(body(ADT[0], ADT[1], pid, *ADT[3:])).text
        self.assertIn("\rERR||PID^1^7|101^Required field missing^HL70357|E", answer)
        self.assertIn("|PID-7: This member is required. (/data/pat", answer)
        pid = pid.replace("M-1^", "^").replace("123-45-6789", "")
        answer = self.hl7(body(ADT[0].replace("2.5.1", "2.3"), *ADT[1:2], pid)).text
        self.assertNotIn("ERR|", answer)
        self.assertRegex(answer, r"MSA\|AE\|C1\|PID-3: .* \(/data/patient/identifiers")
        answer = self.hl7(body(SIU[0], *SIU[2:4])).text
        self.assertIn("ERR||SCH^1^2|101^", answer)

    def _draft(self, kind):
        wizard = self.env["healthcare.mapping.new"].create(
            {"source_id": self.source.id, "format": "hl7v2", "hl7v2_kind": kind}
        )
        return self.env["healthcare.mapping"].browse(wizard.action_copy()["res_id"])

    def test_no_patient_data_lies_in_the_clear(self):
        bad = [line.replace("19610719", "19619999") for line in ADT]
        unknown = [line.replace("ADT^A04^ADT_A01", "ADT^A13") for line in ADT]
        for message in (ADT, SIU, DFT, bad, unknown):
            self.hl7(body(*message))
        self.fhir({**PATIENT, "birthDate": "1961-99-99"})
        self.x12(interchange(transaction("271", ELIGIBILITY)[:-1]))
        self.env.flush_all()
        for table in (
            "healthcare_message",
            "healthcare_message_body",
            "healthcare_event",
            "healthcare_exception",
            "healthcare_sync_log",
        ):
            self.env.cr.execute(f"SELECT t::text FROM {table} t")
            text = " ".join(row[0] for row in self.env.cr.fetchall()).lower()
            for value in (*PHI, "19619999", "1961-99-99", "m-1", "zq@example"):
                self.assertNotIn(value.lower(), text, table)

    def test_a_correction_by_a_person_is_told_of_the_message(self):
        self.hl7(body(*[line.replace("19610719", "19619999") for line in ADT]))
        event = self.events()
        envelope = event._envelopes()[event]
        envelope["data"]["patient"]["birth_date"] = "1961-07-19"
        event._correct(envelope, "Typing error")
        self.assertEqual(self.messages().state, "taken")
        self.hl7(body(*[line.replace("19610719", "19619999") for line in ADT]))
        self.assertEqual(self.events(), event)

    def test_unreadable_is_refused_and_traced(self):
        with self.assertLogs(TRACES, logging.INFO) as logs:
            for content in (
                b"",
                b"Quillfeather",
                b"MSH|^^^^|Quillfeather\r",
                b"\xff\xfe\x00",
                b"PID|1||Quillfeather\r",
            ):
                answer = self.hl7(content)
                self.assertEqual(answer.status_code, 200, content)
                self.assertEqual(self.codes(answer), ["AR"])
                self.assertNotIn("Quillfeather", answer.text.replace("MSH|^^^^|Q", ""))
        self.assertFalse(self.events())
        self.assertNotIn("Quillfeather", "\n".join(logs.output))
        self.assertIn("sha256", "\n".join(logs.output))

    def test_refusals_of_http(self):
        self.assertEqual(self.hl7(body(*ADT), "text/plain").status_code, 415)
        self.assertEqual(self.hl7(body(*ADT), key="x" * 40).status_code, 401)
        self.source.max_body_bytes = 100
        self.assertEqual(self.hl7(body(*ADT)).status_code, 413)
        self.source.max_body_bytes = 100_000
        packed = gzip.compress(body(*ADT))
        answer = self.hl7(packed, Content_Encoding="gzip")
        self.assertEqual(self.codes(answer), ["AA"])
        self.source.paused = True
        refused = self.hl7(body(*ADT))
        self.assertEqual(refused.status_code, 503)
        self.assertTrue(refused.headers["Retry-After"])

    def test_character_sets(self):
        latin = [line.replace("Quillfeather", "Müller") for line in ADT]
        header = latin[0] + "||||||8859/1"
        content = "\r".join((header, *latin[1:])).encode("latin-1")
        self.assertEqual(self.codes(self.hl7(content)), ["AA"])
        [data] = self.contents(self.events())
        self.assertEqual(data["patient"]["name"]["family"], "Müller")

    def test_visits_and_charges(self):
        self.assertEqual(self.codes(self.hl7(body(*SIU))), ["AA"])
        self.assertEqual(self.codes(self.hl7(body(*DFT))), ["AA"])
        self.assertEqual(
            sorted(self.events().mapped("type_code")),
            ["appointment.booked", "payment.received", "service.completed"],
        )

    def test_what_was_taken_of_a_refused_message_is_not_taken_twice(self):
        message = [*DFT[:3], DFT[3], DFT[5].replace("30.00&USD", "thirty")]
        self.assertEqual(self.codes(self.hl7(body(*message))), ["AE"])
        taken = self.events(rejected=False)
        self.assertEqual(taken.type_code, "service.completed")
        message[0] = message[0].replace("093000", "101500")
        self.assertEqual(self.codes(self.hl7(body(*message))), ["AE"])
        self.assertEqual(self.events(rejected=False), taken)
        self.assertEqual(len(self.events(rejected=True)), 1)

    def test_nothing_to_take_is_told(self):
        message = (*DFT[:3], DFT[3].replace("|CG|", "|AJ|"))
        answer = self.hl7(body(*message))
        self.assertEqual(self.codes(answer), ["AE"])
        self.assertEqual(self.messages().state, "nothing")

    def test_another_name_of_the_only_facility(self):
        message = (ADT[0].replace("|NORTH|", "|HOSP9|"), *ADT[1:])
        self.assertEqual(self.codes(self.hl7(body(*message))), ["AA"])
        self.assertEqual(self.events().facility_id, self.facility)


class TestDocumented(FormatsCase):
    def test_the_description_has_the_endpoints_with_their_types(self):
        paths = self.call(f"{BASE}/openapi.json").json()["paths"]
        for name, kind in (("hl7v2", ER7), ("fhir", FHIR), ("x12", X12)):
            operation = paths[f"{BASE}/{name}"]["post"]
            self.assertIn(kind, operation["requestBody"]["content"])
            self.assertLessEqual(
                {"200", "401", "403", "413", "415", "429", "503"},
                operation["responses"].keys(),
            )

    def test_the_samples_of_the_documentation_are_taken(self):
        made = [one for one in samples.make() if one.path != f"{BASE}/events"]
        self.assertGreater(len(made), 3)
        for sample in made:
            answer = self.call(
                sample.path,
                sample.body.encode(),
                **{"Content-Type": sample.content_type},
            )
            with self.subTest(sample=sample.title):
                self.assertIn(answer.status_code, (200, 202), answer.text)
                if sample.path.endswith("hl7v2"):
                    self.assertEqual(set(self.codes(answer)), {"AA"})


class TestFhir(FormatsCase):
    def outcome(self, answer, status):
        self.assertEqual(answer.status_code, status, answer.text[:1000])
        self.assertEqual(answer.headers["Content-Type"], FHIR)
        value = answer.json()
        self.assertEqual(value["resourceType"], "OperationOutcome")
        self.assertTrue(value["issue"])
        for issue in value["issue"]:
            self.assertIn(
                issue["severity"], ("fatal", "error", "warning", "information")
            )
            self.assertTrue(issue["code"])
        return value["issue"]

    def test_resource_then_duplicate(self):
        issues = self.outcome(self.fhir(PATIENT), 202)
        self.assertIn(f"{BASE}/events/", issues[0]["diagnostics"])
        event = self.events()
        self.assertEqual(event.type_code, "registration.created")
        self.assertEqual(event.mapping_label, "Patient, shipped version 1")
        [data] = self.contents(event)
        systems = [one["system"] for one in data["patient"]["identifiers"]]
        self.assertIn("urn:fhir:http:Patient", systems, "ids are of this source")
        self.outcome(self.fhir(PATIENT), 200)
        self.assertEqual(self.events(), event)

    def test_bundle(self):
        value = bundle(PATIENT, INSURER, COVERAGE, APPOINTMENT, kind="transaction")
        self.outcome(self.fhir(value), 202)
        self.assertIn("appointment.booked", self.events().mapped("type_code"))
        before = self.events()
        self.outcome(self.fhir(value), 200)
        self.assertEqual(self.events(), before)

    def test_what_is_left_out_is_told(self):
        """A coverage without a number of the member: the sender hears of it."""
        message = [line for line in ADT if not line.startswith("IN2")]
        self.assertEqual(self.codes(self.hl7(body(*message))), ["AA"])
        self.assertIn("has no member_id", self.messages().reason)

    def test_partly_at_fault(self):
        bad = {**PATIENT, "id": "p2", "birthDate": "1961-99-99"}
        issues = self.outcome(self.fhir(bundle(PATIENT, bad)), 202)
        (error,) = [issue for issue in issues if issue["severity"] == "error"]
        self.assertEqual(error["expression"], ["entry[1].resource"])
        self.assertNotIn("1961-99-99", json.dumps(issues))
        refused = self.events(rejected=True)
        self.assertEqual(refused.exception_ids.category, "schema_mismatch")
        issues = self.outcome(self.fhir(bad), 422)
        self.assertEqual(issues[0]["severity"], "error")

    def test_refusals(self):
        for content, status in (
            (b"{", 400),
            (b"", 400),
            (b"[]", 400),
            (b'{"resourceType": 7}', 400),
            (b'{"resourceType":"Bundle"}', 422),
            (b'{"resourceType":"Observation","status":"final"}', 422),
        ):
            with self.subTest(content=content):
                self.outcome(self.fhir(content), status)
        self.outcome(self.fhir(PATIENT, "text/xml"), 415)
        self.source.paused = True
        answer = self.fhir(PATIENT)
        self.outcome(answer, 503)
        self.assertTrue(answer.headers["Retry-After"])
        self.assertEqual(
            self.messages().filtered(lambda m: m.state == "unsupported").kind,
            "Observation",
        )


class TestX12(FormatsCase):
    def test_remittance(self):
        content = remittance(BALANCED)
        answer = self.x12(content)
        self.assertEqual(answer.status_code, 202, answer.text)
        data = answer.json()
        self.assertEqual((data["accepted"], data["rejected"]), (2, 0))
        self.assertEqual(
            sorted(self.events().mapped("type_code")),
            ["claim.adjudicated", "payment.received"],
        )
        payment = self.events().filtered(lambda e: e.type_code == "payment.received")
        [content_] = self.contents(payment)
        self.assertEqual(
            content_["allocations"], [{"claim_id": "C-1", "amount": "350.00"}]
        )
        # Other control numbers: the same remittance.
        again = self.x12(remittance(BALANCED, control=7))
        self.assertEqual(again.status_code, 200)
        self.assertEqual(again.json()["duplicate"], 2)
        receipt = again.json()["receipts"][0]
        self.assertEqual(self.call(receipt["status_url"]).json()["status"], "received")

    def test_refusals(self):
        for content in (b"", b"Quillfeather", b"ISA*"):
            answer = self.x12(content)
            self.assertIn(answer.status_code, (400, 422), content)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertNotIn("Quillfeather", answer.text)
        self.assertEqual(self.x12(b"", "text/html").status_code, 415)
        other = self.x12(interchange(transaction("837", ["BHT*0019*00*1*20260302"])))
        self.assertEqual(other.status_code, 422)
        self.assertEqual(other.json()["errors"][0]["code"], "unsupported_transaction")
        self.assertEqual(self.messages().state, "unsupported")
        old = interchange(transaction("271", ELIGIBILITY)).replace(
            b"*00501*", b"*00200*"
        )
        answer = self.x12(old).json()
        self.assertEqual(
            [error["code"] for error in answer["errors"]], ["unsupported_version"]
        )

    def test_nothing_to_take_is_told(self):
        """The payer answers that it cannot answer: no event, and it is said so."""
        lines = transaction("271", [*ELIGIBILITY[:5], "AAA*Y**50*N"])
        answer = self.x12(interchange(lines))
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(
            [warning["code"] for warning in answer.json()["warnings"]], ["not_taken"]
        )

    def test_without_a_trailer_is_kept_as_an_exception(self):
        lines = transaction("271", ELIGIBILITY)[:-1]
        answer = self.x12(interchange(lines))
        self.assertEqual(answer.status_code, 422, answer.text)
        event = self.events()
        self.assertEqual(event.exception_ids.category, "schema_mismatch")
        self.assertNotIn("QUILLFEATHER", answer.text)
        self.x12(interchange(lines))
        self.assertEqual(self.events(), event)

    def test_authorizations(self):
        answer = self.x12(interchange(transaction("278", AUTHORIZATION)))
        self.assertEqual(answer.status_code, 202, answer.text)
        self.assertEqual(
            sorted(self.events().mapped("type_code")),
            ["authorization.approved", "authorization.denied"],
        )

    def test_a_member_number_finds_the_patient(self):
        answer = self.x12(interchange(transaction("271", ELIGIBILITY)))
        self.assertEqual(answer.status_code, 202, answer.text)
        self.process()
        verified = self.events().filtered(lambda e: e.type_code == "coverage.verified")
        payer = self.env["res.partner"].search(
            [("healthcare_payer_code", "=", "PAYER-A")]
        )
        self.assertTrue(payer, "the demo has it")
        self.assertEqual(verified.state, "exception")
        self.assertEqual(verified.exception_ids.category, "missing_dependency")
        # The registration comes last and lets go what waits for the member.
        message = [
            line.replace("MEM-1", "m-1")
            for line in ADT
            if not line.startswith(("IN1|2", "IN2"))
        ]
        self.assertEqual(self.codes(self.hl7(body(*message))), ["AA"])
        self.process()
        verified.invalidate_recordset()
        self.assertEqual(
            verified.state, "done", verified.exception_ids.mapped("reason")
        )
        coverage = self.env["healthcare.coverage"].search([("payer_id", "=", payer.id)])
        self.assertIn("active", coverage.mapped("status"))


class TestFormatsCorpora(FormatsCase):
    """Every file gets a well-formed answer; nothing of it gets into a log."""

    def setUp(self):
        super().setUp()
        self.source.write({"max_batch_events": 100_000, "max_body_bytes": 2**25})

    def _files(self, folder):
        if not (CORPORA / folder).is_dir():
            self.skipTest("The corpora are not here.")
        manifest = CORPORA / folder / "MANIFEST.tsv"
        with manifest.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                yield CORPORA / folder / row["file"]

    def _quiet(self, records):
        for record in records:
            # Size, hash and a code of ours, and nothing else.
            known = ("started", "Refused a body of source ")
            self.assertTrue(record.getMessage().startswith(known), record.getMessage())
            self.assertLess(len(record.getMessage()), 200)

    def test_hl7v2(self):
        counts = Counter()
        with self.assertLogs(OURS, logging.INFO) as logs:
            logging.getLogger(OURS).info("started")
            for path in self._files("hl7v2"):
                answer = self.hl7(path.read_bytes())
                self.assertEqual(answer.status_code, 200, path.name)
                counts.update(self.codes(answer))
        self._quiet(logs.records)
        self.assertGreater(counts["AA"], 80, counts)
        # What is refused lacks what an event needs; it is kept with the places.
        failed = self.messages().filtered(lambda m: m.state in ("failed", "nothing"))
        self.assertTrue(all(failed.mapped("reason")))
        self.assertFalse(self.events().filtered(lambda e: not e.message_id))

    def test_fhir(self):
        counts = Counter()
        with self.assertLogs(OURS, logging.INFO) as logs:
            logging.getLogger(OURS).info("started")
            for path in self._files("fhir"):
                answer = self.fhir(path.read_bytes())
                value = answer.json()
                self.assertEqual(value["resourceType"], "OperationOutcome", path.name)
                counts[answer.status_code] += 1
        self._quiet(logs.records)
        self.assertGreater(counts[202], 50, counts)

    def test_x12(self):
        counts = Counter()
        with self.assertLogs(OURS, logging.INFO) as logs:
            logging.getLogger(OURS).info("started")
            for path in self._files("x12"):
                answer = self.x12(path.read_bytes())
                self.assertIn(answer.status_code, (200, 202, 400, 422), path.name)
                answer.json()
                counts[answer.status_code] += 1
        self._quiet(logs.records)
        self.assertGreater(counts[202], 10, counts)
