"""Control totals: what a message of them says, checked. Pure Python."""

import json
from collections import namedtuple
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from . import schema, upcast

_EARLIEST = 2000  # year; nobody counts events older than that
_PATH = schema.DIRECTORY / "totals.json"

#: ``day`` is a date, ``start`` and ``end`` its bounds in naive UTC, ``facility`` a code
#: or ``None``; ``entries`` is ``{type code: (count, sorted ids or None)}``.
Totals = namedtuple("Totals", "day timezone start end facility entries")


def document():
    """Return the JSON Schema of a message."""
    return json.loads(_PATH.read_text(encoding="utf-8"))


@cache
def _checker():
    return schema.checker(document())


def read(message, known):
    """Return what a message says, and what is wrong with it.

    :param message: any JSON value
    :param known: codes of event types, e.g. ``registration.created``
    :return: :class:`Totals` and ``[]``, or ``None`` and a list of
        ``{"pointer", "code", "detail"}``
    """
    errors = _checker()(message)
    if errors:
        return None, errors
    day = datetime.strptime(message["date"], "%Y-%m-%d").date()
    if not _EARLIEST <= day.year or day > datetime.now(UTC).date() + timedelta(days=1):
        errors.append(_error("/date", "out_of_range", "Must be a day that has begun."))
        return None, errors
    zone = message.get("timezone", "UTC")
    bounds = bounds_of(day, zone)
    if bounds is None:
        errors.append(_error("/timezone", "unknown_timezone", "Is no IANA time zone."))
    entries = {}
    for member in ("counts", "ids"):
        for name, value in message.get(member, {}).items():
            code = type_code(name)
            if code not in known:
                text = "Names a type that is not in the catalogue."
                errors.append(_error(f"/{member}", "unknown_type", text))
                continue
            count, ids = entries.get(code, (None, None))
            if member == "counts":
                count = value
            else:
                ids = sorted(value)
                if count is not None and count != len(ids):
                    text = "Counts and ids of a type disagree."
                    errors.append(_error("/ids", "count_mismatch", text))
                count = len(ids)
            entries[code] = count, ids
    if not entries and not errors:
        text = "Needs counts or ids of at least one type."
        errors.append(_error("/counts", "required", text))
    if errors:
        return None, errors
    return Totals(day, zone, *bounds, message.get("facility"), entries), []


def bounds_of(day, zone):
    """Return when a day begins and ends, naive UTC; ``None``: no such time zone."""
    try:
        midnight = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return tuple(
        datetime.combine(date, time(), midnight).astimezone(UTC).replace(tzinfo=None)
        for date in (day, day + timedelta(days=1))
    )


def type_code(name):
    """Return the code of a type, whether it is written in full or short."""
    name = name.strip()
    if name.startswith(upcast.PREFIX):
        return name.removeprefix(upcast.PREFIX).rpartition(".v")[0]
    return name


def _error(pointer, code, detail):
    return {"pointer": pointer, "code": code, "detail": detail}
