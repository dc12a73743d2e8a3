from odoo import api, fields, models

from ..values import money


class AccountPayment(models.Model):
    _inherit = "account.payment"

    healthcare_facility_id = fields.Many2one(
        "healthcare.facility", string="Facility", copy=False
    )
    healthcare_payment_ref = fields.Char(
        string="Payment Number", copy=False, help="The number of the sending system."
    )
    healthcare_payment_key = fields.Char(copy=False, help="Keyed hash of the number.")

    _healthcare_payment_unique = models.UniqueIndex(
        "(healthcare_payment_key) WHERE healthcare_payment_key IS NOT NULL",
        "This payment is recorded already.",
    )

    @api.model
    def _emit_healthcare_payments(self, told):
        """Tell of payments.

        :param told: ``{payment: {"event", "patient", "payer_type", "facility"?}}``
        """
        self.env["healthcare.fact"]._emit(
            "payment",
            [
                {
                    "document": payment,
                    "event": told[payment]["event"],
                    "facility": told[payment].get("facility")
                    or payment.healthcare_facility_id,
                    "patient": told[payment]["patient"],
                    "values": payment._healthcare_fact(told[payment]["payer_type"]),
                }
                for payment in self.browse().concat(*told)
            ],
        )

    def _healthcare_fact(self, payer_type):
        """Return the columns of the fact that tells of a payment."""
        self.ensure_one()
        return {
            "state": self.state,
            "date": self.date.isoformat(),
            "payer_type": payer_type,
            "payer": self.partner_id.healthcare_payer_code or None,
            "currency": self.currency_id.name,
            "amount": money(self.amount),
            "posting_days": self._healthcare_posting_days(),
            "claim_key": f"claim:{self.healthcare_claim_id.id}"
            if self.healthcare_claim_id
            else None,
        }
