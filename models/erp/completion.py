"""A service that was performed: the pivot between care, stock and billing."""

from odoo import fields, models


class HealthcareCompletion(models.Model):
    """One performed service. Unique, so that nothing is billed or consumed twice."""

    _name = "healthcare.completion"
    _description = "Completed Service"
    _order = "performed_at desc, id desc"
    _rec_name = "identifier"

    identifier = fields.Char(string="Service Number", required=True, readonly=True)
    key = fields.Char(required=True, readonly=True, help="Keyed hash of the number.")
    facility_id = fields.Many2one("healthcare.facility", required=True, readonly=True)
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    patient_id = fields.Many2one(
        "res.partner", required=True, readonly=True, index=True
    )
    payer_id = fields.Many2one("res.partner", readonly=True)
    appointment_id = fields.Many2one(
        "healthcare.appointment", readonly=True, index="btree_not_null"
    )
    order_id = fields.Many2one("sale.order", readonly=True)
    performed_at = fields.Datetime(required=True, readonly=True)
    provider = fields.Char(readonly=True)
    invoice_ids = fields.One2many("account.move", "healthcare_completion_id")
    picking_ids = fields.One2many("stock.picking", "healthcare_completion_id")
    amount_total = fields.Monetary(string="Charged", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")

    _key_unique = models.UniqueIndex("(key)", "This service was completed already.")
