-- Key figures from the views of tables.sql, one query each, per facility or service
-- line, for ClickHouse from 18.16 on. They need no dates of patients: they work with
-- facts of a safe-harbor target, too. Figures that were left out because they are of too
-- few patients count as none.

-- days_in_ar: For how many days of charges money is still owed: what payers and
-- patients owe at the end of the last day, by the average charges of a day in 90 days.
SELECT facility, round(owed / a_day, 1) AS days_in_ar
FROM (
    SELECT facility, sum(
        ifNull(toFloat64(ar_payer_0_30), 0) + ifNull(toFloat64(ar_payer_31_60), 0)
        + ifNull(toFloat64(ar_payer_61_90), 0) + ifNull(toFloat64(ar_payer_91_120), 0)
        + ifNull(toFloat64(ar_payer_121), 0) + ifNull(toFloat64(ar_patient_0_30), 0)
        + ifNull(toFloat64(ar_patient_31_60), 0) + ifNull(toFloat64(ar_patient_61_90), 0)
        + ifNull(toFloat64(ar_patient_91_120), 0) + ifNull(toFloat64(ar_patient_121), 0)
    ) AS owed
    FROM healthcare_financial_summary
    WHERE day = (SELECT max(day) FROM healthcare_financial_summary)
    GROUP BY facility
) AS owing ALL INNER JOIN (
    SELECT facility, sum(ifNull(toFloat64(charges), 0)) / 90 AS a_day
    FROM healthcare_financial_summary
    WHERE day > (SELECT max(day) - 90 FROM healthcare_financial_summary)
    GROUP BY facility
) AS charging USING facility
WHERE a_day > 0 ORDER BY facility;

-- clean_claim_rate: Share of decided claims that were paid at the first decision: told
-- of no more than twice, as submitted and as adjudicated.
SELECT facility,
    round(100 * countIf(state = 'adjudicated' AND sequence <= 2) / count(), 1)
        AS clean_claim_rate
FROM healthcare_claim WHERE state IN ('adjudicated', 'denied')
GROUP BY facility ORDER BY facility;

-- denial_rate: Share of decided claims that stand denied, and what they ask for.
SELECT facility,
    round(100 * countIf(state = 'denied') / count(), 1) AS denial_rate,
    sum(if(state = 'denied', ifNull(toFloat64(amount_denied), 0), 0)) AS amount_denied
FROM healthcare_claim WHERE state IN ('adjudicated', 'denied')
GROUP BY facility ORDER BY facility;

-- net_collection_rate: Of what payers allow (charged, less what is written off), how
-- much was paid, by payers and by patients for their share.
SELECT facility, round(100 * sum(paid) / sum(allowed), 1) AS net_collection_rate
FROM (
    SELECT facility,
        ifNull(toFloat64(amount_charged), 0) - ifNull(toFloat64(amount_adjusted), 0)
            AS allowed,
        ifNull(toFloat64(amount_paid), 0) AS paid
    FROM healthcare_claim WHERE state = 'adjudicated'
    UNION ALL
    SELECT facility, toFloat64(0) AS allowed,
        ifNull(toFloat64(amount_total), 0) - ifNull(toFloat64(amount_residual), 0)
            AS paid
    FROM healthcare_invoice
    WHERE purpose = 'patient_share' AND state NOT IN ('draft', 'cancel')
)
GROUP BY facility HAVING sum(allowed) > 0 ORDER BY facility;

-- no_show_rate: Of visits that were completed or not come to, the share not come to.
SELECT facility,
    round(100 * countIf(state = 'no_show') / count(), 1) AS no_show_rate
FROM healthcare_appointment WHERE state IN ('completed', 'no_show')
GROUP BY facility ORDER BY facility;

-- authorization_turnaround: Days from asking a payer for permission to its first word.
SELECT facility, payer, count() AS decided, round(avg(decision_days), 2) AS days
FROM healthcare_authorization WHERE isNotNull(decision_days)
GROUP BY facility, payer ORDER BY facility, payer;

-- supply_cost_per_case: What the supplies of one performed service cost.
SELECT service_line, uniqExact(service_key) AS cases,
    round(sum(ifNull(toFloat64(ifNull(cost_actual, cost)), 0))
        / uniqExact(service_key), 2) AS cost_per_case
FROM healthcare_consumable_usage
GROUP BY service_line ORDER BY service_line;

-- service_line_margin: Revenue posted, less what payers' decisions wrote off, less
-- supplies at cost.
SELECT service_line, sum(earned) AS revenue, sum(adjusted) AS adjustments,
    sum(spent) AS supplies, sum(earned - adjusted - spent) AS margin
FROM (
    SELECT service_line,
        ifNull(toFloat64(ifNull(amount_revenue, amount_charged)), 0) AS earned,
        toFloat64(0) AS adjusted, toFloat64(0) AS spent
    FROM healthcare_service
    UNION ALL
    SELECT service_line, toFloat64(0) AS earned,
        ifNull(toFloat64(amount_adjusted), 0) AS adjusted, toFloat64(0) AS spent
    FROM healthcare_claim WHERE state = 'adjudicated'
    UNION ALL
    SELECT service_line, toFloat64(0) AS earned, toFloat64(0) AS adjusted,
        ifNull(toFloat64(ifNull(cost_actual, cost)), 0) AS spent
    FROM healthcare_consumable_usage
)
GROUP BY service_line ORDER BY service_line;

-- throughput: Visits booked, planned and completed, and services performed, a day.
SELECT day, facility, sum(booked) AS visits_booked, sum(scheduled) AS visits_planned,
    sum(completed) AS visits_completed, sum(performed) AS services
FROM healthcare_utilization GROUP BY day, facility ORDER BY day, facility;

-- charge_lag: Hours from performing a service to charging it: it is charged when we
-- are told.
SELECT facility, count() AS services, round(avg(told_hours), 1) AS hours
FROM healthcare_service WHERE isNotNull(told_hours)
GROUP BY facility ORDER BY facility;
