from odoo import fields, models


class AccountMove(models.Model):
    _inherit = "account.move"

    healthcare_patient_id = fields.Many2one(
        "res.partner", string="Patient", copy=False, index="btree_not_null"
    )
    healthcare_facility_id = fields.Many2one(
        "healthcare.facility", string="Facility", copy=False
    )
    healthcare_completion_id = fields.Many2one(
        "healthcare.completion",
        string="Completed Service",
        copy=False,
        index="btree_not_null",
    )
    healthcare_responsible = fields.Selection(
        [("payer", "Payer"), ("patient", "Patient")], copy=False
    )

    _healthcare_completion_unique = models.UniqueIndex(
        "(healthcare_completion_id, healthcare_responsible) "
        "WHERE healthcare_completion_id IS NOT NULL "
        "AND move_type = 'out_invoice' AND state != 'cancel'",
        "This service is invoiced already.",
    )
