from odoo import fields, models


class HealthcareApprovalWizard(models.TransientModel):
    """Asks why: somebody declines, or somebody asks for a merge to be undone."""

    _name = "healthcare.approval.wizard"
    _description = "Decline, or Ask for Approval"

    approval_ids = fields.Many2many("healthcare.approval", readonly=True)
    merge_id = fields.Many2one("healthcare.patient.merge", readonly=True)
    reason = fields.Char(string="Why", required=True)

    def action_refuse(self):
        """Decline, with the reason that who asked is told."""
        self.ensure_one()
        self.approval_ids._refuse(self.reason)
        return {"type": "ir.actions.act_window_close"}

    def action_ask(self):
        """Ask another person to agree that the merge is undone."""
        self.ensure_one()
        self.merge_id._ask_to_undo(self.reason)
        return {"type": "ir.actions.act_window_close"}
