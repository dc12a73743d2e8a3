"""Payers that do not pay within their terms."""

from odoo import api, fields, models

OPEN = ("not_paid", "partial")


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _cron_healthcare_delayed_payments(self):
        """Open an exception per invoice a payer should have paid; close what is paid.

        The due date is that of the invoice, which follows the payer's payment terms.
        """
        today = fields.Date.context_today(self)
        late = self.search(
            [
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("healthcare_responsible", "=", "payer"),
                ("payment_state", "in", OPEN),
                ("invoice_date_due", "<", today),
            ]
        )
        issues = self.env["healthcare.exception"]
        claims = {
            claim.move_id: claim
            for claim in self.env["healthcare.claim"].search(
                [("move_id", "in", late.ids)]
            )
        }
        issues._open_or_update(
            [late_one._delayed_values(claims.get(late_one)) for late_one in late]
        )
        issues.search(
            [
                ("state", "in", ("open", "assigned")),
                "|",
                ("category", "=", "delayed_payment"),
                ("fingerprint", "=like", "claim-denied/%"),
            ]
        )._recheck()

    def _delayed_values(self, claim):
        self.ensure_one()
        document = claim or self
        return {
            "fingerprint": f"delayed/{self.id}",
            "category": "delayed_payment",
            "reason": self.env._(
                "The payer should have paid invoice %(invoice)s by %(date)s.",
                invoice=self.name,
                date=self.invoice_date_due.isoformat(),
            ),
            "cause_key": f"paid/{self.id}",
            "facility_id": self.healthcare_facility_id.id,
            "company_id": self.company_id.id,
            "currency_id": self.company_id.currency_id.id,
            "patient_id": self.healthcare_patient_id.id,
            "payer_id": self.partner_id.id,
            "res_model": document._name,
            "res_id": document.id,
            "amount_at_risk": self.amount_residual_signed,
        }

    def _invoice_paid_hook(self):
        result = super()._invoice_paid_hook()
        bills = self.filtered(lambda move: move.healthcare_responsible == "payer")
        if bills:
            # Stands in for the system: whoever books the money closes what waited.
            system = self.env(su=True)
            claims = system["healthcare.claim"].search([("move_id", "in", bills.ids)])
            system["healthcare.exception"].search(
                [
                    (
                        "fingerprint",
                        "in",
                        [f"delayed/{bill.id}" for bill in bills]
                        + [f"claim-denied/{claim.subject}" for claim in claims],
                    ),
                    ("state", "in", ("open", "assigned")),
                ]
            )._recheck()
        return result


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _recheck_delayed_payment(self):
        """The invoice is paid, or is not owed any more."""
        # Stands in for the system: who looks at an exception need not see invoices.
        moves = self.env["account.move"].sudo()
        by_id = {int(one.fingerprint.partition("/")[2]): one for one in self}
        owed = (
            moves.browse(by_id)
            .exists()
            .filtered(
                lambda move: move.state == "posted" and move.payment_state in OPEN
            )
        )
        return self.filtered(
            lambda one: int(one.fingerprint.partition("/")[2]) not in owed._ids
        )
