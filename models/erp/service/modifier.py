"""Modifiers of procedure codes: what they mean, and what they do to our price."""

from odoo import api, fields, models


class HealthcareModifier(models.Model):
    _name = "healthcare.modifier"
    _description = "Modifier"
    _order = "code"
    _rec_names_search = ["code", "name"]

    code = fields.Char(required=True, help="The code charges carry, e.g. 50 or LT.")
    name = fields.Char(string="Meaning", required=True, translate=True)
    percentage = fields.Float(
        string="Price (%)",
        default=100.0,
        required=True,
        help="Of the price, where the price is ours: from a payer's price list or the "
        "list price. A price that the event gives is billed as it comes.",
    )
    active = fields.Boolean(default=True)

    _code_unique = models.UniqueIndex("(code)", "Another modifier has this code.")
    _percentage_positive = models.Constraint(
        "CHECK(percentage >= 0)", "The percentage must not be negative."
    )

    @api.depends("code", "name")
    def _compute_display_name(self):
        for modifier in self:
            modifier.display_name = f"{modifier.code} · {modifier.name}"

    @api.model
    def _by_code(self, codes):
        """Return ``{code: modifier}`` of those that are known."""
        if not codes:
            return {}
        return {one.code: one for one in self.search([("code", "in", list(codes))])}
