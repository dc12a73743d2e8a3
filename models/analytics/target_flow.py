"""How soon and how fast: latency classes, windows, rates, sizes."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_datetime

from odoo.addons.base.models.res_partner import _tz_get

from ...core import clock, facts
from ...core.delivery import windows
from .fact import fact_types

LATENCIES = [
    ("real_time", "At once"),
    ("near_real_time", "Within the age of a batch"),
    ("batch", "In its window"),
]
#: What of a target says how its facts are sorted into classes.
SORTING = {"latency", "flow_ids"}


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    latency = fields.Selection(
        LATENCIES,
        string="Facts Leave",
        required=True,
        default="real_time",
        tracking=True,
        help="At once: as soon as they are there. Within the age of a batch: together, "
        "when a batch is full or its oldest fact is so old. In its window: when the "
        "schedule says so.",
    )
    flow_ids = fields.One2many("healthcare.target.flow", "target_id", copy=True)
    batch_age = fields.Integer(
        string="Age of a Batch",
        default=60,
        required=True,
        help="Seconds that a fact waits at most for others to be sent with.",
    )
    window = fields.Char(
        tracking=True,
        help="Minutes in which batches may leave, as a cron expression: minute, hour, "
        "day of month (L is the last), month, day of week. “* 22-23,0-4 * * *” is ten "
        "at night to five. Empty: always.",
    )
    has_blackout = fields.Boolean(
        string="Blackout Hours", tracking=True, help="Hours in which nothing leaves."
    )
    blackout_from = fields.Float(default=8.0)
    blackout_to = fields.Float(default=18.0)
    month_end = fields.Selection(
        [
            ("open", "Like other days"),
            ("closed", "Nothing leaves"),
            ("only", "Batches leave then only"),
        ],
        string="Last Day of a Month",
        required=True,
        default="open",
        tracking=True,
    )
    tz = fields.Selection(
        _tz_get,
        string="Time Zone",
        required=True,
        default=lambda self: (
            self.env.company.partner_id.tz or self.env.user.tz or "UTC"
        ),
    )
    rate_limit = fields.Float(
        tracking=True, help="No more than so many a second; 0 is any number."
    )
    rate_unit = fields.Selection(
        [("requests", "requests"), ("facts", "facts")],
        required=True,
        default="requests",
    )
    rate_until = fields.Datetime(
        readonly=True, copy=False, help="Its rate keeps it from more until then."
    )
    fits = fields.Integer(
        string="Facts That Fit",
        readonly=True,
        copy=False,
        help="The target said that more facts in one request are too large for it.",
    )
    parallel = fields.Integer(
        string="Requests at Once",
        default=1,
        required=True,
        help="Facts are shared out by what they tell of, so that those of one "
        "appointment or invoice still arrive one after the other.",
    )
    waiting_note = fields.Char(compute="_compute_waiting_note")

    _flow_positive = models.Constraint(
        "CHECK(batch_age >= 0 AND rate_limit >= 0 AND parallel BETWEEN 1 AND 16)",
        "Ages and rates cannot be negative; 1 to 16 requests may go at once.",
    )

    # -- checks -----------------------------------------------------------------

    @api.constrains("window", "blackout_from", "blackout_to", "has_blackout")
    def _check_window(self):
        for target in self:
            try:
                if target.window:
                    windows.parse(target.window)
            except ValueError as error:
                raise ValidationError(
                    self.env._("The window is no schedule. %s", self.env._(str(error)))
                ) from error
            hours = (target.blackout_from, target.blackout_to)
            if target.has_blackout and (
                hours[0] == hours[1] or not all(0 <= hour <= 24 for hour in hours)
            ):
                raise ValidationError(
                    self.env._("Blackout hours are two different hours of a day.")
                )

    # -- classes ----------------------------------------------------------------

    def _latency_of(self, fact_type):
        """Return the class a fact type is sent in."""
        for flow in self.flow_ids:
            if flow.fact_type == fact_type:
                return flow.latency
        told = facts.LATENCY[fact_type]
        return self.latency if told == "real_time" else told

    def write(self, vals):
        result = super().write(vals)
        if SORTING & vals.keys():
            self._sort_anew()
        if vals.keys() & {"batch_size", "url"}:
            self.filtered("fits").fits = 0
        return result

    def _sort_anew(self):
        """Put what waits into its class, so that facts of one key stay in order."""
        for target in self:
            classes = {kind: target._latency_of(kind) for kind in facts.CATALOGUE}
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_delivery d SET latency = c.latency
                    FROM healthcare_fact f, unnest(%s::text[], %s::text[])
                        AS c(fact_type, latency)
                    WHERE d.target_id = %s AND d.state = 'pending'
                    AND f.id = d.fact_id AND c.fact_type = f.fact_type
                    AND d.latency IS DISTINCT FROM c.latency RETURNING d.id""",
                    list(classes),
                    list(classes.values()),
                    target.id,
                )
            )
        self.env["healthcare.delivery"]._wake()

    # -- when -------------------------------------------------------------------

    def _gate(self):
        """Return the :class:`~..core.delivery.windows.Window` of a target."""
        blackout = (self.blackout_from, self.blackout_to)
        return windows.Window(
            self.window or None,
            blackout if self.has_blackout else None,
            self.month_end,
            self.tz or "UTC",
        )

    def _open_classes(self):
        """Return the latency classes that may leave now."""
        gate, now = self._gate(), clock.utc_now()
        if not gate.is_open(now):
            return []
        if gate.is_open(now, batches=True):
            return ["real_time", "near_real_time", "batch"]
        return ["real_time", "near_real_time"]

    def _size(self):
        """Return how many facts a request holds at most."""
        size = min(self.batch_size, self.fits or self.batch_size)
        if self.rate_limit and self.rate_unit == "facts":
            size = min(size, max(1, int(self.rate_limit)))
        return size

    def _pause_after(self, count):
        """Return the seconds until the next request after one of so many facts."""
        if not self.rate_limit:
            return 0.0
        return (count if self.rate_unit == "facts" else 1) / self.rate_limit

    def _rest(self, seconds):
        """Keep to the rate in the next turn of the job as well."""
        self.rate_until = fields.Datetime.now() + timedelta(seconds=seconds)

    def _may_send(self):
        if self.rate_until and self.rate_until > fields.Datetime.now():
            return False
        return bool(self._open_classes()) and super()._may_send()

    def _first_pending(self):
        """Return ``{latency class: when its oldest was recorded}`` of what waits."""
        rows = self.env.execute_query(
            SQL(
                """SELECT c.latency, p.recorded_at
                FROM unnest(%s::text[]) AS c(latency), LATERAL (
                    SELECT recorded_at FROM healthcare_delivery
                    WHERE target_id = %s AND state = 'pending'
                    AND latency = c.latency ORDER BY fact_id LIMIT 1) p""",
                [latency for latency, _label in LATENCIES],
                self.id,
            )
        )
        return dict(rows)

    def _due_at(self):
        """Return when something that waits may leave, naive UTC; None: nothing does."""
        self.ensure_one()
        if self.paused or not self.active:
            return None
        now, gate, dues = clock.utc_now(), self._gate(), []
        for latency, recorded in self._first_pending().items():
            due = now
            if latency == "near_real_time":
                due = max(now, recorded + timedelta(seconds=self.batch_age))
            due = max(filter(None, (due, self.open_until, self.rate_until)))
            dues.append(gate.opens_at(due, latency == "batch"))
        return min(filter(None, dues), default=None)

    # -- for people -------------------------------------------------------------

    @api.depends(
        "paused", "active", "open_until", "latency", "window", "has_blackout", "tz"
    )
    def _compute_waiting_note(self):
        now = clock.utc_now()
        for target in self:
            target.waiting_note = target.id and target._waiting_for(now)

    def _waiting_for(self, now):
        """Return in words what keeps facts from leaving, or False."""
        if self.paused or not self.active:
            return False  # told elsewhere on the form
        waiting = self._first_pending()
        if not waiting:
            return False
        if self.open_until and self.open_until > now:
            return self.env._(
                "Is left alone after a failure until %s.", self._clock(self.open_until)
            )
        gate = self._gate()
        if not gate.is_open(now):
            opens = gate.opens_at(now)
            return opens and self.env._(
                "Nothing may leave until %s.", self._clock(opens)
            )
        if "batch" in waiting and not gate.is_open(now, batches=True):
            opens = gate.opens_at(now, batches=True)
            if not opens:
                return self.env._("Waits for its window, which never opens.")
            return self.env._("Waits for its window until %s.", self._clock(opens))
        if set(waiting) == {"near_real_time"}:
            due = waiting["near_real_time"] + timedelta(seconds=self.batch_age)
            if due > now:
                return self.env._(
                    "Collects a batch until %s, unless it is full before.",
                    self._clock(due),
                )
        return False

    def _clock(self, moment):
        """Return a time for people, with its day unless that is today."""
        zone = ZoneInfo(self.tz or "UTC")
        local, today = (
            one.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()
            for one in (moment, clock.utc_now())
        )
        pattern = "HH:mm" if local == today else "EEE d MMM HH:mm"
        return format_datetime(self.env, moment, tz=self.tz, dt_format=pattern)


class HealthcareTargetFlow(models.Model):
    """The latency class of one fact type at one target."""

    _name = "healthcare.target.flow"
    _description = "Latency of a Fact Type"
    _order = "fact_type"

    target_id = fields.Many2one(
        "healthcare.target", required=True, ondelete="cascade", index=True
    )
    fact_type = fields.Selection(fact_types, required=True)
    latency = fields.Selection(
        LATENCIES, string="Leaves", required=True, default="batch"
    )

    _type_unique = models.UniqueIndex(
        "(target_id, fact_type)", "Each kind of fact is named once."
    )

    @api.model_create_multi
    def create(self, vals_list):
        flows = super().create(vals_list)
        flows.target_id._sort_anew()
        return flows

    def write(self, vals):
        result = super().write(vals)
        self.target_id._sort_anew()
        return result

    def unlink(self):
        targets = self.target_id
        result = super().unlink()
        targets._sort_anew()
        return result
