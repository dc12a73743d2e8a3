"""What a safe-harbor target gets of the demo's day: searched byte by byte.

45 CFR 164.514(b)(2): none of the 18 identifiers. Every string of every field that tells
of a patient is looked for in all bytes that arrived at a real HTTP receiver, headers
included. A second target, for identified data, shows that the search finds what is
there.
"""

import copy
import gzip
import re
from datetime import date
from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.healthcare_connector.core import facts
from odoo.addons.healthcare_connector.core.analytics import deidentification
from odoo.addons.healthcare_connector.core.facts import published

from ..dev import feed
from .common import HealthcareCase
from .test_delivery import Endpoint

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{4}/\d{2}|\d{8}(?!\d)")
OLD, RESTRICTED = "1931-07-19", "03601"
PERSONAL = ("patient", "guarantor", "coverages", "survivor", "retired")
WORDS = ("relationship", "sex", "system", "payer")  # of a list, not of a person


def strings_of(events):
    """Return every value of fields that tell of a patient, dates and codes too."""
    found = set(feed.phi_strings(events))

    def walk(node, inside):
        if isinstance(node, dict):
            for name, value in node.items():
                if name not in WORDS:
                    walk(value, inside or name in PERSONAL)
        elif isinstance(node, list):
            for value in node:
                walk(value, inside)
        elif inside and isinstance(node, str) and len(node) >= 5:
            found.add(node)

    for event in events:
        walk(event["data"], False)
    return found


@tagged("post_install", "-at_install")
class TestSafeHarbor(HealthcareCase):
    def setUp(self):
        super().setUp()
        deliveries = type(self.env["healthcare.delivery"])
        if hasattr(deliveries, "_await_probe"):
            patcher = patch.object(deliveries, "_await_probe", lambda *_args: False)
            patcher.start()
            self.addCleanup(patcher.stop)

    def endpoint(self, **values):
        endpoint = Endpoint()
        self.addCleanup(endpoint.close)
        self.env["healthcare.target"].create({"url": endpoint.url, **values})
        return endpoint

    def day(self):
        """Return the feed's events, with an aged patient and one of few neighbours."""
        events = copy.deepcopy(feed.generate(patients=14))
        registered = {}
        for event in events:
            if feed.name_of(event).startswith("registration."):
                patient = event["data"]["patient"]
                registered.setdefault(patient["identifiers"][0]["value"], []).append(
                    patient
                )
        old, rural = list(registered.values())[:2]
        for patient in old:
            patient["birth_date"] = OLD
        for patient in rural:
            patient.setdefault("address", {})["postal_code"] = RESTRICTED
        return events

    def arrived(self, endpoint):
        """Return all bytes that arrived, as text, and the documents."""
        parts, documents = [], []
        for headers, body, ones in endpoint.requests:
            parts.append(str(headers))
            parts.append(gzip.decompress(body).decode())
            documents += ones
        return "\n".join(parts), documents

    def test_none_of_the_identifiers_leaves(self):
        safe = self.endpoint(name="Safe")
        all_of_it = self.endpoint(
            name="All", policy="identified", policy_approver_id=self.env.uid
        )
        events = self.day()
        self.play(*feed.unique(events))
        facilities = self.env["healthcare.facility"].search(
            [("code", "in", feed.FACILITIES)]
        )
        self.env["healthcare.snapshot"]._take(facilities, feed.DAY)
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("healthcare_connector.cron_deliver").method_direct_trigger()
        strings = strings_of(events)
        self.assertGreater(len(strings), 150)

        text, documents = self.arrived(safe)
        self.assertEqual(
            {one["fact_type"] for one in documents} & set(facts.CATALOGUE),
            {one["fact_type"] for one in documents},
        )
        self.assertGreaterEqual(len({one["fact_type"] for one in documents}), 8)
        found = sum(string in text for string in strings)
        self.assertFalse(found, f"{found} values of patients left")
        for document in documents:
            kind = document["fact_type"]
            if kind not in facts.SNAPSHOTS:
                mine = {
                    name: value
                    for name, value in document.items()
                    if name in facts.CATALOGUE[kind]
                    or document["patient_key"]
                    and name in ("occurred_at", "recorded_at")
                }
                self.assertFalse(_DATE.search(str(mine)), kind)
            if document.get("suppressed") is False and document["patients"]:
                self.assertGreaterEqual(document["patients"], 11)

        registered = [d for d in documents if d["fact_type"] == "registration"]
        zips = {one["postal_code"] for one in registered}
        self.assertIn("000", zips)
        self.assertNotIn(RESTRICTED[:3], zips)
        self.assertTrue(all(value is None or len(value) == 3 for value in zips))
        oldest = date.today().year - deidentification.OLDEST
        births = {one["birth_date"] for one in registered}
        self.assertIn(None, births, "of the aged not even the year")
        self.assertTrue(all(b is None or int(b) >= oldest for b in births))
        self.assertTrue(all(len(one["patient_key"]) == 32 for one in registered))

        # The same search finds what is there.
        text, documents = self.arrived(all_of_it)
        for value in (OLD, RESTRICTED):
            self.assertIn(value, text)
        self.assertGreater(sum(string in text for string in strings), 10)

        self.check_schemas(documents)

    def check_schemas(self, documents):
        """Assert that what really left is what the published schemas say."""
        for document in documents[::7]:
            schema = published.schema(document["fact_type"], document["schema_version"])
            self.assertLessEqual(document.keys(), schema["properties"].keys())
            for name in schema["required"]:
                self.assertIsNotNone(document[name])

    def test_a_surrogate_is_random(self):
        """Not computed: another target, or another time, gives another one."""
        patient = self.env["res.partner"].create({"name": "Zephyrine Quillfeather"})
        targets = self.env["healthcare.target"].create(
            [{"name": n, "url": "http://127.0.0.1:9/"} for n in ("One", "Two")]
        )
        surrogates = self.env["healthcare.surrogate"]

        def keys():
            return [surrogates._keys(one, patient.ids)[patient.id] for one in targets]

        first = keys()
        self.assertEqual(first, keys())
        surrogates.search([("partner_id", "=", patient.id)]).unlink()
        self.assertEqual(len({*first, *keys()}), 4)
