from odoo import models


class HealthcareClaimWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.claim"
    _inherit = "healthcare.workflow"
    _description = "Claim"
