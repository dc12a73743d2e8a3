"""Authorizations with units and a beginning, for one visit or for many."""

from itertools import permutations

from odoo.tests import new_test_user

from .workflow_common import WorkflowCase, event

DAY = "2026-03-05T09:00:00Z"


class TestAuthorizationUnits(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.mri.authorization_required = True

    def decision(self, kind, mrn, minute, number=None, services=(), **more):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref(mrn),
            "authorization": {
                "services": [{"code": code} for code in services],
                "number": f"A-{mrn}",
                **more,
            },
            "payer": {"code": "T-PAYER"},
        }
        if number:
            data["appointment_id"] = number
        return event(f"authorization.{kind}", data, time=self.at(minute))

    def verified(self, mrn, minute=2):
        return event(
            "coverage.verified",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "coverage": {
                    "payer": {"code": "T-PAYER"},
                    "member_id": f"M-{mrn}",
                    "status": "active",
                },
                "verified_at": "2026-03-02T08:02:00Z",
            },
            time=self.at(minute),
        )

    def start(self, mrn, *numbers, services=("T-MRI",)):
        self.play(
            self.register(mrn),
            self.verified(mrn),
            *(
                self.appointment("booked", mrn, number, 5, services=services)
                for number in numbers
            ),
        )
        return self.env["healthcare.appointment"].concat(*map(self.visit, numbers))

    # -- units ------------------------------------------------------------------

    def test_units_are_used_up_and_given_back(self):
        visit = self.start("U1", "UV1")
        self.play(self.decision("approved", "U1", 10, "UV1", units=2))
        authorization = visit.authorization_ids
        self.assertEqual(visit.authorization_state, "approved")
        done = self.play(
            self.completed("U1", "US1", 60, "UV1"),
            self.completed("U1", "US2", 61, "UV1"),
        )
        self.assertStates(done, "done")
        self.assertEqual((authorization.units_used, authorization.units_left), (2, 0))
        third = self.play(self.completed("U1", "US3", 62, "UV1"))
        self.assertStates(third, "exception")
        issue = third.open_exception_id
        self.assertEqual(issue.category, "authorization_gap")
        self.assertEqual(issue.reason, "All 2 units of the authorization are used up.")
        self.assertEqual(issue.amount_at_risk, 800)
        # Nobody looks again without news of it.
        attempts = third.attempts
        self.engine._cron_sweep()
        self.process()
        self.assertEqual(third.attempts, attempts)
        # A service that is taken back gives its unit to the one that waits.
        first = self.env["healthcare.completion"].search([("identifier", "=", "US1")])
        self.env["healthcare.authorization.use"].search(
            [("completion_id", "=", first.id)]
        )._give_back()
        self.process()
        self.assertStates(third, "done")
        self.assertEqual(issue.state, "resolved")
        self.assertEqual(authorization.units_used, 2)

    def test_more_units_let_go_what_waited(self):
        self.start("U1", "UV1")
        self.play(self.decision("approved", "U1", 10, "UV1", units=1))
        held = self.play(
            self.completed(
                "U1", "US1", 60, "UV1", charges=[{"code": "T-MRI", "quantity": 2}]
            )
        )
        self.assertEqual(
            held.open_exception_id.reason,
            "The authorization has 1 of 1 units left; 2 are needed.",
        )
        self.play(self.decision("approved", "U1", 70, "UV1", units=3))
        self.assertStates(held, "done")
        self.assertEqual(self.visit("UV1").authorization_ids.units_left, 1)
        fact = self.env["healthcare.fact"].search(
            [("fact_type", "=", "authorization")], order="id desc", limit=1
        )
        self.assertEqual(fact.columns["units_used"], 2)

    def test_too_few_units_are_told_before_the_visit(self):
        self.start("U1")
        self.play(self.decision("approved", "U1", 10, "UV1", units=1))
        booking = self.appointment("booked", "U1", "UV1", 12)
        booking["data"]["appointment"]["services"][0]["quantity"] = 3
        self.play(booking)
        visit = self.visit("UV1")
        self.assertEqual(visit.authorization_state, "pending")
        self.assertIn("1 of 1 units left; 3 are needed", visit.clearance_note)

    def test_units_in_one_batch_and_within_one_service(self):
        self.start("U1", "UV1", "UV2")
        self.play(self.decision("approved", "U1", 10, units=1))
        events = self.play(
            self.completed("U1", "US1", 60, "UV1"),
            self.completed("U1", "US2", 61, "UV2"),
        )
        self.assertEqual(sorted(events.mapped("state")), ["done", "exception"])
        self.assertEqual(len(self.issues("authorization_gap")), 1)

    def test_a_corrected_service_uses_its_units_once(self):
        self.start("U1", "UV1")
        self.play(self.decision("approved", "U1", 10, "UV1", units=2))
        authorization = self.visit("UV1").authorization_ids
        done, again = self.play(
            self.completed(
                "U1", "US1", 60, "UV1", charges=[{"code": "T-MRI", "quantity": 2}]
            ),
            self.completed("U1", "US1", 61, "UV1"),
        )
        self.assertStates(done + again, "done", "exception")
        self.assertEqual(authorization.units_used, 2)
        finance = new_test_user(
            self.env,
            "units-finance",
            groups="base.group_user,healthcare_connector.group_finance",
        )
        wizard = (
            self.env["healthcare.rebill.wizard"]
            .with_user(finance)
            .create(
                {"exception_id": again.open_exception_id.id, "reason": "One was enough"}
            )
        )
        wizard.action_rebill()
        self.process()
        self.assertStates(again, "done")
        self.assertEqual((authorization.units_used, authorization.units_left), (1, 1))

    # -- standing ones ------------------------------------------------------------

    def test_standing_authorization_covers_visits_of_the_patient(self):
        first, second = self.start("U1", "UV1", "UV2")
        self.start("U2", "UV3")
        self.assertEqual(first.authorization_state, "pending")
        held = self.play(self.completed("U1", "US1", 60, "UV1"))
        self.assertStates(held, "exception")
        self.play(self.decision("approved", "U1", 10, services=("T-MRI",), units=1))
        self.assertStates(held, "done")
        self.assertEqual(first.state, "completed")
        self.assertEqual(second.authorization_state, "pending")
        self.assertIn("used up", second.clearance_note)
        self.assertEqual(self.visit("UV3").authorization_state, "pending")
        self.play(self.decision("approved", "U1", 11, services=("T-MRI",), units=5))
        self.assertEqual(second.authorization_state, "approved")
        # What was decided for the visit itself outweighs it.
        self.play(self.decision("denied", "U1", 12, "UV2", services=("T-MRI",)))
        self.assertTrue(second.billing_hold)

    def test_standing_authorization_in_any_order(self):
        outcomes = set()
        for order in permutations(range(4)):
            point = self.cr.savepoint(flush=True)
            self.play(self.register("U1"), self.verified("U1"))
            steps = [
                self.appointment("booked", "U1", "UV1", 5),
                self.decision("requested", "U1", 9, services=("T-MRI",)),
                self.decision("approved", "U1", 10, services=("T-MRI",), units=4),
                self.completed("U1", "US1", 60, "UV1"),
            ]
            for position in order:
                self.play(steps[position])
            self.env.invalidate_all()
            visit = self.visit("UV1")
            authorization = self.env["healthcare.authorization"].search(
                [("patient_id", "=", visit.patient_id.id)]
            )
            outcomes.add(
                (
                    visit.state,
                    visit.authorization_state,
                    visit.clearance,
                    authorization.units_used,
                    len(visit.invoice_ids),
                    len(self.issues()),
                )
            )
            point.close(rollback=True)
            self.env.invalidate_all()
        self.assertEqual(outcomes, {("completed", "approved", "cleared", 1.0, 1, 0)})

    # -- what it covers, and when ---------------------------------------------------

    def test_beginning_of_the_period(self):
        visit = self.start("U1", "UV1")
        later = {"period": {"start": "2026-03-08", "end": "2036-01-31"}}
        self.play(self.decision("approved", "U1", 10, "UV1", **later))
        self.assertEqual(visit.authorization_state, "pending")
        self.assertIn("begins after the visit", visit.clearance_note)
        held = self.play(self.completed("U1", "US1", 60, "UV1"))
        self.assertStates(held, "exception")
        self.assertIn("begins after the service", held.open_exception_id.reason)
        sooner = {"period": {"start": "2026-03-01", "end": "2036-01-31"}}
        self.play(self.decision("approved", "U1", 70, "UV1", **sooner))
        self.assertStates(held, "done")

    def test_only_what_the_authorization_names_is_covered(self):
        self.consult.authorization_required = True
        visit = self.start("U1", "UV1", services=("T-MRI", "T-CONSULT"))
        self.play(self.decision("approved", "U1", 10, "UV1", services=("T-MRI",)))
        self.assertEqual(visit.authorization_state, "pending")
        self.assertIn("No authorization covers T-CONSULT", visit.clearance_note)
        self.consult.authorization_required = False
        self.assertEqual(visit.authorization_state, "approved")

    def test_service_that_needs_one_from_now_on(self):
        self.mri.authorization_required = False
        visit = self.start("U1", "UV1")
        self.assertEqual(visit.authorization_state, "not_required")
        self.mri.authorization_required = True
        self.assertEqual(visit.authorization_state, "pending")
        held = self.play(self.completed("U1", "US1", 60, "UV1"))
        self.assertStates(held, "exception")
        self.mri.authorization_required = False
        self.process()
        self.assertStates(held, "done")

    def test_bulk_stays_bulk(self):
        self.play(*(self.register(f"B{i}") for i in range(150)))
        self.play(
            *(self.appointment("booked", f"B{i}", f"BV{i}", 5) for i in range(150))
        )
        self.play(
            *(self.decision("approved", f"B{i}", 10, units=3) for i in range(150))
        )
        charges = [{"code": "T-CONSULT", "quantity": 1}]
        self.assertBulk(
            lambda n: self.completed(
                f"B{n}", f"BS{n}", 60, f"BV{n}", charges=charges, consumables=[]
            ),
            per_event=14,
        )
