"""Finance without any right on stock works with every document all the same."""

from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"


class TestFinanceRights(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.user = new_test_user(
            self.env, "finance-only", groups=f"base.group_user,{GROUP}finance"
        )
        self._stock(self.contrast, 3)
        self.play(
            self.register("F1"),
            self.register("F2"),
            self.appointment("confirmed", "F1", "FV1", 5),
            self.appointment("confirmed", "F2", "FV2", 5, start="2026-03-06T09:00:00Z"),
        )
        self.play(
            self.completed("F1", "FS1", 60, "FV1"),
            self.payment("FP1", "5.00", 70, "F2"),
        )

    def specification(self, arch):
        """Return what the web client reads of a form, lists within it included."""
        wanted = {}
        for node in arch.iterfind(".//field"):
            if any(one.tag == "field" for one in node.iterancestors()):
                continue
            inner = node.find("list") if node.find("list") is not None else None
            fields = self.specification(inner) if inner is not None else {}
            wanted[node.get("name")] = {"fields": fields} if fields else {}
        return wanted

    def open(self, record):
        """Open a record's form as this user's browser does."""
        record = record.with_user(self.user)
        arch = etree.fromstring(record.get_view(view_type="form")["arch"])
        (values,) = record.web_read(self.specification(arch))
        Form(record)
        return values, {node.get("name") for node in arch.iter("button")}

    def test_nothing_of_stock(self):
        self.assertFalse(self.user.has_group("stock.group_stock_user"))
        with self.assertRaises(AccessError):
            self.env["stock.lot"].with_user(self.user).search([])

    def test_documents_open(self):
        visits = self.visit("FV1") | self.visit("FV2")
        documents = [
            *visits,
            *visits.order_id,
            *visits.completion_ids,
            *visits.invoice_ids,
            *self.issues(),
            *visits.patient_id,
            *self.env["healthcare.event"].search([("source_id", "=", self.source.id)]),
        ]
        self.assertEqual(
            set(self.issues().mapped("category")),
            {"stock_shortage", "payment_mismatch"},
        )
        self.env.invalidate_all()
        for document in documents:
            with self.subTest(document=document._name, id=document.id):
                self.env.invalidate_all()
                values, _buttons = self.open(document)
                self.assertEqual(values["id"], document.id)

    def test_buttons_lead_somewhere(self):
        visit = self.visit("FV1")
        opened = {
            visit: (
                "action_open_order",
                "action_open_invoices",
                "action_open_events",
            ),
            visit.order_id: (
                "action_open_healthcare_appointment",
                "action_open_healthcare_completions",
                "action_open_healthcare_events",
            ),
            visit.invoice_ids: (
                "action_open_healthcare_events",
                "action_open_healthcare_exceptions",
            ),
        }
        for document, methods in opened.items():
            _values, buttons = self.open(document)
            # Odoo's transfers show lots, which are for those who work with stock.
            self.assertFalse({one for one in buttons if "picking" in (one or "")})
            for method in methods:
                with self.subTest(document=document._name, button=method):
                    self.assertIn(method, buttons)
                    action = getattr(document.with_user(self.user), method)()
                    found = self.env[action["res_model"]].with_user(self.user)
                    if action.get("res_id"):
                        self.open(found.browse(action["res_id"]))
                    else:
                        found.search(action["domain"]).mapped("display_name")

    def test_confirms_and_retries(self):
        self.play(self.register("F3"), self.appointment("booked", "F3", "FV3", 5))
        order = self.visit("FV3").order_id
        order.with_user(self.user).action_confirm()
        self.assertEqual(order.state, "sale")
        shortage = self.issues("stock_shortage")
        self.env["stock.quant"]._update_available_quantity(
            self.contrast, self.warehouse.lot_stock_id, 9
        )
        shortage.with_user(self.user).action_retry()
        self.assertEqual(shortage.state, "resolved")
        self.assertEqual(self.visit("FV2").supplies_state, "reserved")
        payment = self.issues("payment_mismatch")
        payment.with_user(self.user).action_retry()
        self.process()
        self.assertEqual(payment.event_id.state, "exception")
