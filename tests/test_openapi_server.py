"""schemathesis plays a vendor who has read nothing but ``openapi.json``."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from odoo.tests import tagged

from .durability import DurabilityCase

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
)
# What of the description is played how; about a minute together.
FUZZED = ("--phases", "examples,fuzzing", "--max-examples", "20")
COVERED = ("--phases", "coverage", "--max-time", "20")
BOTH = ("--phases", "coverage,fuzzing", "--max-examples", "15")
TIMEOUT = 300  # seconds; far more than any of these takes


@tagged("post_install", "-at_install")
class TestDescriptionHolds(DurabilityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = Path(sys.executable).with_name("schemathesis")
        if not cls.program.exists():
            reason = "schemathesis is not installed"
            if os.environ.get("CI"):
                raise AssertionError(reason)
            cls.skipTest(cls, reason)

    def test_no_server_error_and_no_undocumented_status(self):
        site = self.site("openapi")
        status_key = self.dev.script(
            site.name,
            """
source = env["healthcare.source"].search([("code", "=", "demo-access")])
print(source._issue_key("healthcare.status", "schemathesis", 1))
env.cr.commit()
""",
        ).strip()
        for key, *options in (
            (site.key, "--include-method", "POST", *FUZZED),
            (site.key, "--include-method", "POST", *COVERED),
            (site.key, "--include-method", "GET", *BOTH),
            (status_key, "--include-path-regex", "/accounts|/appointments", *BOTH),
        ):
            with self.subTest(options=options):
                self.play_vendor(site, key, options)

    def play_vendor(self, site, key, options):
        command = [
            str(self.program),
            "run",
            f"{site.server.url}/healthcare/v1/openapi.json",
            "--url",
            site.server.url,
            "--header",
            f"Authorization: Bearer {key}",
            "--checks",
            ",".join(CHECKS),
            "--seed",
            "4",
            "--generation-database",
            "none",
            "--no-color",
            *options,
        ]
        here = Path(__file__).parent
        with tempfile.TemporaryDirectory() as folder:  # it keeps what failed
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                cwd=folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(here),
                    "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
                },
            )
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        self.assertNotIn("No tests were run", done.stdout)
