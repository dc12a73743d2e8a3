"""The patient's timeline, and the ways from every document to every other."""

from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .workflow_common import WorkflowCase, event

GROUP = "healthcare_connector.group_"


class TestTimeline(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.play(
            self.register("T1"),
            self.register("T2"),
            self.appointment("confirmed", "T1", "TV1", 5),
            self.appointment("booked", "T2", "TV2", 5),
            event(
                "authorization.approved",
                {
                    "facility": "T-EAST",
                    "patient": self.patient_ref("T1"),
                    "authorization": {"number": "TA1"},
                    "appointment_id": "TV1",
                },
                time=self.at(6),
            ),
        )
        self.play(self.completed("T1", "TS1", 60, "TV1"))
        self.invoice = self.visit("TV1").invoice_ids
        self.play(self.payment("TP1", "800.00", 90, "T1"))
        self.play(self.payment("TP2", "1.00", 91, "T1"))
        self.patient_one = self.patient("T1")
        self.users = {
            role: new_test_user(
                self.env, f"timeline-{role}", groups=f"base.group_user,{GROUP}{role}"
            )
            for role in ("operator", "finance", "auditor")
        }

    def rows(self, mrn="T1", role="finance"):
        timeline = self.env["healthcare.patient.timeline"].with_user(self.users[role])
        return timeline.search([("patient_id", "=", self.patient(mrn).id)])

    def test_everything_by_time(self):
        rows = self.rows()
        self.assertEqual(len(set(rows.ids)), len(rows))
        self.assertEqual(rows.mapped("date"), sorted(rows.mapped("date"), reverse=True))
        kinds = {
            kind: rows.filtered(lambda r, k=kind: r.kind == k)
            for kind in (
                "event",
                "appointment",
                "authorization",
                "service",
                "invoice",
                "payment",
            )
        }
        self.assertEqual(kinds["appointment"].summary, "Appointment TV1")
        self.assertEqual(kinds["appointment"].state_label, "Completed")
        self.assertEqual(kinds["authorization"].summary, "Authorization TA1")
        self.assertEqual(kinds["service"].amount, 800)
        self.assertEqual(kinds["invoice"].res_id, self.invoice.id)
        self.assertEqual(kinds["invoice"].state_label, "Paid")
        self.assertEqual(kinds["payment"].amount, 800)
        # registration, visit, authorization, service, payment; one each.
        self.assertEqual(len(kinds["event"]), 5)
        other = self.rows("T2")
        self.assertEqual(set(other.mapped("kind")), {"event", "appointment"})
        self.assertFalse(set(other.ids) & set(rows.ids))

    def test_merge_brings_it_together(self):
        self.play(
            event(
                "patient.merged",
                {
                    "facility": "T-EAST",
                    "survivor": self.patient_ref("T1"),
                    "retired": self.patient_ref("T2"),
                },
                time=self.at(100),
            )
        )
        self.env.invalidate_all()
        rows = self.rows()
        self.assertIn("merge", rows.mapped("kind"))
        self.assertIn("TV2", rows.mapped("name"))
        self.assertEqual(len(set(rows.ids)), len(rows))

    def test_rights(self):
        for role in ("operator", "auditor"):
            rows = self.rows(role=role)
            self.assertEqual(len(rows), len(self.rows()))
            invoice = rows.filtered(lambda r: r.kind == "invoice")
            self.assertFalse(invoice.can_open, role)
            self.assertTrue(rows.filtered(lambda r: r.kind == "service").can_open)
        self.assertTrue(all(self.rows().mapped("can_open")))
        nobody = new_test_user(self.env, "timeline-nobody")
        with self.assertRaises(AccessError):
            self.env["healthcare.patient.timeline"].with_user(nobody).search([])
        company = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "timeline-stranger",
            groups=f"base.group_user,{GROUP}operator",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        rows = self.env["healthcare.patient.timeline"].with_user(stranger)
        self.assertFalse(rows.search([("patient_id", "=", self.patient_one.id)]))

    def test_open(self):
        for row in self.rows():
            action = row.action_open()
            record = self.env[action["res_model"]].browse(action["res_id"])
            self.assertTrue(record.with_user(self.users["finance"]).display_name)

    def test_every_document_leads_to_the_others(self):
        visit = self.visit("TV1")
        documents = [
            visit.order_id,
            self.invoice,
            visit.picking_ids[:1],
            visit.completion_ids,
            visit.authorization_ids,
            self.env["account.payment"].search(
                [("healthcare_payment_ref", "=", "TP1")]
            ),
        ]
        for document in documents:
            with self.subTest(document=document._name):
                self.assertTrue(document.healthcare_event_count)
                events = document.action_open_healthcare_events()
                self.assertEqual(events["res_model"], "healthcare.event")
                arch = etree.fromstring(
                    document.with_user(self.users["finance"]).get_view(
                        view_type="form"
                    )["arch"]
                )
                names = {node.get("name") for node in arch.iter("button")}
                self.assertIn("action_open_healthcare_events", names)
                self.assertIn("action_open_healthcare_exceptions", names)
                if document._name != "account.payment":
                    action = document.action_open_healthcare_appointment()
                    self.assertEqual(action["res_id"], visit.id)
        self.assertEqual(visit.order_id.healthcare_completion_count, 1)
        self.assertEqual(
            visit.order_id.healthcare_picking_count, len(visit.picking_ids)
        )
