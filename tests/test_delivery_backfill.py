"""Earlier facts for a target, facts sent again, and facts that are forgotten."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.healthcare_connector.models.analytics import backfill, fact_retention

from .delivery_common import DeliveryCase, Endpoint, put_back, take


@tagged("post_install", "-at_install")
class TestBackfill(DeliveryCase):
    def setUp(self):
        super().setUp()
        self.target.fact_types = "registration"
        self.target.paused = True
        self.patients = self.make(*"abcde")
        self.tell(self.patients[:2], payer="changed")
        self.late = Endpoint()
        self.addCleanup(self.late.close)
        self.new = self.env["healthcare.target"].create(
            {"name": "New", "url": self.late.url, "fact_types": "registration"}
        )

    def job(self, **values):
        return self.env["healthcare.backfill"].create(
            {"target_id": self.new.id, **values}
        )

    def run_job(self, size=backfill.SLICE):
        self.env.flush_all()
        with (
            self.enter_registry_test_mode(),
            patch.object(backfill, "SLICE", size),
            patch.object(backfill, "PATIENCE_SECONDS", 0.1),
        ):
            self.env.ref("healthcare_connector.cron_backfill").method_direct_trigger()
        self.env.invalidate_all()

    def told(self):
        return [
            (one["payer"], one["sequence"])
            for _headers, _body, documents in self.late.requests
            for one in documents
        ]

    def test_the_newest_of_each_reaches_a_new_target(self):
        job = self.job(date_from=fields.Datetime.now() - timedelta(minutes=5))
        self.assertGreaterEqual(job.chosen_count, 5)
        job.action_start()
        while job.state == "running":
            self.run_job(size=4)
            self.deliver()
        mine = [one for one in self.told() if one[0] in ("changed", *"abcde")]
        self.assertEqual(
            mine, [("c", 1), ("d", 1), ("e", 1), ("changed", 2), ("changed", 2)]
        )
        self.assertEqual(job.progress, 100.0)
        self.assertTrue(job.ended_at)
        self.assertFalse(self.job().chosen_count, "it has them all")
        self.late.requests.clear()
        self.tell(self.patients[2], payer="late")
        self.new.paused = True
        put_back(self.env["healthcare.fact"].search([], limit=1), self.new).unlink()
        self.assertEqual(self.job().chosen_count, 1, "what it never got")
        before = self.job(only_newest=False, date_from=job.date_from)
        self.assertEqual(before.chosen_count, 3, "and what was replaced by then")

    def test_everything_ever_told(self):
        job = self.job(
            only_newest=False, date_from=fields.Datetime.now() - timedelta(minutes=5)
        )
        job.action_start()
        self.run_job()
        self.deliver()
        self.assertEqual(self.told().count(("changed", 2)), 2)
        self.assertIn(("a", 1), self.told())

    def test_the_same_fact_again_is_the_same(self):
        self.job().action_start()
        self.run_job()
        self.deliver()
        first = {one["fact_id"]: one for one in self.late.requests[0][2]}
        self.late.requests.clear()
        again = self.job(again=True)
        self.assertEqual(again.chosen_count, len(first))
        again.action_start()
        self.run_job()
        self.deliver()
        self.assertEqual(
            {one["fact_id"]: one for one in self.late.requests[0][2]}, first
        )

    def test_what_happens_now_does_not_wait_for_all_of_it(self):
        self.late.answers = [500]
        job = self.job()
        job.action_start()
        self.run_job(size=2)
        self.assertEqual(self.new.pending_count, 2, "the next slice waits its turn")
        self.assertEqual(job.state, "running")

    def test_stopped_and_gone_on_with(self):
        job = self.job()
        job.action_start()
        job.action_pause()
        self.run_job()
        self.assertEqual((job.done_count, self.new.pending_count), (0, 0))
        job.action_resume()
        self.run_job(size=2)
        self.assertEqual(job.done_count, 2)
        job.action_cancel()
        with self.assertRaises(UserError):
            job.action_start()
        with self.assertRaises(UserError):
            job.unlink()

    def test_only_administrators_start_one(self):
        operator = self.env.ref("healthcare_connector.user_operator")
        with self.assertRaises(AccessError):
            self.job().with_user(operator).action_start()

    # -- retention --------------------------------------------------------------

    def forget(self, days=30):
        self.env["ir.config_parameter"].set_param(fact_retention.PARAMETER, str(days))
        self.env.flush_all()
        with self.enter_registry_test_mode():
            job = self.env.ref("healthcare_connector.cron_fact_retention")
            job.method_direct_trigger()
        self.env.invalidate_all()

    def keys(self):
        facts = self.env["healthcare.fact"].search(
            [("res_model", "=", "res.partner"), ("res_id", "in", self.patients.ids)]
        )
        return sorted((one.res_id, one.sequence) for one in facts)

    def test_replaced_facts_that_all_have_are_forgotten(self):
        self.env.cr.execute(
            "UPDATE healthcare_fact SET recorded_at = recorded_at - interval '40 days'"
        )
        everything = self.keys()
        self.forget()
        self.assertEqual(self.keys(), everything, "a target has still to get them")
        self.target.paused = False
        self.deliver()
        self.forget(days=0)
        self.assertEqual(self.keys(), everything, "they are kept for ever")
        with patch.object(fact_retention, "SLICE", 1):
            self.forget()
        a, b, *_others = self.patients.ids
        self.assertEqual(
            self.keys(), [k for k in everything if k not in [(a, 1), (b, 1)]]
        )
        self.tell(self.patients[0])
        self.assertIn((a, 3), self.keys(), "sequences go on")

    def test_receipts_are_kept_as_long_as_their_facts(self):
        """And a batch that was no use as long as what was set aside names it."""
        facts = self.env["healthcare.fact"].search(
            [("res_model", "=", "res.partner"), ("res_id", "in", self.patients.ids)]
        )
        first, bad, *_others, newer, _last = facts.sorted("id")
        self.assertEqual(newer.key, first.key)
        gone = take(self.delivery(first))
        kept = take(self.delivery(newer))
        batches = self.env["healthcare.delivery.batch"]
        values = {"target_id": self.target.id, "facts": newer.ids}
        gone |= batches.create({**values, "uuid": "1", "state": "divided"})
        failed = batches.create({**values, "uuid": "2", "state": "failed"})
        kept |= failed
        put_back(bad, self.target, "failed").batch_number = failed.id
        (gone | kept).opened_at = fields.Datetime.now() - timedelta(days=40)
        self.forget()
        self.assertEqual((gone | kept).exists(), kept | gone[0], "its fact is there")
        self.env.cr.execute(
            "UPDATE healthcare_fact SET recorded_at = recorded_at - interval '40 days'"
        )
        self.forget()
        self.assertFalse(first.exists())
        self.assertEqual((gone | kept).exists(), kept)

    def test_facts_that_wait_for_nobody_are_set_right(self):
        facts = self.env["healthcare.fact"].search(
            [("res_model", "=", "res.partner"), ("res_id", "in", self.patients.ids)]
        )
        self.assertEqual(set(facts.mapped("state")), {"pending"})
        with self.assertRaises(UserError), self.cr.savepoint():
            take(self.env["healthcare.delivery"].search([], limit=1))
            self.target.unlink()
        self.target.unlink()
        self.forget()
        self.assertEqual(set(facts.exists().mapped("state")), {"recorded"})
