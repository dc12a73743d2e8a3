"""The transforms a mapping may choose from: one value in, one value out.

A transform is written as a text, ``name`` or ``name:argument``. Those that work on one
value are applied to each item of a list; those of :data:`ON_LISTS` take the whole list.
``None`` means that nothing is left.
"""

import re
from collections import namedtuple
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import strict_json
from ..contract import envelope
from ..errors import InputError
from . import expressions as mapping_expressions
from . import vocabulary

MAX_ARGUMENT = 200

#: A compiled transform: ``call(value, context)``; ``whole`` when it takes lists whole.
Transform = namedtuple("Transform", "name argument call whole")


class TransformError(Exception):
    """A value cannot be read; ``detail`` says what was expected, not what came."""

    def __init__(self, detail, code="invalid_value"):
        super().__init__(detail)
        self.code = code
        self.detail = detail


@lru_cache(maxsize=64)
def zone(name):
    """Return a time zone by its IANA name, or None when there is none such."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


# -- texts ------------------------------------------------------------------------


def _text(value):
    """Return a scalar as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise TransformError("Must be a single value.")


def _split(value, argument):
    return [part.strip() for part in _text(value).split(argument) if part.strip()]


def _item(value, argument):
    place = int(argument)
    if not isinstance(value, list) or not 1 <= place <= len(value):
        return None
    return value[place - 1]


def _replace(value, argument):
    old, _arrow, new = argument.partition("=>")
    return _text(value).replace(old, new)


def _none_if(value, argument):
    return None if _text(value) in argument.split(",") else value


_SCHEME = re.compile(r"(?:urn|oid|uuid|tag|https?):\S", re.IGNORECASE)
_NOT_URI = re.compile(r"[^A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def _uri(value, argument):
    text = _text(value).strip()
    if not text:
        return None
    if not _SCHEME.match(text):
        text = argument + text
    return _NOT_URI.sub("-", text)


_PHONE = re.compile(r"[^0-9+]")


def _phone(value, _argument):
    """Keep digits and a leading plus; an extension stays behind an ``x``."""
    text, _mark, extension = _text(value).lower().partition("x")
    digits = _PHONE.sub("", text)
    digits = digits[:1] + digits[1:].replace("+", "")
    if len(digits.strip("+")) < 3:
        return None
    extension = re.sub(r"[^0-9]", "", extension)
    return (f"{digits}x{extension}" if extension else digits)[:64]


def _email(value, _argument):
    text = _text(value).strip().removeprefix("mailto:")
    return text if 0 < text.find("@") < len(text) - 1 and " " not in text else None


# -- numbers ----------------------------------------------------------------------


_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?\Z")


def _number(value):
    try:
        text = _text(value).strip()
        # A comma may be a thousands or a decimal sign: only the former is certain.
        if _THOUSANDS.match(text):
            text = text.replace(",", "")
        number = Decimal(text)
    except InvalidOperation:
        raise TransformError("Must be a number.") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise TransformError("Must be a number of reasonable size.")
    return number


def _plain(number):
    text = format(number, "f")
    return "0" if not number else text


def _decimal(value, argument):
    """Write as a decimal text, with so many places if the argument says so."""
    number = _number(value)
    if argument:
        number = round(number, int(argument))
    return _plain(number)


def _integer(value, _argument):
    number = _number(value)
    if number != number.to_integral_value():
        raise TransformError("Must be a whole number.")
    return int(number)


def _boolean(value, _argument):
    text = _text(value).strip().lower()
    if text in ("true", "yes", "y", "1", "t"):
        return True
    if text in ("false", "no", "n", "0", "f"):
        return False
    raise TransformError("Must be yes or no.")


# -- dates ------------------------------------------------------------------------

_HL7_TIME = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})"
    r"(?:\.([0-9]{1,6})[0-9]*)?)?)?)?)?)?(?:([+-])([0-9]{2}):?([0-9]{2}))?\Z"
)
# Some senders write dates with dashes and a T in the middle.
_ISO_LIKE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]|\Z)")


def _hl7_parts(value):
    text = _text(value).strip()
    if _ISO_LIKE.match(text):
        head, tail = text[:10], text[10:]
        text = head.replace("-", "") + tail.lstrip("T ").replace(":", "")
        text = re.sub(r"[Zz]\Z", "+0000", text)
    found = _HL7_TIME.match(text)
    if found is None:
        raise TransformError("Must be an HL7 date (YYYYMMDD) or date and time.")
    return found.groups()


def _hl7_date(value, _argument):
    """Read ``YYYYMMDD…`` as a calendar date; any time of day is dropped."""
    text = _text(value).strip()
    if re.match(r"[0-9]{8,}(?:[.+-][0-9]*){0,2}\Z", text):
        text = text[:8]
    year, month, day = _hl7_parts(text)[:3]
    if day is None:
        raise TransformError("Must be a date with year, month and day.")
    return _calendar(year, month, day)


def _calendar(year, month, day):
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise TransformError("Must be a date that exists.") from None


def _local(argument, context):
    name = argument or context.timezone
    found = zone(name)
    if found is None:
        raise TransformError("The time zone is not known.")
    return found


def _written(moment):
    """Write a moment as RFC 3339, to the second unless there is more."""
    try:
        text = moment.isoformat()
    except ValueError:
        raise TransformError("Must be a date that exists.") from None
    return text[:-6] + "Z" if text.endswith("+00:00") else text[:25]


def _hl7_datetime(value, argument, context):
    """Read ``YYYYMMDDHHMM…[+ZZZZ]``; a date alone is its midnight."""
    groups = _hl7_parts(value)
    year, month, day, hour, minute, second, _fraction, sign, zh, zm = groups
    if day is None:
        raise TransformError("Must be a date with year, month and day.")
    if sign and int(zh) < 24 and int(zm) < 60:
        offset = timedelta(hours=int(zh), minutes=int(zm))
        local = timezone(-offset if sign == "-" else offset)
    else:
        local = _local(argument, context)
    second = min(int(second or 0), 59)  # a leap second
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            second,
            tzinfo=local,
        )
        return _written(moment)
    except (ValueError, OverflowError):
        raise TransformError("Must be a date and time that exist.") from None


def _plus_minutes(value, argument, context):
    """Add the minutes an expression gives: an end from a start and a duration."""
    minutes = context.evaluate(argument)
    if minutes is None or isinstance(minutes, bool | list | dict):
        return None
    number = _number(minutes)
    if not 0 < number <= 60 * 24 * 31:
        return None
    try:
        moment = datetime.fromisoformat(_text(value).replace("Z", "+00:00"))
        return _written(moment + timedelta(minutes=float(number)))
    except (ValueError, OverflowError):
        raise TransformError("Must be a date and time.") from None


def _iso_date(value, _argument):
    text = _text(value).strip()
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|\Z)", text):
        raise TransformError("Must be a date such as 2026-03-02.")
    return _calendar(text[:4], text[5:7], text[8:10])


def _complete(text):
    """Return the moment of a time with an offset, None of anything else."""
    try:
        return envelope.parse_time(text)
    except InputError:
        return None


def _iso_datetime(value, argument, context):
    """Read an ISO 8601 date and time; without an offset it is local time."""
    text = _text(value).strip()
    complete = _complete(text)
    if complete is not None:
        return _written(complete)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TransformError(
            "Must be a date and time such as 2026-03-02T09:30:00Z."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_local(argument, context))
    return _written(moment.replace(microsecond=0))


def _x12_date(value, _argument):
    """Read ``CCYYMMDD`` or ``YYMMDD`` (X12 DTP D8 and D6, year 2000 and later)."""
    text = _text(value).strip()
    if not re.match(r"(?:[0-9]{6}|[0-9]{8})\Z", text):
        raise TransformError("Must be a date CCYYMMDD.")
    if len(text) == 6:
        text = "20" + text
    return _calendar(text[:4], text[4:6], text[6:])


# -- codes ------------------------------------------------------------------------


def _sex(value, _argument):
    """Read HL7 table 0001, FHIR administrative-gender or X12 DMG03."""
    return vocabulary.sex(_text(value))


def _country(value, _argument):
    text = _text(value).strip()
    if re.match(r"[A-Za-z]{2,3}\Z", text):
        return text.upper()
    return vocabulary.country(text)


def _map(value, argument, context):
    return context.mapped(argument, value)


# -- lists ------------------------------------------------------------------------


def _unique(values, _argument):
    seen = {}
    for value in values:
        seen.setdefault(strict_json.dumps(value), value)
    return list(seen.values())


def _join(values, argument):
    return (argument or " ").join(_text(value) for value in values if value)


#: ``name: (function, argument)``; argument is "" (none), "text", "int" (needed), or
#: either with "?" (may be left out).
_SIMPLE = {
    "strip": (lambda value, _a: _text(value).strip(), ""),
    "upper": (lambda value, _a: _text(value).upper(), ""),
    "lower": (lambda value, _a: _text(value).lower(), ""),
    "text": (lambda value, _a: _text(value), ""),
    "digits": (lambda value, _a: re.sub(r"[^0-9]", "", _text(value)), ""),
    "truncate": (lambda value, a: _text(value)[: int(a)], "int"),
    "prefix": (lambda value, a: a + _text(value), "text"),
    "suffix": (lambda value, a: _text(value) + a, "text"),
    "replace": (_replace, "text"),
    "none_if": (_none_if, "text"),
    "split": (_split, "text"),
    "uri": (_uri, "text"),
    "phone": (_phone, ""),
    "email": (_email, ""),
    "decimal": (_decimal, "int?"),
    "absolute": (lambda value, _a: _plain(abs(_number(value))), ""),
    "integer": (_integer, ""),
    "boolean": (_boolean, ""),
    "hl7_date": (_hl7_date, ""),
    "iso_date": (_iso_date, ""),
    "x12_date": (_x12_date, ""),
    "sex": (_sex, ""),
    "country": (_country, ""),
}
_WITH_CONTEXT = {
    "hl7_datetime": (_hl7_datetime, "zone?"),
    "iso_datetime": (_iso_datetime, "zone?"),
    "plus_minutes": (_plus_minutes, "expression"),
    "map": (_map, "name"),
}
#: Transforms that take a list whole (a single value counts as a list of one).
ON_LISTS = {
    "first": (lambda values, _a: values[0] if values else None, ""),
    "last": (lambda values, _a: values[-1] if values else None, ""),
    "item": (_item, "int"),
    "join": (_join, "text?"),
    "unique": (_unique, ""),
    "limit": (lambda values, a: values[: int(a)], "int"),
    "count": (lambda values, _a: len(values), ""),
}
NAMES = tuple(sorted({**_SIMPLE, **_WITH_CONTEXT, **ON_LISTS}))
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


def _argument_fault(kind, argument):
    """Return what is wrong with an argument, else None."""
    needed, kind = not kind.endswith("?"), kind.rstrip("?")
    if not kind:
        return "takes no argument" if argument else None
    if not argument:
        return "needs an argument" if needed else None
    if kind == "int" and not re.match(r"[0-9]{1,4}\Z", argument):
        return "needs a whole number"
    if kind == "zone" and zone(argument) is None:
        return "names a time zone that is not known"
    if kind == "expression":
        mapping_expressions.compile(argument)
    if kind == "name" and not _NAME.match(argument):
        return "needs the name of a value map"
    return None


def _bind(function, argument, contextual):
    if contextual:
        return lambda value, context: function(value, argument, context)
    return lambda value, _context: function(value, argument)


def compile(text, pointer=""):
    """Compile one transform, ``name`` or ``name:argument``.

    :return: :class:`Transform`
    :raise InputError: ``invalid_transform``, status 422
    """
    detail = None
    name, _colon, argument = text.partition(":") if isinstance(text, str) else ("",) * 3
    name = name.strip()
    entry = _SIMPLE.get(name) or _WITH_CONTEXT.get(name) or ON_LISTS.get(name)
    if entry is None:
        detail = f"There is no such transform; there are {', '.join(NAMES)}."
    elif len(argument) > MAX_ARGUMENT:
        detail = f"The argument has at most {MAX_ARGUMENT} characters."
    elif fault := _argument_fault(entry[1], argument):
        detail = f"The transform {name} {fault}."
    if detail:
        raise InputError("invalid_transform", detail, pointer, status=422)
    call = _bind(entry[0], argument, name in _WITH_CONTEXT)
    return Transform(name, argument, call, name in ON_LISTS)
