from odoo import api, fields, models

from ..models.exchange.res_users_apikeys import EVENTS, METRICS, STATUS


class HealthcareKeyWizard(models.TransientModel):
    """Makes a key for a source, or one to follow another, and shows it once."""

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
    replaces_id = fields.Many2one(
        "res.users.apikeys",
        string="Replaces",
        help="The key that is in use now. Both work until the old one ends.",
    )
    overlap_days = fields.Integer(
        string="Old Key Works for (days)",
        default=14,
        required=True,
        help="Time for the vendor to change from the old key to the new one.",
    )
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
        if self.replaces_id:
            self.replaces_id._healthcare_end_in(max(self.overlap_days, 0))
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
