"""Where facts go."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class HealthcareTarget(models.Model):
    """An analytics endpoint, its policy, and the breaker that spares it."""

    _name = "healthcare.target"
    _description = "Analytics Target"
    _inherit = ["mail.thread"]
    _order = "name"

    name = fields.Char(required=True, tracking=True)
    url = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True, tracking=True)
    paused = fields.Boolean(tracking=True)
    policy = fields.Selection(
        [
            ("safe_harbor", "Safe Harbor"),
            ("limited", "Limited Data Set"),
            ("identified", "Identified"),
        ],
        required=True,
        default="safe_harbor",
        tracking=True,
        help="What of patient data may leave.",
    )
    policy_approver_id = fields.Many2one(
        "res.users", tracking=True, help="Who approved identified data."
    )
    fact_types = fields.Char(
        help="Fact types to send, separated by commas. Empty: all of them."
    )
    batch_size = fields.Integer(
        default=5000,
        required=True,
        help="Facts per request, at most. A request costs the same whatever it holds; "
        "engines take some thousand rows at once most easily.",
    )
    timeout_seconds = fields.Float(string="Time Limit", default=20.0, required=True)
    last_delivery_at = fields.Datetime(readonly=True)
    delivered_count = fields.Integer(
        string="Facts Delivered", readonly=True, aggregator="sum"
    )
    pending_count = fields.Integer(string="To Deliver", compute="_compute_pending")
    oldest_pending = fields.Datetime(compute="_compute_pending")

    _sizes_positive = models.Constraint(
        "CHECK(batch_size > 0 AND timeout_seconds > 0)",
        "Batch size and time limit must be positive.",
    )
    _timeout_bounded = models.Constraint(
        "CHECK(timeout_seconds <= 60)",
        "A target gets a minute to answer at most: the job waits for it.",
    )

    # -- fields -----------------------------------------------------------------

    @api.constrains("url")
    def _check_url(self):
        for target in self:
            self.env["healthcare.outbound"]._check(target.url)

    @api.constrains("policy", "policy_approver_id")
    def _check_policy(self):
        for target in self:
            if target.policy == "identified" and not target.policy_approver_id:
                raise ValidationError(
                    self.env._("Identified data needs a named approver.")
                )

    def _compute_pending(self):
        found = {
            target: (count, oldest)
            for target, count, oldest in self.env["healthcare.delivery"]._read_group(
                [("target_id", "in", self.ids), ("state", "=", "pending")],
                ["target_id"],
                ["__count", "recorded_at:min"],
            )
        }
        for target in self:
            target.pending_count, target.oldest_pending = found.get(target, (0, False))

    # -- choosing ---------------------------------------------------------------

    @api.model
    def _routes(self, fact_type, names):
        """Return who gets which facts, as pairs of a target and positions.

        :param names: for each fact, the names of the events it raises
        """
        # Stands in for the system: facts are written by whoever makes a document.
        targets = self.sudo().search([("url", "!=", False)])
        routes = [
            (target, target._positions_wanted(fact_type, names)) for target in targets
        ]
        return [(target, positions) for target, positions in routes if positions]

    def _positions_wanted(self, fact_type, names):
        """Return the positions of those facts that this target gets."""
        if self.fact_types and fact_type not in _parts(self.fact_types):
            return []
        return range(len(names))

    # -- actions ----------------------------------------------------------------

    def action_open_pending(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("To Deliver"),
            "res_model": "healthcare.delivery",
            "views": [(False, "list")],
            "domain": [("target_id", "=", self.id), ("state", "=", "pending")],
        }


def _parts(text):
    return [part.strip() for part in (text or "").split(",") if part.strip()]
