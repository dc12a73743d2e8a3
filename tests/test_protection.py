"""What stands before intake: signatures, rates, backlog, bombs, the handshake."""

import gzip
import json
import logging
import time
import zlib
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.core import clock
from odoo.addons.healthcare_connector.core.protection import rates, signatures
from odoo.addons.healthcare_connector.models.exchange import backlog

from .common import event, patient_data
from .http_common import EVENTS, EndpointCase

VECTORS = (
    Path(__file__).resolve().parents[2]
    / "shared/corpora/json/standard-webhooks-standard-webhooks"
)
HERE = "odoo.addons.healthcare_connector"


class ProtectionCase(EndpointCase):
    def one(self, number):
        return event("registration.created", patient_data(f"P-{number}"))

    def signed(self, body, *secrets, at=None, id="msg_1", **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        at = clock.epoch() if at is None else at
        return self.post(
            body,
            **{
                "webhook-id": id,
                "webhook-timestamp": str(at),
                "webhook-signature": signatures.sign(secrets, id, at, body),
            },
            **headers,
        )


class TestSignatures(ProtectionCase):
    def setUp(self):
        super().setUp()
        self.secrets = self.env["healthcare.source.secret"]
        self.source.signature_required = True

    def test_unsigned_and_unconfigured_are_refused(self):
        one = self.one(1)
        secret = signatures.generate_secret()
        self.assertProblem(self.post(one), 403, "signature")
        # No secret at all: nothing verifies, whatever it was signed with.
        self.assertProblem(self.signed(one, secret), 403, "signature")
        mine = self.secrets._issue(self.source)
        self.assertProblem(self.post(one), 403, "signature")
        self.assertEqual(self.signed(one, mine).status_code, 202)
        self.source.signature_required = False
        self.assertEqual(self.post(one).status_code, 200)

    def test_the_answer_does_not_say_what_was_wrong(self):
        mine = self.secrets._issue(self.source)
        answers = {
            self.post(self.one(2)).text,
            self.signed(self.one(2), signatures.generate_secret()).text,
            self.signed(self.one(2), mine, at=clock.epoch() - 400).text,
            self.signed(self.one(2), mine, at=clock.epoch() + 400).text,
        }
        self.assertEqual(len(answers), 1)

    def test_the_body_is_signed_as_it_was_sent(self):
        mine = self.secrets._issue(self.source)
        packed = gzip.compress(json.dumps(self.one(3)).encode())
        answer = self.signed(packed, mine, **{"Content-Encoding": "gzip"})
        self.assertEqual(answer.status_code, 202, answer.text)
        plain = json.dumps(self.one(4)).encode()
        at = clock.epoch()
        answer = self.post(
            gzip.compress(plain),
            **{
                "Content-Encoding": "gzip",
                "webhook-id": "m",
                "webhook-timestamp": str(at),
                "webhook-signature": signatures.sign([mine], "m", at, plain),
            },
        )
        self.assertProblem(answer, 403, "signature")

    def test_tolerance_is_the_sources(self):
        mine = self.secrets._issue(self.source)
        late = clock.epoch() - 400
        self.assertProblem(self.signed(self.one(5), mine, at=late), 403, "signature")
        self.source.signature_tolerance = 900
        self.assertEqual(self.signed(self.one(5), mine, at=late).status_code, 202)

    def test_rotation(self):
        old = self.secrets._issue(self.source)
        new = self.secrets._issue(self.source, overlap_days=7)
        self.assertEqual(self.signed(self.one(6), old).status_code, 202)
        self.assertEqual(self.signed(self.one(7), new).status_code, 202)
        self.assertEqual(self.signed(self.one(8), old, new).status_code, 202)
        record = self.source.secret_ids[-1]
        self.assertEqual(record.state, "ending")
        record.valid_until = fields.Datetime.now() - timedelta(seconds=1)
        self.assertEqual(record.state, "ended")
        self.assertProblem(self.signed(self.one(9), old), 403, "signature")
        self.assertEqual(self.signed(self.one(9), new).status_code, 202)
        self.source.secret_ids.action_end()
        self.assertProblem(self.signed(self.one(10), new), 403, "signature")

    def test_secrets_are_sealed_and_shown_to_nobody(self):
        mine = self.secrets._issue(self.source, secret=signatures.generate_secret())
        self.env.flush_all()
        self.env.cr.execute("SELECT sealed FROM healthcare_source_secret")
        for (sealed,) in self.env.cr.fetchall():
            self.assertNotIn(mine.encode(), bytes(sealed))
            self.assertNotIn(mine.removeprefix("whsec_").encode(), bytes(sealed))
        admin = new_test_user(
            self.env, "gate-admin", "healthcare_connector.group_administrator"
        )
        secret = self.source.secret_ids.with_user(admin)
        with self.assertRaises(AccessError):
            secret.read(["sealed"])
        with self.assertRaises(ValidationError):
            self.secrets._issue(self.source, secret="whsec_c2hvcnQ=")

    def test_published_vectors(self):
        files = sorted(VECTORS.glob("*.json")) if VECTORS.is_dir() else []
        if not files:
            self.skipTest("The corpus is not beside this checkout")
        seen = 0
        for path in files:
            vector = json.loads(path.read_text(encoding="utf-8"))
            if not vector["secret"] or vector["payload"] is None:
                continue
            seen += 1
            self.source.secret_ids.sudo().unlink()
            self.secrets._issue(self.source, secret="whsec_" + vector["secret"])
            body = vector["payload"].encode()
            moment = int(vector["headers"]["webhook-timestamp"])
            too_new = "301 s" in vector["expected"]
            with (
                self.subTest(vector=path.name),
                patch.object(clock, "epoch", lambda m=moment - 301 * too_new: m),
            ):
                answer = self.post(body, **vector["headers"])
                # A good signature lets the body through, which is no CloudEvent.
                good = vector["expected"].startswith("valid")
                self.assertEqual(answer.status_code, 400 if good else 403)
                if good:
                    altered = self.post(body + b" ", **vector["headers"])
                    self.assertProblem(altered, 403, "signature")
        self.assertGreaterEqual(seen, 5)


class TestRates(ProtectionCase):
    def test_requests(self):
        self.source.write({"rate_requests": 3, "rate_window": 3600})
        for number in range(3):
            answer = self.post(self.one(20 + number))
            self.assertEqual(answer.status_code, 202)
            self.assertEqual(
                answer.headers["RateLimit-Policy"], '"requests";q=3;w=3600'
            )
            self.assertRegex(
                answer.headers["RateLimit"], rf'^"requests";r={2 - number};t=\d+$'
            )
        answer = self.post(self.one(23))
        self.assertProblem(answer, 429, "rate_limited")
        self.assertLessEqual(int(answer.headers["Retry-After"]), 3661)
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 3500)
        self.assertIn(";r=0;", answer.headers["RateLimit"])
        self.source.rate_requests = 0
        answer = self.post(self.one(23))
        self.assertEqual(answer.status_code, 202)
        self.assertNotIn("RateLimit", answer.headers)

    def test_events(self):
        self.source.write({"rate_events": 4, "rate_window": 3602})
        kind = "application/cloudevents-batch+json"
        batch = [self.one(30 + number) for number in range(3)]
        self.assertEqual(self.post(batch, kind).status_code, 202)
        # Neither more than there is left, nor more than there ever is.
        self.assertProblem(self.post(batch, kind), 429, "rate_limited")
        too_many = [self.one(40 + number) for number in range(5)]
        self.assertProblem(self.post(too_many, kind), 413, "too_many_events")
        self.assertEqual(self.post(batch[:1], kind).status_code, 200)
        self.assertProblem(self.post(batch[:1], kind), 429, "rate_limited")

    def test_what_is_refused_counts_once_and_others_do_not(self):
        self.source.write({"rate_requests": 2, "rate_window": 3601})
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other-rate", "environment": "sandbox"}
        )
        self.assertEqual(self.post(b"{").status_code, 400)
        self.assertEqual(self.post(b"{").status_code, 400)
        self.assertEqual(self.post(b"{").status_code, 429)
        key = other._issue_key()
        self.assertEqual(self.post(self.one(50), key=key).status_code, 202)

    def test_it_slides(self):
        rate = self.env["healthcare.rate"]
        spend = lambda: rate._spend(self.source.id, "slides", 4, 1, 1)  # noqa: E731
        begin = time.monotonic()
        granted = []
        while time.monotonic() - begin < 3:
            if spend().granted:
                granted.append(time.monotonic())
            time.sleep(0.01)
        # All at once first; then as many as leave the window, never more in any.
        self.assertLess(granted[3] - begin, 0.3)
        for first, fifth in zip(granted, granted[4:], strict=False):
            self.assertGreaterEqual(fifth - first, 0.97)
        self.assertGreaterEqual(len(granted), 11)

    def test_wait_is_told(self):
        counts = [1, 0, 2] + [0] * (rates.SLOTS - 3) + [1]
        told = rates.verdict(False, "events", 4, 60, counts, 0.25, 2)
        self.assertEqual((told.remaining, told.reset), (0, 1))
        self.assertEqual(told.wait, 59)  # two leave with the third slot
        self.assertEqual(told.policy, '"events";q=4;w=60')

    def test_without_connections_events_matter_more(self):
        self.source.rate_requests = 1
        with (
            patch(f"{HERE}.models.exchange.rate_limit.aside", side_effect=_pool_full),
            self.assertLogs(f"{HERE}.models.exchange.rate_limit", logging.WARNING),
        ):
            self.assertEqual(self.post(self.one(60)).status_code, 202)


def _pool_full(*_arguments):
    from odoo.sql_db import PoolError

    raise PoolError("full")


class TestIntakeClosed(ProtectionCase):
    def set_param(self, name, value):
        self.env["ir.config_parameter"].set_param(name, value)

    def test_backlog(self):
        self.addCleanup(backlog._found.clear)
        backlog._found.clear()
        waiting = self.env["healthcare.backlog"]._waiting(10**6)
        self.set_param(backlog.LIMIT, str(waiting + 1))
        self.assertEqual(self.post(self.one(70)).status_code, 202)
        backlog._found.clear()
        self.assertEqual(self.post(self.one(71)).status_code, 202)
        # What was found is believed for some seconds.
        self.assertEqual(self.post(self.one(72)).status_code, 202)
        backlog._found.clear()
        answer = self.post(self.one(73))
        self.assertProblem(answer, 503, "backlog")
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.set_param(backlog.LIMIT, "0")
        self.assertEqual(self.post(self.one(73)).status_code, 202)

    def test_all_intake_paused(self):
        self.set_param(backlog.PAUSED, "True")
        answer = self.post(self.one(74))
        self.assertProblem(answer, 503, "intake_paused")
        self.assertIn("Retry-After", answer.headers)
        # What was sent can still be read back.
        self.assertEqual(self.call(f"{EVENTS}?id=none").status_code, 404)
        self.set_param(backlog.PAUSED, False)
        self.assertEqual(self.post(self.one(74)).status_code, 202)


class TestBombs(ProtectionCase):
    def packed(self, body):
        return self.post(body, **{"Content-Encoding": "gzip"})

    def test_compressed(self):
        big = zlib.compressobj(9, wbits=31)
        zeros = b"0" * 1024 * 1024
        bomb = b"".join(big.compress(zeros) for _megabyte in range(200)) + big.flush()
        self.assertLess(len(bomb), 1024 * 1024)  # 1000 to 1
        self.assertProblem(self.packed(bomb), 413, "too_large")
        # A bomb within is data, and no JSON: only one layer is opened.
        self.assertProblem(self.packed(gzip.compress(bomb)), 400, "invalid_encoding")
        self.assertProblem(self.packed(bomb[:-20] * 3), 413, "too_large")
        empty = gzip.compress(b"")
        self.assertProblem(self.packed(empty * 5000), 400, "invalid_compression")
        twice = self.post(bomb, **{"Content-Encoding": "gzip, gzip"})
        self.assertProblem(twice, 415, "unsupported_encoding")

    def test_deep_and_many(self):
        deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
        self.assertProblem(self.post(deep), 400, "too_deep")
        many = b"[" + b"{}," * 5000 + b"{}]"
        kind = "application/cloudevents-batch+json"
        self.assertProblem(self.post(many, kind), 413, "too_many_events")
        lines = b"{}\n" * 5000
        answer = self.post(lines, "application/x-ndjson")
        self.assertProblem(answer, 413, "too_many_events")
        self.source.max_body_bytes = 1000
        self.assertProblem(self.post(b" " * 1001), 413, "too_large")
        self.source.max_depth = 5
        self.assertProblem(self.post(b'{"a":' * 7 + b"1" + b"}" * 7), 400, "too_deep")


class TestHandshake(ProtectionCase):
    def ask(self, origin=None, path=EVENTS, **headers):
        if origin:
            headers["WebHook-Request-Origin"] = origin
        return self.url_open(path, headers=headers, method="OPTIONS")

    def test_without_a_list_all_are_welcome(self):
        answer = self.ask("eventemitter.example.com", **{"WebHook-Request-Rate": "120"})
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Allow"], "GET, OPTIONS, POST")
        allowed = answer.headers["WebHook-Allowed-Origin"]
        self.assertEqual(allowed, "eventemitter.example.com")
        self.assertEqual(answer.headers["WebHook-Allowed-Rate"], "*")
        self.assertNotIn("Set-Cookie", answer.headers)
        self.assertFalse(answer.content)

    def test_lists(self):
        others = self.env["healthcare.source"].search([("id", "!=", self.source.id)])
        others.allowed_origins = "nobody.example"
        self.source.write(
            {
                "allowed_origins": "eventgrid.azure.net, *.example.com",
                "rate_requests": 30,
                "rate_window": 10,
            }
        )
        for origin, welcome in (
            ("eventgrid.azure.net", True),
            ("EventGrid.Azure.net", True),
            ("one.example.com", True),
            ("example.com", False),
            ("badexample.com", False),
            ("eventgrid.azure.net.evil.example", False),
        ):
            answer = self.ask(origin)
            with self.subTest(origin=origin):
                self.assertEqual(answer.status_code, 200)
                self.assertEqual("WebHook-Allowed-Origin" in answer.headers, welcome)
                rate = answer.headers.get("WebHook-Allowed-Rate")
                self.assertEqual(rate, "180" if welcome else None)
        with self.assertRaises(ValidationError):
            self.source.allowed_origins = "not a name"

    def test_only_what_takes_events_gives_consent(self):
        self.assertNotIn("WebHook-Allowed-Origin", self.ask().headers)
        answer = self.ask("a.example", f"{EVENTS}/some-uuid")
        self.assertEqual(answer.headers["Allow"], "GET, OPTIONS")
        self.assertNotIn("WebHook-Allowed-Origin", answer.headers)
        self.assertNotIn("WebHook-Allowed-Origin", self.ask("a b\tc").headers)
