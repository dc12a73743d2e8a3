"""Mappings as data: a document of some format becomes canonical events.

A mapping is a JSON object that people without code edit as rows::

    {"format": "hl7v2", "kinds": ["ADT^A04"], "title": "Registration", "version": 1,
     "timezone": "America/New_York",
     "maps": {"payers": {"values": {"BC": "PAYER-B"}, "strict": true}},
     "events": [
       {"event": "registration.created",
        "when": "PID.f5",                      which documents make this event
        "choose": {"from": "PV1.f2[0].c1", "transforms": ["map:classes"]},
        "each": "orders",                      one event for each, as ``group``
        "time": {"from": "EVN.f2[0].c1", "transforms": ["hl7_datetime"]},
        "key": ["PV1.f19[0].c1"],              what tells two events apart
        "rows": [
          {"field": "facility", "from": "MSH.f4[0].c1", "required": true},
          {"field": "patient.identifiers", "each": "PID.f3", "rows": [
             {"field": "system", "from": "item.c4", "default": "urn:x"},
             {"field": "value", "from": "item.c1", "required": "item"}]}]}]}

* ``field`` is a dotted path (or JSON pointer) into ``data``. A second row for the same
  field counts only where the first gave nothing.
* A row has ``from`` (JMESPath), ``value`` (a constant), or ``each`` with ``rows``: a
  list of objects, whose rows see ``item`` and ``number`` (from 1) beside the document.
  ``"single": true`` makes one object of the first item.
* ``choose`` makes another event of it where its value is an event's name, so that a
  value map can lead from a sender's statuses to events.
* ``transforms`` are ``name`` or ``name:argument`` of :mod:`.transforms`.
* ``unhandled``: ``[{"when", "pointer", "detail"}]``, what of a document this mapping
  knows of and makes no event of, so that it is told instead of dropped.
* ``default`` stands in where there is nothing. ``required`` true: nothing there is an
  error; ``"item"``: the list item, or single object, is left out and that is noted.

Texts are stripped; blank texts, nulls and empty lists count as nothing, and nothing is
ever written as blank. Nothing here raises for what a document holds.
"""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from .. import strict_json
from . import expressions, transforms
from .rows import Event, invalid, is_event, refused
from .rows import unhandled as read_unhandled
from .rows import value_maps as read_maps

DIRECTORY = Path(__file__).resolve().parents[2] / "mappings"
MAX_SIZE = 256 * 1024  # bytes of a mapping, as canonical JSON
MAX_EVENTS = 20  # event entries of a mapping
MAX_OUTCOMES = 1000  # events made of one document
MAX_ITEMS = 5000  # items of a list, e.g. claims of one payment
MAX_NOTES = 100

_KEYS = frozenset(
    "format kinds title version timezone maps events unhandled comment".split()
)


@dataclass(slots=True)
class Outcome:
    """One canonical event, or what keeps it from being one.

    ``event``: e.g. ``registration.created``; ``data``: its data, to be validated by the
    schema registry; ``time``: RFC 3339 or None; ``id_parts``: texts that tell it apart
    from other events of the same document; ``unmapped``: ``(map, code, pointer)``;
    ``errors``: ``{"pointer", "code", "detail"}`` that make it unusable; ``notes``: the
    same, for what was left out. Codes are values of the document: never log them.
    """

    event: str
    data: dict
    time: str | None = None
    id_parts: list = field(default_factory=list)
    unmapped: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def event_id(message_key, outcome):
    """Return the id of an event, the same for the same message sent again.

    :param str message_key: what identifies the message by content
    :param Outcome outcome: one of the message's events
    :return: 40 hex characters
    """
    parts = [message_key, outcome.event, *outcome.id_parts]
    return hashlib.sha256(strict_json.dumps(parts)).hexdigest()[:40]


def envelope(outcome, message_key, source, received, **attributes):
    """Return the CloudEvents envelope of an outcome.

    :param str source: URI reference of the sender
    :param str received: RFC 3339, where the document names no time
    :param attributes: further ones, e.g. ``correlationid``
    """
    return {
        "specversion": "1.0",
        "id": event_id(message_key, outcome),
        "source": source,
        "type": f"healthcare.{outcome.event}.v1",
        "time": outcome.time or received,
        **attributes,
        "data": outcome.data,
    }


def compile(document):
    """Compile a mapping.

    :param dict document: as the module describes it
    :return: :class:`Mapping`, safe to share between threads
    :raise InputError: status 422; ``pointer`` names the row
    """
    return Mapping(document)


# -- applying ---------------------------------------------------------------------


@lru_cache(maxsize=128)
def _compiled(text):
    return expressions.compile(text)


class _Context:
    """What a transform may use, and where problems of one outcome are gathered."""

    __slots__ = ("maps", "outcome", "pointer", "root", "timezone")

    def __init__(self, maps, timezone, outcome):
        self.maps = maps
        self.timezone = timezone
        self.outcome = outcome
        self.root = None
        self.pointer = ""

    def evaluate(self, text):
        try:
            return _compiled(text).evaluate(self.root)
        except expressions.EvaluationError:
            return None

    def mapped(self, name, value):
        """Return the canonical value for a code; report one that is not mapped."""
        if name not in self.maps:
            return value
        values, strict, canonical = self.maps[name]
        code = value if isinstance(value, str) else json.dumps(value)
        if code in values:
            return values[code]
        if code in canonical:
            return value
        self.outcome.unmapped.append((name, code, self.pointer))
        if strict:
            raise transforms.TransformError(
                f"This code is not in the map {name}.", "unmapped_code"
            )
        return value

    def note(self, code, detail, error=False, pointer=None):
        kept = self.outcome.errors if error else self.outcome.notes
        if len(kept) < MAX_NOTES:
            pointer = self.pointer if pointer is None else pointer
            kept.append({"pointer": pointer, "code": code, "detail": detail})


class _LeftOut(Exception):
    """A list item lacks what it needs."""


def _nothing(value):
    return value is None or value == "" or value == [] or value == {}


def _stripped(value):
    """Return a value without blanks around texts and without what is nothing."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        parts = [_stripped(part) for part in value]
        return [part for part in parts if not _nothing(part)] or None
    return value


_REASONS = {
    "too_large": "The result is too large.",
    "expression_failed": "The expression does not fit what is there.",
}


class Mapping:
    """A compiled mapping; see :func:`compile`.

    ``format``, ``kinds`` (list), ``version`` (int), ``timezone`` and ``document`` are
    what the mapping says of itself; ``map_names`` are the value maps it asks for.
    """

    def __init__(self, document):
        if not isinstance(document, dict):
            raise invalid("A mapping is an object.")
        try:
            size = len(strict_json.dumps(document))
        except (ValueError, TypeError, RecursionError):
            raise invalid("A mapping is plain JSON.") from None
        if size > MAX_SIZE:
            raise refused("too_large", f"A mapping has at most {MAX_SIZE} bytes.")
        if not document.keys() <= _KEYS:
            raise invalid("The mapping has a member that is not known.")
        self.document = document
        self.format = document.get("format")
        self.kinds = document.get("kinds")
        self.version = document.get("version", 1)
        self.timezone = document.get("timezone", "UTC")
        if not isinstance(self.format, str) or not self.format:
            raise invalid("Must name a format.", "/format")
        if not isinstance(self.kinds, list) or not all(
            isinstance(kind, str) and kind for kind in self.kinds
        ):
            raise invalid("Must be a list of message kinds.", "/kinds")
        if not isinstance(self.timezone, str) or transforms.zone(self.timezone) is None:
            raise invalid("The time zone is not known.", "/timezone")
        self._maps = read_maps(document.get("maps", {}))
        events = document.get("events")
        if not isinstance(events, list) or not 0 < len(events) <= MAX_EVENTS:
            raise invalid(f"Must be a list of 1 to {MAX_EVENTS}.", "/events")
        counter = []
        self._events = [
            Event(event, f"/events/{index}", counter)
            for index, event in enumerate(events)
        ]
        self._unhandled = read_unhandled(document.get("unhandled", []))
        self.map_names = sorted({*self._maps, *_map_names(self._events)})

    @property
    def events(self):
        """The names of the events this mapping can make, by its own maps."""
        names = {event.name for event in self._events}
        for event in self._events:
            for step in event.choose.transforms if event.choose else ():
                if step.name == "map" and step.argument in self._maps:
                    names.update(filter(is_event, self._maps[step.argument][2]))
        return sorted(names)

    def apply(self, document, value_maps=None, *, timezone=None, defaults=None):
        """Make canonical events of a document.

        :param dict document: the plain JSON form of a message
        :param dict value_maps: ``{name: {code: canonical}}`` or ``{name: {"values":
            {…}, "strict": true}}``, or what :func:`.rows.value_maps` made of
            it; replaces the mapping's own map of that name
        :param str timezone: IANA name for times without an offset, instead of the
            mapping's
        :param dict defaults: ``{field: value}`` for rows of that field (dotted path
            from ``data``) which give nothing, e.g. ``{"facility": "NORTH"}``
        :return: list of :class:`Outcome`, empty when no event applies
        :raise InputError: only for the value maps and the time zone
        """
        maps = self._maps
        if value_maps:
            maps = {**maps, **read_maps(value_maps, "/value_maps")}
        timezone = timezone or self.timezone
        if transforms.zone(timezone) is None:
            raise invalid("The time zone is not known.", "/timezone")
        defaults = {
            tuple(name.split(".")): value for name, value in (defaults or {}).items()
        }
        outcomes = []
        for event in self._events:
            for outcome in _outcomes(event, document, maps, timezone, defaults):
                if len(outcomes) == MAX_OUTCOMES:
                    outcomes[-1].errors.append(
                        {
                            "pointer": "",
                            "code": "too_many_events",
                            "detail": f"More than {MAX_OUTCOMES} events in a message.",
                        }
                    )
                    return outcomes
                outcomes.append(outcome)
        return outcomes

    def unhandled(self, document):
        """Return what of a document makes no event, as the mapping knows it.

        :return: list of ``{"pointer", "code", "detail"}``, code ``not_taken``
        """
        return [
            {"pointer": pointer, "code": "not_taken", "detail": detail}
            for when, pointer, detail in self._unhandled
            if _holds(when, document)
        ]


def _holds(when, document):
    try:
        return _true(when.evaluate(document))
    except expressions.EvaluationError:
        return True  # not sure is reason enough to tell


def _map_names(events):
    stack = [row for event in events for row in event.rows]
    stack += [event.choose for event in events if event.choose]
    while stack:
        row = stack.pop()
        stack.extend(row.rows or ())
        yield from (t.argument for t in row.transforms if t.name == "map")


def _outcomes(event, document, maps, timezone, defaults):
    groups = [None]
    try:
        if event.each is not None:
            groups = _as_list(event.each.evaluate(document))
        for place, group in enumerate(groups):
            root = document
            if event.each is not None:
                root = {**document, "group": group, "place": place + 1}
            if event.when is not None and not _true(event.when.evaluate(root)):
                continue
            yield _outcome(event, root, maps, timezone, defaults)
    except expressions.EvaluationError as error:
        detail = f"The event's condition: {_REASONS[error.code]}"
        failure = {"pointer": "", "code": error.code, "detail": detail}
        yield Outcome(event.name, {}, errors=[failure])


def _true(value):
    return value is True or (value is not False and value != 0 and not _nothing(value))


def _as_list(value):
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _outcome(event, root, maps, timezone, defaults):
    outcome = Outcome(event.name, {})
    context = _Context(maps, timezone, outcome)
    context.root = root
    _fill(outcome.data, event.rows, root, "/data", context, defaults=defaults)
    if event.choose is not None:
        context.pointer = "/type"
        chosen = _value(event.choose, root, context)
        outcome.event = chosen if is_event(chosen) else event.name
    if event.time is not None:
        context.pointer = "/time"
        value = _value(event.time, root, context)
        outcome.time = value if isinstance(value, str) else None
    for index, key in enumerate(event.key):
        try:
            part = key.evaluate(root)
        except expressions.EvaluationError as error:
            context.note(error.code, _REASONS[error.code], True, f"/key/{index}")
            part = None
        text = part if isinstance(part, str) else strict_json.dumps(part).decode()
        outcome.id_parts.append(text)
    return outcome


def _put(data, path, value):
    """Set a value where there is none yet."""
    for name in path[:-1]:
        data = data.setdefault(name, {})
        if not isinstance(data, dict):
            return
    data.setdefault(path[-1], value)


def _has(data, path):
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return False
        data = data[name]
    return True


def _fill(data, rows, root, pointer, context, *, within_item=False, defaults=None):
    missing = []
    for row in rows:
        if _has(data, row.path):
            continue
        context.pointer = place = f"{pointer}/{'/'.join(row.path)}"
        value = _value(row, root, context)
        if not _nothing(value) or value is not None and value == row.default:
            _put(data, row.path, value)
        elif row.required:
            missing.append((row, place))
        if defaults and row.path in defaults:
            _put(data, row.path, defaults[row.path])
    for row, place in missing:
        if _has(data, row.path):
            continue
        if row.required == "item" and within_item:
            raise _LeftOut(row.path)
        # A reason given already says more than that it is missing.
        if not any(error["pointer"] == place for error in context.outcome.errors):
            context.note("required", "This member is required.", True, place)


def _value(row, root, context):
    if row.has_constant:
        value = row.value
    else:
        place = context.pointer
        try:
            if row.rows is not None:
                value = _items(row, root, context)
            else:
                value = row.expression.evaluate(root)
        except expressions.EvaluationError as error:
            context.pointer = place
            context.note(error.code, _REASONS[error.code], row.required is True)
            value = None
        context.pointer = place
    context.root = root
    value = _stripped(value)
    if value is not None and row.transforms:
        try:
            value = _transformed(value, row.transforms, context)
        except transforms.TransformError as error:
            strict = error.code == "unmapped_code"
            context.note(error.code, error.detail, strict or row.required is True)
            value = None
    return row.default if _nothing(value) else value


def _transformed(value, steps, context):
    for step in steps:
        if step.whole:
            value = step.call(_as_list(value), context)
        elif isinstance(value, list):
            value = [step.call(part, context) for part in value]
        else:
            value = step.call(value, context)
        value = _stripped(value)
        if value is None:
            break
    return value


def _items(row, root, context):
    pointer = context.pointer
    found = _as_list(row.each.evaluate(root))
    if len(found) > MAX_ITEMS:
        context.note("too_large", f"Only {MAX_ITEMS} items are taken.", True)
        found = found[:MAX_ITEMS]
    items = []
    for number, item in enumerate(found, start=1):
        if item is None:
            continue
        inner = {**root, "item": item, "number": number}
        data = {}
        place = pointer if row.single else f"{pointer}/{len(items)}"
        try:
            _fill(data, row.rows, inner, place, context, within_item=True)
        except _LeftOut as reason:
            missing = ".".join(reason.args[0])
            context.note(
                "item_left_out",
                f"Item {number} was left out: it has no {missing}.",
                pointer=pointer,
            )
            continue
        if data:
            if row.single:
                return data
            items.append(data)
    return items or None


# -- what is shipped --------------------------------------------------------------


_directories = [DIRECTORY]


def add_directory(directory):
    """Have mappings of another addon's folder shipped, ``<format>/<any name>.json``.

    To be called when that addon is imported.
    """
    if Path(directory) not in _directories:
        _directories.append(Path(directory))
        shipped.cache_clear()


@cache
def shipped(format_name):
    """Return the mappings of a format that come with addons, ``{kind: Mapping}``.

    :param str format_name: ``hl7v2``, ``fhir_r4`` or ``x12``, or one added
    """
    found = {}
    folders = (directory / format_name for directory in _directories)
    for path in (path for one in folders for path in sorted(one.glob("*.json"))):
        mapping = compile(strict_json.loads(path.read_bytes()))
        for kind in mapping.kinds:
            if kind in found:
                raise ValueError(f"Two shipped mappings for one kind: {path.name}")
            found[kind] = mapping
    return found
