"""Registrations become patients, in any order of arrival."""

from itertools import permutations

from .workflow_common import SYSTEM, WorkflowCase


class TestRegistration(WorkflowCase):
    def test_patient_with_identifiers_and_coverage(self):
        event = self.play(
            self.register(
                "R1",
                patient={
                    "identifiers": [
                        {"system": SYSTEM, "value": "R1"},
                        {"system": "urn:test:insurance", "value": "I1"},
                    ],
                    "phones": ["+1 555 0100"],
                    "address": {
                        "lines": ["1 Lane", "Flat 2"],
                        "city": "Town",
                        "state": "MA",
                        "postal_code": "01101",
                        "country": "US",
                    },
                },
                guarantor={"name": {"family": "Payton", "given": ["Sam"]}},
            )
        )
        self.assertStates(event, "done")
        patient = self.patient("R1")
        self.assertEqual(patient.name, "ZephR1 Quillfeather")
        self.assertTrue(patient.healthcare_is_patient)
        self.assertTrue(patient.healthcare_reference.startswith("PT"))
        self.assertEqual(patient.street2, "Flat 2")
        self.assertEqual(patient.state_id.code, "MA")
        self.assertEqual(len(patient.healthcare_identifier_ids), 2)
        self.assertEqual(patient.healthcare_coverage_ids.payer_id, self.payer)
        self.assertEqual(patient.healthcare_guarantor_id.name, "Sam Payton")
        fact = self.env["healthcare.fact"].search([("event_id", "=", event.id)])
        self.assertEqual(fact.columns["payer"], "T-PAYER")
        self.assertEqual(event.link_ids.mapped("res_id"), patient.ids)

    def test_sex_and_country_in_the_sender_s_words(self):
        """What the schema lets pass is understood, and never an error of ours."""
        self.env.company.country_id = self.env.ref("base.us")
        written = {
            "W1": ("F", {"country": "USA", "state": "ma"}, "female", "MA"),
            "W2": ("Male", {"country": "us", "state": "New York"}, "male", "NY"),
            "W3": ("X", {"state": "ILLINOIS"}, "other", "IL"),
            "W4": ("?", {"country": "GBR", "state": "MA"}, "unknown", False),
            "W5": ("female", {"state": "Nowhere"}, "female", False),
        }
        events = [
            self.register(
                mrn, patient={"sex": sex, "address": {"lines": ["1 Lane"], **address}}
            )
            for mrn, (sex, address, _sex, _state) in written.items()
        ]
        self.assertStates(self.play(*events), "done")
        for mrn, (_written, address, sex, state) in written.items():
            with self.subTest(mrn):
                patient = self.patient(mrn)
                self.assertEqual(patient.healthcare_sex, sex)
                self.assertEqual(patient.state_id.code, state)
                code = {"W4": "GB", "W5": False}.get(mrn, "US")
                self.assertEqual(patient.country_id.code, code, address)

    def test_any_order_ends_in_the_same_patient(self):
        outcomes = set()
        for number, order in enumerate(permutations(range(3))):
            mrn = f"O{number}"
            events = [
                self.register(mrn, 0, patient={"phones": ["1"], "emails": ["a@b.c"]}),
                self.register(mrn, 1, "updated", patient={"phones": ["2"]}),
                self.register(
                    mrn, 2, "updated", payer=None, patient={"emails": ["d@e.f"]}
                ),
            ]
            for position in order:
                self.assertStates(self.play(events[position]), "done")
            patient = self.patient(mrn)
            outcomes.add(
                (patient.phone, patient.email, len(patient.healthcare_coverage_ids))
            )
        self.assertEqual(outcomes, {("2", "d@e.f", 1)})

    def test_guarantor_in_any_order(self):
        parts = [
            {"phones": ["+1 555 0101"]},
            {"name": {"family": "Payton", "given": ["Sam"]}, "emails": ["s@p.example"]},
            {"address": {"lines": ["2 Lane"], "city": "Town", "country": "US"}},
        ]
        outcomes = set()
        for number, order in enumerate(permutations(range(3))):
            mrn = f"G{number}"
            for position in order:
                self.play(
                    self.register(mrn, position, "updated", guarantor=parts[position])
                )
            guarantor = self.patient(mrn).healthcare_guarantor_id
            outcomes.add(
                (
                    guarantor.name,
                    guarantor.phone,
                    guarantor.email,
                    guarantor.street,
                    guarantor.city,
                    guarantor.country_id.code,
                )
            )
        self.assertEqual(
            outcomes,
            {("Sam Payton", "+1 555 0101", "s@p.example", "2 Lane", "Town", "US")},
        )

    def test_missing_payer_holds_all_and_goes_on_by_itself(self):
        events = self.play(
            self.register("P1", payer="T-LATE"), self.register("P2", payer="T-LATE")
        )
        self.assertStates(events, "exception")
        self.assertFalse(self.patient("P1"))
        self.assertEqual(
            set(self.issues("missing_payer").mapped("cause_key")), {"payer/T-LATE"}
        )
        self.env["res.partner"].create(
            {
                "name": "Late",
                "healthcare_is_payer": True,
                "healthcare_payer_code": "T-LATE",
            }
        )
        self.process()
        self.assertStates(events, "done")
        self.assertTrue(self.patient("P1") and self.patient("P2"))
        self.assertFalse(self.issues("missing_payer"))

    def test_identifiers_of_two_patients(self):
        self.play(self.register("D1"), self.register("D2"))
        both = self.register("D1", 5, "updated")
        both["data"]["patient"]["identifiers"].append({"system": SYSTEM, "value": "D2"})
        self.assertStates(self.play(both), "exception")
        self.assertEqual(len(self.issues("duplicate_patient")), 1)

    def test_bulk_stays_bulk(self):
        self.assertBulk(lambda number: self.register(f"B{number}"))
