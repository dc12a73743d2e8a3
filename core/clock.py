"""The time, as the database stores it."""

from datetime import UTC, datetime


def utc_now():
    """Return the present moment in UTC as a naive datetime, with microseconds."""
    return datetime.now(UTC).replace(tzinfo=None)


def epoch():
    """Return the present moment in whole seconds since 1970."""
    return int(datetime.now(UTC).timestamp())
