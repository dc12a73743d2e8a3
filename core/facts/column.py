"""What the catalogue says of a column."""

from collections import namedtuple

TEXT, MONEY, NUMBER, FLAG = "string", "decimal", "number", "boolean"
DAY, MOMENT = "date", "datetime"

#: type: one of the above; phi: a class of :mod:`..analytics.deidentification`; meaning:
#: in words; unit: of numbers and amounts; source: canonical path or Odoo field it is
#: taken from; since: version of the fact's schema that it came with.
Column = namedtuple(
    "Column", "type phi meaning unit source since", defaults=(None, None, "1.0")
)

# Units. Amounts of money are decimal strings.
COMPANY = "company currency"  # its ISO 4217 code is in the column currency
OWN = "currency of the document"  # in the column currency, too
DAYS, HOURS, MINUTES = "d", "h", "min"  # as in UCUM
COUNT = "count"
UNIT = "unit of measure in the column unit"


def new(type_, phi, meaning, unit=None, source=None):
    """Return a column that came with version 1.1."""
    return Column(type_, phi, meaning, unit, source, "1.1")


def text(meaning, source=None):
    return new(TEXT, "none", meaning, None, source)


def money(meaning, source=None, unit=COMPANY):
    return new(MONEY, "none", meaning, unit, source)


def number(meaning, unit=COUNT, source=None):
    return new(NUMBER, "none", meaning, unit, source)


def flag(meaning, source=None):
    return new(FLAG, "none", meaning, None, source)


def moment(meaning, source=None):
    return new(MOMENT, "date", meaning, None, source)


def day(meaning, source=None):
    return new(DAY, "date", meaning, None, source)


CURRENCY = text(
    "ISO 4217 code of the amounts in company currency", "res.company.currency_id"
)
