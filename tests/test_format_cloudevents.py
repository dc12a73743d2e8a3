import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.formats import cloudevents

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "json"
ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
JSON = "application/json"
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "urn:example:scheduling",
    "type": "healthcare.registration.created.v1",
    "time": "2026-03-02T09:30:00Z",
    "data": {"facility": "NORTH"},
}
HEADERS = {f"Ce-{k.title()}": v for k, v in EVENT.items() if k != "data"}


def dump(value):
    return json.dumps(value).encode()


class TestCloudEvents(BaseCase):
    def _read(self, value, content_type=ONE, headers=None, **options):
        body = value if isinstance(value, bytes) else dump(value)
        return cloudevents.read(content_type, headers or {}, body, **options)

    def _refused(self, code, status, value, content_type=ONE, headers=None, **options):
        with self.assertRaises(InputError) as caught:
            self._read(value, content_type, headers, **options)
        self.assertEqual(
            (caught.exception.code, caught.exception.status), (code, status)
        )

    def _errors(self, changes, content_type=ONE):
        """Return ``{pointer: code}`` for the event with some changes."""
        event = {k: v for k, v in {**EVENT, **changes}.items() if v is not ...}
        reading = self._read(event, content_type)
        return {error["pointer"]: error["code"] for error in reading.items[0].errors}

    # -- modes ------------------------------------------------------------------

    def test_structured(self):
        for content_type in (ONE, f"{ONE}; charset=UTF-8", JSON, ONE.title()):
            reading = self._read(EVENT, content_type)
            self.assertTrue(reading.single)
            (item,) = reading.items
            self.assertEqual((item.index, item.envelope, item.errors), (0, EVENT, []))

    def test_batch(self):
        bad = {**EVENT, "id": ""}
        for content_type in (BATCH, JSON):
            reading = self._read([EVENT, bad, 5], content_type)
            self.assertFalse(reading.single)
            self.assertEqual([item.index for item in reading.items], [0, 1, 2])
            self.assertEqual(
                [[e["pointer"] for e in item.errors] for item in reading.items],
                [[], ["/id"], [""]],
            )
            self.assertIsNone(reading.items[2].envelope)
            self.assertEqual(reading.items[2].raw, 5)

    def test_lines(self):
        body = b"\n".join((dump(EVENT), b"", b"{broken", b"\r", dump(EVENT) + b"\r"))
        reading = self._read(body + b"\n", LINES)
        self.assertEqual(
            [item.errors == [] for item in reading.items], [True, False, True]
        )
        bad = reading.items[1]
        self.assertEqual(bad.raw, "{broken")
        self.assertEqual(bad.errors[0]["pointer"], "/3")
        self.assertEqual(bad.errors[0]["code"], "invalid_json")
        self.assertIn("Line 3", bad.errors[0]["detail"])
        # An unreadable line can be kept.
        raw = self._read(dump(EVENT) + b"\n\xff\x00\n", LINES).items[1].raw
        self.assertTrue(strict_json.dumps(raw))

    def test_binary(self):
        headers = {**HEADERS, "ce-subject": "Stra%C3%9Fe%20%E2%82%AC", "X-Other": "1"}
        body = dump(EVENT["data"])
        for content_type in (JSON, "", "application/json; charset=utf-8"):
            reading = self._read(body, content_type, headers)
            self.assertTrue(reading.single)
            self.assertEqual(
                reading.items[0].envelope, {**EVENT, "subject": "Straße €"}
            )
            self.assertEqual(reading.items[0].errors, [])
        quoted = {**headers, "ce-subject": '"a \\"b\\""'}
        reading = self._read(body, JSON, quoted)
        self.assertEqual(reading.items[0].envelope["subject"], 'a "b"')

    def test_binary_errors(self):
        body = dump(EVENT["data"])
        for name, value, pointer, code in (
            ("ce-datacontenttype", JSON, "/datacontenttype", "not_allowed"),
            ("ce-data", "x", "/data", "not_allowed"),
            ("ce-subject", "%ff", "/subject", "invalid_encoding"),
            ("ce-subject", "é", "/subject", "invalid_encoding"),
            ("ce-subject", "%00", "/subject", "invalid_encoding"),
            ("ce-subject", "%0A", "/subject", "invalid_character"),
            ("ce-bad_name", "x", "", "invalid_name"),
            ("ce-id", "", "/id", "too_short"),
        ):
            with self.subTest(name=name, value=value):
                headers = {k: v for k, v in HEADERS.items() if k.lower() != name}
                item = self._read(body, JSON, {**headers, name: value}).items[0]
                self.assertEqual(
                    [(e["pointer"], e["code"]) for e in item.errors], [(pointer, code)]
                )
        item = self._read(b"", JSON, HEADERS).items[0]
        self.assertEqual(item.errors[0]["pointer"], "/data")
        self._refused("invalid_json", 400, b"{", JSON, HEADERS)

    def test_same_envelope_in_every_mode(self):
        readings = (
            self._read(EVENT),
            self._read([EVENT], BATCH),
            self._read(dump(EVENT), LINES),
            self._read({**EVENT, "datacontenttype": JSON, "subject": None}),
            self._read(dump(EVENT["data"]), JSON, HEADERS),
        )
        for reading in readings:
            self.assertEqual(reading.items[0].envelope, EVENT)

    # -- the body as a whole ----------------------------------------------------

    def test_refused(self):
        for code, status, value, content_type in (
            ("unsupported_media_type", 415, EVENT, None),
            ("unsupported_media_type", 415, EVENT, "text/plain"),
            ("unsupported_media_type", 415, EVENT, "application/xml"),
            ("unsupported_media_type", 415, EVENT, "application/cloudevents+xml"),
            ("unsupported_media_type", 415, EVENT, "application/cloudevents+avro"),
            ("unsupported_charset", 415, EVENT, f"{ONE}; charset=utf-16"),
            ("unsupported_charset", 415, EVENT, f"{JSON};charset=latin-1"),
            ("empty_body", 400, b"", ONE),
            ("empty_body", 400, b" \n", JSON),
            ("empty_body", 400, b"\n\n", LINES),
            ("empty_batch", 400, [], BATCH),
            ("empty_batch", 400, [], JSON),
            ("invalid_json", 400, b"{", ONE),
            ("invalid_json", 400, b"a\nb", LINES),
            ("not_a_number", 400, b"[NaN]", BATCH),
            ("duplicate_key", 400, b'{"id":"1","id":"2"}', ONE),
        ):
            with self.subTest(code=code, content_type=content_type):
                self._refused(code, status, value, content_type)
        self._refused("too_many_events", 413, [EVENT] * 3, BATCH, max_events=2)
        lines = b"\n".join([dump(EVENT)] * 3)
        self._refused("too_many_events", 413, lines, LINES, max_events=2)

    def test_json_that_is_no_event_is_kept(self):
        """Only of what is not even JSON nothing remains but a trace."""
        for value, content_type, count in (
            ([EVENT], ONE, 1),
            (EVENT, BATCH, 1),
            (5, JSON, 1),
            ([1, "a"], JSON, 2),
            (b"1\n2", LINES, 2),
        ):
            with self.subTest(content_type=content_type, count=count):
                items = self._read(value, content_type).items
                self.assertEqual(len(items), count)
                for item in items:
                    self.assertIsNone(item.envelope)
                    (error,) = item.errors
                    self.assertEqual(error["code"], "not_cloudevents")

    def test_depth_is_per_event(self):
        deep = {**EVENT, "data": {"a": {"b": {}}}}
        for value, content_type in (
            (deep, ONE),
            ([deep], BATCH),
            ([deep], JSON),
            (deep, JSON),
            (dump(deep), LINES),
        ):
            self._read(value, content_type, max_depth=4)
        for value, content_type in ((deep, ONE), ([deep], BATCH)):
            self._refused("too_deep", 400, value, content_type, max_depth=3 - 1)
        for value, content_type in (
            (deep, ONE),
            (deep, JSON),
            (b" " + dump(deep), JSON),
        ):
            self._refused("too_deep", 400, value, content_type, max_depth=3)

    # -- the envelope -----------------------------------------------------------

    def test_required(self):
        for name in EVENT:
            self.assertEqual(self._errors({name: ...}), {f"/{name}": "required"})
            self.assertEqual(self._errors({name: None}), {f"/{name}": "required"})

    def test_attributes(self):
        for changes, expected in (
            ({"id": ""}, {"/id": "too_short"}),
            ({"id": 5}, {"/id": "type"}),
            ({"id": "a" * 255}, {}),
            ({"id": "a" * 256}, {"/id": "too_long"}),
            ({"id": "a\nb"}, {"/id": "invalid_character"}),
            ({"id": "a\x9fb"}, {"/id": "invalid_character"}),
            ({"source": "not a uri"}, {"/source": "format"}),
            ({"source": "/relative?x=1#y"}, {}),
            ({"specversion": "0.3"}, {"/specversion": "unsupported_version"}),
            ({"time": "2026-03-02T09:30:00"}, {"/time": "format"}),
            ({"time": "2026-03-02"}, {"/time": "format"}),
            ({"time": "2026-02-30T09:30:00Z"}, {"/time": "format"}),
            ({"time": 5}, {"/time": "type"}),
            ({"data": []}, {"/data": "type"}),
            ({"data": "{}"}, {"/data": "type"}),
            ({"data": ..., "data_base64": "e30="}, {"/data_base64": "binary_data"}),
            ({"data_base64": "e30="}, {"/data_base64": "binary_data"}),
            ({"datacontenttype": "application/fhir+json"}, {}),
            (
                {"datacontenttype": "text/xml"},
                {"/datacontenttype": "unsupported_media_type"},
            ),
            ({"subject": ""}, {"/subject": "too_short"}),
            ({"correlationid": 5}, {"/correlationid": "type"}),
            ({"sequence": 5, "flag": True, "x": "", "n": -(2**31)}, {}),
            ({"n": 2**31}, {"/n": "number_too_large"}),
            ({"n": 1.5}, {"/n": "type"}),
            ({"n": {}}, {"/n": "type"}),
            ({"Upper": "x"}, {"": "invalid_name"}),
            ({"a" * 21: "x"}, {"": "invalid_name"}),
            ({f"a{i}": "x" for i in range(70)}, {"": "too_many"}),
        ):
            with self.subTest(changes=changes):
                self.assertEqual(self._errors(changes), expected)

    def test_bad_traceparent_is_ignored(self):
        good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        for value, kept in (
            (good, True),
            (good.upper(), False),
            ("00-" + "0" * 32 + good[35:], False),
            ("ff" + good[2:], False),
            (5, False),
        ):
            item = self._read({**EVENT, "traceparent": value}).items[0]
            self.assertEqual("traceparent" in item.envelope, kept)
            self.assertEqual(item.errors, [])

    def test_errors_show_no_value(self):
        secret = "Mrs Secret"
        for changes in (
            {"id": secret * 30},
            {"source": secret},
            {"time": secret},
            {secret: 1},
            {"data": secret},
            {"datacontenttype": secret},
        ):
            for item in self._read({**EVENT, **changes}).items:
                self.assertTrue(item.errors)
                self.assertNotIn("Secret", str(item.errors))

    # -- time -------------------------------------------------------------------

    def test_parse_time(self):
        for text, expected in (
            ("2026-03-02T09:30:00Z", "2026-03-02T09:30:00+00:00"),
            ("2026-03-02t09:30:00z", "2026-03-02T09:30:00+00:00"),
            ("2026-03-02T09:30:00-05:00", "2026-03-02T14:30:00+00:00"),
            ("2026-03-02T09:30:00+05:30", "2026-03-02T04:00:00+00:00"),
            ("2026-03-02T09:30:00.123456789Z", "2026-03-02T09:30:00.123456+00:00"),
            ("2026-03-02T09:30:00.5Z", "2026-03-02T09:30:00.500000+00:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999+00:00"),
            ("2026-03-02T09:30:00-00:00", "2026-03-02T09:30:00+00:00"),
        ):
            self.assertEqual(cloudevents.parse_time(text).isoformat(), expected)
        for text in (
            "",
            "2026-03-02T09:30:00",
            "2026-03-02 09:30:00Z",
            "2026-03-02T09:30Z",
            "2026-13-02T09:30:00Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T09:30:00+24:00",
            "2026-03-02T09:30:00+05:60",
            "2026-03-02T09:30:00Z\n",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "٢٠٢٦-03-02T09:30:00Z",
            None,
            20260302,
        ):
            with self.subTest(text=text), self.assertRaises(InputError):
                cloudevents.parse_time(text)

    # -- whatever comes ---------------------------------------------------------

    def _read_or_refused(self, content_type, headers, body):
        try:
            reading = cloudevents.read(content_type, headers, body)
        except InputError as error:
            self.assertIn(error.status, (400, 413, 415))
            return
        self.assertTrue(reading.items)
        for item in reading.items:
            self.assertTrue(item.errors or item.envelope["data"] is not None)
            # What is kept can be read again, also of what was refused.
            kept = strict_json.dumps([item.envelope, item.raw, item.errors])
            strict_json.loads(kept, max_depth=66)

    @settings(deadline=None, max_examples=300)
    @given(
        st.sampled_from((ONE, BATCH, LINES, JSON, "", "application/cloudevents")),
        st.dictionaries(
            st.sampled_from(("ce-id", "ce-time", "Ce-Type", "ce-\ud800", "ce-")),
            st.text(max_size=10),
        ),
        st.binary(max_size=40)
        | st.dictionaries(
            st.sampled_from((*EVENT, "subject", "traceparent", "n", "é")),
            st.none() | st.booleans() | st.integers() | st.text() | st.just({}),
        ).map(dump),
    )
    def test_anything(self, content_type, headers, body):
        self._read_or_refused(content_type, headers, body)

    def test_corpora(self):
        """Files of many vendors, and of those who test parsers."""
        if not CORPORA.is_dir():
            self.skipTest("The corpora are not beside the repository.")
        files = [path for path in CORPORA.rglob("*") if path.is_file()]
        self.assertGreater(len(files), 250)
        for path in files:
            body = path.read_bytes()
            for content_type in (ONE, BATCH, LINES, JSON):
                with self.subTest(file=path.name, content_type=content_type):
                    self._read_or_refused(content_type, {}, body)
                    self._read_or_refused(content_type, HEADERS, body)
