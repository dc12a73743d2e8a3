"""The engine: order by subject, isolation of what fails, and letting go on."""

from unittest.mock import patch

from odoo.exceptions import UserError

from odoo.addons.healthcare_connector.core.errors import TechnicalError

from .common import (
    HealthcareCase,
    appointment_data,
    coverage_data,
    event,
    patient_data,
)


class TestEngine(HealthcareCase):
    def _failing(self, mrn, error):
        """Let the registration of one patient fail with an error."""
        workflow = type(self.env["healthcare.workflow.registration"])
        original = workflow._on_registration_created

        def handler(this, events):
            for one in events:
                if one._content()["patient"]["identifiers"][0]["value"] == mrn:
                    raise error
            return original(this, events)

        return patch.object(workflow, "_on_registration_created", handler)

    def test_a_bad_event_fails_alone(self):
        batch = [
            event("registration.created", patient_data(f"E-{number}"))
            for number in range(20)
        ]
        with self._failing("E-7", UserError("No such thing as Quillfeather")):
            events = self.play(*batch)
        states = events.mapped("state")
        self.assertEqual(states.count("done"), 19)
        bad = events[7]
        self.assertEqual(bad.state, "exception")
        self.assertNotIn("Quillfeather", bad.open_exception_id.reason)
        self.assertIn("No such thing", bad.open_exception_id.reason)

    def test_technical_errors_are_retried_then_given_to_a_person(self):
        registration = event("registration.created", patient_data("T-1"))
        with (
            self._failing("T-1", TechnicalError("line is down")),
            patch.object(type(self.engine), "_wake_at", lambda *args: None),
        ):
            (one,) = self.play(registration)
            self.assertEqual(one.state, "retrying")
            self.assertGreater(one.run_after, one.received_at)
            for _attempt in range(one.type_id.max_attempts):
                self.env.cr.execute(
                    "UPDATE healthcare_event SET run_after = NULL WHERE id = %s",
                    [one.id],
                )
                one.invalidate_recordset()
                self.process()
        self.assertEqual(one.state, "exception")
        self.assertEqual(one.attempts, one.type_id.max_attempts)
        self.assertEqual(one.open_exception_id.category, "retry_exhausted")
        outcomes = one.log_ids.sorted("id").mapped("outcome")
        self.assertEqual(outcomes, ["retry"] * (one.attempts - 1) + ["failed"])
        one.open_exception_id.action_retry()
        self.process()
        self.assertEqual(one.state, "done")
        self.assertEqual(one.exception_ids.resolution, "retried")

    def test_unexpected_errors_are_logged_without_values(self):
        registration = event("registration.created", patient_data("T-2"))
        name = "odoo.addons.healthcare_connector.models.exchange.engine"
        with (
            self._failing("T-2", KeyError("Quillfeather")),
            self.assertLogs(name, "ERROR") as logs,
        ):
            (one,) = self.play(registration)
        self.assertEqual(one.state, "retrying")
        self.assertIn("KeyError", logs.output[0])
        self.assertNotIn("Quillfeather", "".join(logs.output))

    def test_a_parked_event_holds_back_only_its_subject(self):
        parked = event(
            "registration.created",
            patient_data("P-1", coverages=[coverage_data("PAYER-NEW")]),
        )
        behind = event(
            "registration.updated", patient_data("P-1"), time="2026-03-02T08:05:00Z"
        )
        dependent = event("appointment.booked", appointment_data("P-1", "A-P-1"))
        other = event("registration.created", patient_data("P-2"))
        events = self.play(parked, behind, dependent, other)
        self.assertEqual(
            events.mapped("state"), ["exception", "waiting", "waiting", "done"]
        )
        exception = events[0].open_exception_id
        self.assertEqual(exception.category, "missing_payer")
        self.assertEqual(exception.waiting_count, 2)
        self.env["res.partner"].create(
            {
                "name": "New payer",
                "is_company": True,
                "healthcare_is_payer": True,
                "healthcare_payer_code": "PAYER-NEW",
            }
        )
        self.process()
        self.assertEqual(set(events.mapped("state")), {"done"})
        self.assertEqual(exception.state, "resolved")
        self.assertEqual(exception.resolution, "cause_gone")

    def test_waiving_discards_the_event_and_lets_the_others_go_on(self):
        parked = event(
            "registration.created",
            patient_data("W-1", coverages=[coverage_data("PAYER-NEVER")]),
        )
        behind = event(
            "registration.updated", patient_data("W-1"), time="2026-03-02T08:05:00Z"
        )
        events = self.play(parked, behind)
        events[0].open_exception_id._waive("Patient went elsewhere")
        self.process()
        self.assertEqual(events.mapped("state"), ["discarded", "done"])
        self.assertEqual(events[0].exception_ids.state, "waived")
        self.assertEqual(events[0].exception_ids.waive_reason, "Patient went elsewhere")

    def test_an_earlier_event_passes_a_parked_one(self):
        later = event(
            "registration.updated",
            patient_data("O-1", coverages=[coverage_data("PAYER-LATER")]),
            time="2026-03-02T10:00:00Z",
        )
        earlier = event(
            "registration.created", patient_data("O-1"), time="2026-03-02T09:00:00Z"
        )
        (parked,) = self.play(later)
        (done,) = self.play(earlier)
        self.assertEqual((parked.state, done.state), ("exception", "done"))

    def test_a_dead_workers_events_are_taken_back(self):
        receipts = self.send(event("registration.created", patient_data("D-1")))
        one = self.events(receipts)
        self.engine._claim([one.partition])
        self.assertEqual(one.state, "processing")
        with self.assertLogs("odoo.addons.healthcare_connector", "WARNING"):
            self.engine._recover([one.partition])
        self.process()
        self.assertEqual(one.state, "done")
        self.assertEqual(one.attempts, 2)

    def test_sweep_finds_what_no_wake_up_told_of(self):
        events = self.play(
            event(
                "registration.created",
                patient_data("S-1", coverages=[coverage_data("PAYER-SILENT")]),
            )
        )
        payer = self.env["res.partner"].create({"name": "Silent payer"})
        # A server that died right after this commit would not have told anybody.
        self.env.cr.execute(
            """UPDATE res_partner SET healthcare_payer_code = 'PAYER-SILENT',
            healthcare_is_payer = true WHERE id = %s""",
            [payer.id],
        )
        payer.invalidate_recordset()
        self.process()
        self.assertEqual(events.state, "exception")
        self.engine._cron_sweep()
        self.process()
        self.assertEqual(events.state, "done")

    def test_jobs_follow_the_number_of_shards(self):
        self.env["ir.config_parameter"].set_param("healthcare_connector.shards", "3")
        self.engine._sync_shards()
        jobs = self.env["ir.cron"].search([("healthcare_shard", "!=", 0)])
        self.assertEqual(sorted(jobs.mapped("healthcare_shard")), [1, 2, 3])
        self.env["ir.config_parameter"].set_param("healthcare_connector.shards", "1")
        self.engine._sync_shards()
        jobs = self.env["ir.cron"].search([("healthcare_shard", "!=", 0)])
        self.assertEqual(jobs.mapped("healthcare_shard"), [1])
