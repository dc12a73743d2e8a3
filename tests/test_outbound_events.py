"""Events that we raise: once, to who subscribes, as CloudEvents, without PHI."""

import gzip
import json
from unittest.mock import patch

import requests

from odoo.exceptions import ValidationError

from odoo.addons.healthcare_connector.core.analytics import announcements
from odoo.addons.healthcare_connector.core.protection import outbound, signatures

from .payment_common import PaymentCase
from .workflow_common import event

EVERY_DAY = ("exception.raised", "exception.resolved")


class TestOutboundEvents(PaymentCase):
    def setUp(self):
        super().setUp()
        self.secret = signatures.generate_secret()
        self.target = self.target_of("Portal", secret=self.secret)

    def target_of(self, name, **values):
        return self.env["healthcare.target"].create(
            {
                "name": name,
                "url": f"https://{name.lower()}.example.com/events",
                "content": "events",
                "event_source": "urn:example:clinic",
                **values,
            }
        )

    def raised(self, target=None):
        """Return ``[(name, subject)]`` of what waits for a target, in order."""
        self.env.cr.flush()
        return [
            (one["type"][11:-3], one["subject"])
            for one in (target or self.target)._render(self.waiting(target))
        ]

    def waiting(self, target=None):
        deliveries = self.env["healthcare.delivery"].search(
            [("target_id", "=", (target or self.target).id)]
        )
        return deliveries.fact_id.sorted("id")

    def names(self):
        return [name for name, _subject in self.raised()]

    def test_of_an_invoice_and_its_payment(self):
        (bill,) = self.treated("P1", "S1")
        key = f"invoice:{bill.id}"
        self.assertIn(("invoice.issued", key), self.raised())
        self.play(self.by_invoice("PAY1", "300.00", bill))
        self.assertNotIn("invoice.paid", self.names())
        sent = self.by_invoice("PAY2", "500.00", bill)
        self.play(sent, sent)
        self.play(sent)
        payments = [self.recorded(number) for number in ("PAY1", "PAY2")]
        self.assertEqual(
            [one for one in self.raised() if one[0] not in EVERY_DAY],
            [
                ("invoice.issued", key),
                ("payment.posted", f"payment:{payments[0].id}"),
                ("payment.posted", f"payment:{payments[1].id}"),
                ("invoice.paid", key),
            ],
        )
        self.play(self.reversal(sent))
        self.assertEqual(self.names().count("payment.posted"), 2)
        self.pay_by_hand(bill)
        self.assertEqual(self.names().count("invoice.paid"), 2)
        self.assertEqual(self.names().count("payment.posted"), 3)

    def test_by_hand(self):
        (bill,) = self.treated("P1", "S1")
        self.pay_by_hand(bill)
        self.assertEqual(
            self.names(), ["invoice.issued", "invoice.paid", "payment.posted"]
        )
        bill.button_cancel()
        self.assertEqual(len(self.names()), 3)
        bill.button_draft()
        bill.action_post()
        self.assertEqual(self.names()[3:], ["invoice.issued"])

    def test_of_exceptions(self):
        (bill,) = self.treated("P1", "S1")
        self.play(self.by_invoice("PAY1", "300.00", bill))
        issue = self.issues()
        self.play(self.by_invoice("PAY2", "500.00", bill))
        self.assertEqual(
            [one for one in self.raised() if one[0] in EVERY_DAY],
            [(name, f"exception:{issue.id}") for name in EVERY_DAY],
        )

    def test_of_a_shortage(self):
        self._stock(self.contrast, 0)
        self.play(self.register("P1"), self.appointment("confirmed", "P1", "A1", 20))
        issue = self.issues("stock_shortage")
        key = f"exception:{issue.id}"
        self.assertIn(("exception.raised", key), self.raised())
        self.assertIn(("stock.shortage", key), self.raised())
        fact = self.facts("exception", issue)
        ids = [one["id"] for one in self.target._render(fact)]
        self.assertEqual(
            ids,
            [f"{fact.fact_id}-exception.raised", f"{fact.fact_id}-stock.shortage"],
        )

    def test_of_a_cleared_visit(self):
        verified = {
            "facility": "T-EAST",
            "patient": self.patient_ref("P1"),
            "coverage": {
                "payer": {"code": "T-PAYER"},
                "member_id": "M-P1",
                "status": "active",
            },
            "verified_at": self.at(10),
        }
        self.play(self.appointment("booked", "P1", "A1", 20), self.register("P1"))
        self.play(event("coverage.verified", verified, time=self.at(25)))
        self.play(self.appointment("confirmed", "P1", "A1", 30))
        self.play(self.appointment("checked_in", "P1", "A1", 40))
        visit = self.visit("A1")
        self.assertEqual(visit.clearance, "cleared")
        key = f"appointment:{visit.id}"
        self.assertEqual(self.raised().count(("appointment.cleared", key)), 1)

    def test_only_what_is_subscribed(self):
        some = self.target_of("Some", event_names="invoice.paid, payment.posted")
        (bill,) = self.treated("P1", "S1")
        self.assertFalse(self.waiting(some))
        self.play(self.by_invoice("PAY1", "800.00", bill))
        self.assertEqual(
            [name for name, _key in self.raised(some)],
            ["payment.posted", "invoice.paid"],
        )
        plain = self.target_of("Plain", content="facts")
        self.play(self.register("P2"))
        fact = self.waiting(plain)
        self.assertEqual(fact.fact_type, "registration")
        self.assertNotIn("specversion", plain._render(fact)[0])
        with self.assertRaises(ValidationError):
            some.event_names = "invoice.paid, invoice.lost"
        with self.assertRaises(ValidationError):
            some.event_source = " "

    def test_sent_as_a_signed_batch(self):
        (bill,) = self.treated("P1", "S1")
        posts = []

        def post(url, data, headers, **_options):
            posts.append((url, data, headers))
            answer = requests.Response()
            answer.status_code = 503 if len(posts) == 1 else 204
            return answer

        self.env.cr.flush()
        with (
            patch.object(outbound, "post", post),
            patch.object(self.env.cr, "commit", lambda: None),
        ):
            deliveries = self.env["healthcare.delivery"]
            deliveries._deliver_one(self.target)
            self.target.open_until = False
            self.assertTrue(deliveries._deliver_one(self.target))
        (_url, first, headers), (_url, second, again) = posts
        self.assertEqual(first, second)
        self.assertEqual(headers["Idempotency-Key"], again["Idempotency-Key"])
        self.assertEqual(headers["Content-Type"], "application/cloudevents-batch+json")
        signatures.verify([self.secret], headers, first)
        (event,) = json.loads(gzip.decompress(first))
        fact = self.facts("invoice", bill)
        self.assertEqual(fact.state, "delivered")
        self.assertEqual(event["type"], "healthcare.invoice.issued.v1")
        self.assertEqual(event["source"], "urn:example:clinic")
        self.assertEqual(event["id"], f"{fact.fact_id}-invoice.issued")
        self.assertEqual(event["data"]["amount_total"], "800.00")
        # Safe harbor: of dates only the year, of the patient a surrogate.
        self.assertNotIn("time", event)
        self.assertEqual(event["data"]["date"], "2026")
        self.assertNotIn(b"Quillfeather", gzip.decompress(first))
        self.target.policy = "limited"
        (event,) = self.target._render(fact)
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT.*Z$")

    def test_webhooks_are_described(self):
        self.assertEqual(set(announcements.webhooks()), set(announcements.CATALOGUE))
        self.assertEqual(
            {kind for kind, _text in announcements.CATALOGUE.values()},
            set(announcements._RULES),
        )
