"""Completeness: whether a target has what it was sent, and what is done if not."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import freeze_time, new_test_user, tagged

from odoo.addons.healthcare_connector.core.analytics import completeness
from odoo.addons.healthcare_connector.core.errors import TechnicalError

from .common import HealthcareCase
from .delivery_common import had, put_back, take

GROUP = "healthcare_connector.group_"


class CompletenessCase(HealthcareCase):
    """A target that has taken three facts, two hours ago."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.target = cls.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "https://wh.example.com/"}
        )
        cls.document = cls.env["res.partner"].create({"name": "Document"})
        cls.checks = cls.env["healthcare.completeness"]
        for fact_type in ("claim", "invoice", "service"):
            cls.tell(fact_type)
        cls.tell("claim")
        take(cls.env["healthcare.delivery"].search([]))
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE healthcare_fact SET recorded_at = recorded_at - interval '2 h'"
        )
        cls.env.invalidate_all()

    @classmethod
    def tell(cls, fact_type):
        cls.env["healthcare.fact"]._emit(
            fact_type, [{"document": cls.document, "values": {}}]
        )

    def mine(self):
        return had(self.env["healthcare.fact"].search([]), self.target)

    def latest(self):
        """Return the latest fact of each key."""
        found = {}
        for fact in self.mine().sorted("sequence"):
            found[fact.key] = fact
        return self.env["healthcare.fact"].union(*found.values())

    def check(self):
        self.env.flush_all()
        with patch.object(self.env.cr, "commit", lambda: None):
            return self.checks._check(self.target)


@tagged("post_install", "-at_install")
class TestCompleteness(CompletenessCase):
    def test_by_receipts(self):
        check = self.check()
        self.assertEqual((check.method, check.state), ("receipts", "complete"))
        self.assertEqual(check.expected_count, len(self.latest()))
        self.assertFalse(check.line_ids)

    def test_what_was_not_acknowledged_lacks(self):
        lost = self.latest().filtered(lambda f: f.fact_type in ("claim", "invoice"))
        put_back(lost, self.target, "failed")
        self.target.resend_gaps = False
        check = self.check()
        self.assertEqual((check.state, check.missing_count), ("gap", 2))
        self.assertEqual(check.missing_ids, lost)
        by_type = {line.fact_type: line for line in check.line_ids}
        self.assertEqual(by_type.keys(), {"claim", "invoice"})
        line = by_type["claim"]
        self.assertEqual((line.expected_count, line.found_count), (1, 0))
        claim = lost.filtered(lambda f: f.fact_type == "claim")
        self.assertEqual(line.expected_sum, str(completeness.checksum([claim.fact_id])))
        self.assertEqual(line.found_sum, "0")
        self.assertEqual(line.day, claim.recorded_at.date())

    def test_the_day_is_the_companys(self):
        self.env.company.partner_id.tz = "Asia/Tokyo"
        self.env.cr.execute(
            "UPDATE healthcare_fact SET recorded_at = '2026-03-02 20:00:00'"
        )
        put_back(self.latest(), self.target, "failed")
        self.target.resend_gaps = False
        days = set(self.check().line_ids.mapped("day"))
        self.assertEqual(days, {fields.Date.to_date("2026-03-03")})

    def test_what_is_young_is_not_missed(self):
        put_back(self.latest(), self.target)
        self.env.cr.execute("UPDATE healthcare_fact SET recorded_at = now()")
        self.assertEqual(self.check().state, "complete")

    def test_what_was_refused_waits_for_a_person(self):
        lost = self.latest()[:1]
        delivery = put_back(lost, self.target, "failed")
        check = self.check()
        self.assertEqual((check.state, delivery.state), ("gap", "failed"))
        check.action_send_again()
        self.assertEqual((check.state, delivery.state), ("resent", "pending"))
        self.assertEqual(lost.state, "pending")

    def test_when_it_is_due(self):
        self.assertTrue(self.checks._is_due(self.target))
        check = self.check()
        self.assertFalse(self.checks._is_due(self.target))
        with freeze_time(fields.Datetime.now() + timedelta(hours=3)):
            self.assertFalse(self.checks._is_due(self.target))
            check.state = "resent"
            self.assertTrue(self.checks._is_due(self.target))
            check.state = "gap"
        with freeze_time(fields.Datetime.now() + timedelta(hours=24)):
            self.assertTrue(self.checks._is_due(self.target))
        self.target.action_check_completeness()
        self.assertTrue(self.checks._is_due(self.target))

    def test_who_may_send_again(self):
        check = self.check()
        for role, may in (("auditor", False), ("administrator", True)):
            user = new_test_user(
                self.env, f"complete-{role}", groups=f"base.group_user,{GROUP}{role}"
            )
            if may:
                check.with_user(user).action_send_again()
                self.assertEqual(check.user_id, user)
            else:
                with self.assertRaises(AccessError):
                    check.with_user(user).action_send_again()

    def test_figures(self):
        put_back(self.latest(), self.target, "failed")
        self.target.resend_gaps = False
        missing = self.check().missing_count
        self.env.flush_all()
        figures = self.env["healthcare.figures"]
        watched = {row.subject: row.value for row in figures._watched("facts_missing")}
        self.assertEqual(watched["Warehouse"], missing)
        text = figures._exposition().decode()
        self.assertIn(f'healthcare_facts_missing{{target="Warehouse"}} {missing}', text)
        shown = [one for one in figures._freshness_figures() if one["bad"]]
        self.assertIn(missing, [one["value"] for one in shown])
        rule = self.env.ref("healthcare_connector.alert_rule_facts_missing")
        self.assertIn("Facts missing at a target", rule.sentence)


@tagged("post_install", "-at_install")
class TestCompletenessByQuery(CompletenessCase):
    """A target that answers as ClickHouse does."""

    def setUp(self):
        super().setUp()
        self.there = {fact.fact_id: fact.fact_type for fact in self.latest()}
        self.asked = []
        kind = type(self.target)
        self.target.write({"dialect": "clickhouse", "table": "healthcare_facts"})
        self.patch(kind, "_ask", lambda _target, query: self.answer(query))

    def answer(self, query):
        self.asked.append(query)
        if "count()" in query:
            groups = {}
            for fact_id, kind in self.there.items():
                groups.setdefault((kind, fact_id[:2]), []).append(fact_id)
            return "\n".join(
                f"{kind}\t{part}\t{len(ids)}\t{completeness.checksum(ids)}"
                for (kind, part), ids in groups.items()
            )
        part = query.split("= '")[1][:2]
        return "\n".join(
            f"{kind}\t{fact_id}"
            for fact_id, kind in self.there.items()
            if fact_id.startswith(part)
        )

    def test_nothing_more_is_asked_when_all_is_there(self):
        check = self.check()
        self.assertEqual((check.method, check.state), ("query", "complete"))
        self.assertEqual(len(self.asked), 1)

    def test_what_lacks_though_it_was_acknowledged(self):
        lost = self.latest().filtered(lambda f: f.fact_type == "service")
        del self.there[lost.fact_id]
        check = self.check()
        self.assertEqual((check.state, check.missing_ids), ("resent", lost))
        self.assertEqual(check.unknown_count, 0)
        delivery = lost.delivery_ids
        self.assertEqual((delivery.state, len(delivery.batch_id)), ("pending", 0))
        # Once by itself: what lacks again then is for a person to look at.
        take(delivery)
        self.assertEqual(len(self.env["healthcare.fact"]._receipts()), 0)
        self.assertEqual(len(lost.receipt_ids), 2)
        self.assertEqual(self.check().state, "gap")
        self.there[lost.fact_id] = "service"
        self.assertEqual(self.check().state, "complete")

    def test_the_same_number_of_others_is_noticed(self):
        lost = self.latest().filtered(lambda f: f.fact_type == "service")
        del self.there[lost.fact_id]
        other = lost.fact_id[:2] + "ffffff" + lost.fact_id[8:]
        self.there[other] = "service"
        check = self.check()
        self.assertEqual((check.missing_count, check.unknown_count), (1, 1))

    def test_what_is_there_though_not_acknowledged_is_there(self):
        put_back(self.latest(), self.target)
        check = self.check()
        self.assertEqual((check.state, check.unknown_count), ("complete", 0))

    def test_what_was_taken_and_is_not_noted_yet_is_known(self):
        """The row is gone before the batch is a receipt."""
        old = self.latest().filtered(lambda f: f.fact_type == "claim")
        self.tell("claim")
        newer = self.env["healthcare.fact"].search([("key", "=", old.key)], limit=1)
        batch = self.env["healthcare.delivery.batch"]._open_batch(self.target)
        self.assertIn(newer.id, batch.facts)
        newer.delivery_ids.unlink()
        self.env.cr.execute(
            "UPDATE healthcare_fact SET recorded_at = recorded_at - interval '2 h'"
        )
        del self.there[old.fact_id]
        self.there[newer.fact_id] = "claim"
        check = self.check()
        self.assertEqual((check.state, check.unknown_count), ("complete", 0))
        self.assertEqual(len(self.asked), 1)

    def test_what_was_replaced_by_what_lacks_is_known(self):
        new = self.latest().filtered(lambda f: f.fact_type == "claim")
        old = self.mine().filtered(lambda f: f.key == new.key) - new
        del self.there[new.fact_id]
        self.there[old.fact_id] = "claim"
        check = self.check()
        self.assertEqual((check.missing_ids, check.unknown_count), (new, 0))

    def test_what_is_told_meanwhile_is_not_missed(self):
        self.tell_meanwhile()

    def test_what_is_delivered_meanwhile_is_not_missed(self):
        self.tell_meanwhile(delivered=True)

    def tell_meanwhile(self, delivered=False):
        old = self.latest().filtered(lambda f: f.fact_type == "claim")
        answer = self.answer

        def meanwhile(query):
            if "count()" in query:
                self.tell("claim")
                newer = self.mine().filtered(lambda f: f.key == old.key) - old
                del self.there[old.fact_id]
                newest = newer.sorted("sequence")[-1:]
                self.there[newest.fact_id] = "claim"
                if delivered:
                    take(newest.delivery_ids)
                self.env.flush_all()
            return answer(query)

        self.patch(type(self), "answer", lambda _case, query: meanwhile(query))
        check = self.check()
        self.assertEqual((check.state, check.unknown_count), ("complete", 0))

    def test_a_target_that_does_not_answer(self):
        for error in (TechnicalError("Timeout"), ValueError("odd")):
            with patch.object(type(self), "answer", side_effect=error):
                check = self.check()
            self.assertEqual(check.state, "failed")
            self.assertTrue(check.message)
        self.assertFalse(self.env["healthcare.figures"]._gaps())


@tagged("post_install", "-at_install")
class TestChecksum(CompletenessCase):
    def test_postgresql_computes_the_same(self):
        ids = self.env["healthcare.fact"].search([]).mapped("fact_id")
        self.env.cr.execute(
            "SELECT sum("  # noqa: S608
            + completeness.POSTGRESQL.format(id="fact_id")
            + ")::text FROM healthcare_fact"
        )
        self.assertEqual(self.env.cr.fetchone()[0], str(completeness.checksum(ids)))
        top = "ffffffff-0000-4000-8000-000000000000"
        self.assertEqual(completeness.checksum([top, top]), 2 * 0xFFFFFFFF)

    def test_nothing_but_names_gets_into_a_query(self):
        for table in ("", None, "a b", 'a"', "a;b", "a.b.c", "a--"):
            with self.assertRaises(ValueError):
                completeness.parts_query(table)
        for part in ("", "zz", "0' OR '1", "000"):
            with self.assertRaises(ValueError):
                completeness.ids_query("facts", part)
        self.assertIn('FROM "db"."facts" FINAL', completeness.parts_query("db.facts"))

    def test_odd_answers(self):
        for answer in ("a\tb", "claim\t00\tx\t1", "Code: 60. DB::Exception"):
            with self.assertRaises(ValueError):
                completeness.read_parts(answer)
        with self.assertRaises(ValueError):
            completeness.read_ids("claim\tnot-an-id")
