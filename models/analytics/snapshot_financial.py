"""Money of a day and what is owed at its end, by service line and payer."""

from odoo import api, models

from ...core.facts.snapshots import BUCKETS
from ..erp.values import money

# The service line of an invoice is that of its service's first charge, as in its
# facts; a patient's share and a credit note are of the line of what they follow from.
_BILLS = """
WITH bill AS (
    SELECT m.id, m.move_type, m.state, m.invoice_date, m.commercial_partner_id,
        m.healthcare_patient_id AS patient_id,
        coalesce(m.healthcare_facility_id, origin.healthcare_facility_id)
            AS facility_id,
        p.healthcare_payer_code AS payer,
        coalesce(m.healthcare_responsible, origin.healthcare_responsible) AS side,
        (SELECT s.service_line_id FROM healthcare_completion_line l
            JOIN healthcare_service s ON s.id = l.service_id
            WHERE l.completion_id = coalesce(
                m.healthcare_completion_id, origin.healthcare_completion_id,
                claimed.healthcare_completion_id)
            ORDER BY l.id LIMIT 1) AS line_id
    FROM account_move m
    LEFT JOIN account_move origin ON origin.id = m.reversed_entry_id
    LEFT JOIN healthcare_claim c ON c.id = coalesce(
        m.healthcare_claim_id, origin.healthcare_claim_id)
    LEFT JOIN account_move claimed ON claimed.id = c.move_id
    LEFT JOIN res_partner p ON p.id = m.partner_id
    WHERE m.state = 'posted' AND m.move_type IN ('out_invoice', 'out_refund')
    AND coalesce(m.healthcare_facility_id, origin.healthcare_facility_id)
        = ANY(%(facilities)s)
    AND m.invoice_date <= %(day)s
)
"""
_CHARGES = (
    _BILLS
    + """
SELECT b.facility_id, b.line_id, b.payer,
    CASE b.move_type WHEN 'out_invoice' THEN 'charges' ELSE 'credits' END,
    sum(CASE b.move_type WHEN 'out_invoice' THEN -l.balance ELSE l.balance END),
    array_agg(DISTINCT b.patient_id)
FROM bill b JOIN account_move_line l ON l.move_id = b.id
JOIN account_account a ON a.id = l.account_id
WHERE b.invoice_date = %(day)s AND a.account_type IN ('income', 'income_other')
GROUP BY 1, 2, 3, 4
"""  # nosec B608 # constants
)
_ADJUSTMENTS = (
    _BILLS
    + """
SELECT b.facility_id, b.line_id, b.payer, 'adjustments', sum(l.balance),
    array_agg(DISTINCT b.patient_id)
FROM account_move e
JOIN healthcare_claim c ON c.id = e.healthcare_claim_id
JOIN bill b ON b.id = c.move_id
JOIN account_move_line l ON l.move_id = e.id
JOIN account_account a ON a.id = l.account_id
WHERE e.move_type = 'entry' AND e.state = 'posted' AND e.date = %(day)s
AND (a.account_type LIKE 'income%%' OR a.account_type LIKE 'expense%%')
GROUP BY 1, 2, 3
"""  # nosec B608 # constants
)
_PAYMENTS = (
    _BILLS
    + """
SELECT b.facility_id, b.line_id, b.payer, 'payments', sum(r.amount),
    array_agg(DISTINCT b.patient_id)
FROM bill b JOIN account_move_line d ON d.move_id = b.id
JOIN account_partial_reconcile r ON r.debit_move_id = d.id
JOIN account_move_line k ON k.id = r.credit_move_id
JOIN account_payment p ON p.move_id = k.move_id
WHERE p.date = %(day)s
GROUP BY 1, 2, 3
"""  # nosec B608 # constants
)
_REFUNDS = """
SELECT p.healthcare_facility_id, NULL::int, r.healthcare_payer_code, 'refunds',
    sum(abs(m.amount_total_signed)),
    array_agg(DISTINCT CASE WHEN r.healthcare_is_patient THEN r.id END)
FROM account_payment p JOIN account_move m ON m.id = p.move_id
LEFT JOIN res_partner r ON r.id = p.partner_id
WHERE p.payment_type = 'outbound' AND p.partner_type = 'customer'
AND p.state IN ('in_process', 'paid') AND p.date = %(day)s
AND p.healthcare_facility_id = ANY(%(facilities)s)
GROUP BY 1, 2, 3
"""
_AGES = "\n".join(
    f"WHEN %(day)s - coalesce(l.date_maturity, b.invoice_date) >= {first} THEN '{name}'"
    for name, first in reversed(BUCKETS)
    if first is not None
)
_OWED = (
    _BILLS
    + f""", open AS (
    SELECT b.*, CASE {_AGES} ELSE '{BUCKETS[0][0]}' END AS bucket,
        l.balance
        - coalesce((SELECT sum(r.amount) FROM account_partial_reconcile r
            WHERE r.debit_move_id = l.id AND r.max_date <= %(day)s), 0)
        + coalesce((SELECT sum(r.amount) FROM account_partial_reconcile r
            WHERE r.credit_move_id = l.id AND r.max_date <= %(day)s), 0) AS amount
    FROM bill b JOIN account_move_line l ON l.move_id = b.id
    JOIN account_account a ON a.id = l.account_id
    WHERE a.account_type = 'asset_receivable'
)
SELECT facility_id, line_id, payer,
    'ar_' || CASE side WHEN 'patient' THEN 'patient' ELSE 'payer' END || '_' || bucket,
    sum(amount), array_agg(DISTINCT patient_id)
FROM open WHERE abs(amount) >= 0.005
GROUP BY 1, 2, 3, 4
"""  # nosec B608 # constants
)
# The mark of a decision is level/time/rank/id.
_DENIALS = (
    _BILLS
    + """
SELECT c.facility_id, b.line_id, p.healthcare_payer_code, kind.measure,
    sum(kind.figure), array_agg(DISTINCT c.patient_id)
FROM healthcare_claim c
LEFT JOIN bill b ON b.id = c.move_id
LEFT JOIN res_partner p ON p.id = c.payer_id
CROSS JOIN LATERAL (VALUES ('denials', 1), ('amount_denied', c.charged))
    kind (measure, figure)
WHERE c.facility_id = ANY(%(facilities)s) AND c.state = 'denied'
AND split_part(c.decided_mark, '/', 2)::timestamp >= %(start)s
AND split_part(c.decided_mark, '/', 2)::timestamp < %(end)s
GROUP BY 1, 2, 3, 4
"""  # nosec B608 # constants
)
AMOUNTS = (
    "charges",
    "adjustments",
    "credits",
    "payments",
    "refunds",
    *(f"ar_{side}_{name}" for side in ("payer", "patient") for name, _first in BUCKETS),
    "amount_denied",
)


class HealthcareSnapshot(models.AbstractModel):
    _inherit = "healthcare.snapshot"

    @api.model
    def _rows_financial_summary(self, facilities, window):
        """Return the rows of payers and service lines with money on the day."""
        cells = self._cells(
            (_CHARGES, _ADJUSTMENTS, _PAYMENTS, _REFUNDS, _OWED, _DENIALS),
            {
                "facilities": facilities.ids,
                "day": window.day,
                "start": window.start,
                "end": window.end,
            },
        )
        smallest = self._smallest(cells)
        return {
            (facility_id, line_id, payer): {
                "payer": payer,
                **{name: money(float(figures.get(name, 0))) for name in AMOUNTS},
                "denials": int(figures.get("denials", 0)),
                "patients": len(patients),
                "patients_smallest": smallest[facility_id, line_id, payer],
                "suppressed": False,
                "currency": self.env.company.currency_id.name,
            }
            for (facility_id, line_id, payer), (figures, patients) in cells.items()
        }
