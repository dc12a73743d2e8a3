from odoo import models


class HealthcareServiceWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.service"
    _inherit = "healthcare.workflow"
    _description = "Service"
