"""Waiving above an amount needs a second person."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount

from .approval import ADMINISTRATOR


class ResCompany(models.Model):
    _inherit = "res.company"

    healthcare_waive_limit = fields.Monetary(
        string="Waive Alone up to",
        groups=ADMINISTRATOR,
        help="To waive an exception with more at risk, another person of finance, or "
        "an administrator, has to agree. 0: nobody has to.",
    )

    def write(self, vals):
        """Keep on the company's contact who moved the limit, and from where."""
        if "healthcare_waive_limit" not in vals:
            return super().write(vals)
        before = {one: one.healthcare_waive_limit for one in self}
        result = super().write(vals)
        for company, limit in before.items():
            if company.currency_id.compare_amounts(
                company.healthcare_waive_limit, limit
            ):
                env = company._healthcare_in_language(company).env
                amounts = [
                    format_amount(env, amount, company.currency_id)
                    if amount
                    else env._("any amount")
                    for amount in (limit, company.healthcare_waive_limit)
                ]
                # Stands in for the system: the record is kept whoever made the change.
                company.sudo().partner_id.message_post(
                    body=env._(
                        "One person alone may waive up to %(new)s; it was %(old)s.",
                        old=amounts[0],
                        new=amounts[1],
                    ),
                    author_id=self.env.user.partner_id.id,
                )
        return result


class HealthcareApproval(models.Model):
    _inherit = "healthcare.approval"

    exception_id = fields.Many2one(
        "healthcare.exception",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
    )
    facility_id = fields.Many2one(related="exception_id.facility_id", store=True)
    source_id = fields.Many2one(related="exception_id.source_id", store=True)
    amount = fields.Monetary(string="At Risk", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)

    _one_per_exception = models.UniqueIndex(
        "(exception_id) WHERE state = 'waiting' AND exception_id IS NOT NULL",
        "A decision on this exception waits for approval.",
    )

    def _alike(self):
        return (*super()._alike(), self.facility_id, self.source_id)

    def _reaches(self):
        waives = self.filtered(lambda one: one.kind == "waive")
        may = all(one.exception_id.has_access("write") for one in waives)
        return may and super()._reaches()

    def _summarized(self):
        if self.kind == "waive":
            return self.exception_id.reason or ""
        return super()._summarized()

    def _apply(self, approver):
        result = super()._apply(approver)
        waives = self.filtered(lambda one: one.kind == "waive")
        for one in waives:
            issue = one.exception_id
            if (issue.currency_id, issue.amount_at_risk) != (
                one.currency_id,
                one.amount,
            ):
                raise UserError(
                    self.env._(
                        "What is at risk has changed since: decline, and have it "
                        "asked anew."
                    )
                )
        for (asker, reason), some in waives.grouped(
            lambda one: (one.requested_by_id, one.reason)
        ).items():
            some.exception_id.with_user(approver)._waive(reason, asker=asker)
        return result


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    agreed_by_id = fields.Many2one(
        "res.users", string="Agreed By", readonly=True, help="The second person."
    )
    approval_ids = fields.One2many("healthcare.approval", "exception_id")
    waiting_approval_id = fields.Many2one(
        "healthcare.approval", compute="_compute_waiting_approval"
    )
    can_approve = fields.Boolean(compute="_compute_waiting_approval")
    can_withdraw = fields.Boolean(compute="_compute_waiting_approval")
    approval_kind = fields.Char(compute="_compute_waiting_approval")
    approval_reason = fields.Char(compute="_compute_waiting_approval")
    approval_words = fields.Char(compute="_compute_waiting_approval")
    asked_by_id = fields.Many2one("res.users", compute="_compute_waiting_approval")
    who_may_approve = fields.Char(compute="_compute_who_may_approve")

    @api.depends("approval_ids.state")
    @api.depends_context("uid")
    def _compute_waiting_approval(self):
        for issue in self:
            one = issue.approval_ids.filtered(lambda one: one.state == "waiting")[:1]
            issue.waiting_approval_id = one
            issue.can_approve = one.can_decide
            issue.can_withdraw = one.can_withdraw
            issue.approval_kind = one.kind
            issue.approval_reason = one.reason
            issue.asked_by_id = one.requested_by_id
            # Stands in for the system: a name, for whoever works on the exception.
            asker = one.sudo().requested_by_id.name
            issue.approval_words = one and (
                self.env._("%s wants to waive this:", asker)
                if one.kind == "waive"
                else self.env._("%s wants to merge the two patients:", asker)
            )

    @api.depends("approval_ids.state")
    def _compute_who_may_approve(self):
        for issue in self:
            issue.who_may_approve = issue.waiting_approval_id.who_may

    # -- what people do -------------------------------------------------------------

    def action_approve(self):
        return self._waiting_approvals().action_approve()

    def action_open_refuse(self):
        return self._waiting_approvals().action_open_refuse()

    def action_withdraw(self):
        return self._waiting_approvals().action_withdraw()

    def _waiting_approvals(self):
        self.check_access("write")
        found = self.waiting_approval_id
        if not found:
            raise UserError(self.env._("Nothing waits for approval here any more."))
        return found

    def _waive_or_ask(self, reason):
        """Waive what one person may; ask for the approval of another one for the rest.

        :return: the exceptions that stay open until somebody else agrees
        """
        self._check_open()
        self._check_may_waive()
        above = self._above_limit()
        alone = self - above
        if alone:
            alone._waive(reason)
        if above:
            above._ask_to_waive(reason)
        return above

    def _above_limit(self):
        """Return those that need a second person to be waived."""
        if self.env.su:  # the system itself: not a person's decision
            return self.browse()
        # Stands in for the system: the limit binds those who may not read it.
        companies = self.env["res.company"].sudo().search([("active", "=", True)])
        limits = {one: one.healthcare_waive_limit for one in companies}
        today = fields.Date.context_today(self)

        def is_above(issue):
            # What is of no company is held against the limits of all.
            concerned = issue.sudo().company_id or companies
            return any(
                limits[one] > 0
                and one.currency_id.compare_amounts(
                    issue.currency_id._convert(
                        issue.amount_at_risk, one.currency_id, one, today
                    ),
                    limits[one],
                )
                > 0
                for one in concerned
            )

        return self.filtered(is_above)

    def _ask_to_waive(self, reason):
        approvals = self.env["healthcare.approval"]
        fresh = self - approvals._waits([("exception_id", "in", self.ids)]).exception_id
        if not fresh:
            raise UserError(
                self.env._("This waits for approval already: agree to it or decline.")
            )
        labels = dict(self._fields["category"]._description_selection(self.env))
        approvals._ask(
            [
                {
                    "kind": "waive",
                    "exception_id": issue.id,
                    "subject": f"{issue.name} · {labels[issue.category]}",
                    "amount": issue.amount_at_risk,
                    "currency_id": issue.currency_id.id,
                    "company_id": issue.company_id.id,
                    "reason": reason,
                }
                for issue in fresh
            ]
        )

    def _told_to_wait(self):
        """Return the action that says that somebody else has to agree."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "title": self.env._("Asked for approval"),
                "message": self.env._(
                    "%(count)s exception(s) stay open until the following agrees: "
                    "%(who)s.",
                    count=len(self),
                    who=self[:1].who_may_approve,
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _waive(self, reason, asker=None):
        if asker is None:
            if self._above_limit():
                raise UserError(
                    self.env._("So much may not be waived without a second person.")
                )
            return super()._waive(reason)
        if asker == self.env.user:
            raise UserError(self.env._("Another person than who asked has to agree."))
        result = super()._waive(reason, asker=asker)
        # Stands in for the system: both names are written by this alone.
        self.sudo().write({"resolved_by_id": asker.id, "agreed_by_id": self.env.uid})
        return result

    def _close(self, state, resolution, **values):
        closed = super()._close(state, resolution, **values)
        if closed:
            self.env["healthcare.approval"]._over([("exception_id", "in", closed.ids)])
        return closed
