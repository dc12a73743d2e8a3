"""Looking for what money may be for, for many exceptions at once."""

import re

from odoo import api, models
from odoo.fields import Domain

from ....core.matching import payment_fit
from ..values import day

OPEN = ("not_paid", "partial")
MOST_INVOICES = 500


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _write_exceptions(self, events, run, parked, exhausted):
        result = super()._write_exceptions(events, run, parked, exhausted)
        said = [error.category for error in parked.values()]
        said += [issue["category"] for issue in run.issues.values()]
        if "payment_mismatch" in said:
            self.env["healthcare.exception"].search(
                [
                    ("event_id", "in", events.ids),
                    ("category", "=", "payment_mismatch"),
                    ("state", "in", ("open", "assigned")),
                ]
            )._suggest()
        return result


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _suggest(self):
        """Suggest anew what the money of these exceptions may be for."""
        issues = self.filtered("holds_money")
        self.suggestion_ids.unlink()
        for company, group in issues.grouped("company_id").items():
            group._suggest_within(company or self.env.company)

    def _suggest_within(self, company):
        wanted = self._money_wanted()
        invoices = self._open_candidates(company, wanted.values())
        by_currency = invoices.grouped("currency_id")
        rows = []
        for issue, (one, currency) in wanted.items():
            moves = by_currency.get(currency, invoices.browse())
            known = {move.id: move for move in moves}
            fits = payment_fit.rank(
                one, [_invoice(move, currency) for move in moves if move.invoice_date]
            )
            for fit in fits:
                shares = [
                    (move_id, f"{cents * currency.rounding:.2f}")
                    for move_id, cents in fit.shares
                ]
                rows.append(
                    {
                        "exception_id": issue.id,
                        "score": fit.score,
                        "invoices": ", ".join(
                            known[i].name for i, _cents in fit.shares
                        ),
                        "reason": self._words_of(fit.reasons),
                        "currency_id": currency.id,
                        "amount": sum(float(share) for _id, share in shares),
                        "shares": shares,
                    }
                )
        self.env["healthcare.payment.suggestion"].create(rows)

    # -- what is known of the money ---------------------------------------------

    def _money_wanted(self):
        """Return ``{exception: (what is known of its money, currency)}``."""
        parked = self.filtered("blocks_event")
        result = parked._parked_money() if parked else {}
        for issue in self - parked:
            result[issue] = issue._resting_money()
        return result

    def _parked_money(self):
        """Return the same of payments that wait as events."""
        workflow = self.env["healthcare.workflow"]
        ordering = self.env["healthcare.ordering"]
        contents = {issue: issue.event_id._content() for issue in self}
        keys, accounts = {}, set()
        for issue, data in contents.items():
            named = [
                ordering._account_key(one["account_number"])
                for one in data.get("allocations") or ()
                if one.get("account_number")
            ]
            accounts.update(named)
            keys[issue] = [*workflow._patient_keys(data), *named]
        patients = workflow._patients_by_subject(
            {key for ones in keys.values() for key in ones}
        )
        for partner in self.env["res.partner"].search(
            [("healthcare_account_key", "in", list(accounts))]
        ):
            patients[partner.healthcare_account_key] = partner
        payments = {issue: data["payment"] for issue, data in contents.items()}
        payers = workflow._payers_by_code(
            (paid.get("payer") or {}).get("code") for paid in payments.values()
        )
        currencies = self.env["res.currency"].search(
            [("name", "in", [paid["currency"] for paid in payments.values()])]
        )
        by_name = {currency.name: currency for currency in currencies}
        result = {}
        for issue, paid in payments.items():
            if currency := by_name.get(paid["currency"]):
                mine = [patients[key] for key in keys[issue] if key in patients]
                payer = payers.get((paid.get("payer") or {}).get("code"))
                numbers = [
                    one.get("invoice") for one in contents[issue].get("allocations", ())
                ]
                known = payment_fit.Wanted(
                    round(float(paid["amount"]) / currency.rounding),
                    day(paid["paid_at"]),
                    tuple(filter(None, [*numbers, paid.get("reference")])),
                    (mine[0] if mine else issue.patient_id).id,
                    payer.id if payer else None,
                    paid["payer_type"],
                )
                result[issue] = (known, currency)
        return result

    def _resting_money(self):
        """Return the same of what is left of a payment that was posted."""
        payment = self._resting_payment()
        owner, currency = payment.partner_id.commercial_partner_id, payment.currency_id
        left = -sum(payment._healthcare_credit().mapped("amount_residual_currency"))
        is_payer = owner.healthcare_is_payer
        known = payment_fit.Wanted(
            round(left / currency.rounding),
            payment.date,
            (payment.memo,) if payment.memo else (),
            (self.patient_id if is_payer else owner).id,
            owner.id if is_payer else None,
            None,
        )
        return known, currency

    # -- what it may be for -----------------------------------------------------

    @api.model
    def _open_candidates(self, company, wanted):
        """Return open invoices that could be meant, for all payments in two queries."""
        wanted = list(wanted)
        patients = {one.patient for one, _currency in wanted} - {None, False}
        amounts = {
            currency.round(one.amount * currency.rounding) for one, currency in wanted
        }
        numbers = {
            number
            for one, _currency in wanted
            for number in _sequence_numbers(one.numbers)
        }
        base = Domain(
            [
                ("company_id", "=", company.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("payment_state", "in", OPEN),
                ("healthcare_patient_id", "!=", False),
            ]
        )
        near = Domain.OR(
            [
                Domain("healthcare_patient_id", "in", list(patients)),
                Domain("amount_residual", "in", list(amounts)),
                Domain("sequence_number", "in", list(numbers)),
            ]
        )
        moves = self.env["account.move"]
        order = "invoice_date desc, id desc"
        found = moves.search(base & near, order=order, limit=MOST_INVOICES)
        if payers := [one.payer for one, _currency in wanted if one.payer]:
            of_payers = base & Domain("partner_id", "in", payers)
            found |= moves.search(of_payers, order=order, limit=MOST_INVOICES)
        return found

    @api.model
    def _words_of(self, reasons):
        words = []
        for kind, value in reasons:
            if kind == "days" and value > 0:
                words.append(self.env._("issued %s days before the payment", value))
            elif kind == "days" and value < 0:
                words.append(self.env._("issued %s days after the payment", -value))
            elif kind == "days":
                words.append(self.env._("issued on the day of the payment"))
            elif kind == "sum":
                words.append(self.env._("%s invoices that add up to it", value))
            elif kind == "side" and value == "patient":
                words.append(self.env._("but the patient owes it"))
            elif kind == "side":
                words.append(self.env._("but the payer owes it"))
            else:
                words.append(
                    {
                        "number": self.env._("same number, written differently"),
                        "typo": self.env._("a number one slip away"),
                        "amount": self.env._("same amount"),
                        "part": self.env._("pays a part of it"),
                        "rest": self.env._("less is open, the rest stays as a credit"),
                        "patient": self.env._("same patient"),
                        "payer": self.env._("same payer"),
                    }[kind]
                )
        text = ", ".join(words)
        return text[:1].upper() + text[1:]


def _invoice(move, currency):
    return payment_fit.Invoice(
        move.id,
        move.name,
        round(move.amount_residual / currency.rounding),
        move.invoice_date,
        move.healthcare_patient_id.id,
        move.commercial_partner_id.id,
        move.healthcare_responsible or None,
    )


def _sequence_numbers(texts):
    """Return what the running number of an invoice may be, slips included."""
    numbers = set()
    for text in texts:
        digits = re.findall(r"\d+", text)
        if not digits or len(digits[-1]) > 9:
            continue
        last = digits[-1]
        numbers.add(int(last))
        for i in range(len(last) - 1):
            numbers.add(int(last[:i] + last[i + 1] + last[i] + last[i + 2 :]))
        for i, digit in enumerate(last):
            for other in "0123456789":
                if other != digit and len(last) <= 6:
                    numbers.add(int(last[:i] + other + last[i + 1 :]))
    return numbers
