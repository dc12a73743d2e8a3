from odoo import models


class ProductProduct(models.Model):
    _name = "product.product"
    _inherit = ["product.product", "healthcare.awaited"]
    _awaited_kind = "supply"
    _awaited_field = "default_code"
