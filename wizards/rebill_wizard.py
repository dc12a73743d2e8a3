from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..core import strict_json
from ..core.errors import InputError


class HealthcareRebillWizard(models.TransientModel):
    """Bills a second completion of a service in place of the first."""

    _name = "healthcare.rebill.wizard"
    _description = "Bill Anew"

    exception_id = fields.Many2one("healthcare.exception", required=True)
    completion_id = fields.Many2one(
        "healthcare.completion",
        compute="_compute_completion_id",
        string="Billed So Far",
    )
    amount_total = fields.Monetary(related="completion_id.amount_total")
    currency_id = fields.Many2one(related="completion_id.currency_id")
    invoice_names = fields.Char(
        compute="_compute_completion_id", string="Invoices to Credit"
    )
    reason = fields.Char(required=True)

    @api.depends("exception_id")
    def _compute_completion_id(self):
        for wizard in self:
            issue = wizard.exception_id
            completion = wizard.completion_id.browse(
                issue.res_id if issue.res_model == "healthcare.completion" else ()
            )
            wizard.completion_id = completion
            wizard.invoice_names = ", ".join(
                move.name or self.env._("a draft")
                for move in completion._live_invoices()
            )

    def action_rebill(self):
        """Write the decision down and let the event run."""
        self.ensure_one()
        issue = self.exception_id
        issue._check_open()
        if issue.category != "duplicate_service" or not self.completion_id:
            raise UserError(self.env._("There is no earlier completion to replace."))
        self.completion_id._replace_with(issue.event_id, self.reason)
        issue._note_decision("corrected", self.reason)
        # Stands in for the system: how it ends is told by the event itself.
        issue.sudo().write({"resolution": "corrected"})
        return {"type": "ir.actions.act_window_close"}


class HealthcareCompletionCorrectWizard(models.TransientModel):
    """Corrects what a billed service says and bills it anew.

    The content is computed and taken from the screen, never stored in the clear.
    """

    _name = "healthcare.completion.correct.wizard"
    _description = "Correct and Bill Anew"

    completion_id = fields.Many2one("healthcare.completion", required=True)
    content = fields.Text(compute="_compute_content", inverse="_inverse_content")
    reason = fields.Char(required=True, default="")

    @api.depends("completion_id")
    def _compute_content(self):
        for wizard in self:
            event = wizard.completion_id.event_id
            wizard.content = event._readable(self.env._("Correction"))

    def _inverse_content(self):
        for wizard in self:
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
            wizard.completion_id.event_id._correct(envelope, wizard.reason)

    def action_rebill(self):
        """Close the dialog: writing the content did the work."""
        return {"type": "ir.actions.act_window_close"}
