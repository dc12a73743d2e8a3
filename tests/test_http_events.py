"""The endpoints as a vendor sees them: status codes, receipts, keys, hostile input."""

import gzip
import json
import os
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

from odoo import fields
from odoo.tests import tagged

from odoo.addons.healthcare_connector.models.exchange.keyring import (
    ENVIRONMENT_VARIABLE,
)

from .common import appointment_data, event, patient_data
from .http_common import EVENTS, EndpointCase

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpora" / "json"


@tagged("post_install", "-at_install")
class TestEventsEndpoint(EndpointCase):
    # -- content modes ----------------------------------------------------------

    def test_structured_then_duplicate_then_conflict(self):
        one = event("registration.created", patient_data("H-1"))
        answer = self.post(one)
        self.assertEqual(answer.status_code, 202, answer.text)
        self.assertEqual(answer.json()["accepted"], 1)
        receipt = answer.json()["receipts"][0]
        self.assertEqual(receipt["id"], one["id"])
        self.assertEqual(self.post(one).status_code, 200)
        one["time"] = "2026-03-02T11:00:00Z"
        refused = self.post(one)
        self.assertEqual(refused.status_code, 409)
        self.assertEqual(refused.headers["Content-Type"], "application/problem+json")
        self.assertEqual(refused.json()["receipts"][0]["errors"][0]["code"], "conflict")
        status = self.call(receipt["status_url"]).json()
        place, uuid = receipt["status_url"].rsplit("/", 1)
        self.assertEqual(self.call(f"{place}/{uuid.upper()}").json(), status)
        self.assertEqual(status["status"], "received")
        self.assertEqual(status["type"], one["type"])
        by_id = self.call(f"{EVENTS}?id={one['id']}").json()
        self.assertEqual(by_id["event"], receipt["event"])

    def test_every_content_mode(self):
        one, two, three, four, five = (
            event("registration.created", patient_data(f"H-2{letter}"))
            for letter in "abcde"
        )
        ndjson = "\n".join(json.dumps(item) for item in (one, two)).encode()
        self.assertEqual(
            self.post(ndjson, "application/x-ndjson").json()["accepted"], 2
        )
        batch = self.post([three], "application/cloudevents-batch+json")
        self.assertEqual(batch.json()["accepted"], 1)
        self.assertEqual(self.post([four, one], "application/json").status_code, 202)
        data = five.pop("data")
        binary = {f"ce-{name}": quote(value) for name, value in five.items()}
        answer = self.post(data, "application/json", **binary)
        self.assertEqual(answer.status_code, 202, answer.text)
        packed = gzip.compress(json.dumps(one).encode())
        again = self.post(packed, **{"Content-Encoding": "gzip"})
        self.assertEqual(again.json()["duplicate"], 1)

    # -- refusals ---------------------------------------------------------------

    def test_refusals_have_their_status_and_name_no_value(self):
        one = event("registration.created", patient_data("H-3", birth_date="Unsinn"))
        refused = self.post(one)
        self.assertEqual(refused.status_code, 422)
        self.assertEqual(
            refused.json()["errors"][0]["pointer"], "/data/patient/birth_date"
        )
        self.assertNotIn("Unsinn", refused.text)
        for body, content_type, status in (
            (b"{", "application/cloudevents+json", 400),
            (b'{"a":1,"a":2}', "application/cloudevents+json", 400),
            (b'{"a":NaN}', "application/cloudevents+json", 400),
            (b"[" * 100 + b"]" * 100, "application/json", 400),
            (b'{"a":1}', "application/cloudevents+json", 400),
            (b"a=1", "text/plain", 415),
            (b"x" * (6 * 1024 * 1024), "application/json", 413),
            (gzip.compress(b" " * (6 * 1024 * 1024)), "application/json", None),
        ):
            headers = {"Content-Encoding": "gzip"} if status is None else {}
            answer = self.post(body, content_type, **headers)
            with self.subTest(content_type=content_type, size=len(body)):
                self.assertEqual(answer.status_code, status or 413, answer.text[:300])
                self.assertEqual(
                    answer.headers["Content-Type"], "application/problem+json"
                )

    def test_too_many_events_and_mixed_batches(self):
        self.source.max_batch_events = 2
        good = event("registration.created", patient_data("H-4"))
        bad = event("registration.created", patient_data("H-5", birth_date="x"))
        kind = "application/cloudevents-batch+json"
        self.assertEqual(self.post([good, good, good], kind).status_code, 413)
        mixed = self.post([good, bad], kind)
        self.assertEqual(mixed.status_code, 202)
        self.assertEqual(
            [receipt["status"] for receipt in mixed.json()["receipts"]],
            ["accepted", "rejected"],
        )

    def test_paused_source_and_missing_keyring(self):
        one = event("registration.created", patient_data("H-6"))
        self.source.paused = True
        answer = self.post(one)
        self.assertEqual(answer.status_code, 503)
        self.assertIn("Retry-After", answer.headers)
        self.source.paused = False
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: "/nowhere/keyring.json"}):
            answer = self.post(one)
            ready = self.url_open("/healthcare/health/ready")
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(ready.status_code, 503)
        self.assertEqual(self.url_open("/healthcare/health/ready").status_code, 200)

    # -- keys -------------------------------------------------------------------

    def test_only_own_scoped_keys_open(self):
        keys = self.env["res.users.apikeys"].with_user(self.source.user_id).sudo()
        soon = fields.Datetime.now() + timedelta(days=1)
        cases = {
            "f" * 40: 401,
            keys._generate("rpc", "rpc", soon): 401,
            keys._generate(None, "no scope", soon): 401,
            self.source._issue_key("healthcare.status"): 403,
            self.env["res.users.apikeys"]
            .with_user(self.env.ref("base.user_admin"))
            .sudo()
            ._generate("healthcare.events", "of nobody's source", soon): 401,
        }
        one = event("registration.created", patient_data("H-7"))
        for key, status in cases.items():
            answer = self.post(one, key=key)
            self.assertEqual(answer.status_code, status, answer.text)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            self.assertEqual("WWW-Authenticate" in answer.headers, status == 401)
            self.assertNotIn("Set-Cookie", answer.headers)
        self.assertEqual(self.post(one).status_code, 202)
        rpc = self.url_open(
            "/json/2/res.partner/search",
            data=json.dumps({"domain": []}),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
            },
        )
        self.assertEqual(rpc.status_code, 401)

    def test_revoked_and_expired_keys_stop_at_once(self):
        one = event("registration.created", patient_data("H-8"))
        key = self.source._issue_key(name="soon gone")
        self.assertEqual(self.post(one, key=key).status_code, 202)
        row = self.env["res.users.apikeys"].search([("name", "=", "soon gone")])
        self.env.cr.execute(
            "UPDATE res_users_apikeys SET expiration_date = '2020-01-01' WHERE id = %s",
            [row.id],
        )
        self.assertEqual(self.post(one, key=key).status_code, 401)
        key = self.source._issue_key(name="removed")
        self.assertEqual(self.post(one, key=key).status_code, 200)
        self.env["res.users.apikeys"].search([("name", "=", "removed")]).sudo().unlink()
        self.assertEqual(self.post(one, key=key).status_code, 401)

    def test_environment_and_network(self):
        one = event("registration.created", patient_data("H-9"))
        self.source.environment = "production"
        self.assertEqual(self.post(one).status_code, 403)
        self.source.environment = "sandbox"
        self.source.allowed_networks = "10.0.0.0/8"
        self.assertEqual(self.post(one).status_code, 403)
        self.source.allowed_networks = "10.0.0.0/8, 127.0.0.0/8"
        self.assertEqual(self.post(one).status_code, 202)

    def test_a_source_sees_its_own_events_only(self):
        receipt = self.post(event("registration.created", patient_data("H-10"))).json()[
            "receipts"
        ][0]
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other", "environment": "sandbox"}
        )
        answer = self.call(receipt["status_url"], key=other._issue_key())
        self.assertEqual(answer.status_code, 404)
        same_id = event("registration.created", patient_data("H-11"), id=receipt["id"])
        self.assertEqual(self.post(same_id, key=other._issue_key()).status_code, 202)

    # -- surroundings -----------------------------------------------------------

    def test_no_cookie_no_html(self):
        answer = self.post(event("appointment.booked", appointment_data("H-1", "X-1")))
        self.assertNotIn("Set-Cookie", answer.headers)
        for path, method, status, allowed in (
            ("/healthcare/v1/nothing", "GET", 404, None),
            ("/healthcare/v1/nothing", "DELETE", 404, None),
            ("/healthcare/v1/events", "DELETE", 405, "GET, HEAD, POST, OPTIONS"),
            ("/healthcare/v1/events", "TRACE", 405, "GET, HEAD, POST, OPTIONS"),
            ("/healthcare/v1/openapi.json", "POST", 405, "GET, HEAD, OPTIONS"),
            ("/healthcare/v1/events/not-a-uuid", "GET", 404, None),
        ):
            answer = self.call(path, method=method)
            self.assertEqual(answer.status_code, status, path)
            self.assertEqual(answer.headers.get("Allow"), allowed)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_numbers_with_a_bar_are_found(self):
        """Of system and value each may hold the mark that stands between them."""
        patient = self.env["res.partner"].create({"name": "Bar"})
        key = self.source._issue_key(["healthcare.status"])
        for system, value in (("urn:x|1.0", "M-1"), ("urn:x", "A|7/é"), ("urn:x", "0")):
            self.env["healthcare.patient.identifier"].create(
                {"system": system, "value": value, "partner_id": patient.id}
            )
            place = quote(f"{system}|{value}", safe="")
            answer = self.call(f"/healthcare/v1/accounts/{place}/invoices", key=key)
            self.assertEqual(answer.status_code, 200, place)
            self.assertEqual(answer.json(), {"invoices": []})
        for place, status in (("urn%3Ax%7CA", 404), ("%7CA", 400), ("A", 400)):
            answer = self.call(f"/healthcare/v1/accounts/{place}/invoices", key=key)
            self.assertEqual(answer.status_code, status, place)

    def test_json_that_is_no_event_is_kept(self):
        """An array under the type of a single event is refused, and not lost."""
        told = event("appointment.booked", appointment_data("K-1", "X-1"))
        answer = self.post([told])
        self.assertProblem(answer, 400, "invalid_cloudevent")
        (receipt,) = answer.json()["receipts"]
        self.assertEqual(receipt["status"], "rejected")
        kept = self.env["healthcare.event"].search([("uuid", "=", receipt["event"])])
        self.assertEqual(kept.exception_ids.category, "schema_mismatch")
        self.assertNotIn("K-1", answer.text)

    def test_schemas_are_public(self):
        answer = self.url_open("/healthcare/v1/schemas/registration.created/1.0")
        self.assertEqual(answer.status_code, 200)
        self.assertIn("properties", answer.json())
        missing = self.url_open("/healthcare/v1/schemas/registration.created/9.9")
        self.assertEqual(missing.status_code, 404)

    def test_the_description_tells_every_route(self):
        document = self.url_open("/healthcare/v1/openapi.json").json()
        self.assertEqual(document["openapi"], "3.1.0")
        operations = document["paths"]["/healthcare/v1/events"]
        self.assertEqual(set(operations), {"get", "options", "post"})
        self.assertIn("422", operations["post"]["responses"])
        self.assertIn("/healthcare/v1/events/{uuid}", document["paths"])
        self.assertIn(
            "/healthcare/v1/appointments/{identifier}/clearance", document["paths"]
        )

    def test_hostile_corpus_is_answered(self):
        files = sorted(p for p in CORPUS.rglob("*") if p.is_file())
        if not files:
            self.skipTest("The corpus is not beside this checkout")
        types = ("application/json", "application/cloudevents+json")
        for path in files:
            body = path.read_bytes()
            for content_type in types:
                answer = self.post(body, content_type)
                with self.subTest(file=path.name, content_type=content_type):
                    self.assertGreaterEqual(answer.status_code, 200)
                    self.assertLess(answer.status_code, 500)
                    answer.json()
