"""What the codes of remittances mean, in plain words."""

from odoo import api, fields, models


class HealthcareAdjustmentCode(models.Model):
    """A claim adjustment reason (CARC) or a remittance remark (RARC).

    The numbers and what they stand for are facts of the public code lists; the words
    are ours. People may add codes or change the words.
    """

    _name = "healthcare.adjustment.code"
    _description = "Remittance Code"
    _order = "kind, code"

    kind = fields.Selection(
        [("carc", "Adjustment Reason"), ("rarc", "Remark")], required=True
    )
    code = fields.Char(required=True)
    name = fields.Char(string="Meaning", required=True, translate=True)
    denial_category = fields.Selection(
        [
            ("authorization_gap", "Authorization Gap"),
            ("missing_payer", "Missing Payer"),
            ("invoice_mismatch", "Invoice Mismatch"),
        ],
        help="Whose work a denial for this reason is. Empty: invoice mismatch.",
    )

    _code_unique = models.UniqueIndex("(kind, code)", "This code exists already.")

    @api.depends("code", "name")
    def _compute_display_name(self):
        for one in self:
            one.display_name = f"{one.code} {one.name}"

    @api.model
    def _words(self, kind, codes):
        """Return ``{code: meaning}`` of those codes that are known."""
        return {code: one.name for code, one in self._by_code(kind, codes).items()}

    @api.model
    def _by_code(self, kind, codes):
        # Stands in for everybody: what a public code means is no secret.
        found = self.sudo().search([("kind", "=", kind), ("code", "in", list(codes))])
        return {one.code: one for one in found}
