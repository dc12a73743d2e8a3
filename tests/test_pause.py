"""Pausing and resuming: at once, on record, nothing lost, order kept."""

from datetime import timedelta
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"


class TestPause(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.booked = cls.env["healthcare.event.type"].search(
            [("code", "=", "appointment.booked")]
        )
        cls.administrator = new_test_user(
            cls.env, "test-pauser", groups=f"base.group_user,{GROUP}administrator"
        )

    def pause(self, scope, record, **values):
        name = "source_id" if scope == "intake" else f"{scope}_id"
        return (
            self.env["healthcare.pause"]
            .with_user(self.administrator)
            .create({"scope": scope, name: record.id, "reason": "Prices", **values})
        )

    # -- flows ------------------------------------------------------------------

    def test_a_paused_flow_holds_all_its_kinds(self):
        kind = self.booked.with_user(self.administrator)
        context = kind.action_pause_flow()["context"]
        pause = (
            self.env["healthcare.pause"]
            .with_user(self.administrator)
            .with_context(**context)
            .create({"reason": "The calendar moves", "until": "2999-01-01 00:00:00"})
        )
        self.assertEqual(pause.display_name, "Appointments")
        events = self.play(
            self.register("F1"),
            self.appointment("booked", "F1", "FV1", 10),
            self.appointment("booked", "F1", "FV2", 11),
            self.appointment("cancelled", "F1", "FV2", 12),
            self.payment("FP1", "5.00", 20, "F1"),
        )
        self.assertEqual(
            events.mapped("state"),
            ["done", "received", "received", "received", "exception"],
        )
        self.assertFalse(self.visit("FV1"))
        self.assertEqual(pause.held_count, 3)
        self.assertIn("The calendar moves", events[1].pause_note)
        self.assertIn("flow Appointments", self.booked.pause_note)
        self.assertFalse(self.booked.is_paused)  # its own button resumes nothing
        strip = self.env["healthcare.pause"]._strip()
        self.assertIn(
            "Appointments: Hold a whole flow of work", [one["name"] for one in strip]
        )
        with (
            self.assertRaises(IntegrityError),
            mute_logger("odoo.sql_db"),
            self.env.cr.savepoint(),
        ):
            pause.copy({"since": fields.Datetime.now()})
        pause.action_resume()
        self.process()
        self.assertStates(events[:4], "done")
        self.assertTrue(self.visit("FV1"))

    def test_a_flow_must_be_named(self):
        with self.assertRaises(ValidationError):
            self.env["healthcare.pause"].create({"scope": "flow", "reason": "Why"})

    # -- kinds of events --------------------------------------------------------

    def test_a_paused_kind_waits_and_holds_its_subject(self):
        pause = self.pause("type", self.booked)
        events = self.play(
            self.register("P1"),
            self.appointment("booked", "P1", "V1", 10),
            self.appointment("confirmed", "P1", "V1", 20),
            self.register("P2"),
        )
        self.assertStates(events, "done", "received", "waiting", "done")
        self.assertFalse(self.issues())
        self.assertFalse(self.visit("V1"))
        self.assertEqual(pause.held_count, 1)
        self.assertIn("Prices", events[1].pause_note)
        self.env["healthcare.engine"]._cron_sweep()
        self.process()
        self.assertStates(events, "done", "received", "waiting", "done")
        pause.action_resume()
        self.process()
        self.assertStates(events, "done")
        self.assertEqual(self.visit("V1").state, "confirmed")
        self.assertEqual(
            (pause.resumed_by_id, pause.held_count), (self.administrator, 0)
        )

    def test_what_depends_on_a_paused_event_waits_without_an_alarm(self):
        created = self.env["healthcare.event.type"].search(
            [("code", "=", "registration.created")]
        )
        pause = self.pause("type", created)
        events = self.play(
            self.appointment("booked", "P3", "V3", 10), self.register("P3")
        )
        self.assertStates(events, "waiting", "received")
        self.assertFalse(self.issues())
        pause.action_resume()
        self.process()
        self.assertStates(events, "done")

    def test_resuming_wakes_every_shard(self):
        pause = self.pause("type", self.booked)
        jobs = self.env["ir.cron"].search([("healthcare_shard", "!=", 0)])
        triggers = self.env["ir.cron.trigger"].search_count
        before = triggers([("cron_id", "in", jobs.ids)])
        pause.action_resume()
        after = triggers([("cron_id", "in", jobs.ids)])
        self.assertEqual(after - before, len(jobs))

    def test_other_retries_are_not_hidden_by_a_paused_one(self):
        later, sooner = self.play(self.register("P4"), self.register("P5"))
        now = fields.Datetime.now()
        for event, age in ((later, 600), (sooner, 0)):
            self.env.cr.execute(
                "UPDATE healthcare_event SET state = 'retrying', run_after = %s,"
                " partition = 5, type_id = %s WHERE id = %s",
                [
                    now - timedelta(seconds=age),
                    (self.booked if age else event.type_id).id,
                    event.id,
                ],
            )
        self.pause("type", self.booked)
        with (
            patch.object(self.env.cr, "commit"),
            patch("odoo.addons.healthcare_connector.models.exchange.engine.time"),
        ):
            self.assertTrue(self.engine._await_retry([5]))

    # -- sources ----------------------------------------------------------------

    def test_a_source_is_taken_in_and_not_processed(self):
        other = self.env["healthcare.source"].create(
            {"name": "Other", "code": "test-other", "environment": "sandbox"}
        )
        self.pause("source", self.source)
        held = self.events(self.send(self.register("P6")))
        free = self.events(self.send(self.register("P7"), source=other))
        self.process()
        self.assertStates(held, "received")
        self.assertStates(free, "done")
        self.assertTrue(self.source.processing_paused)
        self.assertFalse(self.source.paused)
        self.assertEqual(self.env["healthcare.backlog"]._waiting(10), 0)
        self.source.with_user(self.administrator).action_resume()
        self.process()
        self.assertStates(held, "done")
        self.assertFalse(self.source.processing_paused)

    def test_intake_is_paused_with_who_and_why(self):
        pause = self.pause("intake", self.source)
        self.assertTrue(self.source.paused)
        self.assertEqual(self.source.pause_reason, "Prices")
        self.assertIn(self.administrator.name, self.source.pause_note)
        self.source.with_user(self.administrator).action_resume()
        self.assertFalse(self.source.paused)
        self.assertFalse(self.source.pause_reason)
        self.assertTrue(pause.resumed_at)

    def test_the_field_and_the_record_agree(self):
        self.source.paused = True
        pause = self.env["healthcare.pause"].search(
            [("source_id", "=", self.source.id), ("resumed_at", "=", False)]
        )
        self.assertEqual(len(pause), 1)
        self.source.paused = False
        self.assertTrue(pause.resumed_at)

    # -- targets ----------------------------------------------------------------

    def test_a_target_waits(self):
        target = self.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "http://127.0.0.1:9/"}
        )
        pause = self.pause("target", target)
        self.assertTrue(target.paused)
        self.assertFalse(target._may_send())
        (done,) = self.play(self.register("P8"))
        self.assertStates(done, "done")
        self.assertGreater(pause.held_count, 0)
        deliver = self.env.ref("healthcare_connector.cron_deliver")
        triggers = self.env["ir.cron.trigger"].search_count
        before = triggers([("cron_id", "=", deliver.id)])
        pause.action_resume()
        self.assertTrue(target._may_send())
        self.assertEqual(triggers([("cron_id", "=", deliver.id)]), before + 1)

    # -- ends -------------------------------------------------------------------

    def test_it_ends_by_itself(self):
        soon = fields.Datetime.now() + timedelta(hours=1)
        pause = self.pause("type", self.booked, until=soon)
        self.env["healthcare.pause"]._cron_resume()
        self.assertFalse(pause.resumed_at)
        now = fields.Datetime
        with patch.object(now, "now", return_value=soon + timedelta(minutes=1)):
            self.env["healthcare.pause"]._cron_resume()
        self.assertTrue(pause.resumed_at)
        self.assertFalse(self.booked.is_paused)

    def test_it_cannot_end_before_it_begins(self):
        with self.assertRaises(ValidationError):
            self.pause("type", self.booked, until="2020-01-01 00:00:00")

    def test_once_is_enough(self):
        self.pause("type", self.booked)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(),
        ):
            self.pause("type", self.booked)

    def test_operators_see_it_and_change_nothing(self):
        operator = new_test_user(
            self.env, "test-looker", groups=f"base.group_user,{GROUP}operator"
        )
        pause = self.pause("type", self.booked)
        self.assertTrue(self.booked.with_user(operator).is_paused)
        room = self.env["healthcare.figures"].with_user(operator).control_room()
        (shown,) = room["pauses"]
        self.assertEqual(shown["id"], pause.id)
        self.assertIn("Prices", shown["note"])
        with self.assertRaises(AccessError):
            pause.with_user(operator).action_resume()
        with self.assertRaises(AccessError):
            self.booked.with_user(operator).action_resume()
