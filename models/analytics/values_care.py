"""What facts say of performed services and of the supplies they used.

The rows are made from the documents, not from the event, so that the same can be told
again after a person has changed an invoice or a transfer.
"""

from odoo import models

from ..erp.values import money
from .values_access import iso, span


class HealthcareCompletion(models.Model):
    _inherit = "healthcare.completion"

    def _fact_rows(self, events):
        """Return the rows of facts that tell of these services, by fact type.

        :param events: ``{completion: event}`` that they follow from now
        :return: ``{fact type: rows}`` as :meth:`healthcare.fact._emit` takes them
        """
        # Stands in for the system: who closes a transfer need not see invoices.
        services, supplies = [], []
        for completion in self.sudo():
            common = {
                "document": completion,
                "event": events.get(completion),
                "facility": completion.facility_id,
                "patient": completion.patient_id,
                "occurred_at": completion.performed_at,
            }
            services += completion._service_rows(common)
            supplies += completion._supply_rows(common)
        return {"service": services, "consumable_usage": supplies}

    def _fact_lines(self):
        """Return ``{service line: charges}``, that of the first charge first."""
        return dict(self.line_ids.grouped(lambda one: one.service_id.service_line_id))

    def _service_rows(self, common):
        """Return a row for each service line that has charges."""
        self.ensure_one()
        groups = self._fact_lines() or {self.env["healthcare.service.line"]: ()}
        main = next(iter(groups))
        of_product = {
            charge.service_id.product_id: line
            for line, charges in groups.items()
            for charge in charges
        }
        revenue = dict.fromkeys(groups, 0.0)
        for posted in self.invoice_ids._healthcare_revenue_lines():
            revenue[of_product.get(posted.product_id, main)] -= posted.balance
        visit, told = self.appointment_id, self.event_id.received_at
        return [
            {
                **common,
                "part": None if line == main else line.id or "none",
                "service_line": line,
                "values": {
                    "performed_at": iso(self.performed_at),
                    "services": ",".join(one.service_id.code for one in charges),
                    "quantity": sum(one.quantity for one in charges),
                    "payer": self.payer_id.healthcare_payer_code or None,
                    "amount_charged": money(sum(one.amount for one in charges)),
                    "amount_revenue": money(revenue[line]),
                    "service_key": f"service:{self.id}",
                    "appointment_key": f"appointment:{visit.id}" if visit else None,
                    "provider": self.provider or None,
                    "told_hours": span(self.performed_at, told, 3600),
                    "currency": self.currency_id.name,
                },
            }
            for line, charges in groups.items()
        ]

    def _supply_rows(self, common):
        """Return a row for each product that was used, or taken out of stock."""
        self.ensure_one()
        moved = self._supplies_moved()
        by_product = self.supply_ids.grouped("product_id")
        used = [
            product
            for product, ones in by_product.items()
            if any(ones.mapped("used")) or product in moved
        ]
        rows = []
        for product in [*used, *(one for one in moved if one not in by_product)]:
            ones = by_product.get(product, self.supply_ids.browse())
            quantity = sum(ones.mapped("used"))
            taken, value = moved.get(product, (0.0, 0.0))
            own = product.with_company(self.company_id)
            rows.append(
                {
                    **common,
                    "part": product.id,
                    "service_line": self._line_of_supply(product),
                    "values": {
                        "product": product.default_code or None,
                        "quantity": quantity,
                        "planned": sum(ones.mapped("planned")),
                        "wasted": sum(ones.mapped("wasted")),
                        # the same whatever language the one at work reads
                        "unit": product.uom_id.with_context(lang=None).name,
                        "cost": money(own.standard_price * quantity),
                        "quantity_moved": taken,
                        "cost_actual": money(value),
                        "service_key": f"service:{self.id}",
                        "currency": self.currency_id.name,
                    },
                }
            )
        return rows

    def _line_of_supply(self, product):
        """Return the service line of the first charge that plans a product."""
        services = self.line_ids.service_id
        planning = services.filtered(lambda one: product in one.supply_ids.product_id)
        return next(iter(planning or services), services).service_line_id

    def _supplies_moved(self):
        """Return ``{product: (quantity, value)}`` taken out, less what came back."""
        out = self.picking_ids.move_ids
        moves = {
            move.id: move for moves in (out, out.returned_move_ids) for move in moves
        }
        result = {}
        for move in moves.values():
            if move.state != "done":
                continue
            if move.location_dest_id.usage == "internal":
                sign = -1
            elif move.location_id.usage == "internal":
                sign = 1
            else:
                continue
            product = move.product_id
            quantity, value = result.get(product, (0.0, 0.0))
            taken = move.product_uom._compute_quantity(
                move.quantity, product.uom_id, round=False
            )
            result[product] = (
                round(quantity + sign * taken, 6),
                value + sign * move.value,
            )
        return result
