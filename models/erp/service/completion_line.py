"""What a completed service was charged for, and which supplies it used."""

from odoo import api, fields, models


class HealthcareCompletionLine(models.Model):
    _name = "healthcare.completion.line"
    _description = "Charge of a Completed Service"
    _order = "completion_id, id"

    completion_id = fields.Many2one(
        "healthcare.completion",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="completion_id.company_id")
    service_id = fields.Many2one("healthcare.service", required=True, readonly=True)
    quantity = fields.Float(readonly=True, digits="Product Unit")
    price_unit = fields.Float(string="Price", readonly=True, digits="Product Price")
    price_source = fields.Selection(
        [
            ("event", "Sent with the Service"),
            ("contract", "Payer's Price List"),
            ("list", "List Price"),
        ],
        string="Price From",
        readonly=True,
    )
    modifiers = fields.Char(readonly=True, help="As they were sent, known or not.")
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one(related="completion_id.currency_id")
    modifier_note = fields.Char(string="Meaning", compute="_compute_modifier_note")

    @api.depends("modifiers")
    def _compute_modifier_note(self):
        given = {line: (line.modifiers or "").split(", ") for line in self}
        known = self.env["healthcare.modifier"]._by_code(
            {code for codes in given.values() for code in codes if code}
        )
        for line, codes in given.items():
            line.modifier_note = ", ".join(known[c].name for c in codes if c in known)


class HealthcareCompletionSupply(models.Model):
    _name = "healthcare.completion.supply"
    _description = "Supply of a Completed Service"
    _order = "completion_id, id"

    completion_id = fields.Many2one(
        "healthcare.completion",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="completion_id.company_id")
    product_id = fields.Many2one("product.product", required=True, readonly=True)
    planned = fields.Float(readonly=True, digits="Product Unit")
    used = fields.Float(readonly=True, digits="Product Unit")
    wasted = fields.Float(readonly=True, digits="Product Unit")
    difference = fields.Float(
        compute="_compute_difference",
        store=True,
        precompute=True,
        digits="Product Unit",
        help="Used beyond the plan; negative: planned and not used.",
    )
    uom_id = fields.Many2one(related="product_id.uom_id", string="Unit")
    lots = fields.Char(readonly=True, help="Lots or serial numbers as they were sent.")
    substitute_for_id = fields.Many2one(
        "product.product",
        string="Instead Of",
        readonly=True,
        help="Was planned, was not used, and this was used in its place.",
    )

    @api.depends("planned", "used")
    def _compute_difference(self):
        for supply in self:
            supply.difference = supply.used - supply.planned
