"""Service orders: what is planned, as Odoo's sales orders."""

from odoo import Command, api, models

from ..erp.values import number


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
        self._move_orders({order: facility for order, (facility, _s) in plans.items()})
        for order, (facility, services) in plans.items():
            missing = dict(services)
            by_product = {service.product_id: service for service in services}
            for line in order.order_line:
                service = by_product.get(line.product_id)
                quantity = missing.pop(service, 0) if service else 0
                quantity = max(quantity, line.healthcare_ordered) or line.qty_delivered
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
    def _move_orders(self, facilities):
        """Let orders follow their visits to another facility.

        :param facilities: ``{order: facility}``
        """
        services = self.env["healthcare.service"]
        moved = {
            order: facility
            for order, facility in facilities.items()
            if order.healthcare_facility_id != facility
        }
        if not moved:
            return
        products = {line.product_id.id for order in moved for line in order.order_line}
        by_product = {
            one.product_id: one
            for one in services.search([("product_id", "in", list(products))])
        }
        for order, facility in moved.items():
            order.write(
                {
                    "healthcare_facility_id": facility.id,
                    **(
                        {"warehouse_id": facility.warehouse_id.id}
                        if facility.warehouse_id
                        else {}
                    ),
                }
            )
            for line in order.order_line:
                service = by_product.get(line.product_id, services)
                line.analytic_distribution = self._analytic(facility, service)

    @api.model
    def _confirm(self, orders):
        """Confirm what is not confirmed, all at once."""
        orders.filtered(lambda order: order.state == "cancel").action_draft()
        orders.filtered(lambda order: order.state in ("draft", "sent")).action_confirm()

    @api.model
    def _order_services(self, patients, services):
        """Add what physicians ordered to service orders.

        :param patients: ``{event: patient}`` of ``service.ordered`` events
        :param services: ``{code: service}``
        """
        keys = self._order_keys(patients)
        known = self._orders_by_key(keys, patients)
        rows, new = [], []
        for event, patient in patients.items():
            need = self._ordered(event, patient, services)
            if need is None:
                continue
            if order := known.get(event.subject) or known.get(keys[event]):
                self._add_ordered(order, need)
                if not order.healthcare_order_key:
                    order.healthcare_order_key = keys[event]
                event._link(order)
                continue
            for_visit = bool(event._content().get("appointment_id"))
            new.append((event, need))
            rows.append(
                (
                    patient,
                    event.facility_id,
                    list(need.items()),
                    {
                        "healthcare_order_key": keys[event],
                        "healthcare_subject": event.subject if for_visit else False,
                    },
                )
            )
        for (event, need), order in zip(new, self._create_orders(rows), strict=True):
            for line, quantity in zip(order.order_line, need.values(), strict=True):
                line.healthcare_ordered = quantity
            event._link(order)

    @api.model
    def _order_keys(self, events):
        ordering = self.env["healthcare.ordering"]
        return {
            event: ordering._key(
                "order", event.source_id.namespace, event._content()["order"]["id"]
            )
            for event in events
        }

    @api.model
    def _orders_by_key(self, keys, events):
        """Return orders by their own key and by the key of their visit."""
        found = self.env["sale.order"].search(
            [("healthcare_order_key", "in", list(keys.values()))]
        )
        orders = {order.healthcare_order_key: order for order in found}
        visits = self._appointments_by_subject(event.subject for event in events)
        orders.update({key: visit.order_id for key, visit in visits.items()})
        return orders

    @api.model
    def _ordered(self, event, patient, services):
        """Return ``{service: quantity}``, or ``None`` when the event was parked."""
        need = {}
        for line in event._content()["order"]["services"]:
            service = services.get(line["code"])
            if not service:
                event._park(
                    "unmapped_code",
                    self.env._("No service has the code %s.", line["code"]),
                    cause=f"service/{line['code']}",
                    patient_id=patient.id,
                )
                return None
            need[service] = need.get(service, 0) + number(line.get("quantity"), 1.0)
        return need

    @api.model
    def _add_ordered(self, order, need):
        if order.state == "cancel":
            return
        lines = {line.product_id: line for line in order.order_line}
        vals_list = []
        for service, quantity in need.items():
            if line := lines.get(service.product_id):
                line.healthcare_ordered = quantity
                if line.product_uom_qty < quantity:
                    line.product_uom_qty = quantity
            else:
                vals_list.append(
                    {
                        "order_id": order.id,
                        "healthcare_ordered": quantity,
                        **self._line_values(
                            order.healthcare_facility_id, service, quantity
                        ),
                    }
                )
        self.env["sale.order.line"].create(vals_list)
