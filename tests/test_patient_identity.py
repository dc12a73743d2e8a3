"""One person, several accounts: noticed, compared, merged, taken apart again."""

from itertools import permutations

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

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


class TestMerge(IdentityCase):
    def setUp(self):
        super().setUp()
        self.play(
            self.person("M1", 0, phone="5550111"),
            self.person("M2", 1, emails=["m2@example.org"]),
            self.appointment("booked", "M2", "V2", 2),
        )
        self.one, self.two = self.patient("M1"), self.patient("M2")

    def test_event_moves_everything(self):
        open_invoice = self.invoice(self.two, 50)
        draft = self.invoice(self.two, 70, post=False)
        order = self.visit("V2").order_id
        self.assertEqual(order.partner_id, self.two)
        coverage = self.two.healthcare_coverage_ids
        self.assertEqual(len(self.issues("duplicate_patient")), 1)
        merged = self.play(self.merged("M1", "M2"))
        self.assertStates(merged, "done")
        self.assertEqual(self.patient("M2"), self.one)
        self.assertEqual(self.visit("V2").patient_id, self.one)
        self.assertEqual(order.partner_id, self.one)
        self.assertEqual(coverage.patient_id, self.one)
        for move in (open_invoice, draft):
            self.assertEqual(move.partner_id, self.one)
            self.assertEqual(move.commercial_partner_id, self.one)
            self.assertEqual(move.healthcare_patient_id, self.one)
            self.assertEqual(move.line_ids.partner_id, self.one)
            self.assertEqual(move.invoice_partner_display_name, self.one.name)
        self.assertFalse(self.two.active)
        self.assertEqual(self.two.healthcare_merged_into_id, self.one)
        self.assertEqual(self.one.phone, "5550111")
        self.assertEqual(self.one.email, "m2@example.org", "fills the gap")
        self.assertFalse(self.issues("duplicate_patient"))
        by_account = self.engine.env["healthcare.workflow"]._patients_by_account(
            [self.two.healthcare_account_key, self.one.healthcare_account_key]
        )
        self.assertEqual(set(by_account.values()), {self.one})
        merge = self.env["healthcare.patient.merge"].search([])
        self.assertEqual((merge.state, merge.event_id), ("done", merged))
        self.assertStates(self.play(self.merged("M1", "M2", 31)), "done")
        self.assertEqual(len(self.env["healthcare.patient.merge"].search([])), 1)

    def test_facts_follow(self):
        self.play(self.merged("M1", "M2"))
        facts = self.env["healthcare.fact"]
        visit = facts._latest({("healthcare.appointment", self.visit("V2").id)})
        self.assertEqual(visit.partner_id, self.one)
        self.assertEqual(visit._phi_values()[visit]["start"], "2026-03-05T09:00:00Z")
        gone = facts._latest({("res.partner", self.two.id)})
        self.assertEqual(gone.operation, "delete")
        kept = facts._latest({("res.partner", self.one.id)})
        self.assertEqual(kept.columns["coverages"], 2)
        self.assertEqual(kept.facility_id, self.facility)

    def test_undo(self):
        invoice = self.invoice(self.two, 50)
        self.play(self.merged("M1", "M2"))
        merge = self.env["healthcare.patient.merge"].search([])
        merge.action_undo()
        self.assertEqual(self.patient("M2"), self.two)
        self.assertEqual(self.visit("V2").patient_id, self.two)
        self.assertEqual(self.visit("V2").order_id.partner_id, self.two)
        self.assertEqual(invoice.partner_id, self.two)
        self.assertEqual(invoice.invoice_partner_display_name, self.two.name)
        self.assertEqual(self.two.healthcare_coverage_ids.member_id, "M-M2")
        self.assertTrue(self.two.active)
        self.assertFalse(self.two.healthcare_merged_into_id)
        self.assertFalse(self.one.email)
        self.assertFalse(
            (self.one | self.two).healthcare_identifier_ids.filtered("retired")
        )
        self.assertEqual(merge.state, "undone")
        facts = self.env["healthcare.fact"]
        for document, patient in ((self.two, self.two), (self.visit("V2"), self.two)):
            last = facts._latest({(document._name, document.id)})
            self.assertEqual((last.operation, last.partner_id), ("upsert", patient))
        with self.assertRaises(UserError):
            merge.action_undo()
        self.play(self.person("M2", 40, "updated", phone="5550111"))
        self.assertFalse(self.issues("duplicate_patient"), "a person said: two")
        self.assertStates(self.play(self.merged("M1", "M2", 50)), "done")
        self.assertEqual(self.patient("M2"), self.one)

    def test_undo_only_while_nothing_new_is_posted(self):
        draft = self.invoice(self.two, 70, post=False)
        self.play(self.merged("M1", "M2"))
        merge = self.env["healthcare.patient.merge"].search([])
        draft.action_post()
        with self.assertRaises(UserError):
            merge.action_undo()
        self.assertEqual(merge.state, "done")

    def test_locked_entries_keep_their_partner(self):
        invoice = self.invoice(self.two, 50)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET inalterable_hash = '$4$x' WHERE id = %s",
            [invoice.id],
        )
        self.env.invalidate_all()
        self.play(self.merged("M1", "M2"))
        self.assertEqual(invoice.partner_id, self.two)
        self.assertEqual(invoice.line_ids.partner_id, self.two)
        self.assertEqual(invoice.healthcare_patient_id, self.one)

    def test_same_coverage_on_both_sides(self):
        verified = {
            "coverages": [
                {"payer": {"code": "T-PAYER"}, "member_id": "X", "priority": 1}
            ]
        }
        newer = {
            "coverages": [
                {
                    "payer": {"code": "T-PAYER"},
                    "member_id": "X",
                    "priority": 2,
                    "plan": "Gold",
                }
            ]
        }
        self.play(
            self.register("M1", 5, "updated", **verified),
            self.register("M2", 6, "updated", **newer),
        )
        self.play(self.merged("M1", "M2"))
        coverage = self.one.healthcare_coverage_ids.filtered(
            lambda one: one.member_id == "X"
        )
        self.assertEqual((coverage.priority, coverage.plan), (2, "Gold"))
        self.env["healthcare.patient.merge"].search([]).action_undo()
        self.assertEqual((coverage.priority, coverage.plan), (1, False))
        self.assertEqual(
            set(self.two.healthcare_coverage_ids.mapped("member_id")), {"M-M2", "X"}
        )

    def test_chains(self):
        self.play(self.person("M3", 3, name=self.named("Okafor", "Ngozi")))
        self.play(self.merged("M3", "M1", 30))
        self.play(self.merged("M1", "M2", 31))
        three = self.patient("M3")
        self.assertEqual(self.patient("M2"), three)
        self.assertEqual(self.patient("M1"), three)
        self.assertEqual(self.visit("V2").patient_id, three)
        first, second = self.env["healthcare.patient.merge"].search([], order="id")
        with self.assertRaises(UserError):
            first.action_undo()
        second.action_undo()
        first.action_undo()
        self.assertEqual(self.patient("M2"), self.two)
        self.assertEqual(self.patient("M1"), self.one)

    def test_third_patient_that_looked_like_the_retired(self):
        self.play(self.person("M3", 3))
        three = self.patient("M3")
        self.assertEqual(len(self.issues("duplicate_patient")), 3)
        self.play(self.merged("M1", "M2"))
        issue = self.issues("duplicate_patient")
        self.assertEqual(len(issue), 1)
        self.assertEqual({issue.patient_id.id, issue.res_id}, {self.one.id, three.id})

    def test_unknown_patient_waits(self):
        parked = self.play(self.merged("M1", "M9"))
        self.assertStates(parked, "exception")
        issue = self.issues("missing_dependency")
        self.assertEqual(issue.category, "missing_dependency")
        self.play(self.person("M9", 8))
        self.assertStates(parked, "done")
        self.assertEqual(self.patient("M9"), self.one)
        self.assertFalse(self.issues("missing_dependency"))

    def test_what_came_during_the_merge_follows(self):
        self.play(self.merged("M1", "M2"))
        self.engine._sweep_merged()
        merge = self.env["healthcare.patient.merge"].search([])
        journal = merge.journal
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE healthcare_appointment SET patient_id = %s WHERE id = %s",
            [self.two.id, self.visit("V2").id],
        )
        self.env.invalidate_all()
        self.engine._sweep_merged()
        self.assertEqual(self.visit("V2").patient_id, self.one)
        self.assertEqual(len(merge.journal["moved"]), len(journal["moved"]) + 1)
        self.engine._sweep_merged()
        self.assertEqual(len(merge.journal["moved"]), len(journal["moved"]) + 1)
        merge.action_undo()
        self.assertEqual(self.visit("V2").patient_id, self.two)

    def test_numbers_told_by_the_merge_alone(self):
        merged = self.merged("M1", "M2")
        merged["data"]["retired"]["identifiers"].append(
            {"system": SYSTEM, "value": "M2-OLD"}
        )
        self.play(merged)
        self.assertEqual(self.patient("M2-OLD"), self.one)


class TestMergeOrder(IdentityCase):
    def test_any_order_ends_in_the_same_account(self):
        outcomes = set()
        for number, order in enumerate(permutations(range(5))):
            a, b, visit = f"A{number}", f"B{number}", f"VO{number}"
            events = [
                self.person(a, 0, phone="5550111"),
                self.person(b, 1, phone="5550122", emails=["old@example.org"]),
                self.person(b, 2, "updated", phone="5550133"),
                self.merged(a, b, 10),
                self.appointment("booked", b, visit, 20),
            ]
            for position in order:
                self.play(events[position])
            patient = self.patient(a)
            self.assertEqual(self.patient(b), patient, order)
            self.assertEqual(self.visit(visit).patient_id, patient, order)
            self.assertEqual(self.visit(visit).order_id.partner_id, patient, order)
            self.assertFalse(self.issues("missing_dependency"), order)
            outcomes.add(
                (
                    patient.phone,
                    patient.email,
                    tuple(
                        sorted(
                            member.replace(str(number), "")
                            for member in patient.healthcare_coverage_ids.mapped(
                                "member_id"
                            )
                        )
                    ),
                    tuple(
                        sorted(
                            value.replace(str(number), "")
                            for value in patient.healthcare_identifier_ids.mapped(
                                "value"
                            )
                        )
                    ),
                )
            )
            # So that the next turn's people look like nobody.
            self.env["res.partner"].search(
                [("healthcare_is_patient", "=", True)]
            ).healthcare_birth_date = "1901-01-01"
        self.assertEqual(
            outcomes,
            {
                (
                    "5550111",
                    "old@example.org",
                    ("M-A", "M-B"),
                    ("A", "ACC-B", "B"),
                )
            },
        )


class TestMergeByPeople(IdentityCase):
    def setUp(self):
        super().setUp()
        self.play(self.person("W1"))
        self.play(self.person("W2", 1, phone="5550199"))
        self.one, self.two = self.patient("W1"), self.patient("W2")
        self.issue = self.issues("duplicate_patient")

    def user(self, group):
        return new_test_user(
            self.env, f"merge_{group}", groups=f"healthcare_connector.group_{group}"
        )

    def wizard(self, user):
        context = self.issue.with_user(user).action_open_merge()["context"]
        return (
            self.env["healthcare.merge.wizard"]
            .with_user(user)
            .with_context(**context)
            .create({"reason": "Same card"})
        )

    def test_finance_compares_and_merges(self):
        self.invoice(self.two, 50)
        wizard = self.wizard(self.user("finance"))
        self.assertEqual((wizard.left_id, wizard.right_id), (self.one, self.two))
        self.assertIn("5550199", wizard.comparison)
        self.assertIn("table-warning", wizard.comparison)
        self.assertIn("owed by the patient", wizard.comparison)
        wizard.survivor = "right"
        action = wizard.action_merge()
        self.assertEqual(action["res_id"], self.two.id)
        self.assertEqual(self.patient("W1"), self.two)
        self.assertEqual(self.issue.state, "resolved")
        merge = self.env["healthcare.patient.merge"].search([])
        self.assertEqual(merge.reason, "Same card")
        self.assertEqual(merge.user_id.login, "merge_finance")
        merge.with_user(merge.user_id).action_undo()
        self.assertEqual(self.patient("W1"), self.one)

    def test_two_people(self):
        self.wizard(self.user("administrator")).action_two_people()
        self.assertEqual(self.issue.state, "waived")
        self.play(self.person("W1", 9, "updated", phone="5550199"))
        self.assertFalse(self.issues())

    def test_a_reason_is_wanted(self):
        wizard = self.wizard(self.user("finance"))
        wizard.reason = " "
        with self.assertRaises(UserError):
            wizard.action_merge()

    def test_others_may_not(self):
        operator = self.user("operator")
        with self.assertRaises(AccessError):
            self.wizard(operator)
        with self.assertRaises(AccessError):
            self.two.with_user(operator)._healthcare_merge_into(self.one)
        self.two._healthcare_merge_into(self.one)
        merge = self.env["healthcare.patient.merge"].search([])
        with self.assertRaises(AccessError):
            merge.with_user(operator).action_undo()

    def test_from_the_list_of_patients(self):
        wizards = self.env["healthcare.merge.wizard"].with_context(
            active_model="res.partner", active_ids=(self.two | self.one).ids
        )
        values = wizards.default_get(["left_id", "right_id"])
        self.assertEqual(values["left_id"], self.one.id)
        with self.assertRaises(UserError):
            wizards.with_context(active_ids=self.one.ids).default_get(["left_id"])

    def test_only_patients(self):
        with self.assertRaises(UserError):
            self.two._healthcare_merge_into(self.payer)

    def test_odoos_own_merge(self):
        same = {"payer": {"code": "T-PAYER"}, "member_id": "X", "priority": 1}
        self.play(
            self.register("W1", 5, "updated", coverages=[same]),
            self.register("W2", 6, "updated", coverages=[{**same, "plan": "Gold"}]),
            self.appointment("booked", "W2", "V1", 7),
        )
        target = self.env["healthcare.target"].search([], limit=1) or self.env[
            "healthcare.target"
        ].create({"name": "T", "url": "https://example.org/facts"})
        self.env["healthcare.surrogate"]._keys(target, (self.one | self.two).ids)
        reference = self.two.healthcare_reference
        account_key = self.two.healthcare_account_key
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.one | self.two).ids, self.one
        )
        self.env.invalidate_all()
        self.assertFalse(self.two.exists())
        self.assertEqual(self.patient("W2"), self.one)
        self.assertEqual(self.visit("V1").patient_id, self.one)
        members = self.one.healthcare_coverage_ids.mapped("member_id")
        self.assertEqual(sorted(members), ["M-W1", "M-W2", "X"])
        merge = self.env["healthcare.patient.merge"].search([])
        self.assertEqual(merge.retired_reference, reference)
        self.assertEqual(merge.state, "final")
        self.assertEqual(self.issue.state, "resolved")
        workflow = self.env["healthcare.workflow"]
        self.assertEqual(
            workflow._patients_by_account([account_key])[account_key], self.one
        )
        with self.assertRaises(UserError):
            merge.action_undo()

    def test_odoos_own_merge_into_a_contact(self):
        contact = self.env["res.partner"].create({"name": "Plain contact"})
        reference = self.two.healthcare_reference
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (contact | self.two).ids, contact
        )
        self.env.invalidate_all()
        self.assertEqual(contact.healthcare_reference, reference)
        self.assertEqual(self.patient("W2"), contact)
