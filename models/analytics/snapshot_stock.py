"""Stock at the end of a day, computed back from what moved since then."""

import logging

import psycopg2

from odoo import api, models
from odoo.tools import SQL

from ..erp.values import money

_logger = logging.getLogger(__name__)

# Stock of a facility is that of its warehouse; where several facilities share one, the
# first of them tells of it, so that nothing is counted twice.
_STOCK = """
WITH place AS (
    SELECT l.id AS location_id, w.id AS warehouse_id
    FROM stock_warehouse w
    JOIN stock_location v ON v.id = w.view_location_id
    JOIN stock_location l ON l.parent_path LIKE v.parent_path || '%%'
    WHERE w.id = ANY(%(warehouses)s) AND l.usage = 'internal'
), present AS (
    SELECT p.warehouse_id, q.product_id, sum(q.quantity) AS quantity,
        sum(q.reserved_quantity) AS reserved
    FROM stock_quant q JOIN place p ON p.location_id = q.location_id
    WHERE %(products)s::int[] IS NULL OR q.product_id = ANY(%(products)s)
    GROUP BY 1, 2
), line AS (
    SELECT l.product_id, l.date, l.quantity_product_uom AS quantity,
        source.warehouse_id AS source_id, goal.warehouse_id AS goal_id,
        coalesce(m.is_inventory, false) AS counted, m.scrap_id IS NOT NULL AS scrapped
    FROM stock_move_line l
    JOIN stock_move m ON m.id = l.move_id
    LEFT JOIN place source ON source.location_id = l.location_id
    LEFT JOIN place goal ON goal.location_id = l.location_dest_id
    WHERE l.state = 'done' AND l.date >= %(start)s
    AND (%(products)s::int[] IS NULL OR l.product_id = ANY(%(products)s))
    AND source.warehouse_id IS DISTINCT FROM goal.warehouse_id
), moved AS (
    SELECT goal_id AS warehouse_id, product_id, date, quantity, 1 AS sign, counted,
        scrapped
    FROM line WHERE goal_id IS NOT NULL
    UNION ALL
    SELECT source_id, product_id, date, quantity, -1, counted, scrapped
    FROM line WHERE source_id IS NOT NULL
), change AS (
    SELECT warehouse_id, product_id,
        sum(sign * quantity) FILTER (WHERE date >= %(end)s) AS later,
        sum(quantity) FILTER (
            WHERE date < %(end)s AND sign > 0 AND NOT counted) AS received,
        sum(quantity) FILTER (
            WHERE date < %(end)s AND sign < 0 AND NOT counted) AS issued,
        sum(sign * quantity) FILTER (WHERE date < %(end)s AND counted) AS adjusted,
        sum(quantity) FILTER (
            WHERE date < %(end)s AND sign < 0 AND scrapped) AS scrapped
    FROM moved GROUP BY 1, 2
), rule AS (
    SELECT warehouse_id, product_id, sum(product_min_qty) AS minimum
    FROM stock_warehouse_orderpoint
    WHERE active AND warehouse_id = ANY(%(warehouses)s)
    AND (%(products)s::int[] IS NULL OR product_id = ANY(%(products)s))
    GROUP BY 1, 2
)
SELECT coalesce(p.warehouse_id, c.warehouse_id, r.warehouse_id),
    coalesce(p.product_id, c.product_id, r.product_id),
    coalesce(p.quantity, 0) - coalesce(c.later, 0), coalesce(p.reserved, 0),
    coalesce(c.received, 0), coalesce(c.issued, 0), coalesce(c.adjusted, 0),
    coalesce(c.scrapped, 0), r.minimum
FROM present p
FULL JOIN change c
    ON c.warehouse_id = p.warehouse_id AND c.product_id = p.product_id
FULL JOIN rule r
    ON r.warehouse_id = coalesce(p.warehouse_id, c.warehouse_id)
    AND r.product_id = coalesce(p.product_id, c.product_id)
"""
_PRICES = """
SELECT DISTINCT ON (product_id) product_id, value FROM product_value
WHERE company_id = %s AND product_id = ANY(%s) AND move_id IS NULL AND lot_id IS NULL
ORDER BY product_id, date <= %s DESC,
    CASE WHEN date <= %s THEN date END DESC, date, id DESC
"""


class HealthcareSnapshot(models.AbstractModel):
    _inherit = "healthcare.snapshot"

    @api.model
    def _rows_stock_level(self, facilities, window, product_ids=None):
        """Return the rows of stock levels.

        :param product_ids: only these; ``None`` for all
        """
        owners = {}
        for facility in facilities.sorted("id"):
            if facility.warehouse_id:
                owners.setdefault(facility.warehouse_id.id, facility)
        if not owners:
            return {}
        self.env.cr.execute(
            _STOCK,
            {
                "warehouses": list(owners),
                "products": product_ids,
                "start": window.start,
                "end": window.end,
            },
        )
        found = self.env.cr.fetchall()
        products = self.env["product.product"].browse({row[1] for row in found})
        products = products.filtered("is_storable")
        costs = self._unit_costs(products, window)
        currency = self.env.company.currency_id
        rows = {}
        for warehouse_id, product_id, *figures, minimum in found:
            if product_id not in costs or not (any(figures) or minimum):
                continue
            product, cost = costs[product_id]
            quantity, reserved, received, issued, adjusted, scrapped = (
                round(figure, 6) for figure in figures
            )
            rows[owners[warehouse_id].id, None, product_id] = {
                "product": product.default_code or product.name,
                "unit": product.uom_id.name,
                "quantity": quantity,
                "received": received,
                "issued": issued,
                "adjusted": adjusted,
                "scrapped": scrapped,
                "reserved": None if window.complete else reserved,
                "minimum": minimum,
                "unit_cost": f"{cost:.6f}",
                "value": money(currency.round(cost * quantity)),
                "currency": currency.name,
            }
        return rows

    @api.model
    def _unit_costs(self, products, window):
        """Return ``{product id: (product, cost of a unit at the end)}``.

        Standard costs come from their history with one query; what is valued at
        average or FIFO is asked of Odoo, product by product, for past days only.
        """
        company = self.env.company
        products = products.with_company(company)
        if not window.complete:
            return {one.id: (one, one.standard_price) for one in products}
        standard = products.filtered(lambda one: one.cost_method == "standard")
        known = dict(
            self.env.execute_query(
                SQL(_PRICES, company.id, standard.ids, window.end, window.end)
            )
        )
        result = {
            one.id: (one, known.get(one.id, one.standard_price)) for one in standard
        }
        for one in (products - standard).with_context(to_date=window.end):
            result[one.id] = (one, one.avg_cost)
        return result


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    @api.model
    def _tell_stock(self, pairs):
        """Tell of today's level of what people moved, counted or scrapped.

        :param pairs: ``{(product id, location id)}``
        """
        if not self.env.registry.ready:
            return  # demo data being loaded is nobody's doing
        products = [product_id for product_id, _location in pairs]
        locations = self.env["stock.location"].browse(
            {location_id for _product, location_id in pairs}
        )
        facilities = self.env["healthcare.facility"].search(
            [("warehouse_id", "in", locations.warehouse_id.ids)]
        )
        snapshots = self.env["healthcare.snapshot"]
        for company, ones in facilities.grouped("company_id").items():
            system = snapshots.with_company(company)
            system.env.flush_all()
            window = system._window(company, system._today(company))
            rows = system._rows_stock_level(ones, window, products)
            try:
                with self.env.cr.savepoint(flush=False):
                    system._tell(
                        "stock_level", ones, window, rows, set(map(str, products))
                    )
            except psycopg2.errors.UniqueViolation:
                # Somebody else moves the same product at this moment. Two who work in
                # one warehouse must not stop each other: the day's own snapshot tells.
                _logger.info("A stock level is left to the daily snapshot.")
