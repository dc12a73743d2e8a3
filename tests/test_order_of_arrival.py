"""What random journeys found: orders of arrival that once ended otherwise."""

import itertools

from .workflow_common import WorkflowCase, event


class TestOrderOfArrival(WorkflowCase):
    def authorization(self, kind, mrn, appointment, minute):
        return event(
            f"authorization.{kind}",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "authorization": {"number": "A1"},
                "appointment_id": appointment,
                "payer": {"code": "T-PAYER"},
            },
            time=self.at(minute),
        )

    def test_timed_before_its_own_booking(self):
        """A service told of with a time before its booking lets the booking pass."""
        self.play(self.register("R1"))
        service = self.play(self.completed("R1", "SR1", 5, "VR1"))
        self.assertStates(service, "exception")
        booking = self.play(self.appointment("booked", "R1", "VR1", 10))
        self.assertStates(service | booking, "done")
        self.assertFalse(self.issues())

    def test_timed_before_its_own_booking_in_one_batch(self):
        self.play(self.register("R1"))
        events = self.play(
            self.completed("R1", "SR1", 5, "VR1"),
            self.appointment("booked", "R1", "VR1", 10),
        )
        self.assertStates(events, "done")

    def test_who_waits_behind_another_has_no_exception_of_its_own(self):
        """The patient is known by now; what comes before it is what is wrong."""
        unknown = {"services": ["T-NEVER"]}
        later = self.appointment("confirmed", "R2", "VR2", 20, **unknown)
        (confirmed,) = self.play(later)
        self.assertStates(confirmed, "exception")
        _patient, booked = self.play(
            self.register("R2"), self.appointment("booked", "R2", "VR2", 10, **unknown)
        )
        self.assertStates(booked, "exception")
        self.assertStates(confirmed, "waiting")
        self.assertEqual(self.issues().event_id, booked)

    def test_who_runs_with_the_one_it_waits_for_has_no_exception_of_its_own(self):
        unknown = {"services": ["T-NEVER"]}
        later = self.appointment("confirmed", "R3", "VR3", 20, **unknown)
        (confirmed,) = self.play(later)
        self.send(self.register("R3"))
        queues = self.engine._claim(list(range(64)))
        run = self.engine._run_queues(queues)
        self.send(self.appointment("booked", "R3", "VR3", 10, **unknown))
        self.engine._settle(run)
        self.process()
        self.assertStates(confirmed, "waiting")
        self.assertEqual(self.issues().mapped("category"), ["unmapped_code"])

    def test_merged_before_the_registration_of_the_survivor(self):
        merged = event(
            "patient.merged",
            {
                "facility": "T-EAST",
                "survivor": self.patient_ref("R1"),
                "retired": self.patient_ref("R2"),
            },
            time=self.at(1),
        )
        self.play(self.register("R2"))
        early = self.play(merged)
        self.assertStates(early, "exception")
        self.assertStates(early | self.play(self.register("R1", 5)), "done")
        self.assertEqual(self.patient("R2"), self.patient("R1"))
        self.assertFalse(self.issues())

    def test_merged_in_the_batch_of_its_registrations(self):
        merged = event(
            "patient.merged",
            {
                "facility": "T-EAST",
                "survivor": self.patient_ref("R1"),
                "retired": self.patient_ref("R2"),
            },
            time=self.at(10),
        )
        same = {"name": {"family": "Quillfeather", "given": ["Zephyrine"]}}
        self.play(
            self.register("R1", 1, patient=same),
            self.register("R2", 2, patient=same),
            merged,
        )
        self.assertFalse(self.issues())

    def test_gap_follows_the_visit(self):
        """What a refusal puts at risk is what the visit is about by now."""
        self.play(self.register("R1"), self.appointment("booked", "R1", "VR1", 10))
        self.play(self.authorization("denied", "R1", "VR1", 20))
        issue = self.issues("authorization_gap")
        self.assertEqual(issue.amount_at_risk, 800)
        self.play(self.appointment("updated", "R1", "VR1", 30, services=("T-CONSULT",)))
        self.assertEqual(issue.amount_at_risk, 120)
        self.play(self.appointment("updated", "R1", "VR1", 40, self_pay=True))
        self.assertEqual(issue.state, "resolved")

    def test_order_follows_the_visit_to_another_facility(self):
        west = self.env["stock.warehouse"].create({"name": "W", "code": "TWEST"})
        facility = self.env["healthcare.facility"].create(
            {
                "name": "West",
                "code": "T-WEST",
                "warehouse_id": west.id,
                "analytic_account_id": self.analytic["WEST"].id,
            }
        )
        self.play(self.register("R1"), self.appointment("booked", "R1", "VR1", 10))
        moved = self.appointment("updated", "R1", "VR1", 20)
        moved["data"]["facility"] = "T-WEST"
        self.play(moved)
        order = self.visit("VR1").order_id
        self.assertEqual(order.healthcare_facility_id, facility)
        self.assertEqual(order.warehouse_id, west)
        accounts = ",".join(str(self.analytic[name].id) for name in ("WEST", "IMAGING"))
        self.assertEqual(order.order_line.analytic_distribution, {accounts: 100.0})

    def test_service_without_a_visit_takes_what_a_visit_had_reserved(self):
        self._stock(self.contrast, 2)
        self.play(
            self.register("R1"),
            self.register("R2"),
            self.appointment("confirmed", "R1", "VR1", 10),
        )
        self.assertEqual(self.visit("VR1").supplies_state, "reserved")
        self.assertStates(self.play(self.completed("R2", "SR2", 20)), "done")
        self.assertEqual(self.visit("VR1").supplies_state, "partial")
        self.assertEqual(self.issues("stock_shortage").appointment_id.identifier, "VR1")

    def test_charged_is_what_is_billed_to_the_cent(self):
        """Amounts of lines are rounded as the invoice rounds them."""
        charges = [
            {"code": "T-MRI", "quantity": 1, "unit_price": "864.49"},
            {"code": "T-CONSULT", "quantity": 1.5, "unit_price": "185.03"},
        ]
        self.play(
            self.register("R1", 1), self.completed("R1", "SR1", 5, charges=charges)
        )
        self.env.flush_all()
        self.cr.execute(
            """SELECT c.amount_total::text, m.amount_total::text
            FROM healthcare_completion c JOIN account_move m
            ON m.healthcare_completion_id = c.id WHERE c.identifier = 'SR1'"""
        )
        charged, billed = self.cr.fetchone()
        self.assertEqual(charged, billed)

    def patient_payment(self, kind, number, amount, minute):
        made = self.payment(number, amount, minute, mrn="R1", payer_type="patient")
        return {**made, "type": f"healthcare.payment.{kind}.v1"}

    def test_reversed_payment_and_its_replacement_in_any_order(self):
        """A bill is paid by what is left, whichever came first, and nobody is asked."""
        given = (
            self.register("R1"),
            self.appointment("booked", "R1", "VR1", 1, self_pay=True),
            self.completed("R1", "SR1", 5, "VR1"),
        )
        money = (
            self.patient_payment("received", "P1", "800.00", 10),
            self.patient_payment("reversed", "P1", "800.00", 20),
            self.patient_payment("received", "P2", "800.00", 30),
        )
        for order in itertools.permutations(money):
            with self.subTest(order=[one["id"] for one in order]):
                point = self.cr.savepoint()
                self.play(*given)
                events = self.env["healthcare.event"]
                for one in order:
                    events |= self.play(one)
                self.assertStates(events, "done")
                self.assertFalse(self.issues())
                payments = self.env["account.payment"].search(
                    [("healthcare_payment_ref", "in", ("P1", "P2"))],
                    order="healthcare_payment_ref",
                )
                self.assertEqual(payments.mapped("state"), ["canceled", "paid"])
                bill = payments[1].reconciled_invoice_ids
                self.assertEqual(bill.payment_state, "paid")
                point.close(rollback=True)
                self.env.invalidate_all()

    def test_reversed_payment_of_nobody_known_waits(self):
        self.play(self.patient_payment("reversed", "P1", "800.00", 20))
        event = self.play(self.patient_payment("received", "P1", "800.00", 10))
        self.assertStates(event, "exception")
        self.play(self.register("R1"))
        self.engine._release_causes([event.open_exception_id.cause_key])
        self.process()
        self.assertStates(event, "done")
        self.assertFalse(self.issues())
