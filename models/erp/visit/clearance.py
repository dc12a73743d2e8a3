"""Financial clearance: may this visit go ahead as far as money and supplies go?

Computed by workflows in bulk, stored, and explained in plain sentences.
"""

from odoo import api, fields, models

UPCOMING = ("booked", "confirmed", "checked_in")


class HealthcareAppointment(models.Model):
    _inherit = "healthcare.appointment"

    def _compute_clearance(self):
        """Judge these appointments anew; return those whose judgement changed.

        Reads coverages, authorizations, payers' rules and supply moves with one query
        each.
        """
        if not self:
            return self
        visits = self._with_deposit_rivals()
        coverages = visits._coverages_by_patient()
        authorizations = visits._authorizations_by_visit()
        rules = self.env["healthcare.authorization.rule"]._of_payers(
            {one.payer_id.id for ones in coverages.values() for one in ones}
        )
        deposits = visits._deposits(coverages)
        changed = self.browse()
        for appointment in visits:
            told = appointment.company_id._healthcare_in_language(appointment)
            values = told._judge(
                coverages.get(appointment.patient_id.id, coverages[None]),
                authorizations[appointment],
                rules,
                deposits[appointment],
            )
            values = {
                name: value
                for name, value in values.items()
                if (appointment[name] or False) != (value or False)
            }
            if values:
                appointment.write(values)
                changed |= appointment
        changed._release_deposits()
        rivals = changed - self
        rivals._emit_appointments(dict.fromkeys(rivals))
        return changed & self

    @api.depends(
        "state",
        "coverage_state",
        "authorization_state",
        "supplies_state",
        "deposit_state",
    )
    def _compute_clearance_steps(self):
        steps = self._clearance_steps()
        for visit in self:
            wanted = [
                steps.get((name, visit[name]))
                for name in (
                    "coverage_state",
                    "authorization_state",
                    "supplies_state",
                    "deposit_state",
                )
                if visit.state in UPCOMING
            ]
            visit.clearance_steps = "\n".join(filter(None, wanted))

    @api.model
    def _clearance_steps(self):
        """Return ``{(part, state): what somebody should do about it}``."""
        insurer = self.env._(
            "Ask the patient for another insurance, or agree self-payment."
        )
        payer = self.env._("Ask the payer to approve the visit, or agree self-payment.")
        supplies = self.env._(
            "Confirm the purchase order, or move stock to this facility."
        )
        return {
            ("coverage_state", "missing"): self.env._(
                "Have the coverage verified, or agree self-payment with the patient."
            ),
            ("coverage_state", "inactive"): insurer,
            ("authorization_state", "pending"): self.env._(
                "Ask the payer for an authorization that covers the visit."
            ),
            ("authorization_state", "denied"): payer,
            ("authorization_state", "expired"): payer,
            ("supplies_state", "partial"): supplies,
            ("supplies_state", "short"): supplies,
            ("deposit_state", "due"): self.env._("Ask the patient for the deposit."),
        }

    def _refresh_supplies(self):
        """Judge anew after stock moved outside of any event, and tell of it."""
        changed = self._compute_clearance()
        changed._emit_appointments(dict.fromkeys(changed))
        return changed

    def _coverages_by_patient(self):
        coverages = self.env["healthcare.coverage"].search(
            [("patient_id", "in", self.patient_id.ids)]
        )
        return {None: coverages.browse(), **dict(coverages.grouped(_patient_id))}

    def _authorizations_by_visit(self):
        """Return ``{visit: authorizations}``: its own ones and those of the patient."""
        key_of = self.env["healthcare.ordering"]._authorization_key
        keys = {visit: key_of(visit.subject) for visit in self}
        found = self.env["healthcare.authorization"].search(
            [
                "|",
                ("key", "in", list(keys.values())),
                "&",
                ("standing", "=", True),
                ("patient_id", "in", self.patient_id.ids),
            ]
        )
        found.fetch(["service_ids"])  # of all, before they are looked at one by one
        own = {one.key: one for one in found if not one.standing}
        standing = found.filtered("standing").grouped(
            lambda one: (one.patient_id, one.company_id)
        )
        none = found.browse()
        return {
            visit: own.get(key, none)
            | standing.get((visit.patient_id, visit.company_id), none)
            for visit, key in keys.items()
        }

    def _judge(self, coverages, authorizations, rules, deposit):
        """Return the clearance fields of one appointment."""
        self.ensure_one()
        reasons = []
        coverage_state, coverage = self._judge_coverage(coverages, reasons)
        authorization_state = self._judge_authorization(
            coverage, authorizations, rules, reasons
        )
        supplies_state = self._judge_supplies(reasons)
        deposit_values = self._judge_deposit(deposit, reasons)
        hold = authorization_state in ("denied", "expired")
        if self.state not in UPCOMING:
            reasons = []
        if coverage_state == "inactive" or hold:
            clearance = "blocked"
        elif reasons:
            clearance = "pending"
        else:
            clearance = "cleared"
        return {
            "coverage_state": coverage_state,
            "authorization_state": authorization_state,
            "supplies_state": supplies_state,
            "clearance": clearance,
            "clearance_reasons": reasons,
            "billing_hold": hold,
            "billing_hold_reason": self._hold_reason(authorization_state),
            **deposit_values,
        }

    def _hold_reason(self, authorization_state):
        return {
            "denied": self.env._("The payer denied the authorization."),
            "expired": self.env._("The authorization has expired."),
        }.get(authorization_state, False)

    def _judge_coverage(self, coverages, reasons):
        if self.self_pay:
            return "self_pay", coverages.browse()
        coverage = coverages._first_on(self.start.date())
        if coverage.status == "active":
            return "verified", coverage
        payer = coverage.payer_id.healthcare_payer_code
        if coverage:
            reasons.append(
                self.env._("The coverage with %s is not verified yet.", payer)
            )
            return "missing", coverage
        if coverages:
            reasons.append(
                self.env._("The patient's coverage is not active on that day.")
            )
            return "inactive", coverage
        reasons.append(
            self.env._("No coverage is known and self-payment is not agreed.")
        )
        return "missing", coverage

    def _judge_authorization(self, coverage, authorizations, rules, reasons):
        """Return the worst state of all services that an authorization concerns."""
        if self.self_pay:
            return "not_required"
        needs = self._units_needed()
        services = self.line_ids.service_id
        verdicts = set()
        for service in services or [services]:
            found = authorizations._for_service(service)
            needed = self._service_needs(service, coverage, rules)
            own = found.filtered(lambda one: not one.standing)
            if not own and not needed:
                continue
            if not found and authorizations:
                why = self.env._("No authorization covers %s.", service.code)
                verdicts.add(("pending", why))
            else:
                verdicts.add(self._best_verdict(own, found - own, needs))
        for state in ("denied", "expired", "pending", "approved"):
            sentences = [why for given, why in verdicts if given == state]
            if sentences:
                reasons += sorted(filter(None, sentences))
                return state
        return "not_required"

    def _units_needed(self):
        """Return ``{service: quantity}`` of what is planned."""
        needs = {}
        for line in self.line_ids:
            needs[line.service_id] = needs.get(line.service_id, 0) + line.quantity
        return needs

    def _best_verdict(self, own, standing, needs):
        """Return the verdict that counts: the visit's own, unless it is undecided."""
        verdicts = []
        for one in own | standing:
            quantity = sum(
                amount for other, amount in needs.items() if one._for_service(other)
            )
            verdicts.append(one._verdict(self, quantity))
        first = verdicts[0] if own else None
        if first and first[0] in ("denied", "expired"):
            return first
        for state in ("approved", "pending", "expired", "denied"):
            for verdict in verdicts:
                if verdict[0] == state:
                    return verdict
        return "pending", self.env._(
            "The payer has not decided on the authorization yet."
        )

    def _service_needs(self, service, coverage, rules):
        """Return whether the payer wants to approve one service of the visit.

        The payer's own answer about this patient counts first, then its rule for the
        service, its rule for all services, and at last what the service says.
        """
        if self.self_pay:
            return False
        payer = coverage.payer_id.id
        return coverage.authorization_required or bool(
            rules.get(
                (payer, service.id),
                rules.get((payer, False), service.authorization_required),
            )
        )

    def _judge_supplies(self, reasons):
        if not self.line_ids.service_id.supply_ids:
            return "not_required"
        if self.state == "booked":
            reasons.append(
                self.env._("Supplies are reserved once the visit is confirmed.")
            )
            return "not_required"
        moves = self.picking_ids.move_ids.filtered(lambda m: m.state != "cancel")
        missing = moves.filtered(
            lambda m: (
                m.state != "done"
                and m.product_uom.compare(m.quantity, m.product_uom_qty) < 0
            )
        )
        if moves and not missing:
            return "reserved"
        for move in missing:
            reasons.append(
                self.env._(
                    "%(quantity)s %(unit)s of %(product)s are missing.",
                    quantity=f"{move.product_uom_qty - move.quantity:g}",
                    unit=move.product_uom.name,
                    product=move.product_id.display_name,
                )
            )
        if not moves and self.state in UPCOMING:
            reasons.append(
                self.env._("No supplies could be reserved at this facility.")
            )
        return "partial" if any(moves.mapped("quantity")) else "short"

    # -- facts ------------------------------------------------------------------

    @api.model
    def _emit_appointments(self, events):
        """Tell what became of appointments.

        :param events: ``{appointment: event}`` that changed them
        """
        self.env["healthcare.fact"]._emit("appointment", self._fact_rows(events))

    @api.model
    def _fact_rows(self, events):
        """Return the rows of facts that tell of visits.

        :param events: ``{appointment: event}``
        """
        return [
            {
                "document": appointment,
                "event": events[appointment],
                "occurred_at": None if events[appointment] else fields.Datetime.now(),
                "facility": appointment.facility_id,
                "service_line": appointment.line_ids[:1].service_id.service_line_id,
                "patient": appointment.patient_id,
                "values": appointment._fact_values(),
            }
            for appointment in self.browse().concat(*events)
        ]


def _patient_id(coverage):
    return coverage.patient_id.id
