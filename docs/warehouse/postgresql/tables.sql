-- Made from the catalogue of facts by: python -m core.warehouse
-- Running it again keeps what the table holds.

CREATE TABLE IF NOT EXISTS healthcare_facts (
    "fact_id" text NOT NULL,  -- Number of this fact, a UUID
    "fact_type" text NOT NULL,  -- What kind of thing it tells of
    "schema_version" text NOT NULL,  -- Version of the columns
    "operation" text NOT NULL,  -- upsert or delete
    "key" text NOT NULL,  -- What it tells of; the same for all its facts
    "sequence" bigint NOT NULL,  -- Counts the facts of a key; higher replaces
    "occurred_at" text NOT NULL,  -- When it happened, UTC; a year at least
    "recorded_at" text NOT NULL,  -- When Odoo wrote it, UTC; a year at least
    "company" text,  -- Name of the company
    "facility" text,  -- Code of the facility
    "service_line" text,  -- Code of the service line
    "patient_key" text,  -- Random key of the patient at this target
    "amount" text,  -- Decimal string in payment currency
    "amount_at_risk" text,  -- Decimal string in the company's currency
    "amount_charged" text,  -- Decimal string in the company's currency
    "amount_expected" text,  -- Decimal string in the company's currency
    "amount_paid" text,  -- Decimal string in the company's currency
    "amount_residual" text,  -- Decimal string in invoice currency
    "amount_total" text,  -- Decimal string in invoice currency
    "authorization" text,  -- Authorization part of the clearance
    "billing_hold" boolean,  -- Whether billing is on hold
    "birth_date" text,  -- Birth date; a year or 90+ at most
    "category" text,  -- Exception category
    "clearance" text,  -- Financial clearance
    "cost" text,  -- Decimal string in the company's currency
    "country" text,  -- ISO 3166 country code
    "coverage" text,  -- Coverage part of the clearance
    "coverages" double precision,  -- Number of active coverages
    "currency" text,  -- ISO 4217 code
    "date" text,  -- Invoice date / Payment date
    "deposit" text,  -- Deposit part of the clearance
    "patient_estimate" text,  -- Probably paid by the patient
    "patient_responsibility" text,  -- Decimal string in the company's currency
    "payer" text,  -- Code of the first payer / Payer code / Payer code, empty for self-pay
    "payer_type" text,  -- payer or patient
    "performed_at" text,  -- When it was performed
    "planned" double precision,  -- Quantity planned for the service
    "postal_code" text,  -- Postal code; three digits at most
    "product" text,  -- Internal reference of the product
    "quantity" double precision,  -- Sum of charged quantities / Quantity used, in unit
    "resolution" text,  -- How it ended
    "responsible" text,  -- payer or patient
    "services" text,  -- Service codes, separated by commas / Charge codes, separated by commas
    "sex" text,  -- Administrative sex
    "start" text,  -- Planned start
    "state" text,  -- State after what happened
    "supplies" text,  -- Supplies part of the clearance
    "unit" text,  -- Unit of measure
    "units" double precision,  -- Units authorized
    "units_used" double precision,  -- Units used by services performed
    "wasted" double precision,  -- Of the quantity, wasted
    "lineage_event" text,  -- Event it follows from
    "lineage_correlation" text,  -- What belongs to one exchange
    "lineage_document" text,  -- Odoo document it tells of
    PRIMARY KEY ("key", "sequence")  -- the same is sent again
);

-- what a newer version of the catalogue brought
ALTER TABLE healthcare_facts
    ADD COLUMN IF NOT EXISTS "amount" text,
    ADD COLUMN IF NOT EXISTS "amount_at_risk" text,
    ADD COLUMN IF NOT EXISTS "amount_charged" text,
    ADD COLUMN IF NOT EXISTS "amount_expected" text,
    ADD COLUMN IF NOT EXISTS "amount_paid" text,
    ADD COLUMN IF NOT EXISTS "amount_residual" text,
    ADD COLUMN IF NOT EXISTS "amount_total" text,
    ADD COLUMN IF NOT EXISTS "authorization" text,
    ADD COLUMN IF NOT EXISTS "billing_hold" boolean,
    ADD COLUMN IF NOT EXISTS "birth_date" text,
    ADD COLUMN IF NOT EXISTS "category" text,
    ADD COLUMN IF NOT EXISTS "clearance" text,
    ADD COLUMN IF NOT EXISTS "cost" text,
    ADD COLUMN IF NOT EXISTS "country" text,
    ADD COLUMN IF NOT EXISTS "coverage" text,
    ADD COLUMN IF NOT EXISTS "coverages" double precision,
    ADD COLUMN IF NOT EXISTS "currency" text,
    ADD COLUMN IF NOT EXISTS "date" text,
    ADD COLUMN IF NOT EXISTS "deposit" text,
    ADD COLUMN IF NOT EXISTS "patient_estimate" text,
    ADD COLUMN IF NOT EXISTS "patient_responsibility" text,
    ADD COLUMN IF NOT EXISTS "payer" text,
    ADD COLUMN IF NOT EXISTS "payer_type" text,
    ADD COLUMN IF NOT EXISTS "performed_at" text,
    ADD COLUMN IF NOT EXISTS "planned" double precision,
    ADD COLUMN IF NOT EXISTS "postal_code" text,
    ADD COLUMN IF NOT EXISTS "product" text,
    ADD COLUMN IF NOT EXISTS "quantity" double precision,
    ADD COLUMN IF NOT EXISTS "resolution" text,
    ADD COLUMN IF NOT EXISTS "responsible" text,
    ADD COLUMN IF NOT EXISTS "services" text,
    ADD COLUMN IF NOT EXISTS "sex" text,
    ADD COLUMN IF NOT EXISTS "start" text,
    ADD COLUMN IF NOT EXISTS "state" text,
    ADD COLUMN IF NOT EXISTS "supplies" text,
    ADD COLUMN IF NOT EXISTS "unit" text,
    ADD COLUMN IF NOT EXISTS "units" double precision,
    ADD COLUMN IF NOT EXISTS "units_used" double precision,
    ADD COLUMN IF NOT EXISTS "wasted" double precision;

DROP VIEW IF EXISTS healthcare_appointment;
CREATE VIEW healthcare_appointment AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    CASE WHEN "start" LIKE '____-__-__%'
        THEN "start"::timestamptz END AS "start",
    CASE WHEN "start" ~ '^[0-9]{4}'
        THEN left("start", 4)::int END AS "start_year",
    "services",
    "clearance",
    "coverage",
    "authorization",
    "supplies",
    "billing_hold",
    "amount_expected"::numeric AS "amount_expected",
    "patient_estimate"::numeric AS "patient_estimate",
    "deposit",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'appointment'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_authorization;
CREATE VIEW healthcare_authorization AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
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
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'authorization'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_claim;
CREATE VIEW healthcare_claim AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    "payer",
    "amount_charged"::numeric AS "amount_charged",
    "amount_paid"::numeric AS "amount_paid",
    "patient_responsibility"::numeric AS "patient_responsibility",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'claim'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_consumable_usage;
CREATE VIEW healthcare_consumable_usage AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "product",
    "quantity",
    "planned",
    "wasted",
    "unit",
    "cost"::numeric AS "cost",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'consumable_usage'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_exception;
CREATE VIEW healthcare_exception AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    "category",
    "amount_at_risk"::numeric AS "amount_at_risk",
    "resolution",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'exception'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_invoice;
CREATE VIEW healthcare_invoice AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    CASE WHEN "date" LIKE '____-__-__%'
        THEN left("date", 10)::date END AS "date",
    CASE WHEN "date" ~ '^[0-9]{4}'
        THEN left("date", 4)::int END AS "date_year",
    "responsible",
    "payer",
    "currency",
    "amount_total"::numeric AS "amount_total",
    "amount_residual"::numeric AS "amount_residual",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'invoice'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_payment;
CREATE VIEW healthcare_payment AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "state",
    CASE WHEN "date" LIKE '____-__-__%'
        THEN left("date", 10)::date END AS "date",
    CASE WHEN "date" ~ '^[0-9]{4}'
        THEN left("date", 4)::int END AS "date_year",
    "payer_type",
    "payer",
    "currency",
    "amount"::numeric AS "amount",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'payment'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_registration;
CREATE VIEW healthcare_registration AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    "sex",
    CASE WHEN "birth_date" LIKE '____-__-__%'
        THEN left("birth_date", 10)::date END AS "birth_date",
    CASE WHEN "birth_date" ~ '^[0-9]{4}'
        THEN left("birth_date", 4)::int END AS "birth_year",
    "postal_code",
    "country",
    "payer",
    "coverages",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'registration'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';

DROP VIEW IF EXISTS healthcare_service;
CREATE VIEW healthcare_service AS
SELECT
    "fact_id",
    "schema_version",
    "key",
    "sequence",
    CASE WHEN "occurred_at" LIKE '____-__-__%'
        THEN "occurred_at"::timestamptz END AS "occurred_at",
    CASE WHEN "occurred_at" ~ '^[0-9]{4}'
        THEN left("occurred_at", 4)::int END AS "occurred_year",
    CASE WHEN "recorded_at" LIKE '____-__-__%'
        THEN "recorded_at"::timestamptz END AS "recorded_at",
    CASE WHEN "recorded_at" ~ '^[0-9]{4}'
        THEN left("recorded_at", 4)::int END AS "recorded_year",
    "company",
    "facility",
    "service_line",
    "patient_key",
    CASE WHEN "performed_at" LIKE '____-__-__%'
        THEN "performed_at"::timestamptz END AS "performed_at",
    CASE WHEN "performed_at" ~ '^[0-9]{4}'
        THEN left("performed_at", 4)::int END AS "performed_year",
    "services",
    "quantity",
    "payer",
    "amount_charged"::numeric AS "amount_charged",
    "lineage_event",
    "lineage_correlation",
    "lineage_document"
FROM (
    SELECT DISTINCT ON ("key") *
    FROM healthcare_facts
    WHERE "fact_type" = 'service'
    ORDER BY "key", "sequence" DESC
) AS latest
WHERE "operation" = 'upsert';
