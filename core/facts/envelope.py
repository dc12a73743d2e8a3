"""Columns that every fact has, before and after its own."""

from .column import MOMENT, NUMBER, TEXT, Column

BEFORE = {
    "fact_id": Column(
        TEXT, "none", "Unique id of this fact (UUID)", None, "healthcare.fact.fact_id"
    ),
    "fact_type": Column(
        TEXT,
        "none",
        "Type, one of this catalogue",
        None,
        "healthcare.fact.fact_type",
    ),
    "schema_version": Column(
        TEXT,
        "none",
        "Version of the type's schema",
        None,
        "healthcare.fact.schema_version",
    ),
    "operation": Column(
        TEXT,
        "none",
        "upsert: the key is like this now; delete: forget the key",
        None,
        "healthcare.fact.operation",
    ),
    "key": Column(
        TEXT,
        "surrogate",
        "What the fact is about; facts of one key replace each other",
        None,
        "healthcare.fact.key",
    ),
    "sequence": Column(
        NUMBER,
        "none",
        "Rises by one with each fact of a key; the highest counts",
        "count",
        "healthcare.fact.sequence",
    ),
    "occurred_at": Column(
        MOMENT, "date", "When it came about", None, "healthcare.fact.occurred_at"
    ),
    "recorded_at": Column(
        MOMENT,
        "date",
        "When it was written down",
        None,
        "healthcare.fact.recorded_at",
    ),
    "company": Column(TEXT, "none", "Name of the company", None, "res.company.name"),
    "facility": Column(
        TEXT, "none", "Code of the facility", None, "healthcare.facility.code"
    ),
    "service_line": Column(
        TEXT,
        "none",
        "Code of the service line",
        None,
        "healthcare.service.line.code",
    ),
    "patient_key": Column(
        TEXT,
        "surrogate",
        "What this target knows the patient by",
        None,
        "healthcare.surrogate.value",
    ),
}
AFTER = {
    "lineage_event": Column(
        TEXT, "none", "Id of the event it follows from", None, "healthcare.event.uuid"
    ),
    "lineage_correlation": Column(
        TEXT,
        "none",
        "What all events of one course of business have in common",
        None,
        "healthcare.event.correlation_id",
    ),
    "lineage_document": Column(
        TEXT,
        "none",
        "Document in Odoo: model and number",
        None,
        "healthcare.fact.res_model, healthcare.fact.res_id",
    ),
}
ENVELOPE = {**BEFORE, **AFTER}
REQUIRED = (
    "fact_id",
    "fact_type",
    "schema_version",
    "operation",
    "key",
    "sequence",
    "occurred_at",
    "recorded_at",
)
