"""Telling of alerts: one message when one opens, one when it closes, on each way."""

# The driver of a job commits: each message once it has left.
# pylint: disable=invalid-commit

import logging
import uuid
from datetime import timedelta

import psycopg2

from odoo import api, fields, models

from ...core import backoff, strict_json
from ...core.errors import KeyringError, TechnicalError

_logger = logging.getLogger(__name__)

CLOUDEVENTS_BATCH = "application/cloudevents-batch+json"
MAX_ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0  # seconds


class HealthcareAlertNotice(models.Model):
    """One message on one way. It is sent again until it arrived, under the same id."""

    _name = "healthcare.alert.notice"
    _description = "Message of an Alert"
    _order = "id"
    _rec_name = "channel"

    alert_id = fields.Many2one(
        "healthcare.alert", required=True, readonly=True, index=True, ondelete="cascade"
    )
    change = fields.Selection(
        [("opened", "Opened"), ("closed", "Closed")], required=True, readonly=True
    )
    channel = fields.Selection(
        [("activity", "Activity"), ("email", "E-mail"), ("webhook", "Webhook")],
        string="By",
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ("due", "Waiting"),
            ("sent", "Told"),
            ("dropped", "Over Before Told"),
            ("failed", "Given Up"),
        ],
        required=True,
        default="due",
        readonly=True,
    )
    uuid = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: str(uuid.uuid4()),
    )
    due_at = fields.Datetime(string="When", required=True, readonly=True)
    attempts = fields.Integer(readonly=True, aggregator=None)
    error = fields.Char(readonly=True)

    _once = models.UniqueIndex("(alert_id, change, channel)")
    _due_index = models.Index("(due_at) WHERE state = 'due'")

    @api.model
    def _wake(self):
        """Have messages sent once the transaction has committed."""
        if self.search_count(
            [("state", "=", "due"), ("due_at", "<=", fields.Datetime.now())], limit=1
        ):
            # Stands in for the system: a job wakes another.
            self.env.ref("healthcare_connector.cron_alert_notices").sudo()._trigger()

    @api.model
    def _plan(self, alerts, change):
        """Plan the messages of alerts that have just opened or closed."""
        now = fields.Datetime.now()
        if change == "closed":
            alerts = self._drop_untold(alerts)
        self.create(
            [
                {
                    "alert_id": alert.id,
                    "change": change,
                    "channel": channel,
                    "due_at": alert.rule_id._told_at(now),
                }
                for alert in alerts
                for channel in self._channels(alert)
            ]
        )

    @api.model
    def _channels(self, alert):
        rule = alert.rule_id
        ways = {
            "activity": rule.user_ids or rule.group_id,
            "email": rule.email_to and rule.template_id,
            "webhook": rule.target_id,
        }
        return [channel for channel, wanted in ways.items() if wanted]

    @api.model
    def _drop_untold(self, alerts):
        """Forget of what quiet hours kept back and is over; return the others."""
        untold = self.search(
            [
                ("alert_id", "in", alerts.ids),
                ("state", "=", "due"),
                ("attempts", "=", 0),
                ("due_at", ">", fields.Datetime.now()),
            ]
        )
        untold.state = "dropped"
        return alerts - untold.alert_id

    # -- sending ----------------------------------------------------------------

    @api.model
    def _cron_send(self):
        """Send what is due, each in a transaction of its own."""
        while notice := self._next():
            notice._send()
            self.env.cr.commit()

    @api.model
    def _next(self):
        """Return what to send now: an end is never told before its beginning."""
        due = self.search(
            [("state", "=", "due"), ("due_at", "<=", fields.Datetime.now())]
        )
        ends = due.filtered(lambda notice: notice.change == "closed")
        begun = self.search(
            [
                ("alert_id", "in", ends.alert_id.ids),
                ("change", "=", "opened"),
                ("state", "=", "due"),
            ]
        )
        waiting = {(notice.alert_id, notice.channel) for notice in begun}
        return due.filtered(
            lambda notice: (
                notice.change == "opened"
                or (notice.alert_id, notice.channel) not in waiting
            )
        )[:1]

    def _send(self):
        """Send one message, or note when to try again."""
        self.ensure_one()
        try:
            with self.env.cr.savepoint():
                getattr(self, f"_send_{self.channel}")()
        except (TechnicalError, KeyringError) as error:
            self._note_failure(str(error.detail))
        except psycopg2.OperationalError:
            raise  # the job begins again
        except Exception as error:  # one broken template must not hold up the others
            _logger.error("Telling of an alert failed with %s", type(error).__name__)
            self._note_failure(type(error).__name__)
        else:
            self.write({"state": "sent", "attempts": self.attempts + 1, "error": False})

    def _note_failure(self, message):
        attempts = self.attempts + 1
        pause = backoff.full_jitter(attempts, FIRST_PAUSE, LONGEST_PAUSE)
        self.write(
            {
                "attempts": attempts,
                "error": message,
                "state": "failed" if attempts >= MAX_ATTEMPTS else "due",
                "due_at": fields.Datetime.now() + timedelta(seconds=max(pause, 1.0)),
            }
        )

    def _send_activity(self):
        alert = self.alert_id
        if self.change == "closed":
            alert.activity_ids.unlink()
            alert._message_log(body=self.env._("It is over: %s", alert.close_reason))
            return
        for user in alert.rule_id._recipients():
            if not alert.with_user(user).has_access("read"):
                continue  # an activity on what one may not open helps nobody
            alert.activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=fields.Date.context_today(self),
                summary=alert.name,
                note=alert.rule_id.sentence,
                user_id=user.id,
            )

    def _send_email(self):
        rule = self.alert_id.rule_id
        rule.template_id.send_mail(
            self.alert_id.id, email_values={"email_to": rule.email_to}
        )

    def _send_webhook(self):
        target = self.alert_id.rule_id.target_id
        if target.paused or not target.active:
            raise TechnicalError("paused")
        target._send(self.uuid, [self._document()])

    def _document(self):
        """Return the message as a CloudEvent; numbers and names of places only."""
        alert = self.alert_id
        moment = alert.opened_at if self.change == "opened" else alert.closed_at
        return {
            "specversion": "1.0",
            "id": self.uuid,
            "source": alert.rule_id.target_id.event_source,
            "type": f"healthcare.alert.{self.change}.v1",
            "time": moment.isoformat() + "Z",
            "datacontenttype": "application/json",
            "data": {
                "alert": alert.id,
                "name": alert.name,
                "rule": alert.rule_id.name,
                "figure": alert.rule_id.figure,
                "unit": alert.rule_id.unit,
                "severity": alert.severity,
                "facility": alert.facility_id.code or None,
                "subject": alert.subject or None,
                "value": alert.value,
                "peak": alert.peak,
                "threshold": alert.rule_id.threshold,
                "opened_at": alert.opened_at.isoformat() + "Z",
                "closed_at": alert.closed_at.isoformat() + "Z"
                if alert.closed_at
                else None,
            },
        }


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    content = fields.Selection(
        selection_add=[("alerts", "Alerts")],
        ondelete={"alerts": "set default"},
        help="Facts tell analytics how every document is now. Events tell other "
        "systems, as CloudEvents, that something has come about. Alerts tell who "
        "runs this, as CloudEvents, that a rule has opened or closed an alert.",
    )

    def _positions_wanted(self, fact_type, names):
        if self.content == "alerts":
            return []
        return super()._positions_wanted(fact_type, names)

    def _content(self, documents):
        if self.content == "alerts":
            return CLOUDEVENTS_BATCH, strict_json.dumps(documents)
        return super()._content(documents)
