"""Metrics, sample alert rules and the sample dashboard, checked by promtool.

Skipped without promtool, unless ``CI`` is set: then it is an error.
"""

import json
import os
import pathlib
import re
import subprocess

from odoo.tests import HttpCase, tagged
from odoo.tools import file_path

from ..dev import promtool
from ..dev.common import DevError
from .common import HealthcareCase
from .workflow_common import WorkflowCase

FOLDER = pathlib.Path(file_path("healthcare_connector/docs/monitoring"))
NAME = re.compile(r"healthcare_\w+")
# what a histogram and a counter are read by
SUFFIX = re.compile(r"_(bucket|sum|count)$")


class PromtoolCase(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.program = promtool.path()
        except DevError as error:
            if os.environ.get("CI"):
                raise
            cls.skipTest(cls, f"no promtool: {error}")

    def promtool(self, *words, given=None):
        """Run it; return its exit code and all that it said."""
        done = subprocess.run(
            [self.program, *words],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.strip()


@tagged("post_install", "-at_install")
class TestPromtool(PromtoolCase, WorkflowCase, HttpCase):
    def scrape(self):
        key = self.source._issue_key("healthcare.metrics")
        headers = {"Authorization": f"Bearer {key}"}
        answer = self.url_open("/healthcare/metrics", headers=headers)
        self.assertEqual(answer.status_code, 200)
        return answer.text

    def test_a_scrape_is_clean(self):
        # of each kind something, so that no family is empty
        self.play(self.register("PT-1"), self.register("PT-2", payer="NOBODY"))
        self.env["healthcare.target"].create(
            {"name": 'A "quoted" \\ target\n', "url": "https://example.com/"}
        )
        text = self.scrape()
        self.assertIn("healthcare_event_latency_seconds_bucket", text)
        self.assertIn('target="A \\"quoted\\" \\\\ target', text)
        self.assertEqual(self.promtool("check", "metrics", given=text), (0, ""))

    def test_promtool_sees_what_is_wrong(self):
        code, said = self.promtool("check", "metrics", given="some_total{ 1\n")
        self.assertNotEqual(code, 0, said)

    def test_the_sample_rules_are_valid(self):
        code, said = self.promtool("check", "rules", str(FOLDER / "alerts.yml"))
        self.assertEqual(code, 0, said)
        self.assertIn("SUCCESS", said)

    def test_samples_use_metrics_that_exist(self):
        known = {f.name for f in self.families()} | {
            f"{f.name}_total" for f in self.families() if f.type == "counter"
        }
        for name in ("alerts.yml", "dashboard.json"):
            text = (FOLDER / name).read_text()
            used = {SUFFIX.sub("", word) for word in NAME.findall(text)}
            used -= {"healthcare_connector"}
            self.assertGreater(len(used), 10, name)
            self.assertFalse(used - known, name)

    def families(self):
        from prometheus_client.parser import text_string_to_metric_families

        text = self.env["healthcare.figures"]._exposition().decode()
        return list(text_string_to_metric_families(text))

    def test_the_dashboard_is_valid(self):
        board = json.loads((FOLDER / "dashboard.json").read_text())
        panels = board["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        expressions = [
            target["expr"] for panel in panels for target in panel.get("targets", ())
        ]
        self.assertGreater(len(expressions), 20)
        # as Grafana fills them in, so that promtool reads them as rules
        rules = [
            {"record": f"board:panel:{number}", "expr": _filled_in(expression)}
            for number, expression in enumerate(expressions)
        ]
        document = {"groups": [{"name": "board", "rules": rules}]}
        code, said = self.promtool("check", "rules", given=json.dumps(document))
        self.assertEqual(code, 0, said)


def _filled_in(expression):
    return (
        expression.replace("$__rate_interval", "5m")
        .replace("$source", ".*")
        .replace("$facility", ".*")
    )
