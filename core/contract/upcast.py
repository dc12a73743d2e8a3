"""Older versions of an event brought, step by step, to the one the workflows know.

A step is declared, not coded: what moved, what got a default, what went away. Where
that does not do, a pure function stands for a change. Steps are kept for as long as the
older version is taken; what was received is stored as it came.

A minor version (``1.0`` to ``1.1``) only adds what is optional, so it needs no step of
its own; only a major one does.
"""

import copy
import re

from ..errors import InputError

PREFIX = "healthcare."
_TYPE = re.compile(r"healthcare\.([a-z_]+(?:\.[a-z_]+)+)\.v([0-9]{1,3})\Z")
_SCHEMA = re.compile(r"/healthcare/v1/schemas/([^/?#]+)/([0-9]+\.[0-9]+)\Z")

#: ``{(type, major): changes}``: how ``data`` of that major version becomes that of the
#: next. Changes: ``("move", from, to)``, ``("default", place, value)``,
#: ``("remove", place)``, or a function of the data that returns it changed. A place is
#: a JSON pointer; ``*`` in it stands for every item of a list.
STEPS = {}


def split_type(name):
    """Return ``(code, major)`` of ``healthcare.<code>.v<major>``, or ``(None, 0)``."""
    found = _TYPE.match(name) if isinstance(name, str) else None
    return (found[1], int(found[2])) if found else (None, 0)


def major(version):
    """Return the major number of ``1.0``."""
    return int(version.partition(".")[0])


def order(version):
    """Return a key that sorts versions."""
    return tuple(int(part) for part in version.split("."))


def reaches(code, version, newest, steps=None):
    """Whether events of this version can be brought to the newest."""
    steps = STEPS if steps is None else steps
    return order(version) <= order(newest) and all(
        (code, number) in steps for number in range(major(version), major(newest))
    )


def choose(envelope, accepted):
    """Return ``(code, version)`` an envelope claims to be of.

    The suffix of its type names the major version. Among the minor ones the one counts
    that ``dataschema`` names by the address of our schema; without, the newest.

    :param accepted: ``{code: versions, the newest first}``
    :return: ``(code, None)`` when there is no such version
    """
    code, number = split_type(envelope.get("type"))
    versions = [v for v in accepted.get(code, ()) if major(v) == number]
    address = envelope.get("dataschema")
    named = _SCHEMA.search(address) if isinstance(address, str) else None
    if named and versions:
        type_name = named[1]
        if type_name in (code, f"{PREFIX}{code}.v{number}"):
            return code, named[2] if named[2] in versions else None
        return code, None
    return code, versions[0] if versions else None


def upcast(code, version, newest, data, steps=None):
    """Return the data of an event as the newest version has it; the original stays.

    :raise InputError: a step does not fit what was sent
    """
    steps = STEPS if steps is None else steps
    if major(version) == major(newest):
        return data
    data = copy.deepcopy(data)
    try:
        for number in range(major(version), major(newest)):
            for change in steps[code, number]:
                data = change(data) if callable(change) else _change(data, *change)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise InputError(
            "upcast_failed", "Cannot be read as the version now in use.", "/data", 422
        ) from None
    return data


def _change(data, kind, place, *rest):
    parts = place.strip("/").split("/")
    if kind == "move":
        _move(data, parts, rest[0].strip("/").split("/"))
    elif kind == "default":
        for holder in _holders(data, parts[:-1], make=True):
            holder.setdefault(parts[-1], copy.deepcopy(rest[0]))
    elif kind == "remove":
        for holder in _holders(data, parts[:-1]):
            holder.pop(parts[-1], None)
    else:
        raise ValueError("Unknown kind of change.")
    return data


def _move(data, source, target):
    """Move a member; both places share everything up to the last ``*``."""
    shared = 0
    if "*" in source:
        shared = len(source) - source[::-1].index("*")
        if source[:shared] != target[:shared]:
            raise ValueError("Cannot move between lists.")
    for item in _holders(data, source[:shared]):
        for holder in _holders(item, source[shared:-1]):
            if source[-1] in holder:
                value = holder.pop(source[-1])
                (place,) = _holders(item, target[shared:-1], make=True)
                place[target[-1]] = value


def _holders(node, parts, *, make=False):
    """Yield the objects at a place; ``make`` those that are missing."""
    if not parts:
        if isinstance(node, dict):
            yield node
        return
    head, rest = parts[0], parts[1:]
    if head == "*":
        for item in node if isinstance(node, list) else ():
            yield from _holders(item, rest, make=make)
    elif isinstance(node, dict):
        if make and rest[:1] != ["*"]:
            node.setdefault(head, {})
        if head in node:
            yield from _holders(node[head], rest, make=make)
