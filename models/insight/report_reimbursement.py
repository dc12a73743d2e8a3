"""What payers and patients were asked, what they pay, what is still open."""

from odoo import fields, models

from .report import SHARED, latest, union


class HealthcareReimbursement(models.Model):
    """One row per claim and one per invoice, as known now.

    A claim says what was asked and granted, an invoice what is still to be paid: each
    has measures of its own, so that none is counted twice.
    """

    _name = "healthcare.reimbursement"
    _description = "Reimbursement"
    _inherit = ["healthcare.report"]
    _auto = False

    kind = fields.Selection(
        [("claim", "Claim"), ("invoice", "Invoice")], string="Document", readonly=True
    )
    state = fields.Selection(
        [
            ("submitted", "Submitted"),
            ("adjudicated", "Adjudicated"),
            ("denied", "Denied"),
            ("draft", "Draft"),
            ("not_paid", "Not Paid"),
            ("partial", "Partially Paid"),
            ("in_payment", "In Payment"),
            ("paid", "Paid"),
            ("reversed", "Reversed"),
            ("blocked", "Blocked"),
            ("cancel", "Cancelled"),
        ],
        readonly=True,
    )
    payer_id = fields.Many2one("res.partner", string="Payer", readonly=True)
    responsible = fields.Selection(
        [("payer", "Payer"), ("patient", "Patient")], readonly=True
    )
    age = fields.Selection(
        [
            ("0", "0–30 days"),
            ("31", "31–60 days"),
            ("61", "61–90 days"),
            ("91", "Over 90 days"),
        ],
        string="Open Since",
        readonly=True,
        help="Age of what is still to be paid.",
    )
    charged = fields.Monetary(
        readonly=True, aggregator="sum", help="What claims ask the payer for."
    )
    allowed = fields.Monetary(
        readonly=True,
        aggregator="sum",
        help="What the payer grants: paid by it or left to the patient.",
    )
    adjusted = fields.Monetary(
        readonly=True, aggregator="sum", help="Charged and not allowed: written off."
    )
    paid = fields.Monetary(
        string="Paid by Payers",
        readonly=True,
        aggregator="sum",
        help="As remittances say.",
    )
    patient_responsibility = fields.Monetary(
        string="Left to Patients", readonly=True, aggregator="sum"
    )
    denied = fields.Monetary(
        readonly=True, aggregator="sum", help="Charged by claims that were denied."
    )
    billed = fields.Monetary(
        readonly=True, aggregator="sum", help="Total of invoices that were posted."
    )
    open_amount = fields.Monetary(
        string="A/R", readonly=True, aggregator="sum", help="Still to be paid."
    )
    decided = fields.Integer(string="Claims Decided", readonly=True, aggregator="sum")
    denial_rate = fields.Float(
        string="Denial Rate (%)",
        readonly=True,
        aggregator="avg",
        help="Denied claims among those that were decided.",
    )
    days_to_payment = fields.Float(
        readonly=True,
        aggregator="avg",
        help="From the claim to the payer's decision to pay, in days.",
    )

    @property
    def _table_query(self):
        claims = {
            **SHARED,
            "kind": "'claim'",
            "state": "f.state",
            "payer_id": "d.payer_id",
            "responsible": "'payer'",
            "age": "NULL::text",
            "charged": "f.amount_charged",
            "allowed": f"CASE WHEN {_PAID} THEN {_ALLOWED} END",
            "adjusted": f"CASE WHEN {_PAID} THEN f.amount_charged - ({_ALLOWED}) END",
            "paid": f"CASE WHEN {_PAID} THEN f.amount_paid END",
            "patient_responsibility": f"CASE WHEN {_PAID} "
            "THEN f.patient_responsibility END",
            "denied": "CASE WHEN f.state = 'denied' THEN f.amount_charged END",
            "billed": "NULL::numeric",
            "open_amount": "NULL::numeric",
            "decided": "(f.state IN ('adjudicated', 'denied'))::int",
            "denial_rate": "CASE f.state WHEN 'denied' THEN 100.0 "
            "WHEN 'adjudicated' THEN 0.0 END",
            "days_to_payment": f"CASE WHEN {_PAID} AND f.sequence > 1 THEN "
            "greatest(extract(epoch FROM f.occurred_at - f.first_occurred_at), 0) "
            "/ 86400.0 END",
        }
        invoices = {
            **SHARED,
            "currency_id": "coalesce(m.currency_id, f.currency_id)",
            "kind": "'invoice'",
            "state": "f.state",
            "payer_id": "CASE WHEN f.responsible = 'payer' THEN m.partner_id END",
            "responsible": "f.responsible",
            "age": f"CASE WHEN {_OPEN} THEN CASE "
            f"WHEN {_DAYS} <= 30 THEN '0' WHEN {_DAYS} <= 60 THEN '31' "
            f"WHEN {_DAYS} <= 90 THEN '61' ELSE '91' END END",
            "date": "f.first_occurred_at",
            "billed": f"CASE WHEN {_POSTED} THEN f.amount_total END",
            "open_amount": f"CASE WHEN {_OPEN} THEN f.amount_residual END",
            "decided": "0",
        }
        return union(
            (
                claims,
                latest(
                    "claim",
                    "state",
                    "amount_charged",
                    "amount_paid",
                    "patient_responsibility",
                )
                + " LEFT JOIN healthcare_claim d ON d.id = f.res_id",
            ),
            (
                invoices,
                latest(
                    "invoice",
                    "state",
                    "responsible",
                    "amount_total",
                    "amount_residual",
                )
                + " LEFT JOIN account_move m ON m.id = f.res_id",
            ),
        )


_PAID = "f.state = 'adjudicated'"
_ALLOWED = "coalesce(f.amount_paid, 0) + coalesce(f.patient_responsibility, 0)"
_POSTED = "f.state NOT IN ('draft', 'cancel')"
_OPEN = "f.state IN ('not_paid', 'partial', 'in_payment') AND f.amount_residual != 0"
_DAYS = "extract(day FROM now() AT TIME ZONE 'UTC' - f.first_occurred_at)"
