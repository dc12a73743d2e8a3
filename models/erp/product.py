"""Products that appear let waiting events go on."""

from odoo import api, models


class ProductProduct(models.Model):
    _inherit = "product.product"

    @api.model_create_multi
    def create(self, vals_list):
        products = super().create(vals_list)
        products._healthcare_release_waiting()
        return products

    def write(self, vals):
        result = super().write(vals)
        if {"default_code", "active"} & vals.keys():
            self._healthcare_release_waiting()
        return result

    def _healthcare_release_waiting(self):
        self.env["healthcare.exception"]._cause_gone(
            [
                f"supply/{product.default_code}"
                for product in self
                if product.default_code and product.active
            ]
        )
