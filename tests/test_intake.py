"""Intake: every event is kept once, encrypted, and answered with a receipt."""

from odoo.tools import mute_logger

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.errors import KeyringError

from .common import HealthcareCase, event, patient_data


class TestIntake(HealthcareCase):
    def test_accepted_then_duplicate_then_conflict(self):
        first = event("registration.created", patient_data("I-1"))
        self.assertEqual([r.status for r in self.send(first)], ["accepted"])
        again = {**first, "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
        self.assertEqual([r.status for r in self.send(again)], ["duplicate"])
        other = {**first, "time": "2026-03-02T09:00:00Z"}
        (receipt,) = self.send(other)
        self.assertEqual(receipt.status, "rejected")
        self.assertEqual(receipt.errors[0]["code"], "conflict")
        self.assertEqual(len(self.events([receipt])), 1)

    def test_same_id_twice_in_one_request(self):
        one = event("registration.created", patient_data("I-2"))
        changed = {**one, "time": "2026-03-02T09:00:00Z"}
        statuses = [r.status for r in self.send(one, one, changed)]
        self.assertEqual(statuses, ["accepted", "duplicate", "rejected"])

    def test_body_is_sealed_and_bound_to_its_row(self):
        receipts = self.send(
            event("registration.created", patient_data("I-3", family="Wolkenstein")),
            event("registration.created", patient_data("I-4", family="Zitterbart")),
        )
        one, two = self.events(receipts)
        self.env.cr.execute(
            "SELECT body FROM healthcare_event WHERE id IN %s", [(one.id, two.id)]
        )
        for (body,) in self.env.cr.fetchall():
            self.assertNotIn(b"Wolkenstein", bytes(body))
            self.assertNotIn(b"I-3", bytes(body))
        name = one._content()["patient"]["name"]["family"]
        self.assertEqual(name, "Wolkenstein")
        # A body copied to another row does not open there.
        self.env.cr.execute(
            """UPDATE healthcare_event SET body =
            (SELECT body FROM healthcare_event WHERE id = %s) WHERE id = %s""",
            [one.id, two.id],
        )
        two.invalidate_recordset()
        self.env.cr.postcommit.data.pop("healthcare.contents", None)
        with self.assertRaises(KeyringError):
            two._content()

    def test_refused_event_is_kept_once_and_not_echoed(self):
        bad = event("registration.created", patient_data("I-5", birth_date="Unsinn"))
        (receipt,) = self.send(bad)
        self.assertEqual(receipt.status, "rejected")
        self.assertEqual(receipt.errors[0]["pointer"], "/data/patient/birth_date")
        self.assertNotIn("Unsinn", str(receipt.errors))
        kept = self.events([receipt])
        self.assertTrue(kept.rejected)
        self.assertEqual(kept.state, "exception")
        self.assertEqual(kept.open_exception_id.category, "schema_mismatch")
        issue = kept.open_exception_id
        self.assertEqual(issue.reason, "The patient's birth date is not a date.")
        self.assertIn("/data/patient/birth_date", issue.fault_places)
        self.assertNotIn("Unsinn", issue.reason + issue.fault_places)
        (again,) = self.send(bad)
        self.assertEqual(again.event, receipt.event)
        self.assertEqual(len(kept.exception_ids), 1)

    def test_good_resend_closes_what_was_refused(self):
        bad = event("registration.created", patient_data("I-6", birth_date="Unsinn"))
        (receipt,) = self.send(bad)
        good = {**bad, "data": patient_data("I-6")}
        (accepted,) = self.send(good)
        self.assertEqual(accepted.status, "accepted")
        kept = self.events([receipt])
        self.assertEqual(kept.state, "discarded")
        self.assertEqual(kept.exception_ids.resolution, "superseded")
        self.process()
        self.assertEqual(self.events([accepted]).state, "done")

    def test_corrected_event_runs_and_keeps_the_original(self):
        bad = event("registration.created", patient_data("I-7", birth_date="Unsinn"))
        (receipt,) = self.send(bad)
        kept = self.events([receipt])
        envelope = kept._envelopes()[kept]
        envelope["data"]["patient"]["birth_date"] = "1950-01-31"
        kept._correct(envelope, "Typing error at the desk")
        self.process()
        self.assertEqual(kept.state, "done")
        self.assertEqual(kept.correction_ids.places, "/data/patient/birth_date")
        self.assertEqual(kept.exception_ids.state, "resolved")
        original = self.env["healthcare.keyring"]._open(
            kept.body, "healthcare.event", kept.uuid, "body"
        )
        self.assertIn("Unsinn", strict_json.loads(original)["data"]["patient"].values())

    def test_unknown_type_and_unknown_facility(self):
        (receipt,) = self.send(event("registration.guessed", patient_data("I-8")))
        self.assertEqual(receipt.errors[0]["code"], "unknown_type")
        (kept,) = self.play(
            event("registration.created", patient_data("I-9", facility="NOWHERE"))
        )
        self.assertEqual(kept.open_exception_id.category, "missing_dependency")
        self.env["healthcare.facility"].create({"name": "New", "code": "NOWHERE"})
        self.process()
        self.assertEqual(kept.state, "done")

    def test_source_speaks_only_for_its_facilities(self):
        north = self.env["healthcare.facility"].search([("code", "=", "NORTH")])
        self.source.facility_ids = north
        data = patient_data("I-10", facility="SOUTH")
        (receipt,) = self.send(event("registration.created", data))
        self.assertEqual(receipt.errors[0]["code"], "facility_not_allowed")

    @mute_logger("odoo.sql_db")
    def test_a_thousand_events_take_a_handful_of_statements(self):
        batch = [
            event("registration.created", patient_data(f"B-{number}"))
            for number in range(1000)
        ]
        with self.assertQueryCount(40):
            receipts = self.send(*batch)
        self.assertEqual({r.status for r in receipts}, {"accepted"})
