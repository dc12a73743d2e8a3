"""What was ordered and received within a day, by product and vendor."""

from odoo import api, models

from ..erp.values import money

# A line's receipts count by their own date, so that a past day stays as it was.
_LINES = """
WITH line AS (
    SELECT l.id, t.warehouse_id, l.product_id, o.partner_id, o.id AS order_id, o.state,
        o.date_approve, l.date_planned, l.product_uom_qty AS quantity,
        l.price_subtotal / coalesce(nullif(o.currency_rate, 0), 1) AS amount,
        o.create_date
    FROM purchase_order_line l
    JOIN purchase_order o ON o.id = l.order_id
    JOIN stock_picking_type t ON t.id = o.picking_type_id
    WHERE t.warehouse_id = ANY(%(warehouses)s) AND l.display_type IS NULL
    AND l.product_id IS NOT NULL AND o.create_date < %(end)s
    AND o.state IN ('draft', 'sent', 'to approve', 'purchase')
), receipt AS (
    SELECT m.purchase_line_id AS line_id, m.date,
        CASE WHEN d.usage = 'supplier' THEN -1 ELSE 1 END * sum(ml.quantity_product_uom)
        AS quantity
    FROM stock_move m
    JOIN stock_location d ON d.id = m.location_dest_id
    JOIN stock_move_line ml ON ml.move_id = m.id
    WHERE m.state = 'done' AND m.date < %(end)s
    AND m.purchase_line_id IN (SELECT id FROM line)
    GROUP BY m.id, m.purchase_line_id, m.date, d.usage
), received AS (
    SELECT line_id, sum(quantity) AS quantity,
        sum(quantity) FILTER (WHERE date >= %(start)s) AS within,
        count(*) FILTER (WHERE date >= %(start)s AND quantity > 0) AS receipts
    FROM receipt GROUP BY 1
), judged AS (
    SELECT line.*, coalesce(r.quantity, 0) AS received,
        coalesce(r.within, 0) AS within, coalesce(r.receipts, 0) AS receipts,
        line.state = 'purchase' AND date_approve < %(end)s AS confirmed
    FROM line LEFT JOIN received r ON r.line_id = line.id
), lead AS (
    SELECT j.warehouse_id, j.product_id, j.partner_id,
        avg(extract(epoch FROM r.date - j.date_approve)) / 86400 AS days
    FROM receipt r JOIN judged j ON j.id = r.line_id
    WHERE r.date >= %(start)s AND r.quantity > 0 AND j.date_approve IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT j.warehouse_id, j.product_id, j.partner_id,
    count(DISTINCT order_id) FILTER (WHERE confirmed AND date_approve >= %(start)s),
    coalesce(sum(quantity) FILTER (WHERE confirmed AND date_approve >= %(start)s), 0),
    coalesce(sum(amount) FILTER (WHERE confirmed AND date_approve >= %(start)s), 0),
    sum(receipts), sum(within), min(lead.days),
    coalesce(sum(greatest(quantity - received, 0)) FILTER (WHERE confirmed), 0),
    coalesce(sum(greatest(quantity - received, 0)) FILTER (
        WHERE confirmed AND date_planned < %(covered)s), 0),
    count(DISTINCT order_id) FILTER (WHERE NOT coalesce(confirmed, false))
FROM judged j LEFT JOIN lead ON lead.warehouse_id = j.warehouse_id
    AND lead.product_id = j.product_id AND lead.partner_id = j.partner_id
GROUP BY 1, 2, 3
"""


class HealthcareSnapshot(models.AbstractModel):
    _inherit = "healthcare.snapshot"

    @api.model
    def _rows_procurement(self, facilities, window):
        """Return the rows of products and vendors with anything to say."""
        owners = {}
        for facility in facilities.sorted("id"):
            if facility.warehouse_id:
                owners.setdefault(facility.warehouse_id.id, facility)
        if not owners:
            return {}
        self.env.cr.execute(
            _LINES,
            {
                "warehouses": list(owners),
                "start": window.start,
                "end": window.end,
                "covered": window.covered,
            },
        )
        found = self.env.cr.fetchall()
        products = {
            one.id: one
            for one in self.env["product.product"].browse({row[1] for row in found})
        }
        vendors = {
            one.id: one
            for one in self.env["res.partner"].browse({row[2] for row in found})
        }
        rows = {}
        for row in found:
            warehouse_id, product_id, vendor_id, orders, quantity, amount = row[:6]
            receipts, received, lead, waiting, late, drafts = row[6:]
            if not any((orders, receipts, received, waiting, drafts)):
                continue
            product, vendor = products[product_id], vendors[vendor_id]
            rows[owners[warehouse_id].id, None, f"{product_id}-{vendor_id}"] = {
                "product": product.default_code or product.name,
                "vendor": vendor.name,
                "unit": product.uom_id.name,
                "orders": orders,
                "quantity_ordered": round(float(quantity), 6),
                "amount_ordered": money(float(amount)),
                "receipts": int(receipts),
                "quantity_received": round(float(received), 6),
                "lead_days": None if lead is None else round(float(lead), 2),
                "open_quantity": round(float(waiting), 6),
                "late_quantity": round(float(late), 6),
                "open_replenishments": drafts,
                "currency": self.env.company.currency_id.name,
            }
        return rows
