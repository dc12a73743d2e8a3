"""Four eyes: what leaves, and where to, changes only when a second person agrees.

A change of a target's policy, of the rules of one, and where more than Safe Harbor
goes (the address of such a target, and a new one) are asked for by one administrator
and approved by another. Until then nothing of it counts: a new target gets nothing,
others go on as they were. What Safe Harbor leaves tells of no person, so that one
administrator says where it goes.
"""

from itertools import compress

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

ADMINISTRATOR = "healthcare_connector.group_administrator"
GUARDED = ("url", "policy")
FREE = "safe_harbor"  # the policy whose targets one administrator may add and move


class HealthcarePolicyChange(models.Model):
    """Who asked for what, who decided, when, and how it was before and after."""

    _name = "healthcare.policy.change"
    _description = "Change of What Leaves"
    _order = "id desc"
    _rec_name = "subject"

    kind = fields.Selection(
        [
            ("new_target", "New Target"),
            ("target", "Target Changed"),
            ("policy", "Policy Made Stricter or Back"),
        ],
        required=True,
        readonly=True,
    )
    subject = fields.Char(compute="_compute_subject", store=True)
    target_id = fields.Many2one(
        "healthcare.target", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    policy_id = fields.Many2one(
        "healthcare.policy", readonly=True, index="btree_not_null"
    )
    before = fields.Json(readonly=True)
    after = fields.Json(required=True, readonly=True)
    summary = fields.Text(string="What Changes", compute="_compute_summary")
    reason = fields.Char(required=True, readonly=True)
    requested_by_id = fields.Many2one(
        "res.users", string="Asked By", required=True, readonly=True
    )
    requested_at = fields.Datetime(
        string="Asked", required=True, readonly=True, default=fields.Datetime.now
    )
    state = fields.Selection(
        [
            ("waiting", "Waits for Approval"),
            ("approved", "Approved"),
            ("refused", "Refused"),
            ("withdrawn", "Withdrawn"),
        ],
        required=True,
        default="waiting",
        readonly=True,
    )
    decided_by_id = fields.Many2one("res.users", string="Decided By", readonly=True)
    decided_at = fields.Datetime(string="Decided", readonly=True)
    can_decide = fields.Boolean(compute="_compute_can")
    can_withdraw = fields.Boolean(compute="_compute_can")

    _one_per_target = models.UniqueIndex(
        "(target_id) WHERE state = 'waiting'",
        "Another change of this target waits for approval.",
    )
    _one_per_policy = models.UniqueIndex(
        "(policy_id) WHERE state = 'waiting'",
        "Another change of this policy waits for approval.",
    )

    @api.depends("target_id.name", "policy_id.name")
    def _compute_subject(self):
        for change in self:
            change.subject = change.target_id.name or change.policy_id.name

    @api.depends("before", "after")
    def _compute_summary(self):
        for change in self:
            before, after = change.before or {}, change.after or {}
            change.summary = "\n".join(
                f"{change._label(name)}: {change._word(name, before.get(name))} → "
                f"{change._word(name, value)}"
                if before
                else f"{change._label(name)}: {change._word(name, value)}"
                for name, value in after.items()
                if value != before.get(name)
            )

    def _label(self, name):
        fixed = {
            "url": self.env._("Address"),
            "policy": self.env._("Policy"),
            "smallest_cell": self.env._("Fewest Patients"),
        }
        rules = self.env["healthcare.policy.rule"]._fields["phi_class"]
        return fixed.get(name) or dict(rules._description_selection(self.env))[name]

    def _word(self, name, value):
        if name == "policy":
            field = self.env["healthcare.target"]._fields["policy"]
        elif name in ("url", "smallest_cell"):
            return "" if value is None else str(value)
        else:
            field = self.env["healthcare.policy.rule"]._fields["treatment"]
        return dict(field._description_selection(self.env)).get(value, "")

    @api.depends_context("uid")
    @api.depends("state", "requested_by_id")
    def _compute_can(self):
        administrator = self.env.user.has_group(ADMINISTRATOR)
        for change in self:
            open_one = change.state == "waiting" and administrator
            own = change.requested_by_id == self.env.user
            change.can_decide = open_one and not own
            change.can_withdraw = open_one and own

    # -- asking -------------------------------------------------------------------

    @api.model
    def _ask(self, values):
        """Record what an administrator asks for.

        :raise AccessError: for anybody else
        """
        self._check_administrator()
        record = ("target_id", "policy_id")["policy_id" in values]
        if self.search_count(
            [(record, "=", values[record]), ("state", "=", "waiting")], limit=1
        ):
            raise UserError(self.env._("Another change of it waits for approval."))
        # Stands in for the system: nobody writes these records but by these methods.
        return self.sudo().create(
            {**values, "requested_by_id": self.env.uid, "state": "waiting"}
        )

    @api.model
    def _check_administrator(self):
        if not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(
                self.env._("Only administrators decide on what leaves, and where to.")
            )

    # -- deciding -----------------------------------------------------------------

    def action_approve(self):
        """Let the change count; not by who asked for it."""
        for change in self:
            change._decide("approved")
            change.sudo()._apply(self.env.user)

    def action_refuse(self):
        for change in self:
            change._decide("refused")

    def action_withdraw(self):
        for change in self:
            change._decide("withdrawn")

    def _decide(self, state):
        self.ensure_one()
        self._check_administrator()
        self.sudo().lock_for_update()
        if self.state != "waiting":
            raise UserError(self.env._("This was decided already."))
        own = self.requested_by_id == self.env.user
        if own and state != "withdrawn":
            raise UserError(
                self.env._("Another administrator than who asked for it decides.")
            )
        if not own and state == "withdrawn":
            raise UserError(self.env._("Who asked for it withdraws it."))
        # Stands in for the system, as above.
        self.sudo().write(
            {
                "state": state,
                "decided_by_id": self.env.uid,
                "decided_at": fields.Datetime.now(),
            }
        )
        self.flush_recordset(["state"])  # the index lets another one be asked for

    def _apply(self, approver):
        """Write what was approved, if it still stands on what it was asked for.

        :param approver: user who is named on targets of identified data
        """
        self.ensure_one()
        record = self.target_id or self.policy_id
        if self.before and record._guarded_values() != self.before:
            raise UserError(
                self.env._("It was changed meanwhile; ask for the change anew.")
            )
        record._write_guarded(self.after, approver)


class HealthcarePolicy(models.Model):
    _inherit = "healthcare.policy"

    def _guarded_values(self):
        """Return ``{class: treatment, "smallest_cell": number}``."""
        self.ensure_one()
        return {
            **{rule.phi_class: rule.treatment for rule in self.rule_ids},
            "smallest_cell": self.smallest_cell,
        }

    def _write_guarded(self, values, _approver):
        self.ensure_one()
        if "smallest_cell" in values:
            self.write({"smallest_cell": values["smallest_cell"]})
        for rule in self.rule_ids:
            if values.get(rule.phi_class, rule.treatment) != rule.treatment:
                rule.treatment = values[rule.phi_class]


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    approval = fields.Selection(
        [("waiting", "Waits for Approval"), ("approved", "Approved")],
        required=True,
        default="approved",
        readonly=True,
        copy=False,
        tracking=True,
        help="A new target of another policy than Safe Harbor gets nothing before a "
        "second administrator approves it.",
    )
    change_ids = fields.One2many("healthcare.policy.change", "target_id")
    waiting_change_id = fields.Many2one(
        "healthcare.policy.change", compute="_compute_waiting_change"
    )
    waiting_summary = fields.Text(compute="_compute_waiting_change")
    can_decide = fields.Boolean(compute="_compute_waiting_change")

    @api.depends("change_ids.state")
    @api.depends_context("uid")
    def _compute_waiting_change(self):
        for target in self:
            change = target.change_ids.filtered(lambda one: one.state == "waiting")[:1]
            target.waiting_change_id = change
            target.waiting_summary = change.summary
            target.can_decide = change.can_decide

    @api.constrains("policy", "policy_approver_id", "approval")
    def _check_policy(self):
        # Who approves a new target is not known before it is approved.
        approved = self.filtered(lambda one: one.approval == "approved")
        return super(HealthcareTarget, approved)._check_policy()

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.su:  # installation, scripts: not a person's decision
            return super().create(vals_list)
        defaults = self.default_get(["policy"])
        guarded = []
        for vals in vals_list:
            guarded.append({**defaults, **vals}["policy"] != FREE)
            vals.pop("policy_approver_id", None)
            vals["approval"] = "waiting" if guarded[-1] else "approved"
        targets = super().create(vals_list)
        for target in compress(targets, guarded):
            self.env["healthcare.policy.change"]._ask(
                {
                    "kind": "new_target",
                    "target_id": target.id,
                    "after": target._guarded_values(),
                    "reason": self.env._("New target"),
                }
            )
        return targets

    def write(self, vals):
        if not self.env.su:
            self._check_guarded(vals)
        return super().write(vals)

    def _check_guarded(self, vals):
        """Refuse to change by hand what a second person must approve."""
        for target in self:
            guarded = ("policy",) if target.policy == FREE else GUARDED
            if (
                any(name in vals and vals[name] != target[name] for name in guarded)
                or "policy_approver_id" in vals
                or "approval" in vals
            ):
                raise UserError(
                    self.env._(
                        "Address and policy of a target change with the approval of "
                        "another administrator. Use “Change Address or Policy”."
                    )
                )

    def _guarded_values(self):
        self.ensure_one()
        return {name: self[name] for name in GUARDED}

    def _write_guarded(self, values, approver):
        self.ensure_one()
        self.write(
            {
                **{name: values[name] for name in GUARDED if name in values},
                "policy_approver_id": approver.id
                if values.get("policy", self.policy) == "identified"
                else False,
                "approval": "approved",
            }
        )
        self.env["healthcare.delivery"]._wake()

    def _may_send(self):
        return self.approval == "approved" and super()._may_send()

    def action_send_test(self):
        for target in self:
            if target.approval != "approved":
                raise UserError(
                    self.env._("Nothing is sent before the target is approved.")
                )
        return super().action_send_test()

    def action_approve_change(self):
        self.waiting_change_id.action_approve()

    def action_refuse_change(self):
        self.waiting_change_id.action_refuse()

    def action_ask_change(self):
        """Open what asks for another address or policy."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change Address or Policy"),
            "res_model": "healthcare.target.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_target_id": self.id},
        }
