"""Two accounts become one, by events in any order of arrival, and are taken apart."""

from itertools import islice, permutations

from odoo.exceptions import UserError

from .test_patient_identity import IdentityCase
from .workflow_common import SYSTEM


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
        # Every fifth of the 120 orders: each event still comes at each place.
        orders = islice(permutations(range(5)), 0, None, 5)
        for number, order in enumerate(orders):
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

    def test_money_finds_the_survivor_in_any_order(self):
        self._stock(self.contrast, 5000)
        for number, order in enumerate(permutations(range(4))):
            a, b = f"PA{number}", f"PB{number}"
            self.play(self.person(a, 0, name=self.named(f"Fam{number}", "Ada")))
            events = [
                self.person(b, 1, name=self.named(f"Other{number}", "Bea")),
                self.completed(b, f"S{number}", 20),
                self.merged(a, b, 30),
                self.payment(
                    f"PAY{number}",
                    "800.00",
                    90,
                    allocations=[{"account_number": f"ACC-{b}", "amount": "800.00"}],
                ),
            ]
            rows = [self.play(events[position]) for position in order]
            for row in rows:
                self.assertStates(row, "done")
            completion = self.env["healthcare.completion"].search(
                [("identifier", "=", f"S{number}")]
            )
            self.assertEqual(completion.patient_id, self.patient(a), order)
            invoice = completion.invoice_ids
            self.assertEqual(invoice.healthcare_patient_id, self.patient(a), order)
            self.assertEqual(invoice.payment_state, "paid", order)
