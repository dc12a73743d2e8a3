"""One activity for each owner and problem; what is past due goes on, told once."""

from datetime import timedelta

from odoo import fields
from odoo.tests import new_test_user

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"
MANY = 60


class TestExceptionReminders(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner, cls.other, cls.manager = (
            new_test_user(
                cls.env, f"test-{name}", groups=f"base.group_user,{GROUP}{role}"
            )
            for name, role in (
                ("reminded", "operator"),
                ("reminded-too", "operator"),
                ("manager", "finance"),
            )
        )
        cls.causes = cls.env["healthcare.exception.cause"]
        policies = cls.env["healthcare.exception.policy"].search([])
        policies.write({"user_id": cls.owner.id, "escalate_user_id": False})
        cls.policy = policies.filtered(lambda one: one.category == "missing_payer")

    def setUp(self):
        super().setUp()
        self.play(*(self.register(f"E{i}", payer="T-NEW") for i in range(MANY)))
        self.ones = self.issues("missing_payer")
        self.cause = self.sync()

    def sync(self):
        self.env.flush_all()
        self.causes._sync()
        self.env.flush_all()
        self.env.invalidate_all()
        return self.causes.search([("key", "=", "payer/T-NEW")], limit=1)

    def activities(self, user):
        return self.env["mail.activity"].search([("user_id", "=", user.id)])

    def told(self, user):
        return self.env["mail.notification"].search_count(
            [("res_partner_id", "=", user.partner_id.id)]
        )

    def escalate(self):
        """Do what the job does, without its commits."""
        after, escalated = (None, 0), self.ones.browse()
        while after:
            after, some = self.ones._escalate_slice(after)
            escalated |= some
        return escalated

    def late(self, hours, ones=None):
        due = fields.Datetime.now() - timedelta(hours=hours)
        (self.ones if ones is None else ones).deadline = due
        return due

    # -- reminders --------------------------------------------------------------

    def test_one_activity_due_with_the_first_of_them(self):
        (activity,) = self.activities(self.owner)
        self.assertEqual(activity.res_id, self.cause.id)
        self.assertEqual(activity.date_deadline, self.cause.deadline.date())
        self.ones[3].deadline = "2026-02-01 10:00:00"
        self.sync()
        (activity,) = self.activities(self.owner)
        self.assertEqual(str(activity.date_deadline), "2026-02-01")

    def test_it_moves_with_the_owner_and_is_told_once(self):
        (activity,) = self.activities(self.owner)
        self.ones.with_user(self.owner)._hand_over(self.other)
        self.sync()
        self.assertFalse(self.activities(self.owner))
        self.assertEqual(self.activities(self.other), activity)
        self.assertEqual(self.told(self.other), 1)
        self.assertEqual(self.cause.user_id, self.other)

    def test_many_reassigned_in_the_list_are_told_of_once(self):
        self.ones.with_user(self.owner).write({"user_id": self.other.id})
        self.sync()
        self.assertEqual(self.told(self.other), 1)
        self.assertEqual(len(self.activities(self.other)), 1)

    def test_two_owners_have_one_each(self):
        self.ones[:5].user_id = self.other
        self.sync()
        self.assertEqual(len(self.activities(self.owner)), 1)
        self.assertEqual(len(self.activities(self.other)), 1)
        self.ones[:5]._waive("Done with it")
        self.sync()
        self.assertFalse(self.activities(self.other))
        self.assertEqual(len(self.activities(self.owner)), 1)

    def test_what_a_person_has_marked_as_done_does_not_come_back(self):
        self.activities(self.owner).with_user(self.owner).action_feedback()
        self.play(self.register("E-LATER", payer="T-NEW"))
        self.sync()
        self.assertFalse(self.activities(self.owner))

    def test_it_is_done_when_the_problem_is_over(self):
        (activity,) = self.activities(self.owner)
        self.ones._waive("Test feed")
        self.sync()
        self.assertEqual((activity.state, activity.active), ("done", False))
        self.assertEqual(self.cause.state, "closed")

    # -- escalation -------------------------------------------------------------

    def test_past_due_goes_to_the_manager_told_once(self):
        self.policy.write({"escalate_user_id": self.manager.id, "escalate_hours": 8})
        self.late(7)
        self.assertFalse(self.escalate())
        self.late(9)
        self.assertEqual(len(self.escalate()), MANY)
        self.assertEqual(self.ones.user_id, self.manager)
        self.assertEqual(set(self.ones.mapped("state")), {"assigned"})
        self.sync()
        (activity,) = self.activities(self.manager)
        self.assertIn("Past due", activity.summary)
        self.assertIn(str(MANY), activity.note)
        self.assertFalse(self.activities(self.owner))
        self.assertEqual(self.told(self.manager), 1)
        note = self.ones[0].message_ids[0].body
        self.assertIn(self.owner.name, note)
        self.assertFalse(self.escalate())
        self.sync()
        self.assertEqual(self.told(self.manager), 1)
        # Whoever gets it from the manager is not told that it is past due.
        self.ones.with_user(self.manager)._hand_over(self.other)
        self.sync()
        self.assertEqual(self.told(self.other), 1)
        self.assertNotIn("Past due", self.activities(self.other).summary)
        self.assertFalse(self.escalate())

    def test_the_most_specific_policy_says_when_and_whether(self):
        self.policy.write({"escalate_user_id": self.manager.id, "escalate_hours": 8})
        self.policy.copy({"facility_id": self.facility.id, "escalate_hours": 48})
        self.late(9)
        self.assertFalse(self.escalate())
        self.late(50, self.ones[:2])
        self.assertEqual(self.escalate(), self.ones[:2])

    def test_without_a_name_nothing_escalates(self):
        self.late(900)
        self.assertFalse(self.escalate())

    def test_slices_see_everything_once(self):
        self.policy.write({"escalate_user_id": self.manager.id, "escalate_hours": 0})
        self.late(1)
        module = "odoo.addons.healthcare_connector.models.governance"
        self.patch(
            __import__(f"{module}.exception_escalation", fromlist=["SLICE"]), "SLICE", 7
        )
        self.assertEqual(self.escalate(), self.ones)

    def test_many_take_few_statements(self):
        self.policy.write({"escalate_user_id": self.manager.id, "escalate_hours": 0})
        counts = []
        for number in (5, 50):
            self.late(1, self.ones[:number])
            self.ones[:number].write({"escalated_at": False, "user_id": self.owner.id})
            self.ones[number:].write({"escalated_at": "2026-01-01"})
            self.env.flush_all()
            before = self.cr.sql_log_count
            self.assertEqual(len(self.escalate()), number)
            self.sync()
            counts.append(self.cr.sql_log_count - before)
        self.assertLess(counts[1] - counts[0], 12, counts)
