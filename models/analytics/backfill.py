"""Facts from before a target was there, or once more: in slices, with progress."""

# The driver of a job commits slice by slice.
# pylint: disable=invalid-commit

import time

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..exchange.slice_job import (
    BUDGET_SECONDS,
    CANCELLED,
    DONE,
    DRAFT,
    PAUSED,
    RUNNING,
    STATE,
)
from .fact import fact_types
from .target import _parts

SLICE = 2000
WINDOW = 20_000  # facts looked at for a slice
PATIENCE_SECONDS = 5.0


class HealthcareBackfill(models.Model):
    """Puts facts of a period in line for a target, again where it had them.

    What is in line already when a slice is due goes first, so that what happens now
    waits for one slice at most. The same fact has the same key and sequence: a target
    that has it takes it as what it is.
    """

    _name = "healthcare.backfill"
    _description = "Back-fill"
    _inherit = ["mail.thread", "healthcare.slice.job.steered"]
    _order = "id desc"
    _job_cron = "cron_backfill"

    name = fields.Char(compute="_compute_name")
    target_id = fields.Many2one(
        "healthcare.target", required=True, ondelete="cascade", index=True
    )
    fact_type = fields.Selection(fact_types, help="Empty: all that the target gets.")
    date_from = fields.Datetime(string="Recorded From")
    date_to = fields.Datetime(string="Recorded Before")
    only_newest = fields.Boolean(
        default=True,
        help="Of each invoice, visit and so on only how it is now. Otherwise "
        "everything that was told of it, from the first fact on.",
    )
    again = fields.Boolean(
        string="What It Has Already, Too",
        help="Send facts again that the target took, for instance because they were "
        "lost there.",
    )
    state = fields.Selection(
        [DRAFT, RUNNING, PAUSED, DONE, CANCELLED],
        default="draft",
        tracking=True,
        **STATE,
    )
    chosen_count = fields.Integer(string="Facts Chosen", compute="_compute_chosen")
    total_count = fields.Integer(string="Altogether", readonly=True, copy=False)
    done_count = fields.Integer(string="Put in Line", readonly=True, copy=False)
    progress = fields.Float(compute="_compute_progress", aggregator=None)
    pending_count = fields.Integer(related="target_id.pending_count")
    cursor = fields.Integer(readonly=True, copy=False, aggregator=None)
    last_fact = fields.Integer(readonly=True, copy=False, aggregator=None)

    @api.depends("target_id", "fact_type")
    def _compute_name(self):
        labels = dict(self._fields["fact_type"]._description_selection(self.env))
        for job in self:
            kinds = labels.get(job.fact_type) or self.env._("all facts")
            job.name = f"{job.target_id.name}: {kinds}"

    @api.depends(
        "target_id", "fact_type", "date_from", "date_to", "only_newest", "again"
    )
    def _compute_chosen(self):
        for job in self:
            job.chosen_count = job.total_count
            if job.state == "draft" and job.target_id:
                job.chosen_count = job._count()

    @api.depends("total_count", "done_count", "state")
    def _compute_progress(self):
        for job in self:
            done = 100.0 if job.state == "done" else 0.0
            job.progress = (
                100.0 * job.done_count / job.total_count if job.total_count else done
            )

    # -- what it is about -------------------------------------------------------

    def _meant(self):
        """Return the condition on facts ``f`` of the kinds and time meant."""
        # On a form not saved yet a record has an id that is none.
        target = self.target_id._origin
        conditions = [SQL("f.id <= %s", self.last_fact) if self.last_fact else None]
        wanted = _parts(target.fact_types)
        if self.fact_type:
            conditions.append(SQL("f.fact_type = %s", self.fact_type))
        if target.content == "events":
            conditions.append(SQL("f.event_names IS NOT NULL"))
        elif wanted:
            conditions.append(SQL("f.fact_type = ANY(%s)", wanted))
        if self.date_from:
            conditions.append(SQL("f.recorded_at >= %s", self.date_from))
        if self.date_to:
            conditions.append(SQL("f.recorded_at < %s", self.date_to))
        return SQL(" AND ").join([SQL("TRUE"), *filter(None, conditions)])

    def _chosen(self, first, last):
        """Return the condition on facts ``f`` to be sent, in a range of ids."""
        target = self.target_id._origin
        conditions = [SQL("f.id BETWEEN %s AND %s", first, last), self._meant()]
        if self.only_newest:
            conditions.append(
                SQL(
                    """NOT EXISTS (SELECT 1 FROM healthcare_fact l
                    WHERE l.key = f.key AND l.sequence > f.sequence)"""
                )
            )
        kept = (
            ("pending", "failed") if self.again else ("pending", "failed", "superseded")
        )
        conditions.append(
            SQL(
                """NOT EXISTS (SELECT 1 FROM healthcare_delivery d
                WHERE d.fact_id = f.id AND d.target_id = %s AND d.state IN %s)""",
                target.id,
                kept,
            )
        )
        if not self.again:
            conditions.append(
                SQL(
                    """NOT EXISTS (SELECT 1 FROM (%s) AS received
                    WHERE received.id = f.id)""",
                    target._received(first, last),
                )
            )
        return SQL(" AND ").join(conditions)

    def _count(self):
        self.env.flush_all()
        ((first, last),) = self.env.execute_query(
            SQL(
                "SELECT min(id), max(id) FROM healthcare_fact f WHERE %s", self._meant()
            )
        )
        if not last:
            return 0
        return self.env.execute_query(
            SQL(
                "SELECT count(*) FROM healthcare_fact f WHERE %s",
                self._chosen(first, last),
            )
        )[0][0]

    # -- what people do ---------------------------------------------------------

    def action_start(self):
        """Fix what it is about and begin; the work is done in the background."""
        self.ensure_one()
        self.check_access("write")
        if self.state != "draft":
            raise UserError(self.env._("This was started already."))
        rows = self.env.execute_query(SQL("SELECT max(id) FROM healthcare_fact"))
        self.last_fact = rows[0][0] or 0
        total = self._count()
        if not total:
            raise UserError(self.env._("There is nothing to send: nothing matches."))
        self.write(
            {
                "state": "running",
                "total_count": total,
                "started_at": fields.Datetime.now(),
            }
        )
        self._wake()
        return True

    @api.ondelete(at_uninstall=False)
    def _unlink_only_drafts(self):
        if any(job.state != "draft" for job in self):
            raise UserError(self.env._("What was started stays on record."))

    # -- driving ----------------------------------------------------------------

    @api.model
    def _cron_backfill(self):
        """Put the next slices in line, as fast as targets take them."""
        end = time.monotonic() + BUDGET_SECONDS
        waited = worked = 0.0
        while time.monotonic() < end and waited < PATIENCE_SECONDS:
            self.env.cr.commit()
            self.env.invalidate_all()
            jobs = self.search([("state", "=", "running")], order="id")
            if not jobs:
                return
            moved = [job._next_slice() for job in jobs if job._has_room()]
            self.env.cr.commit()
            worked += len(moved)
            if not moved:
                time.sleep(0.25)
                waited += 0.25
        if worked:
            self._wake()
            self.env.cr.commit()

    def _has_room(self):
        """Whether the target has so little in line that a slice may follow."""
        rows = self.env.execute_query(
            SQL(
                """SELECT count(*) FROM (SELECT 1 FROM healthcare_delivery
                WHERE target_id = %s AND state = 'pending' LIMIT %s) p""",
                self.target_id.id,
                SLICE // 2,
            )
        )
        return rows[0][0] < SLICE // 2

    def _next_slice(self):
        """Put one slice in line; ends the job when there is nothing left to look at."""
        self.env.flush_all()
        ((first, last),) = self.env.execute_query(
            SQL(
                """SELECT min(id), max(id) FROM (SELECT f.id FROM healthcare_fact f
                    WHERE f.id > %s AND %s ORDER BY f.id LIMIT %s) AS looked_at""",
                self.cursor,
                self._meant(),
                WINDOW,
            )
        )
        if not last:
            self._end()
            return
        rows = self.env.execute_query(
            SQL(
                """SELECT f.id, f.key, f.fact_type FROM healthcare_fact f
                WHERE %s ORDER BY f.id LIMIT %s""",
                self._chosen(first, last),
                SLICE,
            )
        )
        if rows:
            self.env["healthcare.delivery"]._put_in_line(self.target_id, rows)
        if len(rows) == SLICE:
            last = rows[-1][0]
        self.write({"cursor": last, "done_count": self.done_count + len(rows)})


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    def action_open_backfill(self):
        """Prepare sending what was told before, or once more."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Back-fill"),
            "res_model": "healthcare.backfill",
            "views": [(False, "form")],
            "context": {"default_target_id": self.id},
        }
