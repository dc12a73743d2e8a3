"""What a job is about, one row each; and what it counted."""

from odoo import fields, models

from ..governance.exception import CATEGORIES

OUTCOMES = [
    ("done", "Done"),
    ("unchanged", "Nothing changes"),
    ("parked", "Needs a person"),
    ("waiting", "Waits for another event"),
    ("retry", "Technical problem, tried again"),
    ("underway", "Under way"),
    ("decided", "Decided"),
    ("skipped", "Left out"),
    ("failed", "Failed"),
    ("pending", "Not begun"),
]


class HealthcareReplayLine(models.Model):
    """One event or exception of a job. ``released``: let go, not come to rest yet."""

    _name = "healthcare.replay.line"
    _description = "Line of a Replay"
    _log_access = False
    _order = "id"
    _rec_name = "message"

    replay_id = fields.Many2one(
        "healthcare.replay", required=True, ondelete="cascade", readonly=True
    )
    event_id = fields.Many2one(
        "healthcare.event", index="btree_not_null", ondelete="cascade", readonly=True
    )
    exception_id = fields.Many2one(
        "healthcare.exception",
        index="btree_not_null",
        ondelete="cascade",
        readonly=True,
    )
    state = fields.Selection(
        [
            ("pending", "Not Begun"),
            ("released", "Under Way"),
            ("done", "Finished"),
            ("skipped", "Left Out"),
            ("failed", "Failed"),
        ],
        required=True,
        default="pending",
        readonly=True,
    )
    message = fields.Char(readonly=True, help="Why it was left out or failed.")

    # No event and no exception twice in one job.
    _event_unique = models.UniqueIndex(
        "(replay_id, event_id) WHERE event_id IS NOT NULL"
    )
    _exception_unique = models.UniqueIndex(
        "(replay_id, exception_id) WHERE exception_id IS NOT NULL"
    )
    # Where a job goes on: small, however large the job.
    _open_index = models.Index(
        "(replay_id, state, id) WHERE state IN ('pending', 'released')"
    )


class HealthcareReplayOutcome(models.Model):
    _name = "healthcare.replay.outcome"
    _description = "Outcome of a Replay"
    _log_access = False
    _order = "count desc, id"
    _rec_name = "outcome"

    replay_id = fields.Many2one(
        "healthcare.replay",
        required=True,
        ondelete="cascade",
        readonly=True,
        index=True,
    )
    phase = fields.Selection(
        [("preview", "Would Be"), ("result", "Is")], required=True, readonly=True
    )
    outcome = fields.Selection(OUTCOMES, required=True, readonly=True)
    category = fields.Selection(CATEGORIES, readonly=True)
    message = fields.Char(string="Why", readonly=True)
    count = fields.Integer(string="How Many", readonly=True)


class HealthcareReplayDifference(models.Model):
    """What a replay would make or change, by kind of document; no value of any."""

    _name = "healthcare.replay.difference"
    _description = "Difference a Replay Makes"
    _log_access = False
    _order = "change, count desc, id"
    _rec_name = "document"

    replay_id = fields.Many2one(
        "healthcare.replay",
        required=True,
        ondelete="cascade",
        readonly=True,
        index=True,
    )
    change = fields.Selection(
        [("created", "Would be made"), ("changed", "Would change")],
        required=True,
        readonly=True,
    )
    document = fields.Char(string="Documents", required=True, readonly=True)
    res_model = fields.Char(required=True, readonly=True)
    res_ids = fields.Json(readonly=True)
    count = fields.Integer(string="How Many", readonly=True)
    fields_changed = fields.Char(string="What", readonly=True)

    def action_open(self):
        """Show a sample of the documents that would change, as they are."""
        self.ensure_one()
        self.check_access("read")
        self.env[self.res_model].check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.document,
            "res_model": self.res_model,
            "domain": [("id", "in", self.res_ids or [])],
            "views": [(False, "list"), (False, "form")],
        }
