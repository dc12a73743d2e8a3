"""What service lines earn: revenue, less what is written off, less supplies at cost."""

from odoo import fields, models

from .report import SHARED, WHOLE, latest, union


class HealthcareMargin(models.Model):
    """One row per completed service, per supply used, and per decided claim.

    Each counts when it happened: a write-off in the month of the payer's decision, as
    in the books.
    """

    _name = "healthcare.margin"
    _description = "Service-Line Margin"
    _inherit = ["healthcare.report"]
    _auto = False

    kind = fields.Selection(
        [
            ("revenue", "Revenue"),
            ("adjustment", "Adjustments"),
            ("supplies", "Supplies"),
        ],
        readonly=True,
    )
    services = fields.Integer(
        string="Completed Services",
        readonly=True,
        aggregator="sum",
        help="Each counts once, at the service line of its first charge.",
    )
    parts = fields.Integer(
        string="Parts of Services",
        readonly=True,
        aggregator="sum",
        help="A service counts at each service line that it has charges of.",
    )
    revenue = fields.Monetary(
        readonly=True,
        aggregator="sum",
        help="Posted to income accounts for completed services.",
    )
    adjustments = fields.Monetary(
        readonly=True,
        aggregator="sum",
        help="Written off by payers' decisions, as a negative amount.",
    )
    supplies = fields.Monetary(
        string="Supplies at Cost",
        readonly=True,
        aggregator="sum",
        help="Supplies used and wasted, as a negative amount.",
    )
    margin = fields.Monetary(
        readonly=True,
        aggregator="sum",
        help="Revenue, less adjustments, less supplies at cost.",
    )

    @property
    def _table_query(self):
        revenue = {
            **SHARED,
            "kind": "'revenue'",
            "services": f"({WHOLE})::int",
            "parts": "1",
            "revenue": _REVENUE,
            "adjustments": "NULL::numeric",
            "supplies": "NULL::numeric",
            "margin": _REVENUE,
        }
        supplies = {
            **SHARED,
            "kind": "'supplies'",
            "services": "0",
            "parts": "0",
            "supplies": f"-{_COST}",
            "margin": f"-{_COST}",
        }
        adjustments = {
            **SHARED,
            "kind": "'adjustment'",
            "services": "0",
            "parts": "0",
            "adjustments": f"-{_WRITTEN_OFF}",
            "margin": f"-{_WRITTEN_OFF}",
        }
        return union(
            (revenue, latest("service", "amount_revenue", "amount_charged")),
            (supplies, latest("consumable_usage", "cost_actual", "cost")),
            (
                adjustments,
                latest(
                    "claim",
                    "state",
                    "amount_adjusted",
                    "amount_charged",
                    "amount_paid",
                    "patient_responsibility",
                )
                + " WHERE f.state = 'adjudicated'",
            ),
        )


# What was told before a column was there says it in another one.
_REVENUE = "coalesce(f.amount_revenue, f.amount_charged)"
_COST = "coalesce(f.cost_actual, f.cost)"
_WRITTEN_OFF = (
    "coalesce(f.amount_adjusted, f.amount_charged - coalesce(f.amount_paid, 0) "
    "- coalesce(f.patient_responsibility, 0))"
)
