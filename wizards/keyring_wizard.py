"""What keys there are, what they seal, and what to do about it."""

from odoo import api, fields, models

from ..core.errors import KeyringError
from ..core.protection import sealed_columns
from ..models.privacy.key_job import KEY_STATES


class HealthcareKeyringWizard(models.TransientModel):
    """Shows the keyring and starts a job; keys themselves are never shown."""

    _name = "healthcare.keyring.wizard"
    _description = "Encryption Keys"

    problem = fields.Char(compute="_compute_keyring")
    active_key = fields.Char(compute="_compute_keyring")
    line_ids = fields.One2many(
        "healthcare.keyring.wizard.line", "wizard_id", readonly=True
    )
    stale_count = fields.Integer(string="To Re-encrypt", readonly=True)
    missing_count = fields.Integer(string="Cannot Be Opened", readonly=True)
    job_id = fields.Many2one("healthcare.key.job", string="Under Way", readonly=True)

    @api.model
    def default_get(self, fields_list):
        """Count anew each time it is opened."""
        values = super().default_get(fields_list)
        jobs = self.env["healthcare.key.job"]
        jobs._check_administrator()
        counts = jobs._count_by_key()
        values["line_ids"] = [
            fields.Command.create(
                {
                    "label": sealed_columns.BY_NAME[name].label,
                    "key_id": key_id or "?",
                    "key_state": state,
                    "count": count,
                }
            )
            for name, key_id, state, count in counts
        ]
        values["stale_count"] = sum(
            count for *_rest, state, count in counts if state in ("retired", "standby")
        )
        values["missing_count"] = sum(
            count for *_rest, state, count in counts if state == "missing"
        )
        values["job_id"] = jobs.search(
            [("state", "in", ("running", "paused"))], limit=1
        ).id
        return values

    def _compute_keyring(self):
        try:
            keyring = self.env["healthcare.keyring"]._get()
            problem, active = False, keyring.active
        except KeyringError as error:
            problem, active = error.detail, False
        for wizard in self:
            wizard.problem, wizard.active_key = problem, active

    def action_rotate(self):
        """Re-encrypt everything under the active key, in the background."""
        return self._show(self.env["healthcare.key.job"]._begin("rotate"))

    def action_check(self):
        """Open everything once, in the background, and list what does not open."""
        return self._show(self.env["healthcare.key.job"]._begin("check"))

    def action_open_job(self):
        self.ensure_one()
        return self._show(self.job_id)

    def _show(self, job):
        return {
            "type": "ir.actions.act_window",
            "res_model": "healthcare.key.job",
            "res_id": job.id,
            "views": [(False, "form")],
        }


class HealthcareKeyringWizardLine(models.TransientModel):
    _name = "healthcare.keyring.wizard.line"
    _description = "Records by Key"

    wizard_id = fields.Many2one(
        "healthcare.keyring.wizard", required=True, ondelete="cascade"
    )
    label = fields.Char(string="What", readonly=True)
    key_id = fields.Char(string="Key", readonly=True)
    key_state = fields.Selection(KEY_STATES, string="State of Key", readonly=True)
    count = fields.Integer(string="Records", readonly=True)
