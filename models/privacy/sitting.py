"""Why somebody reads patients' data: asked once per sitting."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

LONGEST = timedelta(hours=8)
IDLE = timedelta(hours=1)
PURPOSES = [
    ("treatment", "Treatment"),
    ("payment", "Payment"),
    ("operations", "Operations"),
    ("correction", "Correcting an error"),
    ("request", "Request of the patient"),
    ("audit", "Audit or investigation"),
    ("interface", "Setting up an interface"),
    ("other", "Other"),
]


class HealthcareSitting(models.Model):
    """What somebody said the reading is for; holds until the sitting is over."""

    _name = "healthcare.sitting"
    _description = "Purpose of Reading"
    _order = "id desc"
    _log_access = False

    user_id = fields.Many2one("res.users", required=True, index=True, readonly=True)
    purpose = fields.Selection(PURPOSES, required=True, readonly=True)
    note = fields.Char(readonly=True)
    begun_at = fields.Datetime(required=True, readonly=True)
    used_at = fields.Datetime(required=True, readonly=True)

    @api.model
    def _current(self):
        """Return the sitting of the user, if there is one that is not over."""
        now = fields.Datetime.now()
        # Stands in for the reader, for whom it is only looked up.
        return self.sudo().search(
            [
                ("user_id", "=", self.env.uid),
                ("begun_at", ">", now - LONGEST),
                ("used_at", ">", now - IDLE),
            ],
            limit=1,
        )

    @api.model
    def _purpose(self):
        """Return in words what the user reads for.

        :raise UserError: when the user has not said so
        """
        sitting = self._current()
        if not sitting:
            raise UserError(
                self.env._("Say first what you read patients' data for: open it again.")
            )
        now = fields.Datetime.now()
        if now - sitting.used_at > timedelta(minutes=5):
            sitting.used_at = now
        labels = dict(self._fields["purpose"]._description_selection(self.env))
        return ": ".join(filter(None, [labels[sitting.purpose], sitting.note]))

    @api.model
    def _begin(self, purpose, note=None):
        """Begin a sitting of the user."""
        now = fields.Datetime.now()
        # Stands in for the reader, who may write no sitting of another's.
        return self.sudo().create(
            {
                "user_id": self.env.uid,
                "purpose": purpose,
                "note": note,
                "begun_at": now,
                "used_at": now,
            }
        )

    @api.model
    def _ask_before(self, record):
        """Return an action that asks for the purpose, or nothing when it is known.

        :param record: an event or message, which is opened afterwards
        """
        record.check_access("read")
        if self._current():
            return None
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Do You Read It For?"),
            "res_model": "healthcare.sitting.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_res_model": record._name,
                "default_res_id": record.id,
            },
        }
