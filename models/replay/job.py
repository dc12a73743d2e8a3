"""Jobs: many events to run again, or many exceptions to decide on, with progress."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..exchange.slice_job import CANCELLED, DONE, DRAFT, PAUSED, RUNNING, STATE
from ..governance.exception import CATEGORIES, OPEN_STATES

# What a person chooses; all else is written by what people do and by the job itself.
CHOICES = {
    "event_state",
    "source_id",
    "type_id",
    "facility_id",
    "category",
    "cause_id",
    "date_from",
    "date_to",
}
KEPT = {
    "kind",
    "state",
    "user_id",
    "new_owner_id",
    "uuid",
    "correction",
    "correction_name",
    "line_ids",
    "outcome_ids",
    "preview_ids",
    "result_ids",
    "difference_ids",
    "previewed_at",
    "previewed_count",
    "total_count",
    "done_count",
    "started_at",
    "ended_at",
    "resumed_at",
    "resumed_done",
}
REPLAY = "healthcare_connector.group_replay"


class HealthcareReplay(models.Model):
    """A decision on many events or exceptions, carried out slice by slice.

    What it is about is fixed in lines when it starts; each line is worked on once, and
    its state is committed together with what was done. Killed at any moment, a job goes
    on where it was. It works with the rights of whoever started it.
    """

    _name = "healthcare.replay"
    _description = "Replay"
    _inherit = ["mail.thread", "healthcare.slice.job.steered"]
    _order = "id desc"
    _job_cron = "cron_replay"

    name = fields.Char(compute="_compute_name")
    kind = fields.Selection(
        [
            ("replay", "Run events again"),
            ("retry", "Retry exceptions"),
            ("waive", "Waive exceptions"),
            ("assign", "Hand exceptions over"),
            ("correct", "Correct events"),
        ],
        string="What",
        required=True,
        readonly=True,
        default="replay",
    )
    state = fields.Selection(
        [DRAFT, RUNNING, PAUSED, DONE, CANCELLED],
        default="draft",
        tracking=True,
        **STATE,
    )
    reason = fields.Char(tracking=True, help="Why; goes on record with every event.")
    user_id = fields.Many2one(
        "res.users",
        string="By",
        required=True,
        readonly=True,
        default=lambda self: self.env.uid,
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        default=lambda self: self.env.company,
    )
    by_hand = fields.Boolean(
        readonly=True, help="Events were picked one by one, not by what they share."
    )
    # -- what it is about -------------------------------------------------------
    event_state = fields.Selection(
        [
            ("exception", "Held up"),
            ("dead", "Given up"),
            ("discarded", "Discarded"),
            ("done", "Done (only to see what would change)"),
        ],
        string="Events That Are",
        default="exception",
        required=True,
    )
    source_id = fields.Many2one("healthcare.source")
    type_id = fields.Many2one("healthcare.event.type", string="Kind of Event")
    facility_id = fields.Many2one(
        "healthcare.facility", domain="[('company_id', '=', company_id)]"
    )
    category = fields.Selection(CATEGORIES)
    cause_id = fields.Many2one("healthcare.exception.cause", string="Problem")
    date_from = fields.Datetime(string="Received From")
    date_to = fields.Datetime(string="Received Before")
    event_count = fields.Integer(
        string="Events Chosen", compute="_compute_event_count", compute_sudo=False
    )
    new_owner_id = fields.Many2one("res.users", string="New Owner", readonly=True)
    # -- how far it is ----------------------------------------------------------
    line_ids = fields.One2many("healthcare.replay.line", "replay_id")
    outcome_ids = fields.One2many("healthcare.replay.outcome", "replay_id")
    preview_ids = fields.One2many(
        "healthcare.replay.outcome", "replay_id", domain=[("phase", "=", "preview")]
    )
    result_ids = fields.One2many(
        "healthcare.replay.outcome", "replay_id", domain=[("phase", "=", "result")]
    )
    difference_ids = fields.One2many("healthcare.replay.difference", "replay_id")
    previewed_at = fields.Datetime(string="Tried", readonly=True, copy=False)
    previewed_count = fields.Integer(readonly=True, copy=False)
    total_count = fields.Integer(string="Altogether", readonly=True, copy=False)
    done_count = fields.Integer(string="Finished", readonly=True, copy=False)
    progress = fields.Float(compute="_compute_progress", aggregator=None)
    remaining = fields.Char(string="Time Left", compute="_compute_remaining")
    resumed_at = fields.Datetime(readonly=True, copy=False)
    resumed_done = fields.Integer(readonly=True, copy=False)
    may_work = fields.Boolean(compute="_compute_may_work")

    _running_index = models.Index("(id) WHERE state = 'running'")

    # -- computed ---------------------------------------------------------------

    @api.depends("kind", "reason")
    def _compute_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for job in self:
            job.name = ": ".join(filter(None, [kinds[job.kind], job.reason]))

    @api.depends(
        "by_hand",
        "event_state",
        "source_id",
        "type_id",
        "facility_id",
        "category",
        "cause_id",
        "date_from",
        "date_to",
        "state",
        "total_count",
    )
    def _compute_event_count(self):
        for job in self:
            if job.state == "draft" and not job.by_hand and job.kind == "replay":
                domain = job._event_domain()
                job.event_count = self.env["healthcare.event"].search_count(domain)
            else:
                job.event_count = job.total_count

    @api.depends("total_count", "done_count")
    def _compute_progress(self):
        for job in self:
            total = job.total_count
            job.progress = 100.0 * job.done_count / total if total else 0.0

    @api.depends("state", "done_count", "total_count", "resumed_at", "resumed_done")
    def _compute_remaining(self):
        for job in self:
            job.remaining = job.state == "running" and job._time_left()

    def _time_left(self):
        """Return in words how long it will still take, or False when unknown."""
        seconds = (fields.Datetime.now() - self.resumed_at).total_seconds()
        worked = self.done_count - self.resumed_done
        if worked <= 0 or seconds <= 0:
            return False
        left = (self.total_count - self.done_count) * seconds / worked
        if left < 60:
            return self.env._("less than a minute")
        if left < 5400:
            return self.env._("about %s minutes", round(left / 60) or 1)
        return self.env._("about %s hours", round(left / 3600))

    @api.depends_context("uid")
    def _compute_may_work(self):
        for job in self:
            job.may_work = job._may_work()

    def _may_work(self):
        user = self.env.user
        if self.kind == "replay":
            return user.has_group(REPLAY)
        return self.user_id == user or user.has_group(
            "healthcare_connector.group_administrator"
        )

    def _check_may_work(self):
        self.check_access("read")
        if any(not job._may_work() for job in self):
            raise AccessError(
                self.env._("You may not do this: it needs the right to replay events.")
            )

    # -- what it is about -------------------------------------------------------

    def _event_domain(self):
        """Return which events the choices on the form mean."""
        self.ensure_one()
        domain = Domain("state", "=", self.event_state or "exception") & (
            Domain("facility_id", "=", False)
            | Domain("facility_id.company_id", "=", self.company_id.id)
        )
        for name in ("source_id", "type_id", "facility_id"):
            if self[name]:
                domain &= Domain(name, "=", self[name].id)
        if self.date_from:
            domain &= Domain("received_at", ">=", self.date_from)
        if self.date_to:
            domain &= Domain("received_at", "<", self.date_to)
        issue = Domain.TRUE
        if self.category:
            issue &= Domain("category", "=", self.category)
        if self.cause_id:
            issue &= Domain("cause_id", "=", self.cause_id.id)
        if not issue.is_true():
            issue &= Domain("blocks_event", "=", True)
            if self.event_state == "exception":
                issue &= Domain("state", "in", OPEN_STATES)
            domain &= Domain("exception_ids", "any", issue)
        return domain

    def _fix_lines(self):
        """Write down once and for all which events this is about."""
        self.ensure_one()
        if not self.by_hand:
            query = self.env["healthcare.event"]._search(self._event_domain())
            self.env.execute_query(
                SQL(
                    """INSERT INTO healthcare_replay_line (replay_id, event_id, state)
                    SELECT %s, id, 'pending' FROM (%s) chosen(id) ORDER BY id
                    ON CONFLICT DO NOTHING RETURNING id""",
                    self.id,
                    query.select(),
                )
            )
        self.line_ids.invalidate_model()

    @api.onchange(*sorted(CHOICES))
    def _onchange_choice(self):
        self.previewed_at = False

    def write(self, vals):
        self._check_free(vals)
        if CHOICES & vals.keys():
            if any(job.state != "draft" for job in self):
                raise UserError(
                    self.env._("What this is about was fixed when it started.")
                )
            vals = {**vals, "previewed_at": False}
            # Stands in for the system: nobody writes what was counted by hand.
            self.sudo().outcome_ids.unlink()
            self.sudo().difference_ids.unlink()
        return super().write(vals)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_free(vals)
        return super().create(vals_list)

    def _check_free(self, vals):
        """Let nobody write by hand who decided, or how far it is."""
        if not self.env.su and KEPT & vals.keys():
            raise AccessError(
                self.env._("How a replay goes is not written by hand; start it.")
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_only_drafts(self):
        if any(job.state != "draft" for job in self):
            raise UserError(self.env._("What was started stays on record."))

    # -- what people do ---------------------------------------------------------

    def action_start(self):
        """Fix what it is about and begin; the work is done in the background."""
        self.ensure_one()
        self._check_may_work()
        if self.state != "draft":
            raise UserError(self.env._("This was started already."))
        if not (self.reason or "").strip():
            raise UserError(self.env._("Say why: it goes on record with every event."))
        if self.kind == "replay":
            if self.event_state == "done" and not self.by_hand:
                raise UserError(
                    self.env._("Events that are done cannot run again; only look.")
                )
            if not self.previewed_at:
                raise UserError(self.env._("Look first at what would happen."))
        self._begin()
        return True

    def _begin(self):
        self._fix_lines()
        total = self.env["healthcare.replay.line"].search_count(
            [("replay_id", "=", self.id)]
        )
        if not total:
            raise UserError(self.env._("There is nothing to do: nothing matches."))
        now = fields.Datetime.now()
        # Stands in for whoever may start it, which was checked by the caller.
        self.sudo().write(
            {
                "state": "running",
                "user_id": self.env.uid,
                "total_count": total,
                "started_at": now,
                "resumed_at": now,
            }
        )
        self._wake()

    def action_resume(self):
        result = super().action_resume()
        for job in self:
            job.sudo().write(  # checked just now
                {"resumed_at": fields.Datetime.now(), "resumed_done": job.done_count}
            )
        return result

    def action_cancel(self):
        result = super().action_cancel()
        # Stands in for the system, checked just now: counting what came of it.
        for job in self.sudo():
            job._count_results()
        return result

    def action_open_events(self):
        """Show the events this is about."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_event"
        )
        if self.state == "draft" and not self.by_hand:
            action["domain"] = list(self._event_domain())
        else:
            action["domain"] = [("replay_line_ids.replay_id", "=", self.id)]
        action["context"] = {}
        return action

    def action_open_exceptions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_exception"
        )
        action["domain"] = [("replay_line_ids.replay_id", "=", self.id)]
        action["context"] = {}
        return action

    def action_refresh_results(self):
        """Count again what became of it: events may have gone on since."""
        self.check_access("read")
        # Stands in for the system: only counts are written.
        for job in self.sudo().filtered(lambda one: one.state != "draft"):
            job._count_results()
        return True

    @api.model
    def _open_for(self, **values):
        """Return an action on a new replay, chosen by these values.

        :raise AccessError: for who has no right to replay
        """
        job = self.create(values)
        job._check_may_work()
        return job._open_form()

    def _open_form(self):
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
        }

    @api.autovacuum
    def _gc_drafts(self):
        """Forget what was prepared and never started."""
        limit = fields.Datetime.now() - timedelta(days=7)
        self.search([("state", "=", "draft"), ("create_date", "<", limit)]).unlink()


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    replay_line_ids = fields.One2many("healthcare.replay.line", "event_id")

    def action_open_replay(self):
        """Prepare to run the chosen events again.

        :raise AccessError: for who has no right to replay
        """
        jobs = self.env["healthcare.replay"]
        action = jobs._open_for(by_hand=True)
        job = jobs.browse(action["res_id"])
        # Stands in for the system: nobody writes lines by hand.
        self.env["healthcare.replay.line"].sudo().create(
            [{"replay_id": job.id, "event_id": event.id} for event in self]
        )
        job.sudo().total_count = len(self)  # as above
        return action


class HealthcareExceptionCause(models.Model):
    _inherit = "healthcare.exception.cause"

    def action_open_replay(self):
        """Prepare to run again what this problem holds up."""
        self.ensure_one()
        return self.env["healthcare.replay"]._open_for(
            cause_id=self.id,
            company_id=(self.company_id or self.env.company).id,
        )


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    replay_line_ids = fields.One2many("healthcare.replay.line", "exception_id")
