"""Two versions of an event type at once: taken, brought up to date, outdated."""

import json
import shutil
import tempfile
from datetime import date
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import schema, upcast
from odoo.addons.healthcare_connector.core.errors import InputError

from .common import HealthcareCase, event, patient_data
from .http_common import BASE, EVENTS, EndpointCase

CODE = "registration.created"
# As a vendor might have sent it before: other names, one flat list of numbers.
OLD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Patient registered, as it used to be",
    "type": "object",
    "required": ["facility", "person", "policies"],
    "properties": {
        "facility": {"$ref": "../common/definitions.json#/$defs/facility"},
        "person": {"type": "object", "required": ["identifiers", "family", "born"]},
        "policies": {"type": "array", "items": {"type": "object"}},
    },
}
STEPS = {
    (CODE, 0): (
        ("move", "/person", "/patient"),
        ("move", "/patient/family", "/patient/name/family"),
        ("move", "/patient/given", "/patient/name/given"),
        ("move", "/patient/born", "/patient/birth_date"),
        ("move", "/policies", "/coverages"),
        ("move", "/coverages/*/number", "/coverages/*/member_id"),
        ("move", "/coverages/*/payer_code", "/coverages/*/payer/code"),
        ("default", "/coverages/*/priority", 1),
        ("remove", "/coverages/*/comment"),
    )
}


def old_data(mrn, **more):
    new = patient_data(mrn)
    patient = new["patient"]
    return {
        "facility": new["facility"],
        "person": {
            "identifiers": patient["identifiers"],
            "family": patient["name"]["family"],
            "given": patient["name"]["given"],
            "born": patient["birth_date"],
            **more,
        },
        "policies": [{"number": "M-1", "payer_code": "PAYER-A", "comment": "x"}],
    }


def old_event(mrn, **options):
    result = event(CODE, old_data(mrn), **options)
    result["type"] = f"healthcare.{CODE}.v0"
    return result


class TwoVersions:
    """Has an older version of one type, until the test class ends."""

    @classmethod
    def add_old_version(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        directory = Path(folder.name) / "schemas"
        shutil.copytree(schema.DIRECTORY, directory)
        text = json.dumps(OLD)
        (directory / CODE / "0.9.json").write_text(text, encoding="utf-8")
        both = schema.Registry(directory)
        for patcher in (
            patch.object(schema, "registry", lambda: both),
            patch.dict(upcast.STEPS, STEPS),
        ):
            patcher.start()
            cls.addClassCleanup(patcher.stop)
        cls.env["healthcare.event.type.version"]._sync_registry()
        cls.env.registry.clear_cache()
        cls.addClassCleanup(cls.env.registry.clear_cache)
        cls.old = cls.env["healthcare.event.type.version"].search(
            [("type_id.code", "=", CODE), ("version", "=", "0.9")]
        )


class TestUpcast(BaseCase):
    def test_declared_changes(self):
        before = old_data("U-1")
        kept = json.dumps(before)
        after = upcast.upcast(CODE, "0.9", "1.0", before, STEPS)
        self.assertEqual(json.dumps(before), kept)
        expected = patient_data("U-1")
        expected["coverages"] = [
            {"member_id": "M-1", "payer": {"code": "PAYER-A"}, "priority": 1}
        ]
        self.assertEqual(after, expected)
        self.assertFalse(schema.registry().validate(CODE, "1.0", after))

    def test_several_steps_and_functions(self):
        steps = {
            ("x", 1): (("move", "/a", "/b"),),
            ("x", 2): (lambda data: {**data, "c": data["b"] * 2},),
        }
        self.assertEqual(
            upcast.upcast("x", "1.4", "3.0", {"a": 2}, steps), {"b": 2, "c": 4}
        )
        self.assertTrue(upcast.reaches("x", "1.0", "3.0", steps))
        self.assertFalse(upcast.reaches("x", "0.1", "3.0", steps))
        self.assertFalse(upcast.reaches("x", "4.0", "3.0", steps))
        with self.assertRaises(InputError) as caught:
            upcast.upcast("x", "2.0", "3.0", {"secret": 1}, steps)
        self.assertNotIn("secret", str(caught.exception))

    def test_minor_versions_are_as_they_are(self):
        data = {"a": 1}
        self.assertIs(upcast.upcast("x", "1.0", "1.3", data, {}), data)

    def test_what_is_missing_is_not_made_up(self):
        data = upcast.upcast(CODE, "0.9", "1.0", {"facility": "NORTH"}, STEPS)
        self.assertEqual(data, {"facility": "NORTH"})

    def test_choosing(self):
        accepted = {"x.y": ("2.0", "1.1", "1.0")}
        base = "https://erp.example/healthcare/v1/schemas"
        for name, address, version in (
            ("healthcare.x.y.v1", None, "1.1"),
            ("healthcare.x.y.v2", None, "2.0"),
            ("healthcare.x.y.v3", None, None),
            ("healthcare.x.y.v1", f"{base}/x.y/1.0", "1.0"),
            ("healthcare.x.y.v1", f"{base}/healthcare.x.y.v1/1.0", "1.0"),
            ("healthcare.x.y.v1", f"{base}/x.y/1.2", None),
            ("healthcare.x.y.v1", f"{base}/x.y/2.0", None),
            ("healthcare.x.y.v1", f"{base}/other/1.0", None),
            ("healthcare.x.y.v1", "https://vendor.example/own.json", "1.1"),
            ("healthcare.x.y", None, None),
            ("x.y.v1", None, None),
            (None, None, None),
            ([], {}, None),
        ):
            envelope = {"type": name, "dataschema": address}
            with self.subTest(name=name, address=address):
                self.assertEqual(upcast.choose(envelope, accepted)[1], version)


class TestTwoVersionsWork(TwoVersions, HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_old_version()

    def test_the_older_becomes_the_same_document(self):
        old, new = self.play(
            old_event("V-1"), event(CODE, patient_data("V-2", birth_date="1970-01-01"))
        )
        self.assertEqual((old.state, new.state), ("done", "done"))
        self.assertEqual((old.schema_version, new.schema_version), ("0.9", "1.0"))
        patient = self.env["healthcare.patient.identifier"].search(
            [("value", "=", "V-1")]
        )
        self.assertEqual(patient.partner_id.name, "Zephyrine Quillfeather")
        # It is kept as it came.
        self.assertIn("person", old._envelopes()[old.sudo()]["data"])
        (link,) = old.link_ids.filtered(lambda one: one.res_model == "res.partner")
        self.assertEqual(link.res_id, patient.partner_id.id)

    def test_resent_is_a_duplicate(self):
        one = old_event("V-3")
        self.assertEqual(self.send(one)[0].status, "accepted")
        self.assertEqual(self.send(one)[0].status, "duplicate")

    def test_both_have_one_order(self):
        """An event of either version waits for the other of the same patient."""
        first, second = self.events(
            self.send(
                old_event("V-4"), event("registration.updated", patient_data("V-4"))
            )
        )
        self.assertEqual(first.subject, second.subject)

    def test_errors_are_of_the_version_sent(self):
        one = old_event("V-5")
        del one["data"]["person"]
        (receipt,) = self.send(one)
        self.assertEqual(receipt.status, "rejected")
        self.assertEqual(receipt.errors[0]["pointer"], "/data/person")
        fits_not = old_event("V-6")
        fits_not["data"]["person"]["born"] = "soon"
        (receipt,) = self.send(fits_not)
        self.assertEqual(receipt.errors[0]["pointer"], "/data/patient/birth_date")

    def test_corrected_to_the_present_version(self):
        one = old_event("V-7")
        del one["data"]["person"]
        held = self.events(self.send(one))
        self.assertEqual(held.state, "exception")
        good = event(CODE, patient_data("V-7"), id=one["id"])
        self.env["healthcare.intake"]._correct(held, good, "Sent anew by telephone")
        self.process()
        self.assertEqual((held.state, held.schema_version), ("done", "1.0"))

    def test_switched_off(self):
        self.old.active = False
        (receipt,) = self.send(old_event("V-8"))
        self.assertEqual(receipt.errors[0]["code"], "unknown_type")
        self.old.active = True
        self.assertEqual(self.send(old_event("V-8"))[0].status, "accepted")

    def test_what_workflows_do_not_know_is_not_taken(self):
        type_ = self.old.type_id
        type_.version = "0.9"
        self.assertEqual(
            self.send(event(CODE, patient_data("V-9")))[0].errors[0]["code"],
            "unknown_type",
        )

    def test_counted(self):
        before = self.old.event_count
        self.send(old_event("V-10"))
        self.env.invalidate_all()
        self.assertEqual(self.old.event_count, before + 1)
        with self.assertRaises(UserError):
            self.env["healthcare.intake"]._correct(
                self.events(self.send(old_event("V-11"))), {"type": []}, "Nonsense"
            )


class TestOutdated(TwoVersions, EndpointCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.add_old_version()
        cls.old.write(
            {"deprecated_on": date(2026, 1, 1), "sunset_on": date(2027, 6, 30)}
        )

    def test_told_with_every_answer(self):
        old = old_event("W-1")
        for answer in (
            self.post(old),
            self.post(old),
            self.post([event(CODE, patient_data("W-2")), old], "application/json"),
            self.call(f"{BASE}/schemas/{CODE}/0.9"),
        ):
            self.assertIn(answer.status_code, (200, 202), answer.text)
            self.assertEqual(answer.headers["Deprecation"], "@1767225600")
            self.assertEqual(answer.headers["Sunset"], "Wed, 30 Jun 2027 00:00:00 GMT")
            self.assertEqual(
                answer.headers["Link"],
                f'<{BASE}/schemas/{CODE}/1.0>; rel="successor-version"',
            )
        for answer in (
            self.post(event(CODE, patient_data("W-3"))),
            self.call(f"{BASE}/schemas/{CODE}/1.0"),
        ):
            self.assertNotIn("Deprecation", answer.headers)
            self.assertNotIn("Sunset", answer.headers)

    def test_read_back_under_its_own_type(self):
        receipt = self.post(old_event("W-4")).json()["receipts"][0]
        status = self.call(receipt["status_url"]).json()
        self.assertEqual(status["type"], f"healthcare.{CODE}.v0")

    def test_hostile_types(self):
        one = event(CODE, patient_data("W-5"))
        for name in (f"healthcare.{CODE}.v", f"healthcare.{CODE}.v²", "healthcare..v1"):
            answer = self.post({**one, "type": name})
            with self.subTest(type=name):
                self.assertProblem(answer, 422, "schema_mismatch")
        self.assertEqual(self.call(f"{EVENTS}?id={one['id']}").status_code, 200)
