"""Replays and pauses in a real browser, with the right to do so and without."""

from unittest.mock import patch

from odoo.tests import HttpCase, new_test_user, tagged

from .common import HealthcareCase, coverage_data, event, patient_data

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestReplayTour(HttpCase, HealthcareCase):
    def setUp(self):
        super().setUp()
        self.env["healthcare.facility"].create({"name": "Tour clinic", "code": "TOUR"})
        self.source.name = "Replay tour"
        data = patient_data(
            "TOUR-1", facility="TOUR", coverages=[coverage_data(payer="TOUR-NEW")]
        )
        (self.held,) = self.play(event("registration.created", data))

    def test_an_operator_with_the_right_replays(self):
        self.assertEqual(self.held.state, "exception")
        # Mended behind the queue's back, so that it does not go on by itself.
        with patch.object(type(self.env["healthcare.exception"]), "_cause_gone"):
            self.env["res.partner"].create(
                {
                    "name": "New payer",
                    "healthcare_is_payer": True,
                    "healthcare_payer_code": "TOUR-NEW",
                }
            )
        user = new_test_user(
            self.env,
            "tour-replayer",
            groups=f"base.group_user,{GROUP}operator,{GROUP}replay",
        )
        self.start_tour(
            "/odoo/healthcare-replays", "healthcare_replay", login=user.login
        )
        job = self.env["healthcare.replay"].search([("user_id", "=", user.id)])
        self.assertEqual((job.state, job.total_count), ("running", 1))
        self.assertEqual(self.held.state, "exception")
        self.env["healthcare.replay"]._advance_running()
        self.process()
        self.env["healthcare.replay"]._advance_running()
        self.assertEqual((self.held.state, job.state), ("done", "done"))

    def test_an_operator_without_it_only_looks(self):
        self.env["healthcare.replay"].create({"reason": "For the tour"})
        user = new_test_user(
            self.env, "tour-no-replayer", groups=f"base.group_user,{GROUP}operator"
        )
        self.start_tour(
            "/odoo/healthcare-replays", "healthcare_no_replay", login=user.login
        )

    def test_an_administrator_pauses_and_resumes(self):
        user = new_test_user(
            self.env, "tour-pauser", groups=f"base.group_user,{GROUP}administrator"
        )
        self.start_tour(
            "/odoo/healthcare-event-types", "healthcare_pause", login=user.login
        )
        pause = self.env["healthcare.pause"].search([("user_id", "=", user.id)])
        self.assertEqual(pause.reason, "The schedule is moved tonight")
        self.assertEqual(pause.resumed_by_id, user)
