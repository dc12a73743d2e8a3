from odoo import models


class HealthcareTarget(models.Model):
    _name = "healthcare.target"
    _inherit = ["healthcare.target", "healthcare.pausable"]
    _pause_scope = "target"
    _pause_scopes = ("target",)
