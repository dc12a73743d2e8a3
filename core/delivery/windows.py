"""When a target may be sent what: cron expressions, blackout hours, ends of months.

An expression has the five fields of cron: minute, hour, day of month, month, day of
week; ``*``, lists, ranges and steps, names of months and days, and ``L`` for the last
day of a month. Other than in cron it means a time that lasts: every minute that matches
is one in which batches may leave, so ``* 22-23,0-4 * * *`` is ten at night to five.
"""

import calendar
import re
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ..marked import _lt

# This folder has no environment to translate with.
# pylint: disable=prefer-env-translation

MONTH_ENDS = ("open", "closed", "only")
_MONTHS = {name.lower(): n for n, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_FIELDS = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)
_PART = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/([0-9]{1,3}))?\Z")
_FARTHEST = 4 * 366  # days looked ahead: over the next 29 February
_MINUTE = timedelta(minutes=1)


class Schedule(
    namedtuple("Schedule", "minutes hours days months weekdays last either")
):
    """A parsed expression; ``either``: day of month or of week will do, as in cron."""

    def on_day(self, day):
        """Whether some minute of a date matches."""
        if day.month not in self.months:
            return False
        is_last = self.last and day.day == _last_day(day)
        by_month = day.day in self.days or is_last
        by_week = day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either else by_month and by_week

    def matches(self, moment):
        """Whether a local time matches."""
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and self.on_day(moment)
        )


@lru_cache(maxsize=256)
def parse(text):
    """Return the :class:`Schedule` of an expression.

    :raise ValueError: says in words which part is none
    """
    parts = (text or "").lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            _lt("It needs five parts: minute, hour, day, month, day of week.")
        )
    last = "l" in parts[2].split(",")
    days = ",".join(part for part in parts[2].split(",") if part != "l")
    sets = [
        _values(part, *field) if part else frozenset()
        for part, field in zip((*parts[:2], days, *parts[3:]), _FIELDS, strict=True)
    ]
    sets[4] = frozenset(day % 7 for day in sets[4])
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    return Schedule(*sets, last, either)


def _values(text, low, high, names):
    result = set()
    for part in text.split(","):
        found = _PART.match(part)
        if not found:
            raise ValueError(f"“{part}” is no part of a schedule.")
        first, until, step = found.groups()
        if first == "*":
            begin, end = low, high
        else:
            begin = _number(first, low, high, names)
            end = _number(until, low, high, names) if until else begin
            if step and not until:
                end = high
        if end < begin or step == "0" or (first == "*" and until):
            raise ValueError(f"“{part}” is no part of a schedule.")
        result.update(range(begin, end + 1, int(step or 1)))
    return frozenset(result)


def _number(text, low, high, names):
    value = names.get(text[:3]) if not text.isdigit() else int(text)
    if value is None or not low <= value <= high:
        raise ValueError(f"“{text}” is not between {low} and {high}.")
    return value


class Window(
    namedtuple(
        "Window",
        "expression blackout month_end zone",
        defaults=(None, None, "open", "UTC"),
    )
):
    """When a target may be sent something.

    ``expression`` bounds batches only; in the ``blackout`` (two hours of the day, the
    first may be later than the second) and, where ``month_end`` is ``closed``, on the
    last day of a month nothing leaves at all. With ``only``, batches leave on that day
    alone. Times are those of ``zone``.
    """

    def _local(self, moment):
        return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone))

    def is_open(self, moment, batches=False):
        """Whether something may leave at a moment (naive UTC).

        :param batches: whether it is of the class that waits for the schedule
        """
        return self._is_open_at(self._local(moment), batches)

    def _is_open_at(self, local, batches):
        if not self._on_day(local, batches):
            return False
        if self.blackout:
            begin, end = self.blackout
            hour = local.hour + local.minute / 60
            inside = begin <= hour < end
            if begin > end:
                inside = hour >= begin or hour < end
            if inside:
                return False
        return not (batches and self.expression) or parse(self.expression).matches(
            local
        )

    def _on_day(self, local, batches):
        if self.month_end != "open":
            is_last = local.day == _last_day(local)
            if self.month_end == "closed" and is_last:
                return False
            if self.month_end == "only" and batches and not is_last:
                return False
        schedule = batches and self.expression and parse(self.expression)
        return not schedule or schedule.on_day(local)

    def _in_hour(self, local, batches):
        if not (batches and self.expression):
            return True
        return local.hour in parse(self.expression).hours

    def opens_at(self, moment, batches=False):
        """Return when it is open first, from a moment on, naive UTC; None for never."""
        if self.is_open(moment, batches):
            return moment
        start = moment.replace(second=0, microsecond=0)
        if start < moment:
            start += _MINUTE
        return _opens_at(self, start, batches)


@lru_cache(maxsize=1024)
def _opens_at(window, start, batches):
    day_start = start
    for _day in range(_FARTHEST):
        local = window._local(day_start)
        following = _next_midnight(local)
        if window._on_day(local, batches):
            moment = day_start
            while moment < following:
                local = window._local(moment)
                if not window._in_hour(local, batches):
                    moment += timedelta(minutes=60 - local.minute)
                elif window._is_open_at(local, batches):
                    return moment
                else:
                    moment += _MINUTE
        day_start = following
    return None


def _next_midnight(local):
    """Return when the next day of a local time begins, naive UTC."""
    day = local.date() + timedelta(days=1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=local.tzinfo)
    return midnight.astimezone(UTC).replace(tzinfo=None)


def _last_day(day):
    return calendar.monthrange(day.year, day.month)[1]
