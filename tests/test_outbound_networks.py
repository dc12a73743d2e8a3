"""Which networks targets and webhooks of a database may be in."""

import os
from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from odoo.addons.healthcare_connector.models.exchange.outbound import (
    ENVIRONMENT_VARIABLE,
)

from .common import HealthcareCase

LOOPBACK = ("http://127.0.0.1:8123/", "http://[::1]:8123/", "http://localhost:8123/")
INSIDE = ("http://10.20.0.5/", "http://169.254.169.254/latest", "http://[fd00::1]/")


@tagged("post_install", "-at_install")
class TestOutboundNetworks(HealthcareCase):
    def setUp(self):
        super().setUp()
        self.setenv("")

    def setenv(self, text):
        changed = patch.dict(os.environ, {ENVIRONMENT_VARIABLE: text})
        changed.start()
        self.addCleanup(changed.stop)

    def mark(self, environment):
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.environment", environment
        )

    def accepted(self, urls):
        result = []
        for url in urls:
            try:
                self.env["healthcare.outbound"]._check(url)
            except ValidationError:
                continue
            result.append(url)
        return result

    def test_production_calls_nothing_inside(self):
        self.mark("production")
        self.assertEqual(self.accepted(LOOPBACK + INSIDE), [])

    def test_a_sandbox_calls_its_own_machine(self):
        self.mark("sandbox")
        self.assertEqual(self.accepted(LOOPBACK + INSIDE), list(LOOPBACK))

    def test_whoever_runs_the_server_allows_a_network(self):
        self.mark("production")
        self.setenv("10.20.0.0/16")
        self.assertEqual(self.accepted(LOOPBACK + INSIDE), [INSIDE[0]])
