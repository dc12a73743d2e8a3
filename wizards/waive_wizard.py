from odoo import fields, models

from .exception_wizard import MANY


class HealthcareWaiveWizard(models.TransientModel):
    """Lets exceptions be, with a reason that stays on record."""

    _name = "healthcare.waive.wizard"
    _description = "Waive Exceptions"
    _inherit = ["healthcare.exception.wizard"]

    reason = fields.Char(required=True)

    def action_waive(self):
        self.ensure_one()
        if len(self.exception_ids) > MANY:
            return self._in_slices("waive", self._still_open(), self.reason)
        self.exception_ids._waive(self.reason)
        return {"type": "ir.actions.act_window_close"}
