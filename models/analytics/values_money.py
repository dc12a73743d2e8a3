"""What facts say of invoices, payments and claims."""

from odoo import models

from ..erp.values import money
from .values_access import iso, span

CONTRACTUAL = ("CO", "45")  # charge exceeds the contracted fee


class AccountMove(models.Model):
    _inherit = "account.move"

    # Recordsets are walked here, not joined or sliced: that keeps what is read for all
    # of them at once.

    def _healthcare_revenue_lines(self):
        """Return a list of the posted lines that are revenue, of credit notes too."""
        lines = {}
        for moves in (self, self.reversal_move_ids):
            for move in moves:
                for line in move.invoice_line_ids if move.state == "posted" else ():
                    if line.account_id.internal_group == "income":
                        lines[line.id] = line
        return list(lines.values())

    def _healthcare_fact_line(self):
        """Return the service line of an invoice, that of its first charge."""
        self.ensure_one()
        completion = (
            self.healthcare_completion_id
            or self.healthcare_claim_id.move_id.healthcare_completion_id
        )
        lines = completion.line_ids
        return next(iter(lines), lines).service_id.service_line_id

    def _healthcare_fact_figures(self):
        """Return the columns of an invoice that need its lines or credit notes."""
        self.ensure_one()
        notes = self.reversal_move_ids.filtered(lambda note: note.state == "posted")
        lines = self._healthcare_revenue_lines()
        completion, claim = self.healthcare_completion_id, self.healthcare_claim_id
        if self.healthcare_claim_role == "patient":
            purpose = "patient_share"
        else:
            purpose = "no_show" if self.healthcare_fee_appointment_id else "service"
        return {
            "amount_untaxed": money(self.amount_untaxed),
            "amount_credited": money(sum(notes.mapped("amount_total"))),
            "amount_revenue": money(-sum(line.balance for line in lines)),
            "due_date": self.invoice_date_due.isoformat()
            if self.invoice_date_due
            else None,
            "service_key": f"service:{completion.id}" if completion else None,
            "claim_key": f"claim:{claim.id}" if claim else None,
            "purpose": purpose,
        }


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def _healthcare_posting_days(self):
        """Return the days from the date of a payment until it was recorded."""
        self.ensure_one()
        return (self.create_date.date() - self.date).days


class HealthcareClaim(models.Model):
    _inherit = "healthcare.claim"

    def _fact_line(self):
        """Return the service line whose revenue the adjustments of claims lessen."""
        return self.move_id._healthcare_fact_line() if self.move_id else None

    def _fact_values(self):
        """Return the columns of the fact that tells of a claim."""
        self.ensure_one()
        moment_of = self.env["healthcare.fact"]._moment_of
        submitted = moment_of((self.submitted_mark or "").split("/")[1:2])
        decided = moment_of((self.decided_mark or "").split("/")[1:2])
        answered = submitted and decided and submitted <= decided
        lines = self.adjustment_ids
        denied = self.state == "denied"
        off = lines.filtered(lambda line: line.group != "PR") if not denied else []
        contract = [
            line.amount for line in off if (line.group, line.reason) == CONTRACTUAL
        ]
        reasons = ",".join(
            dict.fromkeys(f"{line.group}-{line.reason}" for line in lines)
        )
        return {
            "state": self.state,
            "payer": self.payer_id.healthcare_payer_code or None,
            "amount_charged": money(self.charged),
            "amount_paid": money(self.paid),
            "patient_responsibility": money(self.patient_responsibility),
            "amount_adjusted": money(sum(line.amount for line in off)),
            "amount_contractual": money(sum(contract)),
            "amount_denied": money(self.charged if denied else 0.0),
            "denial_reason": (reasons or None) if denied else None,
            "adjustment_reasons": reasons or None,
            "remarks": ",".join(self._remark_codes()) or None,
            "submitted_at": iso(submitted),
            "adjudicated_at": iso(decided),
            "decision_days": span(submitted, decided, 86400) if answered else None,
            "invoice_key": f"invoice:{self.move_id.id}" if self.move_id else None,
            "currency": self.currency_id.name,
        }
