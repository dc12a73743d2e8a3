"""JSON Schemas of the canonical events: which there are, validation, publication.

Sources lie in ``schemas/<name>/<version>.json`` (Draft 2020-12) and share definitions
in ``schemas/common``. What is published is self-contained; what validates has every
``$ref`` replaced beforehand, which is faster and leaves nothing to be fetched. Addons
bring event types of their own by :func:`add_directory`.
"""

import copy
import json
import re
from collections import deque
from datetime import date
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry as ReferenceRegistry

from .. import strict_json
from ..errors import InputError
from . import envelope as envelope_rules

DIRECTORY = Path(__file__).resolve().parents[2] / "schemas"
COMMON = "common"
ENVELOPE = "envelope"
MAX_ERRORS = 50

_ANNOTATIONS = frozenset(("title", "description", "examples", "$comment", "default"))
# Of no use when validating. Examples are: they word the errors.
_DROPPED = frozenset(("title", "description", "$schema", "$id", "$defs", "$comment"))
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

# -- keywords of our own ----------------------------------------------------------

_formats = FormatChecker(formats=())


@_formats.checks("date", raises=ValueError)
def _is_date(value):
    if not isinstance(value, str):
        return True
    return bool(_DATE.match(value) and date.fromisoformat(value))


@_formats.checks("date-time", raises=InputError)
def _is_date_time(value):
    return not isinstance(value, str) or bool(envelope_rules.parse_time(value))


@lru_cache(maxsize=256)
def _compile(pattern):
    """Compile an ECMA pattern: there ``$`` is the very end, not before a newline."""
    if pattern.endswith("$") and not pattern.endswith(r"\$"):
        pattern = pattern[:-1] + r"\Z"
    return re.compile(pattern, re.ASCII)


def _pattern(_validator, pattern, instance, _schema):
    if isinstance(instance, str) and not _compile(pattern).search(instance):
        yield ValidationError("pattern")


def _required(_validator, required, instance, _schema):
    """Like the original, but the error is at the place of what is missing."""
    if isinstance(instance, dict):
        for name in required:
            if name not in instance:
                yield ValidationError("required", path=deque([name]))


def _unique_items(_validator, unique, instance, _schema):
    """Like the original, but linear: that one compares all pairs of objects."""
    if unique and isinstance(instance, list):
        if len({strict_json.dumps(item) for item in instance}) != len(instance):
            yield ValidationError("uniqueItems")


def _items(validator, items, instance, schema):
    """Like the original (no ``prefixItems`` here), but stops at ``maxItems``."""
    if isinstance(instance, list):
        for index, item in enumerate(instance[: schema.get("maxItems")]):
            yield from validator.descend(item, items, path=index)


_Validator = extend(
    Draft202012Validator,
    {
        "items": _items,
        "pattern": _pattern,
        "required": _required,
        "uniqueItems": _unique_items,
    },
)

# -- wording: by keyword, from the schema, never from the instance -----------------

_TYPE_NAMES = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}


def _word_type(types, _schema):
    types = [types] if isinstance(types, str) else types
    return f"Must be {' or '.join(_TYPE_NAMES[name] for name in types)}."


def _word_example(_value, schema):
    examples = schema.get("examples")
    if not examples:
        return "Does not have the form that is asked for."
    return f"Must look like {json.dumps(examples[0])}."


def _word_format(name, _schema):
    if name == "date":
        return "Must be a date such as 2026-03-02."
    return "Must be a date and time with an offset, such as 2026-03-02T09:30:00Z."


def _word_choice(options, schema):
    names = sorted({n for option in options for n in option.get("required", ())})
    if names:
        return f"Must have exactly one of {', '.join(names)}."
    return _word_example(options, schema)


_WORDING = {
    "type": ("type", _word_type),
    "required": ("required", lambda value, schema: "This member is required."),
    "enum": (
        "not_allowed_value",
        lambda value, schema: f"Must be one of {', '.join(map(str, value))}.",
    ),
    "const": ("not_allowed_value", lambda value, schema: f"Must be {value}."),
    "format": ("format", _word_format),
    "pattern": ("pattern", _word_example),
    "not": ("pattern", _word_example),
    "minLength": (
        "too_short",
        lambda value, schema: (
            "Must not be empty."
            if value == 1
            else f"Must be at least {value} characters long."
        ),
    ),
    "maxLength": (
        "too_long",
        lambda value, schema: f"Must be at most {value} characters long.",
    ),
    "minItems": ("too_few", lambda value, schema: f"Needs at least {value}."),
    "maxItems": ("too_many", lambda value, schema: f"Takes at most {value}."),
    "uniqueItems": ("not_unique", lambda value, schema: "Holds the same item twice."),
    "minimum": ("too_small", lambda value, schema: f"Must be at least {value}."),
    "exclusiveMinimum": (
        "too_small",
        lambda value, schema: f"Must be more than {value}.",
    ),
    "maximum": ("too_large", lambda value, schema: f"Must be at most {value}."),
    "anyOf": ("format", _word_choice),
    "oneOf": ("one_of", _word_choice),
}
_OTHER = ("invalid", lambda value, schema: "Does not fit the schema.")


def _pointer(parts):
    return "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts
    )


def _describe(error):
    code, wording = _WORDING.get(error.validator, _OTHER)
    return {
        "pointer": "/data" + _pointer(error.absolute_path),
        "code": code,
        "detail": wording(error.validator_value, error.schema),
    }


# -- reading the sources ----------------------------------------------------------


def _definition_name(reference):
    """Return the name at the end of ``…#/$defs/<name>``."""
    return reference.partition("#/$defs/")[2]


def _references(node):
    """Yield the names of the definitions a schema refers to."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield _definition_name(node["$ref"])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _localise(node):
    """Return a copy whose references all point into the document itself."""
    if isinstance(node, dict):
        return {
            key: (
                f"#/$defs/{_definition_name(value)}"
                if key == "$ref"
                else _localise(value)
            )
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_localise(value) for value in node]
    return node


def _bundle(document, definitions):
    """Return a self-contained copy of a source document."""
    needed, open_names = {}, list(_references(document))
    while open_names:
        name = open_names.pop()
        if name not in needed:
            needed[name] = _localise(definitions[name])
            open_names.extend(_references(definitions[name]))
    bundled = _localise(document)
    if needed:
        bundled["$defs"] = dict(sorted(needed.items()))
    return bundled


def _flatten(node, definitions, *, names=False):
    """Return a schema without references and without what validates nothing.

    :param names: whether the node maps names (of properties) to schemas
    """
    if isinstance(node, list):
        return [_flatten(value, definitions) for value in node]
    if not isinstance(node, dict):
        return node
    if not names and "$ref" in node:
        if not node.keys() - {"$ref"} <= _ANNOTATIONS:
            raise ValueError("Beside a $ref stand annotations only.")
        merged = {**definitions[_definition_name(node["$ref"])], **node}
        del merged["$ref"]
        return _flatten(merged, definitions)
    return {
        key: _flatten(value, definitions, names=not names and key == "properties")
        for key, value in node.items()
        if names or key not in _DROPPED
    }


class Registry:
    """All schemas of some folders, compiled once; safe to share between threads.

    Definitions in ``common`` of the first one may be referred to from all.
    """

    def __init__(self, *directories):
        self._documents = {}
        self._validators = {}
        directories = [Path(one) for one in directories or (DIRECTORY,)]
        common = {}
        for directory in directories:
            shared = directory / COMMON / "definitions.json"
            if directory == directories[0] or shared.exists():
                common = {**_read(shared)["$defs"], **common}
        paths = [path for one in directories for path in one.glob("*/*.json")]
        for path in sorted(paths, key=lambda path: (path.parent.name, path.name)):
            name, version = path.parent.name, path.stem
            if name == COMMON:
                continue
            if (name, version) in self._documents:
                raise ValueError(f"Two schemas for one event type: {path}")
            source = _read(path)
            bundled = _bundle(source, common)
            _Validator.check_schema(bundled)
            self._documents[name, version] = bundled
            self._validators[name, version] = _Validator(
                _flatten(source, common),
                # Nothing can be fetched: there is nothing in it and no way to get it.
                registry=ReferenceRegistry(),
                format_checker=_formats,
            )

    def types(self):
        """Return ``[(name, version)]`` of all event types, sorted."""
        return [key for key in self._documents if key[0] != ENVELOPE]

    def validate(self, type_name, version, data):
        """Return what is wrong with the ``data`` of an event.

        :param str type_name: e.g. ``registration.created``
        :param str version: e.g. ``1.0``
        :param data: any JSON value
        :return: list of ``{"pointer", "code", "detail"}``, at most
            :data:`MAX_ERRORS`; pointers start at the event (``/data/…``)
        """
        validator = self._validators.get((type_name, version))
        if validator is None or type_name == ENVELOPE:
            return [
                {
                    "pointer": "/type",
                    "code": "unknown_type",
                    "detail": "This event type is not in the catalogue.",
                }
            ]
        return [
            _describe(error)
            for error in islice(validator.iter_errors(data), MAX_ERRORS)
        ]

    def document(self, type_name, version):
        """Return the self-contained schema of an event's data, to be published.

        ``("envelope", "1.0")`` is the schema of the envelope.

        :raise KeyError: when there is none
        """
        return copy.deepcopy(self._documents[type_name, version])

    def envelope_errors(self, envelope):
        """Return what is wrong with an envelope, what is in ``data`` apart."""
        return envelope_rules.errors(envelope_rules.normalised(envelope))


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def checker(document):
    """Return a function that tells what is wrong with a value, by one schema.

    :param dict document: a schema without references
    :return: function of a value; its answer is as that of :meth:`Registry.validate`,
        with pointers into the value
    """
    _Validator.check_schema(document)
    validator = _Validator(
        _flatten(document, {}),
        registry=ReferenceRegistry(),
        format_checker=_formats,
    )

    def errors(value):
        found = map(_describe, islice(validator.iter_errors(value), MAX_ERRORS))
        return [
            {**error, "pointer": error["pointer"].removeprefix("/data")}
            for error in found
        ]

    return errors


_directories = [DIRECTORY]


def add_directory(directory):
    """Have event types described in another addon's folder, laid out as ours.

    To be called when that addon is imported.
    """
    if Path(directory) not in _directories:
        _directories.append(Path(directory))
        registry.cache_clear()


def example(name):
    """Return the path of a type's full example of its data, None where it has none."""
    paths = (one / name / "examples" / "full.json" for one in _directories)
    return next((path for path in paths if path.is_file()), None)


@cache
def registry():
    """Return the registry of our own schemas and of those that addons bring."""
    return Registry(*_directories)
