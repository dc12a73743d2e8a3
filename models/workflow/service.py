"""Services ordered and performed: the way from care to stock and billing."""

from odoo import Command, api, models

from .service_case import Case


class HealthcareWorkflowService(models.AbstractModel):
    _name = "healthcare.workflow.service"
    _description = "Service Workflow"
    _inherit = "healthcare.workflow"
    _takes_turns = True

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
            self._price_charges,
            self._check_authorizations,
            self._check_billing,
        ):
            check(cases)
            cases = [case for case in cases if not case.parked]
            if not cases:
                return
        self._create_completions(cases)
        self._deliver(cases)
        billing = self.env["healthcare.workflow.billing"]
        billing._invoice(cases)
        self._use_freed_money(cases)
        needs = self._needs(cases)
        others = self.env["healthcare.workflow.supplies"]._consume(
            {case.completion: (case.event, needs[case], case.lots) for case in cases}
        )
        others = others.union(*(case.others for case in cases if case.others))
        self._settle_visits(cases, others)
        self._emit_services(cases)
        billing._tell(cases)

    @api.model
    def _cases(self, events):
        patients = self._with_patient(events)
        return [
            Case(event, patient, self._completion_key(event))
            for event, patient in patients.items()
        ]

    # -- what is missing --------------------------------------------------------

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

    @api.model
    def _check_billing(self, cases):
        """Park what cannot be billed the way the facility wants it."""
        billing = self.env["healthcare.workflow.billing"]
        billing._split(cases)
        billing._check_accounts(cases)
        billing._check_period([case for case in cases if not case.parked])

    # -- documents --------------------------------------------------------------

    @api.model
    def _create_completions(self, cases):
        created = self.env["healthcare.completion"].create(
            [self._completion_values(case) for case in cases]
        )
        for case, completion in zip(cases, created, strict=True):
            case.completion = completion

    @api.model
    def _completion_values(self, case):
        used = {**dict.fromkeys(case.planned, 0), **case.consumed}
        return {
            "identifier": case.data["service"]["id"],
            "key": case.key,
            "event_id": case.event.id,
            "facility_id": case.event.facility_id.id,
            "patient_id": case.patient.id,
            "payer_id": case.payer.id,
            "appointment_id": case.appointment.id,
            "performed_at": case.performed_at,
            "provider": case.data["service"].get("provider"),
            "amount_total": case.amount,
            "copay": case.copay,
            "line_ids": [
                Command.create(
                    {
                        "service_id": charge.service.id,
                        "quantity": charge.quantity,
                        "price_unit": charge.price,
                        "price_source": charge.source,
                        "modifiers": ", ".join(charge.modifiers) or False,
                        "amount": charge.amount,
                    }
                )
                for charge in case.charges
            ],
            "supply_ids": [
                Command.create(
                    {
                        "product_id": product.id,
                        "planned": case.planned.get(product, 0),
                        "used": quantity,
                        "wasted": case.wasted.get(product, 0),
                        "lots": ", ".join(case.lots.get(product, ())) or False,
                        "substitute_for_id": case.substitutes[product].id
                        if product in case.substitutes
                        else False,
                    }
                )
                for product, quantity in used.items()
            ],
        }

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
    def _needs(self, cases):
        """Return ``{case: {product: quantity to take out of stock}}``."""
        return {case: dict(case.consumed) for case in cases}

    @api.model
    def _settle_visits(self, cases, others):
        visits = {case.appointment: case.event for case in cases if case.appointment}
        appointments = self.env["healthcare.appointment"].concat(*visits)
        appointments.filtered(lambda a: a.state != "completed").state = "completed"
        for appointment, event in visits.items():
            if event.occurred_at > appointment.known_at:
                appointment.known_at = event.occurred_at
        self.env["healthcare.workflow.scheduling"]._judge(
            visits, others, cases[0].event
        )
        for case in cases:
            case.event._link(
                case.completion,
                case.order,
                case.appointment,
                case.appointment.picking_ids | case.completion.picking_ids,
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
