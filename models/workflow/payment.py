"""Money received: matched to invoices, posted and reconciled, undone exactly."""

from odoo import api, models

from ..erp.values import day, money

OPEN = ("not_paid", "partial")


class HealthcareWorkflowPayment(models.AbstractModel):
    _name = "healthcare.workflow.payment"
    _description = "Payment Workflow"
    _inherit = "healthcare.workflow"

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
        matched = [case for case in cases if not case.parked and case.targets]
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

    # -- what it may be for -----------------------------------------------------

    @api.model
    def _find_invoices(self, cases):
        """Look up what all payments name, one query per kind of name."""
        ordering = self.env["healthcare.ordering"]
        for case in cases:
            namespace = case.event.source_id.namespace
            for allocation in case.allocations:
                if number := allocation.get("invoice"):
                    allocation["key"] = f"invoice/{number}"
                elif number := allocation.get("claim_id"):
                    allocation["key"] = ordering._key("claim", namespace, number)
                elif number := allocation.get("account_number"):
                    allocation["key"] = ordering._account_key(number)
                else:
                    keys = self._patient_keys(case.data)
                    allocation["key"] = f"patient-invoice/{keys[0]}" if keys else None
        invoices = self._invoices_by_number(cases)
        claims = self._claims_by_subject(cases)
        pools = self._open_invoices(cases)
        for case in cases:
            for allocation in case.allocations:
                allocation["named"] = invoices.get(allocation.get("invoice"))
                if allocation.get("claim_id"):
                    allocation["claim"] = claims.get(allocation["key"])
                    allocation["named"] = (
                        allocation["claim"] and allocation["claim"].move_id
                    )
                allocation["pool"] = pools.get(allocation["key"])

    @api.model
    def _invoices_by_number(self, cases):
        numbers = {
            allocation["invoice"]
            for case in cases
            for allocation in case.allocations
            if allocation.get("invoice")
        }
        if not numbers:
            return {}
        invoices = self.env["account.move"].search(
            [
                ("name", "in", list(numbers)),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("company_id", "=", self.env.company.id),
            ]
        )
        return {invoice.name: invoice for invoice in invoices}

    @api.model
    def _claims_by_subject(self, cases):
        keys = {
            allocation["key"]
            for case in cases
            for allocation in case.allocations
            if allocation.get("claim_id")
        }
        if not keys:
            return {}
        claims = self.env["healthcare.claim"].search([("subject", "in", list(keys))])
        return {claim.subject: claim for claim in claims}

    @api.model
    def _open_invoices(self, cases):
        """Return ``{account or patient key: open invoices, the oldest first}``."""
        accounts, subjects = set(), set()
        for case in cases:
            for allocation in case.allocations:
                if allocation.get("account_number"):
                    accounts.add(allocation["key"])
                elif not allocation.get("invoice") and not allocation.get("claim_id"):
                    subjects.update(self._patient_keys(case.data))
        patients = {}
        if accounts:
            found = self.env["res.partner"].search(
                [("healthcare_account_key", "in", list(accounts))]
            )
            for patient in found:
                patients.setdefault(patient.healthcare_account_key, []).append(patient)
        for subject, patient in self._patients_by_subject(subjects).items():
            patients[f"patient-invoice/{subject}"] = [patient]
        if not patients:
            return {}
        invoices = self.env["account.move"].search(
            [
                (
                    "healthcare_patient_id",
                    "in",
                    [one.id for ones in patients.values() for one in ones],
                ),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("payment_state", "in", OPEN),
                ("company_id", "=", self.env.company.id),
            ],
            order="invoice_date, id",
        )
        by_patient = invoices.grouped("healthcare_patient_id")
        none = invoices.browse()
        return {
            key: none.concat(*(by_patient.get(patient, none) for patient in ones))
            for key, ones in patients.items()
        }

    # -- matching ---------------------------------------------------------------

    @api.model
    def _match(self, case, left):
        """Set what a payment is for, or park it.

        :param left: ``{invoice: residual}`` after the payments matched before
        """
        targets = []
        for allocation in case.allocations:
            found = self._find_targets(case, allocation, left)
            if not found:
                return
            targets += found
        partners = {move.commercial_partner_id for move, _amount in targets}
        partial = [
            m for m, amount in targets if amount < left.get(m, m.amount_residual)
        ]
        if len(partners) > 1:
            case.park(
                self.env._("One payment cannot be for invoices of several payers.")
            )
        elif partial and len(targets) > 1:
            case.park(
                self.env._("A payment for several invoices must pay each in full."),
                cause=case.allocations[0]["key"],
            )
        elif targets:
            for move, amount in targets:
                left[move] = left.get(move, move.amount_residual) - amount
            case.targets = targets

    @api.model
    def _find_targets(self, case, allocation, left):
        """Return ``[(invoice, amount)]`` of one allocation; park when there is none."""
        amount, key = allocation["value"], allocation["key"]
        named = allocation["named"]
        if named:
            return self._target_named(case, named, amount, key, left)
        if allocation.get("invoice") or allocation.get("claim_id"):
            case.park(
                self.env._("The invoice this payment names is not known."), cause=key
            )
            return None
        if key is None:
            case.park(self.env._("The payment does not say what it is for."))
            return None
        pool = self._pool(case, allocation["pool"], left)
        if targets := _fit(case.currency, pool, amount, left):
            return targets
        open_amount = sum(left.get(move, move.amount_residual) for move in pool)
        case.park(
            self.env._(
                "The patient's open invoices (%(count)s, together %(total)s) do not "
                "add up to what was paid.",
                count=len(pool),
                total=money(open_amount),
            )
            if pool
            else self.env._("There is no open invoice that this payment could be for."),
            cause=key,
            patient_id=pool[:1].healthcare_patient_id.id,
        )
        return None

    @api.model
    def _target_named(self, case, move, amount, key, left):
        residual = left.get(move, move.amount_residual)
        if move.currency_id != case.currency:
            reason = self.env._("The payment is in another currency than the invoice.")
        elif case.currency.compare_amounts(amount, residual) > 0:
            reason = self.env._("More was paid than is open on the invoice.")
        else:
            return [(move, amount)]
        case.park(
            reason,
            cause=key,
            patient_id=move.healthcare_patient_id.id,
            res_model=move._name,
            res_id=move.id,
        )
        return None

    @api.model
    def _pool(self, case, invoices, left):
        """Return those open invoices that whoever paid is responsible for."""
        if not invoices:
            return self.env["account.move"]
        data = case.data["payment"]
        payer = (data.get("payer") or {}).get("code")
        return invoices.filtered(
            lambda move: (
                move.healthcare_responsible in (data["payer_type"], False)
                and move.currency_id == case.currency
                and case.currency.compare_amounts(
                    left.get(move, move.amount_residual), 0
                )
                > 0
                and (not payer or move.partner_id.healthcare_payer_code == payer)
            )
        )

    # -- documents --------------------------------------------------------------

    @api.model
    def _post_payments(self, cases):
        """Create, post and reconcile all payments, each step at once."""
        if not cases:
            return
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.env.company.id)], limit=1
        )
        payments = self.env["account.payment"].create(
            [self._payment_values(case, bank) for case in cases]
        )
        payments.action_post()
        plan = []
        for case, payment in zip(cases, payments, strict=True):
            case.payment = payment
            moves = payment.move_id.union(*(move for move, _amount in case.targets))
            account = payment.destination_account_id
            plan.append(
                moves.line_ids.filtered(
                    lambda line, account=account: (
                        line.account_id == account and not line.reconciled
                    )
                )
            )
        self.env["account.move.line"]._reconcile_plan(plan)
        self._tell(cases)

    @api.model
    def _payment_values(self, case, bank):
        move = case.targets[0][0]
        facility = case.event.facility_id
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": move.commercial_partner_id.id,
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
        invoices = {}
        for case in cases:
            moves = self.env["account.move"].union(*(m for m, _amount in case.targets))
            case.event._link(case.payment, moves)
            for move in moves:
                invoices[move] = case.event
            for move in moves:
                if move.payment_state in OPEN:
                    self._note_partial(case, move)
                else:
                    case.event._resolve_issues(f"partial/{move.id}")
            if rest := case.rest():
                case.event._raise_issue(
                    "payment_mismatch",
                    self.env._("%s of this payment is for nothing known.", money(rest)),
                    f"rest/{case.payment.id}",
                    patient_id=moves[:1].healthcare_patient_id.id,
                    res_model=case.payment._name,
                    res_id=case.payment.id,
                    amount_at_risk=rest,
                )
        self._emit_payments({case.payment: case.event for case in cases})
        self.env["account.move"]._emit_healthcare_invoices(invoices)

    @api.model
    def _note_partial(self, case, move):
        case.event._raise_issue(
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
    def _emit_payments(self, events):
        """Tell of payments; ``events`` is ``{account.payment: event}``."""
        self.env["healthcare.fact"]._emit(
            "payment",
            [
                {
                    "document": payment,
                    "event": event,
                    "facility": payment.healthcare_facility_id,
                    "patient": payment.reconciled_invoice_ids[:1].healthcare_patient_id,
                    "values": {
                        "state": payment.state,
                        "date": payment.date.isoformat(),
                        "payer_type": event._content()["payment"]["payer_type"],
                        "payer": payment.partner_id.healthcare_payer_code or None,
                        "currency": payment.currency_id.name,
                        "amount": money(payment.amount),
                    },
                }
                for payment, event in events.items()
            ],
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
                undone[payment] = event
                invoices.update(dict.fromkeys(payment.reconciled_invoice_ids, event))
                event._link(payment, payment.reconciled_invoice_ids)
        if not undone:
            return
        payments = self.env["account.payment"].concat(*undone)
        payments.move_id.line_ids.remove_move_reconcile()
        payments.action_draft()
        payments.action_cancel()
        for payment, event in undone.items():
            event._resolve_issues(f"rest/{payment.id}")
        for move, event in invoices.items():
            event._resolve_issues(f"partial/{move.id}")
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
        self.targets = []  # (invoice, amount)
        self.payment = None

    def park(self, reason, cause=None, **values):
        self.parked = True
        self.event._park(
            "payment_mismatch", reason, cause=cause, amount=self.amount, **values
        )

    def rest(self):
        """Return what of the payment is not allocated."""
        return self.currency.round(
            self.amount - sum(amount for _move, amount in self.targets)
        )


def _fit(currency, pool, amount, left):
    """Return the invoices that add up to an amount, as ``[(invoice, amount)]``.

    One invoice of exactly this amount comes first, then all that are open, then the
    oldest ones.
    """
    residuals = [(move, left.get(move, move.amount_residual)) for move in pool]
    for move, residual in residuals:
        if not currency.compare_amounts(residual, amount):
            return [(move, residual)]
    total = sum(residual for _move, residual in residuals)
    if residuals and not currency.compare_amounts(total, amount):
        return residuals
    chosen, sum_ = [], 0.0
    for move, residual in residuals:
        chosen.append((move, residual))
        sum_ += residual
        if not currency.compare_amounts(sum_, amount):
            return chosen
    return None
