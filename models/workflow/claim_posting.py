"""How the decision of a payer is booked, and how it is taken back.

For a claim of 800.00 of which the payer pays 600.00, writes 150.00 off by contract and
leaves 50.00 to the patient:

====================================  =======================  ======  ======
document                              account                  debit   credit
====================================  =======================  ======  ======
payment of the payer                  outstanding receipts     600.00
                                      receivable (payer)               600.00
entry of adjustments                  contractual adjustments  150.00
                                      patient transfer          50.00
                                      receivable (payer)               200.00
invoice to the patient                receivable (patient)      50.00
                                      patient transfer                  50.00
====================================  =======================  ======  ======

The payer's invoice is settled, the patient has an invoice of its own that can be sent,
paid and shown, the transfer account is zero again, and the revenue stays counted once:
in the payer's invoice, whose analytic distribution it keeps.
"""

from odoo import Command, api, models

ADJUSTED = ("CO", "OA", "PI")


class HealthcareClaimPosting(models.AbstractModel):
    _name = "healthcare.workflow.claim.posting"
    _inherit = "healthcare.workflow"
    _description = "Booking of Claims"

    # -- before -----------------------------------------------------------------

    @api.model
    def _check_accounts(self, cases):
        """Park what cannot be booked because an account is not configured."""
        company = self.env.company
        for case in cases:
            wanted = {group for group, _reason, amount in case.lines if amount}
            missing = [
                group
                for group in ADJUSTED
                if group in wanted and not company._healthcare_claim_account(group)
            ]
            if "PR" in wanted and not company._healthcare_claim_account("transfer"):
                missing.append("PR")
            if missing:
                case.park(
                    "invoice_mismatch",
                    self.env._(
                        "No account is set for adjustments of group %s.",
                        ", ".join(missing),
                    ),
                    cause=f"claim-accounts/{company.id}",
                )

    # -- booking ----------------------------------------------------------------

    @api.model
    def _post(self, cases):
        """Book decisions in bulk: payments, adjustments, invoices to patients."""
        if not cases:
            return
        self._find_paid_already(cases)
        moves = self.env["account.move"]
        journal = self.env.company._healthcare_adjustment_journal()
        vals_list, owners = [], []
        for case in cases:
            if values := self._entry_values(case, journal):
                vals_list.append(values)
                owners.append((case, "entry"))
            if values := self._patient_invoice_values(case):
                vals_list.append(values)
                owners.append((case, "bill"))
        created = moves.create(vals_list)
        for (case, kind), move in zip(owners, created, strict=True):
            setattr(case, kind, move)
        created._post(soft=False)
        self._pay(cases)
        self._settle(cases)
        self._announce(cases)

    @api.model
    def _find_paid_already(self, cases):
        """Tie payments to claims that came before the decision of the payer."""
        for case in cases:
            case.entry = case.bill = self.env["account.move"]
            case.payments = self.env["account.payment"]
            case.to_pay = float(case.paid)
            move = case.move
            if move.currency_id.compare_amounts(
                move.amount_residual, move.amount_total
            ):
                earlier = move.reconciled_payment_ids.filtered(
                    lambda payment, payer=case.payer: (
                        payment.partner_id == payer and not payment.healthcare_claim_id
                    )
                )
                earlier.write({"healthcare_claim_id": case.claim.id})
                case.payments = earlier
                case.to_pay -= sum(earlier.mapped("amount"))
                if move.currency_id.compare_amounts(case.to_pay, 0.0) < 0:
                    case.event._raise_issue(
                        "payment_mismatch",
                        self.env._(
                            "The payer paid %s more than it decided to.",
                            f"{-case.to_pay:.2f}",
                        ),
                        f"claim-overpaid/{case.event.subject}",
                        **case.issue_values(-case.to_pay),
                    )

    @api.model
    def _receivable(self, move):
        return move.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )

    @api.model
    def _entry_values(self, case, journal):
        """Return the values of the entry that takes adjustments off the invoice."""
        company, move = self.env.company, case.move
        sums = {}
        for group, reason, amount in case.lines:
            if group != "PR":
                account = company._healthcare_claim_account(group)
                label = f"{group}-{reason}"
                sums[account, label] = sums.get((account, label), 0) + amount
        left = float(case.left_to_patient) - case.patient_share
        lines = [
            (account, label, float(amount)) for (account, label), amount in sums.items()
        ]
        if move.currency_id.compare_amounts(left, 0.0):
            lines.append((company._healthcare_claim_account("transfer"), "PR", left))
        lines = [
            (account, label, move.currency_id.round(amount))
            for account, label, amount in lines
        ]
        total = move.currency_id.round(sum(amount for *_rest, amount in lines))
        if not any(amount for *_rest, amount in lines):
            return None
        receivable = self._receivable(move)[:1].account_id
        date = case.event.occurred_at.date()
        lines = [
            self._line(case, account, label, amount, date)
            for account, label, amount in lines
        ]
        counterpart = self._line(case, receivable, case.claim.identifier, -total, date)
        counterpart["partner_id"] = move.commercial_partner_id.id
        counterpart["balance"] = -sum(line["balance"] for line in lines)
        return {
            "move_type": "entry",
            "journal_id": journal.id,
            "date": date,
            "ref": case.claim.identifier,
            "currency_id": move.currency_id.id,
            "healthcare_patient_id": case.patient.id,
            "healthcare_facility_id": case.claim.facility_id.id,
            "healthcare_claim_id": case.claim.id,
            "healthcare_claim_role": "adjustment",
            "line_ids": [Command.create(line) for line in [*lines, counterpart]],
        }

    @api.model
    def _line(self, case, account, label, amount, date):
        """Return a line of an entry.

        :param amount: debit if positive, in the invoice's currency
        """
        company, currency = self.env.company, case.move.currency_id
        balance = amount
        if currency != company.currency_id:
            balance = currency._convert(amount, company.currency_id, company, date)
        values = {
            "account_id": account.id,
            "name": label,
            "currency_id": currency.id,
            "amount_currency": amount,
            "balance": balance,
        }
        # What is written off lessens the revenue of who earned it.
        values["analytic_distribution"] = (
            case.move.invoice_line_ids[:1].analytic_distribution
            if account.internal_group in ("income", "expense")
            else False
        )
        return values

    @api.model
    def _patient_invoice_values(self, case):
        move = case.move
        left = float(case.left_to_patient) - case.patient_share
        if move.currency_id.compare_amounts(left, 0.0) <= 0:
            return None
        transfer = self.env.company._healthcare_claim_account("transfer")
        return {
            "move_type": "out_invoice",
            "journal_id": move.journal_id.id,
            "partner_id": case.patient.id,
            "invoice_date": case.event.occurred_at.date(),
            "invoice_origin": move.name,
            "invoice_user_id": False,
            "currency_id": move.currency_id.id,
            "healthcare_patient_id": case.patient.id,
            "healthcare_facility_id": case.claim.facility_id.id,
            "healthcare_responsible": "patient",
            "healthcare_claim_id": case.claim.id,
            "healthcare_claim_role": "patient",
            # With a copay billed at once, the service has a patient's invoice already.
            "healthcare_completion_id": False
            if case.patient_share
            else move.healthcare_completion_id.id,
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": self.env._("Your share of invoice %s", move.name),
                        "quantity": 1,
                        "price_unit": left,
                        "account_id": transfer.id,
                        "tax_ids": [Command.clear()],
                        "analytic_distribution": False,
                    }
                )
            ],
        }

    @api.model
    def _pay(self, cases):
        """Book the payments that remittances announce, all at once."""
        paying = [
            case
            for case in cases
            if case.move.currency_id.compare_amounts(case.to_pay, 0.0) > 0
        ]
        journals = {
            facility: facility.payment_journal_id or self._bank_journal()
            for facility in {case.claim.facility_id for case in paying}
        }
        payments = self.env["account.payment"].create(
            [
                {
                    "payment_type": "inbound",
                    "partner_type": "customer",
                    "partner_id": case.move.commercial_partner_id.id,
                    "amount": case.to_pay,
                    "currency_id": case.move.currency_id.id,
                    "date": case.event.occurred_at.date(),
                    "journal_id": journals[case.claim.facility_id].id,
                    "destination_account_id": self._receivable(case.move)[
                        :1
                    ].account_id.id,
                    "memo": case.data.get("remittance_id") or case.claim.identifier,
                    "healthcare_facility_id": case.claim.facility_id.id,
                    "healthcare_claim_id": case.claim.id,
                }
                for case in paying
            ]
        )
        payments.action_post()
        for case, payment in zip(paying, payments, strict=True):
            case.payments |= payment
        payments._emit_claim_payments(
            {
                payment: case.event
                for case, payment in zip(paying, payments, strict=True)
            }
        )
        for case, payment in zip(paying, payments, strict=True):
            case.event._link(payment)

    @api.model
    def _bank_journal(self):
        journals = self.env["account.journal"]
        return journals.search(
            [
                *journals._check_company_domain(self.env.company),
                ("type", "=", "bank"),
            ],
            limit=1,
        )

    @api.model
    def _settle(self, cases):
        """Reconcile invoices of payers with what was paid and written off."""
        plan = []
        for case in cases:
            lines = self._receivable(
                case.move | case.entry | case.payments.move_id
            ).filtered(lambda line: not line.reconciled)
            if len(lines.move_id) > 1:
                plan.append(lines)
        if plan:
            self.env["account.move.line"]._reconcile_plan(plan)

    @api.model
    def _announce(self, cases):
        """Link what was booked; let money that waited for the patient's bill go on."""
        told = {}
        for case in cases:
            case.event._link(case.entry | case.bill)
            told[case.move] = case.event
            if case.move.payment_state == "paid":
                # A payment that came before the decision paid only its part.
                case.event._resolve_issues(f"partial/{case.move.id}")
            if case.bill:
                told[case.bill] = case.event
                case.event._announce(f"invoice/{case.bill.name}")
            subjects = case.patient.healthcare_identifier_ids.mapped("subject")
            case.event._announce(
                f"invoice/{case.move.name}",
                case.patient.healthcare_account_key,
                *(f"patient-invoice/{subject}" for subject in subjects),
            )
            if number := case.data.get("remittance_id"):
                case.event._announce(case.claim._remittance_key(number))
        self.env["account.move"]._emit_healthcare_invoices(told)

    # -- taking back ------------------------------------------------------------

    @api.model
    def _reverse(self, cases):
        """Reverse what earlier decisions booked, entry by entry, all at once.

        What the patient paid meanwhile stays on the patient's account as a credit.
        """
        moves, values, told = self.env["account.move"], [], {}
        gone = self.env["account.payment"]
        for case in cases:
            payments = case.claim._live_payments()
            live = case.claim._live_entries()
            gone |= payments
            date = case.event.occurred_at.date()
            for move in live | payments.move_id:
                moves |= move
                values.append(
                    {
                        "date": date,
                        "invoice_date": date if move.is_invoice() else False,
                        "ref": self.env._("Taken back: %s", case.claim.identifier),
                        "healthcare_claim_id": case.claim.id,
                        "healthcare_patient_id": move.healthcare_patient_id.id,
                        "healthcare_facility_id": move.healthcare_facility_id.id,
                        "healthcare_responsible": move.healthcare_responsible,
                    }
                )
                if move.is_invoice():
                    told[move] = case.event
            told[case.claim.move_id] = case.event
        if not moves:
            return
        bills = moves.filtered("healthcare_completion_id")
        reversals = moves._reverse_moves(values, cancel=True)
        # The service may be billed to the patient again.
        bills.write({"healthcare_completion_id": False})
        gone.write({"state": "canceled"})
        by_claim = reversals.grouped("healthcare_claim_id")
        for case in cases:
            case.event._link(by_claim.get(case.claim, moves.browse()))
        gone._emit_claim_payments(
            {
                payment: case.event
                for case in cases
                for payment in gone
                if payment.healthcare_claim_id == case.claim
            }
        )
        self.env["account.move"]._emit_healthcare_invoices(told)

    # -- against the contract ---------------------------------------------------

    @api.model
    def _compare_contract(self, cases):
        """Point at payments below what the payer's own price list promises."""
        expected = self._expected(cases)
        for case in cases:
            wanted = expected.get(case)
            allowed = float(case.paid + case.left_to_patient)
            currency = case.move.currency_id
            if wanted is None or currency.compare_amounts(allowed, wanted) >= 0:
                case.event._resolve_issues(case.underpayment)
                continue
            case.event._raise_issue(
                "invoice_mismatch",
                self.env._(
                    "The payer allows %(allowed)s; its price list says %(expected)s. "
                    "The difference is %(difference)s.",
                    allowed=f"{allowed:.2f}",
                    expected=f"{wanted:.2f}",
                    difference=f"{wanted - allowed:.2f}",
                ),
                case.underpayment,
                **case.issue_values(wanted - allowed),
            )

    @api.model
    def _expected(self, cases):
        """Return ``{case: contract price of what was invoiced}`` where there is one."""
        wanted, result = {}, {}
        for case in cases:
            # A price list of the payer's own is a contract; a general one is not.
            pricelist = case.payer.specific_property_product_pricelist
            for line in case.move.invoice_line_ids if pricelist else ():
                if line.product_id:
                    key = (pricelist, line.quantity, case.move.invoice_date)
                    wanted.setdefault(key, []).append((case, line))
        for (pricelist, quantity, date), found in wanted.items():
            products = self.env["product.product"].concat(
                *{line.product_id for _case, line in found}
            )
            prices = pricelist._compute_price_rule(
                products, quantity, currency=found[0][0].move.currency_id, date=date
            )
            for case, line in found:
                price, rule = prices[line.product_id.id]
                if not rule:
                    price = line.price_unit
                result[case] = result.get(case, 0.0) + price * quantity
        return result
