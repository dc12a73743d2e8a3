"""Ordering what is missing, through Odoo's own replenishment rules."""

from odoo import api, models


class HealthcareReplenishment(models.AbstractModel):
    _name = "healthcare.replenishment"
    _description = "Replenishment of Supplies"

    @api.model
    def _replenish(self, pairs):
        """Have draft purchase orders cover what the forecast lacks, and no more.

        Products without a vendor are left to people; so are reordering rules that Odoo
        runs by itself.

        :param pairs: ``(product, location)``
        """
        by_location = {}
        for product, location in pairs:
            by_location.setdefault(location, []).append(product.id)
        for location, ids in by_location.items():
            products = self.env["product.product"].browse(ids)
            if warehouse := location.warehouse_id:
                self._replenish_at(
                    products.filtered(
                        lambda p, w=warehouse: p.seller_ids.filtered(
                            lambda s: (
                                s.company_id in (s.company_id.browse(), w.company_id)
                            )
                        )
                    ),
                    location,
                    warehouse,
                )

    @api.model
    def _replenish_at(self, products, location, warehouse):
        if not products:
            return
        rules = self.env["stock.warehouse.orderpoint"].search(
            [("product_id", "in", products.ids), ("location_id", "=", location.id)]
        )
        products -= rules.filtered(lambda rule: rule.trigger == "auto").product_id
        by_product = {rule.product_id: rule for rule in rules}
        ordered, _by_warehouse = products._get_quantity_in_progress(location.ids)
        wanted, excess = {}, {}
        for product in products.with_context(location=location.id):
            forecast = product.virtual_available + ordered.get(
                (product.id, location.id), 0.0
            )
            if product.uom_id.compare(forecast, 0) < 0:
                wanted[product] = -forecast
            elif product.uom_id.compare(forecast, 0) > 0 and product in by_product:
                excess[by_product[product]] = forecast
        if wanted:
            self._order_missing(wanted, by_product, location, warehouse)
        if excess:
            self._order_less(excess)

    @api.model
    def _order_missing(self, wanted, by_product, location, warehouse):
        missing = [product for product in wanted if product not in by_product]
        created = self.env["stock.warehouse.orderpoint"].create(
            [
                {
                    "product_id": product.id,
                    "location_id": location.id,
                    "warehouse_id": warehouse.id,
                    "company_id": warehouse.company_id.id,
                    "trigger": "manual",
                    "product_min_qty": 0.0,
                    "product_max_qty": 0.0,
                }
                for product in missing
            ]
        )
        by_product = {**by_product, **{rule.product_id: rule for rule in created}}
        rules = created.browse()
        for product, quantity in wanted.items():
            rule = by_product[product]
            rule.qty_to_order_manual = quantity
            rules += rule
        # A route that leads nowhere becomes an activity for the buyer, no error.
        rules._procure_orderpoint_confirm(
            company_id=warehouse.company_id, raise_user_error=False
        )
        rules.action_remove_manual_qty_to_order()

    @api.model
    def _order_less(self, excess):
        """Take back from draft orders what a cancelled visit no longer needs."""
        lines = self.env["purchase.order.line"].search(
            [
                ("orderpoint_id", "in", [rule.id for rule in excess]),
                ("order_id.state", "=", "draft"),
            ],
            order="id desc",
        )
        emptied = lines.browse()
        for line in lines:
            left = excess[line.orderpoint_id]
            unit = line.product_id.uom_id
            quantity = line.product_uom_id._compute_quantity(line.product_qty, unit)
            taken = min(left, quantity)
            if unit.compare(taken, 0) <= 0:
                continue
            excess[line.orderpoint_id] = left - taken
            if unit.compare(quantity, taken) > 0:
                line.product_qty = unit._compute_quantity(
                    quantity - taken, line.product_uom_id
                )
            else:
                emptied += line
        orders = emptied.order_id
        emptied.unlink()
        empty = orders.filtered(lambda order: not order.order_line)
        empty.button_cancel()
        empty.unlink()
