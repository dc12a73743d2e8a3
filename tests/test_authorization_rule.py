"""Payers' rules on which services need an authorization."""

from psycopg2 import IntegrityError

from odoo.tests import Form, new_test_user
from odoo.tools import mute_logger

from .workflow_common import WorkflowCase


class TestAuthorizationRule(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.rules = self.env["healthcare.authorization.rule"]
        self.play(
            self.register("R1"),
            self.appointment("booked", "R1", "RV1", 5),
        )
        self.booked = self.visit("RV1")

    def rule(self, service, required, payer=None):
        return self.rules.create(
            {
                "payer_id": (payer or self.payer).id,
                "service_id": service.id if service else False,
                "required": required,
            }
        )

    def test_the_most_specific_word_counts(self):
        self.assertEqual(self.booked.authorization_state, "not_required")
        every = self.rule(None, True)
        self.assertEqual(self.booked.authorization_state, "pending")
        one = self.rule(self.mri, False)
        self.assertEqual(self.booked.authorization_state, "not_required")
        self.mri.authorization_required = True
        one.note = "Contract, section 4.2"
        self.assertEqual(self.booked.authorization_state, "not_required")
        one.required = True
        every.required = False
        self.assertEqual(self.booked.authorization_state, "pending")
        one.unlink()
        self.assertEqual(self.booked.authorization_state, "not_required")
        every.unlink()
        self.assertEqual(self.booked.authorization_state, "pending")

    def test_a_rule_of_another_payer_or_service_says_nothing(self):
        other = self.payer.copy({"healthcare_payer_code": "T-OTHER"})
        self.rule(None, True, other)
        self.rule(self.consult, True)
        self.assertEqual(self.booked.authorization_state, "not_required")

    def test_the_payer_s_answer_for_a_patient_outweighs_its_rule(self):
        self.rule(self.mri, False)
        coverage = self.patient("R1").healthcare_coverage_ids
        coverage.authorization_required = True
        self.booked._compute_clearance()
        self.assertEqual(self.booked.authorization_state, "pending")

    def test_change_is_told_and_visits_that_are_over_keep_their_judgement(self):
        self.play(
            self.appointment("booked", "R1", "RV2", 6),
            self.appointment("cancelled", "R1", "RV2", 7),
        )
        over = self.visit("RV2")
        facts = self.env["healthcare.fact"]
        domain = [("fact_type", "=", "appointment"), ("res_id", "=", self.booked.id)]
        before = facts.search_count(domain)
        self.rule(self.mri, True)
        self.assertEqual(facts.search_count(domain), before + 1)
        self.assertEqual(
            facts.search(domain, limit=1).columns["authorization"], "pending"
        )
        self.assertEqual(over.authorization_state, "not_required")

    def test_billing_waits_for_what_a_rule_demands_and_goes_on_without_it(self):
        rule = self.rule(self.mri, True)
        held = self.play(self.completed("R1", "RS1", 60, "RV1"))
        self.assertStates(held, "exception")
        self.assertEqual(held.open_exception_id.category, "authorization_gap")
        self.assertEqual(held.open_exception_id.payer_id, self.payer)
        rule.required = False
        self.process()
        self.assertStates(held, "done")
        self.assertTrue(self.booked.invoice_ids)

    @mute_logger("odoo.sql_db")
    def test_one_rule_per_payer_and_service(self):
        for service in (self.mri, None):
            self.rule(service, True)
            with self.assertRaises(IntegrityError), self.cr.savepoint():
                self.rule(service, False)

    def test_visits_are_judged_in_bulk(self):
        def statements(first, count):
            self.play(
                *(
                    self.register(f"B{number}")
                    for number in range(first, first + count)
                ),
                *(
                    self.appointment("booked", f"B{number}", f"BV{number}", 5)
                    for number in range(first, first + count)
                ),
            )
            self.env.flush_all()
            self.env.invalidate_all()
            visits = self.env["healthcare.appointment"].search(
                [("identifier", "in", [f"BV{n}" for n in range(first, first + count)])]
            )
            before = self.cr.sql_log_count
            visits._compute_clearance()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        self.rule(self.mri, True)
        self.assertLessEqual(abs(statements(100, 20) - statements(200, 5)), 2)

    def test_administrators_set_rules_up_in_the_list_and_on_the_forms(self):
        administrator = new_test_user(
            self.env,
            "rule-administrator",
            groups="base.group_user,base.group_partner_manager,"
            "healthcare_connector.group_administrator",
        )
        with Form(self.mri.with_user(administrator)) as form:
            with form.authorization_rule_ids.new() as line:
                line.payer_id = self.payer
        self.assertEqual(self.booked.authorization_state, "pending")
        view = "healthcare_connector.view_payer_form"
        payer = self.payer.with_user(administrator)
        with Form(payer, view=view) as form:
            with form.healthcare_authorization_rule_ids.new() as line:
                line.required = False
        self.assertEqual(len(payer.healthcare_authorization_rule_ids), 2)
        operator = new_test_user(
            self.env,
            "rule-operator",
            groups="base.group_user,healthcare_connector.group_operator",
        )
        mine = self.rules.with_user(operator)
        self.assertTrue(mine.has_access("read"))
        for operation in ("write", "create", "unlink"):
            self.assertFalse(mine.has_access(operation))
