from odoo import models


class HealthcareCoverageWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.coverage"
    _inherit = "healthcare.workflow"
    _description = "Coverage"
