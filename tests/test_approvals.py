"""Four eyes: waiving above an amount, merging patients, undoing a merge."""

import contextlib
import json

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, new_test_user, tagged

from ..dev import instance
from . import rights_table
from .test_patient_identity import IdentityCase

GROUP = "healthcare_connector.group_"


class ApprovalCase(IdentityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.facility.company_id
        cls.company.healthcare_waive_limit = 1000
        old = cls.env["res.users"].search([("share", "=", False)])
        old.group_ids = [
            Command.unlink(cls.env.ref(f"{GROUP}{role}").id)
            for role in ("finance", "administrator")
        ]
        cls.users = {
            name: new_test_user(
                cls.env,
                f"eyes-{name}",
                name=name.title(),
                groups=f"base.group_user,{GROUP}{role}",
            )
            for name, role in (
                ("ada", "finance"),
                ("bo", "finance"),
                ("cy", "administrator"),
                ("op", "operator"),
                ("may", "auditor"),
            )
        }
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.approvals = self.env["healthcare.approval"]

    def issue(self, number=1, amount=1500, **values):
        return self.env["healthcare.exception"].create(
            {
                "category": "invoice_mismatch",
                "fingerprint": f"eyes/{number}",
                "reason": "The invoice does not fit",
                "amount_at_risk": amount,
                "facility_id": self.facility.id,
                "company_id": self.company.id,
                "currency_id": self.company.currency_id.id,
                **values,
            }
        )

    def by(self, name, record):
        record.invalidate_recordset()
        return record.with_user(self.users[name])

    def waive(self, name, issues, reason="The payer is bankrupt"):
        wizards = self.env["healthcare.waive.wizard"].with_user(self.users[name])
        return wizards.create(
            {"exception_ids": [Command.set(issues.ids)], "reason": reason}
        ).action_waive()

    def decline(self, name, records, reason="Ask once more"):
        context = self.by(name, records).action_open_refuse()["context"]
        wizards = self.env["healthcare.approval.wizard"].with_user(self.users[name])
        wizards.with_context(**context).create({"reason": reason}).action_refuse()

    def waiting(self):
        return self.approvals.search([("state", "=", "waiting")])

    def reminded(self):
        activities = self.env["mail.activity"].search(
            [("res_model", "=", "healthcare.approval")]
        )
        return sorted(activities.user_id.mapped("name"))


class TestWaiving(ApprovalCase):
    def test_a_second_person_agrees(self):
        event = self.play(self.register("A1", payer="T-NEW"))
        issue = event.exception_ids
        issue.amount_at_risk = 1000.01
        told = self.waive("ada", issue)
        self.assertIn("another person of finance", told["params"]["message"])
        self.assertEqual((issue.state, event.state), ("open", "exception"))
        seen = self.by("bo", issue)
        self.assertEqual(seen.asked_by_id, self.users["ada"])
        self.assertEqual(seen.approval_reason, "The payer is bankrupt")
        self.assertIn("(Bo)", seen.who_may_approve)
        self.assertTrue(seen.can_approve)
        self.assertEqual(self.reminded(), ["Bo"], "finance first")
        for name, error in (("ada", UserError), ("op", AccessError)):
            self.assertFalse(self.by(name, issue).can_approve)
            with self.assertRaises(error):
                self.by(name, issue).action_approve()
        with self.assertRaises(AccessError):
            self.by("may", self.waiting()).action_approve()
        self.by("bo", issue).action_approve()
        self.assertEqual((issue.state, event.state), ("waived", "discarded"))
        self.assertEqual(issue.resolved_by_id, self.users["ada"])
        self.assertEqual(issue.agreed_by_id, self.users["bo"])
        self.assertIn("asked by Ada", issue.message_ids[:1].body)
        approval = issue.approval_ids
        self.assertEqual(approval.requested_by_id, self.users["ada"])
        self.assertEqual(
            (approval.state, approval.decided_by_id), ("approved", self.users["bo"])
        )
        self.assertFalse(self.reminded())
        with self.assertRaises(UserError):
            self.by("cy", approval).action_approve()

    def test_up_to_the_amount_one_is_enough(self):
        issue = self.issue(amount=1000)
        self.waive("ada", issue)
        self.assertEqual(issue.state, "waived")
        self.assertFalse(issue.agreed_by_id or issue.approval_ids)
        self.company.healthcare_waive_limit = 0
        much = self.issue(2, 1e6)
        self.waive("ada", much)
        self.assertEqual(much.state, "waived", "0: nobody has to agree")

    def test_a_changed_limit_is_on_record(self):
        chief = new_test_user(
            self.env,
            "eyes-chief",
            groups=f"base.group_user,base.group_system,{GROUP}administrator",
        )
        self.company.with_user(chief).healthcare_waive_limit = 2500
        message = self.company.partner_id.message_ids[0]
        self.assertRegex(message.body, r"up to \D*2,500\.00; it was \D*1,000\.00")
        self.assertEqual(message.author_id, chief.partner_id)
        self.company.healthcare_waive_limit = 2500
        self.assertEqual(self.company.partner_id.message_ids[0], message)
        self.company.healthcare_waive_limit = 0
        self.assertIn("any amount", self.company.partner_id.message_ids[0].body)

    def test_many_at_once(self):
        few, much, more = issues = self.issue(1, 10) + self.issue(2) + self.issue(3)
        wizard = (
            self.env["healthcare.waive.wizard"]
            .with_user(self.users["ada"])
            .create({"exception_ids": [Command.set(issues.ids)], "reason": "Old"})
        )
        self.assertEqual(wizard.second_count, 2)
        wizard.action_waive()
        self.assertEqual(few.state, "waived")
        self.assertEqual((much + more).mapped("state"), ["open", "open"])
        asked = self.waiting()
        self.assertEqual(asked.exception_id, much + more)
        self.assertEqual(self.reminded(), ["Bo"])
        with self.assertRaises(UserError):
            self.waive("bo", much, "I say so, too")  # to agree is the way
        mine = self.approvals.with_user(self.users["bo"])
        self.assertEqual(mine.search([("can_decide", "=", True)]), asked)
        own = self.approvals.with_user(self.users["ada"])
        self.assertFalse(own.search([("can_decide", "=", True)]))
        self.by("bo", asked).action_approve()
        self.assertEqual((much + more).mapped("state"), ["waived", "waived"])

    def test_in_slices(self):
        few, much = self.issue(1, 10), self.issue(2)
        jobs = self.env["healthcare.replay"].with_user(self.users["ada"])
        action = jobs._decide_in_slices("waive", (few + much).with_env(jobs.env), "Old")
        job = self.env["healthcare.replay"].browse(action["res_id"])
        for _slice in range(3):
            self.env["healthcare.replay"]._advance_running()
        self.assertEqual(job.state, "done")
        self.assertEqual((few.state, much.state), ("waived", "open"))
        self.assertEqual(self.waiting().exception_id, much)
        self.assertEqual(self.waiting().requested_by_id, self.users["ada"])
        self.assertEqual(sorted(job.line_ids.mapped("state")), ["done", "skipped"])

    def test_declined_and_withdrawn(self):
        issue = self.issue()
        self.waive("ada", issue)
        with self.assertRaises(UserError):
            self.decline("bo", issue, " ")
        with self.assertRaises(UserError):
            self.decline("ada", issue)
        self.decline("bo", issue)
        declined = issue.approval_ids
        self.assertEqual(
            (declined.state, declined.answer), ("refused", "Ask once more")
        )
        self.assertEqual(issue.state, "open")
        told = self.env["mail.message"].search([("res_id", "=", declined.id)])
        told = told.filtered(lambda one: one.model == declined._name)
        self.assertIn(self.users["ada"].partner_id, told.notified_partner_ids)
        self.waive("ada", issue, "Asked once more: nothing")
        with self.assertRaises(UserError):
            self.by("bo", issue).action_withdraw()
        self.by("ada", issue).action_withdraw()
        self.assertFalse(self.waiting() or self.reminded())
        self.waive("bo", issue)
        self.by("ada", issue).action_approve()
        self.assertEqual(issue.agreed_by_id, self.users["ada"])

    def test_what_changed_meanwhile(self):
        issue = self.issue()
        self.waive("ada", issue)
        approval = self.waiting()
        issue.amount_at_risk = 90000
        with self.assertRaises(UserError):
            self.by("bo", issue).action_approve()
        self.env.invalidate_all()
        issue._close("resolved", "cause_gone")
        self.assertEqual(approval.state, "over")
        self.assertFalse(self.reminded())
        with self.assertRaises(UserError):
            self.by("bo", approval).action_approve()

    def test_other_currencies_and_companies(self):
        euro = self.env["res.currency"].create(
            {"name": "XTE", "symbol": "X", "rate_ids": [Command.create({"rate": 0.5})]}
        )
        issue = self.issue(1, 600, currency_id=euro.id)
        self.waive("ada", issue)
        self.assertEqual(issue.state, "open", "600 are 1,200 of the company's")
        of_nobody = self.issue(2, company_id=False, facility_id=False)
        self.waive("ada", of_nobody)
        self.assertEqual(of_nobody.state, "open")

    def test_limits_of_facilities(self):
        far = self.env["stock.warehouse"].create({"name": "Far", "code": "TFAR"})
        west = self.env["healthcare.facility"].create(
            {"name": "West", "code": "T-WEST", "warehouse_id": far.id}
        )
        self.users["bo"].healthcare_facility_ids = west
        issue = self.issue()
        self.waive("ada", issue)
        approval = self.waiting()
        self.assertEqual(self.reminded(), ["Cy"], "Bo does not see it")
        self.assertFalse(self.by("bo", approval)._filtered_access("read"))
        with self.assertRaises(AccessError):
            self.by("bo", approval).action_approve()
        with self.assertRaises(AccessError):
            self.decline("bo", approval)
        self.by("cy", approval).action_approve()
        self.assertEqual(issue.state, "waived")

    def test_no_public_method_goes_around(self):
        issue = self.issue()
        self.waive("ada", issue)
        approval = self.waiting()
        methods = rights_table.public_methods(self.env.registry)
        tried = 0
        for record in (issue, approval):
            for name in methods[record._name]:
                savepoint = self.env.cr.savepoint()
                for login in ("ada", "op"):
                    # Whatever is in the way: what counts is what it leaves behind.
                    with contextlib.suppress(Exception):
                        getattr(self.by(login, record), name)()
                    self.env.invalidate_all()
                    self.assertNotEqual(issue.state, "waived", name)
                    self.assertNotEqual(approval.state, "approved", name)
                    tried += 1
                savepoint.close(rollback=True)
                self.env.invalidate_all()
        self.assertGreater(tried, 40)
        values = {"state": "approved", "decided_by_id": self.users["bo"].id}
        for name in ("ada", "bo", "cy"):
            for attempt in (
                lambda n=name: self.by(n, approval).write(values),
                lambda n=name: self.by(n, approval).unlink(),
                lambda n=name: self.by(n, approval).create(
                    {"kind": "waive", "subject": "x", "reason": "x"}
                ),
                lambda n=name: self.by(n, issue).write({"state": "waived"}),
                lambda n=name: self.by(n, issue).write({"amount_at_risk": 1}),
                lambda n=name: self.by(n, issue).write({"agreed_by_id": 1}),
            ):
                with self.assertRaises(AccessError):
                    attempt()
        with self.assertRaises(UserError):
            self.by("ada", issue)._waive("by a way that forgot to ask")
        with self.assertRaises(AccessError):
            self.by("ada", self.company).healthcare_waive_limit = 0


class TestMerging(ApprovalCase):
    def setUp(self):
        super().setUp()
        self.env["ir.config_parameter"].set_param(
            "healthcare_connector.merge_second_person", "always"
        )
        self.play(self.person("M1"))
        self.play(self.person("M2", 1))
        self.one, self.two = self.patient("M1"), self.patient("M2")
        self.found = self.issues("duplicate_patient")

    def compare(self, name):
        context = self.by(name, self.found).action_open_merge()["context"]
        wizards = self.env["healthcare.merge.wizard"].with_user(self.users[name])
        return wizards.with_context(**context).create({"reason": "Same card"})

    def test_merge_and_undo(self):
        self.compare("ada").action_merge()
        self.assertEqual(self.patient("M2"), self.two, "nothing happened yet")
        self.assertEqual(self.found.state, "open")
        approval = self.waiting()
        self.assertEqual(
            (approval.kind, approval.retired_id), ("merge", self.two), approval.subject
        )
        self.assertIn("Vandermeulen", self.by("bo", approval).comparison)
        self.assertNotIn("Vandermeulen", approval.subject + approval.summary)
        with self.assertRaises(UserError):
            self.compare("bo").action_merge()  # asked for already
        with self.assertRaises(UserError):
            self.by("ada", self.found).action_approve()
        self.by("bo", self.found).action_approve()
        self.assertEqual(self.patient("M2"), self.one)
        self.assertEqual(self.found.state, "resolved")
        merge = self.env["healthcare.patient.merge"].search([])
        self.assertEqual(
            (merge.user_id, merge.agreed_by_id), (self.users["ada"], self.users["bo"])
        )
        action = self.by("bo", merge).action_undo()
        self.assertEqual(merge.state, "done")
        wizards = self.env["healthcare.approval.wizard"].with_user(self.users["bo"])
        wizard = wizards.with_context(**action["context"])
        wizard.create({"reason": "Twins"}).action_ask()
        self.assertTrue(merge.undo_waits)
        with self.assertRaises(UserError):
            self.by("bo", self.waiting()).action_approve()
        self.by("cy", self.waiting()).action_approve()
        self.assertEqual(merge.state, "undone")
        self.assertEqual(self.patient("M2"), self.two)
        self.assertEqual(
            (merge.undone_by_id, merge.undo_agreed_by_id),
            (self.users["bo"], self.users["cy"]),
        )

    def test_no_way_around(self):
        pair = self.one | self.two
        with self.assertRaises(UserError):
            self.by("ada", self.two)._healthcare_merge_into(self.one)
        bo = self.users["bo"]
        bo.group_ids |= self.env.ref("base.group_partner_manager")
        wizards = self.env["base.partner.merge.automatic.wizard"].with_user(bo)
        wizard = wizards.create(
            {"partner_ids": [Command.set(pair.ids)], "dst_partner_id": self.one.id}
        )
        with self.assertRaises(UserError) as caught:
            wizard.action_merge()
        self.assertIn("second person", str(caught.exception))
        self.assertEqual(self.patient("M2"), self.two)
        # What a system tells needs nobody, and what waits for the two is over.
        self.compare("ada").action_merge()
        approval = self.waiting()
        self.play(self.merged("M1", "M2"))
        self.assertEqual(self.patient("M2"), self.one)
        self.assertEqual(approval.state, "over")

    def test_in_production_unless_said_otherwise(self):
        parameters = self.env["ir.config_parameter"]
        merges = self.env["healthcare.patient.merge"].with_user(self.users["ada"])
        needed = []
        for switch in (False, "production", "always", "never"):
            parameters.set_param("healthcare_connector.merge_second_person", switch)
            for environment in ("production", "sandbox"):
                parameters.set_param("healthcare_connector.environment", environment)
                needed.append(merges._second_needed())
        self.assertEqual(needed, [True, False] * 2 + [True, True, False, False])

    def test_patients_of_other_facilities(self):
        far = self.env["stock.warehouse"].create({"name": "Far", "code": "TFAR"})
        west = self.env["healthcare.facility"].create(
            {"name": "West", "code": "T-WEST", "warehouse_id": far.id}
        )
        self.compare("ada").action_merge()
        approval = self.waiting()
        self.users["bo"].healthcare_facility_ids = west
        with self.assertRaises(AccessError):
            self.by("bo", approval).action_approve()
        values = {"left_id": self.one.id, "right_id": self.two.id, "reason": "x"}
        wizards = self.env["healthcare.merge.wizard"].with_user(self.users["bo"])
        for attempt in (
            lambda: wizards.create(values).comparison,
            lambda: wizards.create(values).action_merge(),
            lambda: wizards.create(values).action_two_people(),
        ):
            with self.assertRaises(AccessError):
                attempt()


TOGETHER = """
import json
import psycopg2
from odoo.exceptions import UserError
from odoo.tests import new_test_user

env.company.healthcare_waive_limit = 100
ada, bo, cy = (new_test_user(env, name, groups="base.group_user,"
    "healthcare_connector.group_finance") for name in ("ada", "bo", "cy"))
issues = env["healthcare.exception"].create([
    {"category": "invoice_mismatch", "fingerprint": f"race/{n}",
     "amount_at_risk": 500} for n in range(2)])
issues.with_user(ada)._waive_or_ask("Because")
env.cr.commit()
names = []

def race(issue, first, second):
    one, other = env.registry.cursor(), env.registry.cursor()
    try:
        there = issue.with_env(issue.env(cr=other))
        there.mapped("state")  # begins before the first has committed
        first(issue.with_env(issue.env(cr=one)))
        for commit in (False, True):
            if commit:
                one.commit()
            try:
                second(there)
                names.append("done")
            except (UserError, psycopg2.Error) as error:
                names.append(type(error).__name__)
                other.rollback()
    finally:
        one.close()
        other.close()

race(issues[0], lambda x: x.with_user(bo).action_approve(),
     lambda x: x.with_user(cy).action_approve())
race(issues[1], lambda x: (x._close("resolved", "cause_gone"), x.env.flush_all()),
     lambda x: x.with_user(cy).action_approve())
env.cr.rollback()
env.invalidate_all()
print(json.dumps([names, [[one.state, one.resolved_by_id.login, one.agreed_by_id.login,
    one.approval_ids.state] for one in issues]]))
"""


@tagged("post_install", "-at_install")
class TestAtTheSameTime(BaseCase):
    def test_two_decide_and_one_counts(self):
        dev = instance.Dev()
        database = dev.clone("approvals")
        self.addCleanup(dev.cluster.drop, database)
        names, ends = json.loads(dev.script(database, TOGETHER))
        self.assertEqual(len(names), 4)
        self.assertNotIn("done", names)
        self.assertEqual(ends[0], ["waived", "ada", "bo", "approved"])
        self.assertEqual(ends[1][0], "resolved")
        self.assertEqual(ends[1][3], "over")
