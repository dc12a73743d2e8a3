"""When somebody has to be told: a figure, a threshold, and whom to tell how."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import formatLang

from .alert_figures import COUNTED, WATCHED

SEVERITIES = [("info", "Notice"), ("warning", "Warning"), ("critical", "Critical")]
#: in the order of ``date.weekday()``
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: which figure sums up its facilities how; others add up
HIGHEST = ("oldest_waiting",)


class HealthcareAlertRule(models.Model):
    """A threshold with hysteresis: opens at one value, closes at a calmer one."""

    _name = "healthcare.alert.rule"
    _description = "Alert Rule"
    _inherit = ["mail.thread"]
    _order = "sequence, id"

    name = fields.Char(required=True, tracking=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    figure = fields.Selection("_figures", required=True, default="held", tracking=True)
    unit = fields.Char(compute="_compute_unit")
    apart = fields.Char(compute="_compute_unit")
    is_counted = fields.Boolean(compute="_compute_unit")
    comparison = fields.Selection(
        [("above", "Reaches or exceeds"), ("below", "Falls to or below")],
        required=True,
        default="above",
    )
    threshold = fields.Float(
        string="Opens At", required=True, default=1.0, tracking=True
    )
    close_threshold = fields.Float(
        string="Closes At",
        required=True,
        default=1.0,
        tracking=True,
        help="It closes once the figure is on the calm side of this value. A calmer "
        "value than the one it opens at keeps it from opening and closing all the "
        "time.",
    )
    minimum_minutes = fields.Integer(
        string="For at Least (minutes)",
        default=0,
        help="Only what lasts this long is told. Zero: at once.",
    )
    scope = fields.Selection(
        [
            ("all", "All facilities together"),
            ("each", "Each facility apart"),
            ("one", "One facility"),
        ],
        string="Facilities",
        required=True,
        default="all",
    )
    facility_id = fields.Many2one("healthcare.facility", check_company=True)
    type_id = fields.Many2one(
        "healthcare.event.type",
        string="Event Type",
        help="Empty: each type of event apart.",
    )
    hours = fields.Integer(
        string="Counted Over (hours)",
        default=1,
        required=True,
        help="The running hour and as many before it as are missing.",
    )
    days = fields.Integer(string="Visits Within (days)", default=3, required=True)
    minimum_count = fields.Integer(
        string="Among at Least",
        default=10,
        help="A share of fewer events says nothing and is left out.",
    )
    severity = fields.Selection(SEVERITIES, required=True, default="warning")
    quiet_start = fields.Float(string="Quiet From")
    quiet_end = fields.Float(string="Quiet Until")
    mon = fields.Boolean(default=True)
    tue = fields.Boolean(default=True)
    wed = fields.Boolean(default=True)
    thu = fields.Boolean(default=True)
    fri = fields.Boolean(default=True)
    sat = fields.Boolean(default=True)
    sun = fields.Boolean(default=True)
    timezone = fields.Char(compute="_compute_timezone")
    user_ids = fields.Many2many(
        "res.users",
        string="People",
        domain="[('share', '=', False)]",
        help="Each gets one activity when it opens, which is done when it closes.",
    )
    group_id = fields.Many2one("res.groups", string="Group")
    email_to = fields.Char(string="E-mail To", help="Addresses, separated by commas.")
    template_id = fields.Many2one(
        "mail.template",
        string="E-mail",
        domain="[('model', '=', 'healthcare.alert')]",
        default=lambda self: self.env.ref(
            "healthcare_connector.mail_template_alert", raise_if_not_found=False
        ),
    )
    target_id = fields.Many2one(
        "healthcare.target",
        string="Webhook",
        domain="[('content', '=', 'alerts')]",
        help="A target that gets alerts: signed, one message when it opens, one when "
        "it closes.",
    )
    sentence = fields.Char(string="In Words", compute="_compute_sentence")
    alert_ids = fields.One2many("healthcare.alert", "rule_id")
    open_count = fields.Integer(string="Open Alerts", compute="_compute_open_count")

    _numbers_positive = models.Constraint(
        "CHECK(minimum_minutes >= 0 AND hours BETWEEN 1 AND 720 AND days > 0"
        " AND minimum_count >= 0)",
        "Times and counts of a rule cannot be negative; hours are at most 720.",
    )
    _quiet_in_day = models.Constraint(
        "CHECK(quiet_start BETWEEN 0 AND 24 AND quiet_end BETWEEN 0 AND 24)",
        "Quiet hours are times of the day.",
    )

    # -- fields -----------------------------------------------------------------

    @api.model
    def _figures(self):
        # One by one, so that each is found by who translates.
        labels = {
            "unfinished": self.env._("Events under way"),
            "oldest_waiting": self.env._("Oldest event waiting"),
            "held": self.env._("Events held up"),
            "failure_share": self.env._("Share of events held up"),
            "rejected": self.env._("Events refused by schema"),
            "throttled": self.env._("Events throttled"),
            "failed": self.env._("Retries exhausted"),
            "exceptions_overdue": self.env._("Exceptions past their due time"),
            "amount_at_risk": self.env._("Amount at risk"),
            "not_cleared": self.env._("Coming visits not cleared"),
            "source_silence": self.env._("Source silent"),
            "facts_oldest": self.env._("Oldest fact to be delivered"),
            "breaker_open": self.env._("Deliveries stopped by the breaker"),
            "facts_missing": self.env._("Facts missing at a target"),
            "quality_failed": self.env._(
                "Facts that break a quality rule, in two days"
            ),
            "job_late": self.env._("Scheduled job late"),
        }
        return [(key, labels[key]) for key in WATCHED]

    @api.depends("figure")
    def _compute_unit(self):
        for rule in self:
            watched = WATCHED.get(rule.figure)
            rule.unit = watched and watched.unit
            rule.apart = watched and watched.apart
            rule.is_counted = rule.figure in COUNTED

    @api.depends("company_id")
    def _compute_timezone(self):
        for rule in self:
            # Stands in for the system: a company's own address is no secret.
            rule.timezone = rule.company_id.sudo().partner_id.tz or "UTC"

    def _compute_open_count(self):
        found = dict(
            self.env["healthcare.alert"]._read_group(
                [("rule_id", "in", self.ids), ("state", "=", "open")],
                ["rule_id"],
                ["__count"],
            )
        )
        for rule in self:
            rule.open_count = found.get(rule, 0)

    @api.depends(
        "figure",
        "comparison",
        "threshold",
        "close_threshold",
        "minimum_minutes",
        "scope",
        "facility_id",
        "type_id",
        "hours",
        "days",
    )
    def _compute_sentence(self):
        for rule in self:
            rule.sentence = rule._in_words() if rule.figure else False

    def _in_words(self):
        """Return the rule as a sentence that people can check."""
        label = dict(self._figures())[self.figure]
        where = {
            "type": self.type_id.name or self.env._("each type of event apart"),
            "source": self.env._("each source apart"),
            "target": self.env._("each target apart"),
            "job": self.env._("each job apart"),
        }.get(self.apart) or {
            "each": self.env._("each facility apart"),
            "one": self.facility_id.name,
        }.get(self.scope)
        within = ""
        if self.is_counted:
            within = self.env._(" within %s h", self.hours)
        elif self.figure == "not_cleared":
            within = self.env._(" within %s days", self.days)
        subject = f"{label}{within}" + (f" ({where})" if where else "")
        values = {
            "subject": subject,
            "open": self._say(self.threshold),
            "close": self._say(self.close_threshold),
            "lasting": self.env._(" for %s minutes", self.minimum_minutes)
            if self.minimum_minutes
            else "",
        }
        if self.unit == "state":
            return self.env._("%(subject)s: opens when so%(lasting)s.", **values)
        if self.comparison == "above":
            return self.env._(
                "%(subject)s: opens at %(open)s or more%(lasting)s, closes below "
                "%(close)s.",
                **values,
            )
        return self.env._(
            "%(subject)s: opens at %(open)s or less%(lasting)s, closes above "
            "%(close)s.",
            **values,
        )

    def _say(self, value):
        """Return a value of this rule's figure as people read it."""
        self.ensure_one()
        if self.unit == "money":
            return formatLang(self.env, value, currency_obj=self.company_id.currency_id)
        if self.unit == "state":
            return self.env._("stopped") if value else self.env._("running")
        if self.unit == "percent":
            return f"{value:.0f} %"
        if self.unit == "minutes":
            if value >= 2 * 1440:
                return self.env._("%s days", f"{value / 1440:.0f}")
            if value >= 120:
                return self.env._("%s h", f"{value / 60:.0f}")
            return self.env._("%s min", f"{value:.0f}")
        return f"{value:.0f}"

    @api.constrains("comparison", "threshold", "close_threshold")
    def _check_hysteresis(self):
        for rule in self:
            calmer = rule.threshold - rule.close_threshold
            if calmer < 0 if rule.comparison == "above" else calmer > 0:
                raise ValidationError(
                    self.env._(
                        "The value it closes at must not be worse than the one it "
                        "opens at."
                    )
                )

    @api.constrains("scope", "facility_id")
    def _check_facility(self):
        for rule in self:
            if rule.scope == "one" and not rule.facility_id:
                raise ValidationError(self.env._("Choose the facility to watch."))

    @api.onchange("threshold", "comparison")
    def _onchange_threshold(self):
        worse = self.threshold < self.close_threshold
        if worse if self.comparison == "above" else not worse:
            self.close_threshold = self.threshold

    @api.onchange("figure")
    def _onchange_figure(self):
        if self.unit == "state":
            self.threshold = self.close_threshold = 1.0
        if self.apart not in ("facility", "type"):
            self.scope = "all"

    def write(self, vals):
        result = super().write(vals)
        # What another figure had opened is not what this one would close.
        if {"figure", "scope", "facility_id", "type_id", "company_id"} & vals.keys():
            self._let_go()
        elif vals.get("active") is False:
            self._let_go()
        return result

    def _let_go(self):
        # Stands in for the system: alerts are written by the job only.
        live = self.with_context(active_test=False).sudo().alert_ids
        live._close(self.env._("The rule was changed."))

    # -- judging ----------------------------------------------------------------

    def _is_crossed(self, value):
        if self.comparison == "above":
            return value >= self.threshold
        return value <= self.threshold

    def _is_calm(self, value):
        if self.comparison == "above":
            return value < self.close_threshold
        return value > self.close_threshold

    def _read(self, cache, facilities):
        """Return ``{(facility id or 0, subject): (label, value)}`` of what is watched.

        :param dict cache: readings of this turn, shared by rules that ask the same
        :param facilities: active facilities of the rule's company
        """
        self.ensure_one()
        asked = (
            self.figure,
            self.hours,
            self.days,
            self.company_id.currency_id.id,
        )
        if asked not in cache:
            cache[asked] = self.env["healthcare.figures"]._watched(*asked)
        if self.apart not in ("facility", "type"):
            return {(0, r.subject): (r.label, float(r.value)) for r in cache[asked]}
        sums = {}
        if self.apart == "facility":
            places = {"each": facilities.ids, "one": self.facility_id.ids}
            sums = {
                (place, ""): ["", 0.0, 0.0] for place in places.get(self.scope, [0])
            }
        for row in cache[asked]:
            place = self._place(row.facility, facilities)
            if place is None or (self.type_id and row.subject != self.type_id.code):
                continue
            entry = sums.setdefault((place, row.subject), [row.label, 0.0, 0.0])
            value = float(row.value or 0)
            if self.figure in HIGHEST:
                entry[1] = max(entry[1], value)
            else:
                entry[1] += value
            entry[2] += float(row.total or 0)
        if self.unit != "percent":
            return {key: (label, value) for key, (label, value, _t) in sums.items()}
        return {
            key: (label, 100.0 * value / total)
            for key, (label, value, total) in sums.items()
            if total and total >= self.minimum_count
        }

    def _place(self, facility_id, facilities):
        """Return what a facility counts for: its id, 0 for all, ``None`` for none."""
        if self.scope == "one":
            return facility_id if facility_id == self.facility_id.id else None
        if self.scope == "each":
            return facility_id if facility_id in facilities._ids else None
        # What could not be read names no facility.
        return 0 if facility_id is None or facility_id in facilities._ids else None

    # -- quiet hours ------------------------------------------------------------

    def _told_at(self, moment):
        """Return when something of this moment is told: then, or after quiet hours.

        :param moment: naive UTC
        """
        self.ensure_one()
        if self.severity == "critical" or self.quiet_start == self.quiet_end:
            return moment
        zone = ZoneInfo(self.timezone)
        local = moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
        for _turn in range(8):  # quiet days may follow each other
            end = self._quiet_end_at(local, zone)
            if end is None:
                break
            local = end
        return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    def _quiet_end_at(self, local, zone):
        """Return the end of the quiet hours a local time lies in, if it does."""
        for back in (0, 1):
            day = local.date() - timedelta(days=back)
            if not self[DAYS[day.weekday()]]:
                continue
            midnight = datetime.combine(day, time())
            start = midnight + timedelta(hours=self.quiet_start)
            end = midnight + timedelta(hours=self.quiet_end)
            if end <= start:
                end += timedelta(days=1)
            start, end = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
            if start <= local < end:
                return end
        return None

    def _recipients(self):
        """Return the people who get an activity."""
        people = self.user_ids | self.group_id.all_user_ids
        return people.filtered(lambda user: user.active and not user.share)

    def action_open_alerts(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_alert"
        )
        action["domain"] = [("rule_id", "=", self.id), ("state", "!=", "pending")]
        action["context"] = {}
        return action
