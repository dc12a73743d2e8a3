"""Tallies add up whenever they are folded; metrics say what happened."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from odoo import fields
from odoo.tests import HttpCase, tagged

from .common import HealthcareCase, event
from .workflow_common import WorkflowCase


class TestTally(WorkflowCase):
    def sums(self):
        self.env.flush_all()
        rows = self.env.execute_query_dict(
            self.env["healthcare.tally"]._search([]).select("kind", "count")
        )
        sums = {}
        for row in rows:
            sums[row["kind"]] = sums.get(row["kind"], 0) + row["count"]
        return sums

    def test_each_outcome_is_counted_once(self):
        before = self.sums()
        first = self.register("T1")
        self.play(first, self.register("T2", payer="NOBODY"))
        self.play(first)
        self.send(event("registration.created", {"facility": "T-EAST"}))
        after = self.sums()
        grown = {kind: n - before.get(kind, 0) for kind, n in after.items()}
        self.assertEqual(
            {kind: n for kind, n in grown.items() if n},
            {"received": 2, "duplicate": 1, "rejected": 1, "done": 1, "parked": 1},
        )

    def test_folding_changes_no_sum(self):
        tallies = self.env["healthcare.tally"]
        for number in range(4):
            self.play(self.register(f"F{number}"))
        long_ago = fields.Datetime.now() - timedelta(days=60)
        for days in (0, 0, 500, 501):
            tallies._add([("done", self.source.id, None, None, 0.2)] * 3)
            last = tallies.search([], order="id desc", limit=1)
            last.write({"hour": long_ago - timedelta(days=days, hours=days % 5)})
        before = self.sums()
        for _turn in range(2):
            tallies._cron_fold()
            self.assertEqual(self.sums(), before)
        old = tallies.search([("hour", "<", long_ago - timedelta(days=400))])
        self.assertEqual(
            (old.count, old.hour.year, old.latency_class, round(old.seconds, 3)),
            (6, 1970, 1, 1.2),
        )
        recent = tallies.search([("folded", "=", False), ("kind", "=", "done")])
        keys = recent.mapped(lambda t: (t.hour, t.type_id, t.latency_class))
        self.assertEqual(len(keys), len(set(keys)))


@tagged("post_install", "-at_install")
class TestMetrics(HttpCase, HealthcareCase):
    def scrape(self, key):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.url_open("/healthcare/metrics", headers=headers)

    def test_metrics_tell_what_happened(self):
        receipts = self.play(
            event(
                "appointment.booked",
                {
                    "facility": "NORTH",
                    "patient": {
                        "identifiers": [{"system": "urn:x", "value": "SECRET-17"}]
                    },
                    "appointment": {
                        "id": "A-SECRET-17",
                        "start": "2026-03-05T09:00:00Z",
                        "services": [{"code": "CONSULT"}],
                    },
                },
            )
        )
        self.assertEqual(receipts.state, "exception")
        key = self.source._issue_key("healthcare.metrics")
        answer = self.scrape(key)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(
            answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8"
        )
        self.assertNotIn("SECRET", answer.text)
        families = {f.name: f for f in text_string_to_metric_families(answer.text)}
        counted = {
            (s.labels["outcome"], s.labels["type"]): s.value
            for s in families["healthcare_events"].samples
            if s.labels["source"] == "test-access"
        }
        self.assertEqual(
            counted,
            {
                ("received", "appointment.booked"): 1,
                ("parked", "appointment.booked"): 1,
            },
        )
        unfinished = {
            (s.labels["state"], s.labels["type"]): s.value
            for s in families["healthcare_events_unfinished"].samples
        }
        self.assertGreaterEqual(unfinished["exception", "appointment.booked"], 1)
        still_open = {
            s.labels["category"]: s.value
            for s in families["healthcare_exceptions_open"].samples
            if s.labels["facility"] == "NORTH"
        }
        self.assertGreaterEqual(still_open["missing_dependency"], 1)
        jobs = families["healthcare_job_age_seconds"].samples
        self.assertIn("cron_process", [s.labels["job"] for s in jobs])

    def test_only_its_own_scope_may_read(self):
        self.assertEqual(self.scrape(None).status_code, 401)
        wrong = self.source._issue_key("healthcare.events")
        self.assertEqual(self.scrape(wrong).status_code, 403)
