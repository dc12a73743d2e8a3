from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..core import strict_json
from ..core.errors import InputError


class HealthcareCorrectWizard(models.TransientModel):
    """Corrects what an event says and replays it; the original stays as it came.

    The content is computed and taken from the screen, never stored in the clear.
    """

    _name = "healthcare.correct.wizard"
    _description = "Correct and Replay"

    exception_ids = fields.Many2many("healthcare.exception", required=True)
    event_id = fields.Many2one("healthcare.event", compute="_compute_event_id")
    content = fields.Text(compute="_compute_content", inverse="_inverse_content")
    reason = fields.Char(required=True, default="")

    @api.depends("exception_ids")
    def _compute_event_id(self):
        for wizard in self:
            if len(wizard.exception_ids) != 1:
                raise UserError(self.env._("Correct one exception at a time."))
            wizard.event_id = wizard.exception_ids.event_id

    @api.depends("event_id")
    def _compute_content(self):
        for wizard in self:
            wizard.content = wizard.event_id._readable(self.env._("Correction"))

    def _inverse_content(self):
        for wizard in self:
            wizard.exception_ids._check_open()
            if not self.env.user.has_group("healthcare_connector.group_phi_reader"):
                raise AccessError(
                    self.env._("Only PHI readers may correct what an event contains.")
                )
            try:
                envelope = strict_json.loads((wizard.content or "").encode())
            except InputError as error:
                raise UserError(
                    self.env._("This is no valid JSON: %s", error.detail)
                ) from error
            wizard.event_id._correct(envelope, wizard.reason)
            wizard.exception_ids._note_decision("corrected", wizard.reason)
            # Stands in for the system: how it ends is told by the event itself.
            wizard.exception_ids.sudo().write({"resolution": "corrected"})

    def action_replay(self):
        """Close the dialog: writing the content did the work."""
        return {"type": "ir.actions.act_window_close"}
