"""Readiness: what it tells, and when it says no."""

import os
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import HttpCase, tagged

from ..models.exchange import backlog
from ..models.exchange.keyring import ENVIRONMENT_VARIABLE
from .common import HealthcareCase, event, patient_data


@tagged("post_install", "-at_install")
class TestReadiness(HttpCase, HealthcareCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(backlog._found.clear)
        self.vital = self.env.ref("healthcare_connector.cron_process")
        jobs = self.env["ir.cron"].search([("healthcare_shard", ">", 0)])
        for name in ("cron_sweep", "cron_deliver"):
            jobs |= self.env.ref(f"healthcare_connector.{name}")
        jobs.lastcall = fields.Datetime.now()

    def ready(self):
        self.env.flush_all()
        backlog._found.clear()
        answer = self.url_open("/healthcare/health/ready")
        return answer.status_code, answer.json()["checks"]

    def set(self, name, value):
        self.env["ir.config_parameter"].set_param(name, value)

    def test_all_is_well(self):
        status, checks = self.ready()
        self.assertEqual(status, 200)
        words = {key: value for key, value in checks.items() if key in WORDS}
        self.assertEqual(words, dict.fromkeys(WORDS, "ok"))
        self.assertLess(checks["job_age_seconds"], 60)

    def test_late_jobs_are_told_of_and_events_still_taken(self):
        self.vital.lastcall = fields.Datetime.now() - timedelta(hours=1)
        status, checks = self.ready()
        self.assertEqual((status, checks["jobs"]), (200, "late"))
        self.assertGreaterEqual(checks["job_age_seconds"], 3600)
        self.env.ref("healthcare_connector.cron_deliver").active = False
        status, checks = self.ready()
        self.assertEqual((status, checks["jobs"]), (200, "late"))

    def test_pause_and_backlog_say_no(self):
        self.set(backlog.PAUSED, "True")
        status, checks = self.ready()
        self.assertEqual((status, checks["intake"]), (503, "paused"))
        self.set(backlog.PAUSED, False)
        self.set(backlog.LIMIT, "1")
        self.send(
            *(
                event("registration.created", patient_data(number))
                for number in ("RD-1", "RD-2")
            )
        )
        status, checks = self.ready()
        self.assertEqual((status, checks["backlog"]), (503, "over_limit"))
        self.assertGreaterEqual(checks["waiting"], 2)

    def test_no_keyring_says_no(self):
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: "/nowhere/keyring.json"}):
            status, checks = self.ready()
        self.assertEqual(status, 503)
        self.assertNotEqual(checks["keyring"], "ok")
        self.assertNotIn("/nowhere", str(checks))


WORDS = ("database", "keyring", "intake", "backlog", "jobs")
