from odoo import models

from .exception_wizard import MANY


class HealthcareRetryWizard(models.TransientModel):
    """Lets many events run again, or looks again whether their causes are gone."""

    _name = "healthcare.retry.wizard"
    _description = "Retry Exceptions"
    _inherit = ["healthcare.exception.wizard"]

    def action_retry(self):
        self.ensure_one()
        # What was refused at the door can only be corrected, one by one.
        ones = self._still_open().filtered(lambda one: not one.event_id.rejected)
        if len(ones) > MANY:
            return self._in_slices("retry", ones, self.env._("Retried"))
        if ones:
            ones.action_retry()
        return {"type": "ir.actions.act_window_close"}
