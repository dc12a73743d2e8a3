"""Alerts: opened once when a rule's figure crosses, closed once when it is calm."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError

from .alert_rule import SEVERITIES

LIVE = ("pending", "open")
#: a value is kept when it has changed by this share since the last one kept
KEPT_CHANGE = 0.1


class HealthcareAlert(models.Model):
    """What a rule found, from its first sight to its end. Written by one job only."""

    _name = "healthcare.alert"
    _description = "Alert"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "state desc, opened_at desc, id desc"

    name = fields.Char(required=True, readonly=True)
    rule_id = fields.Many2one(
        "healthcare.alert.rule",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one("res.company", readonly=True)
    severity = fields.Selection(SEVERITIES, required=True, readonly=True)
    facility_id = fields.Many2one("healthcare.facility", readonly=True)
    subject = fields.Char(
        required=True, default="", readonly=True, help="Type, source, target or job."
    )
    state = fields.Selection(
        [("pending", "Watched"), ("open", "Open"), ("closed", "Closed")],
        required=True,
        default="pending",
        readonly=True,
        help="Watched: not for long enough yet to tell anybody.",
    )
    since = fields.Datetime(required=True, readonly=True, help="When it began.")
    opened_at = fields.Datetime(string="Opened", readonly=True)
    closed_at = fields.Datetime(string="Closed", readonly=True)
    close_reason = fields.Char(readonly=True)
    value = fields.Float(readonly=True, aggregator=None)
    peak = fields.Float(readonly=True, aggregator=None)
    value_text = fields.Char(string="Now", compute="_compute_texts")
    peak_text = fields.Char(string="Worst", compute="_compute_texts")
    acknowledged_by_id = fields.Many2one(
        "res.users", string="Taken Note By", readonly=True
    )
    acknowledged_at = fields.Datetime(string="Taken Note At", readonly=True)
    reading_ids = fields.One2many(
        "healthcare.alert.reading", "alert_id", string="Course"
    )
    notice_ids = fields.One2many("healthcare.alert.notice", "alert_id", string="Told")

    # Opened once: however many jobs look, of one thing one alert is live.
    _live_unique = models.UniqueIndex(
        "(rule_id, COALESCE(facility_id, 0), subject) "
        "WHERE state IN ('pending', 'open')",
        "This alert is open already.",
    )

    @api.depends("value", "peak", "rule_id")
    def _compute_texts(self):
        for alert in self:
            rule = alert.rule_id
            alert.value_text = rule._say(alert.value) if rule else False
            alert.peak_text = rule._say(alert.peak) if rule else False

    # -- what people do ---------------------------------------------------------

    def action_acknowledge(self):
        """Say that somebody knows; it closes by itself when it is over."""
        self.check_access("read")
        if not self.env.user.has_group("healthcare_connector.group_operator"):
            raise AccessError(self.env._("Only operators take note of alerts."))
        fresh = self.filtered(lambda a: a.state == "open" and not a.acknowledged_by_id)
        # Stands in for the job: alerts are written by nobody else, and who may take
        # note was checked above.
        fresh.sudo().write(
            {
                "acknowledged_by_id": self.env.uid,
                "acknowledged_at": fields.Datetime.now(),
            }
        )
        return True

    # -- kept up by one job -----------------------------------------------------

    @api.model
    def _cron_evaluate(self):
        """Look at all figures that rules watch; open and close alerts."""
        self._evaluate()
        self.env["healthcare.alert.notice"]._wake()

    @api.model
    def _evaluate(self):
        """Open and close alerts; rules that ask for the same figure share a query."""
        self.env.flush_all()
        now = fields.Datetime.now()
        rules = self.env["healthcare.alert.rule"].search([("active", "=", True)])
        facilities = self.env["healthcare.facility"].search([("active", "=", True)])
        by_company = facilities.grouped("company_id")
        live = {
            alert._identity(): alert for alert in self.search([("state", "in", LIVE)])
        }
        cache, fresh = {}, []
        for rule in rules:
            found = rule._read(
                cache, by_company.get(rule.company_id, facilities.browse())
            )
            for key, (label, value) in found.items():
                alert = live.pop((rule.id, *key), None)
                if alert:
                    alert._follow(value, now)
                elif rule._is_crossed(value):
                    fresh.append(self._values(rule, key, label, value, now))
        for alert in live.values():
            alert._close(self.env._("It is not watched any more."))
        opened = self.create(fresh)
        opened._note_reading(now)
        opened.filtered(lambda a: not a.rule_id.minimum_minutes)._open(now)

    def _identity(self):
        self.ensure_one()
        return self.rule_id.id, self.facility_id.id or 0, self.subject

    @api.model
    def _values(self, rule, key, label, value, now):
        facility_id, subject = key
        facility = self.env["healthcare.facility"].browse(facility_id or [])
        return {
            "name": " · ".join(filter(None, [rule.name, facility.name, label])),
            "rule_id": rule.id,
            "company_id": rule.company_id.id,
            "severity": rule.severity,
            "facility_id": facility.id,
            "subject": subject,
            "since": now,
            "value": value,
            "peak": value,
        }

    def _follow(self, value, now):
        """Note the present value of a live alert; open or close it by that."""
        self.ensure_one()
        rule = self.rule_id
        if value != self.value:
            worse = max if rule.comparison == "above" else min
            self.write({"value": value, "peak": worse(self.peak, value)})
        if self.state == "pending":
            if not rule._is_crossed(value):
                self.unlink()  # did not last: nobody has to know
            elif now - self.since >= timedelta(minutes=rule.minimum_minutes):
                self._note_reading(now)
                self._open(now)
            return
        if rule._is_calm(value):
            self._note_reading(now)
            self._close(self.env._("The figure is calm again."))
            return
        last = self.reading_ids[:1]
        change = abs(value - last.value) > KEPT_CHANGE * abs(last.value)
        if change or now - last.date >= timedelta(hours=1):
            self._note_reading(now)

    def _note_reading(self, now):
        self.env["healthcare.alert.reading"].create(
            [{"alert_id": a.id, "date": now, "value": a.value} for a in self]
        )

    def _open(self, now):
        self.write({"state": "open", "opened_at": now})
        self.env["healthcare.alert.notice"]._plan(self, "opened")

    def _close(self, reason):
        """Close what is open; what was only watched is forgotten."""
        self.filtered(lambda alert: alert.state == "pending").unlink()
        ending = self.exists().filtered(lambda alert: alert.state == "open")
        ending.write(
            {
                "state": "closed",
                "closed_at": fields.Datetime.now(),
                "close_reason": reason,
            }
        )
        self.env["healthcare.alert.notice"]._plan(ending, "closed")


class HealthcareAlertReading(models.Model):
    """A value an alert had, kept where it changed."""

    _name = "healthcare.alert.reading"
    _description = "Value of an Alert"
    _order = "date desc, id desc"
    _log_access = False

    alert_id = fields.Many2one(
        "healthcare.alert", required=True, readonly=True, index=True, ondelete="cascade"
    )
    date = fields.Datetime(required=True, readonly=True)
    value = fields.Float(readonly=True, aggregator=None)
    value_text = fields.Char(string="Was", compute="_compute_value_text")

    @api.depends("value", "alert_id")
    def _compute_value_text(self):
        for reading in self:
            reading.value_text = reading.alert_id.rule_id._say(reading.value)


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def control_room(self, period="day", facility_id=False):
        """Add ``alerts`` to what the control room shows: those that are open.

        :return: besides the others, ``"alerts": [{id, name, severity, value, since,
            acknowledged}]``
        """
        data = super().control_room(period, facility_id)
        domain = [("state", "=", "open")]
        if facility_id:
            domain.append(("facility_id", "in", (facility_id, False)))
        alerts = self.env["healthcare.alert"].search(domain, limit=20)
        ranks = [severity for severity, _label in SEVERITIES]
        data["alerts"] = [
            {
                "id": alert.id,
                "name": alert.name,
                "severity": alert.severity,
                "value": alert.value_text,
                "since": fields.Datetime.to_string(alert.since),
                "acknowledged": alert.acknowledged_by_id.name or False,
            }
            for alert in alerts.sorted(lambda a: -ranks.index(a.severity))
        ]
        return data
