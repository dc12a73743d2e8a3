"""The breaker: a target that keeps failing is left alone and tried by one probe."""

from datetime import timedelta

from odoo import fields, models

from ...core import backoff, clock


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    breaker_state = fields.Selection(
        [("closed", "Closed"), ("open", "Open"), ("half_open", "Half Open")],
        string="Breaker",
        default="closed",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
        help="Open: nothing is sent for a while, since the target kept failing. Half "
        "open: one probe is on its way.",
    )
    failure_count = fields.Integer(
        string="Failures in a Row", readonly=True, copy=False
    )
    breaker_threshold = fields.Integer(default=5, required=True)
    open_until = fields.Datetime(string="Next Attempt", readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)

    _threshold_positive = models.Constraint(
        "CHECK(breaker_threshold > 0)", "The breaker threshold must be positive."
    )

    def _may_send(self):
        """Tell whether a batch may leave; an open breaker lets one probe through."""
        self.ensure_one()
        if self.paused or not self.active:
            return False
        if self.open_until and self.open_until > fields.Datetime.now():
            return False  # the pause after a failure, whatever the breaker says
        if self.breaker_state == "open":
            self.breaker_state = "half_open"
        return True

    def _note_success(self, count):
        """Count facts that were taken; the target is well."""
        self.ensure_one()
        values = {
            "last_delivery_at": fields.Datetime.now(),
            "delivered_count": self.delivered_count + count,
        }
        if self.breaker_state != "closed" or self.failure_count:
            values.update(
                breaker_state="closed",
                failure_count=0,
                open_until=False,
                last_error=False,
            )
        self.write(values)

    def _note_failure(self, message, retry_after=None, refused=False):
        """Count a failure and return when to try again.

        :param refused: the target said that it takes nothing of this kind
        """
        self.ensure_one()
        failures = self.failure_count + 1
        seconds = retry_after or backoff.full_jitter(failures, 1.0, 60.0)
        due = clock.utc_now() + timedelta(seconds=max(seconds, 1.0))
        due = due.replace(microsecond=0) + timedelta(seconds=1)  # kept in whole seconds
        is_open = (
            self.breaker_state == "half_open" or failures >= self.breaker_threshold
        )
        self.write(
            {
                "failure_count": failures,
                "last_error": message,
                "breaker_state": "open" if is_open else self.breaker_state,
                "open_until": due,
            }
        )
        return due

    def action_reset_breaker(self):
        """Try again at once."""
        self.check_access("write")
        self.write({"breaker_state": "closed", "failure_count": 0, "open_until": False})
        self.env["healthcare.delivery"]._wake()
