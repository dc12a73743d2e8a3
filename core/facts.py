"""The catalogue of facts: which columns each type has, what they mean, what is PHI.

A column's class says what a de-identification policy does with it; see
:mod:`.deidentification`.
"""

from collections import namedtuple

SCHEMA_VERSION = "1.0"

Column = namedtuple("Column", "type phi meaning")

TEXT, MONEY, NUMBER, FLAG = "string", "decimal", "number", "boolean"

_STATE = Column(TEXT, "none", "State after what happened")
_AMOUNT = "Decimal string in the company's currency"

CATALOGUE = {
    "registration": {
        "sex": Column(TEXT, "none", "Administrative sex"),
        "birth_date": Column("date", "birth_date", "Birth date; a year or 90+ at most"),
        "postal_code": Column(TEXT, "postal_code", "Postal code; three digits at most"),
        "country": Column(TEXT, "none", "ISO 3166 country code"),
        "payer": Column(TEXT, "none", "Code of the first payer"),
        "coverages": Column(NUMBER, "none", "Number of active coverages"),
    },
    "appointment": {
        "state": _STATE,
        "start": Column("datetime", "date", "Planned start"),
        "services": Column(TEXT, "none", "Service codes, separated by commas"),
        "clearance": Column(TEXT, "none", "Financial clearance"),
        "coverage": Column(TEXT, "none", "Coverage part of the clearance"),
        "authorization": Column(TEXT, "none", "Authorization part of the clearance"),
        "supplies": Column(TEXT, "none", "Supplies part of the clearance"),
        "billing_hold": Column(FLAG, "none", "Whether billing is on hold"),
        "amount_expected": Column(MONEY, "none", _AMOUNT),
        "patient_estimate": Column(MONEY, "none", "Probably paid by the patient"),
        "deposit": Column(TEXT, "none", "Deposit part of the clearance"),
    },
    "authorization": {
        "state": _STATE,
        "payer": Column(TEXT, "none", "Payer code"),
        "units": Column(NUMBER, "none", "Units authorized"),
        "units_used": Column(NUMBER, "none", "Units used by services performed"),
    },
    "service": {
        "performed_at": Column("datetime", "date", "When it was performed"),
        "services": Column(TEXT, "none", "Charge codes, separated by commas"),
        "quantity": Column(NUMBER, "none", "Sum of charged quantities"),
        "payer": Column(TEXT, "none", "Payer code, empty for self-pay"),
        "amount_charged": Column(MONEY, "none", _AMOUNT),
    },
    "consumable_usage": {
        "product": Column(TEXT, "none", "Internal reference of the product"),
        "quantity": Column(NUMBER, "none", "Quantity used, in unit"),
        "planned": Column(NUMBER, "none", "Quantity planned for the service"),
        "wasted": Column(NUMBER, "none", "Of the quantity, wasted"),
        "unit": Column(TEXT, "none", "Unit of measure"),
        "cost": Column(MONEY, "none", _AMOUNT),
    },
    "invoice": {
        "state": _STATE,
        "date": Column("date", "date", "Invoice date"),
        "responsible": Column(TEXT, "none", "payer or patient"),
        "payer": Column(TEXT, "none", "Payer code"),
        "currency": Column(TEXT, "none", "ISO 4217 code"),
        "amount_total": Column(MONEY, "none", "Decimal string in invoice currency"),
        "amount_residual": Column(MONEY, "none", "Decimal string in invoice currency"),
    },
    "payment": {
        "state": _STATE,
        "date": Column("date", "date", "Payment date"),
        "payer_type": Column(TEXT, "none", "payer or patient"),
        "payer": Column(TEXT, "none", "Payer code"),
        "currency": Column(TEXT, "none", "ISO 4217 code"),
        "amount": Column(MONEY, "none", "Decimal string in payment currency"),
    },
    "claim": {
        "state": _STATE,
        "payer": Column(TEXT, "none", "Payer code"),
        "amount_charged": Column(MONEY, "none", _AMOUNT),
        "amount_paid": Column(MONEY, "none", _AMOUNT),
        "patient_responsibility": Column(MONEY, "none", _AMOUNT),
    },
    "exception": {
        "state": _STATE,
        "category": Column(TEXT, "none", "Exception category"),
        "amount_at_risk": Column(MONEY, "none", _AMOUNT),
        "resolution": Column(TEXT, "none", "How it ended"),
    },
}


def classes(fact_type):
    """Return ``{column: PHI class}`` of one fact type."""
    return {name: column.phi for name, column in CATALOGUE[fact_type].items()}


def split(fact_type, values):
    """Split values into those free of PHI and those to be sealed.

    :raise KeyError: for a column that the catalogue does not know
    """
    open_values, sealed = {}, {}
    for name, value in values.items():
        target = open_values if CATALOGUE[fact_type][name].phi == "none" else sealed
        target[name] = value
    return open_values, sealed
