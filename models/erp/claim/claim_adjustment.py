"""Why a payer pays less than was charged."""

from odoo import api, fields, models

GROUPS = [
    ("CO", "Contractual"),
    ("PR", "Patient Responsibility"),
    ("OA", "Other"),
    ("PI", "Payer Initiated"),
]


class HealthcareClaimAdjustment(models.Model):
    """One adjustment of the decision that counts."""

    _name = "healthcare.claim.adjustment"
    _description = "Claim Adjustment"
    _order = "claim_id, id"
    _rec_name = "reason"

    claim_id = fields.Many2one(
        "healthcare.claim", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="claim_id.company_id", store=True)
    group = fields.Selection(GROUPS, required=True, readonly=True)
    reason = fields.Char(
        string="Code",
        required=True,
        readonly=True,
        help="Claim adjustment reason code (CARC).",
    )
    text = fields.Char(string="In Words", compute="_compute_text")
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one(related="claim_id.currency_id")

    @api.depends("reason")
    def _compute_text(self):
        words = self.env["healthcare.adjustment.code"]._words(
            "carc", set(self.mapped("reason"))
        )
        for line in self:
            line.text = words.get(line.reason) or self.env._("No text is known.")
