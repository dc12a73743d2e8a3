from odoo import api, fields, models
from odoo.tools import formatLang

# More than this is done in the background, with progress.
MANY = 200


class HealthcareExceptionWizard(models.AbstractModel):
    """Base of decisions on one or many exceptions: shows what they are about first."""

    _name = "healthcare.exception.wizard"
    _description = "Decision on Exceptions"

    exception_ids = fields.Many2many("healthcare.exception", required=True)
    exception_count = fields.Integer(compute="_compute_preview")
    preview = fields.Char(
        compute="_compute_preview", help="How many it is about, and what is at stake."
    )

    @api.depends("exception_ids")
    def _compute_preview(self):
        for wizard in self:
            ones = wizard.exception_ids
            wizard.exception_count = len(ones)
            parts = [self.env._("%s exception(s)", len(ones))]
            if held := len(ones.filtered("blocks_event").event_id):
                parts.append(self.env._("%s event(s) held back", held))
            for currency, group in ones.grouped("currency_id").items():
                if amount := sum(group.mapped("amount_at_risk")):
                    text = formatLang(self.env, amount, currency_obj=currency)
                    parts.append(self.env._("%s at risk", text))
            wizard.preview = " · ".join(parts)

    def _still_open(self):
        """Return the exceptions nobody has closed since the dialog was opened."""
        self.ensure_one()
        return self.exception_ids.filtered("is_open")

    def _in_slices(self, kind, ones, reason, **values):
        """Have many done in the background; show how far it is."""
        jobs = self.env["healthcare.replay"]
        return jobs._decide_in_slices(kind, ones, reason, **values)
