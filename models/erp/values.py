"""Values of canonical events as Odoo stores them, and whose word counts.

Every field of a patient, coverage or appointment remembers the time of the event it
came from. So a late event may fill what no newer one spoke of, and the same events in
any order of arrival end in the same record.
"""

from datetime import date, datetime

from ...formats.cloudevents import parse_time


def moment(text):
    """Return an RFC 3339 time, or a date's beginning, as naive UTC."""
    if not text:
        return None
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), datetime.min.time())
    return parse_time(text).replace(tzinfo=None)


def day(text):
    """Return an ISO 8601 date, ``None`` for nothing."""
    return date.fromisoformat(text[:10]) if text else None


def number(value, default=0.0):
    """Return a JSON number or decimal string as float."""
    return default if value is None else float(value)


def money(value):
    """Return an amount as facts carry it: a decimal string."""
    return f"{value or 0.0:.2f}"


def stamp(event, level=0):
    """Return a text that sorts as the event's word weighs.

    :param level: a higher level outweighs any time, e.g. what a payer verified
        against what a registration said
    """
    time = event.occurred_at.isoformat(timespec="microseconds")
    return f"{level}/{time}/{event.type_id.rank:03d}"


def newer(known, mark, parts):
    """Return what of ``parts`` counts, and the times to remember.

    :param known: ``{part: stamp}`` as remembered, or nothing
    :param mark: :func:`stamp` of the event that speaks
    :param parts: ``{part: {field: value}}``; a part that is not carried is absent
    :return: ``({field: value}, {part: stamp})``
    """
    known = dict(known or {})
    values = {}
    for part, fields in parts.items():
        if known.get(part, "") <= mark:
            values.update(fields)
            known[part] = mark
    return values, known


def changed(record, values):
    """Return those of ``values`` that differ from what the record has."""
    return {
        name: value
        for name, value in values.items()
        if record._fields[name].convert_to_write(record[name], record)
        != (False if value is None else value)
    }
