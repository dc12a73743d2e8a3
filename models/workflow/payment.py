from odoo import models


class HealthcarePaymentWorkflow(models.AbstractModel):
    _name = "healthcare.workflow.payment"
    _inherit = "healthcare.workflow"
    _description = "Payment"
