"""What service lines earn: revenue, less what is written off, less supplies at cost."""

from odoo import fields, models

from .report import SHARED, latest, union


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
        string="Completed Services", readonly=True, aggregator="sum"
    )
    revenue = fields.Monetary(
        readonly=True, aggregator="sum", help="Charges of completed services."
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
            "services": "1",
            "revenue": "f.amount_charged",
            "adjustments": "NULL::numeric",
            "supplies": "NULL::numeric",
            "margin": "f.amount_charged",
        }
        supplies = {
            **SHARED,
            "kind": "'supplies'",
            "services": "0",
            "supplies": "-f.cost",
            "margin": "-f.cost",
        }
        written_off = (
            "(f.amount_charged - coalesce(f.amount_paid, 0) "
            "- coalesce(f.patient_responsibility, 0))"
        )
        adjustments = {
            **SHARED,
            "service_line_id": "coalesce(f.service_line_id, s.service_line_id)",
            "kind": "'adjustment'",
            "services": "0",
            "adjustments": f"-{written_off}",
            "margin": f"-{written_off}",
        }
        # A claim is of the service line of what it bills.
        lines = (
            " LEFT JOIN healthcare_claim d ON d.id = f.res_id"
            " LEFT JOIN account_move m ON m.id = d.move_id"
            " LEFT JOIN LATERAL (SELECT x.service_line_id FROM healthcare_fact x"
            " WHERE x.res_model = 'healthcare.completion'"
            " AND x.res_id = m.healthcare_completion_id AND x.fact_type = 'service'"
            " ORDER BY x.sequence DESC LIMIT 1) s ON true"
        )
        return union(
            (revenue, latest("service", "amount_charged")),
            (supplies, latest("consumable_usage", "cost")),
            (
                adjustments,
                latest(
                    "claim",
                    "state",
                    "amount_charged",
                    "amount_paid",
                    "patient_responsibility",
                )
                + f"{lines} WHERE f.state = 'adjudicated'",
            ),
        )
