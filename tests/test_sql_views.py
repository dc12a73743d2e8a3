"""The views BI tools read: what they show, who may, and how much they read."""

import psycopg2

from odoo.tests import tagged
from odoo.tools import file_open, mute_logger

from odoo.addons.healthcare_connector.core import facts
from odoo.addons.healthcare_connector.core.analytics import sql_views

from .common import HealthcareCase, coverage_data, event, patient_data


@tagged("post_install", "-at_install")
class TestSqlViews(HealthcareCase):
    def rows(self, query):
        self.env.flush_all()
        self.env.cr.execute(query)
        names = [column.name for column in self.env.cr.description]
        return [dict(zip(names, row, strict=True)) for row in self.env.cr.fetchall()]

    def told(self, fact_type, document, **values):
        self.env["healthcare.fact"]._emit(
            fact_type,
            [
                {
                    "document": document,
                    "facility": self.facility,
                    "values": values,
                }
            ],
        )

    def setUp(self):
        super().setUp()
        self.facility = self.env.ref("healthcare_connector.facility_north")
        self.document = self.env["res.partner"].create({"name": "Any document"})

    def view(self, fact_type):
        key = f"{fact_type}:{self.document.id}"
        return self.rows(
            f'SELECT * FROM healthcare_analytics."{fact_type}" '  # noqa: S608
            f"WHERE key = '{key}'"
        )

    def test_one_view_per_type_with_every_free_column_typed_and_explained(self):
        columns = self.rows(
            """SELECT c.relname AS view, a.attname AS name,
                format_type(a.atttypid, NULL) AS type,
                col_description(c.oid, a.attnum) AS meaning,
                obj_description(c.oid) AS about
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'healthcare_analytics'::regnamespace
            AND a.attnum > 0"""
        )
        found = {}
        for row in columns:
            found.setdefault(row["view"], {})[row["name"]] = row
            self.assertTrue(row["meaning"] and row["about"], row)
        self.assertEqual(found.keys(), facts.CATALOGUE.keys())
        for fact_type, ones in facts.CATALOGUE.items():
            shown = found[fact_type].keys() - sql_views.HEAD.keys()
            self.assertEqual(
                shown - sql_views.TAIL.keys(),
                {name for name, one in ones.items() if one.phi == "none"},
            )
        claims = found["claim"]
        self.assertEqual(claims["amount_paid"]["type"], "numeric")
        self.assertEqual(found["appointment"]["billing_hold"]["type"], "boolean")
        self.assertEqual(claims["occurred_at"]["type"], "timestamp with time zone")

    def test_the_latest_of_each_key_without_what_was_taken_back(self):
        self.told("claim", self.document, state="submitted", amount_charged="120.50")
        self.told(
            "claim",
            self.document,
            state="adjudicated",
            amount_charged="120.50",
            amount_paid="80.25",
        )
        (row,) = self.view("claim")
        self.assertEqual(row["state"], "adjudicated")
        self.assertEqual(float(row["amount_charged"] - row["amount_paid"]), 40.25)
        self.assertEqual(row["facility"], "NORTH")
        self.assertEqual(row["company_id"], self.facility.company_id.id)
        self.env["healthcare.fact"]._withdraw("claim", self.document, None)
        # The model of the document is what withdrawing goes by.
        self.assertFalse(self.view("claim"))

    def test_nothing_of_a_patient_is_in_a_view(self):
        self.play(
            event(
                "registration.created",
                patient_data(
                    "M-VIEW",
                    family="Unmistakable",
                    coverages=[coverage_data(member="MEMBER-99")],
                ),
            )
        )
        patient = self.env["res.partner"].search([("name", "ilike", "Unmistakable")])
        rows = self.rows(
            "SELECT * FROM healthcare_analytics.registration "
            f"WHERE key = 'registration:{patient.id}'"  # noqa: S608
        )
        self.assertEqual(len(rows), 1)
        text = str(rows)
        for value in ("Unmistakable", "M-VIEW", "MEMBER-99", "1961"):
            self.assertNotIn(value, text)
        self.assertNotIn("birth_date", rows[0])
        self.assertNotIn("patient_key", rows[0])

    def test_the_role_reads_the_views_and_nothing_else(self):
        with file_open("healthcare_connector/docs/warehouse/bi_role.sql") as script:
            self.env.cr.execute(script.read())
        readable = self.rows(
            """SELECT n.nspname AS schema, c.relname AS name
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
            AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            AND (has_table_privilege('healthcare_bi', c.oid, 'SELECT, INSERT, UPDATE,
                DELETE, TRUNCATE, REFERENCES, TRIGGER')
                OR has_any_column_privilege('healthcare_bi', c.oid, 'SELECT'))"""
        )
        self.assertEqual(
            {(row["schema"], row["name"]) for row in readable},
            {("healthcare_analytics", name) for name in facts.CATALOGUE},
        )
        writable = self.rows(
            """SELECT 1 FROM pg_class c
            WHERE c.relnamespace = 'healthcare_analytics'::regnamespace
            AND has_table_privilege('healthcare_bi', c.oid, 'INSERT, UPDATE, DELETE')"""
        )
        self.assertFalse(writable)
        # Views an update makes anew are readable, too.
        self.env["healthcare.sql.views"].init()
        self.env.cr.execute("SET LOCAL ROLE healthcare_bi")
        self.rows("SELECT count(*) FROM healthcare_analytics.claim")
        for table in ("res_partner", "healthcare_event", "healthcare_fact"):
            with (
                self.assertRaises(psycopg2.errors.InsufficientPrivilege),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(flush=False),
            ):
                self.env.cr.execute(f"SELECT 1 FROM {table}")  # noqa: S608
        self.env.cr.execute("RESET ROLE")

    def test_conditions_reach_the_table(self):
        """A view that first finds the latest of all keys would read everything."""
        self.env.cr.execute(_MANY)
        text = self.plan(f"SELECT * {_CLAIMS} WHERE recorded_at > now()")
        self.assertRegex(text, r"latest_recorded_index .*\n +Index Cond:.*recorded_at")
        text = self.plan(f"SELECT * {_CLAIMS} WHERE key = 'claim:7'")
        self.assertIn("healthcare_fact_latest_key_unique", text)

    def test_what_is_not_asked_for_is_not_joined(self):
        text = self.plan(f"SELECT state, sum(amount_charged) {_CLAIMS} GROUP BY 1")
        self.assertNotIn("Join", text)
        text = self.plan(f"SELECT fact_id, lineage_event {_CLAIMS}")
        self.assertIn("healthcare_event", text)

    def plan(self, query):
        rows = self.rows(f"EXPLAIN {query}")
        return "\n".join(row["QUERY PLAN"] for row in rows)


_CLAIMS = "FROM healthcare_analytics.claim"
_MANY = """
    INSERT INTO healthcare_fact_latest (key, sequence, operation, fact_type,
        occurred_at, recorded_at, first_occurred_at, first_recorded_at)
    SELECT 'claim:-' || i, 1, 'upsert', 'claim', at, at, at, at
    FROM generate_series(1, 3000) i, LATERAL (
        SELECT now() AT TIME ZONE 'UTC' - interval '1 h' * i AS at) t;
    ANALYZE healthcare_fact_latest
"""
