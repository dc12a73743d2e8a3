from odoo import api, fields, models

from .exception_wizard import MANY


class HealthcareWaiveWizard(models.TransientModel):
    """Lets exceptions be, with a reason that stays on record."""

    _name = "healthcare.waive.wizard"
    _description = "Waive Exceptions"
    _inherit = ["healthcare.exception.wizard"]

    reason = fields.Char(required=True)
    second_count = fields.Integer(
        compute="_compute_second_count",
        help="How many of them another person has to agree to.",
    )

    @api.depends("exception_ids")
    def _compute_second_count(self):
        for wizard in self:
            wizard.second_count = len(wizard.exception_ids._above_limit())

    def action_waive(self):
        self.ensure_one()
        if len(self.exception_ids) > MANY:
            return self._in_slices("waive", self._still_open(), self.reason)
        asked = self.exception_ids._waive_or_ask(self.reason)
        if asked:
            return asked._told_to_wait()
        return {"type": "ir.actions.act_window_close"}
