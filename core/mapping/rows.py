"""The parts of a mapping, checked and compiled: rows, events, value maps.

See :mod:`.mapping` for what they mean. Everything wrong is an :class:`InputError` with
status 422 whose pointer names the row.
"""

import re

from ..errors import InputError
from . import expressions, transforms

MAX_ROWS = 400
MAX_DEPTH = 4  # rows within rows
MAX_TRANSFORMS = 10
MAX_UNHANDLED = 20

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}(?:\.[a-z][a-z0-9_]{0,39}){0,7}\Z")
_EVENT = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_UNHANDLED_KEYS = frozenset(("when", "pointer", "detail"))
_EVENT_KEYS = frozenset(
    ("event", "choose", "when", "each", "time", "key", "rows", "title", "comment")
)
_ROW_KEYS = frozenset(
    "field from value each rows single transforms default required comment".split()
)


def refused(code, detail, pointer=""):
    """Return the error of a mapping that is not taken."""
    return InputError(code, detail, pointer, status=422)


def invalid(detail, pointer=""):
    """Return the error of a mapping that is not well formed."""
    return refused("invalid_mapping", detail, pointer)


class Row:
    """One row; ``counter`` counts the rows of the whole mapping."""

    __slots__ = (
        "default",
        "each",
        "expression",
        "has_constant",
        "path",
        "required",
        "rows",
        "single",
        "transforms",
        "value",
    )

    def __init__(self, document, pointer, counter, depth):
        if not isinstance(document, dict):
            raise invalid("A row is an object.", pointer)
        if not document.keys() <= _ROW_KEYS:
            raise invalid("A row has a member that is not known.", pointer)
        counter.append(pointer)
        if len(counter) > MAX_ROWS:
            raise refused("too_large", f"There are more than {MAX_ROWS} rows.")
        self.path = _path(document.get("field"), f"{pointer}/field")
        if sum(name in document for name in ("from", "value", "each")) != 1:
            raise invalid("A row has one of: from, value, each.", pointer)
        if ("each" in document) != ("rows" in document):
            raise invalid("The members each and rows go together.", pointer)
        self.has_constant = "value" in document
        self.value = document.get("value")
        self.expression = _expression(document, "from", pointer)
        self.each = _expression(document, "each", pointer)
        self.single = document.get("single", False)
        self.default = document.get("default")
        self.required = document.get("required", False)
        if self.required not in (True, False, "item"):
            raise invalid(
                'Must be true, false or "item".',
                f"{pointer}/required",
            )
        if not isinstance(self.single, bool):
            raise invalid("Must be true or false.", f"{pointer}/single")
        self.transforms = _transforms(document.get("transforms", ()), pointer)
        self.rows = None
        if "rows" in document:
            if depth >= MAX_DEPTH:
                raise refused("too_deep", "Rows are nested too deep.", pointer)
            self.rows = compile_rows(
                document["rows"], f"{pointer}/rows", counter, depth + 1
            )


def _path(text, pointer):
    if isinstance(text, str) and text.startswith("/"):
        text = text[1:].replace("/", ".")
    if not isinstance(text, str) or not _FIELD.match(text):
        raise invalid("Must be a path such as patient.name.family.", pointer)
    return tuple(text.split("."))


def _expression(document, name, pointer):
    if name not in document:
        return None
    return expressions.compile(document[name], f"{pointer}/{name}")


def _transforms(texts, pointer):
    if not isinstance(texts, list | tuple) or len(texts) > MAX_TRANSFORMS:
        raise invalid(
            f"Must be a list of at most {MAX_TRANSFORMS}.", f"{pointer}/transforms"
        )
    return tuple(
        transforms.compile(text, f"{pointer}/transforms/{index}")
        for index, text in enumerate(texts)
    )


def compile_rows(documents, pointer, counter, depth=1):
    """Compile rows that belong together.

    :return: list of :class:`Row`
    """
    if not isinstance(documents, list) or not documents:
        raise invalid("Must be a list of rows.", pointer)
    rows = [
        Row(document, f"{pointer}/{index}", counter, depth)
        for index, document in enumerate(documents)
    ]
    paths = {row.path for row in rows}
    for index, row in enumerate(rows):
        if any(row.path[:n] in paths for n in range(1, len(row.path))):
            raise invalid(
                "Another row sets the whole of which this is a part.",
                f"{pointer}/{index}/field",
            )
    return rows


def is_event(name):
    """Return whether a value has the form of an event type's name."""
    return isinstance(name, str) and bool(_EVENT.match(name))


class Event:
    """One event a mapping can make."""

    __slots__ = ("choose", "each", "key", "name", "rows", "time", "when")

    def __init__(self, document, pointer, counter):
        if not isinstance(document, dict) or not document.keys() <= _EVENT_KEYS:
            raise invalid("An event has a member that is not known.", pointer)
        self.name = document.get("event")
        if not is_event(self.name):
            raise invalid("Must name an event type.", f"{pointer}/event")
        self.when = _expression(document, "when", pointer)
        self.each = _expression(document, "each", pointer)
        self.time = _part(document, "time", pointer, counter)
        self.choose = _part(document, "choose", pointer, counter)
        key = document.get("key", [])
        if not isinstance(key, list) or len(key) > 10:
            raise invalid("Must be a list of expressions.", f"{pointer}/key")
        self.key = [
            expressions.compile(text, f"{pointer}/key/{index}")
            for index, text in enumerate(key)
        ]
        self.rows = compile_rows(document.get("rows"), f"{pointer}/rows", counter)


def _part(document, name, pointer, counter):
    """Compile a row that stands for itself, without a field."""
    if name not in document:
        return None
    row, place = document[name], f"{pointer}/{name}"
    if not isinstance(row, dict) or "field" in row:
        raise invalid("Must be a row without a field.", place)
    return Row({"field": name, **row}, place, counter, 1)


class ValueMaps(dict):
    """Value maps read once: ``{name: (values, strict, canonical codes)}``."""


def value_maps(documents, pointer="/maps"):
    """Read value maps: ``{name: {code: canonical}}`` or with ``values``, ``strict``.

    Large maps are better read once than for every document.

    :return: :class:`ValueMaps`
    :raise InputError: ``invalid_mapping``, status 422
    """
    if isinstance(documents, ValueMaps):
        return documents
    if not isinstance(documents, dict):
        raise invalid("Must be an object of value maps.", pointer)
    maps = ValueMaps()
    for name, document in documents.items():
        if not _NAME.match(name) or not isinstance(document, dict):
            raise invalid("A value map has a name and is an object.", pointer)
        values, strict = document, False
        if isinstance(document.get("values"), dict):
            values, strict = document["values"], document.get("strict", False) is True
        if not all(isinstance(v, str | int | bool) for v in values.values()):
            raise invalid("A value map leads to single values.", f"{pointer}/{name}")
        maps[name] = (values, strict, frozenset(map(str, values.values())))
    return maps


def unhandled(documents, pointer="/unhandled"):
    """Read what a mapping makes no event of.

    :return: list of ``(expression, pointer, detail)``
    """
    if not isinstance(documents, list) or len(documents) > MAX_UNHANDLED:
        raise invalid(f"Must be a list of at most {MAX_UNHANDLED}.", pointer)
    found = []
    for index, document in enumerate(documents):
        place = f"{pointer}/{index}"
        if not isinstance(document, dict) or document.keys() != _UNHANDLED_KEYS:
            raise invalid("Has the members when, pointer and detail.", place)
        if not all(isinstance(document[name], str) for name in _UNHANDLED_KEYS):
            raise invalid("Must be texts.", place)
        when = expressions.compile(document["when"], f"{place}/when")
        found.append((when, document["pointer"][:200], document["detail"][:500]))
    return found
