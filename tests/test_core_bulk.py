"""Rows by COPY: what goes in is what is there."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, TransactionCase, tagged

from odoo.addons.healthcare_connector.core import bulk

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
COLUMNS = ("id", "words", "whole", "yes", "bits", "moment")


class TestText(BaseCase):
    @given(st.lists(st.lists(TEXTS, min_size=2, max_size=2)))
    def test_a_row_is_a_line_and_a_value_a_field(self, rows):
        lines = bulk.text_of(rows).split("\n")
        self.assertEqual(lines.pop(), "")
        self.assertEqual([line.count("\t") for line in lines], [1] * len(rows))

    def test_other_types_are_refused(self):
        with self.assertRaises(TypeError):
            bulk.text_of([[1.5]])
        with self.assertRaises(TypeError):
            bulk.text_of([[{"a": 1}]])

    def test_arrays(self):
        self.assertEqual(bulk.as_array([3, 1]), "{3,1}")
        self.assertEqual(bulk.as_array(()), "{}")


@tagged("post_install", "-at_install")
class TestRows(TransactionCase):
    def setUp(self):
        super().setUp()
        self.env.cr.execute(
            """CREATE TEMP TABLE bulk_rows (id serial, words text, whole int, yes bool,
            bits bytea, moment timestamp) ON COMMIT DROP"""
        )

    def test_what_goes_in_is_there(self):
        words = ['a\tb\nc\r\\d "e" \\N', "", "\\.", "Zoë \u2028 \x07", None]
        rows = [
            (
                number,
                text,
                None if number == 3 else -number,
                number % 2 == 0,
                bytes(range(256)) if number else b"",
                datetime(2026, 3, 2, 8, 0, 0, number),
            )
            for number, text in enumerate(words)
        ]
        bulk.copy_in(self.env.cr, "bulk_rows", COLUMNS, rows)
        self.env.cr.execute("SELECT * FROM bulk_rows ORDER BY id")
        found = [
            tuple(bytes(one) if isinstance(one, memoryview) else one for one in row)
            for row in self.env.cr.fetchall()
        ]
        self.assertEqual(found, rows)

    def test_numbers_rise_and_are_nobody_elses(self):
        first = bulk.numbers(self.env.cr, "bulk_rows", 3)
        again = bulk.numbers(self.env.cr, "bulk_rows", 2)
        self.assertEqual(first + again, sorted({*first, *again}))
        self.assertEqual((len(first), len(again)), (3, 2))
