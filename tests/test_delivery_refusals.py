"""Facts that a target does not take: found, set aside, told of; all others go on."""

import json

from odoo.tests import tagged

from .delivery_common import DeliveryCase, Endpoint

OPEN = ("open", "assigned")


@tagged("post_install", "-at_install")
class TestDeliveryRefusals(DeliveryCase):
    def setUp(self):
        super().setUp()
        self.poison = {"bad"}
        self.taken = []
        self.endpoint.judge = self.judge
        # What exceptions themselves are told by would be sent as well.
        self.target.fact_types = "registration"

    def judge(self, documents):
        if any(one["payer"] in self.poison for one in documents):
            return 422
        self.taken += [(one["payer"], one["sequence"]) for one in documents]
        return 200

    def issues(self, states=OPEN):
        return self.env["healthcare.exception"].search(
            [("category", "=", "delivery_failed"), ("state", "in", states)]
        )

    def test_the_bad_fact_is_found_and_the_rest_goes_on(self):
        names = [f"good {number}" for number in range(20)]
        names[7] = "bad"
        patients = self.make(*names)
        self.deliver()
        self.assertEqual(
            self.taken, [(name, 1) for name in names if name != "bad"], "in order"
        )
        self.assertLess(len(self.endpoint.requests), 14)
        (refused,) = self.env["healthcare.delivery"].search([("state", "=", "failed")])
        self.assertEqual(refused.fact_id.partner_id, patients[7])
        self.assertEqual(refused.reason, "HTTP 422")
        self.assertEqual(refused.fact_id.state, "failed")
        issue = self.issues()
        self.assertEqual(issue.res_id, self.target.id)
        self.assertIn("Registration (1)", issue.reason)
        self.assertEqual(self.target.breaker_state, "closed")
        self.assertEqual(self.target.delivered_count, 19)
        self.assertFalse(self.receipts(refused.fact_id))
        self.assertEqual(
            (refused.batch_id.state, refused.batch_id.refused_count), ("failed", 1)
        )
        keys = [
            headers["Idempotency-Key"] for headers, _b, _d in self.endpoint.requests
        ]
        self.assertEqual(len(keys), len(set(keys)), "other content, another key")

    def test_one_problem_for_a_target_and_reason(self):
        self.poison |= {"worse", "worst"}
        self.make("a", "bad", "b", "worse", "worst", "c")
        self.deliver()
        self.assertEqual([name for name, _s in self.taken], ["a", "b", "c"])
        (issue,) = self.issues()
        self.assertIn("Registration (3)", issue.reason)
        self.assertEqual(self.target.refused_count, 3)

    def test_a_later_fact_replaces_the_refused_one(self):
        patients = self.make("a", "bad", "b")
        first = self.env["healthcare.fact"].search(
            [("partner_id", "=", patients[1].id)]
        )
        self.deliver()
        self.tell(patients[1], payer="mended")
        self.deliver()
        self.assertEqual(self.taken[-1], ("mended", 2))
        self.assertEqual(self.delivery(first).state, "superseded")
        self.assertEqual(first.state, "delivered")
        self.assertFalse(self.issues(), "nothing is amiss any more")
        self.target.action_send_refused_again()
        self.deliver()
        self.assertNotIn(("bad", 1), self.taken)

    def test_sent_again_by_a_person(self):
        self.make("bad", "a")
        self.deliver()
        self.poison.clear()
        self.issues().action_retry()
        self.deliver()
        self.assertEqual(self.taken, [("a", 1), ("bad", 1)])
        self.assertFalse(self.issues())
        self.assertEqual(self.target.refused_count, 0)
        facts = self.env["healthcare.fact"].search([("key", "like", "registration:")])
        bad, other = self.taken_by(facts.sorted("id")[-2:])
        self.assertLess(other.id, bad.id, "the receipt is of the batch that took it")

    def taken_by(self, facts):
        """Return the one receipt of each fact."""
        return [self.receipts(fact).ensure_one() for fact in facts]

    def test_refused_again_is_told_again(self):
        self.make("bad", "a")
        self.deliver()
        self.issues().action_retry()
        self.deliver()
        self.assertEqual(len(self.issues()), 1)

    def test_waived_it_is_given_up(self):
        (fact, _other) = self.tell(self.make("bad", "a"))
        self.deliver()
        self.issues()._waive("not needed there")
        self.assertEqual(self.delivery(fact).state, "given_up")
        self.assertEqual(fact.state, "failed")
        self.target.action_send_refused_again()
        self.assertEqual(self.target.pending_count, 0)

    def test_a_target_that_takes_nothing_is_not_asked_for_each_fact(self):
        self.poison = {f"n{number}" for number in range(30)}
        self.make(*(f"n{number}" for number in range(30)))
        self.deliver()
        self.assertLess(self.target.refused_count, 15)
        self.assertTrue(self.target.refused)
        self.assertEqual(self.target.failure_count, 1)

    def test_too_large_is_halved_and_remembered(self):
        self.endpoint.judge = lambda documents: 413 if len(documents) > 3 else 200
        self.make(*"abcdefghijkl")
        self.deliver()
        self.assertEqual(self.target.fits, 3)
        self.assertEqual(self.target.pending_count, 0)
        self.assertFalse(self.issues())
        self.endpoint.requests.clear()
        self.make(*"mnopqrs")
        self.deliver()
        self.assertEqual([len(d) for _h, _b, d in self.endpoint.requests], [3, 3, 1])

    def test_items_of_bulk_are_answered_one_by_one(self):
        self.target.write({"dialect": "elasticsearch", "table": "facts"})
        asked = []

        def judge(lines):
            statuses = []
            for document in lines[1::2]:
                name = document["payer"]
                asked.append(name)
                busy = name == "busy" and asked.count(name) == 1
                statuses.append(400 if name == "bad" else 429 if busy else 201)
            items = [{"index": {"status": status}} for status in statuses]
            answer = {"errors": True, "items": items}
            return 200, json.dumps(answer).encode()

        self.endpoint.judge = judge
        self.make("a", "bad", "busy", "b")
        self.deliver()
        self.impatient.stop()  # what is busy is asked again after a moment
        self.deliver()
        self.assertEqual(asked, ["a", "bad", "busy", "b", "busy"])
        self.assertEqual(self.target.delivered_count, 3)
        self.assertEqual(self.target.refused_count, 1)
        facts = self.env["healthcare.fact"].search(
            [("fact_type", "=", "registration")], limit=4
        )
        facts = facts.sorted("id")
        first, later = self.taken_by(facts[0] + facts[2])
        self.assertEqual(first.facts, [facts[0].id, facts[3].id])
        self.assertEqual((first.fact_count, first.refused_count), (3, 1))
        self.assertEqual(later.facts, facts[2].ids)
        self.assertEqual(self.delivery(facts[1]).batch_id, first)
        # Its id lies between those of the batch: that is not enough.
        self.assertLess(first.first_fact, facts[1].id)
        self.assertLess(facts[1].id, first.last_fact)
        self.assertFalse(self.receipts(facts[1]))
        self.assertTrue(self.endpoint.paths[0].startswith("/facts/facts/_bulk?"))

    def test_a_fact_that_cannot_be_opened_is_set_aside_alone(self):
        facts = self.tell(self.make("a", "b", "c"), birth_date="1931-07-19")
        self.env.cr.execute(
            "UPDATE healthcare_fact SET sealed = %s WHERE id = %s",
            [facts[1].sudo().sealed[:-4] + b"AAAA", facts[1].id],
        )
        self.env.invalidate_all()
        self.deliver()
        self.assertEqual([name for name, _s in self.taken][-2:], ["a", "c"])
        self.assertEqual(self.delivery(facts[1]).reason, "it cannot be opened")

    def test_events_of_a_subject_wait_behind_a_refused_one(self):
        events = Endpoint()
        self.addCleanup(events.close)
        self.target.active = False
        target = self.env["healthcare.target"].create(
            {"name": "Events", "url": events.url, "content": "events"}
        )
        seen = []

        def judge(batches):
            names = [(one["data"]["key"], one["type"]) for one in batches[0]]
            seen.append(names)
            bad = any("issued" in kind for _key, kind in names)
            return 422 if bad and len(seen) < 5 else 200

        events.judge = judge
        partners = self.make("x", "y")
        for partner, states in ((partners[0], ("posted", "paid")), (partners[1], ())):
            for state in states or ("paid",):
                self.env["healthcare.fact"]._emit(
                    "invoice", [{"document": partner, "values": {"state": state}}]
                )
        self.deliver()
        waiting = self.env["healthcare.delivery"].search(
            [("target_id", "=", target.id), ("state", "in", ("pending", "failed"))]
        )
        self.assertIn("failed", waiting.mapped("state"))
        self.assertEqual(len(set(waiting.mapped("fact_id.key"))), 2)
