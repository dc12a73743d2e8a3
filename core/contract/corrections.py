"""One value of many events, looked up and set: what corrections are made of.

A place is a JSON pointer with ``*`` for the entries of a list, see
:func:`.fault_words.pattern`.
"""

import copy

from ..errors import InputError
from ..marked import _lt

# This folder has no environment to translate with.
# pylint: disable=prefer-env-translation

#: Stands for a value that is not there, and for one that is to stay.
MISSING = object()
KEEP = object()

# What tells who somebody is: only PHI readers see it, and set it.
_IDENTIFYING = ("patient", "guarantor", "survivor", "retired")
_IDENTIFYING_MEMBERS = ("account_number", "group_number", "member_id", "reason")
_BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}


def identifies(place):
    """Return whether the values of a place may tell who the patient is."""
    names = place.split("/")
    return names[2] in _IDENTIFYING or names[-1] in _IDENTIFYING_MEMBERS


def values(envelope, place):
    """Return the values an event has at a place; :data:`MISSING` where it has none."""
    return [_get(holder, name) for holder, name in _holders(envelope, place)]


def corrected(envelope, place, choose):
    """Return a corrected copy of an event, or ``None`` where nothing changes.

    :param choose: function of a value (or :data:`MISSING`); returns the new one or
        :data:`KEEP`
    """
    envelope, differs = copy.deepcopy(envelope), False
    make = choose(MISSING) is not KEEP
    for holder, name in _holders(envelope, place, make):
        old = _get(holder, name)
        new = choose(old)
        if new is not KEEP and (old is MISSING or new != old):
            holder[name] = new
            differs = True
    return envelope if differs else None


def parse(text, asked):
    """Return what a person wrote as the value its schema asks for.

    :param dict asked: the schema of the place
    :raise InputError: ``not_a_value``, with what it should be
    """
    text = text.strip()
    kinds = asked.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds:
        return text
    if "array" in kinds:
        return [part.strip() for part in text.split(",") if part.strip()]
    if "boolean" in kinds:
        if text.casefold() in _BOOLEANS:
            return _BOOLEANS[text.casefold()]
        raise InputError("not_a_value", _lt("Write yes or no."))
    try:
        return int(text)
    except ValueError:
        raise InputError("not_a_value", _lt("Write a whole number.")) from None


def shown(value):
    """Return a value as a person reads it; ``None`` for what is not there."""
    if value is MISSING or value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(shown(part) or "" for part in value)
    if isinstance(value, dict):
        return " ".join(shown(part) or "" for part in value.values())
    return str(value)


def changed(before, after, pointer=""):
    """Yield the JSON pointers at which two documents differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            yield from changed(before.get(name), after.get(name), f"{pointer}/{name}")
    elif before != after:
        yield pointer or "/"


def _get(holder, name):
    return holder.get(name, MISSING) if isinstance(holder, dict) else MISSING


def _holders(node, place, make=False):
    """Return ``(object, name)`` of each place; ``make`` what should hold it, too."""
    *path, name = place.split("/")[1:]
    nodes = [node]
    for step, following in zip(path, [*path[1:], name], strict=True):
        found = []
        for one in nodes:
            if step == "*":
                found += one if isinstance(one, list) else []
            elif isinstance(one, dict):
                if make and one.get(step) is None and following != "*":
                    one[step] = {}
                found.append(one.get(step))
        nodes = found
    return [(one, name) for one in nodes if isinstance(one, dict)]
