from odoo import fields, models


class HealthcareServiceLine(models.Model):
    _name = "healthcare.service.line"
    _description = "Service Line"
    _order = "name"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    active = fields.Boolean(default=True)
    analytic_account_id = fields.Many2one("account.analytic.account")

    _code_unique = models.Constraint(
        "UNIQUE(code)", "Another service line already has this code."
    )
