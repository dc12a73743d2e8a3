"""Alerts open once, close once, and are told once each."""

from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import freeze_time, new_test_user
from odoo.tools import mute_logger

from odoo.addons.healthcare_connector.core.errors import TechnicalError
from odoo.addons.healthcare_connector.models.analytics.target_exchange import (
    HealthcareTarget,
)
from odoo.addons.healthcare_connector.models.monitoring.source_rhythm import _missed

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"
FIGURES = "odoo.addons.healthcare_connector.models.monitoring"
NOON = datetime(2026, 3, 4, 12, 0)  # a Wednesday


class AlertCase(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["healthcare.alert.rule"].search([]).active = False
        cls.operator = new_test_user(
            cls.env, "alert-operator", groups=f"base.group_user,{GROUP}operator"
        )

    def rule(self, **values):
        return self.env["healthcare.alert.rule"].create(
            {
                "name": "Held up",
                "figure": "held",
                "threshold": 10,
                "close_threshold": 5,
                "scope": "one",
                "facility_id": self.facility.id,
                "user_ids": [Command.set(self.operator.ids)],
                **values,
            }
        )

    def look(self, value, at=NOON, tell=True):
        """Evaluate all rules while ``held`` has this value at the test facility."""
        rows = [(self.facility.id, "", "", value)]
        figures = type(self.env["healthcare.figures"])
        with (
            freeze_time(at),
            patch.object(figures, "_watched_held", lambda _self: rows),
        ):
            self.env["healthcare.alert"]._evaluate()
            if tell:
                self.tell()
        return self.env["healthcare.alert"].search([("rule_id.name", "=", "Held up")])

    def tell(self):
        notices = self.env["healthcare.alert.notice"]
        for _turn in range(20):
            if not (notice := notices._next()):
                return
            notice._send()


class TestAlerts(AlertCase):
    def test_opens_once_and_closes_once(self):
        rule = self.rule()
        course = [9, 10, 9, 6, 12, 30, 5, 4, 4, 9]
        states = [
            self.look(value, NOON + timedelta(minutes=minute)).mapped("state")
            for minute, value in enumerate(course)
        ]
        self.assertEqual(states, [[], *[["open"]] * 6, *[["closed"]] * 3])
        alert = rule.alert_ids
        self.assertEqual((alert.peak, alert.value), (30, 4))
        self.assertEqual(
            alert.reading_ids.sorted("id").mapped("value"), [10, 6, 12, 30, 5, 4]
        )
        self.assertEqual(
            alert.notice_ids.mapped(lambda n: (n.change, n.channel, n.state)),
            [("opened", "activity", "sent"), ("closed", "activity", "sent")],
        )
        self.look(11, NOON + timedelta(hours=1))
        self.assertEqual(sorted(rule.alert_ids.mapped("state")), ["closed", "open"])

    def test_one_activity_while_it_is_open(self):
        self.rule()
        for minute in range(5):
            alert = self.look(20 + minute, NOON + timedelta(minutes=minute))
        activity = alert.activity_ids
        self.assertEqual(activity.user_id, self.operator)
        self.assertEqual(activity.summary, "Held up · East")
        alert = self.look(0, NOON + timedelta(minutes=9))
        self.assertFalse(alert.activity_ids)

    def test_what_does_not_last_is_not_told(self):
        rule = self.rule(minimum_minutes=5)
        for minute, value, state in (
            (0, 20, ["pending"]),
            (3, 7, []),
            (4, 20, ["pending"]),
            (8, 20, ["pending"]),
            (9, 20, ["open"]),
        ):
            self.look(value, NOON + timedelta(minutes=minute))
            self.assertEqual(rule.alert_ids.mapped("state"), state, minute)
        self.assertEqual(rule.alert_ids.since, NOON + timedelta(minutes=4))

    def test_two_jobs_cannot_open_it_twice(self):
        alert = self.look(20) if self.rule() else None
        with self.assertRaises(Exception) as caught, self.env.cr.savepoint():
            alert.copy({"state": "open"}).flush_recordset()
        self.assertIn("live_unique", str(caught.exception))

    def test_each_facility_apart(self):
        west = self.env["healthcare.facility"].create({"name": "W", "code": "T-WEST"})
        rule = self.rule(scope="each", facility_id=False)
        rows = [
            (self.facility.id, "", "", 10),
            (west.id, "", "", 9),
            (None, "", "", 50),
        ]
        figures = type(self.env["healthcare.figures"])
        with patch.object(figures, "_watched_held", lambda _self: rows):
            self.env["healthcare.alert"]._evaluate()
            self.assertEqual(rule.alert_ids.facility_id, self.facility)
            rule.scope = "all"
            self.assertEqual(rule.alert_ids.state, "closed")
            self.env["healthcare.alert"]._evaluate()
        together = rule.alert_ids.filtered(lambda a: a.state == "open")
        self.assertFalse(together.facility_id)
        self.assertEqual(together.value, 69)

    def test_below(self):
        self.rule(comparison="below", threshold=3, close_threshold=8)
        for minute, value, states in ((0, 4, []), (1, 3, ["open"]), (2, 8, ["open"])):
            alerts = self.look(value, NOON + timedelta(minutes=minute))
            self.assertEqual(alerts.mapped("state"), states)
        self.assertEqual(self.look(9).state, "closed")

    def test_hysteresis_is_the_right_way_round(self):
        with self.assertRaises(ValidationError):
            self.rule(threshold=5, close_threshold=6)
        with self.assertRaises(ValidationError):
            self.rule(comparison="below", threshold=5, close_threshold=4)

    def test_archived_rules_close_what_they_opened(self):
        rule = self.rule()
        alert = self.look(20)
        rule.active = False
        self.assertEqual(alert.state, "closed")
        self.look(20, NOON + timedelta(minutes=1))
        self.assertEqual(len(rule.alert_ids), 1)

    def test_sentences(self):
        sentence = self.rule(minimum_minutes=5).sentence
        self.assertEqual(
            sentence,
            "Events held up (East): opens at 10 or more for 5 minutes, closes below 5.",
        )
        for figure, _label in self.env["healthcare.alert.rule"]._figures():
            rule = self.rule(figure=figure, scope="all", facility_id=False)
            self.assertTrue(rule.sentence, figure)

    # -- quiet hours ------------------------------------------------------------

    def test_quiet_hours_are_in_the_time_zone_of_the_company(self):
        self.company.partner_id.tz = "America/New_York"
        rule = self.rule(quiet_start=20, quiet_end=7)
        # 03:00 UTC is 22:00 the day before; 07:00 there is 12:00 UTC in winter.
        self.assertEqual(rule._told_at(datetime(2026, 3, 4, 3, 0)), NOON)
        self.assertEqual(rule._told_at(NOON), NOON)
        rule.tue = False  # the evening belongs to the Tuesday it began on
        night = datetime(2026, 3, 4, 3, 0)
        self.assertEqual(rule._told_at(night), night)
        rule.severity = "critical"
        self.assertEqual(rule._told_at(datetime(2026, 3, 5, 3, 0)).hour, 3)

    def test_whole_quiet_days_follow_each_other(self):
        rule = self.rule(quiet_start=0, quiet_end=24)
        rule.write({day: False for day in ("mon", "tue", "wed", "thu", "fri")})
        saturday = datetime(2026, 3, 7, 10, 0)
        self.assertEqual(rule._told_at(saturday), datetime(2026, 3, 9, 0, 0))

    def test_told_after_quiet_hours_unless_over(self):
        self.rule(quiet_start=10, quiet_end=14)
        alert = self.look(20)
        self.assertEqual(alert.state, "open")
        self.assertFalse(alert.activity_ids)
        self.look(20, NOON + timedelta(hours=2))
        self.assertTrue(alert.activity_ids)
        self.look(0, NOON + timedelta(hours=3))
        again = self.look(20, NOON + timedelta(days=1)) - alert
        self.look(0, NOON + timedelta(days=1, minutes=5))
        self.assertEqual(again.notice_ids.mapped("state"), ["dropped"])

    # -- channels ---------------------------------------------------------------

    def test_email_names_the_figure_and_nothing_more(self):
        self.rule(email_to="oncall@example.com")
        alert = self.look(20)
        mail = self.env["mail.mail"].search([("email_to", "=", "oncall@example.com")])
        self.assertEqual(len(mail), 1)
        self.assertEqual(mail.subject, "Warning: Held up · East")
        self.assertIn("20", mail.body_html)
        self.look(0, NOON + timedelta(minutes=5))
        mails = self.env["mail.mail"].search([("email_to", "=", "oncall@example.com")])
        self.assertEqual((mails - mail).subject, "Over: Held up · East")
        self.assertEqual(alert.state, "closed")

    def test_webhook_is_sent_until_it_arrives_and_in_order(self):
        target = self.env["healthcare.target"].create(
            {"name": "Pager", "url": "https://pager.example", "content": "alerts"}
        )
        rule = self.rule(target_id=target.id, user_ids=False)
        sent, fail = [], [True]

        def send(_target, batch_uuid, documents):
            sent.append((batch_uuid, documents[0]["type"].split(".")[2]))
            if fail[0]:
                raise TechnicalError("HTTP 503")
            return 202

        with patch.object(HealthcareTarget, "_send", send):
            alert = self.look(20)
            notice = alert.notice_ids
            self.assertEqual((notice.state, notice.error), ("due", "HTTP 503"))
            self.look(0, NOON + timedelta(seconds=0))
            self.assertEqual([change for _id, change in sent], ["opened"])
            fail[0] = False
            with freeze_time(NOON + timedelta(hours=2)):
                self.tell()
        self.assertEqual(
            [change for _id, change in sent], ["opened", "opened", "closed"]
        )
        self.assertEqual(sent[0][0], sent[1][0], "the same message under the same id")
        self.assertEqual(set(alert.notice_ids.mapped("state")), {"sent"})
        document = alert.notice_ids[0]._document()
        self.assertEqual(document["data"]["threshold"], 10)
        self.assertEqual(document["data"]["facility"], "T-EAST")
        self.assertEqual(rule.open_count, 0)

    def test_one_that_cannot_be_told_does_not_hold_up_others(self):
        self.rule(email_to="oncall@example.com")
        notices = type(self.env["healthcare.alert.notice"])
        broken = patch.object(notices, "_send_activity", side_effect=KeyError("name"))
        with mute_logger(f"{FIGURES}.alert_notice"), broken:
            alert = self.look(20)
        states = {notice.channel: notice.state for notice in alert.notice_ids}
        self.assertEqual(states, {"activity": "due", "email": "sent"})
        self.assertEqual(alert.notice_ids[0].error, "KeyError")

    def test_targets_of_alerts_get_no_facts(self):
        target = self.env["healthcare.target"].create(
            {"name": "Pager", "url": "https://pager.example", "content": "alerts"}
        )
        self.play(self.register("AL1"))
        self.assertFalse(
            self.env["healthcare.delivery"].search([("target_id", "=", target.id)])
        )
        kind, body = target._content([{"a": 1}])
        self.assertEqual(
            (kind, body), ("application/cloudevents-batch+json", b'[{"a":1}]')
        )

    # -- people -----------------------------------------------------------------

    def test_taking_note(self):
        self.rule()
        alert = self.look(20)
        auditor = new_test_user(
            self.env, "alert-auditor", groups=f"base.group_user,{GROUP}auditor"
        )
        with self.assertRaises(AccessError):
            alert.with_user(auditor).action_acknowledge()
        with self.assertRaises(AccessError):
            alert.with_user(self.operator).write({"state": "closed"})
        alert.with_user(self.operator).action_acknowledge()
        self.assertEqual(alert.acknowledged_by_id, self.operator)
        strip = (
            self.env["healthcare.figures"].with_user(self.operator).control_room()
        )["alerts"]
        mine = next(row for row in strip if row["id"] == alert.id)
        self.assertEqual(mine["value"], "20")
        self.assertEqual(mine["acknowledged"], self.operator.name)

    def test_other_companies_see_nothing_of_it(self):
        self.rule()
        alert = self.look(20)
        other = self.env["res.company"].create({"name": "Other clinic"})
        stranger = new_test_user(
            self.env,
            "alert-other",
            groups=f"base.group_user,{GROUP}operator",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        seen = self.env["healthcare.alert"].with_user(stranger)
        self.assertNotIn(alert.id, seen.search([]).ids)
        strip = self.env["healthcare.figures"].with_user(stranger).control_room()
        self.assertNotIn(alert.id, [row["id"] for row in strip["alerts"]])


class TestWatchedFigures(AlertCase):
    def value(self, figure, **options):
        rule = self.rule(figure=figure, **options)
        self.env.flush_all()
        found = rule._read({}, self.facility)
        return {subject: value for (_place, subject), (_l, value) in found.items()}

    def test_every_figure_can_be_read(self):
        for figure, _label in self.env["healthcare.alert.rule"]._figures():
            with self.subTest(figure=figure):
                self.value(figure, scope="all", facility_id=False)

    def test_figures_follow_what_happens(self):
        before = self.value("held")[""]
        self.play(
            self.appointment("booked", "A9", "AV9", 1),
            self.register("A1"),
            self.register("A2", payer="NOBODY"),
        )
        self.assertEqual(self.value("held")[""] - before, 2)
        shares = self.value("failure_share", minimum_count=2)
        self.assertEqual(shares, {"registration.created": 50.0})
        self.assertFalse(self.value("failure_share", minimum_count=3))
        exceptions = self.env["healthcare.exception"].search(
            [("facility_id", "=", self.facility.id)]
        )
        exceptions.deadline = fields.Datetime.now() - timedelta(hours=1)
        self.assertEqual(self.value("exceptions_overdue")[""], len(exceptions))
        self.env["healthcare.tally"]._add(
            [("throttled", self.source.id, None, self.facility.id, None)] * 7
        )
        self.assertEqual(self.value("throttled")[""], 7)

    def test_late_jobs(self):
        cron = self.env.ref("healthcare_connector.cron_fold_tallies")
        cron.nextcall = fields.Datetime.now() - timedelta(minutes=45)
        late = self.value("job_late")["cron_fold_tallies"]
        self.assertAlmostEqual(late, 45, delta=1)

    def test_rules_that_ask_the_same_share_a_query(self):
        self.rule()
        self.rule(threshold=100)
        self.rule(scope="all", facility_id=False)
        asked = []
        figures = type(self.env["healthcare.figures"])
        with patch.object(
            figures, "_watched_held", lambda _self: asked.append(1) or []
        ):
            self.env["healthcare.alert"]._evaluate()
        self.assertEqual(len(asked), 1)


class TestRhythm(AlertCase):
    """Usually ten events an hour from eight to noon, on weekdays."""

    def setUp(self):
        super().setUp()
        self.source.watch_rhythm = True
        (self.env["healthcare.source"].search([]) - self.source).watch_rhythm = False
        tallies = self.env["healthcare.tally"]
        rows = [
            {
                "hour": NOON.replace(hour=hour) - timedelta(weeks=week),
                "kind": "received",
                "source_id": self.source.id,
                "count": 10,
            }
            for week in (1, 2, 3, 4)
            for hour in (8, 9, 10, 11)
        ]
        tallies.create(rows)

    def hear(self, moment):
        self.send(self.register(f"R{moment:%d%H%M}"))
        self.env["healthcare.event"].search(
            [("source_id", "=", self.source.id)]
        ).received_at = moment
        self.env.flush_all()

    def silent(self, moment):
        with (
            freeze_time(moment),
            patch(f"{FIGURES}.source_rhythm.clock.utc_now", lambda: moment),
        ):
            self.env["healthcare.source"]._cron_silence()
        return bool(self.source.silent_since)

    def test_silence_against_the_usual_rhythm(self):
        self.hear(NOON.replace(hour=9))
        # Three gaps are 18 minutes; less than half an hour is never told.
        self.assertFalse(self.silent(NOON.replace(hour=9, minute=20)))
        self.assertFalse(self.silent(NOON.replace(hour=9, minute=29)))
        self.assertTrue(self.silent(NOON.replace(hour=9, minute=31)))
        issue = self.env["healthcare.exception"].search(
            [("source_id", "=", self.source.id), ("category", "=", "source_silent")]
        )
        self.assertEqual(issue.state, "open")
        self.rule(figure="source_silence", threshold=1, close_threshold=1)
        with freeze_time(NOON):
            self.env["healthcare.alert"]._evaluate()
        alert = self.env["healthcare.alert"].search([("subject", "=", "test-access")])
        self.assertEqual(alert.state, "open")
        self.source._heard()
        self.assertFalse(self.source.silent_since)
        self.process()
        self.assertEqual(issue.state, "resolved")
        self.env["healthcare.alert"]._evaluate()
        self.assertEqual(alert.state, "closed")

    def test_the_night_does_not_count(self):
        self.hear(NOON - timedelta(days=1))
        self.assertFalse(self.silent(NOON.replace(hour=7, minute=59)), "not usual now")
        self.assertFalse(self.silent(NOON.replace(hour=8, minute=25)))
        self.assertTrue(self.silent(NOON.replace(hour=8, minute=35)))

    def test_a_pause_does_not_count(self):
        self.hear(NOON.replace(hour=8))
        self.source.paused = True
        self.assertFalse(self.silent(NOON.replace(hour=10)))
        with freeze_time(NOON.replace(hour=10)):
            self.source.paused = False
        self.assertFalse(self.silent(NOON.replace(hour=10, minute=29)))
        self.assertTrue(self.silent(NOON.replace(hour=10, minute=31)))

    def test_after_hours_nobody_is_told(self):
        self.hear(NOON.replace(hour=11, minute=40))
        self.assertFalse(self.silent(NOON.replace(hour=13)))

    def test_one_odd_week_is_no_rhythm(self):
        self.hear(NOON.replace(hour=9))
        old = self.env["healthcare.tally"].search(
            [
                ("source_id", "=", self.source.id),
                ("hour", "<", NOON - timedelta(days=8)),
            ]
        )
        old.unlink()
        self.env.flush_all()
        self.assertFalse(self.silent(NOON.replace(hour=10)))

    def test_missed(self):
        usual = {NOON - timedelta(hours=1): 10.0, NOON: 20.0}
        heard = NOON - timedelta(minutes=30)
        missing, silence = _missed(usual, heard, NOON + timedelta(minutes=15))
        self.assertEqual((missing, silence), (10.0, timedelta(minutes=45)))
        nothing = _missed({NOON: 20.0}, heard, NOON - timedelta(minutes=1))
        self.assertEqual(nothing, (0.0, timedelta()))
