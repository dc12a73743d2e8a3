"""The same thing told twice: written by hand in a downtime, and sent by a system.

Their numbers differ, so it is told by what they say. One of the two always comes from
the hand: systems are taken by their word that two numbers are two things.
"""

from odoo import api, models

from ..continuity.alike import DISTINCT
from ..erp.payment.payment_suggestion import ON_ACCOUNT
from ..erp.values import day, number


def _by_hand(event):
    return bool(event.source_id.downtime_facility_id)


def _is_distinct(event, *members):
    """Return whether a person decided that it is another thing.

    Only a correction says so; what a sender calls the same means nothing here.
    """
    data = event._content()
    marked = any(data.get(member) for member in (DISTINCT, *members))
    return marked and bool(event.correction_ids)


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _cause_queries(self):
        return {
            **super()._cause_queries(),
            "alike-completion": "SELECT k FROM unnest(%s::text[]) AS k WHERE NOT "
            "EXISTS (SELECT 1 FROM healthcare_completion c WHERE c.id::text = k "
            "AND c.superseded IS NOT TRUE)",
            "alike-payment": "SELECT k FROM unnest(%s::text[]) AS k WHERE NOT EXISTS ("
            "SELECT 1 FROM account_payment p WHERE p.id::text = k "
            "AND p.state NOT IN ('draft', 'canceled', 'rejected'))",
        }


class HealthcareWorkflowService(models.AbstractModel):
    _inherit = "healthcare.workflow.service"

    @api.model
    def _on_service_completed(self, events):
        by_hand = events.filtered(_by_hand)
        if by_hand and by_hand != events:
            # One after the other, so that they see each other.
            super()._on_service_completed(events - by_hand)
            events = by_hand
        return super()._on_service_completed(events)

    @api.model
    def _check_duplicate(self, cases):
        super()._check_duplicate(cases)
        if not self.env["healthcare.source"]._any_downtime():
            return
        cases = [
            case
            for case in cases
            if not (case.parked or case.replaced or _is_distinct(case.event))
        ]
        if not cases:
            return
        self.env["healthcare.alike"]._take(map(_service_place, cases))
        known = self._services_alike(cases)
        for case in cases:
            for completion in known.get(_service_place(case), ()):
                if completion.by_hand != _by_hand(case.event) and _same_charges(
                    case, completion
                ):
                    self._park_alike(case, completion)
                    break

    @api.model
    def _services_alike(self, cases):
        """Return ``{place: completions}`` of the same patients and days."""
        days = [
            case.event.facility_id._day_bounds(_service_day(case)) for case in cases
        ]
        completions = self.env["healthcare.completion"].search(
            [
                ("patient_id", "in", [case.patient.id for case in cases]),
                ("facility_id", "in", [case.event.facility_id.id for case in cases]),
                ("performed_at", ">=", min(first for first, _end in days)),
                ("performed_at", "<", max(end for _first, end in days)),
                ("superseded", "=", False),
            ]
        )
        completions.line_ids.mapped("service_id.code")
        return completions.grouped(
            lambda one: _place(
                one.patient_id,
                one.facility_id,
                one.facility_id._day_of(one.performed_at),
            )
        )

    @api.model
    def _park_alike(self, case, first):
        reason = (
            self.env._(
                "The same services for this patient on this day were written down by "
                "hand in a downtime, and are billed already."
            )
            if first.by_hand
            else self.env._(
                "A system has told of the same services for this patient on this day, "
                "and they are billed already."
            )
        )
        case.park(
            "duplicate_service",
            reason,
            cause=f"alike-completion/{first.id}",
            amount=first.amount_total,
            appointment_id=first.appointment_id.id,
            res_model=first._name,
            res_id=first.id,
        )

    @api.model
    def _completion_values(self, case):
        return {**super()._completion_values(case), "by_hand": _by_hand(case.event)}


def _service_day(case):
    return case.event.facility_id._day_of(case.performed_at)


def _service_place(case):
    return _place(case.patient, case.event.facility_id, _service_day(case))


def _place(patient, facility, date):
    return f"service/{patient.id}/{facility.id}/{date}"


def _same_charges(case, completion):
    told, known = {}, {}
    for charge in case.data["charges"]:
        quantity = number(charge.get("quantity"), 1.0)
        told[charge["code"]] = told.get(charge["code"], 0.0) + quantity
    for line in completion.line_ids:
        code = line.service_id.code
        known[code] = known.get(code, 0.0) + line.quantity
    return told == known


class HealthcareWorkflowPayment(models.AbstractModel):
    _inherit = "healthcare.workflow.payment"

    @api.model
    def _on_payment_received(self, events):
        by_hand = events.filtered(_by_hand)
        if by_hand and by_hand != events:
            # One after the other, so that they see each other.
            super()._on_payment_received(events - by_hand)
            events = by_hand
        return super()._on_payment_received(events)

    @api.model
    def _on_payment_reversed(self, events):
        result = super()._on_payment_reversed(events)
        undone = self.env["account.payment"].search(
            [
                ("healthcare_payment_key", "in", events.mapped("subject")),
                ("state", "=", "canceled"),
            ]
        )
        # What was held back for being like them may go on.
        events[:1]._announce(*(f"alike-payment/{one.id}" for one in undone))
        return result

    @api.model
    def _unknown(self, cases):
        fresh = super()._unknown(cases)
        if fresh and self.env["healthcare.source"]._any_downtime():
            self._park_payments_alike(
                [
                    case
                    for case in fresh
                    if not _is_distinct(case.event, ON_ACCOUNT, "allocations")
                ]
            )
            fresh = [case for case in fresh if not case.parked]
        return fresh

    @api.model
    def _park_payments_alike(self, cases):
        if not cases:
            return
        self.env["healthcare.alike"]._take(map(_payment_place, cases))
        payments = self.env["account.payment"].search(
            [
                ("healthcare_payment_key", "!=", False),
                ("company_id", "=", self.env.company.id),
                ("date", "in", list({_payment_day(case) for case in cases})),
                ("amount", "in", list({case.amount for case in cases})),
                ("state", "not in", ("draft", "canceled", "rejected")),
            ]
        )
        if not payments:
            return
        known = payments.grouped(_known_place)
        partners = self._partners_of(cases)
        for case in cases:
            for payment in known.get(_payment_place(case), ()):
                if payment.healthcare_by_hand != _by_hand(case.event) and _same_payment(
                    case, payment, partners[case]
                ):
                    self._park_payment_alike(case, payment)
                    break

    @api.model
    def _park_payment_alike(self, case, payment):
        case.park(
            self.env._(
                "A payment of the same amount, day and payer was written down by hand "
                "in a downtime, and is posted already."
            )
            if payment.healthcare_by_hand
            else self.env._(
                "A system has told of a payment of the same amount, day and payer, "
                "which is posted already."
            ),
            cause=f"alike-payment/{payment.id}",
            res_model=payment._name,
            res_id=payment.id,
        )

    @api.model
    def _partners_of(self, cases):
        """Return ``{case: partners its payment may come from}``."""
        ordering = self.env["healthcare.ordering"]
        keys = {case: self._patient_keys(case.data) for case in cases}
        patients = self._patients_by_subject(key for v in keys.values() for key in v)
        payers = self._payers_by_code(_payer_code(case) for case in cases)
        accounts = {
            (case, ordering._account_key(one["account_number"]))
            for case in cases
            for one in case.allocations
            if one.get("account_number")
        }
        by_account = {}
        if accounts:
            by_account = self.env["res.partner"].search(
                [("healthcare_account_key", "in", [key for _case, key in accounts])]
            )
            by_account = by_account.grouped("healthcare_account_key")
        invoices = self._invoices_by_number(cases)
        nobody = self.env["res.partner"]
        found = {}
        for case in cases:
            if case.data["payment"]["payer_type"] == "payer":
                found[case] = payers.get(_payer_code(case), nobody)
                continue
            people = nobody.union(
                *(patients[key] for key in keys[case] if key in patients),
                *(by_account.get(key, nobody) for one, key in accounts if one == case),
                *(
                    invoices[one["invoice"]].healthcare_patient_id
                    for one in case.allocations
                    if one.get("invoice") in invoices
                ),
            )
            found[case] = people | people.healthcare_guarantor_id
        return found

    @api.model
    def _payment_values(self, case, bank):
        return {
            **super()._payment_values(case, bank),
            "healthcare_by_hand": _by_hand(case.event),
        }


def _payer_code(case):
    return (case.data["payment"].get("payer") or {}).get("code")


def _payment_day(case):
    return day(case.data["payment"]["paid_at"])


def _payment_place(case):
    currency = case.data["payment"]["currency"]
    return f"payment/{_payment_day(case)}/{case.amount:.4f}/{currency}"


def _known_place(payment):
    return f"payment/{payment.date}/{payment.amount:.4f}/{payment.currency_id.name}"


def _same_payment(case, payment, partners):
    """Return whether two payments of one day and amount are of the same money."""
    told = case.data["payment"].get("reference")
    known = payment.memo if payment.memo != payment.healthcare_payment_ref else None
    if told and known:
        return told == known
    people = payment.partner_id | payment.reconciled_invoice_ids.healthcare_patient_id
    return bool(people & partners)
