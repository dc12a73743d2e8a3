from odoo import fields, models


class IrCron(models.Model):
    _inherit = "ir.cron"

    healthcare_shard = fields.Integer(
        string="Healthcare Shard",
        help="Number of the processing shard this job runs, counted from one.",
    )
