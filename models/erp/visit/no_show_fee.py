"""What a patient pays who does not come, where a facility asks for it."""

from odoo import fields, models


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    currency_id = fields.Many2one(related="company_id.currency_id")
    no_show_fee = fields.Monetary(
        string="No-Show Fee",
        help="Billed to patients who do not come. Zero: nothing is billed.",
    )
    no_show_product_id = fields.Many2one(
        "product.product",
        string="Billed As",
        domain="[('type', '=', 'service')]",
        check_company=True,
        help="The service the fee is invoiced as: its account and taxes count.",
    )

    _no_show_fee_positive = models.Constraint(
        "CHECK(no_show_fee IS NULL OR no_show_fee >= 0)",
        "The no-show fee cannot be negative.",
    )
    _no_show_product_named = models.Constraint(
        "CHECK(coalesce(no_show_fee, 0) = 0 OR no_show_product_id IS NOT NULL)",
        "Choose the service that the no-show fee is billed as.",
    )


class HealthcareAppointment(models.Model):
    _inherit = "healthcare.appointment"

    fee_invoice_ids = fields.One2many(
        "account.move", "healthcare_fee_appointment_id", string="No-Show Fees"
    )


class AccountMove(models.Model):
    _inherit = "account.move"

    healthcare_fee_appointment_id = fields.Many2one(
        "healthcare.appointment",
        string="No-Show Of",
        copy=False,
        readonly=True,
        index="btree_not_null",
    )
    healthcare_fee_dropped = fields.Boolean(
        copy=False,
        readonly=True,
        help="The patient came or had cancelled after all; the fee was credited.",
    )

    # Once per visit, whatever two workers do at the same moment.
    _healthcare_fee_unique = models.UniqueIndex(
        "(healthcare_fee_appointment_id) "
        "WHERE healthcare_fee_appointment_id IS NOT NULL "
        "AND move_type = 'out_invoice' AND state != 'cancel' "
        "AND healthcare_fee_dropped IS NOT TRUE",
        "The fee of this appointment is invoiced already.",
    )
