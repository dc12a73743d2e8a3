"""Replays and decisions on many: looked at first, slice by slice, once and for all."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from odoo.addons.healthcare_connector.models.replay import run as replay_run

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"


class ReplayCase(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(
            cls.env,
            "test-replayer",
            groups=f"base.group_user,{GROUP}operator,{GROUP}replay",
        )
        cls.operator = new_test_user(
            cls.env, "test-no-replayer", groups=f"base.group_user,{GROUP}operator"
        )
        cls.finance = new_test_user(
            cls.env, "test-bulk-finance", groups=f"base.group_user,{GROUP}finance"
        )
        cls.jobs = cls.env["healthcare.replay"]

    def job(self, **values):
        return self.jobs.with_user(self.user).create(
            {"reason": "Prices were mended", "source_id": self.source.id, **values}
        )

    def advance(self):
        """Work one slice, as the job does between two commits."""
        self.env.flush_all()
        return self.jobs._advance_running()

    def work(self, job):
        """Play the job and the engine until the job is over."""
        for _turn in range(100):
            if job.state != "running":
                return
            self.advance()
            self.process()
        self.fail("The job does not come to an end")

    def results(self, job):
        return {(row.outcome, row.category): row.count for row in job.sudo().result_ids}

    def park(self, *numbers):
        """Return events parked for a payer nobody knows."""
        return self.play(*(self.register(n, payer="T-NEW") for n in numbers))

    def know_payer(self):
        """Have the payer, without telling whoever waits for it."""
        payers = self.env["res.partner"]
        with patch.object(type(self.env["healthcare.exception"]), "_cause_gone"):
            return payers.create(
                {
                    "name": "New payer",
                    "healthcare_is_payer": True,
                    "healthcare_payer_code": "T-NEW",
                }
            )


class TestReplay(ReplayCase):
    # -- looking ----------------------------------------------------------------

    def test_looking_changes_nothing_and_tells_what_would_be(self):
        events = self.park("L1", "L2", "L3")
        self.know_payer()
        self.env.flush_all()
        partners = self.env["res.partner"].search_count([])
        logs = self.env["healthcare.sync.log"].search_count([])
        woken = len(self.env.cr.postcommit._funcs)
        job = self.job()
        self.assertEqual(job.event_count, 3)
        job.action_preview()
        self.assertEqual(self.env["res.partner"].search_count([]), partners)
        self.assertEqual(self.env["healthcare.sync.log"].search_count([]), logs)
        self.assertEqual(len(self.env.cr.postcommit._funcs), woken)
        self.assertStates(events, "exception")
        (row,) = job.preview_ids
        self.assertEqual((row.outcome, row.count), ("done", 3))
        made = {
            one.res_model: one.count
            for one in job.difference_ids
            if one.change == "created"
        }
        self.assertEqual(made["healthcare.coverage"], 3)
        self.assertEqual(job.previewed_count, 3)

    def test_looking_tells_what_would_still_be_held_up(self):
        self.park("M1", "M2")
        job = self.job()
        job.action_preview()
        (row,) = job.preview_ids
        self.assertEqual(
            (row.outcome, row.category, row.count), ("parked", "missing_payer", 2)
        )

    def test_looking_at_done_events_shows_what_would_change(self):
        self.play(self.register("N1"), self.register("N2"))
        job = self.job(event_state="done")
        job.action_preview()
        self.assertEqual(
            {row.outcome: row.count for row in job.preview_ids}, {"unchanged": 2}
        )
        self.patient("N1").name = "Somebody Else"
        job.action_preview()
        self.assertEqual(
            {row.outcome: row.count for row in job.preview_ids},
            {"unchanged": 1, "done": 1},
        )
        (row,) = job.difference_ids
        self.assertEqual((row.change, row.count), ("changed", 1))
        self.assertEqual(row.res_ids, self.patient("N1").ids)
        self.assertNotIn("Somebody", row.fields_changed)
        self.assertEqual(self.patient("N1").name, "Somebody Else")
        with self.assertRaises(UserError):
            job.action_start()

    # -- running ----------------------------------------------------------------

    def test_it_runs_once_and_stays_on_record(self):
        events = self.park("R1", "R2", "R3")
        self.know_payer()
        job = self.job()
        with self.assertRaises(UserError):
            job.action_start()
        job.action_preview()
        job.action_start()
        self.work(job)
        self.assertStates(events, "done")
        self.assertEqual(job.state, "done")
        self.assertEqual((job.total_count, job.done_count), (3, 3))
        self.assertEqual(self.results(job), {("done", False): 3})
        for event in events:
            log = event.log_ids.filtered(lambda one: one.operation == "decision")
            self.assertEqual(
                (log.user_id, log.message), (self.user, "Prices were mended")
            )
        self.assertTrue(
            self.env["mail.notification"].search_count(
                [("res_partner_id", "=", self.user.partner_id.id)]
            )
        )

    def test_what_was_discarded_runs_again(self):
        (event,) = self.park("D1")
        event.open_exception_id.with_user(self.finance)._waive("Not ours")
        self.assertStates(event, "discarded")
        self.know_payer()
        job = self.job(event_state="discarded")
        job.action_preview()
        self.assertEqual(job.preview_ids.outcome, "done")
        job.action_start()
        self.work(job)
        self.assertStates(event, "done")

    def test_what_was_refused_is_left_out_with_a_reason(self):
        bad = self.register("S1", patient={"birth_date": "No"})
        refused = self.events(self.send(bad))
        job = self.job()
        job.action_preview()
        self.assertEqual(job.preview_ids.outcome, "skipped")
        job.action_start()
        self.work(job)
        self.assertStates(refused, "exception")
        (row,) = job.result_ids
        self.assertEqual((row.outcome, row.count), ("skipped", 1))
        self.assertTrue(row.message)

    def test_choices_narrow_it(self):
        self.park("C1", "C2")
        self.play(self.appointment("booked", "NOBODY", "C3", 10))
        self.assertEqual(self.job(category="missing_payer").event_count, 2)
        self.assertEqual(self.job().event_count, 3)
        kind = self.env["healthcare.event.type"].search(
            [("code", "=", "appointment.booked")]
        )
        self.assertEqual(self.job(type_id=kind.id).event_count, 1)
        self.assertEqual(self.job(date_to="2020-01-01 00:00:00").event_count, 0)
        self.env["healthcare.exception.cause"]._sync()
        cause = self.issues("missing_payer").cause_id
        action = cause.with_user(self.user).action_open_replay()
        self.assertEqual(self.jobs.browse(action["res_id"]).event_count, 2)

    def test_changed_choices_must_be_looked_at_again(self):
        self.park("W1")
        job = self.job()
        job.action_preview()
        job.category = "missing_payer"
        self.assertFalse(job.previewed_at)
        self.assertFalse(job.preview_ids)
        job.action_preview()
        job.action_start()
        with self.assertRaises(UserError):
            job.category = False

    def test_picked_by_hand(self):
        first, second = self.park("H1", "H2")
        self.know_payer()
        action = first.with_user(self.user).action_open_replay()
        job = self.jobs.with_user(self.user).browse(action["res_id"])
        job.reason = "Only this one"
        job.action_preview()
        job.action_start()
        self.work(job)
        self.assertStates(first, "done")
        self.assertStates(second, "exception")

    # -- interrupted ------------------------------------------------------------

    def test_paused_cancelled_and_killed(self):
        numbers = [f"K{i}" for i in range(9)]
        events = self.park(*numbers)
        self.know_payer()
        job = self.job()
        job.action_preview()
        job.action_start()
        with patch.object(replay_run, "SLICE", 2):
            self.advance()
            # Killed in the middle of the next slice: nothing of it was committed.
            with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
                self.advance()
                raise ZeroDivisionError
            self.env.invalidate_all()
            self.assertEqual(set(events.mapped("state")), {"received", "exception"})
            self.assertEqual(
                len(events.filtered(lambda one: one.state == "received")), 2
            )
            job.action_pause()
            self.process()
            self.assertFalse(self.advance())
            self.assertEqual(len(events.filtered(lambda one: one.state == "done")), 2)
            job.action_resume()
            self.advance()
            self.process()
            job.action_cancel()
        self.assertEqual(job.state, "cancelled")
        self.assertEqual(self.results(job), {("done", False): 4, ("pending", False): 5})
        decisions = events.log_ids.filtered(lambda one: one.operation == "decision")
        self.assertEqual(len(decisions), len(decisions.event_id))

    def test_no_more_than_some_are_under_way(self):
        events = self.park(*(f"F{i}" for i in range(6)))
        self.know_payer()
        job = self.job()
        job.action_preview()
        job.action_start()
        with patch.object(replay_run, "IN_FLIGHT", 4):
            while self.advance():
                pass
            self.assertEqual(
                len(events.filtered(lambda one: one.state == "received")), 4
            )
            self.work(job)
        self.assertStates(events, "done")

    def test_the_engine_wakes_it_when_events_come_to_rest(self):
        self.park("G1")
        job = self.job()
        job.action_preview()
        job.action_start()
        cron = self.env.ref("healthcare_connector.cron_replay")
        triggers = self.env["ir.cron.trigger"].search_count
        self.advance()
        before = triggers([("cron_id", "=", cron.id)])
        self.process()
        self.assertGreater(triggers([("cron_id", "=", cron.id)]), before)

    def test_what_is_paused_does_not_keep_it_from_ending(self):
        (event,) = self.park("Z1")
        job = self.job()
        job.action_preview()
        job.action_start()
        self.env["healthcare.pause"].create(
            {"scope": "source", "source_id": self.source.id, "reason": "Test"}
        )
        self.work(job)
        self.assertEqual(job.state, "done")
        self.assertStates(event, "received")
        self.assertEqual(self.results(job), {("underway", False): 1})

    # -- rights -----------------------------------------------------------------

    def test_without_the_right_nothing_goes(self):
        (event,) = self.park("Q1")
        job = self.job()
        job.action_preview()
        for user in (self.operator, self.finance):
            mine = job.with_user(user)
            self.assertFalse(mine.may_work)
            for action in ("action_start", "action_preview", "action_cancel"):
                with self.assertRaises(AccessError):
                    getattr(mine, action)()
            with self.assertRaises(AccessError):
                event.with_user(user).action_open_replay()
            with self.assertRaises(AccessError):
                self.jobs.with_user(user).create({})
        with self.assertRaises(AccessError):
            job.user_id = self.operator
        with self.assertRaises(AccessError):
            self.jobs.with_user(self.user).create({"state": "running"})

    def test_other_companies_see_nothing_of_it(self):
        self.park("X1")
        job = self.job()
        company = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "test-stranger",
            groups=f"base.group_user,{GROUP}operator,{GROUP}replay",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        self.assertFalse(self.jobs.with_user(stranger).search([("id", "=", job.id)]))
        elsewhere = self.jobs.with_user(stranger).create({"reason": "Test"})
        self.assertEqual(elsewhere.event_count, 0)


class TestBulkDecisions(ReplayCase):
    """Five thousand exceptions at once."""

    MANY = 5000

    def many(self, amount=0.0):
        self.env.cr.execute(
            """INSERT INTO healthcare_exception (name, category, state, fingerprint,
                reason, company_id, currency_id, amount_at_risk, opened_at, deadline)
            SELECT 'BULK' || n, 'delayed_payment', 'open', 'bulk/' || n, 'Late', %s,
                %s, %s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
            FROM generate_series(1, %s) n RETURNING id""",
            [self.company.id, self.company.currency_id.id, amount, self.MANY],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self.env["healthcare.exception"].browse(ids)

    def begin(self, model, method, ones, user, **values):
        wizard = (
            self.env[model]
            .with_user(user)
            .create({"exception_ids": [(6, 0, ones.ids)], **values})
        )
        action = getattr(wizard, method)()
        return self.jobs.with_user(user).browse(action["res_id"])

    def test_waiving_thousands_is_interrupted_and_ends_consistent(self):
        ones = self.many(amount=10.0)
        job = self.begin(
            "healthcare.waive.wizard",
            "action_waive",
            ones,
            self.finance,
            reason="Agreed with the payer",
        )
        self.assertEqual((job.state, job.total_count), ("running", self.MANY))
        for _turn in range(5):
            self.advance()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self.advance()
            raise ZeroDivisionError
        self.env.invalidate_all()
        self.assertEqual(job.done_count, 1000)
        self.assertEqual(job.progress, 20.0)
        job.action_pause()
        self.assertFalse(self.advance())
        waived = ones.filtered(lambda one: one.state == "waived")
        self.assertEqual(len(waived), 1000)
        # Somebody closes one meanwhile.
        (ones - waived)[:1].sudo()._close("resolved", "cause_gone")
        job.action_resume()
        while self.advance():
            pass
        self.assertEqual(job.state, "done")
        self.assertEqual(job.done_count, self.MANY)
        self.assertEqual(
            self.results(job),
            {("decided", False): self.MANY - 1, ("skipped", False): 1},
        )
        waived = ones.filtered(lambda one: one.state == "waived")
        self.assertEqual(len(waived), self.MANY - 1)
        self.assertEqual(waived.resolved_by_id, self.finance)
        self.assertEqual(set(waived.mapped("waive_reason")), {"Agreed with the payer"})
        self.env.cr.execute(
            "SELECT max(n) FROM (SELECT count(*) n FROM mail_message WHERE model ="
            " 'healthcare.exception' AND res_id = ANY(%s) GROUP BY res_id) x",
            [ones.ids],
        )
        self.assertEqual(self.env.cr.fetchone(), (1,))

    def test_operators_do_not_waive_money_in_bulk(self):
        with self.assertRaises(UserError):
            self.begin(
                "healthcare.waive.wizard",
                "action_waive",
                self.many(amount=10.0)[:300],
                self.operator,
                reason="Away with it",
            )

    def test_handing_over_tells_once(self):
        ones = self.many()[:450]
        job = self.begin(
            "healthcare.assign.wizard",
            "action_assign",
            ones,
            self.operator,
            user_id=self.finance.id,
        )
        while self.advance():
            pass
        self.assertEqual(job.state, "done")
        self.assertEqual(ones.user_id, self.finance)
        notices = self.env["mail.notification"].search_count(
            [("res_partner_id", "=", self.finance.partner_id.id)]
        )
        self.assertEqual(notices, 1)

    @mute_logger("odoo.addons.healthcare_connector.models.replay.run")
    def test_one_that_fails_stands_alone(self):
        ones = self.many()[:300]
        bad = ones[17]
        original = type(ones)._waive

        def waive(records, reason):
            if bad in records:
                raise UserError(records.env._("Not this one"))
            return original(records, reason)

        with patch.object(type(ones), "_waive", waive):
            job = self.begin(
                "healthcare.waive.wizard",
                "action_waive",
                ones,
                self.finance,
                reason="Agreed",
            )
            while self.advance():
                pass
        self.assertEqual(
            self.results(job),
            {("decided", False): 299, ("failed", "delayed_payment"): 1},
        )
        self.assertEqual(bad.state, "open")

    def test_retrying_many(self):
        events = self.park(*(f"B{i}" for i in range(210)))
        self.know_payer()
        job = self.begin(
            "healthcare.retry.wizard",
            "action_retry",
            events.open_exception_id,
            self.operator,
        )
        while self.advance():
            pass
        self.process()
        self.assertStates(events, "done")
        job.action_refresh_results()
        self.assertEqual(self.results(job), {("done", False): 210})
