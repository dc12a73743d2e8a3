"""What the guides show is done as they say: their calls, their example addon."""

import csv
import dataclasses
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from odoo.tests import BaseCase, tagged

from ..dev import instance, server
from ..dev.common import DevError
from .delivery_common import Endpoint

ROOT = Path(__file__).resolve().parent.parent
VENDORS = ROOT / "docs" / "vendor_guide.rst"
DATA_TEAM = ROOT / "docs" / "data_team_guide.rst"
DEVELOPERS = ROOT / "docs" / "developer_guide.rst"
README = ROOT / "README.rst"
SERVED = "http://127.0.0.1:8069"  # where the README says that the demo serves
DATABASE = f"guides_{os.getpid()}"
ADDON = "healthcare_transport"
_CALL = re.compile(
    r"^\.\. answers: (?P<status>\d+)\n\n\.\. code-block:: sh\n\n"
    r"(?P<code>(?:(?:   .*)?\n)+)",
    re.MULTILINE,
)
_FILE = re.compile(
    rf"^``(?P<path>{ADDON}/[^`]+)``\n\n\.\. code-block:: \w+\n\n"
    r"(?P<code>(?:(?:   .*)?\n)+)",
    re.MULTILINE,
)
_COMMAND = re.compile(
    r"^\.\. runs: (?P<where>\w+)\n\n\.\. code-block:: sh\n\n"
    r"(?P<code>(?:(?:   .*)?\n)+)",
    re.MULTILINE,
)
_SHELL = re.compile(r"odoo shell -d DATABASE <<'END'\n(.*?)^    END$", re.M | re.S)
_SETUP = """
modules = env["ir.module.module"]
modules.update_list()
modules.search([("name", "=", %(addon)r)]).button_immediate_install()
env.transaction.reset()
env = env(context={})
facility = env["healthcare.facility"].search([("code", "=", "NORTH")])
plain, signed = env["healthcare.source"].create([
    {"name": code, "code": code, "environment": "sandbox",
     "facility_ids": facility.ids, "signature_required": code == "guide-signed"}
    for code in ("guide", "guide-signed")])
env["healthcare.target"].create({
    "name": "Spreadsheets", "url": %(url)r, "dialect": "csv", "fact_types": "transport",
})
print(plain._issue_key(["healthcare.events"]))
print(plain._issue_key(["healthcare.status"]))
print(signed._issue_key(["healthcare.events"]))
print(env["healthcare.source.secret"]._issue(signed))
env.cr.commit()
"""
_MADE = """
import json
transports = env["healthcare.transport"].search([], order="id")
facts = env["healthcare.fact"].search([("fact_type", "=", "transport")], order="id")
env.cr.execute('SELECT changes FROM healthcare_analytics.transport')
rows = env.cr.fetchall()
kinds = env["healthcare.event.type"].search([("code", "=", "transport.requested")])
print(json.dumps([
    [[str(one.pickup_at), one.changes] for one in transports],
    [[one.key, one.sequence] for one in facts],
    len(rows),
    kinds.fact_names,
    env["healthcare.fact.column"].search_count([("fact_type", "=", "transport")]),
]))
"""


def _unindented(code):
    return re.sub(r"^   ", "", code, flags=re.MULTILINE).strip("\n") + "\n"


def calls(text):
    """Return ``[(status, code)]`` of the calls in a guide."""
    return [
        (int(found["status"]), _unindented(found["code"]))
        for found in _CALL.finditer(text)
    ]


def commands(where):
    """Return the commands of the data team's guide that are run somewhere."""
    return [
        _unindented(found["code"])
        for found in _COMMAND.finditer(DATA_TEAM.read_text(encoding="utf-8"))
        if found["where"] == where
    ]


def invoices():
    """Return lines of facts: an invoice told twice, another that was taken back."""
    rows = [
        ("invoice:1", 1, "upsert", "80.00"),
        ("invoice:1", 2, "upsert", "90.00"),
        ("invoice:2", 1, "upsert", "70.00"),
        ("invoice:2", 2, "delete", None),
    ]
    return "".join(
        json.dumps(
            {
                "fact_id": f"{key}/{sequence}",
                "fact_type": "invoice",
                "schema_version": "1.1",
                "operation": operation,
                "key": key,
                "sequence": sequence,
                "occurred_at": "2026",
                "recorded_at": "2026",
                "amount_total": amount,
            }
        )
        + "\n"
        for key, sequence, operation, amount in rows
    )


class _Spreadsheets(Endpoint):
    def parse(self, text):
        return list(csv.DictReader(text.decode().splitlines()))


@tagged("post_install", "-at_install")
class TestGuidesRun(BaseCase):
    """One server with the example addon, made of the blocks of the guide."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dev = instance.Dev()
        try:
            cls.database = cls.dev.clone(DATABASE)
        except DevError as error:
            if os.environ.get("CI"):
                raise
            cls.skipTest(cls, str(error))
        cls.addClassCleanup(cls.dev.cluster.drop, cls.database)
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.files = {
            found["path"]: _unindented(found["code"])
            for found in _FILE.finditer(DEVELOPERS.read_text(encoding="utf-8"))
        }
        for name, content in cls.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        environment = cls.dev.environment
        cls.dev.environment = dataclasses.replace(
            environment, addons_path=f"{environment.addons_path},{folder}"
        )
        cls.target = _Spreadsheets()
        cls.addClassCleanup(cls.target.close)
        setup = _SETUP % {"addon": ADDON, "url": cls.target.url}
        names = ("KEY", "STATUS_KEY", "SIGNED_KEY", "SECRET")
        values = cls.dev.script(cls.database, setup).split()
        cls.server = cls.enterClassContext(server.Server(cls.dev, cls.database))
        cls.variables = dict(zip(names, values, strict=True), BASE=cls.server.url)

    # -- vendors ----------------------------------------------------------------

    def test_every_call_is_answered_as_it_says(self):
        text = VENDORS.read_text(encoding="utf-8")
        commands = calls(text)
        self.assertEqual(len(commands), text.count("code-block:: sh"))
        self.assertGreater(len(commands), 10)
        readme = calls(README.read_text(encoding="utf-8"))
        self.assertTrue(readme)
        commands += readme
        for status, code in commands:
            with self.subTest(code=code):
                code = code.replace(SERVED, self.server.url)
                self.assertRegex(self._run(code, status), rf"^HTTP/1\.1 {status} ")

    def _run(self, code, status):
        """Return what a command prints; once more where the jobs are still at it."""
        for _turn in range(20):
            answer = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", code],
                env={**os.environ, **self.variables},
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

    # -- data teams -------------------------------------------------------------

    def test_facts_go_to_postgresql_by_the_guide(self):
        cluster, name = self.dev.cluster, f"{DATABASE}_warehouse"
        cluster.clone("template0", name)
        self.addCleanup(cluster.drop, name)
        folder = self.enterContext(tempfile.TemporaryDirectory())
        Path(folder, "docs").symlink_to(ROOT / "docs")
        Path(folder, "facts.ndjson").write_text(invoices())
        ours, views = commands("postgresql"), commands("odoo")
        self.assertEqual((len(ours), len(views)), (4, 2))
        variables = {**self.dev.variables(), "ODOO": self.database}

        def run(code):
            return subprocess.run(
                [
                    "bash",
                    "-euo",
                    "pipefail",
                    "-c",
                    code.replace("-d warehouse", f"-d {name}"),
                ],
                env=variables,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            ).stdout

        tables, load, read, gaps = ours
        for code in (tables, load, tables, load):
            run(code)
        self.assertEqual(run(read), "1 90.00\n")
        self.assertEqual(run(gaps), "")
        for code in views:
            run(code)

    # -- developers -------------------------------------------------------------

    def test_the_example_addon_works(self):
        text = DEVELOPERS.read_text(encoding="utf-8")
        languages = ("python", "json", "xml", "text")
        blocks = sum(text.count(f"code-block:: {name}\n") for name in languages)
        self.assertEqual(len(self.files), blocks)
        event = {
            "specversion": "1.0",
            "id": "transport-1",
            "source": "urn:example:dispatch",
            "type": "healthcare.transport.requested.v1",
            "time": "2026-03-02T08:30:00Z",
            "data": {
                "facility": "NORTH",
                "patient": {
                    "identifiers": [{"system": "urn:example:mrn", "value": "GUIDE-T"}]
                },
                "transport": {"id": "T-1", "pickup_at": "2026-03-03T09:00:00+01:00"},
            },
        }
        wrong = {**event, "id": "transport-2", "data": {"facility": "NORTH"}}
        self.assertEqual(self._post("events", wrong)[0], 422)
        # its patient is not known yet: it waits, and goes on by itself
        self.assertEqual(self._post("events", event)[0], 202)
        patient = event["data"]["patient"] | {
            "name": {"family": "Guide", "given": ["Tess"]},
            "birth_date": "1970-01-01",
        }
        registration = {
            **event,
            "id": "transport-3",
            "type": "healthcare.registration.created.v1",
            "data": {"facility": "NORTH", "patient": patient},
        }
        self.assertEqual(self._post("events", registration)[0], 202)
        self._await(1)
        # the same transport, of another time, in a format of the addon's own
        line = "T-1|urn:example:mrn|GUIDE-T|2026-03-03T10:00:00+01:00"
        for status in (202, 200):
            self.assertEqual(self._post("pipe", line, "text/x-pipe")[0], status)
        self.assertEqual(self._post("pipe", "T-2|short", "text/x-pipe")[0], 422)
        self._await(2)
        facts = self._delivered()
        self.assertEqual({fact["fact_type"] for fact in facts}, {"transport"})
        self.assertEqual([fact["occurred_at"] for fact in facts], ["2026", "2026"])
        # and what the guide lets print: the tables of a warehouse
        [code] = _SHELL.findall(text)
        code = re.sub(r"^    ", "", code, flags=re.MULTILINE)
        made, _line, printed = self.dev.script(self.database, _MADE + code).partition(
            "\n"
        )
        self.assertIn("VIEW healthcare_transport", printed)
        self.assertIn('"pickup_at"', printed)
        key = facts[0]["key"]
        self.assertEqual(
            json.loads(made),
            [[["2026-03-03 09:00:00", 1]], [[key, 1], [key, 2]], 1, "transport", 2],
        )
        _status, openapi = self._get("openapi.json")
        self.assertIn("/healthcare/v1/pipe", openapi["paths"])
        types = {one["type"] for one in openapi["x-event-types"]}
        self.assertIn(event["type"], types)
        self.assertEqual(self._get("schemas/transport.requested/1.0")[0], 200)
        self.assertEqual(self._get("schemas/facts/transport/1.1")[0], 200)

    def _post(self, path, body, content_type="application/cloudevents+json"):
        data = body if isinstance(body, str) else json.dumps(body)
        headers = {
            "Authorization": f"Bearer {self.variables['KEY']}",
            "Content-Type": content_type,
        }
        return self._call(path, data.encode(), headers)

    def _get(self, path):
        return self._call(path, None, {})

    def _call(self, path, data, headers):
        address = f"{self.server.url}/healthcare/v1/{path}"
        request = urllib.request.Request(address, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def _delivered(self):
        return [one for _headers, _body, sent in self.target.requests for one in sent]

    def _await(self, count):
        end = time.monotonic() + 60
        while len(self._delivered()) < count and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(len(self._delivered()), count, self.server.tail())
