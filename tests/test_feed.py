"""The demo's feed: lawful, repeatable, and what it promises."""

import collections

from odoo.tests import BaseCase, tagged

from ..core.contract import schema
from ..dev import expectation, feed


@tagged("post_install", "-at_install")
class TestFeed(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.events = feed.generate()

    def test_repeatable(self):
        self.assertEqual(self.events, feed.generate())
        self.assertNotEqual(self.events, feed.generate(seed=1))

    def test_lawful(self):
        """Every event fits its schema, but the one that must not."""
        registry = schema.registry()
        for event in self.events:
            errors = registry.validate(feed.name_of(event), "1.0", event["data"])
            self.assertEqual(bool(errors), expectation.is_malformed(event), event["id"])

    def test_ids(self):
        """The same id always means the same content."""
        contents = collections.defaultdict(set)
        for event in self.events:
            contents[event["id"]].add(str(event))
        self.assertTrue(all(len(ones) == 1 for ones in contents.values()))
        self.assertGreater(len(self.events), len(contents))

    def test_day(self):
        """Two facilities, 60 patients, 3 payers, 12 services, all the troubles."""
        once = feed.unique(self.events)
        facilities = {event["data"]["facility"] for event in once}
        self.assertEqual(facilities, {"NORTH", "SOUTH"})
        charges = {
            charge["code"]
            for event in once
            if feed.name_of(event) == "service.completed"
            for charge in event["data"]["charges"]
        }
        self.assertEqual(charges, set(feed.SERVICES))
        wanted = expectation.expected(self.events)
        self.assertEqual(wanted["patients"], 59)
        self.assertEqual(
            set(wanted["exceptions"]),
            {
                "missing_payer",
                "unmapped_code",
                "authorization_gap",
                "stock_shortage",
                "payment_mismatch",
                "schema_mismatch",
            },
        )

    def test_out_of_order(self):
        """Arrivals are not all in the order of what happened."""
        times = [event["time"] for event in feed.unique(self.events)]
        self.assertNotEqual(times, sorted(times))

    def test_no_patient_in_the_clear(self):
        """What is stored in the clear of an envelope tells of no patient."""
        strings = feed.phi_strings(self.events)
        for event in self.events:
            clear = str({**event, "data": None})
            self.assertFalse([one for one in strings if one in clear])

    def test_any_size(self):
        for patients in (12, 13, 200):
            events = feed.generate(patients=patients)
            wanted = expectation.expected(events)
            self.assertEqual(wanted["exceptions"]["authorization_gap"], 1, patients)
            self.assertEqual(wanted["exceptions"]["missing_payer"], 1, patients)
            self.assertEqual(wanted["exceptions"]["payment_mismatch"], 1, patients)
