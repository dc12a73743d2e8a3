"""The vendor guide and the README: their commands are answered as they say."""

import os
import re
import subprocess
import time
from pathlib import Path

from odoo.tests import BaseCase, tagged

from ..dev import instance, server
from ..dev.common import DevError

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "vendor_guide.rst"
README = ROOT / "README.rst"
SERVED = "http://127.0.0.1:8069"  # where the README says that the demo serves
DATABASE = f"vendor_guide_{os.getpid()}"
_BLOCK = re.compile(
    r"^\.\. answers: (?P<status>\d+)\n\n\.\. code-block:: sh\n\n"
    r"(?P<code>(?:(?:   .*)?\n)+)",
    re.MULTILINE,
)
_SETUP = """
facility = env["healthcare.facility"].search([("code", "=", "NORTH")])
plain, signed = env["healthcare.source"].create([
    {"name": code, "code": code, "environment": "sandbox",
     "facility_ids": facility.ids, "signature_required": code == "guide-signed"}
    for code in ("guide", "guide-signed")])
print(plain._issue_key(["healthcare.events"]))
print(plain._issue_key(["healthcare.status"]))
print(signed._issue_key(["healthcare.events"]))
print(env["healthcare.source.secret"]._issue(signed))
env.cr.commit()
"""


def blocks(text):
    """Return ``[(status, code)]`` of the commands in a guide."""
    return [
        (int(found["status"]), re.sub(r"^   ", "", found["code"], flags=re.MULTILINE))
        for found in _BLOCK.finditer(text)
    ]


@tagged("post_install", "-at_install")
class TestVendorGuide(BaseCase):
    def setUp(self):
        super().setUp()
        self.dev = instance.Dev()
        try:
            self.database = self.dev.clone(DATABASE)
        except DevError as error:
            if os.environ.get("CI"):
                raise
            self.skipTest(str(error))
        self.addCleanup(self.dev.cluster.drop, self.database)

    def test_every_command_is_answered_as_it_says(self):
        text = GUIDE.read_text(encoding="utf-8")
        commands = blocks(text)
        self.assertEqual(len(commands), text.count("code-block:: sh"))
        self.assertGreater(len(commands), 10)
        readme = blocks(README.read_text(encoding="utf-8"))
        self.assertTrue(readme)
        commands += readme
        names = ("KEY", "STATUS_KEY", "SIGNED_KEY", "SECRET")
        values = self.dev.script(self.database, _SETUP).split()
        with server.Server(self.dev, self.database) as running:
            variables = dict(zip(names, values, strict=True), BASE=running.url)
            for status, code in commands:
                with self.subTest(code=code):
                    code = code.replace(SERVED, running.url)
                    self.assertRegex(
                        self._run(code, variables, status), rf"^HTTP/1\.1 {status} "
                    )

    def _run(self, code, variables, status):
        """Return what a command prints; once more where the jobs are still at it."""
        for _turn in range(20):
            answer = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", code],
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout
            looking_up = "--data-binary" not in code
            if not looking_up or answer.startswith(f"HTTP/1.1 {status} "):
                break
            time.sleep(0.5)
        if "application/hl7-v2" in code:
            self.assertIn("MSA|AA|", answer)
        return answer
