"""When targets may be sent what."""

from datetime import datetime, timedelta
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.healthcare_connector.core.delivery import windows
from odoo.addons.healthcare_connector.core.delivery.windows import Window, parse

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31))
NIGHT = "* 22-23,0-4 * * *"


class TestSchedule(TestCase):
    def test_lasts_as_long_as_it_matches(self):
        night = Window(NIGHT)
        self.assertTrue(night.is_open(datetime(2026, 3, 2, 22, 0), batches=True))
        self.assertTrue(night.is_open(datetime(2026, 3, 3, 4, 59), batches=True))
        self.assertFalse(night.is_open(datetime(2026, 3, 3, 5, 0), batches=True))
        self.assertTrue(night.is_open(datetime(2026, 3, 3, 5, 0)), "no batch")

    def test_says_when_it_opens(self):
        day = datetime(2026, 3, 2, 9, 30, 7)
        self.assertEqual(Window(NIGHT).opens_at(day, True), datetime(2026, 3, 2, 22))
        self.assertEqual(Window(NIGHT).opens_at(day), day)

    def test_days(self):
        friday, monday = datetime(2026, 3, 6), datetime(2026, 3, 2)
        for text, day, expected in (
            ("* * * * fri", friday, True),
            ("* * * * 1-4", friday, False),
            ("* * * mar *", friday, True),
            ("* * L * *", datetime(2028, 2, 29), True),
            ("* * 15,L * *", datetime(2026, 2, 28), True),
            ("* * 2 * fri", monday, True),  # either, as in cron
            ("* * 2 * fri", friday, True),
            ("*/15 * * * 7", datetime(2026, 3, 1, 0, 30), True),
            ("5/10 * * * *", datetime(2026, 3, 1, 0, 25), True),
        ):
            with self.subTest(text):
                self.assertEqual(parse(text).matches(day), expected)

    def test_what_is_none_is_refused(self):
        for text in ("", "* * * *", "60 * * * *", "* * * * nay", "a-b * * * *"):
            with self.subTest(text), self.assertRaises(ValueError):
                parse(text)
        for text in ("5-1 * * * *", "*/0 * * * *", "*-5 * * * *", "* * 0 * *"):
            with self.subTest(text), self.assertRaises(ValueError):
                parse(text)

    def test_never(self):
        self.assertIsNone(
            Window("0 0 30 2 *").opens_at(datetime(2026, 1, 1), batches=True)
        )


class TestWindow(TestCase):
    def test_blackout_goes_over_midnight_and_holds_everything(self):
        window = Window(blackout=(22.5, 6))
        self.assertFalse(window.is_open(datetime(2026, 3, 2, 23)))
        self.assertFalse(window.is_open(datetime(2026, 3, 2, 5, 59)))
        self.assertTrue(window.is_open(datetime(2026, 3, 2, 22, 29)))
        opens = window.opens_at(datetime(2026, 3, 2, 23))
        self.assertEqual(opens, datetime(2026, 3, 3, 6))

    def test_ends_of_months(self):
        last, other = datetime(2026, 2, 28, 12), datetime(2026, 2, 27, 12)
        closed, only = Window(month_end="closed"), Window(month_end="only")
        self.assertEqual([closed.is_open(day) for day in (last, other)], [False, True])
        self.assertEqual(closed.opens_at(last), datetime(2026, 3, 1))
        self.assertEqual(
            [only.is_open(day, batches=True) for day in (last, other)], [True, False]
        )
        self.assertTrue(only.is_open(other))

    def test_times_are_those_of_the_zone(self):
        window = Window("* 22 * * *", zone="America/New_York")
        opens = window.opens_at(datetime(2026, 7, 1, 12), batches=True)
        self.assertEqual(opens, datetime(2026, 7, 2, 2))

    @settings(max_examples=60, deadline=None)
    @given(
        MOMENTS,
        st.sampled_from([None, NIGHT, "0 12 L * *", "30 2 * * sun"]),
        st.sampled_from([None, (22, 6), (9, 17)]),
        st.sampled_from(windows.MONTH_ENDS),
        st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]),
        st.booleans(),
    )
    def test_it_is_open_when_it_opens_and_not_before(
        self, moment, expression, blackout, month_end, zone, batches
    ):
        window = Window(expression, blackout, month_end, zone)
        opens = window.opens_at(moment, batches)
        if opens is None:
            return
        self.assertGreaterEqual(opens, moment)
        self.assertTrue(window.is_open(opens, batches))
        before = opens - timedelta(minutes=1)
        if before > moment:
            self.assertFalse(window.is_open(before, batches))
