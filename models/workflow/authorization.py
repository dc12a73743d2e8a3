from odoo import models


class HealthcareAuthorizationWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.authorization"
    _inherit = "healthcare.workflow"
    _description = "Authorization"
