"""Appointments: booked, changed, confirmed, cancelled, and what they need."""

from odoo import Command, api, models

from ..erp.values import changed, moment, newer, number, stamp

# A visit only moves up: a late event cannot bring a cancelled one back to life. Who
# comes after all, though, was no no-show.
RANKS = {
    "booked": 0,
    "confirmed": 1,
    "checked_in": 2,
    "cancelled": 3,
    "no_show": 3,
    "completed": 4,
}
ENDED = ("cancelled", "no_show")
WEIGHED = ("checked_in", *ENDED)  # of these the newest word counts


class HealthcareWorkflowScheduling(models.AbstractModel):
    _name = "healthcare.workflow.scheduling"
    _description = "Scheduling Workflow"
    _inherit = "healthcare.workflow"
    _takes_turns = True

    @api.model
    def _on_appointment_booked(self, events):
        self._schedule(events, "booked")

    @api.model
    def _on_appointment_updated(self, events):
        self._schedule(events, "booked")

    @api.model
    def _on_appointment_confirmed(self, events):
        self._schedule(events, "confirmed")

    @api.model
    def _on_appointment_checked_in(self, events):
        self._schedule(events, "checked_in")

    @api.model
    def _on_appointment_cancelled(self, events):
        self._schedule(events, "cancelled")

    @api.model
    def _on_appointment_no_show(self, events):
        self._schedule(events, "no_show")

    @api.model
    def _schedule(self, events, state):
        """Bring appointments to what the events say.

        Every event carries the whole appointment, so any of them creates it.
        """
        patients = self._with_patient(self._without_facility(events))
        services = self._planned_services(patients)
        known = self._appointments_by_subject(event.subject for event in services)
        new = {
            e: p
            for e, p in patients.items()
            if e in services and e.subject not in known
        }
        created = self._create_appointments(new, services, state)
        appointments, dirty, earlier = dict(created), {}, {}
        for event in services:
            if event not in created:
                appointment = known[event.subject]
                appointments[event] = appointment
                if event.occurred_at < (appointment.booked_at or appointment.known_at):
                    appointment.booked_at = event.occurred_at
                    earlier[appointment] = event
                if self._update_appointment(event, appointment, services[event], state):
                    dirty[appointment] = event
                else:
                    event._note_stale()
        dirty.update({appointment: event for event, appointment in created.items()})
        others = self._carry_out(dirty)
        self._judge(dirty, others)
        # What is told late changes nothing but since when the visit is known.
        self.env["healthcare.appointment"]._emit_appointments(
            {one: event for one, event in earlier.items() if one not in dirty}
        )
        for event, appointment in appointments.items():
            event._link(appointment, appointment.order_id, appointment.picking_ids)
            event._announce(event.subject)

    @api.model
    def _planned_services(self, events):
        """Return ``{event: {service: quantity}}``; park events with unknown codes."""
        codes = {
            line["code"]
            for event in events
            for line in event._content()["appointment"]["services"]
        }
        services = self._services_by_code(codes)
        planned = {}
        for event in events:
            lines = event._content()["appointment"]["services"]
            unknown = next(
                (li["code"] for li in lines if li["code"] not in services), None
            )
            if unknown is not None:
                event._park(
                    "unmapped_code",
                    self.env._("No service has the code %s.", unknown),
                    cause=f"service/{unknown}",
                    amount=sum(
                        services[line["code"]].list_price
                        * number(line.get("quantity"), 1)
                        for line in lines
                        if line["code"] in services
                    ),
                    patient_id=events[event].id,
                )
                continue
            need = planned.setdefault(event, {})
            for line in lines:
                service = services[line["code"]]
                need[service] = need.get(service, 0) + number(line.get("quantity"), 1)
        return planned

    # -- appointments -----------------------------------------------------------

    @api.model
    def _parts(self, event, state):
        """Return ``{part: {field: value}}`` of what an appointment event carries."""
        data = event._content()["appointment"]
        parts = {"start": {"start": moment(data["start"])}, "services": {}}
        if data.get("end"):
            parts["end"] = {"end": moment(data["end"])}
        for name in ("location", "provider", "reason"):
            if data.get(name):
                parts[name] = {name: data[name]}
        if data.get("self_pay") is not None:
            parts["self_pay"] = {"self_pay": data["self_pay"]}
        parts["facility"] = {"facility_id": event.facility_id.id}
        if state in WEIGHED:
            parts[state] = {}
        return parts

    @api.model
    def _create_appointments(self, patients, services, state):
        vals_list = []
        for event, patient in patients.items():
            values, known = newer({}, stamp(event), self._parts(event, state))
            vals_list.append(
                {
                    "identifier": event._content()["appointment"]["id"],
                    "source_id": event.source_id.id,
                    "subject": event.subject,
                    "patient_id": patient.id,
                    "state": state,
                    "known_at": event.occurred_at,
                    "booked_at": event.occurred_at,
                    "known_fields": known,
                    "amount_expected": _amount(services[event]),
                    "line_ids": _line_commands(services[event]),
                    **values,
                }
            )
        created = self.env["healthcare.appointment"].create(vals_list)
        self._adopt_orders(created)
        without = created.filtered(lambda one: not one.order_id)
        orders = self.env["healthcare.workflow.orders"]._create_orders(
            [
                (
                    appointment.patient_id,
                    appointment.facility_id,
                    list(_services(appointment).items()),
                    {"healthcare_appointment_id": appointment.id},
                )
                for appointment in without
            ]
        )
        for appointment, order in zip(without, orders, strict=True):
            appointment.order_id = order
        self._adopt_authorizations(created)
        return dict(zip(patients, created, strict=True))

    @api.model
    def _adopt_orders(self, appointments):
        """Take over orders that were given for visits before these were booked."""
        by_subject = {one.subject: one for one in appointments}
        for order in self.env["sale.order"].search(
            [
                ("healthcare_subject", "in", list(by_subject)),
                ("healthcare_appointment_id", "=", False),
            ],
            order="id desc",
        ):
            appointment = by_subject[order.healthcare_subject]
            if not appointment.order_id:
                order.healthcare_appointment_id = appointment
                appointment.order_id = order

    @api.model
    def _adopt_authorizations(self, appointments):
        """Tie authorizations to visits that were booked after they were asked for."""
        key_of = self.env["healthcare.ordering"]._authorization_key
        by_key = {key_of(one.subject): one for one in appointments}
        waiting = self.env["healthcare.authorization"].search(
            [("key", "in", list(by_key)), ("appointment_id", "=", False)]
        )
        for authorization in waiting:
            authorization.appointment_id = by_key[authorization.key]
        for issue in self._issues_of(waiting):
            visit = by_key[issue.fingerprint.removeprefix("authorization/")]
            issue.write(
                {"appointment_id": visit.id, "amount_at_risk": visit.amount_expected}
            )

    @api.model
    def _issues_of(self, authorizations):
        keys = [f"authorization/{key}" for key in authorizations.mapped("key")]
        return self.env["healthcare.exception"].search(
            [("fingerprint", "in", keys), ("is_open", "=", True)]
        )

    @api.model
    def _update_appointment(self, event, appointment, services, state):
        """Write what counts of an event; return whether anything changed."""
        mark = stamp(event)
        before = appointment.known_fields or {}
        parts = self._parts(event, state)
        values, known = newer(before, mark, parts)
        if appointment.facility_id.company_id != event.facility_id.company_id:
            values.pop("facility_id", None)
        values = changed(appointment, values)
        if before.get("services", "") <= mark and _services(appointment) != services:
            values["line_ids"] = [Command.clear(), *_line_commands(services)]
            values["amount_expected"] = _amount(services)
        after = self._state_after(appointment, state, known)
        if after != appointment.state:
            values["state"] = after
        result = bool(values)
        if event.occurred_at > appointment.known_at:
            values["known_at"] = event.occurred_at
        if known != before:
            values["known_fields"] = known
        if values:
            appointment.write(values)
        return result

    @api.model
    def _state_after(self, appointment, state, known):
        """Return the state that follows from all that was told, in whatever order.

        :param known: ``{part: stamp}`` of all events, this one included
        """
        if appointment.state == "completed":
            return "completed"
        marks = {one: known.get(one, "") for one in WEIGHED}
        end = max(ENDED, key=marks.get)
        came = marks["checked_in"]
        if marks[end] and not (end == "no_show" and came > marks[end]):
            return end
        if came:
            return "checked_in"
        return max(appointment.state, state, key=RANKS.get)

    # -- what follows -----------------------------------------------------------

    @api.model
    def _carry_out(self, events):
        """Make orders and supplies follow the appointments.

        :param events: ``{appointment: event}`` of those that changed
        :return: other appointments whose supplies changed by it
        """
        orders, supplies = (
            self.env["healthcare.workflow.orders"],
            self.env["healthcare.workflow.supplies"],
        )
        appointments = self.env["healthcare.appointment"].concat(*events)
        running = appointments.filtered(
            lambda a: a.state in ("confirmed", "checked_in")
        )
        self._reopen(running, events)
        orders._fit_orders(
            {
                one.order_id: (one.facility_id, _services(one))
                for one in appointments
                if one.order_id.state != "cancel"
            }
        )
        orders._confirm(running.order_id)
        ended = appointments.filtered(lambda a: a.state in ENDED)
        ended.order_id.filtered(lambda order: order.state != "cancel")._action_cancel()
        others = appointments.browse()
        if ended:
            others |= supplies._release({one: events[one] for one in ended})
            key_of = self.env["healthcare.ordering"]._authorization_key
            for one in ended:
                key = key_of(one.subject)
                events[one]._resolve_issues(f"authorization/{key}")
        if running:
            self._move_transfers(running)
            others |= supplies._reserve({one: events[one] for one in running})
        return others - appointments

    @api.model
    def _reopen(self, appointments, events):
        """Take up again what ended when these visits seemed to be off."""
        back = appointments.filtered(lambda one: one.order_id.state == "cancel")
        back.order_id.action_draft()
        for authorization in back.authorization_ids:
            if authorization._leaves_gap():
                gap = authorization._gap_values()
                event = events[authorization.appointment_id]
                event._raise_issue(cause=gap.pop("cause_key"), **gap)

    @api.model
    def _move_transfers(self, appointments):
        """Let open transfers follow a visit to another time or another warehouse."""
        for one in appointments:
            moves = one.picking_ids.move_ids.filtered(
                lambda m: m.state not in ("done", "cancel")
            )
            stale = moves.filtered(
                lambda m, w=one.facility_id.warehouse_id: m.warehouse_id != w
            )
            stale._action_cancel()
            late = (moves - stale).filtered(lambda m, at=one.start: m.date != at)
            if late:
                late.date = one.start

    @api.model
    def _judge(self, events, others, event=None):
        """Compute clearance and tell of every appointment that changed.

        :param event: what tells of the others; without it the first of ``events``
        """
        appointments = self.env["healthcare.appointment"].concat(*events)
        appointments._compute_clearance()
        self._follow_gaps(appointments, events)
        appointments._emit_appointments(events)
        if others:
            event = event or next(iter(events.values()))
            others._compute_clearance()._emit_appointments(dict.fromkeys(others, event))

    @api.model
    def _follow_gaps(self, appointments, events):
        """Let gaps of authorizations follow visits: what is at risk, and whether."""
        for issue in self.env["healthcare.exception"].search(
            [
                ("appointment_id", "in", appointments.ids),
                ("category", "=", "authorization_gap"),
                ("fingerprint", "=like", "authorization/%"),
                ("is_open", "=", True),
            ]
        ):
            visit = issue.appointment_id
            if not visit.billing_hold:
                events[visit]._resolve_issues(issue.fingerprint)
            elif issue.amount_at_risk != visit.amount_expected:
                issue.amount_at_risk = visit.amount_expected

    @api.model
    def _look_again(self, documents):
        """Judge visits anew that these documents are or concern.

        :param documents: ``{model: {id: event id}}``
        """
        event = self.env["healthcare.event"].browse
        visits = self.env["healthcare.appointment"].browse(
            list(documents.get("healthcare.appointment", {}))
        )
        told = {
            visit: event(documents[visit._name][visit.id]) for visit in visits.exists()
        }
        patients = dict(documents.get("res.partner", {}))
        for model in ("healthcare.coverage", "healthcare.authorization"):
            ids = documents.get(model, {})
            for one in self.env[model].browse(list(ids)).exists():
                patients[one.patient_id.id] = ids[one.id]
        for visit in self._visits_concerned(
            {self.env["res.partner"].browse(i): event(e) for i, e in patients.items()}
        ):
            told.setdefault(visit, event(patients[visit.patient_id.id]))
        if told:
            visits = visits.browse().concat(*told)
            self._adopt_authorizations(visits)
            changed = visits._compute_clearance()
            changed._emit_appointments({visit: told[visit] for visit in changed})


def _services(appointment):
    services = {}
    for line in appointment.line_ids:
        services[line.service_id] = services.get(line.service_id, 0) + line.quantity
    return services


def _line_commands(services):
    return [
        Command.create({"service_id": service.id, "quantity": quantity})
        for service, quantity in services.items()
    ]


def _amount(services):
    return sum(service.list_price * quantity for service, quantity in services.items())
