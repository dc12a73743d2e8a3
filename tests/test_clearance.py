"""What a visit will cost the patient, and the deposit some facilities ask for."""

from itertools import permutations

from odoo.exceptions import UserError

from .workflow_common import WorkflowCase, event


class TestClearance(WorkflowCase):
    def verified(self, mrn, minute=2, **more):
        return event(
            "coverage.verified",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "coverage": {
                    "payer": {"code": "T-PAYER"},
                    "member_id": f"M-{mrn}",
                    "status": "active",
                    **more,
                },
                "verified_at": "2026-03-02T08:02:00Z",
            },
            time=self.at(minute),
        )

    def booked(self, mrn="D1", number="DV1", minute=5, **more):
        more.setdefault("services", ("T-CONSULT",))
        return self.appointment("booked", mrn, number, minute, **more)

    def paid(self, number, amount, minute, mrn="D1", **more):
        return self.payment(number, amount, minute, mrn, payer_type="patient", **more)

    def deposit(self, number="DV1"):
        visit = self.visit(number)
        return visit.deposit_state, visit.deposit_required, visit.deposit_received

    # -- estimate -----------------------------------------------------------------

    def test_estimate(self):
        self.play(self.register("D1"), self.booked())
        visit = self.visit("DV1")
        self.assertEqual(visit.patient_estimate, 0)
        self.play(self.verified("D1", 6, copay="30.00"))
        self.assertEqual(visit.patient_estimate, 30)
        self.play(self.verified("D1", 7, copay="30.00", deductible_remaining="50.00"))
        self.assertEqual(visit.patient_estimate, 80)
        self.play(self.verified("D1", 8, deductible_remaining="5000.00"))
        self.assertEqual(visit.patient_estimate, 120)
        self.play(self.booked(minute=9, services=("T-CONSULT", "T-MRI")))
        self.assertEqual(visit.patient_estimate, 920)
        self.play(self.booked(minute=10, self_pay=True))
        self.assertEqual(visit.patient_estimate, 120)
        self.assertEqual(self.deposit(), ("not_required", 0, 0))
        self.assertEqual(visit.clearance, "cleared")

    # -- deposit --------------------------------------------------------------------

    def test_policies(self):
        self.play(
            self.register("D1"),
            self.verified("D1", copay="30.00", deductible_remaining="50.00"),
            self.booked(),
        )
        for policy, amount in (("copay", 30), ("estimate", 80), ("percent", 20)):
            self.facility.write({"deposit_policy": policy, "deposit_percent": 25})
            self.assertEqual(self.deposit(), ("due", amount, 0), policy)
        visit = self.visit("DV1")
        self.assertEqual(visit.clearance, "pending")
        self.assertEqual(
            visit.clearance_note, "A deposit of 20.00 is due before the visit."
        )
        self.facility.deposit_policy = "none"
        self.assertEqual(self.deposit(), ("not_required", 0, 0))
        self.assertEqual(visit.clearance, "cleared")

    def test_paid_in_parts_and_taken_back(self):
        self.facility.deposit_policy = "copay"
        self.play(self.register("D1"), self.verified("D1", copay="50.00"))
        self.play(self.booked())
        visit = self.visit("DV1")
        first = self.play(self.paid("DP1", "20.00", 10))
        self.assertStates(first, "done")
        self.assertIn("30.00 is due", visit.clearance_note)
        second = self.play(
            self.paid(
                "DP2",
                "30.00",
                11,
                allocations=[{"account_number": "ACC-D1", "amount": "30.00"}],
            )
        )
        self.assertStates(second, "done")
        self.assertEqual(self.deposit(), ("received", 50, 50))
        self.assertEqual(visit.clearance, "cleared")
        self.assertFalse(self.issues())
        self.play(
            event("payment.reversed", second._content(), time=self.at(20)),
        )
        self.assertIn("30.00 is due", visit.clearance_note)

    def test_in_any_order(self):
        self.facility.deposit_policy = "copay"
        steps = [
            self.register("D1"),
            self.verified("D1", copay="50.00"),
            self.booked(),
            self.paid("DP1", "50.00", 10),
        ]
        for order in permutations(range(4)):
            point = self.cr.savepoint(flush=True)
            events = self.env["healthcare.event"]
            for position in order:
                events += self.play(steps[position])
            self.assertStates(events, "done")
            self.assertEqual(self.deposit(), ("received", 50, 50), order)
            self.assertEqual(self.visit("DV1").clearance, "cleared", order)
            self.assertFalse(self.issues(), order)
            self.assertEqual(
                len(
                    self.env["account.payment"].search(
                        [("healthcare_deposit_visit_id", "!=", False)]
                    )
                ),
                1,
            )
            point.close(rollback=True)
            self.env.invalidate_all()

    def test_money_counts_for_the_earliest_visit_first(self):
        self.facility.deposit_policy = "copay"
        self.play(self.register("D1"), self.verified("D1", copay="50.00"))
        self.play(self.booked(number="DV1"), self.paid("DP1", "60.00", 10))
        self.assertEqual(self.deposit(), ("received", 50, 50))
        self.play(self.booked(number="DV2", start="2026-03-04T09:00:00Z"))
        self.assertEqual(self.deposit("DV2"), ("received", 50, 50))
        self.assertEqual(self.deposit("DV1"), ("due", 50, 10))
        self.play(self.appointment("cancelled", "D1", "DV2", 30))
        self.assertEqual(self.deposit("DV1"), ("received", 50, 50))

    def test_deposit_pays_the_patients_invoice(self):
        self.facility.deposit_policy = "estimate"
        self.play(self.register("D1"), self.booked(self_pay=True))
        self.play(self.paid("DP1", "120.00", 10))
        self.play(
            self.completed(
                "D1", "DS1", 60, "DV1", charges=[{"code": "T-CONSULT", "quantity": 1}]
            )
        )
        visit = self.visit("DV1")
        self.assertEqual(visit.invoice_ids.payment_state, "paid")
        self.assertEqual(self.deposit(), ("not_required", 0, 0))

    def test_paid_at_the_desk_by_hand(self):
        self.facility.deposit_policy = "copay"
        self.play(self.register("D1"), self.verified("D1", copay="50.00"))
        self.play(self.booked())
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.patient("D1").id,
                "amount": 50,
                "journal_id": bank.id,
            }
        )
        payment.action_post()
        self.cr.flush()
        self.assertEqual(self.deposit(), ("received", 50, 50))
        payment.action_draft()
        self.cr.flush()
        self.assertEqual(self.deposit(), ("due", 50, 0))

    def test_money_for_an_invoice_is_no_deposit(self):
        self.facility.deposit_policy = "copay"
        self.play(self.register("D1"), self.verified("D1", copay="50.00"))
        self.play(self.booked(number="DV0", self_pay=True))
        self.play(
            self.completed(
                "D1", "DS0", 60, "DV0", charges=[{"code": "T-CONSULT", "quantity": 1}]
            )
        )
        self.play(self.booked())
        self.play(self.paid("DP1", "120.00", 70))
        self.cr.flush()
        self.assertEqual(self.visit("DV0").invoice_ids.payment_state, "paid")
        self.assertEqual(self.deposit(), ("due", 50, 0))

    def test_other_payments_wait_as_before(self):
        self.facility.deposit_policy = "copay"
        self.play(self.register("D1"), self.verified("D1", copay="50.00"))
        self.play(self.booked())
        events = self.play(
            self.payment("DP1", "50.00", 10, "D1"),
            self.paid("DP2", "50.00", 10, mrn="D2"),
        )
        self.assertStates(events, "exception")
        self.assertEqual(self.deposit(), ("due", 50, 0))

    # -- hold on the order ------------------------------------------------------------

    def test_billing_hold_shows_on_the_service_order(self):
        self.mri.authorization_required = True
        self.play(self.register("D1"), self.booked(services=("T-MRI",)))
        order = self.visit("DV1").order_id
        self.assertFalse(order.healthcare_billing_hold)
        decision = {
            "facility": "T-EAST",
            "patient": self.patient_ref("D1"),
            "authorization": {"reason": "Not needed"},
            "appointment_id": "DV1",
            "payer": {"code": "T-PAYER"},
        }
        self.play(event("authorization.denied", decision, time=self.at(10)))
        self.assertTrue(order.healthcare_billing_hold)
        self.assertIn("denied", order.healthcare_billing_hold_reason)
        held = self.env["sale.order"].search([("healthcare_billing_hold", "=", True)])
        self.assertIn(order, held)
        order.action_confirm()
        with self.assertRaisesRegex(UserError, "on hold"):
            order._create_invoices()
        self.play(event("authorization.approved", decision, time=self.at(11)))
        self.assertFalse(order.healthcare_billing_hold)
        self.assertTrue(order._create_invoices())
