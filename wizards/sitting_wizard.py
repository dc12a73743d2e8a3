from odoo import fields, models
from odoo.exceptions import UserError

from ..models.privacy.sitting import PURPOSES

OPENED = {
    "healthcare.event": "action_open_payload",
    "healthcare.message": "action_open_content",
}


class HealthcareSittingWizard(models.TransientModel):
    """Asks once per sitting what patients' data are read for."""

    _name = "healthcare.sitting.wizard"
    _description = "Purpose of Reading"

    purpose = fields.Selection(PURPOSES, help="Asked once; the form requires it.")
    note = fields.Char(help="E.g. the number of a ticket or of a request.")
    res_model = fields.Char()
    res_id = fields.Integer()

    def action_begin(self):
        """Keep the purpose and open what was to be read."""
        self.ensure_one()
        if not self.purpose:
            raise UserError(self.env._("Say what you read patients' data for."))
        if self.purpose == "other" and not (self.note or "").strip():
            raise UserError(self.env._("Say in a few words what it is for."))
        self.env["healthcare.sitting"]._begin(self.purpose, self.note)
        if self.res_model not in OPENED:
            return {"type": "ir.actions.act_window_close"}
        record = self.env[self.res_model].browse(self.res_id)
        return getattr(record, OPENED[self.res_model])()
