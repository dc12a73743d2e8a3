"""The same person under several accounts is noticed and shown."""

from .workflow_common import SYSTEM, WorkflowCase, event

PEOPLE = {
    "family": "Vandermeulen",
    "given": ["Isolde"],
}


class IdentityCase(WorkflowCase):
    def person(self, mrn, minute=0, kind="created", name=None, phone="5550100", **more):
        return self.register(
            mrn,
            minute,
            kind,
            patient={"name": name or PEOPLE, "phones": [phone], **more},
        )

    def named(self, family, *given):
        return {"family": family, "given": list(given)}

    def merged(self, survivor, retired, minute=30, **more):
        data = {
            "facility": "T-EAST",
            "survivor": self.patient_ref(survivor),
            "retired": self.patient_ref(retired),
        }
        return event("patient.merged", {**data, **more}, time=self.at(minute))

    def invoice(self, patient, amount, post=True):
        product = self.consult.product_id
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": patient.id,
                "healthcare_patient_id": patient.id,
                "healthcare_responsible": "patient",
                "invoice_date": "2026-03-04",
                "invoice_line_ids": [
                    (0, 0, {"product_id": product.id, "price_unit": amount})
                ],
            }
        )
        if post:
            move.action_post()
        return move


class TestDuplicates(IdentityCase):
    def test_probable_duplicate_is_registered_and_shown(self):
        first = self.play(self.person("D1"))
        self.assertFalse(self.issues())
        second = self.play(
            self.person("D2", 5, name=self.named("Van der Meulen", "Isolde"))
        )
        self.assertStates(first + second, "done")
        self.assertFalse(self.issues(), "another last word and nothing else alike")
        third = self.play(
            self.person("D3", 6, name=self.named("Vandermeullen", "Izolde"))
        )
        self.assertStates(third, "done")
        issue = self.issues("duplicate_patient")
        self.assertEqual(len(issue), 1)
        self.assertFalse(issue.blocks_event)
        self.assertEqual(issue.patient_id, self.patient("D3"))
        self.assertEqual(issue.res_id, self.patient("D1").id)
        self.assertEqual(issue.event_id, third)
        reference = self.patient("D1").healthcare_reference
        self.assertEqual(
            issue.reason,
            f"Looks like patient {reference}: same birth date, similar name, "
            "same phone.",
        )

    def test_both_in_one_batch(self):
        self.assertStates(self.play(self.person("D1"), self.person("D2")), "done")
        self.assertEqual(len(self.issues("duplicate_patient")), 1)
        self.play(self.person("D2", 9, "updated"))
        self.assertEqual(len(self.issues("duplicate_patient")), 1)

    def test_resolves_when_they_diverge(self):
        self.play(self.person("D1"), self.person("D2"))
        issue = self.issues("duplicate_patient")
        self.play(self.person("D1", 9, "updated", name=self.named("Okonkwo", "Ada")))
        self.assertEqual(issue.state, "resolved")
        self.assertEqual(issue.resolution, "cause_gone")
        self.play(self.person("D1", 10, "updated"))
        self.assertEqual(len(self.issues("duplicate_patient")), 1, "raised anew")
        self.patient("D2").healthcare_birth_date = "1990-01-01"
        self.assertFalse(self.issues("duplicate_patient"), "mended by hand")

    def test_decision_is_remembered(self):
        self.play(self.person("D1"), self.person("D2"))
        issue = self.issues("duplicate_patient")
        issue._waive("Twins")
        self.assertEqual(issue.state, "waived")
        self.play(
            self.person("D1", 9, "updated", phone="5550199"),
            self.person("D2", 9, "updated", phone="5550199"),
        )
        self.assertFalse(self.issues())

    def test_threshold(self):
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.healthcare_duplicate_threshold, 85)
        settings.healthcare_duplicate_threshold = 101
        settings.execute()
        self.play(self.person("D1"), self.person("D2"))
        self.assertFalse(self.issues())

    def test_numbers_of_two_patients_go_on_after_the_merge(self):
        self.play(self.register("D1"), self.register("D2"))
        both = self.register("D1", 5, "updated")
        both["data"]["patient"]["identifiers"].append({"system": SYSTEM, "value": "D2"})
        parked = self.play(both)
        self.assertStates(parked, "exception")
        issue = self.issues("duplicate_patient")
        self.assertTrue(issue.action_open_merge()["context"]["default_left_id"])
        self.patient("D2")._healthcare_merge_into(self.patient("D1"), reason="Same")
        self.process()
        self.assertStates(parked, "done")
        self.assertFalse(self.issues())

    def test_pairs_of_two_shards_are_found_by_the_sweep(self):
        self.play(self.person("D1"))
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.duplicate_threshold", 101
        )
        self.play(self.person("D2"))
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.duplicate_threshold", 85
        )
        self.assertFalse(self.issues())
        for _turn in range(2):
            self.engine._sweep_duplicates()
            self.assertEqual(len(self.issues("duplicate_patient")), 1)

    def test_bulk_stays_bulk(self):
        def make(number):
            return self.person(
                f"B{number}", name=self.named(f"Fam{number % 7}", f"Giv{number}")
            )

        self.assertBulk(make)
