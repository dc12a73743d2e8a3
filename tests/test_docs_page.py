"""The documentation page: complete, correct, and nothing from anywhere else."""

import json
import re
from pathlib import Path

from lxml import html

from odoo.tests import BaseCase, HttpCase, tagged
from odoo.tools import file_open

from odoo.addons.healthcare_connector.controllers.responses import OPERATIONS
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.contract import (
    guide,
    problem,
    samples,
    schema,
)
from odoo.addons.healthcare_connector.core.mapping import bench as mapping_bench
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import fhir_r4, hl7v2, x12

PAGE = "/healthcare/docs"
# Run in the browser; what it finds wrong is an error of the console.
_LOOK = """
const expected = %s;
const count = (selector) => document.querySelectorAll(selector).length;
const found = {
    events: count("[data-part=events] > details"),
    endpoints: count("[data-part=endpoints] > details"),
    problems: count("[data-part=problems] tbody tr"),
};
const wrong = Object.keys(expected)
    .filter((name) => found[name] !== expected[name])
    .map((name) => `${name}: ${found[name]} of ${expected[name]}`);
const loaded = performance.getEntriesByType("resource").map((one) => one.name);
const foreign = loaded.filter((name) => !name.startsWith(location.origin));
if (foreign.length) { wrong.push(`loaded ${foreign}`); }
for (const one of document.querySelectorAll("details")) { one.open = true; }
if (document.documentElement.scrollWidth > window.innerWidth) {
    wrong.push("wider than the screen");
}
for (const word of ["undefined", "[object", "Loading"]) {
    if (document.body.innerText.includes(word)) { wrong.push(`says ${word}`); }
}
if (wrong.length) { console.error(wrong.join("; ")); }
else { console.log("test successful"); }
"""


def canonical(sample):
    """Return ``[(event, errors)]`` of a sample's body."""
    body = sample.body.encode()
    if sample.format == "cloudevents":
        event = strict_json.loads(body)
        name = event["type"].removeprefix("healthcare.").rpartition(".")[0]
        registry = schema.registry()
        errors = registry.envelope_errors(event)
        return [(name, errors + registry.validate(name, "1.0", event["data"]))]
    if sample.format == "x12":
        reading = x12.read(body)
        faults = reading.errors + [
            fault for one in reading.transactions for fault in one.errors + one.problems
        ]
        messages = [m for one in reading.transactions for m in one.messages]
    else:
        reader = hl7v2 if sample.format == "hl7v2" else fhir_r4
        messages = reader.read(body).messages
        faults = [fault for message in messages for fault in message.errors]
    assert not faults, faults
    shipped = mapping.shipped("fhir_r4" if sample.format == "fhir" else sample.format)
    return [
        (outcome["event"], outcome["errors"] + outcome["unmapped"])
        for message in messages
        for outcome in mapping_bench.run(
            shipped[message.kind], message.document, defaults={"facility": "NORTH"}
        )
    ]


class TestGuide(BaseCase):
    def test_examples_fit_their_schemas(self):
        registry = schema.registry()
        types = guide.event_types()
        self.assertEqual(len(types), len(registry.types()))
        for one in types:
            example = one["example"]
            with self.subTest(type=one["type"]):
                self.assertEqual(registry.envelope_errors(example), [])
                found = registry.validate(one["name"], one["version"], example["data"])
                self.assertEqual(found, [])
                self.assertEqual(example["type"], one["type"])

    def test_every_problem_says_what_to_do(self):
        listed = {one["code"]: one for one in guide.catalogue()["problems"]}
        self.assertEqual(set(listed), set(problem.TITLES))
        for code in sorted(listed):
            with self.subTest(code=code):
                self.assertTrue(listed[code]["advice"])
                self.assertGreaterEqual(listed[code]["status"], 400)

    def test_every_refusal_has_a_title(self):
        # What is said of one place in a body, never of the body as a whole.
        told_as_places = {"invalid_time"}
        found = set()
        root = Path(schema.DIRECTORY).parent
        for folder in ("controllers", "formats"):
            for path in (root / folder).glob("*.py"):
                text = path.read_text(encoding="utf-8")
                found.update(re.findall(r'InputError\(\s*"([a-z_0-9]+)"', text))
        self.assertGreater(len(found), 10)
        self.assertEqual(found - set(problem.TITLES) - told_as_places, set())

    def test_samples_become_canonical_events(self):
        found = {}
        # What a code may hold that means something to a format or a shell.
        for case in ({}, {"facility": "A|B&C^D", "service": "X'~Y", "token": "t-2"}):
            for sample in samples.make(**case):
                events = canonical(sample)
                with self.subTest(sample=sample.title, **case):
                    self.assertTrue(events)
                    self.assertEqual(
                        [errors for _event, errors in events if errors], []
                    )
                found[sample.format, sample.name] = {event for event, _errors in events}
        for format_ in ("cloudevents", "hl7v2", "fhir"):
            self.assertIn("registration.created", found[format_, "registration"])
            self.assertIn("appointment.booked", found[format_, "appointment"])
        self.assertEqual(
            found["x12", "remittance"], {"payment.received", "claim.adjudicated"}
        )
        self.assertEqual({one.format for one in samples.make()}, set(samples.FORMATS))

    def test_nothing_is_loaded_from_elsewhere(self):
        with file_open("healthcare_connector/static/docs/index.html") as file:
            tree = html.fromstring(file.read())
        for attribute in ("src", "href", "action", "srcset", "data"):
            for value in tree.xpath(f"//@{attribute}"):
                self.assertRegex(value, r"^(/healthcare|#)", value)
        self.assertFalse(tree.xpath("//style | //@style | //script[not(@src)]"))
        for name in ("docs.css", "docs.js"):
            with file_open(f"healthcare_connector/static/docs/{name}") as file:
                self.assertFalse(re.findall(r"//[a-z0-9-]+\.[a-z]", file.read()), name)


@tagged("post_install", "-at_install")
class TestDocsPage(HttpCase):
    browser_size = "375x667"
    touch_enabled = True

    def test_public_and_closed(self):
        answer = self.url_open(PAGE)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'self'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("Set-Cookie", answer.headers)
        catalogue = self.url_open(f"{PAGE}/catalogue.json")
        self.assertEqual(catalogue.status_code, 200)
        self.assertEqual(
            len(catalogue.json()["events"]), len(schema.registry().types())
        )

    def test_drawn_in_a_browser(self):
        """Every type, endpoint and problem is on the page, and it fits a phone."""
        endpoints = {(one.path, one.verb) for one in OPERATIONS}
        # What takes events answers the handshake of webhooks too.
        endpoints |= {(path, "OPTIONS") for path, verb in endpoints if verb == "POST"}
        expected = {
            "events": len(schema.registry().types()),
            "endpoints": len(endpoints),
            "problems": len(problem.TITLES),
        }
        self.browser_js(
            PAGE,
            _LOOK % json.dumps(expected),
            ready="document.body.dataset.ready === 'yes'",
        )
