from odoo import api, fields, models

from ..models.exchange.res_users_apikeys import EVENTS, METRICS, STATUS


class HealthcareKeyWizard(models.TransientModel):
    """Makes a key for a source and shows it once."""

    _name = "healthcare.key.wizard"
    _description = "New Key"

    source_id = fields.Many2one("healthcare.source", required=True)
    scope = fields.Selection(
        [
            (EVENTS, "Send and read back events"),
            (STATUS, "Look up clearance and invoices"),
            (METRICS, "Read metrics"),
        ],
        required=True,
        default=EVENTS,
    )
    name = fields.Char(string="Purpose", help="Shown in the list of keys.")
    days = fields.Integer(string="Valid for (days)", default=365, required=True)
    key = fields.Char(
        compute="_compute_key", help="Copy it now: it is not shown again."
    )
    state = fields.Selection(
        [("ask", "Ask"), ("shown", "Shown")], default="ask", required=True
    )

    @api.depends_context("healthcare_fresh_key")
    def _compute_key(self):
        # Handed over in memory: a stored field would keep the key in the database.
        for wizard in self:
            wizard.key = self.env.context.get("healthcare_fresh_key", False)

    def action_generate(self):
        self.ensure_one()
        self.source_id.check_access("write")
        key = self.source_id._issue_key(
            [self.scope], name=self.name or None, days=max(self.days, 1)
        )
        self.state = "shown"
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Key"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
            "context": {"healthcare_fresh_key": key},
        }
