"""The wizard that sets up a facility, for administrators without Odoo's rights."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, HttpCase, new_test_user, tagged

from .workflow_common import WorkflowCase, event


class TestFacilityWizard(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env["res.company"].create({"name": "Other provider"})
        groups = "base.group_user,healthcare_connector.group_administrator"
        cls.administrator, cls.other_administrator = (
            new_test_user(
                cls.env,
                f"facility-administrator-{company.id}",
                groups=groups,
                company_id=company.id,
                company_ids=[(6, 0, company.ids)],
            )
            for company in (cls.company, cls.other_company)
        )

    def wizard(self, user, **values):
        return (
            self.env["healthcare.facility.wizard"]
            .with_user(user)
            .create({"name": "Harbour Clinic", "code": "T-HARBOUR", **values})
        )

    def opened(self, user, action):
        self.env.invalidate_all()
        return self.env["healthcare.facility"].with_user(user).browse(action["res_id"])

    def test_makes_what_is_missing_and_lets_waiting_events_go_on(self):
        waiting = self.play(
            event(
                "registration.created",
                {
                    "facility": "T-HARBOUR",
                    "patient": {
                        **self.patient_ref("H1"),
                        "name": {"family": "Quillfeather", "given": ["Zephyrine"]},
                        "birth_date": "1961-07-19",
                    },
                },
            )
        )
        self.assertStates(waiting, "exception")
        self.assertFalse(self.administrator.has_group("stock.group_stock_user"))
        model = self.env["healthcare.facility.wizard"].with_user(self.administrator)
        with Form(model) as form:
            form.name = "Harbour Clinic"
            form.code = "T-HARBOUR"
            self.assertEqual(form.warehouse_code, "T-HAR")
            form.warehouse_code = "HARB"
        facility = self.opened(self.administrator, form.record.action_create_facility())
        self.assertEqual(facility.code, "T-HARBOUR")
        self.assertEqual(facility.company_id, self.company)
        warehouse = facility.warehouse_id
        self.assertEqual((warehouse.name, warehouse.code), ("Harbour Clinic", "HARB"))
        self.assertEqual(warehouse.company_id, self.company)
        account = facility.analytic_account_id.sudo()
        self.assertEqual(account.company_id, self.company)
        plans = self.env["healthcare.facility"].search([]).analytic_account_id.plan_id
        self.assertIn(account.plan_id, plans)
        self.process()
        self.assertStates(waiting, "done")
        self.assertEqual(waiting.facility_id.id, facility.id)
        self.assertTrue(self.patient("H1"))

    def test_takes_what_is_there(self):
        warehouses = self.env["stock.warehouse"]
        before = warehouses.search_count([])
        facility = self.opened(
            self.administrator,
            self.wizard(
                self.administrator,
                warehouse_choice="existing",
                warehouse_id=self.warehouse.id,
                analytic_choice="existing",
                analytic_account_id=self.analytic["WEST"].id,
            ).action_create_facility(),
        )
        self.assertEqual(facility.warehouse_id, self.warehouse)
        self.assertEqual(facility.analytic_account_id, self.analytic["WEST"])
        self.assertEqual(warehouses.search_count([]), before)

    def test_nothing_leaks_between_companies(self):
        mine = self.opened(
            self.administrator, self.wizard(self.administrator).action_create_facility()
        )
        action = self.wizard(
            self.other_administrator,
            name="Hill Clinic",
            code="T-HILL",
            warehouse_code="HILL",
        ).action_create_facility()
        theirs = self.opened(self.other_administrator, action)
        self.assertEqual(theirs.company_id, self.other_company)
        self.assertEqual(theirs.warehouse_id.company_id, self.other_company)
        self.assertEqual(
            theirs.analytic_account_id.sudo().company_id, self.other_company
        )
        for user, own, foreign in (
            (self.administrator, mine, theirs),
            (self.other_administrator, theirs, mine),
        ):
            env = self.env(user=user)
            for field in (None, "warehouse_id", "analytic_account_id"):
                seen = own.sudo()[field] if field else own
                hidden = foreign.sudo()[field] if field else foreign
                visible = env[seen._name].search([])
                self.assertIn(seen.id, visible.ids)
                self.assertNotIn(hidden.id, visible.ids)
            with self.assertRaises(AccessError):
                env["healthcare.facility"].browse(foreign.id).read(["name"])

    def test_no_way_into_another_company(self):
        wizard = self.wizard(self.administrator)
        wizard.sudo().company_id = self.other_company
        before = self.env["stock.warehouse"].search_count([])
        with self.assertRaises(AccessError):
            wizard.action_create_facility()
        self.assertEqual(self.env["stock.warehouse"].search_count([]), before)
        foreign = self.env["stock.warehouse"].search(
            [("company_id", "=", self.other_company.id)], limit=1
        )
        with self.assertRaises(UserError):
            self.wizard(
                self.administrator,
                warehouse_choice="existing",
                warehouse_id=foreign.id,
            ).action_create_facility()

    def test_a_choice_must_name_something(self):
        for values in (
            {"warehouse_choice": "existing"},
            {"warehouse_code": False},
            {"analytic_choice": "existing"},
        ):
            wizard = self.wizard(self.administrator)
            wizard.write(values)
            with self.assertRaises(UserError):
                wizard.action_create_facility()

    def test_another_company_forgets_what_was_chosen(self):
        self.administrator.company_ids |= self.other_company
        account = self.analytic["WEST"]
        account.company_id = self.company
        self.administrator.group_ids |= self.env.ref("base.group_multi_company")
        model = (
            self.env["healthcare.facility.wizard"]
            .with_user(self.administrator)
            .with_context(allowed_company_ids=[self.company.id, self.other_company.id])
        )
        form = Form(model)
        form.warehouse_choice = form.analytic_choice = "existing"
        form.warehouse_id = self.warehouse
        form.analytic_account_id = account
        form.company_id = self.other_company
        self.assertFalse(form.warehouse_id)
        self.assertFalse(form.analytic_account_id)

    def test_for_administrators_only(self):
        operator = new_test_user(
            self.env,
            "facility-operator",
            groups="base.group_user,healthcare_connector.group_operator",
        )
        with self.assertRaises(AccessError):
            self.wizard(operator)


@tagged("post_install", "-at_install")
class TestFacilityWizardTour(HttpCase):
    def test_administrator_sets_up_a_facility(self):
        user = new_test_user(
            self.env,
            "facility-tour",
            groups="base.group_user,healthcare_connector.group_administrator",
        )
        self.start_tour("/odoo", "healthcare_facility_wizard", login=user.login)
        facility = self.env["healthcare.facility"].search([("code", "=", "T-HARBOUR")])
        self.assertEqual(facility.warehouse_id.code, "HARB")
        self.assertEqual(facility.analytic_account_id.name, "Harbour Clinic")
