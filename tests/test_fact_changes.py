"""What people change in Odoo itself reaches analytics as events do."""

from odoo import Command

from .workflow_common import WorkflowCase


class TestFactChanges(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.consult.service_line_id = cls.env["healthcare.service.line"].create(
            {"name": "Clinic", "code": "T-CLI"}
        )

    def told(self, fact_type, document, part=None):
        """Return the newest fact of a document, after what a commit would do."""
        self.env.cr.flush()
        key = f"{fact_type}:{document.id}" + (f":{part}" if part else "")
        return self.env["healthcare.fact"].search(
            [("key", "=", key)], order="sequence desc", limit=1
        )

    def complete(self, mrn="P1", number="S1", quantity="3"):
        self.play(
            self.register(mrn),
            self.completed(
                mrn,
                number,
                60,
                consumables=[{"code": "T-CONTRAST", "quantity": quantity}],
            ),
        )
        self.env.cr.flush()
        return self.env["healthcare.completion"].search([("identifier", "=", number)])

    def test_visit(self):
        self.play(self.register("P1"), self.appointment("booked", "P1", "V1", 10))
        visit = self.visit("V1")
        first = self.told("appointment", visit)
        self.assertEqual(first.columns["minutes"], None)
        self.assertEqual(first.columns["lead_days"], 3.03)
        visit.write({"provider": "Dr. No", "end": "2026-03-05 09:45:00"})
        visit.line_ids = [Command.create({"service_id": self.consult.id})]
        second = self.told("appointment", visit)
        self.assertEqual(second.sequence, first.sequence + 1, "told once")
        self.assertFalse(second.event_id)
        self.assertEqual(second.columns["provider"], "Dr. No")
        self.assertEqual(second.columns["minutes"], 45)
        self.assertEqual(second.columns["services"], "T-MRI,T-CONSULT")
        visit.start = "2026-03-06 09:00:00"  # sealed: the day is the patient's
        self.assertEqual(self.told("appointment", visit).sequence, 3)
        visit.reason = "nothing that facts say"
        visit.provider = "Dr. No"
        self.assertEqual(self.told("appointment", visit).sequence, 3)

    def test_when_it_was_booked_does_not_depend_on_the_order(self):
        self.play(self.register("P1"))
        self.play(self.appointment("confirmed", "P1", "V1", 30))
        self.play(self.appointment("booked", "P1", "V1", 10))
        visit = self.visit("V1")
        self.assertEqual(str(visit.booked_at), "2026-03-02 08:10:00")
        fact = self.told("appointment", visit)
        self.assertEqual(fact._phi_values()[fact]["booked_at"], "2026-03-02T08:10:00Z")

    def test_coverage_and_patient(self):
        self.play(self.register("P1"))
        patient = self.patient("P1")
        first = self.told("registration", patient)
        self.assertEqual(first.columns["coverage_status"], "unverified")
        patient.healthcare_coverage_ids.active = False
        second = self.told("registration", patient)
        self.assertEqual(second.columns["coverages"], 0)
        self.assertIsNone(second.columns["payer"])
        self.assertEqual(second.facility_id, self.facility)
        patient.zip = "02138"
        third = self.told("registration", patient)
        self.assertEqual(third.sequence, 3)
        self.assertEqual(third._phi_values()[third]["postal_code"], "02138")
        patient.comment = "nothing that facts say"
        self.assertEqual(self.told("registration", patient), third)

    def test_authorization(self):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref("P1"),
            "authorization": {"number": "A-1", "units": 4},
            "payer": {"code": "T-PAYER"},
        }
        asked = {**self.completed("P1", "X", 5), "data": data}
        asked["type"] = "healthcare.authorization.requested.v1"
        given = {**asked, "id": "given", "time": self.at(125)}
        given["type"] = "healthcare.authorization.approved.v1"
        self.play(self.register("P1"), asked, given)
        one = self.env["healthcare.authorization"].search([("number", "=", "A-1")])
        fact = self.told("authorization", one)
        self.assertEqual(fact.columns["decision_days"], 0.08)
        self.assertEqual(fact.columns["units"], 4)
        one.write({"date_to": "2026-12-31"})
        fact = self.told("authorization", one)
        self.assertEqual(fact._phi_values()[fact]["period_to"], "2026-12-31")
        one.unlink()
        self.assertEqual(
            self.told("authorization", one.browse(one.id)).operation, "delete"
        )

    def test_service_in_two_lines(self):
        self.play(
            self.register("P1"),
            self.completed(
                "P1",
                "S1",
                60,
                charges=[
                    {"code": "T-MRI", "quantity": 1, "unit_price": "700.00"},
                    {"code": "T-CONSULT", "quantity": 2},
                ],
            ),
        )
        completion = self.env["healthcare.completion"].search(
            [("identifier", "=", "S1")]
        )
        line = self.consult.service_line_id
        main, other = (
            self.told("service", completion),
            self.told("service", completion, line.id),
        )
        self.assertEqual(
            [
                (one.service_line_id.code, one.columns["amount_revenue"])
                for one in (main, other)
            ],
            [("T-IMG", "700.00"), ("T-CLI", "240.00")],
        )
        self.assertEqual(main.columns["service_key"], other.columns["service_key"])

    def test_invoice_cancelled_and_credited(self):
        completion = self.complete()
        bill = completion.invoice_ids
        self.assertEqual(
            self.told("service", completion).columns["amount_revenue"], "800.00"
        )
        note = bill._reverse_moves([{"invoice_date": bill.invoice_date}])
        note.invoice_line_ids.price_unit = 100
        note.action_post()  # a credit note for a part, put to nothing yet
        fact = self.told("invoice", bill)
        self.assertEqual(fact.columns["amount_credited"], "100.00")
        self.assertEqual(fact.columns["amount_revenue"], "700.00")
        service = self.told("service", completion)
        self.assertEqual(service.columns["amount_revenue"], "700.00")
        self.assertEqual(service.columns["amount_charged"], "800.00")
        note.button_draft()
        note.button_cancel()
        bill.button_draft()
        bill.button_cancel()
        self.assertEqual(
            self.told("service", completion).columns["amount_revenue"], "0.00"
        )
        self.assertEqual(self.told("invoice", bill).columns["state"], "cancel")

    def test_delivery_returned(self):
        completion = self.complete()
        part = self.contrast.id
        fact = self.told("consumable_usage", completion, part)
        self.assertEqual(fact.columns["cost_actual"], "15.00")
        self.assertEqual(fact.service_line_id.code, "T-IMG")
        picking = completion.picking_ids
        wizard = (
            self.env["stock.return.picking"]
            .with_context(active_id=picking.id, active_model="stock.picking")
            .create({"picking_id": picking.id})
        )
        wizard.product_return_moves.quantity = 1
        back = self.env["stock.picking"].browse(
            wizard.action_create_returns()["res_id"]
        )
        back.button_validate()
        fact = self.told("consumable_usage", completion, part)
        self.assertEqual(fact.columns["quantity_moved"], 2)
        self.assertEqual(fact.columns["cost_actual"], "10.00")
        self.assertEqual(fact.columns["quantity"], 3, "what was said to be used")

    def test_supplies_that_come_late(self):
        completion = self.complete(quantity="60")  # 50 are there
        part = self.contrast.id
        self.assertEqual(
            self.told("consumable_usage", completion, part).columns["quantity_moved"],
            50,
        )
        self._stock(self.contrast, 20)
        fact = self.told("consumable_usage", completion, part)
        self.assertEqual(fact.columns["quantity_moved"], 60)
        self.assertEqual(fact.columns["cost_actual"], "300.00")
