"""FHIR R4: reading resources and Bundles."""

import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import schema
from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import fhir_r4
from odoo.addons.healthcare_connector.formats.fhir_r4_bundle import conditional

RECEIVED = "2026-03-02T10:00:00Z"

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": "urn:test:insurance", "value": "M-1"},
        {
            "system": "http://hl7.org/fhir/sid/us-ssn",
            "value": "123-45-6789",
            "type": {"coding": [{"code": "SS"}]},
        },
        {
            "system": "urn:test:mrn",
            "value": "MRN-1",
            "type": {"coding": [{"code": "MR"}]},
        },
    ],
    "name": [
        {"use": "nickname", "family": "Q", "given": ["Z"]},
        {"use": "official", "family": "Quillfeather", "given": ["Zephyrine", "Ada"]},
    ],
    "gender": "female",
    "birthDate": "1961-07-19",
    "telecom": [
        {"system": "phone", "value": "(413) 555-0101"},
        {"system": "email", "value": "zq@example.org"},
    ],
    "address": [{"line": ["1 Low St"], "city": "Leeds", "postalCode": "01053"}],
}
IDENTIFIERS = [
    {"system": "urn:test:mrn", "value": "MRN-1"},
    {"system": "urn:test:insurance", "value": "M-1"},
    {"system": "urn:fhir:id:Patient", "value": "p1"},
]
INSURER = {
    "resourceType": "Organization",
    "id": "o1",
    "identifier": [{"system": "urn:test:payers", "value": "PAYER-A"}],
    "name": "Example Health Plan",
}
COVERAGE = {
    "resourceType": "Coverage",
    "id": "c1",
    "status": "active",
    "beneficiary": {"reference": "Patient/p1"},
    "subscriberId": "M-1",
    "relationship": {"coding": [{"code": "self"}]},
    "period": {"start": "2026-01-01"},
    "payor": [{"reference": "Organization/o1"}],
    "class": [{"type": {"coding": [{"code": "group"}]}, "value": "G-7"}],
}
APPOINTMENT = {
    "resourceType": "Appointment",
    "id": "a1",
    "status": "booked",
    "serviceType": [{"coding": [{"code": "MRI-KNEE"}]}],
    "start": "2026-03-05T09:00:00-05:00",
    "participant": [
        {"actor": {"reference": "Patient/p1"}, "status": "needs-action"},
        {"actor": {"reference": "Location/l1", "display": "Room 2"}},
    ],
}
CLAIM = {
    "resourceType": "Claim",
    "id": "cl1",
    "status": "active",
    "use": "claim",
    "patient": {"reference": "Patient/p1"},
    "created": "2026-03-02",
    "insurance": [{"focal": True, "coverage": {"reference": "Coverage/c1"}}],
    "item": [
        {
            "sequence": 1,
            "productOrService": {"coding": [{"code": "73721"}]},
            "quantity": {"value": 2},
            "unitPrice": {"value": 250.0, "currency": "USD"},
        }
    ],
}


def money(value):
    return {"value": value, "currency": "USD"}


def category(code, value):
    return {"category": {"coding": [{"code": code}]}, "amount": money(value)}


ANSWER = {
    "resourceType": "ClaimResponse",
    "id": "r1",
    "status": "active",
    "use": "claim",
    "outcome": "complete",
    "patient": {"reference": "Patient/p1"},
    "insurer": {"identifier": {"value": "PAYER-A"}},
    "created": "2026-03-09",
    "request": {"reference": "Claim/cl1"},
    "total": [
        category("submitted", 500),
        category("eligible", 400),
        category("coinsurance", 50),
        category("benefit", 350),
    ],
    "payment": {"amount": money(350)},
}


def bundle(*resources, kind="collection", base="http://example.org/fhir/", **more):
    entries = [
        {"fullUrl": f"{base}{r['resourceType']}/{r.get('id')}", "resource": r}
        for r in resources
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": entries, **more}


def read(value, **options):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return fhir_r4.read(body, **options)


def outcomes(message):
    if message.errors:
        return []
    return mapping.shipped("fhir_r4")[message.kind].apply(
        message.document, defaults={"facility": "NORTH"}
    )


def events(value, **options):
    """Return ``{event: data}`` of a body; each must hold its schema."""
    found = {}
    for message in read(value, **options).messages:
        for outcome in outcomes(message):
            errors = outcome.errors or schema.registry().validate(
                outcome.event, "1.0", outcome.data
            )
            assert not errors, errors
            assert outcome.event not in found, outcome.event
            found[outcome.event] = outcome.data
    return found


class TestFhirReader(BaseCase):
    def _refused(self, code, value, **options):
        with self.assertRaises(InputError) as caught:
            read(value, **options)
        self.assertEqual(caught.exception.code, code)

    def test_refused_as_a_whole(self):
        self._refused("empty_body", b"  ")
        self._refused("invalid_json", b"{")
        self._refused("not_fhir", b"[]")
        self._refused("not_fhir", {"resourceType": 5})
        self._refused("not_fhir", {"id": "1"})
        self._refused("too_large", PATIENT, max_bytes=10)
        many = {"resourceType": "Bundle", "entry": [{}] * 10_001}
        self._refused("too_many", many)

    def test_references(self):
        for patient_url, reference in (
            ("urn:uuid:1b6c", {"reference": "urn:uuid:1b6c"}),
            ("http://example.org/fhir/Patient/p1", {"reference": "Patient/p1"}),
            ("http://example.org/fhir/Patient/p1",
             {"reference": "http://example.org/fhir/Patient/p1"}),
            (None, {"reference": "Patient/p1"}),
            (None, {"reference": "Patient/p1/_history/3"}),
            (None, {"reference": "Patient?identifier=urn:test:mrn|MRN-1"}),
        ):  # fmt: skip
            appointment = json.loads(json.dumps(APPOINTMENT))
            appointment["participant"][0]["actor"] = reference
            value = bundle(PATIENT, appointment)
            value["entry"][0]["fullUrl"] = patient_url
            with self.subTest(reference=reference):
                messages = {m.kind: m for m in read(value).messages}
                document = messages["Appointment"].document
                actor = document["participant"][0]["actor"]
                self.assertEqual(actor["resource"]["birthDate"], "1961-07-19")
                self.assertEqual(document["_patient"]["identifiers"], IDENTIFIERS)
                self.assertEqual(messages["Appointment"].problems, [])

    def test_near_base_wins(self):
        other = {**PATIENT, "identifier": [], "name": [{"family": "Other"}]}
        value = bundle(other, PATIENT, APPOINTMENT)
        value["entry"][0]["fullUrl"] = "http://elsewhere.org/Patient/p1"
        message = read(value).messages[-1]
        self.assertEqual(message.kind, "Appointment")
        self.assertEqual(message.document["_patient"]["identifiers"], IDENTIFIERS)

    def test_contained(self):
        claim = {
            **CLAIM,
            "contained": [{**PATIENT, "id": "x"}],
            "patient": {"reference": "#x"},
        }
        (message,) = read(claim).messages
        identifiers = message.document["_patient"]["identifiers"]
        self.assertEqual(identifiers[0], IDENTIFIERS[0])

    def test_not_resolved(self):
        (message,) = read(APPOINTMENT, id_system="urn:source:a").messages
        # Told apart by source: two servers both have a patient 1.
        self.assertEqual(
            message.document["_patient"]["identifiers"],
            [{"system": "urn:source:a:Patient", "value": "p1"}],
        )
        claim = {**CLAIM, "patient": {"reference": "#nobody"}}
        (message,) = read(claim).messages
        self.assertEqual(
            [(p["pointer"], p["code"]) for p in message.problems],
            [("/patient/reference", "unresolved_reference")],
        )
        self.assertIsNone(conditional("Patient?name=x"))

    def test_circles(self):
        first = {**CLAIM, "related": [{"claim": {"reference": "Claim/cl2"}}]}
        second = {
            **CLAIM,
            "id": "cl2",
            "related": [{"claim": {"reference": "Claim/cl1"}}],
        }
        messages = read(bundle(first, second)).messages
        self.assertEqual(messages[0].document["id"], "cl1")
        inner = messages[0].document["related"][0]["claim"]["resource"]
        self.assertEqual(inner["related"][0]["claim"]["resource"]["id"], "cl1")
        json.dumps(messages[0].document)

    def test_bundles(self):
        for kind in ("message", "transaction", "batch", "collection", "history"):
            reading = read(bundle(PATIENT, INSURER, kind=kind))
            self.assertEqual(reading.bundle, kind)
            self.assertEqual([m.kind for m in reading.messages], ["Patient"])
            self.assertEqual(reading.others, {"Organization": 1})
            self.assertEqual(reading.messages[0].document["_bundle"]["type"], kind)
        nested = bundle({**bundle(PATIENT), "id": "inner"})
        (message,) = read(nested).messages
        self.assertEqual(message.pointer, "/entry/0/resource/entry/0/resource")

    def test_order(self):
        value = bundle(ANSWER, CLAIM, APPOINTMENT, COVERAGE, PATIENT)
        kinds = [message.kind for message in read(value).messages]
        self.assertEqual(
            kinds, ["Patient", "Coverage", "Appointment", "Claim", "ClaimResponse"]
        )
        versions = [{**PATIENT, "meta": {"versionId": v}} for v in ("3", "2", "1")]
        messages = read(bundle(*versions, kind="history")).messages
        self.assertEqual(
            [message.document["meta"]["versionId"] for message in messages],
            ["1", "2", "3"],
        )

    def test_entries_that_cannot_be_read(self):
        value = bundle(PATIENT)
        value["entry"] += [
            {"resource": 5},
            {"request": {"method": "DELETE", "url": "Patient/p2"}},
            {},
            {"request": {"method": "GET", "url": "Patient"}},
        ]
        reading = read(value)
        self.assertEqual(len(reading.messages), 1)
        self.assertEqual(
            [(e["pointer"], e["code"]) for e in reading.errors],
            [
                ("/entry/1/resource", "not_fhir"),
                ("/entry/2/request", "not_supported"),
                ("/entry/3", "required"),
            ],
        )
        self.assertEqual(
            read({"resourceType": "Bundle"}).errors[0]["code"], "empty_bundle"
        )

    def test_shape(self):
        (message,) = read({"resourceType": "Coverage", "id": 5}).messages
        self.assertEqual(
            [(e["pointer"], e["code"]) for e in message.errors],
            [("/id", "type"), ("/status", "required"), ("/beneficiary", "required")],
        )
        self.assertEqual(message.document, {})

    def test_keys(self):
        def keys(value):
            return [message.key for message in read(value).messages]

        first = bundle(PATIENT, COVERAGE, INSURER)
        self.assertEqual(keys(first), keys(json.loads(json.dumps(first))))
        narrated = bundle({**PATIENT, "text": {"div": "<div/>"}}, COVERAGE, INSURER)
        self.assertEqual(keys(narrated), keys(first))
        # The registration carries the coverage: its change is a change of both.
        changed = bundle(PATIENT, {**COVERAGE, "subscriberId": "M-2"}, INSURER)
        self.assertFalse(set(keys(changed)) & set(keys(first)))
        version = {**PATIENT, "meta": {"versionId": "2"}}
        self.assertNotEqual(keys(version), keys(PATIENT))
        self.assertEqual(
            keys(PATIENT), [m.key for m in read(PATIENT, received_at=RECEIVED).messages]
        )

    def test_operation_outcome(self):
        outcome = fhir_r4.operation_outcome(
            [
                {
                    "pointer": "/entry/3/resource/status",
                    "code": "required",
                    "detail": "This member is required.",
                },
                {"pointer": "", "code": "strange", "severity": "warning"},
            ]
        )
        self.assertEqual(
            outcome["issue"][0],
            {
                "severity": "error",
                "code": "required",
                "details": {
                    "coding": [{"system": "urn:healthcare:code", "code": "required"}]
                },
                "diagnostics": "This member is required.",
                "expression": ["entry[3].resource.status"],
            },
        )
        self.assertEqual(outcome["issue"][1]["code"], "invalid")
        self.assertEqual(
            fhir_r4.operation_outcome([])["issue"][0]["severity"], "information"
        )

    def test_errors_hold_no_values(self):
        patient = {**PATIENT, "id": "Quillfeather!", "birthDate": "Zephyrine"}
        (message,) = read(patient).messages
        text = repr([message.errors, message.problems])
        text += repr([(o.errors, o.notes) for o in outcomes(message)])
        for value in ("Quillfeather", "Zephyrine"):
            self.assertNotIn(value, text)

    def test_any_json(self):
        leaves = st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-5, 10**15),
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from(
                ["", "p1", "Patient/p1", "#x", "urn:uuid:1", "2026-03-02", "active"]
            ),
        )
        names = sorted(
            {
                name
                for r in (PATIENT, COVERAGE, APPOINTMENT, CLAIM, ANSWER)
                for name in r
            }
            | {"coding", "code", "value", "reference", "resource", "contained", "entry"}
        )
        values = st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(st.sampled_from(names), inner, max_size=4),
            ),
            max_leaves=12,
        )
        base = {"status": "active", "use": "claim", "outcome": "complete"}

        @settings(max_examples=400, deadline=None, database=None)
        @given(
            st.sampled_from(fhir_r4.KINDS),
            st.dictionaries(st.sampled_from(names), values, max_size=6),
            st.booleans(),
        )
        def check(kind, members, alone):
            resource = {**base, **members, "resourceType": kind}
            for name in fhir_r4._REQUIRED.get(kind, ()):
                resource.setdefault(name, {"reference": "Patient/p1"})
            value = resource if alone else bundle(PATIENT, resource, COVERAGE)
            try:
                reading = read(value)
            except InputError:
                return
            for message in reading.messages:
                outcomes(message)

        check()

    def test_any_bytes(self):
        @settings(max_examples=200, deadline=None, database=None)
        @given(st.binary(max_size=60))
        def check(noise):
            for body in (
                noise,
                b'{"resourceType":' + noise,
                b'{"resourceType":"' + noise,
            ):
                try:
                    read(body)
                except InputError:
                    continue

        check()

    def test_cost_is_linear(self):
        def seconds(count):
            coverages = [{**COVERAGE, "id": f"c{number}"} for number in range(count)]
            body = json.dumps(bundle(PATIENT, INSURER, *coverages)).encode()
            start = time.perf_counter()
            fhir_r4.read(body)
            return time.perf_counter() - start

        seconds(10)
        small, large = seconds(300), seconds(2400)
        self.assertLess(large, 8 * small * 3)
