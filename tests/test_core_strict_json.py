import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.errors import InputError

CODES = {
    "invalid_json",
    "invalid_encoding",
    "duplicate_key",
    "not_a_number",
    "too_deep",
    "invalid_character",
    "number_too_large",
}
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(TEXT, children, max_size=4)
    ),
    max_leaves=12,
)


class TestStrictJson(BaseCase):
    def _refused(self, raw, code, pointer=None, **options):
        with self.assertRaises(InputError) as caught:
            strict_json.loads(raw, **options)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(caught.exception.status, 400)
        if pointer is not None:
            self.assertEqual(caught.exception.pointer, pointer)
        return caught.exception

    def test_reads_what_is_json(self):
        self.assertEqual(
            strict_json.loads(b'\xef\xbb\xbf {"a": [1, 2.5, null, true, "\xc3\xa9"]} '),
            {"a": [1, 2.5, None, True, "é"]},
        )
        self.assertEqual(strict_json.loads(b'"\\ud83d\\ude00"'), "\U0001f600")
        self.assertEqual(strict_json.loads(b'"\\\\u0000"'), "\\u0000")
        self.assertEqual(strict_json.loads(b"1e300"), 1e300)

    def test_refuses_the_rest(self):
        for raw, code, pointer in (
            (b"", "invalid_json", ""),
            (b"{'a': 1}", "invalid_json", ""),
            (b'{"a": 1} x', "invalid_json", ""),
            (b"[1,]", "invalid_json", ""),
            (b'"\x00"', "invalid_json", ""),
            ("[1]".encode("utf-16"), "invalid_encoding", ""),
            (b'"\xed\xa0\x80"', "invalid_encoding", ""),
            (b'{"a": {"b": 1, "b": 2}}', "duplicate_key", "/a"),
            (b'{"a": [0, NaN]}', "not_a_number", "/a/1"),
            (b"-Infinity", "not_a_number", ""),
            (b'{"a": 1e999}', "number_too_large", "/a"),
            (b"[1" + b"0" * 64 + b"]", "number_too_large", "/0"),
            (b"[1" + b"0" * 5000 + b"]", "number_too_large", "/0"),
            (b"[1" + b"0" * 400 + b".0]", "number_too_large", "/0"),
            (b'{"a": ["\\u0000"]}', "invalid_character", "/a/0"),
            (b'{"a": "\\ud800"}', "invalid_character", "/a"),
            (b'{"a": {"\\udc00": 1}}', "invalid_character", "/a"),
        ):
            with self.subTest(raw=raw[:40]):
                self._refused(raw, code, pointer)

    def test_depth(self):
        def nested(depth):
            return b'{"a":[' * (depth // 2) + b"]}" * (depth // 2)

        strict_json.loads(nested(64))
        self._refused(nested(66), "too_deep")
        strict_json.loads(nested(66), max_depth=66)
        # Brackets in texts are not nesting, wide is not deep.
        strict_json.loads(b'["' + b"[{" * 500 + b'\\"[["]')
        strict_json.loads(b"[" + b",".join([b"[]"] * 500) + b"]")
        self._refused(b"[" * 100_000, "too_deep")

    def test_time_is_linear(self):
        """Five megabytes of anything take about as long as five of good JSON."""
        size = 5 * 1024 * 1024
        for name, raw in (
            ("brackets", b"[" + b"[]," * (size // 3)),
            ("escapes", b"[" * 65 + b'"' + b'\\"' * (size // 2)),
            ("quotes", b"[" * 65 + b'"' * size),
            ("backslashes", b"[" * 65 + b"\\" * size),
            ("digits", b"[" + b"1" * size),
        ):
            with self.subTest(name):
                start = time.perf_counter()
                with self.assertRaises(InputError):
                    strict_json.loads(raw)
                self.assertLess(time.perf_counter() - start, 5)

    def test_errors_show_no_value(self):
        for raw in (
            b'{"Secret": 1, "Secret": 2}',
            b'{"a": {"Mrs Secret": {"b": 1, "b": 2}}}',
            b'{"a": "Secret\\x"}',
            b'{"a": Secret}',
            b'["Secret\\ud800"]',
        ):
            with self.assertRaises(InputError) as caught:
                strict_json.loads(raw)
            self.assertNotIn("Secret", str(caught.exception.as_dict()))
            self.assertIsNone(caught.exception.__cause__)

    @settings(deadline=None, max_examples=150)
    @given(VALUES)
    def test_written_is_read_back(self, value):
        raw = strict_json.dumps(value)
        self.assertEqual(strict_json.loads(raw), value)
        self.assertEqual(strict_json.dumps(strict_json.loads(raw)), raw)
        self.assertEqual(strict_json.loads(json.dumps(value).encode()), value)

    @settings(deadline=None, max_examples=300)
    @given(
        st.binary(max_size=60)
        | st.text('[]{}",:\\u0d8 1eE+-.NaNtrue', max_size=60).map(str.encode)
    )
    def test_anything_is_read_or_refused(self, raw):
        try:
            value = strict_json.loads(raw)
        except InputError as error:
            self.assertIn(error.code, CODES)
        else:
            self.assertEqual(strict_json.loads(strict_json.dumps(value)), value)

    def test_canonical(self):
        self.assertEqual(
            strict_json.dumps({"b": [1, "é"], "a": None}),
            '{"a":null,"b":[1,"é"]}'.encode(),
        )
        with self.assertRaises(ValueError):
            strict_json.dumps(float("nan"))
