"""Back-off, compression, errors and problem documents."""

import gzip
import random
import tracemalloc
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core import backoff, compression, errors
from odoo.addons.healthcare_connector.core.contract import problem


class TestBackoff(BaseCase):
    def test_bounds(self):
        for attempt in (0, 1, 2, 5, 10, 10_000):
            limit = min(900, 2 * 2 ** min(max(attempt - 1, 0), 60))
            for _try in range(50):
                self.assertLessEqual(0, backoff.full_jitter(attempt, 2.0, 900.0))
                self.assertLessEqual(backoff.full_jitter(attempt, 2.0, 900.0), limit)

    def test_spread(self):
        """Full jitter: the whole window is used, evenly."""
        rng = random.Random(1)
        waits = [backoff.full_jitter(3, 2.0, 900.0, rng) for _try in range(2000)]
        self.assertAlmostEqual(sum(waits) / len(waits), 4, delta=0.2)
        self.assertLess(min(waits), 0.1)
        self.assertGreater(max(waits), 7.9)


class TestCompression(BaseCase):
    def _refused(self, body, encoding, limit, code, status):
        with self.assertRaises(errors.InputError) as caught:
            compression.inflate(body, encoding, limit)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(caught.exception.status, status)

    def test_plain(self):
        for encoding in (None, "", "identity", " Identity "):
            self.assertEqual(compression.inflate(b"abc", encoding, 3), b"abc")
        self._refused(b"abcd", None, 3, "too_large", 413)

    def test_gzip(self):
        body = b"abc" * 100
        for packed in (
            gzip.compress(body),
            gzip.compress(body[:100]) + gzip.compress(body[100:]),
            gzip.compress(body) + b"\x00" * 8,
        ):
            self.assertEqual(compression.inflate(packed, "gzip", 300), body)
            self.assertEqual(compression.inflate(packed, "X-GZIP", 300), body)
            self._refused(packed, "gzip", 299, "too_large", 413)

    def test_bomb(self):
        bomb = gzip.compress(bytes(200 * 1024 * 1024), 9)
        tracemalloc.start()
        self._refused(bomb, "gzip", 1024 * 1024, "too_large", 413)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(peak, 8 * 1024 * 1024)
        self._refused(gzip.compress(b"") * 50_000, "gzip", 5_000_000, *self.INVALID)

    INVALID = ("invalid_compression", 400)

    def test_broken(self):
        packed = gzip.compress(b"abc" * 100)
        damaged = bytearray(packed)
        damaged[-6] ^= 1
        for body in (
            b"",
            b"abc",
            packed[:-1],
            packed[:10],
            packed + b"rest",
            bytes(damaged),
            zlib.compress(b"abc"),
        ):
            self._refused(body, "gzip", 1000, *self.INVALID)

    def test_other_encodings(self):
        for encoding in ("br", "deflate", "gzip, gzip", "zstd", "*"):
            self._refused(b"abc", encoding, 10, "unsupported_encoding", 415)

    @settings(deadline=None, max_examples=150)
    @given(st.binary(max_size=200))
    def test_garbage(self, body):
        try:
            compression.inflate(b"\x1f\x8b\x08" + body, "gzip", 1000)
        except errors.InputError as error:
            self.assertIn(error.status, (400, 413))


class TestErrors(BaseCase):
    def test_park_error_knows_its_categories(self):
        error = errors.ParkError("missing_payer", "No such payer.", "payer/X", 12.5)
        self.assertEqual(error.category, "missing_payer")
        self.assertEqual((error.cause, error.amount), ("payer/X", 12.5))
        with self.assertRaises(ValueError):
            errors.ParkError("bad_luck", "")
        self.assertEqual(len(errors.CATEGORIES), len(set(errors.CATEGORIES)))

    def test_problem(self):
        found = problem.document(
            400,
            "duplicate_key",
            "An object has the same member twice.",
            [{"pointer": "/a", "code": "duplicate_key", "detail": "Twice."}],
            "/healthcare/v1/events",
        )
        self.assertEqual(
            found["type"], "urn:healthcare-connector:problem:duplicate_key"
        )
        self.assertEqual(found["status"], 400)
        self.assertEqual(found["title"], problem.TITLES["duplicate_key"])
        self.assertEqual(found["errors"][0]["pointer"], "/a")
        plain = problem.document(418, "teapot", "")
        self.assertEqual(set(plain), {"type", "title", "status", "code"})
        self.assertEqual(problem.document(299, "odd", "")["title"], "Error")

    def test_problem_from_error(self):
        error = errors.InputError("too_large", "Too large.", status=413)
        self.assertEqual(problem.from_error(error)["status"], 413)
        self.assertNotIn("errors", problem.from_error(error))
        error = errors.InputError("duplicate_key", "Twice.", "/a")
        self.assertEqual(problem.from_error(error)["errors"], [error.as_dict()])
