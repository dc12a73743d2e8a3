"""Money received: matched to invoices, posted and reconciled, undone exactly.

What a payment is for is found in ``payment_matching.py``. What of it is for nothing
open stays on the payment as a credit of who paid, with an exception.
"""

from odoo import api, models

from ..erp.payment.payment_suggestion import ON_ACCOUNT
from ..erp.values import day, money


class HealthcareWorkflowPayment(models.AbstractModel):
    _name = "healthcare.workflow.payment"
    _description = "Payment Workflow"
    _inherit = "healthcare.workflow"
    _takes_turns = True

    # -- received ---------------------------------------------------------------

    @api.model
    def _on_payment_received(self, events):
        """Post payments that say what they are for; leave the others to a person."""
        cases = self._unknown(
            [Receipt(event) for event in self._without_facility(events)]
        )
        self._find_currencies(cases)
        self._find_invoices([case for case in cases if not case.parked])
        left = {}
        for case in cases:
            if not case.parked:
                self._match(case, left)
        matched = [case for case in cases if not case.parked and case.partner]
        self._post_payments(matched)

    @api.model
    def _unknown(self, cases):
        """Return payments not recorded yet; a repeat of the same changes nothing."""
        known = {
            payment.healthcare_payment_key: payment
            for payment in self.env["account.payment"].search(
                [("healthcare_payment_key", "in", [case.key for case in cases])]
            )
        }
        fresh = []
        for case in cases:
            payment = known.get(case.key)
            if not payment:
                fresh.append(case)
            elif payment.currency_id.compare_amounts(payment.amount, case.amount):
                case.park(
                    self.env._("A payment with this number and another amount exists."),
                    res_model=payment._name,
                    res_id=payment.id,
                )
            else:
                case.event._note_stale()
                case.event._link(payment)
        return fresh

    @api.model
    def _find_currencies(self, cases):
        currencies = {
            one.name: one
            for one in self.env["res.currency"].search(
                [("name", "in", [case.data["payment"]["currency"] for case in cases])]
            )
        }
        for case in cases:
            case.currency = currencies.get(case.data["payment"]["currency"])
            if not case.currency:
                case.park(self.env._("The currency of this payment is not in use."))
            elif case.currency.compare_amounts(case.amount, 0) <= 0:
                case.park(self.env._("The amount of a payment must be above zero."))
            elif case.currency.compare_amounts(case.allocated, case.amount) > 0:
                case.park(self.env._("More is allocated than was paid."))

    # -- documents --------------------------------------------------------------

    @api.model
    def _post_payments(self, cases):
        """Create, post and reconcile all payments, each step at once."""
        if not cases:
            return
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.env.company.id)], limit=1
        )
        # Read at once what is looked at one by one below.
        moves = self.env["account.move"].concat(
            *(m for c in cases for m, _a in c.targets)
        )
        moves.line_ids.mapped("account_id.account_type")
        payments = self.env["account.payment"].create(
            [self._payment_values(case, bank) for case in cases]
        )
        payments.action_post()
        plan, bounds = [], {}
        for case, payment in zip(cases, payments, strict=True):
            case.payment = payment
            if case.targets:
                amounts = dict(case.targets)
                plan.append(payment._healthcare_reconcilable(amounts, bounds))
        lines = self.env["account.move.line"].with_context(healthcare_bounds=bounds)
        lines._reconcile_plan(plan)
        self._tell(cases)

    @api.model
    def _payment_values(self, case, bank):
        facility = case.event.facility_id
        account = {}
        if case.targets:
            lines = case.targets[0][0]._healthcare_receivable()
            account["destination_account_id"] = lines[:1].account_id.id
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": case.partner.id,
            **account,
            "amount": case.amount,
            "currency_id": case.currency.id,
            "date": day(case.data["payment"]["paid_at"]),
            "journal_id": (facility.payment_journal_id or bank).id,
            "memo": case.data["payment"].get("reference") or case.data["payment"]["id"],
            "healthcare_facility_id": facility.id,
            "healthcare_payment_ref": case.data["payment"]["id"],
            "healthcare_payment_key": case.key,
        }

    @api.model
    def _tell(self, cases):
        """Link and tell of payments and invoices; note what is not fully paid."""
        invoices, facts = {}, {}
        for case in cases:
            moves = self.env["account.move"].union(*(m for m, _amount in case.targets))
            case.event._link(case.payment, moves)
            for move in moves:
                invoices[move] = case.event
                self._note_partial(case.event, move)
            if not case.on_account and (rest := case.rest()):
                self._note_rest(case, moves, rest)
            facts[case.payment] = (case.event, moves[:1].healthcare_patient_id)
        self._emit_payments(facts)
        self.env["account.move"]._emit_healthcare_invoices(invoices)

    @api.model
    def _note_rest(self, case, moves, rest):
        payment = case.payment
        case.event._raise_issue(
            "payment_mismatch",
            self.env._(
                "%s more was paid than was open; it stays on the account as a credit.",
                money(rest),
            )
            if case.over
            else self.env._("%s of this payment is for nothing known.", money(rest)),
            f"rest/{payment.id}",
            patient_id=moves[:1].healthcare_patient_id.id,
            payer_id=payment.partner_id.id
            if payment.partner_id.healthcare_is_payer
            else False,
            res_model=payment._name,
            res_id=payment.id,
            amount_at_risk=rest,
        )

    @api.model
    def _note_partial(self, event, move):
        """Tell that an invoice is paid in part, or is not any more."""
        if move.payment_state != "partial":
            event._resolve_issues(f"partial/{move.id}")
            return
        event._raise_issue(
            "payment_mismatch",
            self.env._(
                "%(residual)s of invoice %(invoice)s is still open.",
                residual=money(move.amount_residual),
                invoice=move.name,
            ),
            f"partial/{move.id}",
            cause=f"paid/{move.id}",
            patient_id=move.healthcare_patient_id.id,
            payer_id=move.partner_id.id
            if move.partner_id.healthcare_is_payer
            else False,
            res_model=move._name,
            res_id=move.id,
            amount_at_risk=move.amount_residual,
        )

    @api.model
    def _emit_payments(self, told):
        """Tell of payments.

        :param told: ``{account.payment: (event, patient)}``
        """
        payments = self.env["account.payment"]
        payments._emit_healthcare_payments(
            {
                payment: {
                    "event": event,
                    "patient": patient,
                    "payer_type": event._content()["payment"]["payer_type"],
                }
                for payment, (event, patient) in told.items()
            }
        )

    # -- reversed ---------------------------------------------------------------

    @api.model
    def _on_payment_reversed(self, events):
        """Undo exactly these payments; what they had paid is open again."""
        payments = {
            payment.healthcare_payment_key: payment
            for payment in self.env["account.payment"].search(
                [("healthcare_payment_key", "in", events.mapped("subject"))]
            )
        }
        undone, invoices = {}, {}
        for event in events:
            payment = payments.get(event.subject)
            if not payment:
                event._park(
                    "missing_dependency",
                    self.env._("The payment to reverse is not known yet."),
                    cause=event.subject,
                    amount=float(event._content()["payment"]["amount"]),
                )
            elif payment.state == "canceled":
                event._note_stale()
            else:
                moves = payment.reconciled_invoice_ids
                undone[payment] = (event, moves[:1].healthcare_patient_id)
                invoices.update(dict.fromkeys(moves, event))
                # What is open again may be what another payment is for.
                event._announce(*(key for m in moves for key in m._healthcare_keys()))
                event._link(payment, moves)
        if not undone:
            return
        self.env["account.payment"].concat(*undone)._healthcare_undo()
        for payment, (event, _patient) in undone.items():
            event._resolve_issues(f"rest/{payment.id}")
        for move, event in invoices.items():
            self._note_partial(event, move)
        self._emit_payments(undone)
        self.env["account.move"]._emit_healthcare_invoices(invoices)


class Receipt:
    """What is known of one payment while it is being matched."""

    def __init__(self, event):
        self.event = event
        self.key = event.subject
        self.data = event._content()
        self.amount = float(self.data["payment"]["amount"])
        self.allocations = [
            {**allocation, "value": float(allocation["amount"])}
            for allocation in self.data.get("allocations") or ()
        ] or [{"value": self.amount}]
        self.allocated = sum(one["value"] for one in self.allocations)
        self.currency = None
        self.parked = False
        self.on_account = self._decided_on_account()
        self.owner = None  # whose credit it becomes then
        self.taken_back = None  # whose money it was, where a reversal is here already
        self.partner = None  # who paid
        self.targets = []  # (invoice, amount)
        self.over = False  # more was paid than is open
        self.payment = None

    def park(self, reason, cause=None, **values):
        if self.taken_back:
            self.on_account, self.partner = "patient", self.taken_back
            self.targets = []
            return
        self.parked = True
        self.event._park(
            "payment_mismatch", reason, cause=cause, amount=self.amount, **values
        )

    def _decided_on_account(self):
        """Return ``payer`` or ``patient`` where a person put it on their account.

        Only a correction says so; what a sender calls the same means nothing here.
        """
        side = self.data.get(ON_ACCOUNT)
        return side if side and self.event.correction_ids else None

    def rest(self):
        """Return what of the payment is not allocated."""
        return self.currency.round(
            self.amount - sum(amount for _move, amount in self.targets)
        )
