"""JSON Schemas (2020-12) of what leaves: one for each type and version.

They are made from the catalogue and kept as files in ``schemas/facts``; after a change
of it, ``python -m core.facts`` writes them. ``tests/test_fact_schemas.py`` compares.

What leaves has passed a policy: a date may be a year, an age may be ``90+``, and what
may not leave is null.
"""

import json
from pathlib import Path

from . import CATALOGUE, ENVELOPE, MEANINGS, VERSIONS
from .envelope import AFTER, BEFORE, REQUIRED

FOLDER = Path(__file__).resolve().parents[2] / "schemas" / "facts"
_DATE = r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}"
_PATTERNS = {
    "date": rf"^{_DATE})?)?$",
    "datetime": rf"^{_DATE}(T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?Z)?)?)?$",
    "birth_date": rf"^({_DATE})?)?|[0-9]{{1,3}}(-[0-9]{{1,3}})?|90\+)$",
    "decimal": r"^-?[0-9]+(\.[0-9]+)?$",
}
_JSON_TYPES = {"number": "number", "boolean": "boolean"}


def versions(fact_type):
    """Return the versions that a type has had, the newest last."""
    first = min(column.since for column in CATALOGUE[fact_type].values())
    return [version for version in VERSIONS if version >= first]


def schema(fact_type, version):
    """Return the schema of one type and version as a dict.

    :raise KeyError: when there is none
    """
    if version not in versions(fact_type):
        raise KeyError(version)
    own = {
        name: column
        for name, column in CATALOGUE[fact_type].items()
        if column.since <= version
    }
    properties = {
        name: _property(name, column)
        for name, column in {**BEFORE, **own, **AFTER}.items()
    }
    properties["fact_type"]["const"] = fact_type
    properties["schema_version"]["const"] = version
    properties["operation"]["enum"] = ["upsert", "delete"]
    properties["sequence"].update(type="integer", minimum=1)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:healthcare-connector:fact:{fact_type}:{version}",
        "title": fact_type,
        "description": MEANINGS[fact_type],
        "type": "object",
        "required": list(REQUIRED),
        "properties": properties,
        "additionalProperties": False,
    }


def _property(name, column):
    kind = _JSON_TYPES.get(column.type, "string")
    result = {
        "description": column.meaning,
        "type": kind if name in REQUIRED else [kind, "null"],
    }
    pattern = _PATTERNS.get("birth_date" if column.phi == "birth_date" else column.type)
    if pattern:
        result["pattern"] = pattern
    if column.unit:
        result["x-unit"] = column.unit
    if column.source:
        result["x-source"] = column.source
    if name not in ENVELOPE or column.phi != "none":
        result["x-phi-class"] = column.phi
    return result


def text(fact_type, version):
    """Return the content of a schema's file."""
    return json.dumps(schema(fact_type, version), indent=4, ensure_ascii=False) + "\n"


def files():
    """Return ``{path: content}`` of all files there should be."""
    return {
        FOLDER / fact_type / f"{version}.json": text(fact_type, version)
        for fact_type in CATALOGUE
        for version in versions(fact_type)
    }
