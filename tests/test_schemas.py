import copy
import json
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry as ReferenceRegistry

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import envelope, schema

# Section 2 of the contract.
TYPES = {
    "registration.created",
    "registration.updated",
    "patient.merged",
    "coverage.verified",
    "appointment.booked",
    "appointment.updated",
    "appointment.confirmed",
    "appointment.checked_in",
    "appointment.cancelled",
    "appointment.no_show",
    "authorization.requested",
    "authorization.approved",
    "authorization.denied",
    "authorization.expired",
    "service.ordered",
    "service.completed",
    "claim.submitted",
    "claim.adjudicated",
    "claim.denied",
    "payment.received",
    "payment.reversed",
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=6,
)


def examples():
    """Yield ``(type, version, file name, data)`` of all sample events."""
    for path in sorted(schema.DIRECTORY.glob("*/examples/*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        yield path.parent.parent.name, "1.0", path.name, data


def places(value, path=()):
    """Yield ``(path)`` of every value within a JSON value, itself included."""
    yield path
    children = {}
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(value, path, new):
    """Return a copy with what is at a path replaced, or removed by ``...``."""
    value = copy.deepcopy(value)
    if not path:
        return new
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if new is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = new
    return value


class TestSchemas(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = schema.registry()
        cls.examples = {name: data for name, _version, _file, data in examples()}

    def _found(self, name, changes):
        """Return ``{pointer: code}`` for the sample with some places changed."""
        data = self.examples[name]
        for path, new in changes.items():
            keys = [int(k) if k.isdigit() else k for k in path.split("/") if k]
            data = replaced(data, keys, new)
        return {
            error["pointer"].removeprefix("/data"): error["code"]
            for error in self.registry.validate(name, "1.0", data)
        }

    # -- the catalogue ----------------------------------------------------------

    def test_every_type_of_the_contract(self):
        self.assertEqual(set(self.registry.types()), {(n, "1.0") for n in TYPES})
        self.assertIs(schema.registry(), self.registry)

    def test_samples_are_valid(self):
        self.assertEqual(set(self.examples), TYPES)
        for name, version, file, data in examples():
            with self.subTest(name=name, file=file):
                self.assertEqual(self.registry.validate(name, version, data), [])

    def test_samples_show_every_member(self):
        """A vendor who copies the sample of a family sees all there is."""

        def members(node):
            for name, child in node.get("properties", {}).items():
                yield name
                yield from members(child)
            if "items" in node:
                yield from members(node["items"])

        shown, described = set(), set()
        for name in TYPES:
            validator = self.registry._validators[name, "1.0"]
            described |= set(members(validator.schema))
            for path in places(self.examples[name]):
                shown |= {key for key in path if isinstance(key, str)}
        self.assertEqual(shown - described, set())
        self.assertEqual(described - shown, {"claim_id"})

    def test_documents_stand_alone(self):
        """As published, with a plain validator and nothing to fetch from."""
        for name, version in self.registry.types():
            with self.subTest(name=name):
                document = self.registry.document(name, version)
                Draft202012Validator.check_schema(document)
                self.assertEqual(
                    document["$id"],
                    f"/healthcare/v1/schemas/healthcare.{name}.v1/{version}",
                )
                references = set(schema._references(document))
                self.assertEqual(references, set(document.get("$defs", {})))
                self.assertNotIn("definitions.json", json.dumps(document))
                plain = Draft202012Validator(document, registry=ReferenceRegistry())
                plain.validate(self.examples[name])
        with self.assertRaises(KeyError):
            self.registry.document("registration.created", "9.0")

    def test_documents_are_copies(self):
        self.registry.document("patient.merged", "1.0")["required"].clear()
        self.assertTrue(self.registry.document("patient.merged", "1.0")["required"])

    def test_every_member_is_described(self):
        def check(node, place):
            if isinstance(node, dict):
                for name, child in node.get("properties", {}).items():
                    self.assertTrue(
                        "$ref" in child
                        or (child.get("title") and child.get("description")),
                        f"{place}/{name}",
                    )
                for key, child in node.items():
                    check(child, f"{place}/{key}")

        for name, version in self.registry.types():
            document = self.registry.document(name, version)
            self.assertTrue(document["title"] and document["description"])
            check(document, name)
            for key, definition in document["$defs"].items():
                self.assertTrue(definition.get("title"), key)
                self.assertTrue(definition.get("description"), key)

    def test_texts_and_arrays_are_bounded(self):
        def check(node, place):
            if not isinstance(node, dict):
                return
            kinds = node.get("type", [])
            if "string" in kinds and "not" not in node:
                bounded = {"maxLength", "enum", "format", "pattern", "anyOf"}
                self.assertTrue(bounded & node.keys(), place)
            if kinds == "array":
                self.assertIn("maxItems", node, place)
            for key in ("properties", "$defs"):
                for name, child in node.get(key, {}).items():
                    check(child, f"{place}/{name}")
            check(node.get("items"), f"{place}/[]")

        for name, version in self.registry.types():
            check(self.registry.document(name, version), name)

    # -- validation -------------------------------------------------------------

    def test_required(self):
        registration = "registration.created"
        self.assertEqual(
            self._found(registration, {"facility": ..., "patient/birth_date": ...}),
            {"/facility": "required", "/patient/birth_date": "required"},
        )
        for path in (
            "patient",
            "patient/identifiers",
            "patient/identifiers/0/value",
            "patient/name/family",
            "coverages/0/payer/code",
            "coverages/0/member_id",
            "coverages/0/priority",
        ):
            self.assertEqual(
                self._found(registration, {path: ...}), {f"/{path}": "required"}
            )
        for path in (
            "account_number",
            "guarantor",
            "coverages",
            "coverages/0/plan",
            "patient/sex",
            "patient/address",
            "patient/address/state",
        ):
            self.assertEqual(self._found(registration, {path: ...}), {})

    def test_values(self):
        for name, path, value, code in (
            ("registration.created", "facility", "", "too_short"),
            ("registration.created", "facility", None, "type"),
            ("registration.created", "patient/birth_date", "1980-02-30", "format"),
            ("registration.created", "patient/birth_date", "19800217", "format"),
            ("registration.created", "patient/birth_date", "1980-02-17\n", "format"),
            (
                "registration.created",
                "patient/birth_date",
                "1980-02-17T00:00Z",
                "format",
            ),
            ("registration.created", "patient/name/family", "a" * 201, "too_long"),
            ("registration.created", "patient/name/given", "Alex", "type"),
            ("registration.created", "patient/identifiers", [], "too_few"),
            ("registration.created", "coverages/0/priority", "1", "type"),
            ("registration.created", "coverages/0/priority", 0, "too_small"),
            ("registration.created", "coverages/0/priority", True, "type"),
            ("registration.created", "patient/address/country", "U5", "pattern"),
            ("coverage.verified", "coverage/status", "unknown", "not_allowed_value"),
            ("coverage.verified", "coverage/copay", "25", None),
            ("coverage.verified", "coverage/copay", 25.0, "type"),
            ("coverage.verified", "coverage/copay", "25.12345", "pattern"),
            ("coverage.verified", "coverage/copay", "-25.00", "pattern"),
            ("coverage.verified", "coverage/copay", "25.00\n", "pattern"),
            ("coverage.verified", "coverage/copay", "٢٥", "pattern"),
            ("coverage.verified", "coverage/copay", "9" * 13, "pattern"),
            ("coverage.verified", "verified_at", "2026-03-02T09:30:00", "format"),
            ("appointment.booked", "appointment/services", [], "too_few"),
            ("appointment.booked", "appointment/services/0/quantity", 0, "too_small"),
            ("appointment.booked", "appointment/services/0/quantity", "0.0", "pattern"),
            ("appointment.booked", "appointment/services/0/quantity", "0.5", None),
            ("appointment.booked", "appointment/services/0/quantity", 2.5, None),
            ("appointment.booked", "appointment/services/0/quantity", True, "type"),
            (
                "appointment.booked",
                "appointment/services/0/quantity",
                1e300,
                "too_large",
            ),
            ("appointment.booked", "appointment/self_pay", "yes", "type"),
            ("service.completed", "charges", [], None),
            ("service.completed", "consumables/0/wasted", True, None),
            ("service.completed", "consumables/0/wasted", -1, "too_small"),
            (
                "claim.adjudicated",
                "claim/adjustments/0/group",
                "XX",
                "not_allowed_value",
            ),
            ("claim.adjudicated", "claim/adjustments/0/amount", "-1.00", None),
            ("payment.received", "payment/currency", "usd", "pattern"),
            ("payment.received", "payment/paid_at", "2026-03-02", None),
            ("payment.received", "payment/paid_at", "2026", "format"),
            ("payment.received", "allocations/0", {"amount": "1.00"}, "one_of"),
        ):
            with self.subTest(name=name, path=path, value=str(value)[:30]):
                expected = {f"/{path}": code} if code else {}
                self.assertEqual(self._found(name, {path: value}), expected)

    def test_allocation_is_for_one_thing(self):
        both = {"invoice": "I", "claim_id": "C", "amount": "1.00"}
        found = self._found("payment.received", {"allocations/0": both})
        self.assertEqual(found, {"/allocations/0": "one_of"})
        for name in ("invoice", "claim_id", "account_number"):
            one = {name: "X", "amount": "1.00"}
            self.assertEqual(
                self._found("payment.received", {"allocations/0": one}), {}
            )

    def test_unknown_members_are_kept(self):
        for path in ("new", "patient/new", "coverages/0/payer/new"):
            self.assertEqual(self._found("registration.created", {path: [1]}), {})

    def test_identifiers_are_unique(self):
        one = {"system": "a", "value": "b"}
        self.assertEqual(
            self._found(
                "registration.created", {"patient/identifiers": [one, dict(one)]}
            ),
            {"/patient/identifiers": "not_unique"},
        )
        other = {**one, "value": "c"}
        self.assertEqual(
            self._found("registration.created", {"patient/identifiers": [one, other]}),
            {},
        )

    def test_unknown_type(self):
        for name, version in (
            ("registration.deleted", "1.0"),
            ("registration.created", "2.0"),
            ("envelope", "1.0"),
            ("../common", "1.0"),
            (None, None),
        ):
            (error,) = self.registry.validate(name, version, {})
            self.assertEqual(error["code"], "unknown_type")

    def test_errors_are_capped_and_cheap(self):
        data = copy.deepcopy(self.examples["registration.created"])
        data["patient"]["identifiers"] = [{}] * 200_000
        data["coverages"] = [[]] * 200_000
        data["patient"]["name"]["family"] = "x" * 3_000_000
        data["patient"]["address"]["country"] = "x" * 3_000_000
        calls = 0

        def count(_frame, event, _arg):
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        try:
            errors = self.registry.validate("registration.created", "1.0", data)
        finally:
            sys.setprofile(None)
        # A few calls for each of 400,000 items, whatever is wrong with them.
        self.assertLess(calls, 4 * 400_000)
        self.assertLessEqual(len(errors), schema.MAX_ERRORS)

    def test_errors_show_no_value(self):
        secret = "Mrs Secret 1234567"
        for name, data in self.examples.items():
            for path in places(data):
                for new in (secret, {secret: secret}, [secret], 1234567):
                    errors = self.registry.validate(
                        name, "1.0", replaced(data, path, new)
                    )
                    self.assertNotIn("Secret", str(errors))
                    self.assertNotIn("1234567", str(errors))
                    for error in errors:
                        self.assertEqual(set(error), {"pointer", "code", "detail"})
                        self.assertTrue(error["pointer"].startswith("/data"))
                        self.assertNotEqual(error["code"], "invalid")

    def test_agrees_with_the_plain_validator(self):
        """Ours is the standard one, but for formats and the end of a pattern."""
        for name, data in self.examples.items():
            document = self.registry.document(name, "1.0")
            plain = Draft202012Validator(document, registry=ReferenceRegistry())
            for path in places(data):
                for new in (..., None, "", "x", 0, True, [], {}):
                    if new is ... and not path:
                        continue
                    changed = replaced(data, path, new)
                    ours = self.registry.validate(name, "1.0", changed)
                    if all(error["code"] == "format" for error in ours):
                        continue
                    self.assertFalse(plain.is_valid(changed), (name, path, new))
                    self.assertTrue(ours)

    @settings(deadline=None, max_examples=150)
    @given(st.sampled_from(sorted(TYPES)), JSON_VALUES)
    def test_anything_is_validated(self, name, data):
        self.assertTrue(self.registry.validate(name, "1.0", data))

    # -- the envelope -----------------------------------------------------------

    def test_envelope_document_agrees_with_the_rules(self):
        document = self.registry.document("envelope", "1.0")
        plain = Draft202012Validator(
            document, registry=ReferenceRegistry(), format_checker=schema._formats
        )
        good = {
            "specversion": "1.0",
            "id": "1",
            "source": "urn:x",
            "type": "t",
            "time": "2026-03-02T09:30:00Z",
            "data": {},
        }
        for changes in (
            {},
            {"id": ""},
            {"id": "x" * 256},
            {"id": 1},
            {"type": ...},
            {"data": []},
            {"data": ...},
            {"specversion": "0.3"},
            {"time": "yesterday"},
            {"extension": "x"},
            {"extension": 1.5},
            {"extension": {}},
            {"extension": None},
            {"correlationid": 1},
            {"sequence": 1},
            {"subject": "x" * 1025},
        ):
            event = {k: v for k, v in {**good, **changes}.items() if v is not ...}
            found = self.registry.envelope_errors(event)
            self.assertEqual(found == [], plain.is_valid(event), changes)
        self.assertEqual(set(document["required"]), {*envelope.REQUIRED, "data"})
