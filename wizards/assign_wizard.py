from odoo import fields, models
from odoo.exceptions import UserError

from .exception_wizard import MANY


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
        ones = self._still_open()
        if not all(
            self.user_id._healthcare_may_see(one.facility_id.id) for one in ones
        ):
            raise UserError(
                self.env._(
                    "%s does not see all facilities that this is about.",
                    self.user_id.name,
                )
            )
        if len(ones) > MANY:
            return self._in_slices(
                "assign",
                ones,
                self.note or self.env._("Handed over"),
                new_owner_id=self.user_id.id,
            )
        ones._hand_over(self.user_id, self.note)
        return {"type": "ir.actions.act_window_close"}
