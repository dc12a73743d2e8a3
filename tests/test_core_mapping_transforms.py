"""The transforms a mapping may choose from."""

from odoo.tests import BaseCase

from .test_core_mapping import data


class TestTransforms(BaseCase):
    def _value(self, value, *steps, timezone=None, **root):
        row = {"field": "a", "from": "v", "transforms": list(steps)}
        return data([row], {"v": value, **root}, timezone=timezone).get("a")

    def test_texts(self):
        for step, value, wanted in (
            ("upper", "abc", "ABC"),
            ("lower", "ABC", "abc"),
            ("text", 12, "12"),
            ("digits", "a1-2", "12"),
            ("truncate:2", "abc", "ab"),
            ("prefix:x:", "1", "x:1"),
            ("suffix:!", "1", "1!"),
            ("replace:a=>b", "aa", "bb"),
            ("none_if:0,1", "1", None),
            ("split:-", "a- b-", ["a", "b"]),
            ("uri:urn:x:", "A B", "urn:x:A-B"),
            ("uri:urn:x:", "urn:oid:1.2", "urn:oid:1.2"),
            ("phone", "(413) 555-0101", "4135550101"),
            ("phone", "+1 413 555 0101 x 12", "+14135550101x12"),
            ("phone", "none", None),
            ("email", "mailto:a@b.c", "a@b.c"),
            ("email", "nobody", None),
            ("sex", "F", "female"),
            ("sex", "male", "male"),
            ("sex", "?", "unknown"),
            ("country", "us", "US"),
            ("country", "United States", "US"),
            ("country", "U.S.A.", "US"),
            ("country", "Usa", "USA"),
            ("country", "Nowhere", None),
            ("boolean", "Y", True),
            ("integer", "3.0", 3),
            ("decimal", "1,234.50", "1234.50"),
            ("decimal", "1,5", None),
            ("decimal:2", "1.005", "1.00"),
            ("decimal", 12.5, "12.5"),
            ("decimal", "1e400", None),
            ("absolute", "-5.00", "5.00"),
            ("first", ["a", "b"], "a"),
            ("last", ["a", "b"], "b"),
            ("item:2", ["a", "b"], "b"),
            ("item:3", ["a", "b"], None),
            ("join:-", ["a", "b"], "a-b"),
            ("unique", ["a", "b", "a"], ["a", "b"]),
            ("count", ["a", "b"], 2),
            ("upper", ["a", "b"], ["A", "B"]),
        ):
            self.assertEqual(self._value(value, step), wanted, step)

    def test_dates(self):
        for step, value, wanted in (
            ("hl7_date", "19610719", "1961-07-19"),
            ("hl7_date", "196107191200", "1961-07-19"),
            ("hl7_date", "195808100102034", "1958-08-10"),
            ("hl7_date", "1961-07-19", "1961-07-19"),
            ("hl7_date", "1961", None),
            ("hl7_date", "19611301", None),
            ("hl7_datetime", "20260302093000-0500", "2026-03-02T09:30:00-05:00"),
            ("hl7_datetime", "20260302093000.1234+0000", "2026-03-02T09:30:00Z"),
            ("hl7_datetime", "202603020930", "2026-03-02T09:30:00Z"),
            ("hl7_datetime", "20260302", "2026-03-02T00:00:00Z"),
            ("hl7_datetime", "2026-03-02T09:30:00Z", "2026-03-02T09:30:00Z"),
            ("hl7_datetime:Europe/Berlin", "20260702", "2026-07-02T00:00:00+02:00"),
            ("hl7_datetime", "20260302250000", None),
            ("hl7_datetime", "00000000", None),
            ("iso_date", "2026-03-02T09:30:00Z", "2026-03-02"),
            ("iso_date", "2026-03", None),
            ("iso_datetime", "2026-03-02T09:30:00-05:00", "2026-03-02T14:30:00Z"),
            ("iso_datetime", "2026-03-02T09:30:00", "2026-03-02T09:30:00Z"),
            ("iso_datetime", "2026-03-02", "2026-03-02T00:00:00Z"),
            ("iso_datetime", "soon", None),
            ("x12_date", "20260302", "2026-03-02"),
            ("x12_date", "260302", "2026-03-02"),
            ("x12_date", "2603", None),
        ):
            self.assertEqual(self._value(value, step), wanted, (step, value))
        self.assertEqual(
            self._value("20260702", "hl7_datetime", timezone="America/New_York"),
            "2026-07-02T00:00:00-04:00",
        )

    def test_end_of_a_duration(self):
        steps = ("hl7_datetime", "plus_minutes:m")
        self.assertEqual(
            self._value("202603022350", *steps, m="20"), "2026-03-03T00:10:00Z"
        )
        for minutes in (None, "0", "-5", False, "999999999", []):
            self.assertIsNone(self._value("202603022350", *steps, m=minutes))
