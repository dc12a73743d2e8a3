from odoo import fields, models


class StockPicking(models.Model):
    _inherit = "stock.picking"

    healthcare_appointment_id = fields.Many2one(
        "healthcare.appointment",
        string="Appointment",
        copy=False,
        index="btree_not_null",
    )
    healthcare_completion_id = fields.Many2one(
        "healthcare.completion",
        string="Completed Service",
        copy=False,
        index="btree_not_null",
    )
