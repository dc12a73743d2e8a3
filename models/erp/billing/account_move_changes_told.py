"""Hand-made changes of invoices and payments, told: facts, exceptions, waiting money.

What was told last is compared with what is so now. So a change that a workflow has told
already, or that was undone within the same transaction, is not told again.
"""

from odoo import api, models

from ....core import facts
from ..values import money

OPEN = ("not_paid", "partial")


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _healthcare_tell_changes(self, move_ids, payment_ids):
        """Tell of what has become of moves and payments, in bulk.

        :param move_ids: ids of invoices, entries of payments or any other moves
        """
        moves = self.browse(sorted(move_ids)).exists()
        payments = self.env["account.payment"]
        payments = payments.browse(sorted(payment_ids)).exists() | payments.search(
            [("move_id", "in", moves.ids)]
        )
        invoices = moves.filtered(lambda move: move._is_healthcare_invoice())
        last = self._healthcare_last_told(invoices, payments)
        self._healthcare_tell_invoices(invoices, last)
        payments._healthcare_tell_payments(last)
        self.env["healthcare.exception"]._recheck_money(move_ids, payments.ids)

    def _is_healthcare_invoice(self):
        self.ensure_one()
        return self.move_type == "out_invoice" and bool(
            self.healthcare_patient_id or self.healthcare_facility_id
        )

    @api.model
    def _healthcare_last_told(self, invoices, payments):
        """Return ``{record: its newest fact}``."""
        records = {
            (one._name, one.id): one for ones in (invoices, payments) for one in ones
        }
        told = self.env["healthcare.fact"]._latest(set(records)) if records else ()
        return {
            records[fact.res_model, fact.res_id]: fact
            for fact in told
            if fact.fact_type in ("invoice", "payment")
        }

    @api.model
    def _healthcare_tell_invoices(self, invoices, last):
        told, keys = {}, set()
        for move in invoices:
            fact = last.get(move)
            known = fact and fact.operation == "upsert"
            if move.state == "draft" and not known:
                continue  # nobody was told that it was issued
            if not _differs(fact, "invoice", move._healthcare_fact()):
                continue
            told[move] = None
            before = (fact.columns or {}).get("state") if known else None
            is_open = move.state == "posted" and move.payment_state in OPEN
            if is_open and before not in OPEN:
                keys.update(move._healthcare_keys())
        self._emit_healthcare_invoices(told)
        self.env["healthcare.exception"]._cause_gone(keys)


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def _healthcare_tell_payments(self, last):
        """Tell of payments for our invoices, whoever registered them."""
        told = {}
        for payment in self:
            fact = last.get(payment)
            invoice = payment.reconciled_invoice_ids.filtered(
                lambda move: move._is_healthcare_invoice()
            )[:1]
            if not fact and (not invoice or payment.state == "draft"):
                continue
            if invoice:
                facility = invoice.healthcare_facility_id
                patient = invoice.healthcare_patient_id
                side = invoice.healthcare_responsible
            else:
                facility, patient = fact.facility_id, fact.partner_id
                side = None
            side = (fact and (fact.columns or {}).get("payer_type")) or side
            if not side:
                side = "payer" if payment.partner_id.healthcare_is_payer else "patient"
            if _differs(fact, "payment", payment._healthcare_fact(side)):
                told[payment] = {
                    "event": None,
                    "patient": patient,
                    "payer_type": side,
                    "facility": facility,
                }
        self._emit_healthcare_payments(told)


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    @api.model
    def _recheck_money(self, move_ids, payment_ids):
        """Look again at open exceptions about invoices and payments that changed."""
        claims = self.env["healthcare.claim"].search(
            [("move_id", "in", list(move_ids))]
        )
        ids = {"partial": move_ids, "delayed": move_ids, "rest": payment_ids}
        fingerprints = [f"{kind}/{one}" for kind, ones in ids.items() for one in ones]
        fingerprints += [f"claim-denied/{claim.subject}" for claim in claims]
        issues = self.search(
            [
                ("fingerprint", "in", fingerprints),
                ("state", "in", ("open", "assigned")),
            ]
        )
        issues._recheck()
        issues.filtered("is_open")._refresh_money()

    def _refresh_money(self):
        """Say how much is open now, and what a rest may be for."""
        changed = self.browse()
        for issue in self:
            kind, _slash, number = issue.fingerprint.partition("/")
            if kind not in ("partial", "delayed", "rest") or not number.isdigit():
                continue
            if kind == "rest":
                payment = self.env["account.payment"].browse(int(number))
                amount = -sum(
                    payment._healthcare_credit().mapped("amount_residual_currency")
                )
                reason = self.env._(
                    "%s of this payment is for nothing known.", money(amount)
                )
            else:
                move = self.env["account.move"].browse(int(number))
                amount, reason = move.amount_residual, issue.reason
                if kind == "partial":
                    reason = self.env._(
                        "%(residual)s of invoice %(invoice)s is still open.",
                        residual=money(amount),
                        invoice=move.name,
                    )
            if issue.currency_id.compare_amounts(issue.amount_at_risk, amount):
                issue.write({"amount_at_risk": amount, "reason": reason})
                changed |= issue
        changed._suggest()

    def _recheck_payment_mismatch(self):
        """Part-paid invoices that are not owed any more; credits that are used up."""
        gone = super()._recheck_payment_mismatch()
        by_kind = {"partial": {}, "rest": {}}
        for issue in self - gone:
            kind, _slash, number = issue.fingerprint.partition("/")
            if kind in by_kind and number.isdigit():
                by_kind[kind][int(number)] = issue
        # Stands in for the system: who looks at an exception need not see money.
        system = self.env(su=True)
        moves = system["account.move"].browse(by_kind["partial"]).exists()
        owed = moves.filtered(lambda m: m.state == "posted" and m.payment_state in OPEN)
        payments = system["account.payment"].browse(by_kind["rest"]).exists()
        resting = payments.filtered(
            lambda one: one.state != "canceled" and one._healthcare_credit()
        )
        for number, issue in by_kind["partial"].items():
            if number not in owed._ids:
                gone |= issue
        for number, issue in by_kind["rest"].items():
            if number not in resting._ids:
                gone |= issue
        return gone

    def _recheck_claims(self):
        """A denial costs nothing once its invoice is cancelled."""
        gone = super()._recheck_claims()
        denials = (self - gone).filtered(
            lambda one: one.fingerprint.startswith("claim-denied/")
        )
        by_subject = {one.fingerprint.partition("/")[2]: one for one in denials}
        # Stands in for the system: who looks at an exception need not see claims.
        claims = (
            self.env["healthcare.claim"]
            .sudo()
            .search(
                [
                    ("subject", "in", list(by_subject)),
                    ("move_id.state", "=", "cancel"),
                ]
            )
        )
        for claim in claims:
            gone |= by_subject[claim.subject]
        return gone


def _differs(fact, fact_type, values):
    """Return whether values are news to who was told a fact."""
    if not fact or fact.operation != "upsert":
        return True
    told, _sealed = facts.split(fact_type, values)
    return any((fact.columns or {}).get(name) != value for name, value in told.items())
