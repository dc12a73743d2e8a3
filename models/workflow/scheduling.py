from odoo import models


class HealthcareSchedulingWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.scheduling"
    _inherit = "healthcare.workflow"
    _description = "Scheduling"
