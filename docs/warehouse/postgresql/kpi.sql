-- Key figures from the views of tables.sql, one query each, per facility or service
-- line. They need no dates of patients: they work with facts of a safe-harbor target,
-- too. Figures that were left out because they are of too few patients count as none.

-- days_in_ar: For how many days of charges money is still owed: what payers and
-- patients owe at the end of the last day, by the average charges of a day in 90 days.
WITH last AS (
    SELECT max(day) AS day FROM healthcare_financial_summary
), owed AS (
    SELECT facility, sum(
        coalesce(ar_payer_0_30, 0) + coalesce(ar_payer_31_60, 0)
        + coalesce(ar_payer_61_90, 0) + coalesce(ar_payer_91_120, 0)
        + coalesce(ar_payer_121, 0) + coalesce(ar_patient_0_30, 0)
        + coalesce(ar_patient_31_60, 0) + coalesce(ar_patient_61_90, 0)
        + coalesce(ar_patient_91_120, 0) + coalesce(ar_patient_121, 0)) AS amount
    FROM healthcare_financial_summary JOIN last USING (day) GROUP BY facility
), charged AS (
    SELECT facility, sum(charges) / 90.0 AS a_day
    FROM healthcare_financial_summary s JOIN last ON s.day > last.day - 90
    GROUP BY facility
)
SELECT facility, round(amount / nullif(a_day, 0), 1) AS days_in_ar
FROM owed JOIN charged USING (facility) ORDER BY facility;

-- clean_claim_rate: Share of decided claims that were paid at the first decision: told
-- of no more than twice, as submitted and as adjudicated.
SELECT facility,
    round(100.0 * count(*) FILTER (WHERE state = 'adjudicated' AND sequence <= 2)
        / count(*), 1) AS clean_claim_rate
FROM healthcare_claim WHERE state IN ('adjudicated', 'denied')
GROUP BY facility ORDER BY facility;

-- denial_rate: Share of decided claims that stand denied, and what they ask for.
SELECT facility,
    round(100.0 * count(*) FILTER (WHERE state = 'denied') / count(*), 1)
        AS denial_rate,
    coalesce(sum(amount_denied) FILTER (WHERE state = 'denied'), 0) AS amount_denied
FROM healthcare_claim WHERE state IN ('adjudicated', 'denied')
GROUP BY facility ORDER BY facility;

-- net_collection_rate: Of what payers allow (charged, less what is written off), how
-- much was paid, by payers and by patients for their share.
WITH allowed AS (
    SELECT facility, sum(amount_charged - coalesce(amount_adjusted, 0)) AS amount,
        sum(coalesce(amount_paid, 0)) AS by_payers
    FROM healthcare_claim WHERE state = 'adjudicated' GROUP BY facility
), shares AS (
    SELECT facility, sum(amount_total - amount_residual) AS by_patients
    FROM healthcare_invoice
    WHERE purpose = 'patient_share' AND state NOT IN ('draft', 'cancel')
    GROUP BY facility
)
SELECT facility,
    round(100.0 * (by_payers + coalesce(by_patients, 0)) / nullif(amount, 0), 1)
        AS net_collection_rate
FROM allowed LEFT JOIN shares USING (facility) ORDER BY facility;

-- no_show_rate: Of visits that were completed or not come to, the share not come to.
SELECT facility,
    round(100.0 * count(*) FILTER (WHERE state = 'no_show') / count(*), 1)
        AS no_show_rate
FROM healthcare_appointment WHERE state IN ('completed', 'no_show')
GROUP BY facility ORDER BY facility;

-- authorization_turnaround: Days from asking a payer for permission to its first word.
SELECT facility, payer, count(*) AS decided,
    round(avg(decision_days)::numeric, 2) AS days
FROM healthcare_authorization WHERE decision_days IS NOT NULL
GROUP BY facility, payer ORDER BY facility, payer;

-- supply_cost_per_case: What the supplies of one performed service cost.
SELECT service_line, count(DISTINCT service_key) AS cases,
    round(sum(coalesce(cost_actual, cost)) / count(DISTINCT service_key), 2)
        AS cost_per_case
FROM healthcare_consumable_usage
GROUP BY service_line ORDER BY service_line;

-- service_line_margin: Revenue posted, less what payers' decisions wrote off, less
-- supplies at cost.
SELECT service_line, sum(revenue) AS revenue, sum(adjusted) AS adjustments,
    sum(cost) AS supplies, sum(revenue - adjusted - cost) AS margin
FROM (
    SELECT service_line, coalesce(amount_revenue, amount_charged) AS revenue,
        0::numeric AS adjusted, 0::numeric AS cost
    FROM healthcare_service
    UNION ALL
    SELECT service_line, 0, coalesce(amount_adjusted, 0), 0
    FROM healthcare_claim WHERE state = 'adjudicated'
    UNION ALL
    SELECT service_line, 0, 0, coalesce(cost_actual, cost)
    FROM healthcare_consumable_usage
) parts
GROUP BY service_line ORDER BY service_line;

-- throughput: Visits booked, planned and completed, and services performed, a day.
SELECT day, facility, sum(booked) AS booked, sum(scheduled) AS planned,
    sum(completed) AS completed, sum(performed) AS services
FROM healthcare_utilization GROUP BY day, facility ORDER BY day, facility;

-- charge_lag: Hours from performing a service to charging it: it is charged when we
-- are told.
SELECT facility, count(*) AS services, round(avg(told_hours)::numeric, 1) AS hours
FROM healthcare_service WHERE told_hours IS NOT NULL
GROUP BY facility ORDER BY facility;
