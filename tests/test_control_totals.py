"""What a source says it sent, against what is here: through HTTP and by file."""

import base64
import io
from datetime import timedelta

import openpyxl
import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user
from odoo.tools import mute_logger

from odoo.addons.healthcare_connector.core.contract import totals

from .http_common import EndpointCase
from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"
TOTALS = "/healthcare/v1/totals"
CREATED = "registration.created"


class TestTotalsOverHttp(EndpointCase):
    def tell(self, body, **options):
        kind = options.pop("content_type", "application/json")
        return self.call(TOTALS, body, **{"Content-Type": kind}, **options)

    def test_totals_are_kept_and_compared(self):
        answer = self.tell(
            {
                "date": "2026-03-02",
                "counts": {"healthcare.registration.created.v1": 3},
                "ids": {"appointment.booked": ["a-2", "a-1"]},
            }
        )
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(answer.json()["date"], "2026-03-02")
        booked, created = answer.json()["totals"]
        self.assertEqual(
            booked,
            {
                "type": "appointment.booked",
                "told": 2,
                "received": 0,
                "missing": 2,
                "surplus": 0,
                "state": "missing",
                "missing_ids": ["a-1", "a-2"],
            },
        )
        self.assertEqual((created["told"], created["missing"]), (3, 3))
        self.assertEqual(created["missing_ids"], [])
        again = self.tell({"date": "2026-03-02", "counts": {CREATED: 0}})
        self.assertEqual(again.json()["totals"][0]["state"], "matched")
        kept = self.env["healthcare.control.total"].search(
            [("source_id", "=", self.source.id)]
        )
        self.assertEqual(len(kept), 2)

    def test_refused(self):
        good = {"date": "2026-03-02", "counts": {CREATED: 1}}
        for change, pointer, code in (
            ({"date": "2026-02-30"}, "/date", "format"),
            ({"date": "2999-01-01"}, "/date", "out_of_range"),
            ({"date": "0001-01-01"}, "/date", "out_of_range"),
            ({"date": None}, "/date", "type"),
            ({"timezone": "Mars/Base"}, "/timezone", "unknown_timezone"),
            ({"timezone": "../../etc/passwd"}, "/timezone", "unknown_timezone"),
            ({"facility": "NOWHERE"}, "/facility", "unknown_facility"),
            ({"counts": {}}, "/counts", "required"),
            ({"counts": {CREATED: -1}}, f"/counts/{CREATED}", "too_small"),
            ({"counts": {CREATED: True}}, f"/counts/{CREATED}", "type"),
            ({"counts": {"made.up": 1}}, "/counts", "unknown_type"),
            ({"ids": {CREATED: ["a", "a"]}}, f"/ids/{CREATED}", "not_unique"),
            ({"ids": {CREATED: ["a", "b"]}}, "/ids", "count_mismatch"),
        ):
            with self.subTest(change=change):
                answer = self.tell({**good, **change})
                self.assertProblem(answer, 422, "invalid_totals")
                found = [(e["pointer"], e["code"]) for e in answer.json()["errors"]]
                self.assertIn((pointer, code), found)
        for body in (b"{", b"[]", b'{"date": "2026-03-02", "date": "2026-03-03"}'):
            with self.subTest(body=body):
                self.assertIn(self.tell(body).status_code, (400, 422))
        self.assertProblem(
            self.tell(good, content_type="text/csv"), 415, "unsupported_media_type"
        )
        self.assertFalse(
            self.env["healthcare.control.total"].search_count(
                [("source_id", "=", self.source.id)]
            )
        )

    def test_needs_a_key_for_events(self):
        body = {"date": "2026-03-02", "counts": {CREATED: 1}}
        metrics = self.source._issue_key("healthcare.metrics")
        self.assertProblem(self.tell(body, key=metrics), 403, "wrong_scope")
        self.assertProblem(self.tell(body, key="0" * 40), 401, "unauthorized")
        self.source.paused = True
        self.assertProblem(self.tell(body), 503, "intake_paused")

    def test_described(self):
        document = self.call("/healthcare/v1/openapi.json").json()
        operation = document["paths"][TOTALS]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(body, {"$ref": "#/components/schemas/totals"})
        self.assertIn("date", document["components"]["schemas"]["totals"]["properties"])


class TotalsCase(WorkflowCase):
    def tell(self, entries=None, day="2026-03-02", source=None, **message):
        told, errors = totals.read(
            {"date": day, **message, **(entries or {})},
            self.env["healthcare.event.type"]._ids_by_code(),
        )
        self.assertFalse(errors)
        rows, errors = self.env["healthcare.control.total"]._tell(
            source or self.source, told
        )
        self.assertFalse(errors)
        return rows

    def registered(self, mrn, **more):
        return {**self.register(mrn), "time": "2026-03-02T08:00:00Z", **more}

    def issues(self, total):
        self.env.flush_all()
        return self.env["healthcare.exception"].search(
            [("fingerprint", "=", f"total/{total.id}")]
        )

    def overdue(self, total):
        total.due_at = fields.Datetime.now() - timedelta(minutes=1)
        total._compare()


class TestTotals(TotalsCase):
    def test_counts_of_a_day(self):
        self.play(self.registered("CT1"), self.registered("CT2", id="ct-2"))
        self.play(self.registered("CT3", time="2026-03-03T00:00:00Z"))
        self.send(self.registered("CT2", id="ct-2"))
        total = self.tell({"counts": {CREATED: 3}})
        self.assertEqual(
            (total.state, total.received, total.missing, total.done, total.surplus),
            ("missing", 2, 1, 2, 0),
        )
        self.play(self.registered("CT4"))
        total._compare()
        self.assertEqual((total.state, total.received), ("matched", 3))
        self.play(self.registered("CT5"))
        total._compare()
        self.assertEqual((total.state, total.surplus), ("surplus", 1))

    def test_days_begin_at_the_vendors_midnight(self):
        self.play(self.registered("TZ1", time="2026-03-03T05:59:59Z"))
        self.play(self.registered("TZ2", time="2026-03-03T06:00:00Z"))
        total = self.tell({"counts": {CREATED: 1}}, timezone="America/Chicago")
        self.assertEqual((total.state, total.received), ("matched", 1))

    def test_missing_ids_are_named(self):
        self.play(
            self.registered("ID1", id="i-1"),
            self.registered("ID9", id="i-9"),
            self.registered("ID2", id="i-2", time="2026-02-01T00:00:00Z"),
        )
        total = self.tell({"ids": {CREATED: ["i-3", "i-2", "i-1"]}})
        # What came with another time is here all the same; what was not told is too
        # many.
        self.assertEqual(total.missing_ids, ["i-3"])
        self.assertEqual(
            (total.state, total.received, total.surplus), ("missing", 2, 1)
        )
        self.assertEqual(base64.b64decode(total.missing_file), b"id\r\ni-3\r\n")
        self.assertIn("missing_file", total.action_download()["url"])

    def test_refused_events_are_here(self):
        bad = self.registered("REF1", id="r-1")
        bad["data"]["patient"]["birth_date"] = "nonsense"
        self.send(bad)
        total = self.tell({"ids": {CREATED: ["r-1"]}})
        self.assertEqual((total.state, total.held), ("matched", 1))

    def test_facilities_are_told_apart(self):
        self.play(self.registered("F1"))
        here = self.tell({"counts": {CREATED: 1}}, facility="T-EAST")
        everywhere = self.tell({"counts": {CREATED: 2}})
        self.assertNotEqual(here, everywhere)
        self.assertEqual((here.state, everywhere.state), ("matched", "missing"))

    def test_other_sources_do_not_count(self):
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "totals-other", "environment": "sandbox"}
        )
        self.send(self.registered("O1", id="o-1"), source=other)
        total = self.tell({"ids": {CREATED: ["o-1"]}})
        self.assertEqual(total.missing_ids, ["o-1"])

    def test_one_exception_past_the_due_time_which_closes_itself(self):
        total = self.tell({"ids": {CREATED: ["late-1"]}})
        self.assertGreater(total.due_at, fields.Datetime.now())
        self.assertFalse(self.issues(total), "not due yet")
        self.overdue(total)
        total._compare()
        issue = self.issues(total)
        self.assertEqual((issue.category, issue.state), ("missing_dependency", "open"))
        self.assertIn("1 of them never arrived", issue.reason)
        self.assertNotIn("late-1", issue.reason)
        self.play(self.registered("L1", id="late-1"))
        self.env["healthcare.control.total"]._cron_compare()
        total.invalidate_recordset()
        # The job looks at recent days; this one differed.
        total._compare()
        self.assertEqual(total.state, "matched")
        self.assertEqual(issue.state, "resolved")

    def test_what_was_let_be_is_not_asked_again(self):
        total = self.tell({"counts": {CREATED: 5}})
        self.overdue(total)
        self.issues(total)._waive("The vendor counts differently.")
        total._compare()
        self.assertEqual(self.issues(total).mapped("state"), ["waived"])
        self.tell({"counts": {CREATED: 5}})
        self.overdue(total)
        self.assertEqual(self.issues(total).mapped("state"), ["waived"])
        self.tell({"counts": {CREATED: 6}})
        self.overdue(total)
        self.assertEqual(sorted(self.issues(total).mapped("state")), ["open", "waived"])

    def test_the_job_takes_what_differs(self):
        today = fields.Date.today()
        total = self.tell({"ids": {CREATED: ["job-1"]}}, day=str(today))
        self.play(self.registered("J1", id="job-1"))
        self.env["healthcare.control.total"]._cron_compare()
        self.assertEqual(total.state, "matched")

    @mute_logger("odoo.sql_db")
    def test_one_row_per_day_type_and_facility(self):
        total = self.tell({"counts": {CREATED: 5}})
        with self.assertRaises(psycopg2.errors.UniqueViolation):
            with self.env.cr.savepoint():
                total.copy().flush_recordset()

    def test_as_many_queries_for_many_totals(self):
        def queries(days):
            rows = self.env["healthcare.control.total"]
            for day in days:
                rows |= self.tell({"ids": {CREATED: [f"q-{day}"]}}, day=day)
            rows._compare()
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            rows._counted_by_id(), rows._missing(), rows._surplus(), rows._repeated()
            return self.env.cr.sql_log_count - before

        few = queries(["2026-01-01"])
        many = queries([f"2026-02-{day:02d}" for day in range(1, 21)])
        self.assertEqual(few, many)

    def test_nobody_writes_one_by_hand(self):
        total = self.tell({"counts": {CREATED: 5}})
        user = new_test_user(
            self.env, "totals-admin", groups=f"base.group_user,{GROUP}administrator"
        )
        mine = total.with_user(user)
        self.assertEqual(mine.missing, 5)
        mine.action_compare()
        with self.assertRaises(AccessError):
            mine.write({"told": 0})


class TestTotalsImport(TotalsCase, HttpCase):
    def load(self, content, user=None):
        wizard = (
            self.env["healthcare.control.total.import"]
            .with_user(user or self.env.user)
            .create(
                {
                    "source_id": self.source.id,
                    "file": base64.b64encode(content),
                    "timezone": "UTC",
                }
            )
        )
        wizard.action_import()
        return wizard

    def test_lines_good_and_bad(self):
        self.play(self.registered("W1", id="w-1"))
        lines = [
            "Date,Type,Count,Id,Facility",
            f"2026-03-02,healthcare.{CREATED}.v1,,w-1,",
            f"2026-03-02,{CREATED},,w-2,",
            "2026-03-02,appointment.booked,7,,T-EAST",
            "yesterday,appointment.booked,7,,",
            "2026-03-02,made.up,7,,",
            "2026-03-02,claim.denied,many,,",
            f"2026-03-02,{CREATED},,w-2,",
            "2026-03-02,appointment.booked,8,,T-EAST",
            "2026-03-02,claim.denied,1,,NOWHERE",
        ]
        operator = new_test_user(
            self.env, "totals-operator", groups=f"base.group_user,{GROUP}operator"
        )
        for _turn in range(2):  # a second import changes nothing
            wizard = self.load("\n".join(lines).encode(), operator)
            self.assertEqual((wizard.kept, wizard.bad), (2, 6))
            self.assertEqual(wizard.line_ids.mapped("number"), [5, 6, 7, 8, 9, 10])
        created = wizard.total_ids.filtered(lambda t: t.type_id.code == CREATED)
        self.assertEqual(created.missing_ids, ["w-2"])
        kept = self.env["healthcare.control.total"].search_count(
            [("source_id", "=", self.source.id)]
        )
        self.assertEqual(kept, 2)

    def test_excel(self):
        book = openpyxl.Workbook()
        book.active.append(["day", "event type", "total"])
        book.active.append([fields.Date.to_date("2026-03-02"), CREATED, 4])
        stream = io.BytesIO()
        book.save(stream)
        wizard = self.load(stream.getvalue())
        self.assertEqual((wizard.kept, wizard.bad), (1, 0))
        self.assertEqual(wizard.total_ids.told, 4)

    def test_what_is_no_table_is_refused(self):
        for content in (b"", b"a,b\n1,2", b"date,type\n2026-03-02,x", b"\x00\xff"):
            with self.subTest(content=content), self.assertRaises(UserError):
                self.load(content or b" ")

    def test_download(self):
        total = self.tell({"ids": {CREATED: ["d-1", "d-2"]}})
        new_test_user(
            self.env,
            "totals-download",
            password="totals-download",
            groups=f"base.group_user,{GROUP}operator",
        )
        self.authenticate("totals-download", "totals-download")
        answer = self.url_open(total.action_download()["url"])
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.content, b"id\r\nd-1\r\nd-2\r\n")
