"""A claim to a payer."""

from odoo import fields, models


class HealthcareClaim(models.Model):
    _name = "healthcare.claim"
    _description = "Claim"
    _order = "id desc"
    _rec_name = "identifier"

    identifier = fields.Char(string="Claim", required=True, readonly=True)
    subject = fields.Char(required=True, readonly=True)
    facility_id = fields.Many2one("healthcare.facility", required=True, readonly=True)
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    payer_id = fields.Many2one("res.partner", readonly=True)
    patient_id = fields.Many2one("res.partner", readonly=True)
    move_id = fields.Many2one(
        "account.move", string="Invoice", readonly=True, index="btree_not_null"
    )
    state = fields.Selection(
        [
            ("submitted", "Submitted"),
            ("adjudicated", "Adjudicated"),
            ("denied", "Denied"),
        ],
        required=True,
        default="submitted",
        readonly=True,
    )
    charged = fields.Monetary(readonly=True)
    paid = fields.Monetary(readonly=True)
    patient_responsibility = fields.Monetary(readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    remittance = fields.Char(readonly=True)
    known_at = fields.Datetime(readonly=True)

    _subject_unique = models.UniqueIndex("(subject)", "This claim exists already.")
