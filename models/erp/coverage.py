"""Insurance of a patient."""

from odoo import api, fields, models


class HealthcareCoverage(models.Model):
    _name = "healthcare.coverage"
    _description = "Coverage"
    _order = "patient_id, priority, id"

    patient_id = fields.Many2one(
        "res.partner",
        required=True,
        index=True,
        ondelete="cascade",
        domain="[('healthcare_is_patient', '=', True)]",
    )
    payer_id = fields.Many2one(
        "res.partner",
        required=True,
        index=True,
        domain="[('healthcare_is_payer', '=', True)]",
    )
    member_id = fields.Char(string="Member Number", required=True)
    group_number = fields.Char()
    plan = fields.Char()
    priority = fields.Integer(default=1, help="1 pays first.")
    relationship = fields.Char(help="Of the patient to the insured person.")
    date_from = fields.Date(string="From")
    date_to = fields.Date(string="Until")
    status = fields.Selection(
        [
            ("unverified", "Not Verified"),
            ("active", "Active"),
            ("inactive", "Inactive"),
        ],
        required=True,
        default="unverified",
    )
    verified_at = fields.Datetime(string="Verified")
    known_at = fields.Datetime(help="Time of the newest event about this coverage.")
    authorization_required = fields.Boolean()
    copay = fields.Monetary()
    deductible_remaining = fields.Monetary()
    currency_id = fields.Many2one(
        "res.currency", default=lambda self: self.env.company.currency_id
    )
    active = fields.Boolean(default=True)

    _coverage_unique = models.UniqueIndex(
        "(patient_id, payer_id, member_id)", "This coverage exists already."
    )

    @api.depends("payer_id", "plan")
    def _compute_display_name(self):
        for coverage in self:
            parts = [coverage.payer_id.name, coverage.plan]
            coverage.display_name = " · ".join(part for part in parts if part)

    def _covers(self, date):
        """Return the coverages that are not known to be void on a date."""
        return self.filtered(
            lambda c: c.status != "inactive"
            and (not c.date_from or c.date_from <= date)
            and (not c.date_to or date <= c.date_to)
        )
