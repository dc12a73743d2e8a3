-- Made from the catalogue of facts by: python -m core.warehouse
-- Running it again keeps what the table holds.

CREATE TABLE IF NOT EXISTS healthcare_facts (
    "fact_id" String,  -- Number of this fact, a UUID
    "fact_type" String,  -- What kind of thing it tells of
    "schema_version" String,  -- Version of the columns
    "operation" String,  -- upsert or delete
    "key" String,  -- What it tells of; the same for all its facts
    "sequence" UInt64,  -- Counts the facts of a key; higher replaces
    "occurred_at" String,  -- When it happened, UTC; a year at least
    "recorded_at" String,  -- When Odoo wrote it, UTC; a year at least
    "company" Nullable(String),  -- Name of the company
    "facility" Nullable(String),  -- Code of the facility
    "service_line" Nullable(String),  -- Code of the service line
    "patient_key" Nullable(String),  -- Random key of the patient at this target
    "amount" Nullable(String),  -- Decimal string in payment currency
    "amount_at_risk" Nullable(String),  -- Decimal string in the company's currency
    "amount_charged" Nullable(String),  -- Decimal string in the company's currency
    "amount_expected" Nullable(String),  -- Decimal string in the company's currency
    "amount_paid" Nullable(String),  -- Decimal string in the company's currency
    "amount_residual" Nullable(String),  -- Decimal string in invoice currency
    "amount_total" Nullable(String),  -- Decimal string in invoice currency
    "authorization" Nullable(String),  -- Authorization part of the clearance
    "billing_hold" Nullable(UInt8),  -- Whether billing is on hold
    "birth_date" Nullable(String),  -- Birth date; a year or 90+ at most
    "category" Nullable(String),  -- Exception category
    "clearance" Nullable(String),  -- Financial clearance
    "cost" Nullable(String),  -- Decimal string in the company's currency
    "country" Nullable(String),  -- ISO 3166 country code
    "coverage" Nullable(String),  -- Coverage part of the clearance
    "coverages" Nullable(Float64),  -- Number of active coverages
    "currency" Nullable(String),  -- ISO 4217 code
    "date" Nullable(String),  -- Invoice date / Payment date
    "deposit" Nullable(String),  -- Deposit part of the clearance
    "patient_estimate" Nullable(String),  -- Probably paid by the patient
    "patient_responsibility" Nullable(String),  -- Decimal string in the company's currency
    "payer" Nullable(String),  -- Code of the first payer / Payer code / Payer code, empty for self-pay
    "payer_type" Nullable(String),  -- payer or patient
    "performed_at" Nullable(String),  -- When it was performed
    "planned" Nullable(Float64),  -- Quantity planned for the service
    "postal_code" Nullable(String),  -- Postal code; three digits at most
    "product" Nullable(String),  -- Internal reference of the product
    "quantity" Nullable(Float64),  -- Sum of charged quantities / Quantity used, in unit
    "resolution" Nullable(String),  -- How it ended
    "responsible" Nullable(String),  -- payer or patient
    "services" Nullable(String),  -- Service codes, separated by commas / Charge codes, separated by commas
    "sex" Nullable(String),  -- Administrative sex
    "start" Nullable(String),  -- Planned start
    "state" Nullable(String),  -- State after what happened
    "supplies" Nullable(String),  -- Supplies part of the clearance
    "unit" Nullable(String),  -- Unit of measure
    "units" Nullable(Float64),  -- Units authorized
    "units_used" Nullable(Float64),  -- Units used by services performed
    "wasted" Nullable(Float64),  -- Of the quantity, wasted
    "lineage_event" Nullable(String),  -- Event it follows from
    "lineage_correlation" Nullable(String),  -- What belongs to one exchange
    "lineage_document" Nullable(String)  -- Odoo document it tells of
)
ENGINE = ReplacingMergeTree("sequence")
ORDER BY ("fact_type", "key");

DROP TABLE IF EXISTS healthcare_appointment;
CREATE VIEW healthcare_appointment AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    if(length("sent_start") > 4, parseDateTimeBestEffortOrNull("sent_start"), NULL) AS "start",
    toUInt16OrNull(substring("sent_start", 1, 4)) AS "start_year",
    "services",
    "clearance",
    "coverage",
    "authorization",
    "supplies",
    "billing_hold",
    if(isNull("sent_amount_expected"), NULL, toDecimal64(ifNull("sent_amount_expected", '0'), 4)) AS "amount_expected",
    if(isNull("sent_patient_estimate"), NULL, toDecimal64(ifNull("sent_patient_estimate", '0'), 4)) AS "patient_estimate",
    "deposit",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "state",
        "start" AS "sent_start",
        "services",
        "clearance",
        "coverage",
        "authorization",
        "supplies",
        "billing_hold",
        "amount_expected" AS "sent_amount_expected",
        "patient_estimate" AS "sent_patient_estimate",
        "deposit",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'appointment'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_authorization;
CREATE VIEW healthcare_authorization AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    "payer",
    "units",
    "units_used",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "state",
        "payer",
        "units",
        "units_used",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'authorization'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_claim;
CREATE VIEW healthcare_claim AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    "payer",
    if(isNull("sent_amount_charged"), NULL, toDecimal64(ifNull("sent_amount_charged", '0'), 4)) AS "amount_charged",
    if(isNull("sent_amount_paid"), NULL, toDecimal64(ifNull("sent_amount_paid", '0'), 4)) AS "amount_paid",
    if(isNull("sent_patient_responsibility"), NULL, toDecimal64(ifNull("sent_patient_responsibility", '0'), 4)) AS "patient_responsibility",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "state",
        "payer",
        "amount_charged" AS "sent_amount_charged",
        "amount_paid" AS "sent_amount_paid",
        "patient_responsibility" AS "sent_patient_responsibility",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'claim'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_consumable_usage;
CREATE VIEW healthcare_consumable_usage AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "product",
    "quantity",
    "planned",
    "wasted",
    "unit",
    if(isNull("sent_cost"), NULL, toDecimal64(ifNull("sent_cost", '0'), 4)) AS "cost",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "product",
        "quantity",
        "planned",
        "wasted",
        "unit",
        "cost" AS "sent_cost",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'consumable_usage'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_exception;
CREATE VIEW healthcare_exception AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    "category",
    if(isNull("sent_amount_at_risk"), NULL, toDecimal64(ifNull("sent_amount_at_risk", '0'), 4)) AS "amount_at_risk",
    "resolution",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "state",
        "category",
        "amount_at_risk" AS "sent_amount_at_risk",
        "resolution",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'exception'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_invoice;
CREATE VIEW healthcare_invoice AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    toDateOrNull(substring("sent_date", 1, 10)) AS "date",
    toUInt16OrNull(substring("sent_date", 1, 4)) AS "date_year",
    "responsible",
    "payer",
    "currency",
    if(isNull("sent_amount_total"), NULL, toDecimal64(ifNull("sent_amount_total", '0'), 4)) AS "amount_total",
    if(isNull("sent_amount_residual"), NULL, toDecimal64(ifNull("sent_amount_residual", '0'), 4)) AS "amount_residual",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "state",
        "date" AS "sent_date",
        "responsible",
        "payer",
        "currency",
        "amount_total" AS "sent_amount_total",
        "amount_residual" AS "sent_amount_residual",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'invoice'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_payment;
CREATE VIEW healthcare_payment AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    toDateOrNull(substring("sent_date", 1, 10)) AS "date",
    toUInt16OrNull(substring("sent_date", 1, 4)) AS "date_year",
    "payer_type",
    "payer",
    "currency",
    if(isNull("sent_amount"), NULL, toDecimal64(ifNull("sent_amount", '0'), 4)) AS "amount",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "state",
        "date" AS "sent_date",
        "payer_type",
        "payer",
        "currency",
        "amount" AS "sent_amount",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'payment'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_registration;
CREATE VIEW healthcare_registration AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "sex",
    "sent_birth_date" AS "birth_date",
    toUInt16OrNull(substring("sent_birth_date", 1, 4)) AS "birth_year",
    "postal_code",
    "country",
    "payer",
    "coverages",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "sex",
        "birth_date" AS "sent_birth_date",
        "postal_code",
        "country",
        "payer",
        "coverages",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'registration'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_service;
CREATE VIEW healthcare_service AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    if(length("sent_occurred_at") > 4, parseDateTimeBestEffortOrNull("sent_occurred_at"), NULL) AS "occurred_at",
    toUInt16OrNull(substring("sent_occurred_at", 1, 4)) AS "occurred_year",
    if(length("sent_recorded_at") > 4, parseDateTimeBestEffortOrNull("sent_recorded_at"), NULL) AS "recorded_at",
    toUInt16OrNull(substring("sent_recorded_at", 1, 4)) AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    if(length("sent_performed_at") > 4, parseDateTimeBestEffortOrNull("sent_performed_at"), NULL) AS "performed_at",
    toUInt16OrNull(substring("sent_performed_at", 1, 4)) AS "performed_year",
    "services",
    "quantity",
    "payer",
    if(isNull("sent_amount_charged"), NULL, toDecimal64(ifNull("sent_amount_charged", '0'), 4)) AS "amount_charged",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT
        "fact_id",
        "schema_version",
        "key",
        "sequence",
        "occurred_at" AS "sent_occurred_at",
        "recorded_at" AS "sent_recorded_at",
        "company",
        "facility",
        "service_line",
        "patient_key",
        "performed_at" AS "sent_performed_at",
        "services",
        "quantity",
        "payer",
        "amount_charged" AS "sent_amount_charged",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'service'
) AS latest
WHERE "operation" = 'upsert';
