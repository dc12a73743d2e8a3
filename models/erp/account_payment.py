from odoo import fields, models


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
