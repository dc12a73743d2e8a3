"""HL7 v2: reading and answering."""

import logging
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import schema
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import hl7v2

PID = (
    "PID|1||M-1^^^NORTHMRN^MR~123-45-6789^^^USA^SS||Quillfeather^Zephyrine^Ottoline"
    "||19610719|F|||1 Low St^Flat 2^Leeds^MA^01053^USA||(413)555-0101^PRN^PH"
    "~^NET^Internet^zq@example.org|||||ACC-9"
)
ADT = (
    "MSH|^~\\&|REG|NORTH|ODOO|ERP|20260302093000-0500||ADT^A04^ADT_A01|C1|P|2.5.1",
    "EVN|A04|20260302092900-0500",
    PID,
    "PV1|1|O|CLINIC^2",
    "GT1|1||Quillfeather^Barnaby||9 High St^^Leeds^MA^01053|4135550102|||||SPO",
    "IN1|1|GOLD^Gold plan|PAYER-A|Example Health||||G-7||||20260101|20261231|||"
    "|SEL" + "|" * 19 + "MEM-1",
    "IN1|2|SILVER|PAYER-B|Other Health",
    "IN2" + "|" * 61 + "MEM-2",
)
SIU = (
    "MSH|^~\\&|SCHED|NORTH|ODOO|ERP|20260302093000||SIU^S12^SIU_S12|C2|P|2.5.1",
    "SCH|P-1|A-1001||||^Knee pain|ROUTINE||45|min^Minutes|^^^20260305090000",
    PID,
    "RGS|1|A",
    "AIS|1|A|MRI-KNEE^MRI of the knee",
    "AIL|1|A|ROOM^2",
    "AIP|1|A|77^Marsh^Ada",
)
ORM = (
    "MSH|^~\\&|CPOE|NORTH|ODOO|ERP|20260302093000||ORM^O01|C3|P|2.5.1",
    PID,
    "ORC|NW|O-1",
    "OBR|1|O-1||ECHO^Echo",
    "OBR|2|O-1||ECG^Ecg",
    "ORC|CM|O-2|F-2||CM",
    "OBR|1|O-2|F-2|CONSULT|||20260301100000",
)
DFT = (
    "MSH|^~\\&|BILL|NORTH|ODOO|ERP|20260302093000||DFT^P03|C4|P|2.5.1",
    "EVN|P03|20260302093000",
    PID,
    "FT1|1|T-1||20260301101500||CG|INFUSION|||2||125.00||||||||^Marsh^Ada||||||25~59",
    "FT1|2|T-2||20260301101500||CG|CONSULT|||1",
    "FT1|3|T-3||20260301103000||PA|COPAY||||30.00&USD",
)
MERGE = (
    "MSH|^~\\&|REG|NORTH|ODOO|ERP|20260302093000||ADT^A40^ADT_A39|C5|P|2.5.1",
    "EVN|A40|20260302093000",
    "PID|1||M-1^^^NORTHMRN^MR",
    "MRG|M-9^^^NORTHMRN^MR",
    "PID|2||M-2^^^NORTHMRN^MR",
    "MRG|M-8^^^NORTHMRN^MR",
)


def body(*segments, end="\r"):
    return (end.join(segments) + end).encode()


def one(*segments, **options):
    (message,) = hl7v2.read(body(*segments), **options).messages
    return message


def events(message, **options):
    """Return the outcomes of the shipped mapping."""
    return mapping.shipped("hl7v2")[message.kind].apply(message.document, **options)


def problems(outcomes):
    registry = schema.registry()
    return [
        error
        for outcome in outcomes
        for error in outcome.errors
        or registry.validate(outcome.event, "1.0", outcome.data)
    ]


class TestReading(BaseCase):
    def test_document(self):
        message = one(*ADT)
        document = message.document
        self.assertEqual(
            (message.kind, message.control_id, message.version, message.errors),
            ("ADT^A04", "C1", "2.5.1", []),
        )
        self.assertEqual(document["PID"]["f3"][0]["c4"], "NORTHMRN")
        self.assertEqual(document["PID"]["f3"][1]["c1"], "123-45-6789")
        self.assertEqual(document["MSH"]["f2"], [{"c1": "^~\\&"}])
        self.assertEqual([x["f1"][0]["c1"] for x in document["IN1"]], ["1", "2"])
        self.assertEqual(document["insurances"][1]["IN2"]["f61"][0]["c1"], "MEM-2")
        self.assertNotIn("IN2", document["insurances"][0])
        self.assertNotIn("f4", document["PID"])

    def test_groups(self):
        orders = one(*ORM).document["orders"]
        self.assertEqual([len(order["OBR"]) for order in orders], [2, 1])
        without = one(ORM[0], PID, ORM[3], ORM[4]).document["orders"]
        self.assertEqual([list(order) for order in without], [["OBR"], ["OBR"]])
        patients = one(*MERGE).document["patients"]
        self.assertEqual(
            [p["MRG"]["f1"][0]["c1"] for p in patients],
            ["M-9", "M-8"],
        )

    def test_same_in_any_dress(self):
        """Delimiters, line ends, frames, marks and sets change nothing."""
        plain = one(*ADT)
        other = str.maketrans("|^~\\&", "#%*!$")
        dressed = [
            body(*ADT, end="\n"),
            body(*ADT, end="\r\n"),
            b"\x0b" + body(*ADT) + b"\x1c\r",
            b"\xef\xbb\xbf" + body(*ADT),
            b"\n\n  " + body(*ADT),
            body(*ADT).decode().encode("utf-16"),
            body(*(segment.translate(other) for segment in ADT)),
            body(ADT[0].replace("^~\\&", "^~\\&#"), *ADT[1:]),
            body(*(f"{segment}||||" for segment in ADT)),
            body(ADT[0].replace("20260302093000", "20260302170000"), *ADT[1:]),
        ]
        for raw in dressed:
            (message,) = hl7v2.read(raw).messages
            self.assertEqual(message.key, plain.key)
            self.assertEqual(message.document["PID"], plain.document["PID"])

    def test_identity(self):
        """MSH-10 alone identifies nothing; nor does the time of sending."""
        plain = one(*ADT)
        changed = one(*(segment.replace("Low St", "New St") for segment in ADT))
        renamed = one(ADT[0].replace("|C1|", "|C9|"), *ADT[1:])
        trigger = one(ADT[0].replace("A04", "A08"), *ADT[1:])
        self.assertEqual(len({m.key for m in (plain, changed, renamed, trigger)}), 4)
        anonymous = [
            one(ADT[0].replace("|C1|", "||").replace("0930", hour), *ADT[1:])
            for hour in ("0930", "0931")
        ]
        self.assertEqual(len({m.key for m in anonymous}), 2)
        self.assertEqual(anonymous[0].warnings[0]["pointer"], "/MSH/f10")

    def test_escapes(self):
        pid = "PID|1||M\\F\\1\\S\\2\\T\\3\\R\\4\\E\\5||A\\X4242\\B\\.br\\C^\\H\\D\\N\\"
        document = one(ADT[0], pid + "^C:\\temp\\x^\\.sp99999999\\").document
        self.assertEqual(document["PID"]["f3"][0]["c1"], "M|1^2&3~4\\5")
        name = document["PID"]["f5"][0]
        self.assertEqual(name["c1"], "ABBB\nC")
        self.assertEqual(name["c2"], "D")
        self.assertEqual(name["c3"], "C:\\temp\\x")
        self.assertLess(len(name["c4"]), 20)
        self.assertNotIn("\x00", one(ADT[0], "PID|||a\\X00\\b").document["PID"]["f3"])

    def test_sets(self):
        head = ADT[0] + "|" * 6
        text = "PID|1||M-1||Müller^Zoë"
        for name, codec in (
            ("8859/1", "latin-1"),
            ("UNICODE UTF-8", "utf-8"),
            ("8859/15", "iso8859_15"),
            ("CP1252", "cp1252"),
            ("8859/1~UNICODE UTF-8", "latin-1"),
            ("", "latin-1"),
            ("", "utf-8"),
            ("ASCII", "utf-8"),
        ):
            raw = f"{head}{name}\r{text}\r".encode(codec)
            (message,) = hl7v2.read(raw).messages
            self.assertEqual(message.document["PID"]["f5"][0]["c1"], "Müller", name)
            self.assertEqual(message.errors, [], name)
        # HTTP goes before MSH-18
        raw = f"{head}UNICODE UTF-8\r{text}\r".encode("latin-1")
        self.assertFalse(hl7v2.read(raw, "iso-8859-1").messages[0].errors)
        (message,) = hl7v2.read(raw).messages
        self.assertEqual(message.errors[0]["code"], "invalid_encoding")
        self.assertIn(b"MSA|AR|C1|", message.ack("AR", message.errors))
        raw = f"{head}KLINGON\r{text}\r".encode("latin-1")
        self.assertEqual(
            hl7v2.read(raw).messages[0].errors[0]["code"], "unsupported_charset"
        )
        self.assertFalse(hl7v2.read(body(*ADT), "zlib").messages[0].errors)

    def test_nulls(self):
        """What is deleted is left out, so that nothing is ever blanked."""
        message = one(ADT[0], PID.replace("|F|", '|""|').replace("01053^USA", '""^""'))
        self.assertNotIn("f8", message.document["PID"])
        self.assertNotIn("c5", message.document["PID"]["f11"][0])
        self.assertEqual(message.nulls, ["/PID/1/f8", "/PID/1/f11"])

    def test_batches(self):
        segments = (
            "FHS|^~\\&|A",
            "BHS|^~\\&|A",
            *ADT,
            *SIU,
            "BTS|2",
            "FTS|1",
        )
        reading = hl7v2.read(body(*segments))
        self.assertTrue(reading.batch)
        self.assertEqual([m.kind for m in reading.messages], ["ADT^A04", "SIU^S12"])
        self.assertEqual(reading.errors, [])
        answer = reading.answer([m.ack() for m in reading.messages])
        self.assertEqual(answer.count(b"MSA|AA|"), 2)
        self.assertTrue(answer.startswith(b"BHS|") and answer.endswith(b"BTS|2\r"))
        short = hl7v2.read(body(*ADT, "BTS|2"))
        self.assertEqual(short.errors[0]["code"], "count")
        two = hl7v2.read(body(*ADT) + body(*SIU))
        self.assertTrue(two.batch)
        refused = hl7v2.read(body(*ADT) * 3, max_messages=2)
        self.assertEqual(
            (refused.messages, refused.errors[0]["code"]), ([], "too_large")
        )

    def test_broken(self):
        for raw, code in (
            (b"", "no_message"),
            (b"hello", "segment_before_header"),
            (b"PID|1", "segment_before_header"),
        ):
            reading = hl7v2.read(raw)
            self.assertEqual(reading.errors[0]["code"], code)
            self.assertIn(b"MSA|AR", reading.answer([]))
        for raw, code in (
            (b"MSH|", "unreadable"),
            (b"MSH|^~\\&", "required"),
            (b"MSH|^^\\&|A", "invalid_delimiters"),
            (b"MSH|||||", "required"),
            (b"MSH|" + b"x" * 50 + b"|", "invalid_delimiters"),
            (b"MSH|^~\\&|" + b"a^" * 200_000, "too_large"),
        ):
            (message,) = hl7v2.read(raw).messages
            self.assertIn(code, [e["code"] for e in message.errors], raw[:20])
            self.assertIn(b"MSA|AR", message.ack("AR", message.errors))

    def test_line_breaks_in_fields(self):
        message = one(*ADT[:2], "PID|1||M-1||Quill", "feather^Zoe")
        self.assertEqual(message.document["PID"]["f5"][0]["c1"], "Quill\nfeather")
        self.assertEqual(message.warnings[0]["code"], "line_in_field")

    def test_delimiters_lost_or_doubled(self):
        for encoding in ("|^~&", "|^~\\\\&", "^~\\&"):
            message = one(ADT[0].replace("|^~\\&", encoding), *ADT[1:])
            self.assertEqual(message.key, one(*ADT).key)
            self.assertEqual(message.warnings[0]["code"], "mended_delimiters")

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300))
    def test_any_bytes(self, raw):
        self._answers(raw)

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.sampled_from(
                    "MSH PID BHS BTS FHS ORC OBR ZZZ | ^ ~ \\ & # \r \n ADT A04 SIU "
                    'S12 DFT P03 FT1 IN1 "" \\X00\\ \\.sp999\\ 20260302 \x0b \x1c '
                    "\ufeff é".split(" ")
                    + ["MSH|^~\\&|", "\rPID|||1", "||ADT^A04|1|P|2.5\r"]
                ),
                st.text(max_size=5),
            ),
            max_size=60,
        ),
        st.sampled_from(("utf-8", "utf-16", "latin-1")),
    )
    def test_any_text(self, parts, codec):
        self._answers("".join(parts).encode(codec, "replace"))

    def _answers(self, raw):
        reading = hl7v2.read(raw)
        answer = reading.answer([m.ack("AE", m.errors) for m in reading.messages])
        self.assertRegex(answer, rb"\A(?:MSH|BHS)")
        for message in reading.messages:
            if message.supported:
                for outcome in events(message):
                    schema.registry().validate(outcome.event, "1.0", outcome.data)

    def test_linear(self):
        """Ten times the size, about ten times the time."""
        makers = (
            lambda n: body(*ADT) * n,
            lambda n: body(*ADT, *["NTE|1||" + "word\\T\\" * 20] * (5 * n)),
            lambda n: body(*ADT, "x" * 30 + "\r" * 3, *["broken line"] * (40 * n)),
            lambda n: body(ADT[0], "PID|||" + "\\" * (2_000 * n)),
            lambda n: body(ADT[0], "PID|||" + "1~" * (300 * n)),
        )
        for make in makers:
            times = []
            for size in (20, 200):
                raw = make(size)
                start = time.process_time()
                hl7v2.read(raw, max_messages=10_000)
                times.append(time.process_time() - start)
            self.assertLess(times[1], 30 * max(times[0], 0.01))

    def test_no_value_in_logs(self):
        records = []
        handler = logging.Handler()
        handler.emit = records.append
        root = logging.getLogger()
        root.addHandler(handler)
        self.addCleanup(root.removeHandler, handler)
        level = root.level
        root.setLevel(logging.DEBUG)
        self.addCleanup(root.setLevel, level)
        hl7v2.read(body(ADT[0], "PID|||Quillfeather\\\\ \\Xzz\\ \\C12\\ \\Q\\"))
        hl7v2.read(b"Quillfeather")
        self.assertNotIn("Quillfeather", str([r.getMessage() for r in records]))


class TestAnswers(BaseCase):
    def test_ack(self):
        lines = one(*ADT).ack("AA").decode().split("\r")
        head = lines[0].split("|")
        self.assertEqual(head[:6], ["MSH", "^~\\&", "ODOO", "ERP", "REG", "NORTH"])
        self.assertEqual(head[8], "ACK^A04^ACK")
        self.assertEqual(head[10:12], ["P", "2.5.1"])
        self.assertEqual(lines[1], "MSA|AA|C1")

    def test_errors(self):
        error = {"pointer": "/PID/f7", "code": "required", "detail": "Missing | date."}
        lines = one(*ADT).ack("AE", [error]).decode().split("\r")
        self.assertEqual(lines[1], "MSA|AE|C1|PID-7: Missing \\F\\ date.")
        self.assertEqual(
            lines[2],
            "ERR||PID^1^7|101^Required field missing^HL70357|E||||Missing \\F\\ date.",
        )
        old = one(ADT[0].replace("2.5.1", "2.3"), PID).ack("AE", [error])
        self.assertNotIn(b"ERR", old)
        self.assertIn("MSA|AR|C1|Why", one(*ADT).ack("AR", "Why").decode())

    def test_own_delimiters(self):
        other = str.maketrans("|^~\\&", "#%*!$")
        message = one(*(segment.translate(other) for segment in ADT))
        answer = message.ack("AE", "No # here").decode()
        self.assertTrue(answer.startswith("MSH#%*!$#ODOO#ERP#REG#NORTH#"))
        self.assertIn("MSA#AE#C1#No !F! here\r", answer)

    def test_read_back(self):
        """Our answers are HL7 that we read ourselves."""
        answer = one(*ADT).ack("AE", "Grüße ^ & ~")
        (message,) = hl7v2.read(answer).messages
        self.assertEqual(message.kind, "ACK^A04")
        self.assertEqual(message.document["MSA"]["f3"][0]["c1"], "Grüße ^ & ~")

    def test_unsupported(self):
        message = one(ADT[0].replace("A04", "A60"), PID)
        self.assertFalse(message.supported)
        self.assertEqual(message.unsupported()["code"], "unsupported_event")
        message = one(ADT[0].replace("ADT^A04^ADT_A01", "ORU^R01"), PID)
        self.assertEqual(message.unsupported()["code"], "unsupported_message")
        answer = message.ack("AR", [message.unsupported()])
        self.assertIn(b"ERR||MSH^1^9|200^", answer)

    def test_trigger_elsewhere(self):
        head = ADT[0].replace("ADT^A04^ADT_A01", "ADT")
        self.assertEqual(one(head, "EVN|A08", PID).kind, "ADT^A08")
        head = ADT[0].replace("ADT^A04^ADT_A01", "DFT^^DFT_P03")
        self.assertEqual(one(head, PID).kind, "DFT^P03")
