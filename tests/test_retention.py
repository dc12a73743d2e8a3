"""Kept as long as policies say; then only the skeleton, with proof of it."""

import hashlib
import itertools
import json
import time
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.healthcare_connector.models.privacy import retention_run

from .common import HealthcareCase, event
from .common import patient_data as any_patient
from .delivery_common import take
from .durability import DurabilityCase

GROUP = "base.group_user,healthcare_connector.group_"


def patient_data(number, **more):
    """Return a patient whose name is like nobody else's: no duplicate is suspected."""
    return any_patient(number, **{"family": f"Of {number}", **more})


class TestRetention(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = new_test_user(cls.env, "rt-admin", GROUP + "administrator")
        cls.policies = cls.env["healthcare.retention.policy"]
        cls.runs = cls.env["healthcare.retention.run"]
        cls.policy = cls.env.ref("healthcare_connector.retention_event")

    def setUp(self):
        super().setUp()
        self.first = event("registration.created", patient_data("RT-1"))
        self.one, self.other = self.play(
            self.first, event("registration.created", patient_data("RT-2"))
        )
        self.patient = self.partner("RT-1")

    def partner(self, number):
        numbers = self.env["healthcare.patient.identifier"]
        return numbers.search([("value", "=", number)]).partner_id

    def age(self, events, days=400):
        old = fields.Datetime.now() - timedelta(days=days)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE healthcare_event SET processed_at = %s, received_at = %s"
            " WHERE id = ANY(%s)",
            [old, old, events.ids],
        )
        self.env.invalidate_all()

    def run_policy(self, policy=None):
        policy = policy or self.policy
        policy.enabled = True
        policy.with_user(self.admin).action_run()
        run = self.runs.search([("policy_id", "=", policy.id)], limit=1)
        for _turn in range(3000):
            self.runs._advance_running()
            if run.state == "done":
                return run
        return self.fail("The run does not end")

    def has_body(self, events):
        self.env.cr.execute(
            "SELECT bool_and(body IS NOT NULL), bool_or(body IS NOT NULL)"
            " FROM healthcare_event WHERE id = ANY(%s)",
            [events.ids],
        )
        every, some = self.env.cr.fetchone()
        self.assertEqual(every, some)
        return every

    # -- what goes ----------------------------------------------------------------

    def test_old_ones_keep_their_skeleton(self):
        self.age(self.one)
        run = self.run_policy()
        self.assertFalse(self.has_body(self.one))
        self.assertTrue(self.has_body(self.other))
        self.assertEqual(run.erased_count, 1)
        text = str(self.one.id)
        self.assertEqual(run.ids_hash, hashlib.sha256(text.encode()).hexdigest())
        self.assertTrue(self.one.minimized_at)
        self.assertEqual(self.one.state, "done")
        # A repeat is still a duplicate, another content still a conflict.
        (receipt,) = self.send(self.first)
        self.assertEqual((receipt.status, receipt.event), ("duplicate", self.one.uuid))
        changed = {**self.first, "data": patient_data("RT-1", family="Other")}
        (receipt,) = self.send(changed)
        self.assertEqual(receipt.errors[0]["code"], "conflict")
        reader = new_test_user(
            self.env,
            "rt-reader",
            GROUP + "operator,healthcare_connector.group_phi_reader",
        )
        with self.assertRaisesRegex(UserError, "erased"):
            self.one.with_user(reader)._readable("Correction")
        self.env["healthcare.engine"]._run_again(self.one.ids)
        self.assertEqual(self.one.state, "done")
        self.assertEqual(self.run_policy().erased_count, 0)

    def test_nothing_open_is_erased(self):
        waiting, bad = self.events(
            self.send(
                event("registration.created", patient_data("RT-3")),
                event("registration.created", patient_data("RT-4", birth_date="No")),
            )
        )
        issue = self.env["healthcare.exception"].create(
            {
                "category": "delayed_payment",
                "fingerprint": "rt",
                "event_id": self.other.id,
            }
        )
        fact = self.env["healthcare.fact"].search([("event_id", "=", self.one.id)])
        target = self.env["healthcare.target"].create(
            {"name": "Late", "url": "http://127.0.0.1:9", "active": False}
        )
        delivery = self.env["healthcare.delivery"].create(
            {
                "fact_id": fact[:1].id,
                "target_id": target.id,
                "recorded_at": fact[:1].recorded_at,
            }
        )
        self.env.flush_all()
        everything = self.one + self.other + waiting + bad
        self.age(everything)
        self.run_policy()
        self.assertTrue(self.has_body(everything))
        take(delivery)
        issue._close("resolved", "cause_gone")
        self.env.flush_all()
        self.run_policy()
        self.assertFalse(self.has_body(self.one + self.other))
        self.assertTrue(self.has_body(waiting + bad))

    def test_a_type_may_have_its_own_days(self):
        policy = self.policies.create(
            {"kind": "event", "type_id": self.one.type_id.id, "days": 1000}
        )
        self.age(self.one)
        self.assertEqual(self.run_policy().erased_count, 0)
        policy.days = 100
        run = self.run_policy(policy)
        self.assertEqual((run.erased_count, run.type_id), (1, self.one.type_id))

    def test_it_goes_in_slices(self):
        events = self.play(
            *(
                event("registration.created", patient_data(f"RT-S{number}"))
                for number in range(5)
            )
        )
        self.age(events)
        self.patch(retention_run, "SLICE", 2)
        self.policy.enabled = True
        self.policy.with_user(self.admin).action_run()
        run = self.runs.search([], limit=1)
        counts = [run.erased_count]
        while run.state == "running":
            self.runs._advance_running()
            counts.append(run.erased_count)
        steps = [after - before for before, after in itertools.pairwise(counts)]
        self.assertLessEqual(max(steps), 2)
        self.assertEqual(counts[-1], 5)

    def test_other_kinds(self):
        policies = {p.kind: p for p in self.policies.search([("type_id", "=", False)])}
        issue = self.env["healthcare.exception"].create(
            {"category": "delayed_payment", "fingerprint": "rt-2"}
        )
        issue.message_post(body="She said that …")
        self.play(
            {
                **self.first,
                "id": "rt-again",
                "time": "2026-03-02T09:00:00Z",
                "data": patient_data("RT-1", family="Newname"),
            }
        )
        self.env.flush_all()
        facts = self.env["healthcare.fact"].search(
            [("partner_id", "=", self.patient.id)], order="sequence"
        )
        self.assertGreater(len(facts), 1)
        log = self.one.log_ids[:1]
        log.message = "Something"
        self.env.flush_all()
        old = fields.Datetime.now() - timedelta(days=2000)
        self.env.cr.execute("UPDATE healthcare_sync_log SET date = %s", [old])
        self.env.cr.execute("UPDATE healthcare_fact SET recorded_at = %s", [old])
        self.env.invalidate_all()
        self.assertEqual(self.run_policy(policies["exception"]).erased_count, 0)
        issue._close("resolved", "cause_gone")
        issue.resolved_at = old
        self.assertEqual(self.run_policy(policies["exception"]).erased_count, 1)
        self.assertFalse(issue.message_ids)
        self.run_policy(policies["log"])
        self.assertFalse(log.message)
        self.run_policy(policies["fact"])
        self.env.invalidate_all()
        sealed = [bool(fact.sudo().sealed) for fact in facts]
        self.assertEqual(sealed, [False] * (len(facts) - 1) + [True])

    # -- holds ------------------------------------------------------------------------

    def test_a_hold_stops_it_until_it_is_released(self):
        self.age(self.one + self.other)
        holds = self.env["healthcare.legal.hold"].with_user(self.admin)
        hold = holds.create(
            {"name": "File 1", "reason": "Lawsuit", "partner_id": self.patient.id}
        )
        run = self.run_policy()
        self.assertEqual((run.erased_count, run.held_count), (1, 1))
        self.assertTrue(self.has_body(self.one))
        self.assertFalse(self.has_body(self.other))
        with self.assertRaises(UserError):
            hold.write({"reason": "None"})
        with self.assertRaises(UserError):
            hold.action_release()
        with self.assertRaises(UserError):
            hold.sudo().unlink()
        hold.release_reason = "Settled"
        hold.action_release()
        self.assertEqual((hold.state, hold.released_by_id), ("released", self.admin))
        self.assertEqual(self.run_policy().erased_count, 1)

    def test_a_hold_on_a_source(self):
        self.age(self.one + self.other)
        self.env["healthcare.legal.hold"].create(
            {"name": "File 2", "reason": "Audit", "source_id": self.source.id}
        )
        self.assertEqual(self.run_policy().erased_count, 0)

    def test_who_may(self):
        notice = self.policy.with_user(self.admin).action_preview()
        self.assertIn("0 records", notice["params"]["message"])
        with self.assertRaises(UserError):
            self.policy.with_user(self.admin).action_run()  # not switched on
        auditor = new_test_user(self.env, "rt-auditor", GROUP + "auditor")
        for attempt in (
            lambda: self.policy.with_user(auditor).action_run(),
            lambda: self.policy.with_user(auditor).write({"days": 1}),
            lambda: self.runs.with_user(self.admin).create(
                {"kind": "event", "cutoff": fields.Datetime.now()}
            ),
        ):
            with self.assertRaises(AccessError):
                attempt()


@tagged("post_install", "-at_install")
class TestRetentionUnderLoad(DurabilityCase):
    def test_while_events_come_in_and_are_processed(self):
        """Cut off at the moment events are done with: nothing open loses anything."""
        site = self.site("retention")
        with site.playing(self.events, batch=20) as wait_for:
            wait_for(4)
            site.dev.script(
                site.name,
                """
from datetime import datetime, timedelta
policy = env.ref("healthcare_connector.retention_event")
env["healthcare.retention.run"].create([{"policy_id": policy.id, "kind": "event",
    "cutoff": datetime.now() + timedelta(days=1)} for _number in range(40)])
env["healthcare.retention.run"]._wake()
env.cr.commit()
""",
            )
        site.settle()
        self.assertFalse(site.problems())
        end = time.monotonic() + 90
        while self.number(site, "healthcare_retention_run", "state = 'running'"):
            self.assertLess(time.monotonic(), end, "The runs got stuck")
            time.sleep(0.3)
        erased = self.number(site, "healthcare_event", "body IS NULL")
        self.assertGreater(erased, 20)
        self.assertFalse(
            self.number(
                site,
                "healthcare_event",
                "body IS NULL AND state NOT IN ('done', 'discarded')",
            )
        )
        ((told,),) = site.dev.cluster.psql(
            site.name, "SELECT sum(erased_count) FROM healthcare_retention_run"
        )
        self.assertEqual(int(told), erased)
        # Sent once more, everything is still known.
        again = site.play(self.once(), batch=40)
        self.assertEqual(again.count("accepted"), 0, json.dumps(again.errors[:3]))

    def number(self, site, table, where):
        query = f"SELECT count(*) FROM {table} WHERE {where}"
        return int(site.dev.cluster.psql(site.name, query)[0][0])
