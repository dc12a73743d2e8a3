"""What a quality rule says of a fact, as SQL over facts.

A rule names a column of one fact type. Only columns that the catalogue calls free of
PHI can be looked at, since the others are sealed in the database.
"""

import re
from decimal import Decimal, InvalidOperation

from .. import facts
from . import sql_views

#: Columns of every fact that a rule may be about, with their SQL.
COMMON = {
    "facility": "f.facility_id",
    "service_line": "f.service_line_id",
    "patient": "f.partner_id",
    "event": "f.event_id",
    "company": "f.company_id",
}
_NUMBERS = ("decimal", "number", "integer")
_WORDS = re.compile(r"[A-Za-z0-9_ .:/-]{1,60}")


def columns(fact_type):
    """Return ``{name: meaning}`` of what a rule on a fact type may look at."""
    own = sql_views.columns(fact_type)
    return {
        **{name: column.meaning for name, column in own.items()},
        **{
            name: f"{name.replace('_', ' ').capitalize()} of the fact"
            for name in COMMON
        },
    }


def check(rule):
    """Return why a rule makes no sense, or nothing.

    :param rule: dict with ``fact_type``, ``kind``, ``column``, ``minimum``,
        ``maximum``, ``allowed``, ``other_type``, ``condition_column``,
        ``condition_value``; numbers as text
    :return: code: ``column``, ``condition``, ``bounds``, ``number``, ``allowed`` or
        ``reference``
    """
    known = columns(rule["fact_type"])
    if rule["column"] not in known:
        return "column"
    if rule["condition_column"]:
        free = sql_views.columns(rule["fact_type"])
        if rule["condition_column"] not in free or not rule["condition_value"]:
            return "condition"
    if rule["kind"] == "range":
        column = facts.CATALOGUE[rule["fact_type"]].get(rule["column"])
        if column is None or column.type not in _NUMBERS:
            return "number"
        try:
            bounds = [
                Decimal(text) for text in (rule["minimum"], rule["maximum"]) if text
            ]
        except InvalidOperation:
            return "bounds"
        if not bounds or bounds != sorted(bounds):
            return "bounds"
    if rule["kind"] == "allowed" and not words(rule["allowed"]):
        return "allowed"
    if rule["kind"] == "reference":
        by_key = rule["column"].endswith("_key")
        if rule["column"] in COMMON or (not by_key and not rule["other_type"]):
            return "reference"
    return None


def words(text):
    """Return the values of a list with commas; none when one is no plain word."""
    found = [part.strip() for part in (text or "").split(",") if part.strip()]
    return found if all(map(_WORDS.fullmatch, found)) else []


def _read(fact_type, name):
    if name in COMMON:
        return COMMON[name]
    return sql_views.field(fact_type, name)


def applies(rule):
    """Return the SQL condition of facts ``f`` a rule is about, and its parameters."""
    parts = ["f.fact_type = %s", "f.operation = 'upsert'"]
    parameters = [rule["fact_type"]]
    if rule["condition_column"]:
        read = _read(rule["fact_type"], rule["condition_column"])
        parts.append(f"({read})::text = ANY(%s)")
        parameters.append(words(rule["condition_value"]))
    return " AND ".join(parts), parameters


def fails(rule):
    """Return the SQL condition that a fact ``f`` breaks a rule, and its parameters.

    :raise KeyError: for a column that no rule may look at
    """
    name, fact_type = rule["column"], rule["fact_type"]
    value = _read(fact_type, name)
    return _KINDS[rule["kind"]](rule, fact_type, name, value)


def _required(_rule, fact_type, name, value):
    if name in COMMON:
        return f"{value} IS NULL", []
    column = facts.CATALOGUE[fact_type][name]
    if column.type == "string":
        return f"coalesce({value}, '') = ''", []
    return f"{value} IS NULL", []


def _range(rule, _fact_type, _name, value):
    parts, parameters = [], []
    for sign, text in (("<", rule["minimum"]), (">", rule["maximum"])):
        if text:
            parts.append(f"{value} {sign} %s::numeric")
            parameters.append(text)
    return f"({' OR '.join(parts)})", parameters


def _allowed(rule, _fact_type, _name, value):
    return f"({value})::text != ALL(%s)", [words(rule["allowed"])]


def _reference(rule, _fact_type, name, value):
    """A value has to be that of a known fact: its key, or the same column of another.

    Told of at all, that is: what was taken back since was known, too.
    """
    other = rule["other_type"]
    if other and name in facts.CATALOGUE[other]:
        # Of no row of ours, so that it is read once and not for every fact.
        return (
            f"{value} NOT IN (SELECT n.columns ->> '{name}' FROM healthcare_fact n "
            f"WHERE n.fact_type = '{other}' AND n.columns ->> '{name}' IS NOT NULL)"  # nosec B608 # names of the catalogue
        ), []
    of_type = f"n.fact_type = '{other}' AND " if other else ""
    return (
        f"{value} IS NOT NULL AND NOT EXISTS (SELECT FROM healthcare_fact n "
        f"WHERE {of_type}n.key = {value})"  # nosec B608 # names of the catalogue
    ), []


def _unique(_rule, fact_type, _name, value):
    """The same value is in the latest facts of several keys of the type."""
    other = value.replace("f.", "n.")
    return (
        f"(f.company_id, {value}) IN (SELECT n.company_id, {other} "
        f"FROM healthcare_fact_latest n WHERE {sql_views.latest(fact_type, 'n')} "
        f"AND {other} IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1)"  # nosec B608 # names of the catalogue
    ), []


_KINDS = {
    "required": _required,
    "range": _range,
    "allowed": _allowed,
    "reference": _reference,
    "unique": _unique,
}
