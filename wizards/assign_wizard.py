from odoo import fields, models


class HealthcareAssignWizard(models.TransientModel):
    """Hands exceptions over to another person, who is told once."""

    _name = "healthcare.assign.wizard"
    _description = "Hand Over Exceptions"
    _inherit = ["healthcare.exception.wizard"]

    user_id = fields.Many2one(
        "res.users",
        string="New Owner",
        required=True,
        domain="[('share', '=', False)]",
    )
    note = fields.Char(help="What the new owner should know.")

    def action_assign(self):
        self.ensure_one()
        self._still_open()._hand_over(self.user_id, self.note)
        return {"type": "ir.actions.act_window_close"}
