"""Services ordered and performed: the way from care to stock and billing."""

from odoo import api, models

from ..erp.values import moment, money, number


class HealthcareWorkflowService(models.AbstractModel):
    _name = "healthcare.workflow.service"
    _description = "Service Workflow"
    _inherit = "healthcare.workflow"

    # -- performed --------------------------------------------------------------

    @api.model
    def _on_service_completed(self, events):
        """Take supplies out of stock and bill what was done, once per service."""
        events = self._without_facility(events)
        for group in self._apart(events, lambda event: [self._completion_key(event)]):
            self._complete(group)

    @api.model
    def _completion_key(self, event):
        return self.env["healthcare.ordering"]._key(
            "service", event.source_id.namespace, event._content()["service"]["id"]
        )

    @api.model
    def _complete(self, events):
        cases = self._cases(events)
        for check in (
            self._check_duplicate,
            self._find_appointments,
            self._map_charges,
            self._map_consumables,
            self._find_payers,
            self._check_authorizations,
        ):
            check(cases)
            cases = [case for case in cases if not case.parked]
            if not cases:
                return
        self._create_completions(cases)
        self._deliver(cases)
        billing = self.env["healthcare.workflow.billing"]
        invoices = billing._invoice(cases)
        supplies = self.env["healthcare.workflow.supplies"]
        others = supplies._consume(
            {
                case.completion: (case.event, dict(case.consumed), case.lots)
                for case in cases
            }
        )
        self._settle_visits(cases, others)
        self._emit_services(cases)
        billing._tell(cases, invoices)

    @api.model
    def _cases(self, events):
        patients = self._with_patient(events)
        return [
            Case(event, patient, self._completion_key(event))
            for event, patient in patients.items()
        ]

    # -- what is missing --------------------------------------------------------

    @api.model
    def _check_duplicate(self, cases):
        known = {
            one.key: one
            for one in self.env["healthcare.completion"].search(
                [("key", "in", [case.key for case in cases])]
            )
        }
        for case in cases:
            if first := known.get(case.key):
                case.park(
                    "duplicate_service",
                    self.env._("This service was completed and billed already."),
                    amount=first.amount_total,
                    patient_id=case.patient.id,
                    appointment_id=first.appointment_id.id,
                    res_model=first._name,
                    res_id=first.id,
                )

    @api.model
    def _find_appointments(self, cases):
        ordering = self.env["healthcare.ordering"]
        wanted = {}
        for case in cases:
            if case.data.get("appointment_id"):
                wanted[case] = ordering._key(
                    "appointment",
                    case.event.source_id.namespace,
                    case.data["appointment_id"],
                )
        known = self._appointments_by_subject(wanted.values()) if wanted else {}
        for case in cases:
            case.appointment = known.get(
                wanted.get(case), self.env["healthcare.appointment"]
            )
            if case in wanted and not case.appointment:
                case.park(
                    "missing_dependency",
                    self.env._("The appointment is not known yet."),
                    cause=wanted[case],
                )

    @api.model
    def _map_charges(self, cases):
        services = self._services_by_code(
            {charge["code"] for case in cases for charge in case.data["charges"]}
        )
        for case in cases:
            unknown = None
            for charge in case.data["charges"]:
                quantity = number(charge.get("quantity"), 1.0)
                service = services.get(charge["code"])
                if not service:
                    unknown = unknown or charge["code"]
                    case.amount += quantity * number(charge.get("unit_price"))
                    continue
                price = number(charge.get("unit_price"), service.list_price)
                modifiers = charge.get("modifiers") or ()
                case.charges.append((service, quantity, price, modifiers))
                case.amount += quantity * price
            if unknown is not None:
                case.park(
                    "unmapped_code",
                    self.env._("No service has the code %s.", unknown),
                    cause=f"service/{unknown}",
                )

    @api.model
    def _map_consumables(self, cases):
        """Read what was used; what is not told of was used as planned."""
        used = [line for case in cases for line in case.data.get("consumables") or ()]
        products = self._supplies_by_code({line["code"] for line in used})
        units = self._units_by_name({line["uom"] for line in used if line.get("uom")})
        for case in cases:
            for service, quantity, _price, _modifiers in case.charges:
                for supply in service.supply_ids:
                    case.planned[supply.product_id] = (
                        case.planned.get(supply.product_id, 0)
                        + supply.quantity * quantity
                    )
            if "consumables" not in case.data:
                case.consumed = dict(case.planned)
                continue
            for line in case.data["consumables"]:
                product = products.get(line["code"])
                if not product:
                    case.park(
                        "unmapped_code",
                        self.env._("No product has the code %s.", line["code"]),
                        cause=f"supply/{line['code']}",
                    )
                    break
                case.use(product, line, units.get((line.get("uom") or "").lower()))

    @api.model
    def _units_by_name(self, names):
        if not names:
            return {}
        units = self.env["uom.uom"].search([("name", "=ilike", "%")])
        return {unit.name.lower(): unit for unit in units}

    @api.model
    def _find_payers(self, cases):
        coverages = self.env["healthcare.coverage"].search(
            [("patient_id", "in", [case.patient.id for case in cases])]
        )
        by_patient = coverages.grouped("patient_id")
        for case in cases:
            if case.appointment.self_pay:
                continue
            ones = by_patient.get(case.patient, coverages.browse())
            case.coverage = ones._first_on(case.performed_at.date())
            if not case.coverage:
                case.park(
                    "missing_payer",
                    self.env._(
                        "No coverage is valid on the day of the service, and "
                        "self-payment is not agreed."
                    ),
                    cause=f"coverage/{self._patient_keys(case.data)[0]}",
                )

    # -- documents --------------------------------------------------------------

    @api.model
    def _create_completions(self, cases):
        created = self.env["healthcare.completion"].create(
            [
                {
                    "identifier": case.data["service"]["id"],
                    "key": case.key,
                    "facility_id": case.event.facility_id.id,
                    "patient_id": case.patient.id,
                    "payer_id": case.coverage.payer_id.id if case.coverage else False,
                    "appointment_id": case.appointment.id,
                    "performed_at": case.performed_at,
                    "provider": case.data["service"].get("provider"),
                    "amount_total": case.amount,
                }
                for case in cases
            ]
        )
        for case, completion in zip(cases, created, strict=True):
            case.completion = completion

    @api.model
    def _deliver(self, cases):
        """Have a confirmed service order whose lines say what was performed."""
        self._find_orders(cases)
        orders = self.env["healthcare.workflow.orders"]
        without = [case for case in cases if not case.order]
        created = orders._create_orders(
            [
                (
                    case.patient,
                    case.event.facility_id,
                    list(case.quantities().items()),
                    {
                        "healthcare_order_key": case.order_key,
                        "healthcare_appointment_id": case.appointment.id,
                    },
                )
                for case in without
            ]
        )
        for case, order in zip(without, created, strict=True):
            case.order = order
            if case.appointment:
                case.appointment.order_id = order
        orders._confirm(self.env["sale.order"].concat(*(case.order for case in cases)))
        vals_list, unplanned, delivered = [], [], {}
        for case in cases:
            case.completion.order_id = case.order
            lines = {line.product_id: line for line in case.order.order_line}
            for service, quantity in case.quantities().items():
                if line := lines.get(service.product_id):
                    case.lines[service] = line
                    total = delivered.get(line, line.qty_delivered) + quantity
                    delivered[line] = total
                else:
                    unplanned.append((case, service))
                    vals_list.append(
                        {
                            "order_id": case.order.id,
                            **orders._line_values(
                                case.event.facility_id, service, quantity
                            ),
                            "qty_delivered": quantity,
                        }
                    )
        by_quantity = {}
        for line, quantity in delivered.items():
            by_quantity.setdefault(quantity, []).append(line.id)
        lines = self.env["sale.order.line"]
        for quantity, ids in by_quantity.items():
            lines.browse(ids).qty_delivered = quantity
        for (case, service), line in zip(
            unplanned, lines.create(vals_list), strict=True
        ):
            case.lines[service] = line

    @api.model
    def _find_orders(self, cases):
        ordering = self.env["healthcare.ordering"]
        for case in cases:
            case.order = case.appointment.order_id
            if case.data.get("order_id"):
                case.order_key = ordering._key(
                    "order", case.event.source_id.namespace, case.data["order_id"]
                )
        keys = {case.order_key for case in cases if case.order_key and not case.order}
        if not keys:
            return
        known = {
            order.healthcare_order_key: order
            for order in self.env["sale.order"].search(
                [("healthcare_order_key", "in", list(keys))]
            )
        }
        for case in cases:
            if not case.order and case.order_key in known:
                case.order = known[case.order_key]

    @api.model
    def _settle_visits(self, cases, others):
        visits = {case.appointment: case.event for case in cases if case.appointment}
        appointments = self.env["healthcare.appointment"].concat(*visits)
        appointments.filtered(lambda a: a.state != "completed").state = "completed"
        for appointment, event in visits.items():
            if event.occurred_at > appointment.known_at:
                appointment.known_at = event.occurred_at
        self.env["healthcare.workflow.scheduling"]._judge(visits, others)
        for case in cases:
            case.event._link(
                case.completion,
                case.order,
                case.appointment,
                case.appointment.picking_ids | case.completion.picking_ids,
            )

    # -- facts ------------------------------------------------------------------

    @api.model
    def _emit_services(self, cases):
        facts = self.env["healthcare.fact"]
        common = {
            case: {
                "document": case.completion,
                "event": case.event,
                "facility": case.event.facility_id,
                "service_line": case.charges[0][0].service_line_id
                if case.charges
                else None,
                "patient": case.patient,
                "occurred_at": case.performed_at,
            }
            for case in cases
        }
        facts._emit(
            "service",
            [
                {
                    **common[case],
                    "values": {
                        "performed_at": case.performed_at.isoformat() + "Z",
                        "services": ",".join(one[0].code for one in case.charges),
                        "quantity": sum(one[1] for one in case.charges),
                        "payer": case.coverage.payer_id.healthcare_payer_code
                        if case.coverage
                        else None,
                        "amount_charged": money(case.amount),
                    },
                }
                for case in cases
            ],
        )
        facts._emit(
            "consumable_usage",
            [
                {
                    **common[case],
                    "part": product.id,
                    "values": {
                        "product": product.default_code or None,
                        "quantity": quantity,
                        "planned": case.planned.get(product, 0),
                        "wasted": case.wasted.get(product, 0),
                        "unit": product.uom_id.name,
                        "cost": money(product.standard_price * quantity),
                    },
                }
                for case in cases
                for product, quantity in case.consumed.items()
            ],
        )

    # -- ordered ----------------------------------------------------------------

    @api.model
    def _on_service_ordered(self, events):
        """Have a service order plan what a physician ordered.

        An order for a visit joins the visit's; given before the visit is booked, it
        waits for it.
        """
        patients = self._with_patient(self._without_facility(events))
        services = self._services_by_code(
            line["code"] for e in patients for line in e._content()["order"]["services"]
        )
        self.env["healthcare.workflow.orders"]._order_services(patients, services)


class Case:
    """What is known of one completion while it is being worked on."""

    def __init__(self, event, patient, key):
        self.event = event
        self.patient = patient
        self.key = key
        self.data = event._content()
        self.performed_at = moment(self.data["service"]["performed_at"])
        self.parked = False
        self.appointment = None
        self.coverage = None
        self.order = None
        self.order_key = False
        self.completion = None
        self.amount = 0.0
        self.charges = []  # (service, quantity, unit price, modifiers)
        self.lines = {}  # service -> sale.order.line
        self.planned, self.consumed, self.wasted, self.lots = {}, {}, {}, {}

    def park(self, category, reason, cause=None, amount=None, **values):
        self.parked = True
        values.setdefault("patient_id", self.patient.id)
        if self.appointment:
            values.setdefault("appointment_id", self.appointment.id)
        amount = self.amount if amount is None else amount
        if not amount:
            amount = sum(
                number(charge.get("quantity"), 1.0) * number(charge.get("unit_price"))
                for charge in self.data["charges"]
            )
        self.event._park(category, reason, cause=cause, amount=amount, **values)

    def quantities(self):
        """Return ``{service: quantity}`` of all charges."""
        quantities = {}
        for service, quantity, _price, _modifiers in self.charges:
            quantities[service] = quantities.get(service, 0) + quantity
        return quantities

    def use(self, product, line, unit):
        """Add a line of what was used, in the product's own unit."""
        quantity = number(line.get("quantity"), 1.0)
        wasted = number(line.get("wasted"))
        if (
            unit
            and unit != product.uom_id
            and unit._has_common_reference(product.uom_id)
        ):
            quantity = unit._compute_quantity(quantity, product.uom_id)
            wasted = unit._compute_quantity(wasted, product.uom_id)
        self.consumed[product] = self.consumed.get(product, 0) + quantity
        self.wasted[product] = self.wasted.get(product, 0) + wasted
        if line.get("lot"):
            self.lots[product] = line["lot"]
