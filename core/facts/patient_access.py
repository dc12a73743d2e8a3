"""Registration, scheduling, authorization."""

from .column import (
    COMPANY,
    COUNT,
    CURRENCY,
    DAYS,
    FLAG,
    MINUTES,
    MONEY,
    NUMBER,
    TEXT,
    Column,
    day,
    flag,
    moment,
    number,
    text,
)

_VISIT = "healthcare.appointment."
_PERMISSION = "healthcare.authorization."

REGISTRATION = {
    "sex": Column(TEXT, "none", "Administrative sex", None, "data.patient.sex"),
    "birth_date": Column(
        "date",
        "birth_date",
        "Birth date; a year or 90+ at most",
        None,
        "data.patient.birth_date",
    ),
    "postal_code": Column(
        TEXT,
        "postal_code",
        "Postal code; three digits at most",
        None,
        "data.patient.address.postal_code",
    ),
    "country": Column(
        TEXT, "none", "ISO 3166 country code", None, "data.patient.address.country"
    ),
    "payer": Column(
        TEXT, "none", "Code of the first payer", None, "data.coverages[].payer.code"
    ),
    "coverages": Column(
        NUMBER,
        "none",
        "Number of active coverages",
        COUNT,
        "res.partner.healthcare_coverage_ids",
    ),
    "coverage_status": text(
        "What is known of the first coverage: unverified, active or inactive",
        "healthcare.coverage.status",
    ),
}

APPOINTMENT = {
    "state": Column(TEXT, "none", "State after what happened", None, _VISIT + "state"),
    "start": Column(
        "datetime", "date", "Planned start", None, "data.appointment.start"
    ),
    "services": Column(
        TEXT,
        "none",
        "Service codes, separated by commas",
        None,
        "data.appointment.services[].code",
    ),
    "clearance": Column(
        TEXT, "none", "Financial clearance", None, _VISIT + "clearance"
    ),
    "coverage": Column(
        TEXT,
        "none",
        "Coverage part of the clearance",
        None,
        _VISIT + "coverage_state",
    ),
    "authorization": Column(
        TEXT,
        "none",
        "Authorization part of the clearance",
        None,
        _VISIT + "authorization_state",
    ),
    "supplies": Column(
        TEXT,
        "none",
        "Supplies part of the clearance",
        None,
        _VISIT + "supplies_state",
    ),
    "billing_hold": Column(
        FLAG, "none", "Whether billing is on hold", None, _VISIT + "billing_hold"
    ),
    "amount_expected": Column(
        MONEY,
        "none",
        "List price of the booked services",
        COMPANY,
        _VISIT + "amount_expected",
    ),
    "patient_estimate": Column(
        MONEY,
        "none",
        "Probably paid by the patient",
        COMPANY,
        _VISIT + "patient_estimate",
    ),
    "deposit": Column(
        TEXT,
        "none",
        "Deposit part of the clearance",
        None,
        _VISIT + "deposit_state",
    ),
    "booked_at": moment("When it was first told of", _VISIT + "booked_at"),
    "lead_days": number(
        "From the booking to the planned start", DAYS, _VISIT + "booked_at, start"
    ),
    "minutes": number(
        "Planned length; empty where no end is planned",
        MINUTES,
        "data.appointment.start, data.appointment.end",
    ),
    "provider": text("Who is to perform it", "data.appointment.provider"),
    "self_pay": flag("Whether the patient pays", "data.appointment.self_pay"),
    "no_show": flag("Whether the patient did not come", _VISIT + "state"),
    "currency": CURRENCY,
}

AUTHORIZATION = {
    "state": Column(
        TEXT, "none", "State after what happened", None, _PERMISSION + "state"
    ),
    "payer": Column(TEXT, "none", "Payer code", None, "data.payer.code"),
    "units": Column(
        NUMBER, "none", "Units authorized", COUNT, "data.authorization.units"
    ),
    "units_used": Column(
        NUMBER,
        "none",
        "Units used by services performed",
        COUNT,
        _PERMISSION + "units_used",
    ),
    "services": text(
        "Service codes, separated by commas; empty: all",
        "data.authorization.services[].code",
    ),
    "period_from": day("First day it is valid on", "data.authorization.period.start"),
    "period_to": day("Last day it is valid on", "data.authorization.period.end"),
    "requested_at": moment(
        "When it was asked for, as far as that was told", _PERMISSION + "decisions"
    ),
    "decided_at": moment(
        "When the payer first approved or denied", _PERMISSION + "decisions"
    ),
    "decision_days": number(
        "From the request to the payer's first decision",
        DAYS,
        _PERMISSION + "decisions",
    ),
    "lapsed": flag(
        "Whether its period ended without a word of the payer", _PERMISSION + "lapsed"
    ),
    "appointment_key": text(
        "Key of the appointment fact it is for", _PERMISSION + "appointment_id"
    ),
}
