"""What tests of delivery share: a receiver that answers as told, facts to send."""

import gzip
import http.server
import json
import threading
import time
import uuid
from concurrent import futures
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from odoo.addons.healthcare_connector.core.protection import signatures

from .common import HealthcareCase


class Endpoint:
    """A small analytics receiver that answers as told."""

    def __init__(self, context=None):
        self.requests = []  # (headers, body, documents)
        self.paths = []
        self.answers = []  # statuses to give first, then 200
        self.judge = None  # called with documents; returns a status or (status, body)
        self.headers = {}
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                text = gzip.decompress(body)
                documents = endpoint.parse(text)
                endpoint.requests.append((dict(self.headers), body, documents))
                endpoint.paths.append(self.path)
                status, answer = endpoint.answer(documents)
                self.send_response(status)
                for name, value in endpoint.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_args):
                """Say nothing on stderr."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if context:
            scheme, listening = "https", self.server.socket
            self.server.socket = context.wrap_socket(listening, server_side=True)
            self.server.handle_error = lambda *_args: None  # refused handshakes
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}/facts"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def parse(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def answer(self, documents):
        if self.answers:
            return self.answers.pop(0), b""
        answer = self.judge(documents) if self.judge else 200
        return answer if isinstance(answer, tuple) else (answer, b"")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Inline:
    """Writes ahead at once: in a test no other connection sees what there is."""

    def submit(self, _function, env, trip):
        future = futures.Future()
        future.set_result(env["healthcare.delivery"]._write_ahead(trip))
        return future

    def shutdown(self, **_options):
        """Nothing runs."""


def take(deliveries):
    """Have targets take what is in line, as if it had been sent; return the batches."""
    made = batches = deliveries.env["healthcare.delivery.batch"]
    for target, ones in deliveries.grouped("target_id").items():
        batch = batches.create(
            {
                "uuid": str(uuid.uuid4()),
                "target_id": target.id,
                "facts": ones.fact_id.sorted("id").ids,
                "opened_at": fields.Datetime.now(),
            }
        )
        batch.env.flush_all()
        batch._note_taken(200, time.monotonic())
        batch.env.flush_all()
        made |= batch
    return made


def put_back(facts, target, state="pending"):
    """Have facts in line for a target, or set aside; return the deliveries."""
    deliveries = facts.env["healthcare.delivery"]
    rows = [(one.id, one.key, one.fact_type) for one in facts]
    deliveries._put_in_line(target, rows)
    found = deliveries.search(
        [("fact_id", "in", facts.ids), ("target_id", "=", target.id)]
    )
    found.state = state
    found.flush_recordset()
    return found


def had(facts, target):
    """Return those facts that a target was to get, whether it has them or not."""
    return facts.filtered(
        lambda one: target in (one.delivery_ids.target_id | one.receipt_ids.target_id)
    )


@tagged("post_install", "-at_install")
class DeliveryCase(HealthcareCase):
    """A target, a receiver, a patient to tell of, and one turn of the job at a time."""

    def setUp(self):
        super().setUp()
        self.endpoint = Endpoint()
        self.addCleanup(self.endpoint.close)
        # One turn of the job at a time; test_a_retry_due_soon_is_awaited lets it wait.
        deliveries = type(self.env["healthcare.delivery"])
        self.impatient = patch.object(deliveries, "_await_probe", lambda *_args: False)
        self.impatient.start()
        patch.object(deliveries, "_writers", lambda *_args: Inline()).start()
        self.addCleanup(patch.stopall)
        self.secret = signatures.generate_secret()
        self.target = self.env["healthcare.target"].create(
            {"name": "Warehouse", "url": self.endpoint.url, "secret": self.secret}
        )
        self.patient = self.env["res.partner"].create(
            {
                "name": "Zephyrine Quillfeather",
                "healthcare_is_patient": True,
                "healthcare_birth_date": "1931-07-19",
            }
        )

    def emit(self, **values):
        self.env["healthcare.fact"]._emit(
            "registration",
            [
                {
                    "document": self.patient,
                    "patient": self.patient,
                    "values": {
                        "sex": "female",
                        "birth_date": "1931-07-19",
                        "postal_code": "12345",
                        "country": "US",
                        **values,
                    },
                }
            ],
        )
        return self.env["healthcare.fact"].search([], limit=1)

    def make(self, *names):
        """Tell of so many patients; each fact's payer is the patient's name."""
        patients = self.env["res.partner"].create(
            [{"name": name, "healthcare_is_patient": True} for name in names]
        )
        self.tell(patients)
        return patients

    def tell(self, patients, **values):
        """Return the facts, one of each patient, in their order."""
        self.env["healthcare.fact"]._emit(
            "registration",
            [
                {
                    "document": patient,
                    "patient": patient,
                    "values": {"payer": patient.name, **values},
                }
                for patient in patients
            ],
        )
        found = self.env["healthcare.fact"].search([], limit=len(patients))
        return found.sorted("id")

    def delivery(self, fact):
        return fact.delivery_ids.filtered(lambda one: one.target_id == self.target)

    def receipts(self, fact):
        return fact.receipt_ids.filtered(lambda one: one.target_id == self.target)

    def deliver(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("healthcare_connector.cron_deliver").method_direct_trigger()
        self.env.invalidate_all()

    def probe_now(self):
        self.target.open_until = fields.Datetime.now() - timedelta(seconds=1)
