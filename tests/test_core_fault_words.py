"""What is wrong with an event, in plain words."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import fault_words, schema

TYPE = ("registration.created", "1.0")


def said(pointer, code="required", type_=TYPE):
    error = {"pointer": pointer, "code": code, "detail": "Told by the reader."}
    return fault_words.sentence(error, *type_)


class TestFaultWords(BaseCase):
    def test_places_and_problems(self):
        for pointer, code, text in (
            (
                "/data/patient/name/given",
                "required",
                "patient's given names are missing",
            ),
            (
                "/data/patient/birth_date",
                "format",
                "patient's birth date is not a date",
            ),
            ("/data/patient", "required", "patient is missing"),
            (
                "/data/coverages/1/payer/code",
                "too_short",
                "2nd coverage's payer code is",
            ),
            (
                "/data/patient/identifiers",
                "too_few",
                "patient's identifiers are missing",
            ),
            (
                "/data/patient/identifiers/0/value",
                "required",
                "value of the patient's 1st identifier is missing",
            ),
            (
                "/data/coverages/0/priority",
                "too_large",
                "1st coverage's priority is more than 99",
            ),
            ("/time", "required", "event's time is missing"),
            ("/type", "unknown_type", "event's kind is unknown here"),
            ("", "too_many", "event is out of range"),
            (
                "/data/patient/name/given",
                "other",
                "cannot be used: Told by the reader.",
            ),
        ):
            with self.subTest(pointer=pointer, code=code):
                self.assertIn(text, said(pointer, code))
        self.assertEqual(
            said("/data/coverages/*/member_id"), "One coverage's member id is missing."
        )

    def test_messages_that_are_no_events(self):
        self.assertEqual(
            said("/transactions/0", "unusable"),
            "What was sent cannot be used: Told by the reader.",
        )
        self.assertEqual(
            said("/outcome", "required"), "A field of what was sent is missing."
        )

    def test_names_of_the_senders_choice_are_not_repeated(self):
        for pointer in ("/data/patient/Wolkenstein", "/data/Wolkenstein/0", "/Wolk"):
            text = said(pointer, "duplicate_key")
            self.assertNotIn("Wolk", text)
            self.assertNotIn("Wolk", fault_words.known_pattern(pointer, *TYPE))
        self.assertEqual(
            fault_words.known_pattern("/data/coverages/3/payer/x", *TYPE),
            "/data/coverages/*/payer",
        )

    def test_many_are_told_in_short(self):
        errors = schema.registry().validate(
            *TYPE, {"patient": {}, "coverages": [{}, {}, {}]}
        )
        text = fault_words.sentences(errors, *TYPE)
        self.assertEqual(text.count("."), fault_words.SHOWN + 1)
        self.assertIn(f"And {len(errors) - fault_words.SHOWN} more.", text)

    def test_every_member_of_every_type_has_words(self):
        for known in schema.registry().types():
            members = fault_words.members(*known)
            self.assertIn("/data/facility", members)
            for pointer, place in members.items():
                self.assertTrue(place.schema, pointer)
                self.assertRegex(place.words, r"^[a-zA-Z0-9 '()-]+$")

    @settings(max_examples=60, deadline=None)
    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["patient", "coverages", "name", "payer", "given", "zz"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_whatever_comes_a_sentence_comes_of_it(self, data):
        for error in schema.registry().validate(*TYPE, data):
            text = fault_words.sentence(error, *TYPE)
            self.assertTrue(text.endswith("."), text)
            self.assertNotIn("/", text)
            self.assertNotIn(json.dumps(error["pointer"]), text)
