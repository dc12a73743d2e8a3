"""schemathesis plays a vendor who has read nothing but ``openapi.json``."""

import os
import subprocess
import sys
from pathlib import Path

from odoo.tests import tagged

from .durability import DurabilityCase

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
EXAMPLES = 15  # for each endpoint
SECONDS = 300  # far more than it takes, about 20


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
        for key, paths in (
            (site.key, "/events|/health/|/schemas|/openapi|/hl7v2|/fhir|/x12"),
            (status_key, "/accounts|/appointments"),
        ):
            with self.subTest(paths=paths):
                self.play_vendor(site, key, paths)

    def play_vendor(self, site, key, paths):
        command = [
            str(self.program),
            "run",
            f"{site.server.url}/healthcare/v1/openapi.json",
            "--url",
            site.server.url,
            "--header",
            f"Authorization: Bearer {key}",
            "--include-path-regex",
            paths,
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            str(EXAMPLES),
            "--seed",
            "4",
            "--generation-database",
            "none",
            "--no-color",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=site.server.log.parent,
        )
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
