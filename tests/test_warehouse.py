"""Tables for a warehouse: as the catalogue gives them, and what their views show."""

import contextlib
import tempfile
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

from odoo.addons.healthcare_connector.core import facts
from odoo.addons.healthcare_connector.core.analytics import warehouse

INVOICE = {
    "fact_id": "a",
    "fact_type": "invoice",
    "schema_version": "1.0",
    "operation": "upsert",
    "occurred_at": "2026-03-01T10:11:12.123456Z",
    "recorded_at": "2026",
}


@tagged("post_install", "-at_install")
class TestWarehouse(TransactionCase):
    def test_the_scripts_kept_are_those_of_the_catalogue(self):
        for name, text in warehouse.files().items():
            kept = (warehouse.FOLDER / name).read_text(encoding="utf-8")
            self.assertEqual(kept, text, "run: python -m core.analytics.warehouse")

    def test_the_scripts_are_written_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = warehouse.write(folder)
            self.assertEqual(len(paths), len(warehouse.files()))
            self.assertTrue(all(path.stat().st_size > 500 for path in paths))

    def test_every_column_of_the_catalogue_has_a_place(self):
        known = warehouse.columns()
        for ones in facts.CATALOGUE.values():
            self.assertLessEqual(set(ones), set(known))

    def test_a_name_for_two_things_is_refused(self):
        column = facts.CATALOGUE["invoice"]["amount_total"]
        for name in ("state", "facility"):
            changed = {**facts.CATALOGUE, "stock": {name: column}}
            with patch.object(facts, "CATALOGUE", changed):
                self.assertRaises(ValueError, warehouse.columns)

    @contextlib.contextmanager
    def tables(self):
        """A schema of its own with the tables, made twice as after an upgrade."""
        self.env.cr.execute("CREATE SCHEMA test_warehouse")
        self.env.cr.execute("SET LOCAL search_path TO test_warehouse")
        try:
            for _time in range(2):
                self.env.cr.execute(warehouse.script("postgresql"))
            yield
        finally:
            self.env.cr.execute("SET LOCAL search_path TO public")

    def insert(self, **values):
        row = {**INVOICE, **values}
        names = ", ".join(f'"{name}"' for name in row)
        places = ", ".join(["%s"] * len(row))
        self.env.cr.execute(
            f"INSERT INTO healthcare_facts ({names}) VALUES ({places})",
            list(row.values()),
        )

    def test_views_show_the_latest_and_nothing_deleted(self):
        with self.tables():
            for sequence, amount in ((1, "1.00"), (3, "12.50"), (2, "2.00")):
                self.insert(key="invoice:1", sequence=sequence, amount_total=amount)
            self.insert(key="invoice:2", sequence=1, amount_total="9.00")
            self.insert(key="invoice:2", sequence=2, operation="delete")
            self.env.cr.execute(
                """SELECT key, sequence, amount_total, occurred_at, occurred_year,
                recorded_at, recorded_year FROM healthcare_invoice"""
            )
            (row,) = self.env.cr.fetchall()
        self.assertEqual(row[:2], ("invoice:1", 3))
        self.assertEqual(row[2], 12.5)
        self.assertEqual((row[3].hour, row[4]), (10, 2026))
        self.assertEqual(row[5:], (None, 2026), "a policy left the year alone")

    def test_statements_are_told_apart(self):
        for engine in warehouse.ENGINES:
            found = warehouse.statements(warehouse.script(engine))
            altered = engine == "postgresql"
            self.assertEqual(len(found), 1 + altered + 2 * len(facts.CATALOGUE))
            self.assertFalse(any(one.startswith("--") for one in found))
