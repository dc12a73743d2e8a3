"""What is written by hand while systems are down, and what is printed for it."""

import base64
import csv
import io
import time
import zipfile
from datetime import date

import openpyxl

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, freeze_time, new_test_user, tagged

from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.spreadsheets import (
    books as spreadsheet_books,
)
from odoo.addons.healthcare_connector.core.spreadsheets import (
    downtime_sheets,
    spreadsheet,
)

from .workflow_common import SYSTEM, WorkflowCase

GROUP = "healthcare_connector.group_"
TITLES = {
    "registration": "Registrations",
    "completion": "Services",
    "payment": "Payments",
}


def _clock():
    """Return seconds; time itself stands still in these tests."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def fill(lines):
    """Return a template with lines written into it, ``{kind: [{key: cell}]}``."""
    book = spreadsheet_books.write_template(TITLES, ("Instructions", []), {})
    book = openpyxl.load_workbook(io.BytesIO(book))
    for kind, ones in lines.items():
        keys = [column.key for column in downtime_sheets.SHEETS[kind]]
        for line in ones:
            assert set(line) <= set(keys)
            book[TITLES[kind]].append([line.get(key) for key in keys])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def registration(number, **more):
    return {
        "facility": "T-EAST",
        "on": date(2026, 3, 2),
        "at": "08:00",
        "record_number": f"MRN-{number}",
        "family": "Quillfeather",
        "given": f"Zeph{number}",
        "birth_date": date(1961, 7, 19),
        "payer": "T-PAYER",
        "member_id": f"M-{number}",
        **more,
    }


def completion(number, form, **more):
    return {
        "facility": "T-EAST",
        "form": form,
        "on": date(2026, 3, 5),
        "at": "09:30",
        "record_number": f"MRN-{number}",
        "service_1": "T-CONSULT",
        **more,
    }


def payment(form, amount, **more):
    return {
        "facility": "T-EAST",
        "form": form,
        "on": date(2026, 3, 9),
        "at": "12:00",
        "paid_by": "Payer",
        "payer": "T-PAYER",
        "amount": amount,
        **more,
    }


class DowntimeCase(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        clock = freeze_time("2026-03-20 10:00:00")
        clock.start()
        cls.addClassCleanup(clock.stop)
        cls.operator = new_test_user(
            cls.env, "downtime-operator", groups=f"base.group_user,{GROUP}operator"
        )
        cls.reader = new_test_user(
            cls.env,
            "downtime-reader",
            groups=f"base.group_user,{GROUP}operator,{GROUP}phi_reader",
        )
        cls.finance = new_test_user(
            cls.env, "downtime-finance", groups=f"base.group_user,{GROUP}finance"
        )
        # Whose numbers the facility's patients have.
        cls.env["healthcare.patient.identifier"].search([]).unlink()
        known = cls.env["res.partner"].create(
            {
                "name": "Known already",
                "healthcare_is_patient": True,
                "healthcare_identifier_ids": [(0, 0, {"system": SYSTEM, "value": "0"})],
            }
        )
        known.flush_recordset()

    def setUp(self):
        super().setUp()
        self.env["healthcare.facility"].search([("code", "=", "T-EAST")])

    def wizard(self, content, user=None):
        wizards = self.env["healthcare.downtime.import.wizard"].with_user(
            user or self.operator
        )
        wizard = wizards.create({"file": base64.b64encode(content)})
        wizard.action_check()
        return wizard

    def take(self, lines):
        """Import lines and play the events; return them in the order of the lines."""
        wizard = self.wizard(fill(lines))
        self.assertFalse(
            wizard.bad_count,
            [(p.number, p.column, p.reason) for p in wizard.problem_ids],
        )
        wizard.action_import()
        self.process()
        ids = [one for record in wizard.import_ids for one in record.event_ids]
        return self.env["healthcare.event"].browse(ids).sorted("id")


class TestDowntimeImport(DowntimeCase):
    def test_lines_become_the_events_systems_send(self):
        events = self.take(
            {
                "registration": [registration(1, phone="+1 555 0100", sex="Female")],
                "completion": [completion(1, "7", quantity_1=2)],
                "payment": [payment("R-1", 240, record_number="MRN-1")],
            }
        )
        self.assertStates(events, "done", "done", "done")
        patient = self.patient("MRN-1")
        self.assertEqual(patient.name, "Zeph1 Quillfeather")
        self.assertEqual(patient.phone, "+1 555 0100")
        self.assertEqual(patient.healthcare_sex, "female")
        self.assertEqual(patient.healthcare_coverage_ids.payer_id, self.payer)
        done = self.env["healthcare.completion"].search(
            [("patient_id", "=", patient.id)]
        )
        self.assertTrue(done.by_hand)
        self.assertEqual(done.amount_total, 240)
        self.assertEqual(done.invoice_ids.payment_state, "paid")
        self.assertEqual(
            events.source_id.downtime_facility_id, self.facility, "its own source"
        )
        self.assertEqual(events.source_id.namespace, self.source.namespace)

    def test_two_thousand_lines_with_fifty_bad_ones(self):
        lines = [registration(n) for n in range(2000)]
        bad = range(17, 2000, 40)  # 50 of them
        ways = (
            ("birth_date", "Unsinn", "Birth date"),
            ("payer", "NOBODY", "Payer"),
            ("facility", "ELSEWHERE", "Facility"),
            ("family", None, "Family name"),
            ("email", "x" * 300, "E-mail"),
        )
        expected = {}
        for turn, position in enumerate(bad):
            key, value, label = ways[turn % len(ways)]
            lines[position][key] = value
            expected[position + 3] = label  # below the heading and the hidden keys
        content = fill({"registration": lines})
        begin = _clock()
        wizard = self.wizard(content)
        self.assertEqual(
            (wizard.good_count, wizard.known_count, wizard.bad_count), (1950, 0, 50)
        )
        self.assertEqual(
            {one.number: one.column for one in wizard.problem_ids}, expected
        )
        told = " ".join(wizard.problem_ids.mapped("reason"))
        for value in ("Unsinn", "NOBODY", "ELSEWHERE", "Quillfeather"):
            self.assertNotIn(value, told)
        wizard.action_import()
        self.assertLess(_clock() - begin, 120, "seconds")
        source = wizard.import_ids.source_id
        events = self.env["healthcare.event"].search([("source_id", "=", source.id)])
        self.assertEqual(len(events), 1950)
        self.assertEqual(set(events.mapped("state")), {"received"})

        again = self.wizard(content)
        self.assertEqual(
            (again.good_count, again.known_count, again.bad_count), (0, 1950, 50)
        )
        again.action_import()
        self.assertEqual(again.import_ids.duplicate_count, 1950)
        self.assertFalse(again.import_ids.event_ids)
        self.assertEqual(
            self.env["healthcare.event"].search([("source_id", "=", source.id)]), events
        )

    def test_lines_put_right_are_taken_from_the_file_of_problems(self):
        wizard = self.wizard(
            fill(
                {
                    "registration": [
                        registration(1),
                        registration(2, payer="NOBODY", phone="-555 0100"),
                    ]
                }
            )
        )
        content = wizard._problems_workbook()
        book = openpyxl.load_workbook(io.BytesIO(content))
        sheet = book["Registrations"]
        heads = {cell.value: cell.column for cell in sheet[2]}
        self.assertEqual(sheet.max_row, 3)
        self.assertEqual(
            sheet.cell(3, sheet.max_column).value, "Payer: No payer has this code."
        )
        self.assertEqual(sheet.cell(3, heads["phone"]).value, "'-555 0100")
        sheet.cell(3, heads["payer"]).value = "T-PAYER | Test payer"
        stream = io.BytesIO()
        book.save(stream)
        second = self.wizard(stream.getvalue())
        self.assertEqual((second.good_count, second.bad_count), (1, 0))
        second.action_import()
        self.process()
        self.assertEqual(self.patient("MRN-2").phone, "-555 0100")
        self.assertFalse(self.patient("MRN-1"))

    def test_a_csv_is_taken_too(self):
        line = registration(1)
        text = spreadsheet.write_csv(
            [
                [c.label for c in downtime_sheets.SHEETS["registration"]],
                [line.get(c.key) for c in downtime_sheets.SHEETS["registration"]],
            ]
        )
        wizard = self.wizard(text)
        self.assertEqual((wizard.good_count, wizard.bad_count), (1, 0))
        as_xlsx = self.wizard(fill({"registration": [line]}))
        wizard.action_import()
        as_xlsx.action_check()
        self.assertEqual(as_xlsx.known_count, 1, "the same line, the same event")

    def test_the_file_does_not_lie_in_the_clear(self):
        content = fill({"registration": [registration(1, payer="NOBODY")]})
        wizard = self.wizard(content)
        self.env.flush_all()
        for query in (
            "SELECT * FROM healthcare_downtime_import_wizard",
            "SELECT * FROM healthcare_downtime_problem",
        ):
            self.env.cr.execute(query)
            rows = str(
                [
                    [bytes(v) if isinstance(v, memoryview) else v for v in row]
                    for row in self.env.cr.fetchall()
                ]
            )
            self.assertNotIn("Quillfeather", rows)
            self.assertNotIn(base64.b64encode(content)[:60].decode(), rows)
        self.assertFalse(wizard.file)
        with self.assertRaises(AccessError):
            wizard.read(["sealed"])
        with self.assertRaises(AccessError):
            wizard.with_user(self.finance).read(["summary"])

    def test_numbers_mean_what_the_systems_of_the_facility_mean(self):
        self.source.write(
            {"facility_ids": [(6, 0, self.facility.ids)], "namespace": "east"}
        )
        self.play(
            self.register("MRN-1"),
            self.appointment("booked", "MRN-1", "A-1", 10, ["T-CONSULT"]),
        )
        (event,) = self.take({"completion": [completion(1, "7", appointment="A-1")]})
        self.assertEqual(event.source_id.namespace, "east")
        self.assertEqual(event.state, "done")
        self.assertEqual(self.visit("A-1").completion_ids.amount_total, 120)

    def test_only_operators_import(self):
        auditor = new_test_user(
            self.env, "downtime-auditor", groups=f"base.group_user,{GROUP}auditor"
        )
        with self.assertRaises(AccessError):
            self.wizard(fill({}), auditor)

    def test_facilities_of_others_are_unknown(self):
        company = self.env["res.company"].create({"name": "Other"})
        self.env["healthcare.facility"].create(
            {"name": "Other", "code": "T-OTHER", "company_id": company.id}
        )
        wizard = self.wizard(
            fill({"registration": [registration(1, facility="T-OTHER")]})
        )
        self.assertEqual(
            wizard.problem_ids.mapped("reason"),
            ["No facility of yours has this code."],
        )

    def test_what_is_no_filled_template_is_refused(self):
        for content in (b"", b"PK\x03\x04 nonsense", b"a,b\n1,2\n", b"\xff\xfe\x00"):
            with self.assertRaises(UserError):
                self.wizard(content)
        book = openpyxl.load_workbook(io.BytesIO(fill({})))
        book["healthcare"]["B1"] = 99
        stream = io.BytesIO()
        book.save(stream)
        with self.assertRaisesRegex(UserError, "another version"):
            self.wizard(stream.getvalue())


class TestDowntimeAlike(DowntimeCase):
    def bills(self):
        return self.env["healthcare.completion"].search(
            [("patient_id", "=", self.patient("MRN-1").id)]
        )

    def told(self, **more):
        return self.completed(
            "MRN-1", "V-1", 300, charges=[{"code": "T-CONSULT", "quantity": 1}], **more
        )

    def test_registered_by_hand_and_by_a_system_is_one_patient(self):
        self.take({"registration": [registration(1)]})
        (later,) = self.play(self.register("MRN-1", 100))
        self.assertEqual(later.state, "done")
        self.assertEqual(len(self.patient("MRN-1")), 1)
        self.assertFalse(self.issues("duplicate_patient"))

    def test_a_temporary_number_ends_as_a_probable_duplicate(self):
        self.take(
            {
                "registration": [
                    registration(1, record_number=None, temporary_number="1")
                ]
            }
        )
        self.play(
            self.register(
                "MRN-1",
                100,
                patient={"name": {"family": "Quillfeather", "given": ["Zeph1"]}},
            )
        )
        self.assertTrue(self.issues("duplicate_patient"))

    def test_a_service_is_billed_once_whoever_tells_of_it_first(self):
        for first in ("hand", "system"):
            with self.subTest(first), self.env.cr.savepoint() as savepoint:
                self.take({"registration": [registration(1)]})
                if first == "hand":
                    self.take({"completion": [completion(1, "7")]})
                    (second,) = self.play(self.told())
                else:
                    self.play(self.told())
                    second = self.take({"completion": [completion(1, "7")]})
                self.assertEqual(second.state, "exception")
                self.assertEqual(second.open_exception_id.category, "duplicate_service")
                self.assertEqual(len(self.bills()), 1)
                self.assertEqual(len(self.bills().invoice_ids), 1)
                savepoint.rollback()
                self.env.invalidate_all()
                self.env.cr.postcommit.data.clear()

    def test_both_in_one_batch_are_billed_once(self):
        self.take({"registration": [registration(1)]})
        wizard = self.wizard(fill({"completion": [completion(1, "7")]}))
        wizard.action_import()
        self.send(self.told())
        self.process()
        self.assertEqual(len(self.bills()), 1)
        self.assertFalse(self.bills().by_hand, "the system's word is taken first")

    def test_other_services_and_days_are_other_bills(self):
        self.take(
            {
                "registration": [registration(1)],
                "completion": [
                    completion(1, "7", service_1="T-MRI"),
                    completion(1, "8", on=date(2026, 3, 6)),
                    completion(1, "9", quantity_1="2"),
                ],
            }
        )
        (later,) = self.play(self.told())
        self.assertEqual(later.state, "done")
        self.assertEqual(len(self.bills()), 4)

    def test_a_person_may_say_that_they_are_two(self):
        self.take(
            {"registration": [registration(1)], "completion": [completion(1, "7")]}
        )
        (later,) = self.play(self.told())
        issue = later.open_exception_id
        with self.assertRaises(AccessError):
            issue.with_user(self.operator).action_not_alike()
        issue.with_user(self.finance).action_not_alike()
        self.process()
        later.invalidate_recordset()
        self.assertEqual(later.state, "done")
        self.assertEqual(len(self.bills()), 2)
        self.assertEqual(later.correction_ids.user_id, self.finance)

    def test_what_a_sender_calls_distinct_is_not(self):
        self.take(
            {"registration": [registration(1)], "completion": [completion(1, "7")]}
        )
        (later,) = self.play(self.told(healthcare_distinct=True))
        self.assertEqual(later.state, "exception")

    def test_a_payment_is_posted_once(self):
        self.take(
            {
                "registration": [registration(1)],
                "completion": [
                    completion(1, "7"),
                    completion(1, "8", service_1="T-MRI"),
                ],
                "payment": [payment("R-1", "120.00", record_number="MRN-1")],
            }
        )
        told = {"payer": {"code": "T-PAYER"}}
        (same,) = self.play(self.paid("P-1", "120.00", told))
        self.assertEqual(same.state, "exception")
        self.assertEqual(same.open_exception_id.category, "payment_mismatch")
        self.assertTrue(same.open_exception_id.is_alike)
        self.assertIn("the same money", same.open_exception_id.next_step)
        self.assertEqual(same.open_exception_id.res_model, "account.payment")
        (other,) = self.play(self.paid("P-2", "800.00", told))
        self.assertEqual(other.state, "done")
        # What the hand took is given back, so there is nothing it is like any more.
        taken = self.env["account.payment"].browse(same.open_exception_id.res_id)
        back = self.paid(taken.healthcare_payment_ref, "120.00", told)
        back.update(type="healthcare.payment.reversed.v1", time=self.at(500))
        self.play(back)
        self.assertEqual(taken.state, "canceled")
        same.invalidate_recordset()
        self.assertEqual(same.state, "done")

    def test_payments_of_other_references_are_two(self):
        self.take(
            {
                "registration": [registration(1)],
                "completion": [
                    completion(1, "7"),
                    completion(1, "8", on=date(2026, 3, 6)),
                ],
                "payment": [
                    payment("R-1", 120, record_number="MRN-1", reference="CHK-1")
                ],
            }
        )
        told = {"payer": {"code": "T-PAYER"}, "reference": "CHK-2"}
        (other,) = self.play(self.paid("P-1", "120.00", told))
        self.assertEqual(other.state, "done")
        told["reference"] = "CHK-1"
        (same,) = self.play(self.paid("P-2", "120.00", told))
        self.assertTrue(same.open_exception_id.is_alike)

    def paid(self, number, amount, told):
        envelope = self.payment(number, amount, 400, mrn="MRN-1")
        envelope["data"]["payment"].update(told)
        return envelope


class TestDowntimeFiles(DowntimeCase):
    def test_the_template_offers_what_there_is(self):
        content = (
            self.env["healthcare.downtime.template"]
            .with_user(self.operator)
            ._workbook()
        )
        book = openpyxl.load_workbook(io.BytesIO(content))
        self.assertEqual(
            [(s.title, s.sheet_state) for s in book.worksheets],
            [
                ("Instructions", "visible"),
                ("Registrations", "visible"),
                ("Services", "visible"),
                ("Payments", "visible"),
                ("Lists", "hidden"),
                ("healthcare", "veryHidden"),
            ],
        )
        offered = {
            cell.value
            for row in book["Lists"].iter_rows()
            for cell in row
            if cell.value
        }
        self.assertLessEqual(
            {"T-EAST | East", "T-PAYER | Test payer", "T-MRI | Service T-MRI", "Cash"},
            offered,
        )
        sheet = book["Services"]
        self.assertTrue(sheet.row_dimensions[2].hidden)
        self.assertEqual(sheet["A1"].value, "Facility *")
        rules = {str(r.sqref): r.type for r in sheet.data_validations.dataValidation}
        self.assertEqual(rules["A3:A2002"], "list")

    def test_bombs_are_refused(self):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", "<a/>")
            archive.writestr("xl/sharedStrings.xml", b"A" * 40 * 1024 * 1024)
        self.assertLess(len(stream.getvalue()), 100_000)
        with self.assertRaises(InputError) as caught:
            spreadsheet.read(stream.getvalue())
        self.assertEqual(caught.exception.code, "too_large")
        good = io.BytesIO(fill({"registration": [registration(1)]}))
        evil = io.BytesIO()
        with (
            zipfile.ZipFile(good) as source,
            zipfile.ZipFile(evil, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for name in source.namelist():
                content = source.read(name)
                if name == "xl/workbook.xml":
                    content = b'<!DOCTYPE a [<!ENTITY b "c">]>' + content
                archive.writestr(name, content)
        with self.assertRaises(InputError) as caught:
            spreadsheet.read(evil.getvalue())
        self.assertEqual(caught.exception.code, "not_safe")
        rows = [["a"]] * (spreadsheet.MAX_ROWS + 1)
        with self.assertRaises(InputError):
            spreadsheet.read(spreadsheet.write_csv(rows))
        with self.assertRaises(InputError):
            spreadsheet.read(b"x" * (spreadsheet.MAX_BYTES + 1))

    def test_no_cell_is_a_formula(self):
        evil = ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "'=1", "plain", "'Twas"]
        for row in csv.reader(
            io.StringIO(spreadsheet.write_csv([evil]).decode("utf-8-sig"), newline="")
        ):
            for cell in row:
                self.assertNotIn(cell[0], "=+-@\t\r")
        self.assertEqual(
            [spreadsheet.plain(spreadsheet.safe(text)) for text in evil[:4]], evil[:4]
        )
        content = spreadsheet_books.write_lists(
            [("T", "=note", ["H"], [[e] for e in evil])]
        )
        sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
        for row in sheet.iter_rows():
            for cell in row:
                self.assertNotEqual(cell.data_type, "f")
                if isinstance(cell.value, str):
                    self.assertNotIn(cell.value[0], "=+-@\t\r")


@tagged("post_install", "-at_install")
class TestWorklist(HttpCase, DowntimeCase):
    def setUp(self):
        super().setUp()
        self.play(
            self.register("W-1", 0),
            self.appointment("booked", "W-1", "A-1", 10),
            self.appointment("confirmed", "W-1", "A-1", 11),
            self.register("W-2", 0, payer=None),
            self.appointment("booked", "W-2", "A-2", 10, start="2026-03-06T09:00:00Z"),
        )

    def worklist(self, user, **more):
        return (
            self.env["healthcare.worklist"]
            .with_user(user)
            .create(
                {
                    "day": date(2026, 3, 5),
                    "facility_ids": [(6, 0, self.facility.ids)],
                    **more,
                }
            )
        )

    def readings(self):
        return self.env["healthcare.payload.access"].search([("worklist", "!=", False)])

    def test_names_are_for_phi_readers_and_recorded(self):
        before = self.readings()
        for user in (self.operator, self.finance):
            worklist = self.worklist(user, with_names=True)
            (part,) = worklist._take_lists()
            (visit,) = part["lists"][0]["rows"]
            self.assertEqual(visit["patient"], self.patient("W-1").healthcare_reference)
            self.assertNotIn("Quillfeather", str(part["lists"]))
            self.assertNotIn("1961", str(part["lists"]))
        self.assertEqual(self.readings(), before)
        worklist = self.worklist(self.reader, purpose="Planned downtime")
        (part,) = worklist._take_lists()
        (visit,) = part["lists"][0]["rows"]
        self.assertEqual(visit["patient"], "ZephW-1 Quillfeather")
        self.assertEqual(visit["time"], "09:00")
        self.assertIn("T-MRI", visit["services"])
        reading = self.readings() - before
        self.assertEqual(reading.user_id, self.reader)
        self.assertEqual(reading.purpose, "Planned downtime")
        self.assertEqual(reading.facility_id, self.facility)
        with self.assertRaises(UserError):
            self.worklist(self.reader, purpose=" ").action_print()

    def test_lists_are_of_the_day_and_the_facility(self):
        worklist = self.worklist(self.operator, day=date(2026, 3, 6))
        (part,) = worklist._take_lists()
        (visit,) = part["lists"][0]["rows"]
        self.assertEqual(visit["number"], "A-2")
        self.assertIn("Missing", visit["coverage"])
        self.assertTrue(visit["missing"])
        self.assertTrue(part["lists"][2]["rows"] or part["lists"][2]["empty"])

    def test_pages_and_files_come_over_http(self):
        worklist = self.worklist(self.reader)
        self.env.flush_all()
        self.authenticate(self.reader.login, self.reader.login)
        before = len(self.readings())
        answer = self.url_open(f"/healthcare/continuity/worklist/{worklist.id}")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        sheets = spreadsheet.read(answer.content)
        self.assertIn("Quillfeather", str(sheets[0].rows))
        page = self.url_open(
            f"/report/html/healthcare_connector.report_worklist/{worklist.id}"
        )
        self.assertIn("Quillfeather", page.text)
        self.assertEqual(len(self.readings()), before + 2)
        self.authenticate(self.operator.login, self.operator.login)
        for url in (
            f"/healthcare/continuity/worklist/{worklist.id}",
            f"/report/html/healthcare_connector.report_worklist/{worklist.id}",
        ):
            refused = self.url_open(url)
            self.assertNotEqual(refused.status_code, 200)
            self.assertNotIn("Quillfeather", refused.text)
        template = self.url_open("/healthcare/continuity/template")
        self.assertEqual(template.headers["Content-Type"], spreadsheet.XLSX)

    def test_an_operator_imports_in_the_browser(self):
        self.start_tour(
            "/odoo", "healthcare_downtime_import", login=self.operator.login
        )
        record = self.env["healthcare.downtime.import"].search([], limit=1)
        self.assertEqual(record.user_id, self.operator)
        self.assertEqual(record.registration_count, 1)
