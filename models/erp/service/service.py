"""What a provider does, as Odoo sells and supplies it."""

from odoo import fields, models


class HealthcareService(models.Model):
    _name = "healthcare.service"
    _description = "Service"
    _inherit = "healthcare.awaited"
    _order = "code"
    _awaited_kind = "service"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True, help="The code events carry: a procedure or charge code."
    )
    active = fields.Boolean(default=True)
    product_id = fields.Many2one(
        "product.product",
        required=True,
        domain="[('type', '=', 'service')]",
        help="Ordered and invoiced for this service; its price is the list price.",
    )
    service_line_id = fields.Many2one("healthcare.service.line")
    supply_ids = fields.One2many("healthcare.service.supply", "service_id", copy=True)
    authorization_required = fields.Boolean(
        help="Payers want to approve this service beforehand."
    )
    list_price = fields.Float(related="product_id.lst_price", string="List Price")
    currency_id = fields.Many2one(related="product_id.currency_id")

    _code_unique = models.Constraint(
        "UNIQUE(code)", "Another service already has this code."
    )


class HealthcareServiceSupply(models.Model):
    _name = "healthcare.service.supply"
    _description = "Supply of a Service"
    _order = "service_id, id"

    service_id = fields.Many2one(
        "healthcare.service", required=True, index=True, ondelete="cascade"
    )
    product_id = fields.Many2one(
        "product.product", required=True, domain="[('is_storable', '=', True)]"
    )
    quantity = fields.Float(
        default=1.0, required=True, digits="Product Unit", help="Per unit of service."
    )
    uom_id = fields.Many2one(related="product_id.uom_id", string="Unit")

    _product_unique = models.UniqueIndex(
        "(service_id, product_id)", "This supply is listed already."
    )
    _quantity_positive = models.Constraint(
        "CHECK(quantity > 0)", "The quantity must be positive."
    )
