"""Jobs in slices: one slice at a time, committed together with how far it is.

Killed at any moment, a job goes on where it was.
"""

import time

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

BUDGET_SECONDS = 20
DRAFT = ("draft", "Being Prepared")
RUNNING = ("running", "Running")
PAUSED = ("paused", "Paused")
DONE = ("done", "Done")
CANCELLED = ("cancelled", "Cancelled")
#: How the field ``state`` of a job is, with those of the states that it has
STATE = {"required": True, "readonly": True, "copy": False}


class HealthcareSliceJob(models.AbstractModel):
    """What the jobs of a model have in common; each says in ``_advance`` what it does.

    ``state`` is theirs to declare, with those of the states above that they have.
    ``_job_cron`` is the scheduled job that calls ``_cron_run``; ``_jobs_at_once`` how
    many are advanced in one transaction, all unless said.
    """

    _name = "healthcare.slice.job"
    _description = "Job in Slices"
    _job_cron = None
    _jobs_at_once = None

    started_at = fields.Datetime(readonly=True, copy=False)
    ended_at = fields.Datetime(readonly=True, copy=False)

    @api.model
    def _cron_run(self):
        """Work on what is running until nothing is left to do now."""
        engine = self.env["healthcare.engine"]
        end = time.monotonic() + BUDGET_SECONDS
        while time.monotonic() < end:
            if not engine._committed(lambda _attempt: self._advance_running()):
                return
        self._wake()

    @api.model
    def _advance_running(self):
        """Work one slice of running jobs; tell whether more can be done at once."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM %s WHERE state = 'running'
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
                SQL.identifier(self._table),
                self._jobs_at_once,
            )
        )
        jobs = self.browse([row[0] for row in rows])
        jobs.invalidate_recordset()
        return any([job._advance() for job in jobs])

    def _advance(self):
        """Work one slice of this job; tell whether more can be done at once."""
        raise NotImplementedError

    def _end(self, state="done"):
        self.write({"state": state, "ended_at": fields.Datetime.now()})

    @api.model
    def _wake(self):
        # Stands in for the system: jobs are configuration of ours.
        self.env.ref(f"healthcare_connector.{self._job_cron}").sudo()._healthcare_wake()


class HealthcareSliceJobSteered(models.AbstractModel):
    """A job in slices that people pause, resume and cancel."""

    _name = "healthcare.slice.job.steered"
    _description = "Job in Slices, Steered"
    _inherit = ["healthcare.slice.job"]

    def action_pause(self):
        """Stop after the slice that is being worked on."""
        self._move(("running",), "paused")

    def action_resume(self):
        """Go on where it was."""
        self._move(("paused",), "running")
        self._wake()

    def action_cancel(self):
        """Leave the rest alone; what was done stays done."""
        self._move(("draft", "running", "paused"), "cancelled")
        # Stands in for whoever may steer it, which was checked just now.
        self.sudo().write({"ended_at": fields.Datetime.now()})

    def _move(self, states, state):
        self._check_may_work()
        if any(job.state not in states for job in self):
            raise UserError(self.env._("It is not in a state to do this."))
        # Stands in for whoever may steer it, which was checked above.
        self.sudo().write({"state": state})

    def _check_may_work(self):
        """Raise where the user may not steer these jobs."""
        self.check_access("write")
