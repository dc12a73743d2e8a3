"""Invoices, payments, claims, and what needs a person."""

from .column import (
    COMPANY,
    CURRENCY,
    DAYS,
    HOURS,
    MONEY,
    OWN,
    TEXT,
    Column,
    day,
    flag,
    moment,
    money,
    number,
    text,
)

_MOVE = "account.move."
_PAYMENT = "account.payment."
_CLAIM = "healthcare.claim."
_ISSUE = "healthcare.exception."

INVOICE = {
    "state": Column(
        TEXT,
        "none",
        "State of payment once posted, before that the state of the document",
        None,
        _MOVE + "payment_state, " + _MOVE + "state",
    ),
    "date": Column("date", "date", "Invoice date", None, _MOVE + "invoice_date"),
    "responsible": Column(
        TEXT, "none", "payer or patient", None, _MOVE + "healthcare_responsible"
    ),
    "payer": Column(
        TEXT, "none", "Payer code", None, "res.partner.healthcare_payer_code"
    ),
    "currency": Column(TEXT, "none", "ISO 4217 code", None, _MOVE + "currency_id"),
    "amount_total": Column(
        MONEY, "none", "Invoiced, with taxes", OWN, _MOVE + "amount_total"
    ),
    "amount_residual": Column(
        MONEY, "none", "Still open", OWN, _MOVE + "amount_residual"
    ),
    "amount_untaxed": money("Invoiced, before taxes", _MOVE + "amount_untaxed", OWN),
    "amount_credited": money(
        "Total of posted credit notes", _MOVE + "reversal_move_ids", OWN
    ),
    "amount_revenue": money(
        "Posted to income accounts, less credit notes, in company currency",
        "account.move.line.balance",
    ),
    "due_date": day("When it is to be paid", _MOVE + "invoice_date_due"),
    "service_key": text(
        "Value of the same column in the facts of the service",
        _MOVE + "healthcare_completion_id",
    ),
    "claim_key": text(
        "Key of the claim fact it was invoiced after, for a patient's share",
        _MOVE + "healthcare_claim_id",
    ),
    "purpose": text(
        "service, no_show, or patient_share left by a claim",
        _MOVE + "healthcare_claim_role, healthcare_fee_appointment_id",
    ),
}

PAYMENT = {
    "state": Column(
        TEXT, "none", "State after what happened", None, _PAYMENT + "state"
    ),
    "date": Column("date", "date", "Payment date", None, "data.payment.paid_at"),
    "payer_type": Column(
        TEXT, "none", "payer or patient", None, "data.payment.payer_type"
    ),
    "payer": Column(
        TEXT, "none", "Payer code", None, "res.partner.healthcare_payer_code"
    ),
    "currency": Column(TEXT, "none", "ISO 4217 code", None, "data.payment.currency"),
    "amount": Column(MONEY, "none", "Paid", OWN, "data.payment.amount"),
    "posting_days": number(
        "From the payment date to the day it was recorded",
        DAYS,
        _PAYMENT + "date, create_date",
    ),
    "claim_key": text(
        "Key of the claim fact whose remittance it came with",
        _PAYMENT + "healthcare_claim_id",
    ),
}

CLAIM = {
    "state": Column(TEXT, "none", "State after what happened", None, _CLAIM + "state"),
    "payer": Column(TEXT, "none", "Payer code", None, "data.payer.code"),
    "amount_charged": Column(MONEY, "none", "Charged", COMPANY, "data.claim.charged"),
    "amount_paid": Column(MONEY, "none", "Paid", COMPANY, "data.claim.paid"),
    "patient_responsibility": Column(
        MONEY,
        "none",
        "Left to the patient",
        COMPANY,
        "data.claim.patient_responsibility",
    ),
    "amount_adjusted": money(
        "Written off after adjudication: groups CO, OA and PI",
        "data.claim.adjustments[].amount",
    ),
    "amount_contractual": money(
        "Of it, written off by contract: CO-45",
        "data.claim.adjustments[].amount",
    ),
    "amount_denied": money(
        "Charged and refused, while the claim is denied", "data.claim.charged"
    ),
    "denial_reason": text(
        "While the claim is denied: reason codes (CARC) with their group, separated "
        "by commas, e.g. CO-197",
        "data.claim.adjustments[].reason",
    ),
    "adjustment_reasons": text(
        "Reason codes of all adjustments, in the same form",
        "data.claim.adjustments[].reason",
    ),
    "remarks": text("Remark codes (RARC), separated by commas", "data.claim.remarks[]"),
    "submitted_at": moment("Time of the last submission", _CLAIM + "submitted_mark"),
    "adjudicated_at": moment("Time of the last decision", _CLAIM + "decided_mark"),
    "decision_days": number(
        "From the last submission to the decision that followed it",
        DAYS,
        _CLAIM + "submitted_mark, decided_mark",
    ),
    "invoice_key": text("Key of the invoice fact it is for", _CLAIM + "move_id"),
    "currency": CURRENCY,
}

EXCEPTION = {
    "state": Column(TEXT, "none", "State after what happened", None, _ISSUE + "state"),
    "category": Column(TEXT, "none", "Exception category", None, _ISSUE + "category"),
    "amount_at_risk": Column(
        MONEY, "none", "What is at stake", COMPANY, _ISSUE + "amount_at_risk"
    ),
    "resolution": Column(TEXT, "none", "How it ended", None, _ISSUE + "resolution"),
    "opened_at": moment("When it was raised", _ISSUE + "opened_at"),
    "closed_at": moment("When it was resolved or waived", _ISSUE + "resolved_at"),
    "due_at": moment("When it is due", _ISSUE + "deadline"),
    "open_hours": number(
        "From raised to closed; empty while it is open",
        HOURS,
        _ISSUE + "opened_at, resolved_at",
    ),
    "overdue": flag(
        "Whether it was closed after it was due; empty while it is open",
        _ISSUE + "deadline, resolved_at",
    ),
    "payer": text("Payer code", _ISSUE + "payer_id"),
    "currency": CURRENCY,
}
