"""The catalogue of facts: its files, its checks, and what really leaves."""

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from odoo.tests import BaseCase, HttpCase, tagged

from odoo.addons.healthcare_connector.core import facts
from odoo.addons.healthcare_connector.core.analytics import deidentification
from odoo.addons.healthcare_connector.core.facts import checks, published, reference

SAMPLES = {
    "string": st.text(max_size=20),
    "decimal": st.decimals(-9999, 9999, places=2).map(lambda one: f"{one:.2f}"),
    "number": st.integers(-999, 999) | st.floats(-999, 999),
    "boolean": st.booleans(),
    "date": st.dates(datetime(1900, 1, 1).date()).map(str),
    "datetime": st.datetimes(datetime(1900, 1, 1)).map(
        lambda one: one.isoformat() + "Z"
    ),
}


def rows(fact_type):
    """Return a strategy of values of one fact type."""
    return st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | SAMPLES[column.type]
            for name, column in facts.CATALOGUE[fact_type].items()
        },
    )


class TestFactSchemas(BaseCase):
    def test_files_say_what_the_catalogue_says(self):
        wanted = published.files()
        for path, content in wanted.items():
            self.assertEqual(path.read_text(encoding="utf-8"), content)
        self.assertEqual(set(published.FOLDER.glob("*/*.json")), set(wanted))
        self.assertEqual(
            reference.PATH.read_text(encoding="utf-8"), reference.document()
        )

    def test_every_column_says_everything(self):
        for fact_type, columns in {**facts.CATALOGUE, "": facts.ENVELOPE}.items():
            for name, column in columns.items():
                with self.subTest(type=fact_type, column=name):
                    self.assertIn(column.phi, deidentification.CLASSES)
                    self.assertIn(column.type, checks.CHECKS)
                    self.assertTrue(column.meaning)
                    self.assertIn(column.since, facts.VERSIONS)
                    if fact_type and name != "suppressed" and "patients" not in name:
                        self.assertTrue(column.source or fact_type in facts.SNAPSHOTS)
                    if column.type in ("decimal", "number"):
                        self.assertTrue(column.unit)
                    else:
                        self.assertFalse(column.unit)
        self.assertFalse(
            [
                name
                for columns in facts.CATALOGUE.values()
                for name in columns
                if name in facts.ENVELOPE
            ]
        )

    def test_version_one_has_what_it_had(self):
        """What was published once stays; a digest of names would hide what changed."""
        self.assertEqual(
            list(published.schema("claim", "1.0")["properties"])[12:17],
            [
                "state",
                "payer",
                "amount_charged",
                "amount_paid",
                "patient_responsibility",
            ],
        )
        with self.assertRaises(KeyError):
            published.schema("stock_level", "1.0")

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_what_leaves_is_valid(self, data):
        """Whatever the policy does to values that were written."""
        fact_type = data.draw(st.sampled_from(list(facts.CATALOGUE)))
        values = data.draw(rows(fact_type))
        facts.split(fact_type, values)
        for policy in deidentification.POLICIES:
            document = {
                "fact_id": "x",
                "fact_type": fact_type,
                "schema_version": facts.SCHEMA_VERSION,
                "operation": "upsert",
                "key": "x",
                "sequence": 1,
                "occurred_at": datetime.now(UTC).isoformat()[:19] + "Z",
                "recorded_at": "2026",
                **deidentification.apply(policy, facts.classes(fact_type), values),
            }
            validator = Draft202012Validator(
                published.schema(fact_type, facts.SCHEMA_VERSION)
            )
            self.assertEqual(list(map(str, validator.iter_errors(document))), [])

    def test_values_of_another_type_are_refused(self):
        for column, value in (
            ("amount_paid", 12.5),
            ("amount_paid", "12,50"),
            ("amount_paid", "NaN"),
            ("state", False),
            ("decision_days", "3"),
            ("decision_days", float("nan")),
            ("decision_days", True),
            ("submitted_at", "2026-03-02"),
            ("submitted_at", "2026-13-02T00:00:00Z"),
            ("state", "x" * 5000),
        ):
            with self.subTest(column=column, value=str(value)[:20]):
                with self.assertRaises(ValueError) as caught:
                    facts.split("claim", {column: value})
                self.assertNotIn(str(value), str(caught.exception))
        with self.assertRaises(KeyError):
            facts.split("claim", {"name_of_patient": "x"})


@tagged("post_install", "-at_install")
class TestFactSchemasServed(HttpCase):
    def test_served_and_listed(self):
        base = "/healthcare/v1"
        listed = self.url_open(f"{base}/openapi.json").json()["x-fact-types"]
        self.assertEqual(
            {(one["type"], one["version"]) for one in listed},
            {(path.parent.name, path.stem) for path in published.files()},
        )
        one = listed[-1]
        answer = self.url_open(one["schema"])
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(
            json.dumps(answer.json()),
            json.dumps(published.schema(one["type"], one["version"])),
        )
        for path in ("claim/9.9", "nothing/1.0"):
            missing = self.url_open(f"{base}/schemas/facts/{path}")
            self.assertEqual(missing.status_code, 404)
