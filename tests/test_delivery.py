"""Facts on their way: in sequence, resent as the same batch, spared by the breaker."""

import json

from odoo import fields
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.healthcare_connector.core.errors import SignatureError
from odoo.addons.healthcare_connector.core.protection import signatures

from .delivery_common import DeliveryCase, Endpoint, put_back, take


@tagged("post_install", "-at_install")
class TestDelivery(DeliveryCase):
    def test_delivered_signed_and_marked(self):
        fact = self.emit()
        self.assertEqual(fact.state, "pending")
        self.deliver()
        self.assertEqual(fact.state, "delivered")
        ((headers, body, documents),) = self.endpoint.requests
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertEqual(documents[0]["fact_id"], fact.fact_id)
        signatures.verify([self.secret], headers, body)
        with self.assertRaises(SignatureError):
            signatures.verify([self.secret], headers, body + b"x")
        batch = self.receipts(fact)
        self.assertFalse(fact.delivery_ids, "the batch is the receipt")
        self.assertEqual((len(batch), batch.facts), (1, fact.ids))
        self.assertEqual(headers["Idempotency-Key"], f'"{batch.uuid}"')
        self.assertEqual(batch.log_ids.outcome, "done")
        self.assertEqual(self.target.delivered_count, 1)

    def test_resent_as_the_same_batch_and_in_sequence(self):
        self.emit()
        self.endpoint.answers = [500]
        self.deliver()
        self.emit(sex="unknown")  # meanwhile something new happened
        self.assertEqual(self.target.failure_count, 1)
        self.probe_now()
        self.deliver()
        requests = self.endpoint.requests
        keys = [headers["Idempotency-Key"] for headers, _body, _docs in requests]
        self.assertEqual(keys[0], keys[1])
        self.assertEqual(len(set(keys)), 2)
        sequences = [d["sequence"] for _h, _body, docs in requests for d in docs]
        self.assertEqual(sequences, [1, 1, 2])
        waiting = self.env["healthcare.fact"].search([("state", "=", "pending")])
        self.assertFalse(waiting)

    def test_a_retry_due_soon_is_awaited(self):
        self.impatient.stop()
        fact = self.emit()
        self.endpoint.answers = [500]
        self.deliver()
        self.assertEqual(len(self.endpoint.requests), 2)
        self.assertEqual(fact.state, "delivered")

    def test_breaker_opens_probes_and_closes(self):
        self.emit()
        self.target.breaker_threshold = 2
        self.endpoint.answers = [503, 503, 503]
        self.deliver()
        self.assertEqual(self.target.breaker_state, "closed")
        self.deliver()  # not yet due: the target is spared
        self.assertEqual(len(self.endpoint.requests), 1)
        self.probe_now()
        self.deliver()
        self.assertEqual(self.target.breaker_state, "open")
        self.assertEqual(self.target.last_error, "HTTP 503")
        self.probe_now()
        self.deliver()  # the probe fails
        self.assertEqual(self.target.breaker_state, "open")
        self.assertEqual(len(self.endpoint.requests), 3)
        self.probe_now()
        self.deliver()
        self.assertEqual(self.target.breaker_state, "closed")
        self.assertFalse(self.target.last_error)
        self.assertEqual(self.target.pending_count, 0)

    def test_retry_after_is_honoured(self):
        self.emit()
        self.endpoint.answers = [429]
        self.endpoint.headers = {"Retry-After": "120"}
        self.deliver()
        wait = self.target.open_until - fields.Datetime.now()
        self.assertGreater(wait.total_seconds(), 100)

    def test_safe_harbor_leaves_no_identifier(self):
        fact = self.emit()
        self.deliver()
        text = json.dumps(self.endpoint.requests[0][2])
        for forbidden in ("Quillfeather", "1931", "12345", fact.key):
            self.assertNotIn(forbidden, text)
        document = self.endpoint.requests[0][2][0]
        self.assertEqual(document["occurred_at"], str(fact.occurred_at.year))
        self.assertEqual(document["postal_code"], "123")
        self.assertEqual(len(document["patient_key"]), 32)
        self.env.cr.execute(
            "SELECT columns::text, sealed FROM healthcare_fact WHERE id = %s", [fact.id]
        )
        columns, sealed = self.env.cr.fetchone()
        self.assertNotIn("1931", columns)
        self.assertNotIn(b"1931-07-19", bytes(sealed))

    def test_each_target_knows_a_patient_by_another_key(self):
        other = Endpoint()
        self.addCleanup(other.close)
        self.env["healthcare.target"].create({"name": "Second", "url": other.url})
        self.emit()
        self.emit(sex="other")
        self.deliver()
        keys = [
            {d["patient_key"] for _h, _b, docs in endpoint.requests for d in docs}
            for endpoint in (self.endpoint, other)
        ]
        self.assertEqual([len(found) for found in keys], [1, 1])
        self.assertFalse(keys[0] & keys[1])

    def test_a_slow_or_dead_target_holds_no_other(self):
        dead = self.env["healthcare.target"].create(
            {"name": "Dead", "url": "http://127.0.0.1:9/facts", "timeout_seconds": 1}
        )
        fact = self.emit()
        self.deliver()
        self.assertEqual(len(self.endpoint.requests), 1)
        self.assertEqual(dead.pending_count, 1)
        self.assertEqual(dead.last_error, "ConnectionError")
        self.assertEqual(fact.state, "pending")

    def test_the_secret_is_not_read_back(self):
        self.target.invalidate_recordset()
        self.assertFalse(self.target.secret)
        self.assertTrue(self.target.has_secret)
        self.env.cr.execute("SELECT secret_sealed FROM healthcare_target")
        for (sealed,) in self.env.cr.fetchall():
            self.assertNotIn(self.secret.encode(), bytes(sealed or b""))

    def test_how_a_fact_stands_is_told_by_its_deliveries(self):
        """By the worst of them; found, sorted and grouped by any operator."""
        second = self.env["healthcare.target"].create(
            {"name": "Second", "url": self.endpoint.url}
        )
        facts = self.env["healthcare.fact"]
        made = self.make("a", "b", "c", "d")
        told = facts.search([("partner_id", "in", made.ids)], order="id")
        states = {
            told[0]: ("pending", ("failed", "pending")),
            told[1]: ("failed", ("delivered", "given_up")),
            told[2]: ("delivered", ("delivered", "superseded")),
            told[3]: ("recorded", ()),
        }
        for fact, (_state, ones) in states.items():
            for delivery, state in zip(fact.delivery_ids, ones, strict=False):
                if state == "delivered":
                    take(delivery)
                else:
                    delivery.state = state
        told[3].delivery_ids.unlink()
        told[3].routed = False  # there was no target when it was told
        self.assertEqual(len(told[0].delivery_ids.target_id & second), 1)
        self.assertEqual(told.mapped("state"), [one for one, _two in states.values()])

        def names(*condition):
            domain = [("id", "in", told.ids), ("state", *condition)]
            found = facts.search(domain)
            self.assertEqual(told.filtered_domain(domain), found.sorted("id"))
            return set(found.mapped("state"))

        every = {"pending", "failed", "delivered", "recorded"}
        for many in range(16):
            some = {one for bit, one in enumerate(sorted(every)) if many >> bit & 1}
            self.assertEqual(names("in", list(some)), some)
            self.assertEqual(names("not in", list(some)), every - some)
        self.assertEqual(names("=", "failed"), {"failed"})
        self.assertEqual(names("!=", "failed"), every - {"failed"})
        self.assertEqual(names("=", False), set())
        self.assertEqual(names("!=", False), every)
        self.assertEqual(names("ilike", "DELIVER"), {"delivered"})
        self.assertEqual(names("not like", "ed"), {"pending"})
        self.assertEqual(names("=like", "_e%"), {"delivered", "pending", "recorded"})
        self.assertEqual(names(">", "failed"), {"pending", "recorded"})
        domain = [("id", "in", told.ids)]
        self.assertEqual(
            facts.search(domain, order="state desc").mapped("state"),
            ["recorded", "pending", "failed", "delivered"],
        )
        self.assertEqual(
            dict(facts._read_group(domain, ["state"], ["__count"])),
            dict.fromkeys(every, 1),
        )
        known = facts.fields_get(["state"])["state"]
        for name in ("searchable", "sortable", "groupable"):
            self.assertTrue(known[name], name)

    def test_what_nobody_was_to_get_is_recorded(self):
        """Until it is put in line; and delivered when it has no row any more."""
        self.target.active = False
        fact = self.emit()
        found = self.env["healthcare.fact"].search([("id", "=", fact.id)])
        for state in ("recorded", "pending", "delivered"):
            if state == "pending":
                put_back(fact, self.target)
            elif state == "delivered":
                self.assertEqual(take(fact.delivery_ids), fact.receipt_ids)
            self.assertEqual(fact.state, state)
            domain = [("id", "=", fact.id), ("state", "=", state)]
            self.assertEqual(found.search(domain), fact)
            groups = found._read_group(domain[:1], ["state"], ["__count"])
            self.assertEqual(groups, [(state, 1)])
        self.assertFalse(fact.delivery_ids)

    def test_what_is_to_be_done_is_found_by_its_own_indexes(self):
        """As long as little waits, however much was replaced meanwhile."""
        facts = self.env["healthcare.fact"]
        row = {"document": self.patient, "patient": self.patient, "values": {}}
        facts._emit("registration", [row] * 500)
        self.env.cr.execute(
            """UPDATE healthcare_delivery d SET state = 'superseded'
            FROM healthcare_fact f WHERE f.id = d.fact_id AND f.sequence < 500"""
        )
        self.env.cr.execute("ANALYZE healthcare_delivery")
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        for states, index in (
            (["pending"], "pending_index"),
            (["failed"], "undone_index"),
        ):
            query = facts._search([("state", "in", states)]).select()
            self.env.cr.execute(SQL("EXPLAIN %s", query))
            plan = " ".join(row[0] for row in self.env.cr.fetchall())
            self.assertIn(f"healthcare_delivery_{index}", plan)
