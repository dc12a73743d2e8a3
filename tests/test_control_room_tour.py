"""An operator looks at the control room in a real browser."""

from odoo.tests import HttpCase, new_test_user, tagged

from .common import HealthcareCase, appointment_data, event

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestControlRoomTour(HttpCase, HealthcareCase):
    def test_an_operator_finds_what_is_held_up(self):
        self.env["healthcare.facility"].create({"name": "Tour clinic", "code": "TOUR"})
        data = appointment_data("NOBODY", "TOUR-1", facility="TOUR")
        self.play(event("appointment.booked", data))
        user = new_test_user(
            self.env, "tour-operator", groups=f"base.group_user,{GROUP}operator"
        )
        self.start_tour(
            "/odoo/healthcare-control-room", "healthcare_control_room", login=user.login
        )
