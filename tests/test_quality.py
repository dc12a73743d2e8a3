"""Quality rules: what they find, when, and who is told."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.healthcare_connector.core import facts
from odoo.addons.healthcare_connector.core.analytics import quality
from odoo.addons.healthcare_connector.models.insight import quality as job

from .common import HealthcareCase

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestQuality(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rules = cls.env["healthcare.quality.rule"]
        cls.rules.search([]).active = False
        cls.facility = cls.env.ref("healthcare_connector.facility_north")
        cls.documents = cls.env["res.partner"].create(
            [{"name": f"Document {number}"} for number in range(6)]
        )

    def rule(self, kind, column, fact_type="claim", **values):
        return self.rules.create(
            {
                "name": f"{kind} {column}",
                "kind": kind,
                "column": column,
                "fact_type": fact_type,
                "looked_at": self.last(),
                **values,
            }
        )

    def last(self):
        self.env.cr.execute("SELECT coalesce(max(id), 0) FROM healthcare_fact")
        return self.env.cr.fetchone()[0]

    def tell(self, *rows, fact_type="claim", **more):
        self.env["healthcare.fact"]._emit(
            fact_type,
            [
                {
                    "document": self.documents[number],
                    "facility": self.facility,
                    "values": row,
                    **more,
                }
                for number, row in enumerate(rows)
            ],
        )

    def look(self):
        """Run the job as if an hour had passed; return what failed by rule."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE healthcare_fact SET recorded_at = recorded_at - interval '10 min' "
            "WHERE recorded_at > now() AT TIME ZONE 'UTC' - interval '6 min'"
        )
        with patch.object(self.env.cr, "commit", lambda: None):
            self.rules._cron_look()
        return {
            rule.name: (sum(rule.result_ids.mapped("failed_count")), rule.result_ids)
            for rule in self.rules.search([])
        }

    def found(self, rule):
        self.look()
        results = rule.result_ids
        return (
            sum(results.mapped("checked_count")),
            sum(results.mapped("failed_count")),
        )

    def test_what_has_to_be_there(self):
        payer = self.rule("required", "payer")
        line = self.rule("required", "service_line")
        amount = self.rule("required", "amount_paid")
        self.tell(
            {"payer": "A", "amount_paid": "1.00"}, {"payer": ""}, {"payer": None}, {}
        )
        self.assertEqual(self.found(payer), (4, 3))
        self.assertEqual(self.found(line), (4, 4))
        self.assertEqual(self.found(amount), (4, 3))

    def test_between(self):
        rule = self.rule("range", "amount_paid", minimum="0", maximum="100")
        at_least = self.rule("range", "amount_paid", minimum="50.5")
        values = ("0.00", "100.00", "100.01", "-0.01", "50.49")
        self.tell(*({"amount_paid": value} for value in values), {})
        self.assertEqual(self.found(rule), (6, 2))
        self.assertEqual(self.found(at_least), (6, 3))

    def test_one_of(self):
        rule = self.rule("allowed", "state", allowed="submitted, denied")
        self.tell({"state": "submitted"}, {"state": "odd"}, {"state": None})
        self.assertEqual(self.found(rule), (3, 1))

    def test_only_where(self):
        rule = self.rule(
            "required",
            "denial_reason",
            condition_column="state",
            condition_value="denied, odd",
        )
        self.tell(
            {"state": "denied"},
            {"state": "submitted"},
            {"state": "odd", "denial_reason": "CO-197"},
        )
        self.assertEqual(self.found(rule), (2, 1))

    def test_known_from_another_fact(self):
        by_key = self.rule("reference", "invoice_key")
        by_column = self.rule(
            "reference", "service_key", "consumable_usage", other_type="service"
        )
        self.tell({}, fact_type="invoice")
        known = f"invoice:{self.documents[0].id}"
        self.tell({"invoice_key": known}, {"invoice_key": "invoice:0"}, {})
        self.tell({"service_key": "S-1"}, fact_type="service")
        self.tell(
            {"service_key": "S-1"},
            {"service_key": "S-2"},
            {},
            fact_type="consumable_usage",
        )
        self.assertEqual(self.found(by_key), (3, 1))
        self.assertEqual(self.found(by_column), (3, 1))

    def test_only_once(self):
        rule = self.rule("unique", "invoice_key")
        self.tell({"invoice_key": "a"}, {"invoice_key": "a"}, {"invoice_key": "b"}, {})
        self.assertEqual(self.found(rule), (4, 2))

    def test_new_facts_only_and_not_too_soon(self):
        rule = self.rule("required", "payer")
        self.tell({})
        with patch.object(self.env.cr, "commit", lambda: None):
            self.rules._cron_look()
        self.assertFalse(rule.result_ids)
        self.assertEqual(self.found(rule), (1, 1))
        self.assertEqual(self.found(rule), (1, 1))
        self.tell({"payer": "A"})
        self.assertEqual(self.found(rule), (2, 1))

    def test_in_slices(self):
        rule = self.rule("required", "payer")
        self.tell(*({} for _ in range(6)))
        with patch.object(job, "SLICE", 2):
            self.assertEqual(self.found(rule), (6, 6))
        self.assertEqual(len(rule.result_ids), 1)

    def test_results_of_a_day_and_a_facility_with_the_facts(self):
        rule = self.rule("required", "payer")
        self.tell({}, {"payer": "A"})
        south = self.env.ref("healthcare_connector.facility_south")
        self.tell({}, facility=south)
        self.look()
        by_place = {result.facility_id: result for result in rule.result_ids}
        self.assertEqual(by_place.keys(), {self.facility, south})
        north = by_place[self.facility]
        self.assertEqual(
            (north.checked_count, north.failed_count, north.share), (2, 1, 50.0)
        )
        self.assertEqual(north.failing_ids.res_id, self.documents[0].id)
        self.assertEqual(rule.failed_week, 2)
        self.assertAlmostEqual(rule.share_week, 66.67, places=1)
        action = north.action_open_failing()
        facts_found = self.env["healthcare.fact"].search(action["domain"])
        self.assertEqual(facts_found, north.failing_ids)
        watched = self.env["healthcare.figures"]._watched("quality_failed")
        self.assertIn((south.id, 1), [(one.facility, one.value) for one in watched])
        text = self.env["healthcare.figures"]._exposition().decode()
        self.assertIn('healthcare_quality_failed{facility="NORTH"', text)

    def test_changed_rules_begin_anew(self):
        rule = self.rule("required", "payer")
        self.tell({})
        self.look()
        self.assertTrue(rule.result_ids)
        rule.column = "state"
        self.assertFalse(rule.result_ids)
        rule.looked_at = 0
        self.look()
        self.assertEqual(sum(rule.result_ids.mapped("failed_count")) >= 1, True)
        rule.action_look_again()
        self.assertEqual((rule.looked_at, len(rule.result_ids)), (0, 0))

    def test_rules_that_make_no_sense(self):
        for values in (
            {"kind": "required", "column": "birth_date", "fact_type": "registration"},
            {"kind": "required", "column": "x'; DROP TABLE a; --"},
            {"kind": "range", "column": "state", "minimum": "1"},
            {"kind": "range", "column": "amount_paid"},
            {"kind": "range", "column": "amount_paid", "minimum": "x"},
            {"kind": "range", "column": "amount_paid", "minimum": "2", "maximum": "1"},
            {"kind": "allowed", "column": "state"},
            {"kind": "allowed", "column": "state", "allowed": "a'b"},
            {"kind": "reference", "column": "payer"},
            {
                "kind": "required",
                "column": "payer",
                "condition_column": "birth_date",
                "condition_value": "x",
            },
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                self.rules.create({"name": "Odd", "fact_type": "claim", **values})

    def test_only_administrators_write_rules(self):
        rule = self.rule("required", "payer")
        for role in ("operator", "auditor"):
            user = new_test_user(
                self.env, f"quality-{role}", groups=f"base.group_user,{GROUP}{role}"
            )
            self.assertTrue(rule.with_user(user).name)
            with self.assertRaises(AccessError):
                rule.with_user(user).name = "Mine"
            with self.assertRaises(AccessError):
                rule.with_user(user).action_look_again()

    def test_shipped_rules_make_sense_and_run(self):
        shipped = self.env["ir.model.data"].search(
            [
                ("module", "=", "healthcare_connector"),
                ("model", "=", "healthcare.quality.rule"),
            ]
        )
        rules = self.rules.browse(shipped.mapped("res_id"))
        self.assertGreater(len(rules), 15)
        rules.active = True
        rules._check_rule()
        self.tell({"state": "denied", "amount_charged": "0.00"})
        self.look()
        failed = {rule.name for rule in rules if rule.failed_week}
        self.assertLessEqual(
            {"Claims name a payer", "Claims charge something", "Denied claims say why"},
            failed,
        )

    def test_old_results_go(self):
        rule = self.rule("required", "payer")
        old = self.env["healthcare.quality.result"].create(
            {"rule_id": rule.id, "day": fields.Date.today() - timedelta(days=500)}
        )
        self.look()
        self.assertFalse(old.exists())

    def test_every_column_that_may_be_chosen_can_be_asked(self):
        for fact_type in facts.CATALOGUE:
            for name in quality.columns(fact_type):
                rule = self.rule("required", name, fact_type)
                self.assertFalse(quality.check(rule._said()))
                rule.looked_at = 0
                rule._look(1)
