"""Hostile use of what is open to vendors: values, paths, headers, keys, exports."""

import base64
import contextlib
import copy
import io
import json
import logging
import re
import socket
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import openpyxl

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.http import Request
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.healthcare_connector.controllers.responses import OPERATIONS
from odoo.addons.healthcare_connector.core.errors import SignatureError
from odoo.addons.healthcare_connector.core.protection import signatures

from .common import HealthcareCase, event, patient_data
from .http_common import BASE, EVENTS, EndpointCase

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
#: What is put in place of each text that an event has.
TEXTS = (
    "'; DROP TABLE healthcare_event; --",
    "' OR '1'='1",
    "%s %(name)s %n {0} {self.env}",
    "{{7*7}} ${7*7} <t t-out='7*7'/> #{7*7}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '=HYPERLINK("http://x.example")',
    "../../../../etc/passwd",
    "..\\..\\x",
    "a\r\nSet-Cookie: x=1\r\n\r\nINFO forged line",
    "\u202e\ufeff\U0001f600e\u0301\u2028",
    "9" * 400,
    "1e999999",
    "-0",
    "NaN",
    "x" * 20_000,
    "2026-02-30T25:61:61Z",
    "0000-00-00",
    "9999-12-31T23:59:59-14:00",
)
NUMBERS = (10**15, -1, 1e308, 0, 2**63, 0.1 + 0.2, 1e-300)


def leaves(value, path=()):
    """Yield the path of each text and number in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    elif not isinstance(value, bool) and value is not None:
        yield path


def put(document, path, value):
    """Return a copy of a document with another value at a path."""
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


@tagged("post_install", "-at_install")
class TestHostileValues(HealthcareCase):
    def test_any_value_in_any_field(self):
        """Refused, parked or taken as it stands; never a fault, never run."""
        partners = self.env["res.partner"].search_count([])
        sent, number = [], 0
        for path in sorted(SCHEMAS.glob("*/examples/full.json")):
            example = json.loads(path.read_text())
            # example files hold the event, or what it carries
            data = example.get("data", example)
            for place in leaves(data):
                kinds = NUMBERS if number % 5 == 0 else TEXTS
                value = kinds[number % len(kinds)]
                number += 1
                hostile = put(data, place, value)
                name = path.parent.parent.name
                sent.append(event(name, hostile, id=f"hostile-{number}"))
        self.assertGreater(len(sent), 150)
        receipts = []
        for start in range(0, len(sent), 100):
            receipts += self.send(*sent[start : start + 100])
        self.assertEqual(len(receipts), len(sent))
        self.process()
        events = self.events([one for one in receipts if one.event])
        states = set(events.mapped("state"))
        self.assertLessEqual(states, {"done", "exception", "waiting"}, states)
        troubles = events.exception_ids.filtered(
            lambda issue: issue.category == "retry_exhausted"
        )
        self.assertFalse(troubles.mapped("reason"))
        # what was taken was taken as a text
        self.assertGreaterEqual(self.env["res.partner"].search_count([]), partners)
        for issue in events.exception_ids:
            self.assertNotIn("alert(1)", issue.reason or "")

    def test_envelopes(self):
        good = event("registration.created", patient_data("HE-1"))
        for name in ("id", "source", "type", "time", "subject", "partitionkey"):
            for number, text in enumerate((*TEXTS, *NUMBERS, None, [], {})):
                hostile = {**good, "id": f"he-{name}-{number}", name: text}
                self.send(hostile)
        self.process()
        sources = self.env["healthcare.event"].search(
            [("source_id", "=", self.source.id)]
        )
        self.assertFalse(sources.filtered(lambda one: one.state == "retrying"))

    def test_ids_cannot_forge_lines_of_the_log(self):
        forged = "x\r\n2026-01-01 00:00:00,000 1 CRITICAL db odoo: forged"
        with self.assertLogs("odoo.addons.healthcare_connector", "DEBUG") as logs:
            logging.getLogger("odoo.addons.healthcare_connector").info("begin")
            self.play(
                event("registration.created", patient_data("HL-1"), id=forged),
                event("registration.created", patient_data(forged)),
                event("appointment.booked", {"facility": forged}, id="hl-3"),
            )
        for line in logs.output:
            self.assertNotIn("\n", line)
            self.assertNotIn("forged", line)

    def test_a_source_takes_no_other_user(self):
        admin = new_test_user(
            self.env, "hostile-admin", "healthcare_connector.group_administrator"
        )
        sources = self.env["healthcare.source"].with_user(admin)
        target = self.env.ref("base.user_admin")
        with self.assertRaises(ValidationError):
            sources.create({"name": "X", "code": "hostile-x", "user_id": target.id})
        with self.assertRaises(ValidationError):
            self.source.with_user(admin).user_id = target

    def test_mass_assignment(self):
        """Fields that we set ourselves are not to be set by RPC."""
        operator = new_test_user(
            self.env,
            "hostile-operator",
            "base.group_user,healthcare_connector.group_operator",
        )
        events = self.play(event("registration.created", patient_data("HM-1")))
        issue = self.events(
            self.send(event("registration.created", {"facility": "NORTH"}))
        ).exception_ids
        attempts = (
            (events, {"state": "done"}),
            (events, {"body": base64.b64encode(b"x")}),
            (events, {"source_id": False}),
            (issue, {"state": "resolved"}),
            (issue, {"event_id": events.id}),
            (issue, {"amount_at_risk": 0}),
            (self.source, {"paused": True}),
            (self.source, {"signature_required": False}),
            (events.log_ids[:1], {"outcome": "done"}),
        )
        for record, values in attempts:
            with self.assertRaises(AccessError, msg=str(values)):
                record.with_user(operator).write(values)
        for model in (
            "healthcare.event",
            "healthcare.exception",
            "healthcare.sync.log",
            "healthcare.fact",
            "healthcare.source.secret",
            "healthcare.payload.access",
        ):
            with self.assertRaises(AccessError, msg=model):
                self.env[model].with_user(operator).create({})
        for model in ("healthcare.key.wizard", "healthcare.secret.wizard"):
            with self.assertRaises(AccessError, msg=model):
                self.env[model].with_user(operator).create(
                    {"source_id": self.source.id}
                )


@tagged("post_install", "-at_install")
class TestHostileHttp(EndpointCase):
    def assertOurs(self, answer, *statuses):
        """An answer of ours, that repeats nothing and breaks nothing."""
        self.assertIn(answer.status_code, statuses, answer.text[:300])
        self.assertIn("json", answer.headers["Content-Type"], answer.url[:300])
        self.assertNotIn("Traceback", answer.text)
        self.assertNotIn("Set-Cookie", answer.headers)

    def test_no_endpoint_opens_to_a_wrong_key(self):
        status_key = self.source._issue_key("healthcare.status")
        metrics_key = self.source._issue_key("healthcare.metrics")
        # Odoo's own keys of the same user open nothing of ours, nor ours of his
        rpc_key = (
            self.env["res.users.apikeys"]
            .with_user(self.source.user_id)
            .sudo()
            ._generate("rpc", "x", fields.Datetime.add(fields.Datetime.now(), days=1))
        )
        tested = 0
        for operation in OPERATIONS:
            if operation.auth == "none":
                continue
            tested += 1
            path = re.sub(r"<[^>]*>", "x", operation.path)
            body = b"{}" if operation.verb.lower() == "post" else None
            for header in (
                {},
                {"Authorization": "Bearer "},
                {"Authorization": "Bearer " + "0" * 40},
                {"Authorization": "Bearer ' OR 1=1 --"},
                {"Authorization": "Bearer " + "a" * 6000},
                {"Authorization": "Basic YWRtaW46YWRtaW4="},
                {"Authorization": f"bearer{self.key}"},
                {"Authorization": f"Bearer {self.key[:-1]}"},
                {"X-Api-Key": self.key},
            ):
                answer = self.url_open(
                    path, data=body, headers=header, method=operation.verb.upper()
                )
                self.assertOurs(answer, 401)
            wrong = {"healthcare_events": (status_key, metrics_key)}.get(
                operation.auth, (self.key,)
            )
            for key in (*wrong, rpc_key):
                answer = self.call(path, body, key=key, method=operation.verb.upper())
                self.assertOurs(answer, 401, 403)
        self.assertGreater(tested, 6)

    def test_our_keys_open_no_rpc(self):
        answer = self.url_open(
            "/json/2/res.partner/search_read",
            data=b'{"domain": []}',
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
            },
            method="POST",
        )
        self.assertIn(answer.status_code, (401, 403))

    def test_tricks_in_paths(self):
        status_key = self.source._issue_key("healthcare.status")
        names = (
            *("..%2F..%2Fetc%2Fpasswd", "%00", "x%00y", "%0d%0aSet-Cookie:%20a=b"),
            *("'%20OR%201=1--", "%25s", "a" * 3000, "%ff%fe", "{{7*7}}", "..;"),
            *("urn:x%7C'%22%3B--", "%7C", "%7C%7C%7C", "x%7C" + "9" * 500),
        )
        for name in names:
            for path, key in (
                (f"{EVENTS}/{name}", self.key),
                (f"{EVENTS}?id={name}", self.key),
                (f"{BASE}/accounts/{name}/invoices", status_key),
                (f"{BASE}/appointments/{name}/clearance", status_key),
                (f"{BASE}/schemas/{name}/1.0", self.key),
                (f"{BASE}/schemas/registration.created/{name}", self.key),
                (f"{BASE}/{name}", self.key),
            ):
                with self.subTest(path=path[:80]):
                    answer = self.call(path, key=key)
                    if "%0d" in name:  # no route has a line end: Odoo's own 404
                        self.assertEqual(answer.status_code, 404)
                        self.assertNotIn("a=b", str(answer.headers))
                        continue
                    self.assertOurs(answer, 400, 404)
                    self.assertNotIn("root:", answer.text)
                    self.assertNotIn("49", answer.text.replace(name, ""))

    def test_an_event_of_another_is_not_there(self):
        receipt = self.post(event("registration.created", patient_data("I-1")))
        receipt = receipt.json()["receipts"][0]
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other-http", "environment": "sandbox"}
        )
        key = other._issue_key()
        answers = [
            self.call(path, key=key)
            for path in (
                receipt["status_url"],
                f"{EVENTS}?id={receipt['id']}",
                f"{EVENTS}/00000000-0000-4000-8000-000000000000",
            )
        ]
        # What is another's and what does not exist are the same to a caller.
        for answer in answers:
            self.assertOurs(answer, 404)
            self.assertEqual(answer.json(), answers[-1].json())

    def test_forged_and_replayed_signatures(self):
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other-signed", "environment": "sandbox"}
        )
        secrets = self.env["healthcare.source.secret"]
        mine, foreign = secrets._issue(self.source), secrets._issue(other)
        self.source.signature_required = True
        body = json.dumps(event("registration.created", patient_data("S-1"))).encode()
        now = int(fields.Datetime.now().timestamp())

        def send(secret, message="msg-1", body=body, signed=body, at=now, **changes):
            headers = {
                "webhook-id": message,
                "webhook-timestamp": str(at),
                "webhook-signature": signatures.sign([secret], message, at, signed),
                **{name.replace("_", "-"): value for name, value in changes.items()},
            }
            return self.post(body, **headers)

        self.assertEqual(send(mine).status_code, 202)
        # replayed as it was: nothing more comes of it
        self.assertEqual(send(mine).status_code, 200)
        changed = body.replace(b"S-1", b"S-2")
        good = signatures.sign([mine], "msg-1", now, body)
        for answer in (
            send(foreign),
            send(mine, body=changed),
            send(mine, webhook_id="msg-2"),
            send(mine, webhook_timestamp=str(now + 1)),
            send(mine, at=now - 3600),
            send(mine, at=now + 3600),
            send(mine, webhook_timestamp="9" * 400),
            send(mine, webhook_timestamp=f"+{now}"),
            send(mine, webhook_id=""),
            send(mine, webhook_signature=""),
            send(mine, webhook_signature="v1,"),
            send(mine, webhook_signature="v1a," + good[3:]),
            send(mine, webhook_signature=good[:-4] + "AAAA"),
            send(mine, webhook_signature=" ".join(["v1,QUJD"] * 500)),
        ):
            self.assertProblem(answer, 403, "signature")
        found = self.env["healthcare.event"].search(
            [("source_id", "=", self.source.id)]
        )
        self.assertEqual(len(found), 1)

    def test_signatures_are_compared_to_the_end(self):
        secrets = [signatures.generate_secret() for _number in range(3)]
        signed = signatures.sign(secrets, "m", 1000, b"body")
        headers = {
            "webhook-id": "m",
            "webhook-timestamp": "1000",
            "webhook-signature": signed,
        }
        real = signatures.hmac.compare_digest
        with patch.object(signatures.hmac, "compare_digest", side_effect=real) as seen:
            signatures.verify(secrets, headers, b"body", now=1000)
            self.assertEqual(seen.call_count, 9)
            with self.assertRaises(SignatureError):
                signatures.verify(secrets, headers, b"other", now=1000)
            self.assertEqual(seen.call_count, 18)

    def test_forwarded_addresses_are_not_believed(self):
        self.source.allowed_networks = "203.0.113.0/24"
        one = event("registration.created", patient_data("N-1"))
        self.assertEqual(
            self.post(
                one,
                X_Forwarded_For="203.0.113.7",
                X_Forwarded_Host="example.com",
                X_Real_IP="203.0.113.7",
                Forwarded="for=203.0.113.7",
            ).status_code,
            403,
        )

    def raw(self, *lines, body=b"", wait=3):
        """Send bytes as they are; return all that comes back until it closes."""
        parts = urlsplit(self.base_url())
        head = "\r\n".join([f"POST {EVENTS} HTTP/1.1", "Host: x", *lines, "", ""])
        place = (parts.hostname, parts.port)
        # allow_requests: Odoo answers none of a test that does not show its cookie
        with (
            self.allow_requests(all_requests=True),
            socket.create_connection(place, wait) as sock,
        ):
            sock.sendall(head.encode("latin-1") + body)
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                while part := sock.recv(65536):
                    answer += part
        return answer

    @mute_logger("werkzeug", "odoo.http")
    def test_smuggled_requests(self):
        """A request hidden in the body of another is never answered."""
        one = json.dumps(event("registration.created", patient_data("W-1"))).encode()
        hidden = f"GET {BASE}/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        key = f"Authorization: Bearer {self.key}"
        kind = "Content-Type: application/cloudevents+json"
        length = f"Content-Length: {len(one)}"
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(one), one)
        for lines, body in (
            ((key, kind, length, "Transfer-Encoding: chunked"), chunked + hidden),
            ((key, kind, length, length, "Content-Length: 5"), one + hidden),
            ((key, kind, "Content-Length: 5", length), one + hidden),
            ((key, kind, "Content-Length: -1"), one + hidden),
            ((key, kind, "Content-Length: 1e3"), one + hidden),
            ((key, kind, f"Content-Length: +{len(one)}"), one + hidden),
            ((key, kind, "Transfer-Encoding: chunked, identity"), chunked + hidden),
            ((key, kind, "Transfer-Encoding : chunked", length), chunked + hidden),
            ((key, kind, length, "X-A: b\nContent-Length: 0"), one + hidden),
        ):
            with self.subTest(lines=lines[2:]):
                answer = self.raw(*lines, body=body)
                self.assertLessEqual(answer.count(b"HTTP/1.1 "), 1, answer[:2000])
                self.assertNotIn(b'"openapi"', answer)
                self.assertNotIn(b"HTTP/1.1 5", answer)

    @mute_logger("werkzeug", "odoo.http")
    def test_what_is_cut_off_is_not_taken(self):
        """A client that ends before it has sent what it announced has sent nothing."""
        key = f"Authorization: Bearer {self.key}"
        kind = "Content-Type: application/x-ndjson"
        for number, cut in enumerate((0, 1, 40)):
            one = event("registration.created", patient_data("T-1"), id=f"cut-{number}")
            text = json.dumps(one).encode() + b"\n"
            # What arrives may be an event by itself; of a batch, others would lack.
            whole = text * 2
            sent = whole[: len(text) + cut]
            with self.subTest(cut=cut):
                answer = self.raw(key, kind, f"Content-Length: {len(whole)}", body=sent)
                self.assertNotIn(b"HTTP/1.1 2", answer[:2000])
                self.assertNotIn(b"HTTP/1.1 5", answer[:2000])
                chunks = b"%x\r\n%s\r\n" % (len(sent), sent)
                answer = self.raw(key, kind, "Transfer-Encoding: chunked", body=chunks)
                self.assertNotIn(b"HTTP/1.1 5", answer[:2000])
        stored = self.env["healthcare.event"].search_count(
            [("external_id", "=like", "cut-%")]
        )
        self.assertFalse(stored)
        answer = self.raw(key, kind, f"Content-Length: {len(text)}", body=text)
        self.assertIn(b"HTTP/1.1 202", answer[:100], "else nothing was tried")


@tagged("post_install", "-at_install")
class TestHostileExport(HttpCase):
    NAMES = (
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(1)",
        "\t=1+1",
        '=HYPERLINK("http://x.example","y")',
    )

    def export(self, kind, **more):
        partners = self.env["res.partner"].create(
            [
                {"name": f"N{number}", "ref": name}
                for number, name in enumerate(self.NAMES)
            ]
        )
        # as stored by whatever way, without the trimming of some fields
        self.authenticate("admin", "admin")
        data = {
            "model": "res.partner",
            "fields": [{"name": "ref", "label": "=2+2", "type": "char"}],
            "ids": partners.ids,
            "domain": [],
            "groupby": [],
            "import_compat": False,
            "context": {},
            **more,
        }
        answer = self.url_open(
            f"/web/export/{kind}",
            data={"data": json.dumps(data), "csrf_token": Request.csrf_token(self)},
        )
        self.assertEqual(answer.status_code, 200)
        return answer

    def cells(self, answer):
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        return [cell for row in book.active.iter_rows() for cell in row]

    def test_sheets(self):
        for more in ({}, {"groupby": ["ref"]}):
            cells = self.cells(self.export("xlsx", **more))
            self.assertGreaterEqual(len(cells), len(self.NAMES))
            self.assertFalse([cell for cell in cells if cell.data_type == "f"])

    def test_csv(self):
        lines = self.export("csv").text.splitlines()[1:]
        self.assertEqual(len(lines), len(self.NAMES))
        for line in lines:
            self.assertRegex(line, r'^"\'')
