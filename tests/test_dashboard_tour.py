"""A finance user looks at the dashboard in a real browser."""

from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged

from .common import HealthcareCase, appointment_data, event, patient_data

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestDashboardTour(HttpCase, HealthcareCase):
    def test_finance_finds_what_figures_are_made_of(self):
        clinic = self.env["healthcare.facility"].create(
            {"name": "Tour clinic", "code": "TOUR"}
        )
        start = fields.Datetime.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        visit = appointment_data("TOUR-P", "TOUR-1", facility="TOUR", start=start)
        self.play(event("registration.created", patient_data("TOUR-P")))
        self.play(event("appointment.booked", visit))
        told = {
            "claim": {"state": "submitted", "amount_charged": "800.00"},
            "invoice": {
                "state": "not_paid",
                "responsible": "payer",
                "amount_total": "850.00",
                "amount_residual": "850.00",
            },
            "service": {"amount_charged": "700.00", "amount_revenue": "700.00"},
        }
        for fact_type, values in told.items():
            row = {"document": clinic, "facility": clinic, "values": values}
            self.env["healthcare.fact"]._emit(fact_type, [row])
        user = new_test_user(
            self.env, "tour-finance", groups=f"base.group_user,{GROUP}finance"
        )
        self.start_tour("/odoo", "healthcare_dashboard", login=user.login)
