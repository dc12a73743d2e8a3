"""What may not stand in a server's log."""

import logging
import unittest

from odoo.addons.healthcare_connector.core import logs


class TestLogs(unittest.TestCase):
    def _record(self, name, message, *args):
        return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)

    def test_a_failed_statement_is_told_of_without_its_values(self):
        record = self._record(
            "odoo.sql_db",
            "bad query: %s\nERROR: %s",
            "INSERT INTO res_partner VALUES ('Quillfeather')",
            ValueError("Key (name)=(Quillfeather) already exists"),
        )
        self.assertTrue(logs.StatementFilter().filter(record))
        self.assertNotIn("Quillfeather", record.getMessage())
        self.assertIn("ValueError", record.getMessage())

    def test_other_records_pass_as_they_are(self):
        record = self._record("odoo.sql_db", "%s connections", 5)
        self.assertTrue(logs.StatementFilter().filter(record))
        self.assertEqual(record.getMessage(), "5 connections")
        record = self._record("odoo.http", "mail to a@example.org")
        self.assertTrue(logs.OursFilter().filter(record))
        self.assertIn("a@example.org", record.getMessage())

    def test_ours_are_redacted(self):
        record = self._record(logs.OURS + ".x", "mail to %s", "a@example.org")
        self.assertTrue(logs.OursFilter().filter(record))
        self.assertNotIn("a@example.org", record.getMessage())

    def test_the_filters_are_in_place(self):
        logs.install()
        found = logging.getLogger(logs.SQL_LOGGER).filters
        kinds = [type(one).__name__ for one in found]
        self.assertEqual(kinds.count("StatementFilter"), 1)
