"""Four eyes: what one person asks for and another one agrees to.

What may need a second person is a *kind*, declared where it belongs: an exception that
is waived although much is at risk, patients that are merged, what leaves for a target.
Each kind says who may agree and what happens then; all of them are on one screen, and
nobody writes these records but by the methods below.
"""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

ADMINISTRATOR = "healthcare_connector.group_administrator"
FINANCE = "healthcare_connector.group_finance"
NAMED = 3  # people named on the screen


class HealthcareApproval(models.Model):
    """Who asked for what, who decided, when, and how it was before and after."""

    _name = "healthcare.approval"
    _description = "Approval"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "subject"

    kind = fields.Selection(
        [("waive", "Waive an Exception")], required=True, readonly=True
    )
    subject = fields.Char(
        string="About", required=True, readonly=True, help="As it was when asked."
    )
    summary = fields.Text(string="What Changes", compute="_compute_summary")
    before = fields.Json(readonly=True)
    after = fields.Json(readonly=True)
    reason = fields.Char(string="Why", required=True, readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
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
            ("refused", "Declined"),
            ("withdrawn", "Withdrawn"),
            ("over", "No Longer Needed"),
        ],
        required=True,
        default="waiting",
        readonly=True,
    )
    decided_by_id = fields.Many2one("res.users", string="Decided By", readonly=True)
    decided_at = fields.Datetime(string="Decided", readonly=True)
    answer = fields.Char(string="Why Declined", readonly=True)
    can_decide = fields.Boolean(compute="_compute_can", search="_search_can_decide")
    can_withdraw = fields.Boolean(compute="_compute_can")
    who_may = fields.Char(string="Who Has to Agree", compute="_compute_who_may")

    _waiting_index = models.Index("(id) WHERE state = 'waiting'")

    # -- computed -------------------------------------------------------------------

    @api.depends("kind", "before", "after")
    def _compute_summary(self):
        for one in self:
            one.summary = one._summarized()

    def _summarized(self):
        """Return in words what agreeing would do; kinds extend it."""
        return ""

    @api.depends_context("uid")
    @api.depends("state", "requested_by_id")
    def _compute_can(self):
        kinds = self._kinds_of(self.env.user)
        for one in self:
            own = one.requested_by_id == self.env.user
            waiting = one.state == "waiting"
            one.can_decide = waiting and not own and one.kind in kinds
            one.can_withdraw = waiting and own

    def _search_can_decide(self, operator, value):
        if operator != "in" or True not in value:
            return NotImplemented
        return (
            Domain("state", "=", "waiting")
            & Domain("requested_by_id", "!=", self.env.uid)
            & Domain("kind", "in", self._kinds_of(self.env.user))
        )

    @api.depends("state", "requested_by_id")
    def _compute_who_may(self):
        roles = {
            FINANCE: self.env._("another person of finance"),
            ADMINISTRATOR: self.env._("another administrator"),
        }
        waits = self.filtered(lambda one: one.state == "waiting" and one.id)
        (self - waits).who_may = False
        for one in waits:
            people = one._who_may()
            names = people[:NAMED].mapped("name")
            if len(people) > NAMED:
                names.append(self.env._("others"))
            groups = [roles[group] for group in self._groups()[one.kind]]
            text = self.env._(" or ").join(groups)
            one.who_may = (
                f"{text} ({', '.join(names)})"
                if names
                else self.env._("%s; nobody else has that right yet", text)
            )

    # -- who may --------------------------------------------------------------------

    @api.model
    def _groups(self):
        """Return ``{kind: groups whose members may agree, who is told first}``."""
        return {"waive": (FINANCE, ADMINISTRATOR)}

    @api.model
    def _kinds_of(self, user):
        return [
            kind
            for kind, groups in self._groups().items()
            if any(user.has_group(group) for group in groups)
        ]

    def _who_may(self):
        """Return who is asked to decide: the first group in which somebody may."""
        self.ensure_one()
        for group in self._groups()[self.kind]:
            # Stands in for the system: whoever asks need not read the list of users.
            people = self.env.ref(group).sudo().all_user_ids.sorted("name")
            people = people.filtered(
                lambda user: (
                    user.active
                    and not user.share
                    and user != self.sudo().requested_by_id
                    and self._is_for(user)
                )
            )
            if people:
                return people
        return self.env["res.users"]

    def _is_for(self, user):
        """Return whether a user, with the limits of a facility, may decide on it."""
        mine = self.with_user(user).with_context(
            allowed_company_ids=user.sudo().company_ids.ids
        )
        return bool(mine._filtered_access("read")) and mine._reaches()

    def _reaches(self):
        """Return whether the user may change what it is about; kinds extend it."""
        return True

    # -- asking ---------------------------------------------------------------------

    @api.model
    def _ask(self, vals_list):
        """Record what somebody asks for, who was checked to have the right to it.

        :param vals_list: list of values; see the fields
        """
        # Stands in for the system: nobody writes these records but by these methods.
        asked = self.sudo().create(
            [
                {**values, "requested_by_id": self.env.uid, "state": "waiting"}
                for values in vals_list
            ]
        )
        asked.flush_recordset()
        self._remind()
        return asked.sudo(False)

    @api.model
    def _waits(self, domain):
        # Stands in for the system: what another one asked for is told of, not shown.
        return self.sudo().search(Domain("state", "=", "waiting") & Domain(domain))

    # -- deciding -------------------------------------------------------------------

    def action_approve(self):
        """Let it happen; not by who asked for it."""
        self._decide("approved")
        for _kind, some in self.grouped("kind").items():
            some._apply(self.env.user)
        self._tell()
        return True

    def action_open_refuse(self):
        """Ask for the reason to decline."""
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Decline"),
            "res_model": "healthcare.approval.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_approval_ids": [fields.Command.set(self.ids)]},
        }

    def _refuse(self, answer):
        if not (answer or "").strip():
            raise UserError(self.env._("Say why it is declined."))
        self._decide("refused", answer)
        self._tell()

    def action_withdraw(self):
        self._decide("withdrawn")
        return True

    def _decide(self, state, answer=False):
        self.check_access("read")
        if not self:
            raise UserError(self.env._("There is nothing to decide."))
        # Locked first: of two who decide at once, one is told that it was decided.
        self.sudo().lock_for_update()
        for one in self:
            own = one.requested_by_id == self.env.user
            if one.state != "waiting":
                raise UserError(self.env._("This was decided already."))
            if own and state != "withdrawn":
                raise UserError(
                    self.env._("Another person than who asked for it decides.")
                )
            if not own and state == "withdrawn":
                raise UserError(self.env._("Who asked for it withdraws it."))
            if not own and not (one.can_decide and one._reaches()):
                raise AccessError(self.env._("You have no right to decide on this."))
        self._end(state, answer=answer)

    def _end(self, state, **values):
        # Stands in for the system, as above.
        system = self.sudo()
        system.write(
            {
                "state": state,
                "decided_by_id": self.env.uid,
                "decided_at": fields.Datetime.now(),
                **values,
            }
        )
        system.flush_recordset(["state"])  # the indexes let another one be asked for
        system.activity_ids.unlink()
        self._remind()

    @api.model
    def _over(self, domain):
        """Close what waits although it has happened, or cannot happen any more."""
        waiting = self._waits(domain)
        if waiting:
            waiting._end("over", decided_by_id=False)

    def _apply(self, approver):
        """Do what was agreed to, if it still stands on what it was asked for.

        :param self: requests of one kind; kinds extend it
        :param approver: the user who agreed
        """

    # -- telling --------------------------------------------------------------------

    def _tell(self):
        """Tell those who asked what was decided, once each."""
        labels = dict(self._fields["state"]._description_selection(self.env))
        for asker, some in self.sudo().grouped("requested_by_id").items():
            first = some[:1]
            first.message_notify(
                partner_ids=asker.partner_id.ids,
                subject=f"{labels[first.state]}: {first.subject}",
                body=self.env._(
                    "%(name)s decided on %(count)s request(s) of yours: %(answer)s",
                    name=self.env.user.name,
                    count=len(some),
                    answer=first.answer or labels[first.state],
                ),
            )

    @api.model
    def _remind(self):
        """Give each who may decide one thing to do, however many requests wait."""
        # Stands in for the system: activities are given to others here.
        waiting = self.sudo().search([("state", "=", "waiting")], order="id")
        busy = waiting.activity_ids.user_id
        seen = set()
        for one in waiting:
            alike = one._alike()
            if alike in seen:
                continue
            seen.add(alike)
            for user in one._who_may() - busy:
                busy |= user
                one.activity_schedule(
                    "mail.mail_activity_data_todo",
                    user_id=user.id,
                    summary=self.env._("Waits for your approval"),
                    note=self.env._(
                        "Somebody asks for what needs a second person. See Approvals."
                    ),
                )

    def _alike(self):
        """Return what tells who may decide: one of each is enough to find out."""
        self.ensure_one()
        return (self.kind, self.requested_by_id, self.company_id)
