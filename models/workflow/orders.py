"""Service orders: what is planned, as Odoo's sales orders."""

from odoo import Command, api, models


class HealthcareWorkflowOrders(models.AbstractModel):
    _name = "healthcare.workflow.orders"
    _description = "Service Orders Workflow"
    _inherit = "healthcare.workflow"

    @api.model
    def _analytic(self, facility, service):
        """Return the distribution over facility and service line, all of it to both.

        Accounts of different plans go into one key; of one plan a line can have but
        one, and the facility's comes first.
        """
        accounts = facility.analytic_account_id
        other = service.service_line_id.analytic_account_id
        if other and other.root_plan_id not in accounts.root_plan_id:
            accounts += other
        return {",".join(map(str, accounts.ids)): 100.0} if accounts else False

    @api.model
    def _create_orders(self, rows):
        """Create draft service orders in bulk, in the order of ``rows``.

        :param rows: ``(patient, facility, [(service, quantity)], values)``
        """
        if not rows:
            return self.env["sale.order"]
        numbers = self._sequence_numbers("sale.order", len(rows))
        return self.env["sale.order"].create(
            [
                {
                    "name": number,
                    "partner_id": patient.id,
                    "company_id": facility.company_id.id,
                    "user_id": False,
                    **(
                        {"warehouse_id": facility.warehouse_id.id}
                        if facility.warehouse_id
                        else {}
                    ),
                    "healthcare_facility_id": facility.id,
                    "order_line": [
                        Command.create(self._line_values(facility, service, quantity))
                        for service, quantity in services
                    ],
                    **values,
                }
                for number, (patient, facility, services, values) in zip(
                    numbers, rows, strict=True
                )
            ]
        )

    @api.model
    def _line_values(self, facility, service, quantity):
        return {
            "product_id": service.product_id.id,
            "name": service.name,
            "product_uom_qty": quantity,
            "analytic_distribution": self._analytic(facility, service),
        }

    @api.model
    def _fit_orders(self, plans):
        """Make orders plan exactly these services.

        What was performed stays on the order though it is no longer planned.

        :param plans: ``{order: (facility, {service: quantity})}``
        """
        vals_list, empty = [], self.env["sale.order.line"]
        for order, (facility, services) in plans.items():
            missing = dict(services)
            by_product = {service.product_id: service for service in services}
            for line in order.order_line:
                service = by_product.get(line.product_id)
                quantity = missing.pop(service, 0) if service else 0
                quantity = quantity or line.qty_delivered
                if not quantity and order.state in ("draft", "sent"):
                    empty += line
                elif line.product_uom_qty != quantity:
                    line.product_uom_qty = quantity
            vals_list += [
                {"order_id": order.id, **self._line_values(facility, service, quantity)}
                for service, quantity in missing.items()
            ]
        empty.unlink()
        self.env["sale.order.line"].create(vals_list)

    @api.model
    def _confirm(self, orders):
        """Confirm what is not confirmed, all at once."""
        orders.filtered(lambda order: order.state == "cancel").action_draft()
        orders.filtered(lambda order: order.state in ("draft", "sent")).action_confirm()
