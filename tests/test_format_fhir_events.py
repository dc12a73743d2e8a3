"""FHIR R4: what the shipped mappings make of resources."""

import json

from odoo.tests import BaseCase

from .test_format_fhir import (
    ANSWER,
    APPOINTMENT,
    CLAIM,
    COVERAGE,
    IDENTIFIERS,
    INSURER,
    PATIENT,
    RECEIVED,
    bundle,
    events,
    money,
    outcomes,
    read,
)


class TestFhirEvents(BaseCase):
    def test_registration(self):
        found = events(bundle(PATIENT, COVERAGE, INSURER))
        self.assertEqual(
            found,
            {
                "registration.created": {
                    "facility": "NORTH",
                    "patient": {
                        "identifiers": IDENTIFIERS,
                        "name": {
                            "family": "Quillfeather",
                            "given": ["Zephyrine", "Ada"],
                        },
                        "birth_date": "1961-07-19",
                        "sex": "female",
                        "phones": ["4135550101"],
                        "emails": ["zq@example.org"],
                        "address": {
                            "lines": ["1 Low St"],
                            "city": "Leeds",
                            "postal_code": "01053",
                        },
                    },
                    "coverages": [
                        {
                            "payer": {
                                "code": "PAYER-A",
                                "name": "Example Health Plan",
                            },
                            "member_id": "M-1",
                            "group_number": "G-7",
                            "priority": 1,
                            "relationship": "self",
                            "period": {"start": "2026-01-01"},
                        }
                    ],
                }
            },
        )
        later = {**PATIENT, "meta": {"versionId": "4"}}
        self.assertEqual(list(events(later)), ["registration.updated"])

    def test_a_patient_without_birth_date_fails_with_the_place(self):
        patient = {k: v for k, v in PATIENT.items() if k != "birthDate"}
        ((outcome,),) = [outcomes(m) for m in read(patient).messages]
        self.assertEqual(
            [(e["pointer"], e["code"]) for e in outcome.errors],
            [("/data/patient/birth_date", "required")],
        )
        # Where an answer only names the patient, that is told and no failure.
        message = read(bundle(patient, ANSWER)).messages[0]
        self.assertEqual(outcomes(message), [])
        self.assertEqual(message.problems[0]["code"], "incomplete_patient")

    def test_merge(self):
        link = [{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}]
        old = {**PATIENT, "id": "p0", "identifier": [], "link": link}
        found = events(bundle(old, PATIENT))
        self.assertEqual(list(found), ["registration.created", "patient.merged"])
        self.assertEqual(
            found["patient.merged"],
            {
                "facility": "NORTH",
                "survivor": {"identifiers": IDENTIFIERS},
                "retired": {
                    "identifiers": [{"system": "urn:fhir:id:Patient", "value": "p0"}]
                },
            },
        )

    def test_coverage_by_itself(self):
        found = events(COVERAGE, received_at=RECEIVED)
        self.assertEqual(
            found["coverage.verified"]["coverage"],
            {
                "payer": {"code": "o1"},
                "member_id": "M-1",
                "status": "active",
                "period": {"start": "2026-01-01"},
            },
        )
        self.assertEqual(events({**COVERAGE, "status": "draft"}), {})

    def test_eligibility(self):
        response = {
            "resourceType": "CoverageEligibilityResponse",
            "id": "e1",
            "status": "active",
            "outcome": "complete",
            "created": "2026-03-02",
            "patient": {"reference": "Patient/p1"},
            "insurer": {"reference": "Organization/o1"},
            "insurance": [
                {
                    "coverage": {"reference": "Coverage/c1"},
                    "inforce": True,
                    "item": [
                        {
                            "authorizationRequired": True,
                            "benefit": [
                                {
                                    "type": {"coding": [{"code": "copay"}]},
                                    "allowedMoney": money(25),
                                },
                                {
                                    "type": {"coding": [{"code": "deductible"}]},
                                    "allowedMoney": money(500),
                                    "usedMoney": money(120.5),
                                },
                            ],
                        }
                    ],
                }
            ],
        }
        found = events(bundle(response, COVERAGE, INSURER))["coverage.verified"]
        self.assertEqual(
            found["coverage"],
            {
                "payer": {"code": "PAYER-A", "name": "Example Health Plan"},
                "member_id": "M-1",
                "status": "active",
                "period": {"start": "2026-01-01"},
                "authorization_required": True,
                "copay": "25.00",
                "deductible_remaining": "379.50",
            },
        )
        self.assertEqual(found["verified_at"], "2026-03-02T00:00:00Z")
        self.assertEqual(events({**response, "outcome": "error"}), {})

    def test_appointments(self):
        for status, expected in (
            ("booked", ["appointment.booked"]),
            ("arrived", ["appointment.checked_in"]),
            ("checked-in", ["appointment.checked_in"]),
            ("cancelled", ["appointment.cancelled"]),
            ("noshow", ["appointment.no_show"]),
            ("proposed", []),
        ):
            found = events({**APPOINTMENT, "status": status})
            self.assertEqual(list(found), expected)
        booked = events(APPOINTMENT)["appointment.booked"]
        self.assertEqual(
            booked["appointment"],
            {
                "id": "a1",
                "start": "2026-03-05T14:00:00Z",
                "services": [{"code": "MRI-KNEE"}],
                "location": "Room 2",
            },
        )
        accepted = json.loads(json.dumps(APPOINTMENT))
        accepted["participant"][0]["status"] = "accepted"
        accepted["meta"] = {"versionId": "2"}
        self.assertEqual(
            list(events(accepted)), ["appointment.updated", "appointment.confirmed"]
        )

    def test_order(self):
        request = {
            "resourceType": "ServiceRequest",
            "id": "o1",
            "status": "active",
            "intent": "order",
            "code": {"coding": [{"code": "24627-2"}]},
            "subject": {"reference": "Patient/p1"},
            "quantityQuantity": {"value": 3},
        }
        self.assertEqual(
            events(request)["service.ordered"]["order"],
            {"id": "o1", "services": [{"code": "24627-2", "quantity": "3"}]},
        )
        self.assertEqual(events({**request, "intent": "plan"}), {})

    def test_encounter_accounts_for_its_parts(self):
        encounter = {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "finished",
            "subject": {"reference": "Patient/p1"},
            "period": {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:30:00Z"},
            "appointment": [{"reference": "Appointment/a1"}],
        }
        procedure = {
            "resourceType": "Procedure",
            "id": "pr1",
            "status": "completed",
            "code": {"coding": [{"code": "73721"}]},
            "subject": {"reference": "Patient/p1"},
            "performedDateTime": "2026-03-02T09:10:00Z",
            "encounter": {"reference": "Encounter/e1"},
        }
        charge = {
            "resourceType": "ChargeItem",
            "id": "ci1",
            "status": "billable",
            "code": {"coding": [{"code": "MRI"}]},
            "subject": {"reference": "Patient/p1"},
            "context": {"reference": "Encounter/e1"},
            "quantity": {"value": 2},
            "priceOverride": money(251),
            "occurrenceDateTime": "2026-03-02T09:10:00Z",
        }
        found = events(bundle(encounter, procedure, charge))["service.completed"]
        self.assertEqual(
            found["service"], {"id": "e1", "performed_at": "2026-03-02T09:30:00Z"}
        )
        self.assertEqual(found["appointment_id"], "a1")
        self.assertEqual(
            found["charges"], [{"code": "MRI", "quantity": "2", "unit_price": "125.50"}]
        )
        found = events(bundle(encounter, procedure))["service.completed"]
        self.assertEqual(found["charges"], [{"code": "73721", "quantity": "1"}])
        for alone, service in ((procedure, "pr1"), (charge, "ci1")):
            found = events(alone)["service.completed"]
            self.assertEqual(found["service"]["id"], service)

    def test_what_r5_calls_otherwise(self):
        """The same resources in the shape of R5 make the same events."""
        concept = {"coding": [{"code": "73721"}]}
        patient = {"subject": {"reference": "Patient/p1"}}
        period = {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:30:00Z"}
        kept = {"id": "x1", **patient}
        without = {k: v for k, v in COVERAGE.items() if k != "payor"}
        booked = {k: v for k, v in APPOINTMENT.items() if k != "participant"}
        visit = {**kept, "resourceType": "Encounter", "type": [concept]}
        order = {**kept, "resourceType": "ServiceRequest", "status": "active"}
        order["intent"] = "order"
        done = {**kept, "resourceType": "Procedure", "status": "completed"}
        done["code"] = concept
        charge = {**done, "resourceType": "ChargeItem", "status": "billable"}
        charge |= {"quantity": {"value": 2}, "occurrenceDateTime": period["end"]}
        doctor = {"reference": "Practitioner/d1", "display": "Dr Marsh"}
        for kind, old, new in (
            (
                "coverage.verified",
                COVERAGE,
                {
                    **without,
                    "kind": "insurance",
                    "insurer": COVERAGE["payor"][0],
                    "subscriberId": [{"system": "urn:x", "value": "M-1"}],
                },
            ),
            (
                "appointment.booked",
                APPOINTMENT,
                {
                    **booked,
                    "serviceType": [{"concept": {"coding": [{"code": "MRI-KNEE"}]}}],
                    "participant": APPOINTMENT["participant"][1:],
                    **patient,
                },
            ),
            (
                "service.completed",
                {
                    **visit,
                    "status": "finished",
                    "class": {"code": "AMB"},
                    "period": period,
                    "participant": [{"individual": doctor}],
                },
                {
                    **visit,
                    "status": "completed",
                    "class": [{"coding": [{"code": "AMB"}]}],
                    "actualPeriod": period,
                    "participant": [{"actor": doctor}],
                },
            ),
            (
                "service.ordered",
                {**order, "code": concept},
                {**order, "code": {"concept": concept}},
            ),
            (
                "service.completed",
                {**done, "performedPeriod": period},
                {**done, "occurrencePeriod": period},
            ),
            (
                "service.completed",
                {**charge, "priceOverride": money(251)},
                {**charge, "unitPriceComponent": {"amount": money(125.5)}},
            ),
        ):
            with self.subTest(old["resourceType"]):
                told = events(old, received_at=RECEIVED)
                self.assertIn(kind, told)
                self.assertEqual(events(new, received_at=RECEIVED)[kind], told[kind])

    def test_the_end_of_an_appointment_by_its_minutes(self):
        for kind in ("booked", "cancelled"):
            value = {**APPOINTMENT, "minutesDuration": 45, "status": kind}
            appointment = events(value)[f"appointment.{kind}"]["appointment"]
            self.assertEqual(appointment["end"], "2026-03-05T14:45:00Z")

    def test_a_name_that_has_ended_is_not_the_patient_s(self):
        name = {"use": "official", "family": "Old", "period": {"end": "2001"}}
        value = {**PATIENT, "name": [name, {"use": "usual", "family": "New"}]}
        told = events(value)["registration.created"]["patient"]["name"]
        self.assertEqual(told["family"], "New")
        told = events({**PATIENT, "name": [name]})["registration.created"]
        self.assertEqual(told["patient"]["name"]["family"], "Old")

    def test_claims(self):
        found = events(bundle(CLAIM, COVERAGE, INSURER))["claim.submitted"]
        self.assertEqual(found["claim"], {"id": "cl1", "charged": "500.00"})
        self.assertEqual(found["payer"]["code"], "PAYER-A")
        request = {**CLAIM, "use": "preauthorization"}
        found = events(bundle(request, COVERAGE, INSURER))
        self.assertEqual(
            found["authorization.requested"]["authorization"],
            {"services": [{"code": "73721", "quantity": "2"}], "reason": "Requested"},
        )

    def test_adjudication(self):
        claim = events(ANSWER)["claim.adjudicated"]["claim"]
        self.assertEqual(
            claim,
            {
                "id": "cl1",
                "charged": "500.00",
                "paid": "350.00",
                "patient_responsibility": "50.00",
                "adjustments": [
                    {"group": "PR", "reason": "2", "amount": "50.00"},
                    {"group": "CO", "reason": "45", "amount": "100.00"},
                ],
            },
        )
        self.assertEqual(read(ANSWER).messages[0].problems, [])
        # What is not explained is not made up, but told.
        less = {**ANSWER, "payment": {"amount": money(300)}}
        (message,) = read(less).messages
        self.assertEqual(message.problems[0]["code"], "claim_out_of_balance")
        denied = {**ANSWER, "outcome": "error"}
        self.assertEqual(list(events(denied)), ["claim.denied"])
        self.assertEqual(events({**ANSWER, "outcome": "queued"}), {})
        explanation = {
            **ANSWER,
            "resourceType": "ExplanationOfBenefit",
            "claim": {"reference": "Claim/cl1"},
        }
        self.assertEqual(events(explanation)["claim.adjudicated"]["claim"], claim)

    def test_authorization(self):
        answer = {
            **ANSWER,
            "use": "preauthorization",
            "preAuthRef": "AUTH-1",
            "preAuthPeriod": {"start": "2026-03-01", "end": "2026-06-01"},
            "item": [{"itemSequence": 1}],
        }
        request = {**CLAIM, "use": "preauthorization", "status": "draft"}
        found = events(bundle(answer, request))["authorization.approved"]
        self.assertEqual(
            found["authorization"],
            {
                "number": "AUTH-1",
                "services": [{"code": "73721", "quantity": "2"}],
                "period": {"start": "2026-03-01", "end": "2026-06-01"},
                "reason": "Approved",
            },
        )
        review = {
            "url": "http://example.org/extension-reviewAction",
            "extension": [
                {
                    "url": "http://example.org/extension-reviewActionCode",
                    "valueCodeableConcept": {"coding": [{"code": "A3"}]},
                }
            ],
        }
        answer["item"][0]["adjudication"] = [{"extension": [review]}]
        self.assertEqual(list(events(answer)), ["authorization.denied"])
        queued = {**ANSWER, "use": "preauthorization", "outcome": "queued"}
        self.assertEqual(list(events(queued)), ["authorization.requested"])

    def test_payment(self):
        payment = {
            "resourceType": "PaymentReconciliation",
            "id": "pay1",
            "status": "active",
            "outcome": "complete",
            "created": "2026-03-09",
            "paymentDate": "2026-03-09",
            "paymentAmount": money(350),
            "paymentIssuer": {"identifier": {"value": "PAYER-A"}},
            "paymentIdentifier": {"value": "CHK-1"},
            "detail": [
                {"request": {"reference": "Claim/cl1"}, "amount": money(350)},
                {"request": {"reference": "Claim/cl2"}, "amount": money(-5)},
            ],
        }
        found = events(payment)["payment.received"]
        self.assertEqual(
            found["allocations"], [{"claim_id": "cl1", "amount": "350.00"}]
        )
        self.assertEqual(found["payment"]["id"], "CHK-1")
        cancelled = events({**payment, "status": "cancelled"})["payment.reversed"]
        self.assertEqual(cancelled["payment"], found["payment"])
