"""What of a patient may leave: policies over classes of columns.

``safe_harbor``
    45 CFR 164.514(b)(2): no names, contacts, numbers or free text; of dates the year;
    of a ZIP code three digits, 000 where 20,000 people or fewer live; of an age over
    89 only that, and no year that tells it.
``limited``
    45 CFR 164.514(e): dates and postal codes stay; direct identifiers do not.
``identified``
    Everything stays.

``limited`` and ``identified`` know a patient by a keyed pseudonym, ``safe_harbor`` by a
random surrogate. What a policy does with a class of columns, its treatment, may be made
stricter than it is here, never weaker.

Each column has a class, as data: a new column without one is an error, not a leak.
"""

import json
import re
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

POLICIES = ("safe_harbor", "limited", "identified")
CLASSES = (
    "none",
    "date",
    "birth_date",
    "postal_code",
    "identifier",
    "name",
    "contact",
    "free_text",
    "surrogate",
)
OLDEST = 89
#: What may become of a class, from the weakest treatment to the strictest.
TREATMENTS = {
    "none": ("keep",),
    "date": ("keep", "shift", "month", "year", "drop"),
    "birth_date": ("keep", "year", "decade", "drop"),
    "postal_code": ("keep", "zip3", "drop"),
    "identifier": ("keep", "drop"),
    "name": ("keep", "drop"),
    "contact": ("keep", "drop"),
    "free_text": ("keep", "drop"),
    "surrogate": ("keyed", "random"),
}
_DROPPED = dict.fromkeys(("identifier", "name", "contact", "free_text"), "drop")
_KEPT = dict.fromkeys(CLASSES, "keep") | {"surrogate": "keyed"}
#: ``{policy: {class: treatment}}`` of the contract.
BASES = {
    "safe_harbor": _KEPT
    | _DROPPED
    | {
        "date": "year",
        "birth_date": "year",
        "postal_code": "zip3",
        "surrogate": "random",
    },
    "limited": _KEPT | _DROPPED,
    "identified": _KEPT,
}
#: Aggregates about fewer patients leave without figures; 0: all leave.
SMALLEST_CELLS = {"safe_harbor": 11, "limited": 0, "identified": 0}
_DATA = Path(__file__).resolve().parent / "data" / "zip3_restricted.json"
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
_ZIP = re.compile(r"\s*([0-9]{3})[0-9]{2}(?:[-\s]?[0-9]{4})?\s*\Z")
_UNITED_STATES = ("US", "USA")


@cache
def restricted_zip3():
    """Return the frozen set of ZIP prefixes that become ``000``."""
    document = json.loads(_DATA.read_text(encoding="utf-8"))
    return frozenset(p for group in document["sets"] for p in group["prefixes"])


def _as_date(value):
    """Return a date from a date, a datetime or an ISO text; None when it is none."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    found = _ISO.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def _age(birth, on):
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def year(value):
    """Return the year of a date as text, e.g. ``"2026"``; None when it is no date."""
    found = _as_date(value)
    return f"{found.year:04d}" if found else None


def age_band(birth_date, on):
    """Return the age in years on a day as text, ``"90+"`` from 90 on.

    :return: str, or None when either is no date or the birth lies after the day
    """
    birth, on = _as_date(birth_date), _as_date(on)
    if birth is None or on is None or birth > on:
        return None
    age = _age(birth, on)
    return str(age) if age <= OLDEST else f"{OLDEST + 1}+"


def zip3(postal_code, country="US"):
    """Return the first three digits of a ZIP code, ``"000"`` for the restricted ones.

    :return: str, or None outside the United States or when it is no ZIP code: the
        rule knows no other geography below the state
    """
    if (country or "US").upper() not in _UNITED_STATES:
        return None
    found = _ZIP.match(postal_code) if isinstance(postal_code, str) else None
    if found is None:
        return None
    return "000" if found[1] in restricted_zip3() else found[1]


def _birth_year(value, on):
    birth = _as_date(value)
    if birth is None or not 0 <= _age(birth, on) <= OLDEST:
        return None
    # Born that year, one may turn 90 in this one: then the year tells it as well.
    return None if on.year - birth.year > OLDEST else f"{birth.year:04d}"


def _plain(value):
    """Return dates and times as ISO texts (naive ones are UTC), others as they are."""
    if isinstance(value, datetime):
        text = value.isoformat()
        return text if value.tzinfo else text + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _decade(value, on):
    """Return ten years that an age lies in, e.g. ``"40-49"``, or ``"90+"``."""
    age = age_band(value, on)
    if age is None or age.endswith("+"):
        return age
    first = int(age) // 10 * 10
    return f"{first}-{first + 9}"


def shifted(value, days):
    """Return a date or time, or the ISO text of one, moved by days; None if none."""
    plain = _plain(value)
    found = _as_date(plain)
    if found is None:
        return None
    return (found + timedelta(days=days)).isoformat() + plain[10:]


def _treat(treatment, phi_class, value, on, country, shift):
    if treatment == "drop":
        return None
    if treatment == "year":
        return _birth_year(value, on) if phi_class == "birth_date" else year(value)
    if treatment == "month":
        found = _as_date(value)
        return f"{found:%Y-%m}" if found else None
    if treatment == "decade":
        return _decade(value, on)
    if treatment == "zip3":
        return zip3(value, country)
    if treatment == "shift":
        return shifted(value, shift)
    return _plain(value)


def weaker(policy, rules):
    """Return the classes that rules treat less strictly than the policy must.

    What is no treatment of a class counts as well.

    :param policy: one of :data:`POLICIES`
    :param rules: ``{class: treatment}``; classes that are missing keep the policy's
    """
    result = []
    for phi_class, treatment in rules.items():
        known = TREATMENTS.get(phi_class, ())
        base = BASES[policy].get(phi_class)
        if treatment not in known or known.index(treatment) < known.index(base):
            result.append(phi_class)
    return result


class Plan:
    """What becomes of each column of a type, found out once for many records.

    :param str policy: one of :data:`POLICIES`
    :param columns: mapping of column names to one of :data:`CLASSES`
    :param rules: ``{class: treatment}`` that are stricter than the policy's own
    :raise ValueError: for an unknown policy, or a rule that is weaker than the policy
    """

    def __init__(self, policy, columns, rules=None):
        if policy not in POLICIES:
            raise ValueError("Unknown de-identification policy.")
        if weaker(policy, rules or {}):
            raise ValueError("A rule is weaker than its policy.")
        treatments = {**BASES[policy], **(rules or {})}
        self._columns = {
            name: (phi_class, treatments[phi_class])
            for name, phi_class in columns.items()
            if phi_class in CLASSES
        }

    def apply(self, values, *, on=None, country="US", shift=0):
        """Return the values as they may leave; see :func:`apply`."""
        columns = self._columns
        result = {}
        for name, value in values.items():
            known = columns.get(name)
            if known is None:
                raise ValueError(f"Column {name!r} has no known class.")
            phi_class, treatment = known
            if value is None or value is False and phi_class != "none":
                result[name] = None  # the ORM writes False where there is nothing
            elif treatment == "keep" and isinstance(value, str):
                result[name] = value
            else:
                on = on or date.today()
                result[name] = _treat(treatment, phi_class, value, on, country, shift)
        return result


def apply(policy, columns, values, *, on=None, country="US", rules=None, shift=0):
    """Return the values as a policy lets them leave.

    :param str policy: one of :data:`POLICIES`
    :param columns: mapping of column names to one of :data:`CLASSES`
    :param values: mapping of column names to values; dates as ``date``, ``datetime``
        (naive: UTC) or ISO text. Columns without a value are left out.
    :param on: day ages are counted to, today when None
    :param country: ISO code the postal codes are of
    :param rules: ``{class: treatment}`` that are stricter than the policy's own
    :param shift: days that the treatment ``shift`` moves dates by
    :return: dict in the order of ``values``; what may not leave is None
    :raise ValueError: for an unknown policy or class, a column without a class, or a
        rule that is weaker than the policy
    """
    plan = Plan(policy, columns, rules)
    return plan.apply(values, on=on, country=country, shift=shift)
