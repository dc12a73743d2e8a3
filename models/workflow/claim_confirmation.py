"""Payments that banks tell of and remittances have booked already.

A remittance books the payer's payment when it decides a claim. ``payment.received``
that names the claim, its invoice, the patient or the remittance, and is of the same
amount, is the bank telling of the same money: it is noted and books nothing.
``payment.reversed`` undoes what was noted, or, where it names only the claim (as a
reversal in an X12 835 does), takes the whole decision back.
"""

from odoo import Command, api, models

from ..erp.claim.claim import LIVE_PAYMENTS
from ..erp.values import money


class HealthcareWorkflowPayment(models.AbstractModel):
    _inherit = "healthcare.workflow.payment"

    @api.model
    def _find_invoices(self, cases):
        result = super()._find_invoices(cases)
        self._find_remittances(
            [c for c in cases if c.data["payment"]["payer_type"] == "payer"]
        )
        return result

    @api.model
    def _find_remittances(self, cases):
        """Look up, for all cases at once, what remittances booked for what they name.

        That is by claim, by invoice, by patient or account, and, where a payment names
        nothing of that, by the remittance that its reference repeats.
        """
        moves, patients, references = set(), {}, set()
        subjects, accounts = set(), set()
        for case in cases:
            for allocation in case.allocations:
                if allocation.get("claim_id") or allocation.get("invoice"):
                    if allocation["named"]:
                        moves.add(allocation["named"].id)
                elif allocation.get("account_number"):
                    accounts.add(allocation["key"])
                else:
                    subjects.update(self._patient_keys(case.data))
            if reference := case.data["payment"].get("reference"):
                references.add(reference)
        if subjects:
            for subject, patient in self._patients_by_subject(subjects).items():
                patients[f"patient-invoice/{subject}"] = patient
        if accounts:
            for patient in self.env["res.partner"].search(
                [("healthcare_account_key", "in", list(accounts))]
            ):
                patients[patient.healthcare_account_key] = patient
        payments = self.env["account.payment"]
        if moves or patients or references:
            payments = payments.search(
                [
                    ("healthcare_claim_id", "!=", False),
                    ("healthcare_payment_key", "=", False),
                    ("state", "in", LIVE_PAYMENTS),
                    ("company_id", "=", self.env.company.id),
                    "|",
                    "|",
                    ("healthcare_claim_id.move_id", "in", list(moves)),
                    (
                        "healthcare_claim_id.patient_id",
                        "in",
                        [patient.id for patient in patients.values()],
                    ),
                    ("memo", "in", list(references)),
                ],
                order="date, id",
            ).filtered(lambda payment: not payment.move_id.reversal_move_ids)
        by_move = payments.grouped(lambda one: one.healthcare_claim_id.move_id)
        by_patient = payments.grouped(lambda one: one.healthcare_claim_id.patient_id)
        by_memo = payments.grouped("memo")
        none = payments.browse()
        for case in cases:
            reference = case.data["payment"].get("reference")
            for allocation in case.allocations:
                if allocation.get("claim_id") or allocation.get("invoice"):
                    found = by_move.get(allocation["named"], none)
                elif patient := patients.get(allocation["key"]):
                    found = by_patient.get(patient, none)
                else:
                    found = by_memo.get(reference, none)
                allocation["remitted"] = found

    @api.model
    def _match(self, case, left):
        """Confirm what remittances booked; match what none has told of.

        Money of which some claims are decided and others are not waits for the others,
        so that no part of it is booked twice.
        """
        booked, open_ones = self.env["account.payment"], []
        for allocation in case.allocations:
            found = self._booked_payments(allocation, case, booked)
            booked |= found
            if not found:
                open_ones.append(allocation)
        if not booked:
            return self._match_unbooked(case, left)
        if open_ones:
            case.park(
                self.env._(
                    "Remittances have booked a part of this money; the other part "
                    "waits for the payer's decision."
                ),
                cause=open_ones[0]["key"],
            )
            return None
        fresh = booked.filtered(lambda one: not one.healthcare_confirmed_key)
        fresh._confirm_remittance(case.key, case.data["payment"].get("reference"))
        case.event._link(booked, booked.healthcare_claim_id)
        rest = case.currency.round(case.amount - case.allocated)
        if rest:
            case.event._raise_issue(
                "payment_mismatch",
                self.env._("%s of this payment is for nothing known.", money(rest)),
                f"rest/{case.key}",
                amount_at_risk=rest,
            )
        return None

    @api.model
    def _match_unbooked(self, case, left):
        reference = case.data["payment"].get("reference")
        if (
            case.data["payment"]["payer_type"] == "payer"
            and reference
            and not case.on_account
            and not any(one["key"] or one["named"] for one in case.allocations)
        ):
            case.park(
                self.env._(
                    "No remittance with the reference of this payment is known."
                ),
                cause=self.env["healthcare.claim"]._remittance_key(reference),
            )
            return None
        return super()._match(case, left)

    @api.model
    def _booked_payments(self, allocation, case, others):
        """Return the payments of remittances that an allocation tells of, or none.

        :param others: those that other allocations of the same payment tell of
        """
        free = (
            allocation.get("remitted", self.env["account.payment"]) - others
        ).filtered(
            lambda one: (
                one.healthcare_confirmed_key in (False, case.key)
                and one.currency_id == case.currency
            )
        )
        compare = case.currency.compare_amounts
        exact = free.filtered(lambda one: not compare(one.amount, allocation["value"]))
        if exact:
            mine = exact.filtered("healthcare_confirmed_key")
            return (mine or exact)[:1]
        if free and not compare(sum(free.mapped("amount")), allocation["value"]):
            return free
        return free.browse()

    @api.model
    def _on_payment_reversed(self, events):
        events -= self._undo_confirmed(events)
        events -= self._take_claims_back(events)
        return super()._on_payment_reversed(events)

    @api.model
    def _undo_confirmed(self, events):
        """Undo payments of remittances by the number the bank gave them."""
        payments = self.env["account.payment"].search(
            [("healthcare_confirmed_key", "in", events.mapped("subject"))]
        )
        handled, told, invoices = events.browse(), {}, {}
        by_key = payments.grouped("healthcare_confirmed_key")
        for event in events:
            ones = by_key.get(event.subject)
            if not ones:
                continue
            handled |= event
            event._link(ones, ones.reconciled_invoice_ids)
            live = ones.filtered(lambda payment: payment.state != "canceled")
            if not live:
                event._note_stale()
            told.update(dict.fromkeys(live, event))
            invoices.update(dict.fromkeys(live.reconciled_invoice_ids, event))
        if told:
            undone = payments.browse().concat(*told)
            undone.move_id.line_ids.remove_move_reconcile()
            undone.action_draft()
            undone.action_cancel()
            undone._emit_claim_payments(told)
            self.env["account.move"]._emit_healthcare_invoices(invoices)
        return handled

    @api.model
    def _take_claims_back(self, events):
        """Take back decisions that a reversal names by nothing but the claim."""
        ordering = self.env["healthcare.ordering"]
        keys = {}
        for event in events:
            allocations = event._content().get("allocations") or ()
            numbers = [one.get("claim_id") for one in allocations]
            if len(numbers) == 1 and numbers[0]:
                keys[event] = ordering._key(
                    "claim", event.source_id.namespace, numbers[0]
                )
        known = self.env["account.payment"].search(
            [("healthcare_payment_key", "in", [event.subject for event in keys])]
        )
        own = set(known.mapped("healthcare_payment_key"))
        keys = {event: key for event, key in keys.items() if event.subject not in own}
        claims = self.env["healthcare.claim"].search(
            [("subject", "in", list(keys.values()))]
        )
        by_subject = {claim.subject: claim for claim in claims}
        cases, seen = [], set()
        for event, key in keys.items():
            case = Reversal(event, by_subject.get(key, claims.browse()))
            if case.claim not in seen and self._may_take_back(case, key):
                seen.add(case.claim)
                cases.append(case)
        self.env["healthcare.workflow.claim.posting"]._reverse(cases)
        for case in cases:
            case.claim.write(
                {
                    "decision": "reversed",
                    # Right after what it takes back, before any newer decision.
                    "decided_mark": f"{case.claim.decided_mark}~",
                    "state": "submitted",
                    "paid": 0.0,
                    "patient_responsibility": 0.0,
                    "adjustment_ids": [Command.clear()],
                    "remarks": False,
                }
            )
            case.event._link(case.claim)
            case.event._resolve_issues(f"claim-underpaid/{case.claim.subject}")
        claims._emit_claims({case.claim: case.event for case in cases})
        return events.browse([event.id for event in keys])

    @api.model
    def _may_take_back(self, case, key):
        """Return whether a reversal finds what it undoes; note or park it if not."""
        event, claim = case.event, case.claim
        gone = claim.payment_ids.filtered(
            lambda one: (
                one.state == "canceled"
                and one.healthcare_reversed_key in (False, event.subject)
                and not one.currency_id.compare_amounts(one.amount, case.amount)
            )
        )[:1]
        if gone:
            # A newer decision replaced this one and took its money back already.
            gone.healthcare_reversed_key = event.subject
            event._link(claim, gone)
            return False
        live = claim._live_payments()
        if not live:
            event._park(
                "missing_dependency",
                self.env._("The payment to reverse is not known yet."),
                cause=key,
                amount=case.amount,
            )
            return False
        if claim.currency_id.compare_amounts(sum(live.mapped("amount")), case.amount):
            event._park(
                "payment_mismatch",
                self.env._("Another amount is reversed than was paid for the claim."),
                cause=key,
                amount=case.amount,
                patient_id=claim.patient_id.id,
                payer_id=claim.payer_id.id,
                res_model=claim._name,
                res_id=claim.id,
            )
            return False
        live.write({"healthcare_reversed_key": event.subject})
        return True


class Reversal:
    """A reversal that names a claim."""

    def __init__(self, event, claim):
        self.event = event
        self.claim = claim
        self.amount = float(event._content()["payment"]["amount"])
