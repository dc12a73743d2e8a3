"""Coverage answers and authorizations: clearance, billing hold, any order."""

import itertools

from .common import (
    SYSTEM,
    HealthcareCase,
    appointment_data,
    coverage_data,
    event,
    patient_data,
)


def verified_data(mrn, status="active", payer="PAYER-A", member="M-1", **more):
    return {
        "facility": "NORTH",
        "patient": {"identifiers": [{"system": SYSTEM, "value": mrn}]},
        "coverage": {
            "payer": {"code": payer},
            "member_id": member,
            "status": status,
            **more,
        },
        "verified_at": "2026-03-02T08:30:00Z",
    }


def authorization_data(mrn, appointment, **more):
    return {
        "facility": "NORTH",
        "patient": {"identifiers": [{"system": SYSTEM, "value": mrn}]},
        "authorization": {"services": [{"code": "MRI-KNEE"}], **more},
        "appointment_id": appointment,
        "payer": {"code": "PAYER-A"},
    }


class TestAuthorization(HealthcareCase):
    def journey(self, mrn, number):
        """Return the events of a visit whose authorization is denied, in order."""
        return [
            event(
                "registration.created",
                patient_data(mrn, coverages=[coverage_data()]),
                time="2026-03-02T08:00:00Z",
            ),
            event("coverage.verified", verified_data(mrn), time="2026-03-02T08:30:00Z"),
            event(
                "appointment.booked",
                appointment_data(mrn, number, ["MRI-KNEE"]),
                time="2026-03-02T09:00:00Z",
            ),
            event(
                "authorization.requested",
                authorization_data(mrn, number),
                time="2026-03-02T09:05:00Z",
            ),
            event(
                "authorization.denied",
                authorization_data(mrn, number, reason="Not necessary"),
                time="2026-03-02T10:00:00Z",
            ),
        ]

    def appointment(self, number):
        return self.env["healthcare.appointment"].search([("identifier", "=", number)])

    def test_denial_holds_billing_and_approval_lets_go(self):
        events = self.play(*self.journey("Z-1", "ZA-1"))
        self.assertEqual(set(events.mapped("state")), {"done"})
        appointment = self.appointment("ZA-1")
        self.assertTrue(appointment.billing_hold)
        self.assertEqual(appointment.clearance, "blocked")
        self.assertEqual(appointment.coverage_state, "verified")
        self.assertEqual(appointment.authorization_state, "denied")
        exception = appointment.exception_ids.filtered(
            lambda issue: issue.category == "authorization_gap"
        )
        self.assertEqual(exception.state, "open")
        self.assertEqual(exception.amount_at_risk, appointment.amount_expected)
        self.assertIn("PAYER-A", exception.reason)
        self.assertFalse(exception.blocks_event)
        self.play(
            event(
                "authorization.approved",
                authorization_data("Z-1", "ZA-1", number="AU-1"),
                time="2026-03-02T12:00:00Z",
            )
        )
        self.assertFalse(appointment.billing_hold)
        self.assertEqual(appointment.authorization_state, "approved")
        self.assertEqual(exception.state, "resolved")

    def test_any_order_of_arrival_ends_the_same(self):
        results = set()
        for number, order in enumerate(itertools.permutations(range(5))):
            if number % 7:
                continue  # every seventh of the 120 orders
            journey = self.journey(f"Y-{number}", f"YA-{number}")
            for position in order:
                self.play(journey[position])
            appointment = self.appointment(f"YA-{number}")
            issues = appointment.exception_ids.filtered("is_open")
            results.add(
                (
                    appointment.state,
                    appointment.clearance,
                    appointment.coverage_state,
                    appointment.authorization_state,
                    appointment.billing_hold,
                    appointment.order_id.state,
                    tuple(issues.mapped("category")),
                    sum(issues.mapped("amount_at_risk")),
                )
            )
        self.assertEqual(len(results), 1, results)

    def test_inactive_coverage_blocks_and_a_late_answer_changes_nothing(self):
        self.play(*self.journey("X-1", "XA-1")[:3])
        appointment = self.appointment("XA-1")
        self.play(
            event(
                "coverage.verified",
                verified_data("X-1", "inactive"),
                time="2026-03-03T08:00:00Z",
            )
        )
        self.assertEqual(appointment.coverage_state, "inactive")
        self.assertEqual(appointment.clearance, "blocked")
        (late,) = self.play(
            event(
                "coverage.verified", verified_data("X-1"), time="2026-03-02T20:00:00Z"
            )
        )
        self.assertEqual(late.log_ids.outcome, "stale")
        self.assertEqual(appointment.coverage_state, "inactive")

    def test_unknown_payer_and_service_wait_for_a_person(self):
        self.play(*self.journey("V-1", "VA-1")[:3])
        answer, request = self.play(
            event("coverage.verified", verified_data("V-1", payer="PAYER-V")),
            event(
                "authorization.requested",
                {
                    **authorization_data("V-1", "VA-1"),
                    "authorization": {"services": [{"code": "NEW-SCAN"}]},
                },
            ),
        )
        self.assertEqual(answer.open_exception_id.category, "missing_payer")
        self.assertEqual(request.open_exception_id.category, "unmapped_code")
        self.env["res.partner"].create(
            {
                "name": "V",
                "healthcare_is_payer": True,
                "healthcare_payer_code": "PAYER-V",
            }
        )
        product = self.env["product.product"].create({"name": "S", "type": "service"})
        self.env["healthcare.service"].create(
            {"name": "New scan", "code": "NEW-SCAN", "product_id": product.id}
        )
        self.process()
        self.assertEqual((answer + request).mapped("state"), ["done", "done"])
