from odoo import fields, models


class IrCron(models.Model):
    _inherit = "ir.cron"

    healthcare_shard = fields.Integer(
        help="Number of the processing shard this job runs, counted from one.",
    )
