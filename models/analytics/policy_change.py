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

from ..governance.approval import ADMINISTRATOR

KINDS = ("new_target", "target", "policy")
GUARDED = ("url", "policy")
FREE = "safe_harbor"  # the policy whose targets one administrator may add and move


class HealthcareApproval(models.Model):
    _inherit = "healthcare.approval"

    kind = fields.Selection(
        selection_add=[
            ("new_target", "New Target"),
            ("target", "Target Changed"),
            ("policy", "Policy Made Stricter or Back"),
        ],
        ondelete=dict.fromkeys(KINDS, "cascade"),
    )
    target_id = fields.Many2one(
        "healthcare.target", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    policy_id = fields.Many2one(
        "healthcare.policy", readonly=True, index="btree_not_null"
    )

    _one_per_target = models.UniqueIndex(
        "(target_id) WHERE state = 'waiting'",
        "Another change of this target waits for approval.",
    )
    _one_per_policy = models.UniqueIndex(
        "(policy_id) WHERE state = 'waiting'",
        "Another change of this policy waits for approval.",
    )

    @api.model
    def _groups(self):
        return {**super()._groups(), **dict.fromkeys(KINDS, (ADMINISTRATOR,))}

    def _summarized(self):
        if self.kind not in KINDS:
            return super()._summarized()
        before, after = self.before or {}, self.after or {}
        return "\n".join(
            f"{self._label(name)}: {self._word(name, before.get(name))} → "
            f"{self._word(name, value)}"
            if before
            else f"{self._label(name)}: {self._word(name, value)}"
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

    @api.model
    def _ask_for(self, record, values):
        """Record what an administrator asks for of a target or a policy.

        :raise AccessError: for anybody else
        """
        if not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(
                self.env._("Only administrators decide on what leaves, and where to.")
            )
        name = {"healthcare.target": "target_id", "healthcare.policy": "policy_id"}
        name = name[record._name]
        if self._waits([(name, "=", record.id)]):
            raise UserError(self.env._("Another change of it waits for approval."))
        return self._ask([{**values, name: record.id, "subject": record.name}])

    def _apply(self, approver):
        result = super()._apply(approver)
        for change in self.filtered(lambda one: one.kind in KINDS).sudo():
            # Stands in for the system: these are changed in no other way.
            record = change.target_id or change.policy_id
            if change.before and record._guarded_values() != change.before:
                raise UserError(
                    self.env._("It was changed meanwhile; ask for the change anew.")
                )
            record._write_guarded(change.after, approver)
        return result


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
    change_ids = fields.One2many("healthcare.approval", "target_id")
    waiting_change_id = fields.Many2one(
        "healthcare.approval", compute="_compute_waiting_change"
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
            self.env["healthcare.approval"]._ask_for(
                target,
                {
                    "kind": "new_target",
                    "after": target._guarded_values(),
                    "reason": self.env._("New target"),
                },
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
        return self.waiting_change_id.action_open_refuse()

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
