"""The catalogue of facts: which columns each type has, what they mean, what is PHI.

=================  ==========================================================
column             what is said of a column: type, unit, meaning, source, class
envelope           columns that every fact has
patient_access     registration, appointment, authorization
care               service, consumable_usage
receivables        invoice, payment, claim, exception
snapshots          stock_level, procurement, utilization, financial_summary
checks             whether values fit their columns, before they are written
published          JSON Schemas of what leaves, of every version
reference          the list of columns for people, ``docs/facts.rst``
=================  ==========================================================

A column's class says what a de-identification policy does with it; see
:mod:`..analytics.deidentification`. Columns are added, never renamed or removed: each
says since which version of the schema it is there.
"""

from . import care, checks, patient_access, receivables, snapshots
from .column import Column
from .envelope import ENVELOPE

__all__ = [
    "CATALOGUE",
    "CELLS",
    "ENVELOPE",
    "LATENCY",
    "MEANINGS",
    "SCHEMA_VERSION",
    "SNAPSHOTS",
    "VERSIONS",
    "Column",
    "add",
    "classes",
    "split",
]

VERSIONS = ("1.0", "1.1")
SCHEMA_VERSION = VERSIONS[-1]

CATALOGUE = {
    "registration": patient_access.REGISTRATION,
    "appointment": patient_access.APPOINTMENT,
    "authorization": patient_access.AUTHORIZATION,
    "service": care.SERVICE,
    "consumable_usage": care.CONSUMABLE_USAGE,
    "invoice": receivables.INVOICE,
    "payment": receivables.PAYMENT,
    "claim": receivables.CLAIM,
    "exception": receivables.EXCEPTION,
    "stock_level": snapshots.STOCK_LEVEL,
    "procurement": snapshots.PROCUREMENT,
    "utilization": snapshots.UTILIZATION,
    "financial_summary": snapshots.FINANCIAL_SUMMARY,
}
#: Which question each type answers.
MEANINGS = {
    "registration": "A patient as registered last: who comes, insured with whom.",
    "appointment": "A visit and its financial clearance: what is planned, may it go "
    "ahead, did the patient come.",
    "authorization": "A payer's permission: was it given, how long did it take.",
    "service": "What was performed and charged, for each service line of it.",
    "consumable_usage": "What a service used of one product, and what that cost.",
    "invoice": "An invoice as it is now: issued, paid, credited, cancelled.",
    "payment": "A payment as it is now: received, put to invoices, taken back.",
    "claim": "A claim as the payer decided last: paid, written off, denied and why.",
    "exception": "What needed a person: how much was at stake, how long it took.",
    "stock_level": "A product at a facility at the end of a day.",
    "procurement": "A product of a vendor for a facility within a day.",
    "utilization": "Visits and services of a provider and service line within a day.",
    "financial_summary": "Money of a payer and service line within a day, and what is "
    "owed at its end.",
}
SNAPSHOTS = ("stock_level", "procurement", "utilization", "financial_summary")
#: Of snapshots about patients: ``{type: columns that name a cell}``.
CELLS = snapshots.CELLS
#: How soon after what happened a type is told.
LATENCY = {name: "batch" if name in SNAPSHOTS else "real_time" for name in CATALOGUE}

_CLASSES, _CHECKS = {}, {}


def _know(fact_type):
    columns = CATALOGUE[fact_type]
    _CLASSES[fact_type] = {name: column.phi for name, column in columns.items()}
    _CHECKS[fact_type] = {
        name: (column.phi == "none", checks.CHECKS[column.type])
        for name, column in columns.items()
    }


for _type in CATALOGUE:
    _know(_type)


def add(fact_type, columns, meaning):
    """Take a type of another addon into the catalogue, told with its documents.

    To be called when that addon is imported.

    :param dict columns: :class:`Column` by name
    :param str meaning: which question it answers, in a sentence
    """
    CATALOGUE[fact_type] = columns
    MEANINGS[fact_type] = meaning
    LATENCY[fact_type] = "real_time"
    _know(fact_type)


def classes(fact_type):
    """Return ``{column: PHI class}`` of one fact type."""
    return _CLASSES[fact_type]


def split(fact_type, values):
    """Split values into those free of PHI and those to be sealed; check them all.

    :raise KeyError: for a column that the catalogue does not know
    :raise ValueError: for a value that is not of its column's type; it is not repeated
    """
    open_values, sealed = {}, {}
    known = _CHECKS[fact_type]
    for name, value in values.items():
        is_open, fits = known[name]
        if value is not None and not fits(value):
            raise ValueError(
                f"Column {name} of {fact_type} has a value of no such type."
            )
        (open_values if is_open else sealed)[name] = value
    return open_values, sealed
