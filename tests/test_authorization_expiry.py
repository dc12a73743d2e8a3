"""Authorizations end by themselves with their period."""

from odoo import fields

from .workflow_common import WorkflowCase, event

PERIOD = {"period": {"start": "2026-03-01", "end": "2026-03-10"}}
LATER = {"period": {"start": "2026-03-01", "end": "2036-01-31"}}
WITHIN, AFTER = "2026-03-05T09:30:00Z", "2026-03-20T09:30:00Z"


class TestAuthorizationExpiry(WorkflowCase):
    def setUp(self):
        super().setUp()
        self.mri.authorization_required = True

    def decision(self, kind, mrn, number, minute, **more):
        return event(
            f"authorization.{kind}",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "authorization": {"number": f"A-{mrn}", **more},
                "appointment_id": number,
                "payer": {"code": "T-PAYER"},
            },
            time=self.at(minute),
        )

    def visit_of(self, mrn, number, start, *decisions):
        self.play(
            self.register(mrn),
            self.appointment("booked", mrn, number, 5, start=start),
            *(decisions or [self.decision("approved", mrn, number, 10, **PERIOD)]),
        )
        return self.visit(number)

    def performed(self, mrn, number, at, minute=60):
        done = self.completed(mrn, f"S-{number}", minute, number)
        done["data"]["service"]["performed_at"] = at
        return done

    def expire(self):
        self.env["healthcare.authorization"]._cron_expire()

    def facts(self, document, kind):
        return self.env["healthcare.fact"].search(
            [
                ("fact_type", "=", kind),
                ("res_model", "=", document._name),
                ("res_id", "=", document.id),
            ],
            order="id",
        )

    def test_end_of_period_holds_the_coming_visit(self):
        visit = self.visit_of("E1", "EV1", AFTER)
        authorization = visit.authorization_ids
        self.assertEqual(visit.authorization_state, "pending")
        self.assertIn("ends before the visit", visit.clearance_note)
        before = len(self.facts(visit, "appointment"))
        self.expire()
        self.assertEqual(authorization.state, "expired")
        self.assertTrue(visit.billing_hold)
        self.assertEqual(visit.authorization_state, "expired")
        self.assertEqual(len(self.facts(visit, "appointment")), before + 1)
        fact = self.facts(authorization, "authorization")[-1]
        self.assertEqual(fact.columns["state"], "expired")
        self.assertEqual(fact.occurred_at.date(), authorization.date_to)
        issue = self.issues("authorization_gap")
        self.assertEqual(issue.appointment_id, visit)
        self.assertEqual(issue.res_id, authorization.id)
        self.assertEqual(issue.amount_at_risk, visit.amount_expected)
        self.assertEqual(issue.facility_id, self.facility)
        self.expire()
        self.assertEqual(self.issues("authorization_gap"), issue)
        self.play(self.decision("approved", "E1", "EV1", 30, **LATER))
        self.assertEqual(authorization.state, "approved")
        self.assertFalse(visit.billing_hold)
        self.assertEqual(issue.state, "resolved")

    def test_same_gap_as_by_an_event(self):
        by_timer = self.visit_of("E1", "EV1", AFTER)
        by_event = self.visit_of("E2", "EV2", AFTER)
        self.play(self.decision("expired", "E2", "EV2", 20))
        self.expire()
        first, second = (
            self.issues("authorization_gap").filtered(
                lambda issue, visit=visit: issue.appointment_id == visit
            )
            for visit in (by_timer, by_event)
        )
        for name in ("reason", "category", "payer_id", "amount_at_risk", "company_id"):
            self.assertEqual(first[name], second[name], name)
        for name in ("clearance", "billing_hold_reason", "authorization_state"):
            self.assertEqual(by_timer[name], by_event[name], name)
        self.assertTrue(by_timer.authorization_ids.lapsed)
        self.assertFalse(by_event.authorization_ids.lapsed)

    def test_service_before_the_end_is_billed_whenever_the_timer_runs(self):
        first = self.visit_of("E1", "EV1", WITHIN)
        second = self.visit_of("E2", "EV2", WITHIN)
        self.assertStates(self.play(self.performed("E1", "EV1", WITHIN)), "done")
        self.expire()
        self.assertStates(self.play(self.performed("E2", "EV2", WITHIN)), "done")
        for visit in (first, second):
            self.assertEqual(visit.authorization_ids.state, "expired")
            self.assertEqual(visit.state, "completed")
            self.assertFalse(visit.billing_hold)
            self.assertTrue(visit.invoice_ids)
        self.assertFalse(self.issues("authorization_gap"))

    def test_service_after_the_end_waits_whenever_the_timer_runs(self):
        self.visit_of("E1", "EV1", AFTER)
        self.visit_of("E2", "EV2", AFTER)
        early = self.play(self.performed("E1", "EV1", AFTER))
        self.expire()
        late = self.play(self.performed("E2", "EV2", AFTER))
        self.assertStates(early + late, "exception")
        self.assertEqual(
            set((early + late).open_exception_id.mapped("category")),
            {"authorization_gap"},
        )
        self.play(
            self.decision("approved", "E1", "EV1", 90, **LATER),
            self.decision("approved", "E2", "EV2", 90, **LATER),
        )
        self.assertStates(early + late, "done")
        self.assertFalse(self.issues("authorization_gap"))

    def test_extension_known_before_the_end_arrives_after_the_timer(self):
        visit = self.visit_of("E1", "EV1", AFTER)
        self.expire()
        held = self.play(self.performed("E1", "EV1", AFTER, minute=60))
        self.assertStates(held, "exception")
        self.play(self.decision("approved", "E1", "EV1", 20, **LATER))
        self.assertStates(held, "done")
        self.assertTrue(visit.invoice_ids)

    def test_visit_moved_into_the_period_closes_the_gap(self):
        visit = self.visit_of("E1", "EV1", AFTER)
        self.expire()
        issue = self.issues("authorization_gap")
        self.assertTrue(issue)
        self.play(self.appointment("updated", "E1", "EV1", 40, start=WITHIN))
        self.assertEqual(visit.authorization_state, "approved")
        self.assertFalse(visit.billing_hold)
        self.expire()
        self.assertEqual(issue.state, "resolved")

    def test_what_leaves_no_gap(self):
        cancelled = self.visit_of("E1", "EV1", AFTER)
        self.play(self.appointment("cancelled", "E1", "EV1", 20))
        running = self.visit_of(
            "E2",
            "EV2",
            AFTER,
            self.decision(
                "approved",
                "E2",
                "EV2",
                10,
                period={
                    "start": "2026-03-01",
                    "end": fields.Date.to_string(fields.Date.today()),
                },
            ),
        )
        endless = self.visit_of(
            "E3", "EV3", AFTER, self.decision("approved", "E3", "EV3", 10)
        )
        self.expire()
        self.assertEqual(cancelled.authorization_ids.state, "expired")
        self.assertEqual(running.authorization_ids.state, "approved")
        self.assertEqual(endless.authorization_state, "approved")
        self.assertFalse(self.issues("authorization_gap"))

    def test_before_the_booking(self):
        self.play(
            self.register("E1"), self.decision("approved", "E1", "EV1", 3, **PERIOD)
        )
        self.expire()
        issue = self.issues("authorization_gap")
        self.assertEqual(issue.patient_id, self.patient("E1"))
        self.play(self.appointment("booked", "E1", "EV1", 5, start=AFTER))
        self.assertEqual(issue.appointment_id, self.visit("EV1"))
        self.assertTrue(self.visit("EV1").billing_hold)
        self.expire()
        self.assertTrue(issue.is_open)

    def test_many_at_once(self):
        def expired(prefix, count):
            for number in range(count):
                name = f"{prefix}{number}"
                self.play(
                    self.register(name),
                    self.appointment("booked", name, f"V{name}", 5, start=AFTER),
                    self.decision("approved", name, f"V{name}", 10, **PERIOD),
                )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.expire()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        expired("W", 2)
        few, many = expired("F", 4), expired("M", 12)
        # A number from Odoo's sequence and a row per exception and visit; the rest
        # does not grow.
        self.assertLessEqual(many - few, 8 * 6, (few, many))
