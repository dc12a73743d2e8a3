"""Which invoices a payment is for: by number, claim, account or patient, and amount."""

from odoo import api, models

from ..erp.values import money

OPEN = ("not_paid", "partial")


class HealthcarePaymentMatching(models.AbstractModel):
    _inherit = "healthcare.workflow.payment"

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
                named = invoices.get(allocation.get("invoice"))
                if allocation.get("claim_id"):
                    allocation["claim"] = claims.get(allocation["key"])
                    named = allocation["claim"] and allocation["claim"].move_id
                elif not allocation.get("invoice"):
                    named = self._named_by_reference(case, allocation, invoices)
                allocation["named"] = (
                    named if named and named.state == "posted" else None
                )
                allocation["pool"] = pools.get(allocation["key"])
        self._find_owners([case for case in cases if case.on_account])

    @api.model
    def _named_by_reference(self, case, allocation, invoices):
        """Return the invoice whose number was given as the payment's reference."""
        invoice = invoices.get(case.data["payment"].get("reference"))
        if not invoice or len(case.allocations) > 1:
            return None
        patient = allocation.get("patient")
        if allocation["key"] and invoice.healthcare_patient_id != patient:
            return None  # it names a patient, and this is another's number
        return invoice

    @api.model
    def _find_owners(self, cases):
        """Set ``case.owner``, whose credit money becomes that a person put on account.

        That is the payer it names, or the patient, as the person chose.
        """
        if not cases:
            return
        keys = {case: self._patient_keys(case.data) for case in cases}
        patients = self._patients_by_subject(
            key for ones in keys.values() for key in ones
        )
        payers = self._payers_by_code(
            (case.data["payment"].get("payer") or {}).get("code") for case in cases
        )
        for case in cases:
            if case.on_account == "payer":
                payer = case.data["payment"].get("payer") or {}
                case.owner = payers.get(payer.get("code"))
            else:
                found = [patients[key] for key in keys[case] if key in patients]
                case.owner = found[0] if found else None

    @api.model
    def _invoices_by_number(self, cases):
        numbers = {
            allocation["invoice"]
            for case in cases
            for allocation in case.allocations
            if allocation.get("invoice")
        }
        numbers |= {case.data["payment"].get("reference") for case in cases}
        numbers.discard(None)
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
        claims = self.env["healthcare.claim"].search(
            [
                ("subject", "in", list(keys)),
                ("company_id", "=", self.env.company.id),
            ]
        )
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
        for case in cases:
            for allocation in case.allocations:
                allocation["patient"] = next(
                    iter(patients.get(allocation["key"], ())), None
                )
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

        Sets ``case.partner``, whose account it is, and ``case.targets``.

        :param left: ``{invoice: residual}`` after the payments matched before
        """
        if case.on_account:
            self._match_on_account(case)
            return
        open_now, targets = dict(left), {}
        for allocation in case.allocations:
            found = self._find_targets(case, allocation, open_now)
            if found is None:
                return
            for move, amount in found:
                targets[move] = targets.get(move, 0.0) + amount
                open_now[move] = open_now.get(move, move.amount_residual) - amount
        partners = {move.commercial_partner_id for move in targets}
        if len(partners) > 1:
            case.park(
                self.env._("One payment cannot be for invoices of several payers.")
            )
            return
        left.update(open_now)
        case.partner = next(iter(partners))
        case.targets = [
            (move, case.currency.round(amount))
            for move, amount in targets.items()
            if not case.currency.is_zero(amount)
        ]

    @api.model
    def _match_on_account(self, case):
        """Keep money as a credit of who paid, as a person decided."""
        if case.owner:
            case.partner = case.owner
        else:
            case.park(self.env._("Whose account this money belongs to is not known."))

    @api.model
    def _find_targets(self, case, allocation, left):
        """Return ``[(invoice, amount)]`` of one allocation; park when there is none.

        An amount is never above what is open: the rest stays as a credit.
        """
        amount, key = allocation["value"], allocation["key"]
        named = allocation["named"]
        if named:
            return self._target_named(case, allocation, left)
        if allocation.get("invoice") or allocation.get("claim_id"):
            case.park(
                self.env._("The invoice this payment names is not known."), cause=key
            )
            return None
        if key is None:
            reference = case.data["payment"].get("reference")
            case.park(
                self.env._("The payment does not say what it is for."),
                cause=f"invoice/{reference}" if reference else None,
            )
            return None
        pool = self._pool(case, allocation["pool"], left)
        if targets := _fit(case.currency, pool, amount, left):
            return targets
        open_amount = sum(left.get(move, move.amount_residual) for move in pool)
        patient = allocation.get("patient")
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
            patient_id=patient.id if patient else False,
        )
        return None

    @api.model
    def _target_named(self, case, allocation, left):
        move, amount = allocation["named"], allocation["value"]
        residual = left.get(move, move.amount_residual)
        over = case.currency.compare_amounts(amount, residual) > 0
        if move.currency_id != case.currency:
            reason = self.env._("The payment is in another currency than the invoice.")
        elif over and allocation.get("remitted"):
            # What a remittance has booked must not be booked once more.
            reason = self.env._(
                "More was paid than is open on the invoice, for which a remittance "
                "has booked a payment already."
            )
        else:
            case.over = case.over or over
            return [(move, residual if over else amount)]
        case.park(
            reason,
            cause=allocation["key"],
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
