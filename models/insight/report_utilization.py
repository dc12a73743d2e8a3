"""What became of visits."""

from odoo import fields, models

from ..erp.visit.appointment import STATES
from .report import SHARED, latest, union


class HealthcareUtilization(models.Model):
    """One row per appointment, at the time it is planned for."""

    _name = "healthcare.utilization"
    _description = "Utilization"
    _inherit = ["healthcare.report"]
    _auto = False
    _depends = {"healthcare.appointment": ["start", "provider"]}

    date = fields.Datetime(string="Visit", readonly=True)
    state = fields.Selection(STATES, readonly=True)
    provider = fields.Char(readonly=True)
    clearance = fields.Selection(
        [("cleared", "Cleared"), ("pending", "Pending"), ("blocked", "Blocked")],
        readonly=True,
    )
    booked = fields.Integer(readonly=True, aggregator="sum")
    completed = fields.Integer(readonly=True, aggregator="sum")
    no_show = fields.Integer(readonly=True, aggregator="sum")
    cancelled = fields.Integer(readonly=True, aggregator="sum")
    no_show_rate = fields.Float(
        string="No-Show Rate (%)",
        readonly=True,
        aggregator="avg",
        help="No-shows among visits that were completed or not kept.",
    )
    cancelled_rate = fields.Float(
        string="Cancelled (%)", readonly=True, aggregator="avg"
    )

    @property
    def _table_query(self):
        return union(
            (
                {
                    **SHARED,
                    "date": "a.start",
                    "state": "f.state",
                    "provider": "a.provider",
                    "clearance": "f.clearance",
                    "booked": "1",
                    "completed": "(f.state = 'completed')::int",
                    "no_show": "(f.state = 'no_show')::int",
                    "cancelled": "(f.state = 'cancelled')::int",
                    "no_show_rate": "CASE f.state WHEN 'no_show' THEN 100.0 "
                    "WHEN 'completed' THEN 0.0 END",
                    "cancelled_rate": "CASE f.state WHEN 'cancelled' THEN 100.0 "
                    "ELSE 0.0 END",
                },
                f"{latest('appointment', 'state', 'clearance')} "
                "JOIN healthcare_appointment a ON a.id = f.res_id",
            )
        )
