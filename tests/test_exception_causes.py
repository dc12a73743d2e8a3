"""Problems: one alert for many exceptions, one decision for all of them."""

from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"
MANY = 300


class TestExceptionCauses(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(
            cls.env, "test-owner", groups=f"base.group_user,{GROUP}finance"
        )
        cls.other = new_test_user(
            cls.env, "test-other", groups=f"base.group_user,{GROUP}operator"
        )
        cls.env["healthcare.exception.policy"].search([]).user_id = cls.owner
        cls.causes = cls.env["healthcare.exception.cause"]

    def sync(self):
        self.env.flush_all()
        result = self.causes._sync()
        self.env.flush_all()
        self.env.invalidate_all()
        return result

    def payer_named(self, code):
        return self.env["res.partner"].create(
            {
                "name": "New payer",
                "healthcare_is_payer": True,
                "healthcare_payer_code": code,
            }
        )

    def alerts(self):
        """Return how many activities and messages exist for the owner."""
        person = self.owner.partner_id
        activities = self.env["mail.activity"].search_count(
            [("user_id", "=", self.owner.id)]
        )
        notices = self.env["mail.notification"].search_count(
            [("res_partner_id", "=", person.id)]
        )
        return activities, notices

    def test_one_alert_when_it_opens_and_one_when_it_is_over(self):
        events = self.play(
            *(self.register(f"N{i}", payer="T-NEW") for i in range(MANY))
        )
        self.assertEqual(len(self.issues("missing_payer")), MANY)
        opened, closed = self.sync()
        self.assertEqual(len(opened), 1)
        self.assertFalse(closed)
        self.assertEqual(opened.name, "No payer has the code T-NEW.")
        self.assertEqual((opened.state, opened.exception_count), ("open", MANY))
        self.assertEqual(opened.user_id, self.owner)
        self.assertEqual(self.alerts(), (1, 1))
        later = self.play(self.register("N-LATE", payer="T-NEW"))
        self.assertFalse(any(self.sync()))
        self.assertEqual(opened.exception_count, MANY + 1)
        self.assertEqual(self.alerts(), (1, 1))
        self.payer_named("T-NEW")
        self.process()
        self.assertEqual(set((events + later).mapped("state")), {"done"})
        _opened, closed = self.sync()
        self.assertEqual(closed, opened)
        self.assertEqual(opened.state, "closed")
        self.assertTrue(opened.closed_at)
        self.assertEqual(opened.total_count, MANY + 1)
        self.assertEqual(self.alerts(), (0, 2))
        self.assertFalse(any(self.sync()))
        self.assertEqual(self.alerts(), (0, 2))

    def test_a_broken_feed_is_one_problem(self):
        """Each misses another patient; what they share is where they come from."""
        visits = [self.appointment("booked", f"U{i}", f"V{i}", 10) for i in range(30)]
        self.play(*visits)
        keys = self.issues("missing_dependency").mapped("cause_key")
        self.assertEqual(len(set(keys)), 30)
        opened, _closed = self.sync()
        self.assertEqual(len(opened), 1)
        self.assertEqual(self.alerts(), (1, 1))
        self.play(*(self.register(f"U{i}") for i in range(30)))
        _opened, closed = self.sync()
        self.assertEqual(closed, opened)

    def test_jobs_speak_the_language_of_the_company(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.env.company.partner_id.lang = "fr_FR"
        languages = []

        def run(action):
            languages.append(action.env.lang)

        with (
            self.enter_registry_test_mode(),
            patch.object(type(self.env["ir.actions.server"]), "run", run),
        ):
            self.env.ref("healthcare_connector.cron_deliver").method_direct_trigger()
        self.assertEqual(languages, ["fr_FR"])

    def test_what_closes_at_once_alarms_nobody(self):
        self.play(self.register("Q1", payer="T-NEW"))
        self.payer_named("T-NEW")
        self.process()
        self.assertFalse(any(self.sync()))
        self.assertEqual(self.alerts(), (0, 0))

    def test_it_opens_anew_after_it_was_over(self):
        self.play(self.register("R1", payer="T-NEW"))
        first, _closed = self.sync()
        payer = self.payer_named("T-NEW")
        self.process()
        self.sync()
        payer.healthcare_payer_code = False
        self.play(self.register("R2", payer="T-NEW"))
        second, _closed = self.sync()
        self.assertEqual(len(second), 1)
        self.assertNotEqual(first, second)

    def test_an_event_parked_for_something_else_moves_to_that_problem(self):
        (held,) = self.play(
            self.register(
                "S1",
                payer="T-NEW",
                coverages=[
                    {"payer": {"code": code}, "member_id": code, "priority": number}
                    for number, code in enumerate(("T-NEW", "T-NEXT"), 1)
                ],
            )
        )
        first, _closed = self.sync()
        self.payer_named("T-NEW")
        self.process()
        self.assertEqual(held.open_exception_id.cause_key, "payer/T-NEXT")
        second, closed = self.sync()
        self.assertEqual(closed, first)
        self.assertEqual(held.open_exception_id.cause_id, second)

    def test_two_cannot_be_open_at_once(self):
        values = {
            "name": "Twice",
            "category": "missing_payer",
            "key": "payer/T-NEW",
            "opened_at": "2026-03-02 08:00:00",
        }
        self.causes.create({**values, "state": "closed"})
        self.causes.create(values)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(),
        ):
            self.causes.create(values)

    # -- one decision for all ---------------------------------------------------

    def opened(self, count, prefix="B"):
        self.play(*(self.register(f"{prefix}{i}", payer="T-NEW") for i in range(count)))
        self.sync()
        return self.causes.search([("key", "=", "payer/T-NEW")]).with_user(self.owner)

    def wizard(self, action, **values):
        return (
            self.env[action["res_model"]]
            .with_user(self.owner)
            .with_context(**action["context"])
            .create(values)
        )

    def test_retry_all(self):
        cause = self.opened(20)
        wizard = self.wizard(cause.action_open_retry())
        self.assertEqual(wizard.exception_count, 20)
        self.assertIn("20 event(s) held back", wizard.preview)
        self.env.cr.execute(
            """UPDATE res_partner SET healthcare_payer_code = 'T-NEW',
            healthcare_is_payer = true WHERE id = %s""",
            self.vendor.ids,
        )
        self.vendor.invalidate_recordset()
        wizard.action_retry()
        self.process()
        self.assertFalse(self.issues("missing_payer"))
        self.assertEqual(set(cause.exception_ids.mapped("resolution")), {"retried"})

    def test_waive_all(self):
        cause = self.opened(20)
        wizard = self.wizard(cause.action_open_waive(), reason="Test feed")
        wizard.action_waive()
        self.assertEqual(set(cause.exception_ids.mapped("state")), {"waived"})
        self.assertEqual(
            cause.exception_ids.event_id.mapped("state"), ["discarded"] * 20
        )
        self.assertEqual(cause.exception_ids.resolved_by_id, self.owner)
        self.assertEqual(len(self.sync()[1]), 1)

    def test_hand_over_all_tells_once(self):
        cause = self.opened(20)
        self.wizard(
            cause.action_open_assign(), user_id=self.other.id, note="You know them"
        ).action_assign()
        ones = cause.exception_ids
        self.assertEqual(ones.user_id, self.other)
        self.assertEqual(set(ones.mapped("state")), {"assigned"})
        self.env.flush_all()
        self.cr.flush()
        notices = self.env["mail.notification"].search_count(
            [("res_partner_id", "=", self.other.partner_id.id)]
        )
        self.assertEqual(notices, 1)

    def test_make_what_is_missing_for_all(self):
        self.owner.group_ids += self.env.ref("base.group_partner_manager")
        cause = self.opened(20)
        self.assertTrue(cause.can_fix)
        wizard = self.wizard(cause.action_fix(), name="A new payer")
        self.assertEqual((wizard.code, wizard.waiting_count), ("T-NEW", 20))
        wizard.action_make()
        self.process()
        self.assertFalse(self.issues("missing_payer"))
        self.assertEqual(set(cause.exception_ids.mapped("resolution")), {"cause_gone"})

    def test_decisions_on_many_take_few_statements(self):
        for action, values, method in (
            ("action_open_assign", {"user_id": self.other.id}, "action_assign"),
            ("action_open_waive", {"reason": "Test feed"}, "action_waive"),
        ):
            counts = []
            for count in (10, 30):
                cause = self.opened(count, f"{method}{count}")
                wizard = self.wizard(getattr(cause, action)(), **values)
                self.env.flush_all()
                before = self.cr.sql_log_count
                getattr(wizard, method)()
                self.env.flush_all()
                counts.append(self.cr.sql_log_count - before)
                self.wizard(cause.action_open_waive(), reason="x") if (
                    method == "action_assign"
                ) else None
                cause.exception_ids.filtered("is_open")._waive("Done with it")
                self.sync()
            self.assertLess(counts[1] - counts[0], 10, (method, counts))

    # -- shortages --------------------------------------------------------------

    def test_a_shortage_is_one_problem_per_facility_and_product(self):
        swabs = self._supply("T-SWABS", 0)
        self._service("T-SWAB", 20.0, {swabs: 1})
        self._service("T-BOTH", 90.0, {self.contrast: 1, swabs: 1})
        self._stock(self.contrast, 0)
        other = self.env["healthcare.source"].create(
            {"name": "Second system", "code": "second", "environment": "sandbox"}
        )
        self.play(*(self.register(f"L{number}") for number in range(4)))
        self.play(
            self.appointment("confirmed", "L0", "LV0", 10),
            self.appointment("confirmed", "L1", "LV1", 10, ("T-SWAB",)),
            self.appointment("confirmed", "L2", "LV2", 10, ("T-BOTH",)),
        )
        self.send(self.appointment("confirmed", "L3", "LV3", 10), source=other)
        self.process()
        self.sync()
        issues = {
            visit: self.visit(visit).exception_ids
            for visit in ("LV0", "LV1", "LV2", "LV3")
        }
        causes = {visit: issue.cause_id for visit, issue in issues.items()}
        self.assertEqual(causes["LV0"], causes["LV3"])
        self.assertEqual(causes["LV0"], causes["LV2"])
        self.assertNotEqual(causes["LV0"], causes["LV1"])
        self.assertEqual(
            causes["LV1"].name, f"Stock Shortage · East · {swabs.display_name}"
        )
        # What comes solves all alike; who misses something else joins those who do.
        self._stock(self.contrast, 50)
        self.sync()
        self.assertEqual(issues["LV0"].state, "resolved")
        self.assertEqual(issues["LV2"].product_id, swabs)
        self.assertEqual(issues["LV2"].cause_id, causes["LV1"])
        self.assertEqual(causes["LV0"].state, "closed")
        self._stock(swabs, 50)
        self.sync()
        self.assertFalse(self.issues())
        self.assertEqual(causes["LV1"].state, "closed")
