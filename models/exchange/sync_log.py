"""Every attempt, at every step."""

from odoo import fields, models

from ..governance.exception import CATEGORIES

OUTCOMES = [
    ("done", "Done"),
    ("stale", "Older than Known"),
    ("parked", "Needs a Person"),
    ("waiting", "Waiting"),
    ("retry", "Will Retry"),
    ("failed", "Failed"),
    ("corrected", "Corrected"),
    ("released", "Released"),
    ("discarded", "Discarded"),
]


class HealthcareSyncLog(models.Model):
    _name = "healthcare.sync.log"
    _description = "Sync Log"
    _order = "id desc"
    _log_access = False
    _rec_name = "operation"

    event_id = fields.Many2one("healthcare.event", index=True, ondelete="cascade")
    source_id = fields.Many2one(related="event_id.source_id", store=True)
    facility_id = fields.Many2one(related="event_id.facility_id", store=True)
    batch_id = fields.Many2one(
        "healthcare.delivery.batch", index="btree_not_null", ondelete="cascade"
    )
    operation = fields.Selection(
        [
            ("process", "Processing"),
            ("deliver", "Delivery"),
            ("decision", "Decision"),
        ],
        required=True,
    )
    outcome = fields.Selection(OUTCOMES, required=True)
    category = fields.Selection(CATEGORIES)
    attempt = fields.Integer()
    message = fields.Char(help="Plain words; never a value of the payload.")
    date = fields.Datetime(required=True, index=True)
    duration_ms = fields.Float(
        string="Duration (ms)", help="Of the whole batch the event was part of."
    )
    batch_size = fields.Integer(help="Events or facts handled together.")
    user_id = fields.Many2one("res.users", string="By")

    # What users limited to facilities see, newest first.
    _facility_index = models.Index("(facility_id, id)")
    # Nearly all is done: what is not is looked for among it.
    _trouble_index = models.Index("(outcome, id) WHERE outcome != 'done'")
