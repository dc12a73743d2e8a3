"""What is wrong with an event, in the words of those who register patients.

The places come from the titles of the JSON Schemas, what is wrong from the code of the
error and from the schema; never from what the event holds.
"""

import re
from collections import namedtuple
from functools import lru_cache

from . import schema

SHOWN = 3  # sentences, before it is only told how many more there are
ENVELOPE = (schema.ENVELOPE, "1.0")
#: A member of an event. ``words``: "the patient's birth date"; ``plural``: whether
#: "are" follows; ``schema``: what is asked of it, empty where it is not known.
Place = namedtuple("Place", "words plural schema")
_Step = namedtuple("_Step", "title ordinal")

_INDEX = re.compile(r"(?<=/)[0-9]+(?=/|\Z)")
# Of a message that is no event; the names of places in it tell people nothing.
_PARTS = ("interchanges", "transactions", "entry")
# Only keep together what belongs together; people never say them.
_GROUPING = ("Name",)
_ENTRY = ("each", "one")
# Titles that say something beside the name of what holds them, but not alone.
_SAID = {
    "Authorization required": "need of authorization",
    "Charged": "charged amount",
    "Paid": "paid amount",
    "Paid at": "time of payment",
    "Performed at": "time of performance",
    "Retired": "retired patient",
    "Self-pay": "mark of self-payment",
    "Survivor": "surviving patient",
    "Verified at": "time of verification",
    "Wasted": "mark of wastage",
}
_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "made up of parts",
    "string": "a text",
}


def pattern(pointer):
    """Return a JSON pointer with ``*`` for the places in lists."""
    return _INDEX.sub("*", pointer)


def sentences(errors, type_name=None, version=None, shown=SHOWN):
    """Return what is wrong as one text of sentences.

    :param errors: list of ``{"pointer", "code", "detail"}``
    :param type_name: of the event, e.g. ``registration.created``, where it is known
    :param shown: errors told one by one
    """
    told = list(dict.fromkeys(sentence(error, type_name, version) for error in errors))
    more = len(told) - shown
    if more > 0:
        told[shown:] = [f"And {more} more."]
    return " ".join(told)


def sentence(error, type_name=None, version=None):
    """Return what is wrong at one place, as a sentence."""
    found = place(error["pointer"], type_name, version, "one")
    words = found.words[:1].upper() + found.words[1:]
    return f"{words} {_problem(error, found)}"


# -- what is wrong ------------------------------------------------------------------


def _problem(error, found):
    verb = "are" if found.plural else "is"
    asked, code = found.schema, error["code"]
    word = _PROBLEMS.get(code)
    if word is None:
        return f"cannot be used: {error['detail']}"
    return word(verb, asked) + "."


def _kind(verb, asked):
    kinds = asked.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = " or ".join(_KINDS[kind] for kind in kinds if kind in _KINDS)
    return f"{verb} not {names}" if names else f"{verb} of the wrong kind"


def _form(verb, asked):
    if asked.get("format") == "date":
        return f"{verb} not a date"
    if asked.get("format") == "date-time":
        return f"{verb} not a date and time with its time zone"
    examples = asked.get("examples")
    return f"{verb} not written as it should be" + (
        f", such as {examples[0]}" if examples else ""
    )


def _choice(verb, asked):
    allowed = asked.get("enum") or [asked[name] for name in ("const",) if name in asked]
    if not allowed:
        return f"{verb} not one of those allowed"
    return f"{verb} not {_either(map(str, allowed))}"


def _one_of(verb, asked):
    names = sorted(
        {
            name
            for option in asked.get("oneOf", ())
            for name in option.get("required", ())
        }
    )
    titles = asked.get("properties", {})
    labels = [_lower(titles.get(name, {}).get("title", name)) for name in names]
    return f"must name exactly one of {_either(labels)}" if labels else _form(verb, {})


def _short(verb, asked):
    return f"{verb} empty" if asked.get("minLength", 1) == 1 else f"{verb} too short"


def _limit(text, *names):
    def word(verb, asked):
        limits = [asked[name] for name in names if name in asked]
        return f"{verb} {text} {limits[0]}" if limits else f"{verb} out of range"

    return word


def _small(verb, asked):
    if "exclusiveMinimum" in asked:
        return f"{verb} not more than {asked['exclusiveMinimum']}"
    return _limit("less than", "minimum")(verb, asked)


def _long(verb, asked):
    return _limit("longer than", "maxLength")(verb, asked) + (
        " characters" if "maxLength" in asked else ""
    )


def _fixed(text):
    return lambda verb, asked: text.format(verb=verb)


_PROBLEMS = {
    "required": _fixed("{verb} missing"),
    "type": _kind,
    "format": _form,
    "pattern": _form,
    "not_allowed_value": _choice,
    "one_of": _one_of,
    "too_short": _short,
    "too_long": _long,
    "too_few": _fixed("{verb} missing"),
    "too_many": _limit("more than", "maxItems"),
    "not_unique": _fixed("hold the same entry twice"),
    "too_small": _small,
    "too_large": _limit("more than", "maximum"),
    "duplicate_key": _fixed("{verb} given twice"),
    "not_a_number": _fixed("{verb} not a number"),
    "number_too_large": _fixed("{verb} too large a number"),
    "invalid_character": _fixed("{verb} written with a character that cannot be kept"),
    "invalid_time": _fixed("{verb} not a date and time with its time zone"),
    "unknown_type": _fixed("{verb} unknown here, or no longer taken in this version"),
    "facility_not_allowed": _fixed("{verb} not one this source may speak for"),
    "conflict": _fixed("{verb} that of another event, with other content"),
}


# -- where --------------------------------------------------------------------------


def place(pointer, type_name=None, version=None, entry="each"):
    """Return the :class:`Place` a pointer into an event means.

    :param pointer: such as ``/data/patient/birth_date``; with ``*`` for entries of a
        list
    :param entry: what ``*`` is said as
    """
    if pointer == "":
        return Place("the event", False, {})
    first, _slash, rest = pointer[1:].partition("/")
    if first == "data" and rest:
        for known in _candidates(type_name, version):
            steps, node = _walk(_document(*known), rest.split("/"), entry)
            if node is not None:
                return Place(_said(steps), node.get("type") == "array", node)
        return Place(f"a field of {_said(steps) if steps else 'the event'}", False, {})
    if first in _PARTS:
        return Place("what was sent", False, {})
    node = _document(*ENVELOPE)["properties"].get(first)
    if node is None:  # of a message that never became an event
        return Place("a field of what was sent", False, {})
    title = "kind" if first == "type" else _lower(node.get("title", first))
    return Place(f"the event's {title}", title == "data", node)


def known_pattern(pointer, type_name=None, version=None):
    """Return the :func:`pattern` of a pointer as far as it leads along a schema.

    What lies beyond are names of the sender's choice.
    """
    first, _slash, rest = pointer[1:].partition("/")
    if first != "data" or not rest:
        return f"/{first}" if first in _document(*ENVELOPE)["properties"] else ""
    names = pattern(pointer).split("/")[2:]
    known = max(
        length
        for one in _candidates(type_name, version)
        for length in range(len(names) + 1)
        if _walk(_document(*one), names[:length], "")[1] is not None
    )
    return "/".join(["/data", *names[:known]])


@lru_cache(maxsize=64)
def members(type_name, version):
    """Return ``{pattern: Place}`` of all a person may correct in an event's data.

    Those are texts, numbers and dates, and lists of texts; lists by ``*``.
    """
    found = {}

    def collect(node, names):
        node = _resolved(node, document)
        if properties := node.get("properties"):
            for name, one in properties.items():
                collect(one, [*names, name])
        elif node.get("type") == "array":
            item = _resolved(node.get("items", {}), document)
            if item.get("properties"):
                collect(item, [*names, "*"])
            else:
                found["/data/" + "/".join(names)] = None
        elif names:
            found["/data/" + "/".join(names)] = None

    document = _document(type_name, version)
    collect(document, [])
    return {one: place(one, type_name, version) for one in found}


def _candidates(type_name, version):
    """Return which schemas to look in: all of them where the type is not known."""
    known = schema.registry().types()
    return [(type_name, version)] if (type_name, version) in known else known


@lru_cache(maxsize=64)
def _document(type_name, version):
    return schema.registry().document(type_name, version)


def _resolved(node, document):
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return {**_resolved(document["$defs"][name], document), **node}
    return node


def _walk(document, names, entry):
    """Follow names through a schema; the schema is ``None`` where they lead off it."""
    node, steps = document, []
    for name in names:
        properties = node.get("properties", {})
        if name in properties:
            node = _resolved(properties[name], document)
            steps.append(_Step(node.get("title", name), None))
        elif node.get("type") == "array" and (name == "*" or name.isdigit()):
            node = _resolved(node.get("items", {}), document)
            ordinal = entry if name == "*" else _ordinal(int(name) + 1)
            steps[-1] = _Step(node.get("title", steps[-1].title), ordinal)
        else:
            return steps, None
    return steps, node


def _said(steps):
    """Return steps as people say them: "the amount of the claim's 1st adjustment"."""
    *holders, last = steps
    holders = [
        step
        for step in holders
        if step.ordinal
        or not (step.title in _GROUPING or last.title.startswith(step.title))
    ]
    leaf = _titled(last)
    if not holders:
        return _definite(last)
    if any(step.ordinal in _ENTRY for step in (*holders[1:], last)):
        return " of ".join(map(_definite, (last, *reversed(holders))))
    whole = "'s ".join([_definite(holders[0]), *map(_titled, holders[1:])])
    if len(holders) == 1:
        return f"{whole}'s {leaf}"
    return f"the {leaf} of {whole}"


def _definite(step):
    return _titled(step) if step.ordinal in _ENTRY else f"the {_titled(step)}"


def _titled(step):
    title = _SAID.get(step.title) or _lower(step.title)
    return f"{step.ordinal} {title}" if step.ordinal else title


def _lower(title):
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _ordinal(number):
    ending = "th" if number % 100 in (11, 12, 13) else "stndrd"[2 * (number % 10 - 1) :]
    return f"{number}{ending[:2] if 0 < number % 10 < 4 else 'th'}"


def _either(words):
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
