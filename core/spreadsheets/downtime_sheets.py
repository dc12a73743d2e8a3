"""What people write down by hand while systems are down, and the events it means.

Pure Python. A sheet is a tuple of :class:`Column`; :func:`locate` finds them in a file,
:func:`read_line` makes the ``data`` of a canonical event of a line. What is wrong is
said by line and column, never by repeating what a cell holds.
"""

import re
from collections import namedtuple
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from ..errors import InputError
from ..marked import _lt

# This folder has no environment to translate with.
# pylint: disable=prefer-env-translation

VERSION = 1
MARK = "healthcare-downtime"  # in the first cell of a sheet nobody sees
SERVICES = 5  # services on one line

#: ``kind``: text, date, time, amount, quantity or list; ``choices``: which list
Column = namedtuple("Column", "key label kind required choices width", defaults=(14,))
#: A line that was read. ``content``: what it says, as text by key of its columns: two
#: lines of the same content are the same line. ``problems``: ``(column, reason)``; with
#: any, ``moment``, ``data`` and ``content`` mean nothing.
Line = namedtuple("Line", "facility moment data content problems")


def _column(key, label, kind="text", required=False, choices=None, width=14):
    return Column(key, label, kind, required, choices, width)


_FACILITY = _column("facility", "Facility", "list", True, "facilities", 22)
_PATIENT = (
    _column("record_number", "Record number", width=18),
    _column("temporary_number", "Temporary number", width=18),
)
SHEETS = {
    "registration": (
        _FACILITY,
        _column("on", "Registered on", "date", True),
        _column("at", "Time", "time", width=9),
        *_PATIENT,
        _column("family", "Family name", required=True, width=20),
        _column("given", "Given names", width=20),
        _column("birth_date", "Birth date", "date", True),
        _column("sex", "Sex", "list", False, "sexes", 10),
        _column("phone", "Phone", width=18),
        _column("email", "E-mail", width=24),
        _column("street", "Street", width=26),
        _column("city", "City"),
        _column("state", "State", width=8),
        _column("postal_code", "Postal code", width=12),
        _column("country", "Country", width=9),
        _column("account_number", "Account number", width=18),
        _column("payer", "Payer", "list", False, "payers", 26),
        _column("member_id", "Member number", width=18),
        _column("group_number", "Group number"),
    ),
    "completion": (
        _FACILITY,
        _column("form", "Form number", required=True),
        _column("on", "Performed on", "date", True),
        _column("at", "Time", "time", width=9),
        *_PATIENT,
        _column("appointment", "Appointment number", width=20),
        _column("number", "Service number, if known", width=24),
        _column("provider", "Performed by", width=20),
        *(
            column
            for place in range(1, SERVICES + 1)
            for column in (
                _column(
                    f"service_{place}",
                    f"Service {place}",
                    "list",
                    place == 1,
                    "services",
                    28,
                ),
                _column(f"quantity_{place}", f"Quantity {place}", "quantity", width=11),
            )
        ),
    ),
    "payment": (
        _FACILITY,
        _column("form", "Receipt number", required=True),
        _column("on", "Paid on", "date", True),
        _column("at", "Time", "time", width=9),
        _column("paid_by", "Paid by", "list", True, "paid_by", 12),
        _column("payer", "Payer", "list", False, "payers", 26),
        *_PATIENT,
        _column("amount", "Amount", "amount", True),
        _column("currency", "Currency", width=10),
        _column("method", "Method", "list", False, "methods", 12),
        _column("reference", "Check or card reference", width=24),
        _column("invoice", "Invoice number", width=18),
        _column("number", "Payment number, if known", width=24),
    ),
}
EVENTS = {
    "registration": "registration.created",
    "completion": "service.completed",
    "payment": "payment.received",
}
#: Lists that are the same everywhere: ``{written: meant}``.
FIXED = {
    "sexes": {name.title(): name for name in ("female", "male", "other", "unknown")},
    "paid_by": {"Patient": "patient", "Payer": "payer"},
    "methods": {name.title(): name for name in ("cash", "card", "check", "eft")},
}
_UNKNOWN = {
    "facilities": _lt("No facility of yours has this code."),
    "payers": _lt("No payer has this code."),
    "services": _lt("No service has this code."),
}
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?\Z")
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,4})?\Z")
_ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")


# -- finding the columns ------------------------------------------------------------


def locate(sheet):
    """Return ``(kind, {place: column}, rows of data)`` of a sheet, or ``None``.

    Columns are told by the hidden line of keys or by their headings, in any order.

    :param sheet: :class:`~.spreadsheet.Sheet`
    :raise InputError: for a sheet of ours that lacks a column it needs
    """
    best = None
    for position, (_number, cells) in enumerate(sheet.rows[:2]):
        for kind, columns in SHEETS.items():
            found = _places(cells, columns)
            # The keys stand below the headings, so the later of equals counts.
            if len(found) >= 4 and (best is None or len(found) >= len(best[1])):
                best = (kind, found, position)
    if best is None:
        return None
    kind, found, position = best
    missing = [c.label for c in SHEETS[kind] if c.required and c not in found.values()]
    if missing:
        raise InputError(
            "missing_columns", f"These columns are missing: {', '.join(missing)}."
        )
    return kind, found, sheet.rows[position + 1 :]


def _places(cells, columns):
    known = {}
    for column in columns:
        known[column.key] = known[column.label.casefold()] = column
    found = {}
    for place, cell in enumerate(cells):
        column = known.get(str(cell).rstrip(" *").casefold()) if cell else None
        if column and column not in found.values():
            found[place] = column
    return found


def check_version(sheets):
    """Refuse a workbook made from a template of another version.

    :raise InputError: ``other_version``
    """
    for sheet in sheets:
        if sheet.hidden and sheet.rows and sheet.rows[0][1][:1] == [MARK]:
            if sheet.rows[0][1][1:2] not in ([VERSION], [str(VERSION)]):
                raise InputError(
                    "other_version",
                    _lt(
                        "This file was made with another version of the templates: "
                        "copy its lines into a new one."
                    ),
                )


# -- cells --------------------------------------------------------------------------


class _Line:
    """One line while it is read: values by key, problems by column."""

    def __init__(self, columns, cells, lists):
        self.values, self.problems = {}, []
        self._columns = {column.key: column for column in columns.values()}
        for place, column in columns.items():
            cell = cells[place] if place < len(cells) else None
            if isinstance(cell, str) and cell in _ERRORS:
                self.problem(
                    column.key, _lt("The formula of this cell gives an error.")
                )
            elif cell is None:
                if column.required:
                    self.problem(column.key, _lt("Must not be empty."))
            else:
                self._read(column, cell, lists)

    def problem(self, key, reason):
        column = self._columns.get(key)
        label = column.label if column else key
        if label not in [known for known, _reason in self.problems]:
            self.problems.append((label, reason))

    def _read(self, column, cell, lists):
        try:
            if column.kind == "list":
                value = _choice(cell, column.choices, lists[column.choices])
            else:
                value = _READERS[column.kind](cell)
        except ValueError as error:
            self.problem(column.key, str(error))
        else:
            self.values[column.key] = value

    def get(self, key, default=None):
        return self.values.get(key, default)


def _read_text(cell):
    if isinstance(cell, bool):
        raise ValueError(_lt("Must be a text."))
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, (date, time)):
        raise ValueError(_lt("Must be a text, not a date or time."))
    return str(cell)


def _read_date(cell):
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, str) and (found := _ISO_DATE.match(cell)):
        with suppress(ValueError):
            return date(*map(int, found.groups()))
    raise ValueError(_lt("Must be a date such as 2026-03-02."))


def _read_time(cell):
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, time):
        return cell
    if isinstance(cell, str) and (found := _TIME.match(cell)):
        hour, minute = map(int, found.groups()[:2])
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise ValueError(_lt("Must be a time such as 14:30."))


def _decimal(cell):
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        raise ValueError(_lt("Must be a number such as 125.00."))
    text = cell if isinstance(cell, str) else repr(cell)
    try:
        # Through repr, so that 0.1 is 0.1 and not what a float makes of it.
        value = Decimal(text) if isinstance(cell, str) else round(Decimal(text), 4)
        text = format(value, "f")
    except InvalidOperation:
        text = ""
    if "." in text and not isinstance(cell, str):
        text = text.rstrip("0").rstrip(".")
    if not _AMOUNT.match(text) or not Decimal(text):
        raise ValueError(_lt("Must be a number above zero, such as 125.00."))
    return Decimal(text)


def _read_amount(cell):
    value = _decimal(cell)
    if value != round(value, 2):
        raise ValueError(_lt("Must have two decimals at most."))
    return f"{value:.2f}"


def _read_quantity(cell):
    text = format(_decimal(cell), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_READERS = {
    "text": _read_text,
    "date": _read_date,
    "time": _read_time,
    "amount": _read_amount,
    "quantity": _read_quantity,
}


def _choice(cell, name, known):
    """Return what is meant by a choice: its code, its label, or both as in the list."""
    written = _read_text(cell).casefold()
    if written not in known:
        raise ValueError(
            _UNKNOWN.get(name, _lt("Must be one of the choices of the list."))
        )
    return known[written]


# -- events -------------------------------------------------------------------------


def read_line(kind, columns, cells, context):
    """Return the :class:`Line` that some cells make.

    :param kind: key of :data:`SHEETS`
    :param columns: ``{place: column}`` of :func:`locate`
    :param cells: of the line
    :param context: ``lists`` ``{name: {written in lower case: meant}}``; ``moment`` a
        function of (date, time or None) that returns an aware datetime; ``now``, aware;
        ``record_system`` and ``temporary_system`` ``{facility: URI}``; ``currency``
        ``{facility: code}``
    """
    line = _Line(columns, cells, context["lists"])
    moment = None
    if line.get("on"):
        moment = context["moment"](line.get("facility"), line.get("on"), line.get("at"))
        if moment > context["now"]:
            line.problem("on", _lt("Must not be in the future."))
    facility = line.get("facility")
    data = {"facility": facility, **_BUILDERS[kind](line, moment, context)}
    content = {key: str(value) for key, value in sorted(line.values.items())}
    return Line(facility, moment, data, content, line.problems)


def _without_empty(values):
    return {key: value for key, value in values.items() if value not in (None, [], {})}


def _identifiers(line, context, required=True):
    facility = line.get("facility")
    identifiers = [
        {"system": context[system].get(facility), "value": line.get(key)}
        for key, system in (
            ("record_number", "record_system"),
            ("temporary_number", "temporary_system"),
        )
        if line.get(key)
    ]
    if required and not identifiers:
        line.problem(
            "record_number", _lt("Give the record number, or else a temporary number.")
        )
    return identifiers


def _registration(line, moment, context):
    born = line.get("birth_date")
    if born and moment and born > moment.date():
        line.problem("birth_date", _lt("Must not be after the day of registration."))
    country = line.get("country")
    if country and not re.fullmatch(r"[A-Za-z]{2,3}", country):
        line.problem(
            "country", _lt("Must be a code of two or three letters, such as US.")
        )
    for one, other in (("payer", "member_id"), ("member_id", "payer")):
        if line.get(one) and not line.get(other):
            line.problem(other, _lt("Payer and member number go together."))
    address = _without_empty(
        {
            "lines": [line.get("street")] if line.get("street") else None,
            "city": line.get("city"),
            "state": line.get("state"),
            "postal_code": line.get("postal_code"),
            "country": country,
        }
    )
    coverage = _without_empty(
        {
            "payer": {"code": line.get("payer")} if line.get("payer") else None,
            "member_id": line.get("member_id"),
            "group_number": line.get("group_number"),
        }
    )
    return _without_empty(
        {
            "patient": {
                "identifiers": _identifiers(line, context),
                "name": {
                    "family": line.get("family"),
                    "given": line.get("given", "").split(),
                },
                "birth_date": born.isoformat() if born else None,
                **_without_empty(
                    {
                        "sex": line.get("sex"),
                        "phones": [line.get("phone")] if line.get("phone") else None,
                        "emails": [line.get("email")] if line.get("email") else None,
                        "address": address,
                    }
                ),
            },
            "account_number": line.get("account_number"),
            "coverages": [{**coverage, "priority": 1}] if "payer" in coverage else None,
        }
    )


def _own_number(line, kind):
    """Return the number of something, else one made of its form and day.

    Forms are numbered anew at every downtime, so the day is a part of it.
    """
    if line.get("number"):
        return line.get("number")
    day = line.get("on")
    form = line.get("form")
    if not day or not form:
        return None
    if len(form) > 40:
        line.problem("form", _lt("Must be at most 40 characters long."))
    return f"downtime/{line.get('facility')}/{day.isoformat()}/{kind}/{form}"


def _completion(line, moment, context):
    charges = []
    for place in range(1, SERVICES + 1):
        code = line.get(f"service_{place}")
        quantity = line.get(f"quantity_{place}")
        if code:
            charges.append({"code": code, "quantity": quantity or "1"})
        elif quantity:
            line.problem(f"service_{place}", _lt("There is a quantity of no service."))
    return _without_empty(
        {
            "patient": {"identifiers": _identifiers(line, context)},
            "service": _without_empty(
                {
                    "id": _own_number(line, "service"),
                    "performed_at": moment.isoformat() if moment else None,
                    "provider": line.get("provider"),
                }
            ),
            "appointment_id": line.get("appointment"),
            "charges": charges,
        }
    )


def _payment(line, moment, context):
    by_payer = line.get("paid_by") == "payer"
    if by_payer and not line.get("payer"):
        line.problem("payer", _lt("Say which payer paid."))
    identifiers = _identifiers(line, context, required=not by_payer)
    currency = line.get("currency") or context["currency"].get(line.get("facility"))
    return _without_empty(
        {
            "patient": {"identifiers": identifiers} if identifiers else None,
            "payment": _without_empty(
                {
                    "id": _own_number(line, "payment"),
                    "amount": line.get("amount"),
                    "currency": (currency or "").upper(),
                    "paid_at": moment.isoformat() if moment else None,
                    "method": line.get("method"),
                    "payer_type": line.get("paid_by"),
                    "payer": {"code": line.get("payer")} if by_payer else None,
                    "reference": line.get("reference"),
                }
            ),
            "allocations": [
                {"invoice": line.get("invoice"), "amount": line.get("amount")}
            ]
            if line.get("invoice")
            else None,
        }
    )


_BUILDERS = {
    "registration": _registration,
    "completion": _completion,
    "payment": _payment,
}


def columns_at(kind, pointer):
    """Return the label of the column a pointer of the event's schema means.

    :param pointer: e.g. ``/data/patient/name/family``
    """
    words = {column.key: column.label for column in SHEETS[kind]}
    last = [part for part in pointer.split("/") if part and not part.isdigit()]
    names = {
        "identifiers": "record_number",
        "phones": "phone",
        "emails": "email",
        "lines": "street",
        "performed_at": "on",
        "paid_at": "on",
        "appointment_id": "appointment",
        "id": "form",
        "code": "service_1" if kind == "completion" else "payer",
    }
    for part in reversed(last):
        key = names.get(part, part)
        if key in words:
            return words[key]
    return ""
