"""How batches are written for kinds of targets, and what their answers mean."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from unittest import TestCase
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from odoo.addons.healthcare_connector.core.delivery import dialects

FACTS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.text(min_size=1, max_size=20),
            "sequence": st.integers(1, 10**6),
            "value": st.none() | st.text(max_size=20) | st.booleans(),
        }
    ),
    max_size=8,
)


def read(dialect, status, body=b"", count=2, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return dialects.read(dialect, status, CaseInsensitiveDict(named), body, count)


class TestWriting(TestCase):
    @settings(deadline=None)
    @given(FACTS)
    def test_what_is_written_is_what_was_given(self, facts):
        content_type, body = dialects.encode("json_array", facts)
        self.assertEqual((content_type, json.loads(body)), ("application/json", facts))
        for dialect in ("ndjson", "clickhouse"):
            _type, body = dialects.encode(dialect, facts)
            self.assertEqual([json.loads(one) for one in body.splitlines()], facts)

    @settings(deadline=None)
    @given(FACTS)
    def test_what_is_written_already_is_joined(self, facts):
        class Own(dialects.Dialect):
            def encode(self, documents):
                return json.dumps(documents).encode()

        ones = [dialects.Written.of(fact) for fact in facts]
        for name in dialects.DIALECTS:
            self.assertEqual(
                dialects.encode(name, ones), dialects.encode(name, facts), name
            )
        with patch.dict(dialects.DIALECTS, own=Own()):
            _type, body = dialects.encode("own", ones)
        self.assertEqual(json.loads(body), facts)

    @settings(deadline=None)
    @given(FACTS)
    def test_bulk_names_key_and_version(self, facts):
        _type, body = dialects.encode("elasticsearch", facts)
        lines = [json.loads(line) for line in body.split(b"\n")[:-1]]
        self.assertEqual(lines[1::2], facts)
        for action, fact in zip(lines[::2], facts, strict=True):
            self.assertEqual(
                action,
                {
                    "index": {
                        "_id": fact["key"],
                        "version": fact["sequence"],
                        "version_type": "external",
                    }
                },
            )

    def test_addresses(self):
        url = dialects.address("clickhouse", "https://w:8443?user=x", "a.facts")
        parts = urlsplit(url)
        self.assertEqual(parts.path, "/")
        self.assertEqual(
            parse_qs(parts.query),
            {"user": ["x"], "query": ['INSERT INTO "a"."facts" FORMAT JSONEachRow']},
        )
        url = dialects.address("elasticsearch", "https://w/es/", "facts-1")
        self.assertEqual(urlsplit(url).path, "/es/facts-1/_bulk")
        self.assertEqual(dialects.address("ndjson", "https://w/x"), "https://w/x")

    def test_a_table_cannot_be_a_statement(self):
        for dialect, table in (
            ("clickhouse", 'facts" SELECT 1'),
            ("clickhouse", "a.b.c"),
            ("clickhouse", None),
            ("elasticsearch", "_all"),
            ("elasticsearch", "facts/_delete_by_query"),
            ("elasticsearch", "Facts"),
        ):
            with self.subTest(table), self.assertRaises(ValueError):
                dialects.address(dialect, "https://w/", table)


class TestAnswers(TestCase):
    def test_by_status(self):
        for status, kind in (
            (200, "taken"),
            (204, "taken"),
            (301, "wrong"),
            (400, "refused"),
            (422, "refused"),
            (401, "wrong"),
            (404, "wrong"),
            (408, "later"),
            (409, "later"),
            (413, "too_large"),
            (429, "later"),
            (500, "later"),
            (503, "later"),
        ):
            with self.subTest(status):
                self.assertEqual(read("ndjson", status).kind, kind)

    def test_clickhouse_says_by_its_code_what_was_wrong(self):
        secret = b"Code: 27, e.displayText() = Cannot parse input before: Quillfeather"
        answer = read("clickhouse", 500, secret)
        self.assertEqual(answer.kind, "refused")
        self.assertNotIn("Quillfeather", answer.reason)
        self.assertEqual(read("clickhouse", 404, b"Code: 60, no table").kind, "wrong")
        self.assertEqual(read("clickhouse", 500, b"Code: 252, parts").kind, "later")
        newer = read("clickhouse", 400, X_ClickHouse_Exception_Code="117")
        self.assertEqual(newer.kind, "refused")
        self.assertIn("117", newer.reason)

    def test_bulk_answers_for_each(self):
        statuses = (
            {"status": 201},
            {"status": 409, "error": {"type": "version_conflict_engine_exception"}},
            {"status": 400, "error": {"type": "document_parsing_exception"}},
            {"status": 400, "error": {"type": "Quillfeather is no date"}},
            {"status": 429},
        )
        items = [{"index": one} for one in statuses]
        body = json.dumps({"errors": True, "items": items}).encode()
        answer = read("elasticsearch", 200, body, count=5)
        self.assertEqual(answer.kind, "taken")
        self.assertEqual(
            answer.refused,
            ((2, "HTTP 400: document_parsing_exception"), (3, "HTTP 400")),
        )
        self.assertEqual(answer.again, (4,))
        body = json.dumps({"errors": False}).encode()
        self.assertEqual(read("elasticsearch", 200, body).refused, ())

    def test_bulk_of_which_nothing_was_taken_now_goes_again(self):
        items = [{"index": {"status": 429}}] * 2
        body = json.dumps({"errors": True, "items": items}).encode()
        self.assertEqual(read("elasticsearch", 200, body).kind, "later")

    @settings(deadline=None)
    @given(st.binary(max_size=60) | st.sampled_from([b"[]", b'{"items":[{}]}', b"1"]))
    def test_a_bulk_answer_that_is_none_takes_nothing(self, body):
        self.assertEqual(read("elasticsearch", 200, body).kind, "later")

    def test_retry_after(self):
        self.assertEqual(dialects.wait_of("120"), 120.0)
        self.assertEqual(dialects.wait_of("999999"), dialects.LONGEST_WAIT)
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
        self.assertTrue(80 < dialects.wait_of(later) <= 90)
        for none in (None, "", "soon", "-5"):
            self.assertIsNone(dialects.wait_of(none))
