"""JSON without surprises: one reading of a text, or none.

Python's ``json`` takes duplicate keys (last wins), ``NaN``, numbers that become
infinite, lone surrogates and NUL (neither can be stored in PostgreSQL), and recurses
with the nesting. Two parsers that read the same bytes differently are how checks are
bypassed, so all of that is refused here.
"""

import json
import re
from array import array
from itertools import accumulate

from .errors import InputError

MAX_INTEGER_DIGITS = 64

# The closing quote is optional and the repeats possessive: whatever the input, each
# byte is looked at once.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKET = bytes(b for b in range(256) if b not in b"[]{}")
_STEP = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
# Necessary (not sufficient) signs, searched before the slower checks.
_MAYBE_LARGE = re.compile(rb"[0-9]{%d}|[eE]\+?[0-9]{3}" % (MAX_INTEGER_DIGITS + 1))
_MAYBE_BAD_CHARACTER = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_BAD_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_INFINITE = (float("inf"), float("-inf"))
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}\Z")

_MESSAGES = {
    "duplicate_key": "An object has the same member twice.",
    "not_a_number": "NaN and Infinity are not JSON.",
    "number_too_large": "A number is too large.",
    "invalid_character": "A text holds a NUL or half of a surrogate pair.",
}


class _Duplicates(dict):
    """Marks, when looking for the place, an object with a repeated member."""


class _Bad:
    """Marks, when looking for the place, a number that is refused."""


def _fail(code, pointer=""):
    raise InputError(code, _MESSAGES[code], pointer)


def _object(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        _fail("duplicate_key")
    return members


def _constant(_text):
    _fail("not_a_number")


def _integer(text):
    if len(text) > MAX_INTEGER_DIGITS:
        _fail("number_too_large")
    return int(text)


def _float(text):
    value = float(text)
    if value in _INFINITE:
        _fail("number_too_large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_BOUNDED_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_constant=_constant,
    parse_int=_integer,
    parse_float=_float,
)
# Never raises for content: it only serves to name the place of a fault.
_LOCATING_DECODER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: (
        dict(pairs) if len(dict(pairs)) == len(pairs) else _Duplicates(pairs)
    ),
    parse_constant=lambda text: _Bad(),
    parse_int=lambda text: _Bad() if len(text) > MAX_INTEGER_DIGITS else 0,
    parse_float=lambda text: _Bad() if float(text) in _INFINITE else 0.0,
)


def _check_depth(raw, max_depth):
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return
    brackets = _STRING.sub(b"", raw).translate(_STEP, _NOT_BRACKET)
    if brackets and max(accumulate(array("b", brackets))) > max_depth:
        raise InputError("too_deep", f"Nested deeper than {max_depth} levels.")


def _walk(value, pointer, name_is_safe=True):
    """Yield ``(pointer, value)``, children before their parents, iteratively.

    A pointer ends at the first name that is not a plain identifier: names chosen by
    the sender may say too much.
    """
    stack = [(pointer, value, name_is_safe)]
    found = []
    while stack:
        pointer, value, deeper = stack.pop()
        found.append((pointer, value))
        if isinstance(value, dict):
            for name, child in value.items():
                safe = deeper and _PLAIN_NAME.match(name)
                stack.append((f"{pointer}/{name}" if safe else pointer, child, safe))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                stack.append(
                    (f"{pointer}/{index}" if deeper else pointer, child, deeper)
                )
    return reversed(found)


def _locate(text, code):
    """Return the pointer to the first fault of the kind, ``""`` if not found."""
    wanted = _Duplicates if code == "duplicate_key" else _Bad
    for pointer, value in _walk(_LOCATING_DECODER.decode(text), ""):
        if isinstance(value, wanted):
            return pointer
    return ""


def _check_characters(value):
    for pointer, part in _walk(value, ""):
        if isinstance(part, str):
            bad = _BAD_CHARACTER.search(part)
        else:
            bad = isinstance(part, dict) and any(map(_BAD_CHARACTER.search, part))
        if bad:
            _fail("invalid_character", pointer)


def loads(raw, max_depth=64):
    """Read a JSON text.

    :param bytes raw: UTF-8; a byte order mark is dropped
    :param int max_depth: levels of nesting allowed
    :return: dict, list, str, int, float (finite), bool or None
    :raise InputError: ``invalid_json``, ``invalid_encoding``, ``duplicate_key``,
        ``not_a_number``, ``too_deep``, ``invalid_character``, ``number_too_large``
    """
    raw = bytes(raw).removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "invalid_encoding", f"Not UTF-8 at byte {error.start}."
        ) from None
    _check_depth(raw, max_depth)
    decoder = _BOUNDED_DECODER if _MAYBE_LARGE.search(raw) else _DECODER
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        # The parser's own message may quote the text.
        raise InputError(
            "invalid_json",
            f"Not JSON at line {error.lineno}, column {error.colno}.",
        ) from None
    except RecursionError:
        raise InputError("too_deep", "Nested too deep.") from None
    except InputError as error:
        try:
            pointer = _locate(text, error.code)
        except (json.JSONDecodeError, RecursionError):
            raise error from None  # broken further on as well: no place to name
        raise InputError(error.code, error.detail, pointer) from None
    if _MAYBE_BAD_CHARACTER.search(raw):
        _check_characters(value)
    return value


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def dumps(value):
    """Write canonically: sorted keys, no blanks, UTF-8; equal values, equal bytes.

    :return: bytes
    :raise ValueError: for NaN or infinity
    """
    return _ENCODER.encode(value).encode("utf-8")
