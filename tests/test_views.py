"""Every screen opens for every role that has its menu, with something on it."""

from lxml import etree

from odoo import fields
from odoo.tests import Form, new_test_user
from odoo.tools.safe_eval import safe_eval

from .common import HealthcareCase, coverage_data, event, patient_data

MODULE = "healthcare_connector"
GROUP = f"{MODULE}.group_"
# No right of Odoo's own besides: whoever has less must not break a screen.
ROLES = {
    "operator": ("operator",),
    "phi_reader": ("operator", "phi_reader"),
    "finance": ("finance",),
    "auditor": ("auditor",),
    "administrator": ("administrator",),
}


class TestViews(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(
                cls.env,
                f"test-view-{role}",
                groups=",".join(["base.group_user", *(GROUP + name for name in names)]),
            )
            for role, names in ROLES.items()
        }

    def setUp(self):
        super().setUp()
        self._make_events()
        self._make_visit()
        self._make_billing()

    # -- one of each, so that a screen has something to read ----------------------

    def _make_events(self):
        good, bad = self.events(
            self.send(
                event(
                    "registration.created",
                    patient_data("V-1", coverages=[coverage_data()]),
                ),
                event("registration.created", patient_data("V-2", birth_date="No")),
            )
        )
        self.process()
        self.assertTrue(bad.exception_ids)
        self.event, self.facility = good, good.facility_id
        self.patient = (
            self.env["healthcare.patient.identifier"]
            .search([("value", "=", "V-1")])
            .partner_id
        )
        self.payer = self.patient.healthcare_coverage_ids.payer_id
        bad.exception_ids.user_id = self.users["operator"]
        self.env["healthcare.payload.access"]._record(good)
        target = self.env["healthcare.target"].create(
            {"name": "Test warehouse", "url": "https://analytics.example.com/"}
        )
        self.env["healthcare.delivery.batch"].create(
            {"target_id": target.id, "uuid": "v-batch"}
        )

    def _make_visit(self):
        self.service = self.env["healthcare.service"].search(
            [("supply_ids", "!=", False)], limit=1
        )
        self.order = self.env["sale.order"].create(
            {
                "partner_id": self.patient.id,
                "order_line": [
                    fields.Command.create({"product_id": self.service.product_id.id})
                ],
            }
        )
        self.appointment = self.env["healthcare.appointment"].create(
            {
                "identifier": "V-APT",
                "source_id": self.source.id,
                "facility_id": self.facility.id,
                "patient_id": self.patient.id,
                "subject": "v-appointment",
                "start": fields.Datetime.now(),
                "order_id": self.order.id,
                "line_ids": [fields.Command.create({"service_id": self.service.id})],
                "clearance_reasons": ["The payer has not approved it."],
            }
        )
        self.order.healthcare_appointment_id = self.appointment
        self.env["healthcare.authorization"].create(
            {
                "key": "v-authorization",
                "facility_id": self.facility.id,
                "patient_id": self.patient.id,
                "payer_id": self.payer.id,
                "appointment_id": self.appointment.id,
                "service_ids": self.service.ids,
            }
        )
        warehouse = self.facility.warehouse_id
        self.picking = self.env["stock.picking"].create(
            {
                "picking_type_id": warehouse.out_type_id.id,
                "location_id": warehouse.lot_stock_id.id,
                "healthcare_appointment_id": self.appointment.id,
            }
        )

    def _make_billing(self):
        self.completion = self.env["healthcare.completion"].create(
            {
                "identifier": "V-SVC",
                "key": "v-completion",
                "facility_id": self.facility.id,
                "patient_id": self.patient.id,
                "payer_id": self.payer.id,
                "appointment_id": self.appointment.id,
                "order_id": self.order.id,
                "performed_at": fields.Datetime.now(),
            }
        )
        self.invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.payer.id,
                "healthcare_patient_id": self.patient.id,
                "healthcare_facility_id": self.facility.id,
                "healthcare_completion_id": self.completion.id,
                "healthcare_responsible": "payer",
                "invoice_line_ids": [
                    fields.Command.create({"product_id": self.service.product_id.id})
                ],
            }
        )
        self.env["healthcare.claim"].create(
            {
                "identifier": "V-CLM",
                "subject": "v-claim",
                "facility_id": self.facility.id,
                "patient_id": self.patient.id,
                "payer_id": self.payer.id,
                "move_id": self.invoice.id,
            }
        )

    # -- screens ------------------------------------------------------------------

    def _actions(self):
        found = self.env["ir.model.data"].search(
            [("module", "=", MODULE), ("model", "=", "ir.actions.act_window")]
        )
        return self.env["ir.actions.act_window"].browse(found.mapped("res_id"))

    def _menu_actions(self, role):
        """The actions behind those menus of ours that a role sees."""
        menus = self.env["ir.ui.menu"]
        visible = menus.browse(menus.with_user(self.users[role])._visible_menu_ids())
        root = str(self.env.ref(f"{MODULE}.menu_root").id)
        return [
            menu.action
            for menu in visible
            if menu.action
            and menu.action._name == "ir.actions.act_window"
            and root in menu.parent_path.split("/")
        ]

    def test_every_screen_of_every_role_opens(self):
        for role, user in self.users.items():
            actions = self._menu_actions(role)
            self.assertGreater(len(actions), 12, role)
            for action in actions:
                with self.subTest(role=role, screen=action.name):
                    self._open(action, user)

    def _open(self, action, user):
        model = self.env[action.res_model].with_user(user)
        views = {kind: view_id for view_id, kind in action.views}
        wanted = [(view_id, kind) for kind, view_id in views.items()]
        loaded = model.get_views([*wanted, (action.search_view_id.id, "search")])
        self.assertEqual(set(loaded["views"]), {*views, "search"})
        domain = safe_eval(action.domain or "[]", {"uid": user.id})
        records = model.search(domain, limit=5)
        for kind in {"list", "kanban"} & views.keys():
            records.read(self._field_names(loaded["views"][kind]["arch"]))
        if "form" in views:
            for record in records:
                Form(record, view=views["form"] or None)

    def _field_names(self, arch):
        fields_of_model = etree.fromstring(arch).iterfind(".//field")
        return list({node.get("name") for node in fields_of_model})

    def test_every_action_explains_an_empty_list(self):
        for action in self._actions():
            with self.subTest(action=action.name):
                self.assertTrue(action.help)
                if "list" in action.view_mode:
                    self.assertIn("o_view_nocontent_smiling_face", action.help)

    def test_filters_can_be_searched_by(self):
        for action in self._actions():
            if not action.search_view_id and "healthcare." not in action.res_model:
                continue  # documents of Odoo's have Odoo's filters
            model = self.env[action.res_model]
            views = model.get_views([(action.search_view_id.id, "search")])
            arch = etree.fromstring(views["views"]["search"]["arch"])
            for node in arch.iter("filter"):
                with self.subTest(action=action.name, filter=node.get("name")):
                    if node.get("domain"):
                        context = {"uid": self.env.uid, "context_today": None}
                        model.search(safe_eval(node.get("domain"), context), limit=1)
                    elif node.get("context"):
                        group_by = safe_eval(node.get("context"))["group_by"]
                        model.formatted_read_group([], [group_by], ["__count"])

    def test_documents_of_odoo_lead_back(self):
        for record, role in (
            (self.order, "finance"),
            (self.invoice, "finance"),
            (self.patient, "operator"),
        ):
            with self.subTest(document=record._name):
                arch = record.with_user(self.users[role]).get_view(view_type="form")
                self.assertIn("healthcare_", arch["arch"])
        action = self.order.with_user(
            self.users["finance"]
        ).action_open_healthcare_appointment()
        self.assertEqual(action["res_id"], self.appointment.id)

    def test_who_may_not_does_not_see_the_buttons(self):
        def buttons(model, role):
            arch = self.env[model].with_user(self.users[role])
            tree = etree.fromstring(arch.get_view(view_type="form")["arch"])
            return {node.get("name") for node in tree.iter("button")}

        for model in ("healthcare.event", "healthcare.exception"):
            self.assertIn("action_open_payload", buttons(model, "phi_reader"))
            for role in ("operator", "finance", "auditor", "administrator"):
                self.assertNotIn("action_open_payload", buttons(model, role))
        work = {"action_retry", "action_open_waive", "action_assign_to_me"}
        self.assertLessEqual(work, buttons("healthcare.exception", "operator"))
        self.assertFalse(work & buttons("healthcare.exception", "auditor"))
        self.assertIn("action_pause", buttons("healthcare.source", "administrator"))
        self.assertNotIn("action_pause", buttons("healthcare.source", "operator"))

    def test_those_without_a_role_have_no_menu(self):
        nobody = new_test_user(self.env, "test-view-nobody")
        menus = self.env["ir.ui.menu"].with_user(nobody)
        root = self.env.ref(f"{MODULE}.menu_root")
        self.assertNotIn(root.id, menus._visible_menu_ids())

    def test_the_queue_names_no_patient(self):
        exception = self.env["healthcare.exception"].create(
            {
                "category": "stock_shortage",
                "fingerprint": "v-exception",
                "patient_id": self.patient.id,
                "event_id": self.event.id,
            }
        )
        for kind in ("list", "kanban", "form"):
            view = exception.get_view(view_type=kind)
            names = self._field_names(view["arch"])
            self.assertNotIn("patient_id", names)
            self.assertIn("patient_reference", names)
