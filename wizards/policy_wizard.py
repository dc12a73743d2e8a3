"""Asking for a change of what leaves, or of where it goes."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.analytics.policy import CLASSES, TREATMENTS


class HealthcareTargetWizard(models.TransientModel):
    _name = "healthcare.target.wizard"
    _description = "Change Address or Policy"

    target_id = fields.Many2one("healthcare.target", required=True, readonly=True)
    url = fields.Char(
        string="Address",
        required=True,
        compute="_compute_now",
        store=True,
        precompute=True,
        readonly=False,
    )
    policy = fields.Selection(
        selection=lambda self: (
            self.env["healthcare.target"]
            ._fields["policy"]
            ._description_selection(self.env)
        ),
        required=True,
        compute="_compute_now",
        store=True,
        precompute=True,
        readonly=False,
    )
    reason = fields.Char(string="Why", required=True)

    @api.depends("target_id")
    def _compute_now(self):
        for wizard in self:
            wizard.url = wizard.target_id.url
            wizard.policy = wizard.target_id.policy

    def action_ask(self):
        """Ask another administrator."""
        self.ensure_one()
        target = self.target_id
        before = target._guarded_values()
        after = {"url": self.url.strip(), "policy": self.policy}
        if before == after:
            raise UserError(self.env._("Nothing would change."))
        self.env["healthcare.outbound"]._check(after["url"])
        self.env["healthcare.approval"]._ask_for(
            target,
            {
                "kind": "target",
                "before": before,
                "after": after,
                "reason": self.reason,
            },
        )
        return {"type": "ir.actions.act_window_close"}


class HealthcarePolicyWizard(models.TransientModel):
    _name = "healthcare.policy.wizard"
    _description = "Make a Policy Stricter"

    policy_id = fields.Many2one("healthcare.policy", required=True, readonly=True)
    smallest_cell = fields.Integer(
        string="Fewest Patients",
        compute="_compute_now",
        store=True,
        precompute=True,
        readonly=False,
        help="Aggregates about fewer patients leave without figures.",
    )
    line_ids = fields.One2many(
        "healthcare.policy.wizard.line",
        "wizard_id",
        compute="_compute_now",
        store=True,
        precompute=True,
        readonly=False,
    )
    reason = fields.Char(string="Why", required=True)

    @api.depends("policy_id")
    def _compute_now(self):
        for wizard in self:
            wizard.smallest_cell = wizard.policy_id.smallest_cell
            wizard.line_ids = [
                fields.Command.clear(),
                *(
                    fields.Command.create(
                        {
                            "phi_class": rule.phi_class,
                            "contract": rule.contract,
                            "treatment": rule.treatment,
                        }
                    )
                    for rule in wizard.policy_id.rule_ids
                    if rule.phi_class != "none"
                ),
            ]

    def action_ask(self):
        """Ask another administrator.

        :raise ValidationError: for a rule weaker than the contract
        """
        self.ensure_one()
        policy = self.policy_id
        rules = {line.phi_class: line.treatment for line in self.line_ids}
        policy.rule_ids._check_rules(policy, rules)
        before = policy._guarded_values()
        after = {**before, **rules, "smallest_cell": self.smallest_cell}
        if before == after:
            raise UserError(self.env._("Nothing would change."))
        policy._check_least(self.smallest_cell)
        self.env["healthcare.approval"]._ask_for(
            policy,
            {
                "kind": "policy",
                "before": before,
                "after": after,
                "reason": self.reason,
            },
        )
        return {"type": "ir.actions.act_window_close"}


class HealthcarePolicyWizardLine(models.TransientModel):
    _name = "healthcare.policy.wizard.line"
    _description = "Rule to Make Stricter"

    wizard_id = fields.Many2one(
        "healthcare.policy.wizard", required=True, ondelete="cascade"
    )
    phi_class = fields.Selection(CLASSES, string="Class", required=True)
    contract = fields.Selection(TREATMENTS, string="By Contract")
    treatment = fields.Selection(TREATMENTS, required=True)
