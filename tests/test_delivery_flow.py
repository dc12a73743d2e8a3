"""How soon and how fast facts leave: classes, windows, rates, lanes."""

import contextlib
import threading
from concurrent import futures
from datetime import datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

from odoo import fields, sql_db
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from odoo.addons.healthcare_connector.core import clock
from odoo.addons.healthcare_connector.models.analytics import delivery_run
from odoo.addons.healthcare_connector.models.analytics.delivery_driver import (
    LOCK_CLASS,
)

from .delivery_common import DeliveryCase, Endpoint, put_back


@tagged("post_install", "-at_install")
class TestDeliveryFlow(DeliveryCase):
    def sizes(self):
        return [len(documents) for _h, _b, documents in self.endpoint.requests]

    def at(self, moment):
        return patch.object(clock, "utc_now", lambda: moment)

    def age(self, seconds):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE healthcare_delivery SET recorded_at = recorded_at - %s * "
            "interval '1 second'",
            [seconds],
        )

    def test_what_was_taken_before_a_crash_is_counted_once(self):
        """The thread that sent facts takes them off the queue; the job notes it."""
        self.make("a", "b")
        batch = self.env["healthcare.delivery.batch"]._open_batch(self.target)
        self.env.flush_all()
        found = self.env["healthcare.fact"].browse(batch.facts)
        trip = delivery_run.Trip(self.target, batch, found.ids)
        parcel = self.target._parcel(batch.uuid, self.target._written(found))
        here = contextlib.nullcontext(self.env.cr)
        with patch.object(delivery_run, "aside", lambda _database: here):
            answer, taken = delivery_run.go(self.env.cr.dbname, trip, parcel)
        self.assertEqual((answer.kind, taken), ("taken", 2))
        self.env.invalidate_all()
        self.assertEqual(found.mapped("state"), ["delivered"] * 2)
        self.assertFalse(found.delivery_ids)
        self.assertEqual(batch.state, "open")
        # The job ended here: it goes again under its key, once.
        self.deliver()
        self.deliver()
        self.assertEqual(self.sizes(), [2, 2])
        keys = {
            headers["Idempotency-Key"] for headers, _b, _d in self.endpoint.requests
        }
        self.assertEqual(keys, {f'"{batch.uuid}"'})
        self.assertEqual((batch.state, self.target.delivered_count), ("delivered", 2))
        self.assertEqual(batch.facts, found.ids)

    def lost_answer(self, *names):
        """Return facts that were taken, and their batch, which nobody noted it of."""
        facts = self.tell(self.env["res.partner"].create([{"name": n} for n in names]))
        batch = self.env["healthcare.delivery.batch"]._open_batch(self.target)
        self.env.flush_all()
        self.env.cr.execute(delivery_run.taking(self.target.id, facts.ids))
        self.env.invalidate_all()
        return facts, batch

    def test_what_was_taken_before_a_crash_stays_taken(self):
        """Whatever the target says when it is sent once more."""
        facts, batch = self.lost_answer("a", "b")
        self.endpoint.answers = [500, 422]
        self.deliver()
        self.assertEqual((batch.state, batch.attempts), ("open", 1))
        self.probe_now()
        self.deliver()
        self.assertEqual(self.sizes(), [2, 2], "with an attempt on record, too")
        self.assertEqual((batch.state, batch.facts), ("delivered", facts.ids))
        self.assertEqual(facts.mapped("state"), ["delivered"] * 2)
        self.assertEqual(self.target.refused_count, 0)
        facts, batch = self.lost_answer("c", "d")
        batch._note_taken(200, 0.0, refused={facts[0].id: "no"}, again=[facts[1].id])
        self.assertEqual((batch.facts, batch.refused_count), (facts.ids, 0))

    def test_what_was_taken_is_not_given_up(self):
        facts, batch = self.lost_answer("a", "b")
        put_back(facts[1], self.target)
        batch._give_up("enough")
        self.assertEqual((batch.state, batch.facts), ("delivered", facts[0].ids))
        self.assertEqual(self.delivery(facts[1]).state, "given_up")
        self.assertEqual(self.delivery(facts[1]).batch_id, batch)
        self.assertEqual(facts.mapped("state"), ["delivered", "failed"])

    def test_what_was_set_aside_meanwhile_is_not_sent(self):
        self.make("a", "b")
        batch = self.env["healthcare.delivery.batch"]._open_batch(self.target)
        facts = batch._facts()
        self.delivery(facts[0]).state = "given_up"
        batch.attempts = 1
        self.env.flush_all()
        self.assertEqual(batch._facts(), facts[1])
        batch._note_taken(200, 0.0)
        self.assertEqual(batch.facts, facts[1].ids)

    def test_what_was_marked_needs_no_second_look(self):
        self.make("a", "b")
        batch = self.env["healthcare.delivery.batch"]._open_batch(self.target)
        with patch.object(type(batch), "_take") as take:
            self.assertEqual(batch._note_taken(200, 0.0, marked=2), 2)
            self.assertFalse(take.called)
            take.return_value = batch.facts
            batch._note_taken(200, 0.0, marked=1)
            self.assertTrue(take.called)

    def test_a_batch_leaves_when_it_is_full_or_old(self):
        self.target.write({"latency": "near_real_time", "batch_size": 3})
        self.make("a", "b")
        self.deliver()
        self.assertEqual(self.sizes(), [])
        self.assertIn("Collects a batch until", self.target.waiting_note)
        self.make("c", "d")
        self.deliver()
        self.assertEqual(self.sizes(), [3])
        self.age(61)
        self.deliver()
        self.assertEqual(self.sizes(), [3, 1])

    def test_batches_wait_for_their_window_and_nothing_else_does(self):
        self.target.write({"window": "* 22-23 * * *", "tz": "UTC"})
        self.target.flow_ids.create(
            {"target_id": self.target.id, "fact_type": "registration"}
        )
        patient = self.make("a")
        with self.at(datetime(2026, 3, 2, 12)):
            self.deliver()
            self.assertEqual(self.sizes(), [])
            self.assertEqual(
                self.target.waiting_note, "Waits for its window until 22:00."
            )
            self.env["healthcare.fact"]._emit(
                "payment", [{"document": patient, "values": {"state": "paid"}}]
            )
            self.deliver()
        self.assertEqual(self.sizes(), [1])
        with self.at(datetime(2026, 3, 2, 22)):
            self.deliver()
        self.assertEqual(self.sizes(), [1, 1])

    def test_nothing_leaves_in_a_blackout(self):
        self.target.write(
            {"has_blackout": True, "blackout_from": 8, "blackout_to": 18, "tz": "UTC"}
        )
        self.make("a")
        with self.at(datetime(2026, 3, 2, 12)):
            self.deliver()
            self.assertEqual(self.target.waiting_note, "Nothing may leave until 18:00.")
        self.assertEqual(self.sizes(), [])
        with self.at(datetime(2026, 3, 2, 18)):
            self.deliver()
        self.assertEqual(self.sizes(), [1])

    def test_another_class_applies_to_what_waits(self):
        self.target.write({"latency": "batch", "window": "0 0 1 1 *"})
        self.make("a")
        self.deliver()
        self.assertEqual(self.sizes(), [])
        self.target.latency = "real_time"
        self.deliver()
        self.assertEqual(self.sizes(), [1])

    def test_windows_are_checked(self):
        for values in (
            {"window": "at night"},
            {"has_blackout": True, "blackout_from": 8, "blackout_to": 8},
            {"dialect": "clickhouse", "table": "drop table"},
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                self.target.write(values)

    def test_no_more_than_its_rate(self):
        self.target.write({"rate_limit": 2, "rate_unit": "facts"})
        self.make("a", "b", "c")
        self.deliver()
        self.assertEqual(self.sizes(), [2], "no more than a second's worth")
        self.target.rate_until = fields.Datetime.now() + timedelta(minutes=1)
        self.deliver()
        self.assertEqual(self.sizes(), [2])
        self.target.rate_until = False
        self.deliver()
        self.assertEqual(self.sizes(), [2, 1])

    def test_lanes_keep_facts_of_a_key_together(self):
        self.target.write({"parallel": 4, "batch_size": 5})
        patients = self.make(*(f"n{number}" for number in range(40)))
        self.tell(patients)
        self.deliver()
        self.assertEqual(sum(self.sizes()), 80)
        lanes, last, count = {}, {}, 0
        batches = self.env["healthcare.delivery.batch"].search(
            [("target_id", "=", self.target.id)]
        )
        self.assertEqual(set(batches.mapped("lane")), {0, 1, 2, 3})
        for batch in batches.sorted("id"):
            for fact in self.env["healthcare.fact"].browse(batch.facts):
                count += 1
                lanes.setdefault(fact.key, set()).add(batch.lane)
                self.assertGreater(fact.sequence, last.get(fact.key, 0))
                last[fact.key] = fact.sequence
        self.assertEqual(count, 80)
        self.assertTrue(all(len(ones) == 1 for ones in lanes.values()))

    def test_a_slow_target_holds_no_other(self):
        slow, told = Endpoint(), threading.Event()
        self.addCleanup(slow.close)
        self.env["healthcare.target"].create({"name": "Slow", "url": slow.url})
        # It answers when the other one has got all there is.
        slow.judge = lambda _documents: 200 if told.wait(10) else 500
        self.target.batch_size = 1
        sizes = self.sizes

        def judge(_documents):
            if len(sizes()) == 3:
                told.set()
            return 200

        self.endpoint.judge = judge
        facts = self.tell(self.env["res.partner"].create([{"name": n} for n in "abc"]))
        self.deliver()
        self.assertEqual(self.sizes(), [1, 1, 1])
        self.assertEqual(len(slow.requests), 1)
        self.assertEqual(set(facts.mapped("state")), {"delivered"})

    def test_a_target_driven_by_another_job_is_left_to_it(self):
        other = Endpoint()
        self.addCleanup(other.close)
        self.env["healthcare.target"].create({"name": "Other", "url": other.url})
        self.make("a")
        elsewhere = sql_db.db_connect(self.env.cr.dbname).cursor()
        self.addCleanup(elsewhere.close)
        lock = [LOCK_CLASS, self.target.id]
        elsewhere.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        self.deliver()
        self.assertEqual((self.sizes(), len(other.requests)), ([], 1))
        elsewhere.execute("SELECT pg_try_advisory_lock(%s, %s)", lock)
        elsewhere.execute("SELECT pg_advisory_unlock_all()")
        self.deliver()
        self.assertEqual((self.sizes(), len(other.requests)), ([1], 1))
        elsewhere.execute("SELECT pg_try_advisory_lock(%s, %s)", lock)
        self.assertTrue(elsewhere.fetchone()[0], "the job gave it back")

    def test_two_jobs_drive_two_targets_at_once(self):
        other = Endpoint()
        self.addCleanup(other.close)
        second = self.env["healthcare.target"].create(
            {"name": "Other", "url": other.url}
        )
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.delivery_jobs", "2"
        )
        deliveries = self.env["healthcare.delivery"]
        deliveries._sync_jobs()
        self.assertEqual(len(deliveries._jobs().filtered("active")), 2)
        self.make("a")
        targets = self.target + second
        elsewhere = sql_db.db_connect(self.env.cr.dbname).cursor()
        self.addCleanup(elsewhere.close)
        # The job on another connection takes its share, and leaves the other one.
        first = delivery_run.Run(20, jobs=2)
        deliveries.with_env(self.env(cr=elsewhere))._claim(first, targets)
        self.assertEqual(first.claimed, {self.target.id})
        self.deliver()
        self.assertEqual((self.sizes(), len(other.requests)), ([], 1))
        # What nobody takes for a while is anybody's.
        elsewhere.execute("SELECT pg_advisory_unlock_all()")
        run = delivery_run.Run(20, jobs=2)
        self.assertEqual(run.see([7, 8, 9]), ([7, 8, 9], 2, []))
        self.assertEqual(len(run.left_in()), 3)
        with patch.object(delivery_run, "SHARE_SECONDS", 0):
            self.assertEqual(run.see([7, 8, 9])[2], [7, 8, 9])
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.delivery_jobs", "1"
        )
        deliveries._sync_jobs()
        self.assertEqual(len(deliveries._jobs()), 1)

    def test_what_was_written_for_a_target_let_go_is_forgotten(self):
        """Another job may send it: sent once more it would be there twice."""
        run = delivery_run.Run(20, jobs=2)
        run.claimed |= {7, 8}
        for target_id in (7, 8):
            run.ready[target_id, 0] = done = futures.Future()
            done.set_result(delivery_run.Ready([target_id], [], ()))
        run.let_go({7})
        self.assertEqual(run.claimed, {8})
        self.assertIsNone(run.take_ready(7, 0))
        self.assertEqual(run.take_ready(8, 0).fact_ids, [8])

    def test_what_lacks_a_fact_is_not_written_ahead(self):
        """Answers go by position: it is written anew, without the one that is gone."""
        self.make("a", "b")
        lane = SimpleNamespace(
            target_id=self.target.id, lane=0, lanes=1, limit=2, fact_ids=()
        )
        self.target.batch_size = 2
        deliveries = self.env["healthcare.delivery"]
        self.assertEqual(len(deliveries._write_ahead(lane).contents), 2)
        written = type(self.target)._written
        with patch.object(
            type(self.target), "_written", lambda *args: written(*args)[1:]
        ):
            self.assertIsNone(deliveries._write_ahead(lane))

    def test_a_lane_that_is_written_for_holds_up_no_other(self):
        """It is passed over, and the job stays until it is written."""
        self.target.write({"parallel": 2, "batch_size": 1})
        names = [f"n{number}" for number in range(6)]
        self.make(*names)
        deliveries = self.env["healthcare.delivery"]
        run = delivery_run.Run(20)
        written = futures.Future()
        written.set_running_or_notify_cancel()
        run.ready[self.target.id, 0] = written
        self.env.flush_all()
        with (
            futures.ThreadPoolExecutor(2) as pool,
            self.enter_registry_test_mode(),
            self.env.registry.cursor() as cr,
        ):
            deliveries = deliveries.with_env(self.env(cr=cr))
            self.assertTrue(deliveries._fill(run, pool))
            self.assertEqual([trip.lane for trip in run.trips.values()], [1])
            self.assertEqual(run.in_hand(), {self.target.id})
            written.set_result(None)
            self.assertTrue(deliveries._fill(run, pool))
            self.assertEqual(sorted(t.lane for t in run.trips.values()), [0, 1])
            deliveries._unclaim(run, set(run.claimed))

    def test_the_next_batch_is_written_while_one_is_on_its_way(self):
        """And is what goes next, unless the one before was not taken as it was."""
        self.target.batch_size = 2
        asked = []
        written = type(self.target)._written

        def note(target, facts):
            asked.append((len(self.endpoint.requests), facts.ids))
            return written(target, facts)

        answered = threading.Event()
        self.endpoint.judge = lambda _documents: 200 if answered.wait(10) else 500
        looked = type(self.env["healthcare.delivery"])._look_ahead

        def look(deliveries, run, writers):
            looked(deliveries, run, writers)
            answered.set()

        with (
            patch.object(type(self.target), "_written", note),
            patch.object(type(self.env["healthcare.delivery"]), "_look_ahead", look),
        ):
            self.make("a", "b", "c", "d", "e")
            self.deliver()
        self.assertEqual(self.sizes(), [2, 2, 1])
        self.assertEqual([len(ids) for _count, ids in asked], [2, 2, 1])
        payers = [d["payer"] for _h, _b, docs in self.endpoint.requests for d in docs]
        self.assertEqual(payers, list("abcde"))

    def test_what_was_written_ahead_is_dropped_when_the_policy_changes(self):
        self.target.batch_size = 1
        changed = threading.Event()
        self.endpoint.judge = lambda _documents: 200 if changed.wait(10) else 500
        looked = type(self.env["healthcare.delivery"])._look_ahead

        def look(deliveries, run, writers):
            looked(deliveries, run, writers)
            if run.ready and not changed.is_set():
                rules = deliveries.env["healthcare.policy.rule"].search(
                    [("phi_class", "=", "postal_code")]
                )
                rules.treatment = "drop"
                changed.set()

        patients = self.env["res.partner"].create([{"name": "a"}, {"name": "b"}])
        self.tell(patients, postal_code="12345", country="US")
        with patch.object(type(self.env["healthcare.delivery"]), "_look_ahead", look):
            self.deliver()
        codes = [docs[0]["postal_code"] for _h, _b, docs in self.endpoint.requests]
        self.assertEqual(codes, ["123", None])

    def test_another_number_of_lanes_begins_when_the_old_ones_are_done(self):
        self.target.parallel = 2
        self.make(*"abcdefgh")
        self.endpoint.answers = [500, 500]
        self.deliver()
        self.target.parallel = 3
        self.tell(self.env["res.partner"].search([("name", "in", list("abc"))]))
        lanes = self.env["healthcare.delivery.batch"]._lanes_of(self.target)
        self.assertEqual(sorted(lanes), [(0, 2), (1, 2)])
        self.probe_now()
        self.deliver()
        self.assertEqual(self.target.pending_count, 0)
