"""The newest fact of each key is kept beside the outbox, exactly and always."""

import uuid
from threading import Thread

import psycopg2

from odoo.sql_db import db_connect
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .story_common import StoryCase
from .workflow_common import WorkflowCase

NAMES = (
    *("key", "sequence", "operation", "fact_type", "occurred_at", "recorded_at"),
    *("company_id", "facility_id", "service_line_id", "res_model", "res_id"),
)
_LISTED = ", ".join(NAMES)
#: What differs, seen from either side; the outbox is asked the plain way.
DIFFERENT = f"""
    WITH plain AS (
        SELECT DISTINCT ON (key) {_LISTED}, columns::text,
            first_value(occurred_at) OVER w, first_value(recorded_at) OVER w
        FROM healthcare_fact WINDOW w AS (PARTITION BY key ORDER BY sequence)
        ORDER BY key, sequence DESC),
    kept AS (
        SELECT {_LISTED}, columns::text, first_occurred_at, first_recorded_at
        FROM healthcare_fact_latest)
    (SELECT 'missing', * FROM (TABLE plain EXCEPT TABLE kept) m)
    UNION ALL (SELECT 'wrong', * FROM (TABLE kept EXCEPT TABLE plain) w)
"""  # noqa: S608
#: Some figures of the reports, made of the outbox alone.
PLAIN = """
    WITH latest AS (
        SELECT f.*, (SELECT o.occurred_at FROM healthcare_fact o
            WHERE o.key = f.key AND o.sequence = 1) AS first_at
        FROM healthcare_fact f WHERE f.operation = 'upsert'
        AND NOT EXISTS (SELECT FROM healthcare_fact n
            WHERE n.key = f.key AND n.sequence > f.sequence)
        AND f.facility_id = %s)
    SELECT sum((columns ->> 'amount_charged')::numeric)
            FILTER (WHERE fact_type = 'claim'),
        sum((columns ->> 'amount_total')::numeric)
            FILTER (WHERE fact_type = 'invoice'),
        sum((columns ->> 'amount_revenue')::numeric)
            FILTER (WHERE fact_type = 'service'),
        count(*) FILTER (WHERE fact_type = 'appointment'),
        max(first_at) FILTER (WHERE fact_type = 'invoice')
    FROM latest
"""


@tagged("post_install", "-at_install")
class TestFactLatest(StoryCase):
    def different(self):
        self.env.cr.flush()  # what a commit would tell of, too
        self.env.cr.execute(DIFFERENT)
        return self.env.cr.fetchall()

    def figures(self):
        self.env.cr.flush()
        self.env.cr.execute(PLAIN, [self.facility.id])
        plain = self.env.cr.fetchone()
        money = self.env["healthcare.reimbursement"]
        (charged, billed), (revenue,), (visits,), dates = (
            model._read_group([*self.here, *more], [], aggregates)[0]
            for model, more, aggregates in (
                (money, [], ["charged:sum", "billed:sum"]),
                (self.env["healthcare.margin"], [], ["revenue:sum"]),
                (self.env["healthcare.utilization"], [], ["booked:sum"]),
                (money, [("kind", "=", "invoice")], ["date:max"]),
            )
        )
        found = charged, billed, revenue, visits, dates[0]
        self.assertEqual([value or 0 for value in plain], [v or 0 for v in found])
        return found

    def test_after_corrections_changes_deletions_and_merges(self):
        self.assertFalse(self.different())
        before = self.figures()
        visit, bill = self.visit("V1"), self.bill("K2")
        visit.provider = "Dr. Else"  # by hand
        self.assertFalse(self.different())
        facts = self.env["healthcare.fact"]
        facts._withdraw("appointment", self.visit("V4"), None)
        facts._withdraw("invoice", bill, None)
        self.assertFalse(self.different())
        less = self.figures()
        self.assertEqual((less[1], less[3]), (before[1] - 800, before[3] - 1))
        # Told again after all, and as of another patient.
        again = self.visit("V4")._changed_fact_rows()["appointment"]
        facts._emit_changed("appointment", again)
        self.assertEqual(self.figures()[3], before[3])
        facts._retell({(visit._name, visit.id)}, self.patient("K2"), None)
        self.assertFalse(self.different())
        self.figures()

    def test_a_key_told_of_twice_at_once(self):
        rows = [
            {"document": self.facility, "key": "volume:1", "values": {"state": state}}
            for state in ("submitted", "denied")
        ]
        self.env["healthcare.fact"]._emit("claim", rows)
        self.assertFalse(self.different())
        latest = self.env["healthcare.fact.latest"].search([("key", "=", "volume:1")])
        self.assertEqual((latest.sequence, latest.columns["state"]), (2, "denied"))

    def test_retention_leaves_what_is_known(self):
        before = self.figures()
        self.env.cr.execute(
            "DELETE FROM healthcare_fact f WHERE EXISTS (SELECT FROM healthcare_fact n "
            "WHERE n.key = f.key AND n.sequence > f.sequence)"
        )
        self.env.invalidate_all()
        reports = self.env["healthcare.reimbursement"]
        ((charged, billed, last),) = reports._read_group(
            self.here, [], ["charged:sum", "billed:sum", "date:max"]
        )
        self.assertEqual((charged, billed), before[:2])
        ((last,),) = reports._read_group(
            [*self.here, ("kind", "=", "invoice")], [], ["date:max"]
        )
        self.assertEqual(last, before[4], "bills do not grow younger")

    def test_facts_of_before_are_taken_over(self):
        self.env.cr.execute("DELETE FROM healthcare_fact_latest")
        self.env["healthcare.fact.latest"].init()
        self.assertFalse(self.different())

    def test_deleted_links_are_empty_in_both(self):
        line = self.env["healthcare.service.line"].create({"name": "X", "code": "T-X"})
        rows = [
            {
                "document": self.facility,
                "key": "volume:2",
                "service_line": line,
                "values": {"state": "submitted"},
            }
        ]
        self.env["healthcare.fact"]._emit("claim", rows)
        line.unlink()
        self.assertFalse(self.different())


@tagged("post_install", "-at_install")
class TestFactLatestTogether(WorkflowCase):
    def test_of_two_transactions_one_tells(self):
        """Both have seen the same newest fact when they tell of its key."""
        key = f"volume:{uuid.uuid4()}"
        database = db_connect(self.env.cr.dbname)
        first, second = database.cursor(), database.cursor()
        refused = []

        def tell(cr, state):
            env = self.env(cr=cr)
            facility = env["healthcare.facility"].search([], limit=1)
            row = {"document": facility, "key": key, "values": {"state": state}}
            env["healthcare.fact"]._emit("claim", [row])

        def too_late():
            try:
                with mute_logger("odoo.sql_db"):
                    tell(second, "denied")
            except psycopg2.Error as error:
                refused.append(type(error).__name__)

        try:
            second.execute("SELECT count(*) FROM healthcare_fact_latest")
            tell(first, "submitted")
            waits = Thread(target=too_late)
            waits.start()
            first.commit()
            waits.join(20)
            second.rollback()
            self.assertEqual(refused, ["UniqueViolation"])
            tell(second, "adjudicated")
            second.commit()
            query = SQL(
                "SELECT sequence, columns ->> 'state' FROM healthcare_fact_latest "
                "WHERE key = %s",
                key,
            )
            first.rollback()
            first.execute(query)
            self.assertEqual(first.fetchall(), [(2, "adjudicated")])
        finally:
            second.rollback()
            for table in ("healthcare_fact", "healthcare_fact_latest"):
                first.execute(f"DELETE FROM {table} WHERE key = %s", [key])  # noqa: S608
            first.commit()
            first.close()
            second.close()
