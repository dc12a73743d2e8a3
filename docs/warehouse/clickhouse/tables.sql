-- Made from the catalogue of facts by: python -m core.analytics.warehouse
-- Running it again keeps what the table holds.

CREATE TABLE IF NOT EXISTS healthcare_facts (
    "fact_id" String,  -- Unique id of this fact (UUID)
    "fact_type" String,  -- Type, one of this catalogue
    "schema_version" String,  -- Version of the type's schema
    "operation" String,  -- upsert: the key is like this now; delete: forget the key
    "key" String,  -- What the fact is about; facts of one key replace each other
    "sequence" UInt64,  -- Rises by one with each fact of a key; the highest counts
    "occurred_at" String,  -- When it came about
    "recorded_at" String,  -- When it was written down
    "company" Nullable(String),  -- Name of the company
    "facility" Nullable(String),  -- Code of the facility
    "service_line" Nullable(String),  -- Code of the service line
    "patient_key" Nullable(String),  -- What this target knows the patient by
    "adjudicated_at" Nullable(String),  -- Time of the last decision
    "adjusted" Nullable(Float64),  -- Of the difference, by counting
    "adjustment_reasons" Nullable(String),  -- Reason codes of all adjustments, in the same form
    "adjustments" Nullable(String),  -- Written off within the day, for claims
    "amount" Nullable(String),  -- Paid
    "amount_adjusted" Nullable(String),  -- Written off after adjudication: groups CO, OA and PI
    "amount_at_risk" Nullable(String),  -- What is at stake
    "amount_charged" Nullable(String),  -- Charged, before taxes / Charged
    "amount_contractual" Nullable(String),  -- Of it, written off by contract: CO-45
    "amount_credited" Nullable(String),  -- Total of posted credit notes
    "amount_denied" Nullable(String),  -- Charged and refused, while the claim is denied / Charged by these
    "amount_expected" Nullable(String),  -- List price of the booked services
    "amount_ordered" Nullable(String),  -- Confirmed within the day, before taxes
    "amount_paid" Nullable(String),  -- Paid
    "amount_residual" Nullable(String),  -- Still open
    "amount_revenue" Nullable(String),  -- Posted to income accounts for it, less credit notes; revenue that is recognized over months counts whole / Posted to income accounts, less credit notes, in company currency
    "amount_total" Nullable(String),  -- Invoiced, with taxes
    "amount_untaxed" Nullable(String),  -- Invoiced, before taxes
    "appointment_key" Nullable(String),  -- Key of the appointment fact it is for / Key of the appointment fact it was performed at
    "ar_patient_0_30" Nullable(String),  -- Owed by patients at the end, due since 30 days at most, or not yet
    "ar_patient_121" Nullable(String),  -- Owed by patients at the end, due since 121 days or more
    "ar_patient_31_60" Nullable(String),  -- Owed by patients at the end, due since 31 to 60 days
    "ar_patient_61_90" Nullable(String),  -- Owed by patients at the end, due since 61 to 90 days
    "ar_patient_91_120" Nullable(String),  -- Owed by patients at the end, due since 91 to 120 days
    "ar_payer_0_30" Nullable(String),  -- Owed by payers at the end, due since 30 days at most, or not yet
    "ar_payer_121" Nullable(String),  -- Owed by payers at the end, due since 121 days or more
    "ar_payer_31_60" Nullable(String),  -- Owed by payers at the end, due since 31 to 60 days
    "ar_payer_61_90" Nullable(String),  -- Owed by payers at the end, due since 61 to 90 days
    "ar_payer_91_120" Nullable(String),  -- Owed by payers at the end, due since 91 to 120 days
    "authorization" Nullable(String),  -- Authorization part of the clearance
    "billing_hold" Nullable(UInt8),  -- Whether billing is on hold
    "birth_date" Nullable(String),  -- Birth date; a year or 90+ at most
    "booked" Nullable(Float64),  -- Visits booked within the day
    "booked_at" Nullable(String),  -- When it was first told of
    "cancelled" Nullable(Float64),  -- Of these, cancelled
    "category" Nullable(String),  -- Exception category
    "charges" Nullable(String),  -- Invoiced within the day, before taxes
    "claim_key" Nullable(String),  -- Key of the claim fact it was invoiced after, for a patient's share / Key of the claim fact whose remittance it came with
    "clearance" Nullable(String),  -- Financial clearance
    "closed_at" Nullable(String),  -- When it was resolved or waived
    "complete" Nullable(UInt8),  -- Whether the day was over when it was computed
    "completed" Nullable(Float64),  -- Of these, completed
    "cost" Nullable(String),  -- Quantity used at standard cost when it was told
    "cost_actual" Nullable(String),  -- Value of what was taken out of stock, less what was returned
    "country" Nullable(String),  -- ISO 3166 country code
    "coverage" Nullable(String),  -- Coverage part of the clearance
    "coverage_status" Nullable(String),  -- What is known of the first coverage: unverified, active or inactive
    "coverages" Nullable(Float64),  -- Number of active coverages
    "covers_from" Nullable(String),  -- First moment that is counted
    "covers_to" Nullable(String),  -- Last moment that is counted: the end of the day, or when it was computed
    "credits" Nullable(String),  -- Credit notes within the day, before taxes
    "currency" Nullable(String),  -- ISO 4217 code of the amounts in company currency / ISO 4217 code
    "date" Nullable(String),  -- Invoice date / Payment date
    "day" Nullable(String),  -- Day, in the time zone
    "decided_at" Nullable(String),  -- When the payer first approved or denied
    "decision_days" Nullable(Float64),  -- From the request to the payer's first decision / From the last submission to the decision that followed it
    "denial_reason" Nullable(String),  -- While the claim is denied: reason codes (CARC) with their group, separated by commas, e.g. CO-197
    "denials" Nullable(Float64),  -- Claims denied within the day
    "deposit" Nullable(String),  -- Deposit part of the clearance
    "due_at" Nullable(String),  -- When it is due
    "due_date" Nullable(String),  -- When it is to be paid
    "invoice_key" Nullable(String),  -- Key of the invoice fact it is for
    "issued" Nullable(Float64),  -- Taken out within the day
    "lapsed" Nullable(UInt8),  -- Whether its period ended without a word of the payer
    "late_quantity" Nullable(Float64),  -- Of it, expected before the end
    "lead_days" Nullable(Float64),  -- From the booking to the planned start / From confirmation to receipt, mean of the receipts within the day
    "minimum" Nullable(Float64),  -- Reordering point as it is set now
    "minutes" Nullable(Float64),  -- Planned length; empty where no end is planned
    "minutes_completed" Nullable(Float64),  -- Of these, of completed visits
    "minutes_scheduled" Nullable(Float64),  -- Planned for the day
    "no_show" Nullable(UInt8),  -- Whether the patient did not come
    "no_shows" Nullable(Float64),  -- Of these, not come to
    "open_hours" Nullable(Float64),  -- From raised to closed; empty while it is open
    "open_quantity" Nullable(Float64),  -- Confirmed and not received at the end
    "open_replenishments" Nullable(Float64),  -- Orders drafted and not confirmed at the end; drafts cancelled since then are not counted
    "opened_at" Nullable(String),  -- When it was raised
    "orders" Nullable(Float64),  -- Orders confirmed within the day
    "overdue" Nullable(UInt8),  -- Whether it was closed after it was due; empty while it is open
    "patient_estimate" Nullable(String),  -- Probably paid by the patient
    "patient_responsibility" Nullable(String),  -- Left to the patient
    "patients" Nullable(Float64),  -- Patients the figures are about
    "patients_smallest" Nullable(Float64),  -- The count that decides about leaving out: own patients, or those of the smallest cell beside it, which could be computed from this one
    "payer" Nullable(String),  -- Code of the first payer / Payer code / Payer code, empty for self-pay / Payer code, empty for patients
    "payer_type" Nullable(String),  -- payer or patient
    "payments" Nullable(String),  -- Put to invoices of the day's payments
    "performed" Nullable(Float64),  -- Services performed within the day
    "performed_at" Nullable(String),  -- When it was performed
    "period_from" Nullable(String),  -- First day it is valid on
    "period_to" Nullable(String),  -- Last day it is valid on
    "planned" Nullable(Float64),  -- Quantity planned for the service
    "postal_code" Nullable(String),  -- Postal code; three digits at most
    "posting_days" Nullable(Float64),  -- From the payment date to the day it was recorded
    "product" Nullable(String),  -- Internal reference of the product
    "provider" Nullable(String),  -- Who is to perform it / Who performed it / Who performs
    "purpose" Nullable(String),  -- service, no_show, or patient_share left by a claim
    "quantity" Nullable(Float64),  -- Sum of charged quantities / Quantity used, in unit / On hand at the end / Charged quantities of these
    "quantity_moved" Nullable(Float64),  -- Taken out of stock, less what was returned
    "quantity_ordered" Nullable(Float64),  -- Confirmed within the day
    "quantity_received" Nullable(Float64),  -- Received within the day, less returns
    "receipts" Nullable(Float64),  -- Receipts within the day
    "received" Nullable(Float64),  -- Brought in within the day
    "refunds" Nullable(String),  -- Paid back within the day
    "remarks" Nullable(String),  -- Remark codes (RARC), separated by commas
    "requested_at" Nullable(String),  -- When it was asked for, as far as that was told
    "reserved" Nullable(Float64),  -- Reserved, empty for past days
    "resolution" Nullable(String),  -- How it ended
    "responsible" Nullable(String),  -- payer or patient
    "scheduled" Nullable(Float64),  -- Visits planned to start within the day
    "scrapped" Nullable(Float64),  -- Of what was taken out, scrapped
    "self_pay" Nullable(UInt8),  -- Whether the patient pays
    "service_key" Nullable(String),  -- Equal for the facts of one performed service: one that has charges of several service lines has a fact for each / Value of the same column in the facts of the service
    "services" Nullable(String),  -- Service codes, separated by commas / Service codes, separated by commas; empty: all / Charge codes, separated by commas
    "sex" Nullable(String),  -- Administrative sex
    "start" Nullable(String),  -- Planned start
    "state" Nullable(String),  -- State after what happened / State of payment once posted, before that the state of the document
    "submitted_at" Nullable(String),  -- Time of the last submission
    "supplies" Nullable(String),  -- Supplies part of the clearance
    "suppressed" Nullable(UInt8),  -- Whether the figures were left out: so few patients that they could tell of one
    "timezone" Nullable(String),  -- IANA name
    "told_hours" Nullable(Float64),  -- From when it was performed to when we were told
    "unit" Nullable(String),  -- Unit of measure
    "unit_cost" Nullable(String),  -- Of one unit, at the end
    "units" Nullable(Float64),  -- Units authorized
    "units_used" Nullable(Float64),  -- Units used by services performed
    "value" Nullable(String),  -- On hand at unit cost
    "vendor" Nullable(String),  -- Name of the vendor
    "wasted" Nullable(Float64),  -- Of the quantity, wasted
    "lineage_event" Nullable(String),  -- Id of the event it follows from
    "lineage_correlation" Nullable(String),  -- What all events of one course of business have in common
    "lineage_document" Nullable(String)  -- Document in Odoo: model and number
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
    if(length("sent_booked_at") > 4, parseDateTimeBestEffortOrNull("sent_booked_at"), NULL) AS "booked_at",
    toUInt16OrNull(substring("sent_booked_at", 1, 4)) AS "booked_year",
    "lead_days",
    "minutes",
    "provider",
    "self_pay",
    "no_show",
    "currency",
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
        "booked_at" AS "sent_booked_at",
        "lead_days",
        "minutes",
        "provider",
        "self_pay",
        "no_show",
        "currency",
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
    "services",
    toDateOrNull(substring("sent_period_from", 1, 10)) AS "period_from",
    toUInt16OrNull(substring("sent_period_from", 1, 4)) AS "period_from_year",
    toDateOrNull(substring("sent_period_to", 1, 10)) AS "period_to",
    toUInt16OrNull(substring("sent_period_to", 1, 4)) AS "period_to_year",
    if(length("sent_requested_at") > 4, parseDateTimeBestEffortOrNull("sent_requested_at"), NULL) AS "requested_at",
    toUInt16OrNull(substring("sent_requested_at", 1, 4)) AS "requested_year",
    if(length("sent_decided_at") > 4, parseDateTimeBestEffortOrNull("sent_decided_at"), NULL) AS "decided_at",
    toUInt16OrNull(substring("sent_decided_at", 1, 4)) AS "decided_year",
    "decision_days",
    "lapsed",
    "appointment_key",
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
        "services",
        "period_from" AS "sent_period_from",
        "period_to" AS "sent_period_to",
        "requested_at" AS "sent_requested_at",
        "decided_at" AS "sent_decided_at",
        "decision_days",
        "lapsed",
        "appointment_key",
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
    if(isNull("sent_amount_adjusted"), NULL, toDecimal64(ifNull("sent_amount_adjusted", '0'), 4)) AS "amount_adjusted",
    if(isNull("sent_amount_contractual"), NULL, toDecimal64(ifNull("sent_amount_contractual", '0'), 4)) AS "amount_contractual",
    if(isNull("sent_amount_denied"), NULL, toDecimal64(ifNull("sent_amount_denied", '0'), 4)) AS "amount_denied",
    "denial_reason",
    "adjustment_reasons",
    "remarks",
    if(length("sent_submitted_at") > 4, parseDateTimeBestEffortOrNull("sent_submitted_at"), NULL) AS "submitted_at",
    toUInt16OrNull(substring("sent_submitted_at", 1, 4)) AS "submitted_year",
    if(length("sent_adjudicated_at") > 4, parseDateTimeBestEffortOrNull("sent_adjudicated_at"), NULL) AS "adjudicated_at",
    toUInt16OrNull(substring("sent_adjudicated_at", 1, 4)) AS "adjudicated_year",
    "decision_days",
    "invoice_key",
    "currency",
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
        "amount_adjusted" AS "sent_amount_adjusted",
        "amount_contractual" AS "sent_amount_contractual",
        "amount_denied" AS "sent_amount_denied",
        "denial_reason",
        "adjustment_reasons",
        "remarks",
        "submitted_at" AS "sent_submitted_at",
        "adjudicated_at" AS "sent_adjudicated_at",
        "decision_days",
        "invoice_key",
        "currency",
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
    "quantity_moved",
    if(isNull("sent_cost_actual"), NULL, toDecimal64(ifNull("sent_cost_actual", '0'), 4)) AS "cost_actual",
    "service_key",
    "currency",
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
        "quantity_moved",
        "cost_actual" AS "sent_cost_actual",
        "service_key",
        "currency",
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
    if(length("sent_opened_at") > 4, parseDateTimeBestEffortOrNull("sent_opened_at"), NULL) AS "opened_at",
    toUInt16OrNull(substring("sent_opened_at", 1, 4)) AS "opened_year",
    if(length("sent_closed_at") > 4, parseDateTimeBestEffortOrNull("sent_closed_at"), NULL) AS "closed_at",
    toUInt16OrNull(substring("sent_closed_at", 1, 4)) AS "closed_year",
    if(length("sent_due_at") > 4, parseDateTimeBestEffortOrNull("sent_due_at"), NULL) AS "due_at",
    toUInt16OrNull(substring("sent_due_at", 1, 4)) AS "due_year",
    "open_hours",
    "overdue",
    "payer",
    "currency",
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
        "opened_at" AS "sent_opened_at",
        "closed_at" AS "sent_closed_at",
        "due_at" AS "sent_due_at",
        "open_hours",
        "overdue",
        "payer",
        "currency",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'exception'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_financial_summary;
CREATE VIEW healthcare_financial_summary AS
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
    "payer",
    toDateOrNull(substring("sent_day", 1, 10)) AS "day",
    toUInt16OrNull(substring("sent_day", 1, 4)) AS "day_year",
    "timezone",
    if(length("sent_covers_from") > 4, parseDateTimeBestEffortOrNull("sent_covers_from"), NULL) AS "covers_from",
    toUInt16OrNull(substring("sent_covers_from", 1, 4)) AS "covers_from_year",
    if(length("sent_covers_to") > 4, parseDateTimeBestEffortOrNull("sent_covers_to"), NULL) AS "covers_to",
    toUInt16OrNull(substring("sent_covers_to", 1, 4)) AS "covers_to_year",
    "complete",
    if(isNull("sent_charges"), NULL, toDecimal64(ifNull("sent_charges", '0'), 4)) AS "charges",
    if(isNull("sent_adjustments"), NULL, toDecimal64(ifNull("sent_adjustments", '0'), 4)) AS "adjustments",
    if(isNull("sent_credits"), NULL, toDecimal64(ifNull("sent_credits", '0'), 4)) AS "credits",
    if(isNull("sent_payments"), NULL, toDecimal64(ifNull("sent_payments", '0'), 4)) AS "payments",
    if(isNull("sent_refunds"), NULL, toDecimal64(ifNull("sent_refunds", '0'), 4)) AS "refunds",
    if(isNull("sent_ar_payer_0_30"), NULL, toDecimal64(ifNull("sent_ar_payer_0_30", '0'), 4)) AS "ar_payer_0_30",
    if(isNull("sent_ar_payer_31_60"), NULL, toDecimal64(ifNull("sent_ar_payer_31_60", '0'), 4)) AS "ar_payer_31_60",
    if(isNull("sent_ar_payer_61_90"), NULL, toDecimal64(ifNull("sent_ar_payer_61_90", '0'), 4)) AS "ar_payer_61_90",
    if(isNull("sent_ar_payer_91_120"), NULL, toDecimal64(ifNull("sent_ar_payer_91_120", '0'), 4)) AS "ar_payer_91_120",
    if(isNull("sent_ar_payer_121"), NULL, toDecimal64(ifNull("sent_ar_payer_121", '0'), 4)) AS "ar_payer_121",
    if(isNull("sent_ar_patient_0_30"), NULL, toDecimal64(ifNull("sent_ar_patient_0_30", '0'), 4)) AS "ar_patient_0_30",
    if(isNull("sent_ar_patient_31_60"), NULL, toDecimal64(ifNull("sent_ar_patient_31_60", '0'), 4)) AS "ar_patient_31_60",
    if(isNull("sent_ar_patient_61_90"), NULL, toDecimal64(ifNull("sent_ar_patient_61_90", '0'), 4)) AS "ar_patient_61_90",
    if(isNull("sent_ar_patient_91_120"), NULL, toDecimal64(ifNull("sent_ar_patient_91_120", '0'), 4)) AS "ar_patient_91_120",
    if(isNull("sent_ar_patient_121"), NULL, toDecimal64(ifNull("sent_ar_patient_121", '0'), 4)) AS "ar_patient_121",
    "denials",
    if(isNull("sent_amount_denied"), NULL, toDecimal64(ifNull("sent_amount_denied", '0'), 4)) AS "amount_denied",
    "patients",
    "patients_smallest",
    "suppressed",
    "currency",
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
        "payer",
        "day" AS "sent_day",
        "timezone",
        "covers_from" AS "sent_covers_from",
        "covers_to" AS "sent_covers_to",
        "complete",
        "charges" AS "sent_charges",
        "adjustments" AS "sent_adjustments",
        "credits" AS "sent_credits",
        "payments" AS "sent_payments",
        "refunds" AS "sent_refunds",
        "ar_payer_0_30" AS "sent_ar_payer_0_30",
        "ar_payer_31_60" AS "sent_ar_payer_31_60",
        "ar_payer_61_90" AS "sent_ar_payer_61_90",
        "ar_payer_91_120" AS "sent_ar_payer_91_120",
        "ar_payer_121" AS "sent_ar_payer_121",
        "ar_patient_0_30" AS "sent_ar_patient_0_30",
        "ar_patient_31_60" AS "sent_ar_patient_31_60",
        "ar_patient_61_90" AS "sent_ar_patient_61_90",
        "ar_patient_91_120" AS "sent_ar_patient_91_120",
        "ar_patient_121" AS "sent_ar_patient_121",
        "denials",
        "amount_denied" AS "sent_amount_denied",
        "patients",
        "patients_smallest",
        "suppressed",
        "currency",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'financial_summary'
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
    if(isNull("sent_amount_untaxed"), NULL, toDecimal64(ifNull("sent_amount_untaxed", '0'), 4)) AS "amount_untaxed",
    if(isNull("sent_amount_credited"), NULL, toDecimal64(ifNull("sent_amount_credited", '0'), 4)) AS "amount_credited",
    if(isNull("sent_amount_revenue"), NULL, toDecimal64(ifNull("sent_amount_revenue", '0'), 4)) AS "amount_revenue",
    toDateOrNull(substring("sent_due_date", 1, 10)) AS "due_date",
    toUInt16OrNull(substring("sent_due_date", 1, 4)) AS "due_year",
    "service_key",
    "claim_key",
    "purpose",
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
        "amount_untaxed" AS "sent_amount_untaxed",
        "amount_credited" AS "sent_amount_credited",
        "amount_revenue" AS "sent_amount_revenue",
        "due_date" AS "sent_due_date",
        "service_key",
        "claim_key",
        "purpose",
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
    "posting_days",
    "claim_key",
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
        "posting_days",
        "claim_key",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'payment'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_procurement;
CREATE VIEW healthcare_procurement AS
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
    "vendor",
    toDateOrNull(substring("sent_day", 1, 10)) AS "day",
    toUInt16OrNull(substring("sent_day", 1, 4)) AS "day_year",
    "timezone",
    if(length("sent_covers_from") > 4, parseDateTimeBestEffortOrNull("sent_covers_from"), NULL) AS "covers_from",
    toUInt16OrNull(substring("sent_covers_from", 1, 4)) AS "covers_from_year",
    if(length("sent_covers_to") > 4, parseDateTimeBestEffortOrNull("sent_covers_to"), NULL) AS "covers_to",
    toUInt16OrNull(substring("sent_covers_to", 1, 4)) AS "covers_to_year",
    "complete",
    "unit",
    "orders",
    "quantity_ordered",
    if(isNull("sent_amount_ordered"), NULL, toDecimal64(ifNull("sent_amount_ordered", '0'), 4)) AS "amount_ordered",
    "receipts",
    "quantity_received",
    "lead_days",
    "open_quantity",
    "late_quantity",
    "open_replenishments",
    "currency",
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
        "vendor",
        "day" AS "sent_day",
        "timezone",
        "covers_from" AS "sent_covers_from",
        "covers_to" AS "sent_covers_to",
        "complete",
        "unit",
        "orders",
        "quantity_ordered",
        "amount_ordered" AS "sent_amount_ordered",
        "receipts",
        "quantity_received",
        "lead_days",
        "open_quantity",
        "late_quantity",
        "open_replenishments",
        "currency",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'procurement'
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
    "coverage_status",
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
        "coverage_status",
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
    if(isNull("sent_amount_revenue"), NULL, toDecimal64(ifNull("sent_amount_revenue", '0'), 4)) AS "amount_revenue",
    "service_key",
    "appointment_key",
    "provider",
    "told_hours",
    "currency",
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
        "amount_revenue" AS "sent_amount_revenue",
        "service_key",
        "appointment_key",
        "provider",
        "told_hours",
        "currency",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'service'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_stock_level;
CREATE VIEW healthcare_stock_level AS
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
    toDateOrNull(substring("sent_day", 1, 10)) AS "day",
    toUInt16OrNull(substring("sent_day", 1, 4)) AS "day_year",
    "timezone",
    if(length("sent_covers_from") > 4, parseDateTimeBestEffortOrNull("sent_covers_from"), NULL) AS "covers_from",
    toUInt16OrNull(substring("sent_covers_from", 1, 4)) AS "covers_from_year",
    if(length("sent_covers_to") > 4, parseDateTimeBestEffortOrNull("sent_covers_to"), NULL) AS "covers_to",
    toUInt16OrNull(substring("sent_covers_to", 1, 4)) AS "covers_to_year",
    "complete",
    "unit",
    "quantity",
    "received",
    "issued",
    "adjusted",
    "scrapped",
    "reserved",
    "minimum",
    if(isNull("sent_unit_cost"), NULL, toDecimal64(ifNull("sent_unit_cost", '0'), 4)) AS "unit_cost",
    if(isNull("sent_value"), NULL, toDecimal64(ifNull("sent_value", '0'), 4)) AS "value",
    "currency",
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
        "day" AS "sent_day",
        "timezone",
        "covers_from" AS "sent_covers_from",
        "covers_to" AS "sent_covers_to",
        "complete",
        "unit",
        "quantity",
        "received",
        "issued",
        "adjusted",
        "scrapped",
        "reserved",
        "minimum",
        "unit_cost" AS "sent_unit_cost",
        "value" AS "sent_value",
        "currency",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'stock_level'
) AS latest
WHERE "operation" = 'upsert';

DROP TABLE IF EXISTS healthcare_utilization;
CREATE VIEW healthcare_utilization AS
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
    "provider",
    toDateOrNull(substring("sent_day", 1, 10)) AS "day",
    toUInt16OrNull(substring("sent_day", 1, 4)) AS "day_year",
    "timezone",
    if(length("sent_covers_from") > 4, parseDateTimeBestEffortOrNull("sent_covers_from"), NULL) AS "covers_from",
    toUInt16OrNull(substring("sent_covers_from", 1, 4)) AS "covers_from_year",
    if(length("sent_covers_to") > 4, parseDateTimeBestEffortOrNull("sent_covers_to"), NULL) AS "covers_to",
    toUInt16OrNull(substring("sent_covers_to", 1, 4)) AS "covers_to_year",
    "complete",
    "booked",
    "scheduled",
    "completed",
    "cancelled",
    "no_shows",
    "minutes_scheduled",
    "minutes_completed",
    "performed",
    "quantity",
    "patients",
    "patients_smallest",
    "suppressed",
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
        "provider",
        "day" AS "sent_day",
        "timezone",
        "covers_from" AS "sent_covers_from",
        "covers_to" AS "sent_covers_to",
        "complete",
        "booked",
        "scheduled",
        "completed",
        "cancelled",
        "no_shows",
        "minutes_scheduled",
        "minutes_completed",
        "performed",
        "quantity",
        "patients",
        "patients_smallest",
        "suppressed",
        "lineage_event",
        "lineage_correlation",
        "lineage_document",
        "operation"
    FROM healthcare_facts FINAL
    WHERE "fact_type" = 'utilization'
) AS latest
WHERE "operation" = 'upsert';
