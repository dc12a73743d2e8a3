"""What two outcomes of the same events are compared by, and what must never be."""

from ..dev import fingerprint

# What else must be the same, beyond the demo feed's fingerprint. Documents that were
# reversed or cancelled and what reversed them are left out: what comes late and stale
# was never booked. Their effect on accounts is not: it must be none.
QUERIES = {
    **{
        name: query
        for name, query in fingerprint.QUERIES.items()
        if name not in ("payments", "exceptions", "events", "invoices")
    },
    "coverages": """
SELECT p.name AS patient, y.healthcare_payer_code AS payer, c.member_id, c.priority,
       c.status, c.copay, c.authorization_required, c.verified_at
  FROM healthcare_coverage c JOIN res_partner p ON p.id = c.patient_id
  JOIN res_partner y ON y.id = c.payer_id WHERE c.active ORDER BY 1, 2, 3""",
    "guarantors": """
SELECT p.name AS patient, g.name AS guarantor FROM res_partner p
  JOIN res_partner g ON g.id = p.healthcare_guarantor_id ORDER BY 1, 2""",
    "identifiers": """
SELECT i.value, p.name AS patient, i.retired FROM healthcare_patient_identifier i
  JOIN res_partner p ON p.id = i.partner_id ORDER BY 1, 2""",
    "authorizations": """
SELECT z.number, z.key, z.state, z.units, z.date_from, z.date_to, p.name AS patient,
       a.identifier AS appointment, y.healthcare_payer_code AS payer
  FROM healthcare_authorization z LEFT JOIN res_partner p ON p.id = z.patient_id
  LEFT JOIN healthcare_appointment a ON a.id = z.appointment_id
  LEFT JOIN res_partner y ON y.id = z.payer_id ORDER BY 1, 2""",
    "orders": """
SELECT p.name AS patient, o.state, o.invoice_status, a.identifier AS appointment,
       f.code AS facility, CASE WHEN o.state != 'cancel' THEN
       (SELECT json_agg(json_build_array(s.name, l.product_uom_qty, l.qty_delivered,
                l.qty_invoiced, l.analytic_distribution) ORDER BY l.name)
          FROM sale_order_line l JOIN product_product d ON d.id = l.product_id
          JOIN product_template s ON s.id = d.product_tmpl_id
         WHERE l.order_id = o.id
           AND (l.product_uom_qty, l.qty_delivered) != (0, 0))::text END AS lines
  FROM sale_order o JOIN res_partner p ON p.id = o.partner_id
  JOIN healthcare_facility f ON f.id = o.healthcare_facility_id
  LEFT JOIN healthcare_appointment a ON a.id = o.healthcare_appointment_id
 ORDER BY 1, 4, 2""",
    "reserved": """
SELECT d.default_code AS supply, w.code AS warehouse,
       sum(q.reserved_quantity) AS reserved
  FROM stock_quant q JOIN product_product d ON d.id = q.product_id
  JOIN stock_warehouse w ON w.lot_stock_id = q.location_id
 WHERE d.default_code LIKE 'T-%' GROUP BY 1, 2 ORDER BY 1, 2""",
    "reservations": """
SELECT coalesce(a.identifier, c.identifier) AS owner, d.default_code AS supply,
       w.code AS warehouse, sum(m.quantity) AS quantity
  FROM stock_move m JOIN stock_picking k ON k.id = m.picking_id
  JOIN product_product d ON d.id = m.product_id
  JOIN stock_warehouse w ON w.lot_stock_id = m.location_id
  LEFT JOIN healthcare_appointment a ON a.id = k.healthcare_appointment_id
  LEFT JOIN healthcare_completion c ON c.id = k.healthcare_completion_id
 WHERE m.state != 'cancel' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "completions": """
SELECT c.identifier AS service, p.name AS patient, y.healthcare_payer_code AS payer,
       a.identifier AS appointment, c.amount_total, f.code AS facility
  FROM healthcare_completion c JOIN res_partner p ON p.id = c.patient_id
  JOIN healthcare_facility f ON f.id = c.facility_id
  LEFT JOIN res_partner y ON y.id = c.payer_id
  LEFT JOIN healthcare_appointment a ON a.id = c.appointment_id ORDER BY 1""",
    "invoices": """
SELECT c.identifier AS service, p.name AS patient, y.name AS partner,
       m.healthcare_responsible AS side, m.state, m.amount_total, m.amount_residual,
       m.payment_state, q.identifier AS claim
  FROM account_move m JOIN res_partner y ON y.id = m.partner_id
  JOIN res_partner p ON p.id = m.healthcare_patient_id
  LEFT JOIN healthcare_completion c ON c.id = m.healthcare_completion_id
  LEFT JOIN healthcare_claim q ON q.id = m.healthcare_claim_id
 WHERE m.move_type = 'out_invoice' AND m.state != 'cancel'
   AND m.payment_state != 'reversed' ORDER BY 1, 4, 6""",
    "payments": """
SELECT y.name AS partner, a.amount, q.identifier AS claim,
       (SELECT json_agg(DISTINCT coalesce(c.identifier, i.id::text))
          FROM account_move_line l
          JOIN account_partial_reconcile r ON r.credit_move_id = l.id
          JOIN account_move_line d ON d.id = r.debit_move_id
          JOIN account_move i ON i.id = d.move_id
          JOIN healthcare_completion c ON c.id = i.healthcare_completion_id
         WHERE l.move_id = a.move_id) AS services
  FROM account_payment a JOIN res_partner y ON y.id = a.partner_id
  LEFT JOIN healthcare_claim q ON q.id = a.healthcare_claim_id
 WHERE a.state IN ('in_process', 'paid')
   AND (a.healthcare_payment_key IS NOT NULL OR a.healthcare_claim_id IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM account_move v WHERE v.reversed_entry_id = a.move_id)
 ORDER BY 1, 2""",
    "claims": """
SELECT q.identifier AS claim, q.state, q.decision, q.charged, q.paid,
       q.patient_responsibility, p.name AS patient, c.identifier AS service,
       (SELECT json_agg(json_build_array(j.group, j.reason, j.amount)
                ORDER BY j.group, j.reason)
          FROM healthcare_claim_adjustment j WHERE j.claim_id = q.id) AS adjustments
  FROM healthcare_claim q LEFT JOIN res_partner p ON p.id = q.patient_id
  LEFT JOIN account_move m ON m.id = q.move_id
  LEFT JOIN healthcare_completion c ON c.id = m.healthcare_completion_id ORDER BY 1""",
    "balances": """
SELECT l.account_id, y.name AS partner, sum(l.balance) AS balance
  FROM account_move_line l LEFT JOIN res_partner y ON y.id = l.partner_id
 WHERE l.parent_state = 'posted' GROUP BY 1, 2 HAVING sum(l.balance) != 0
 ORDER BY 1, 2""",
    "analytics": """
SELECT l.account_id, l.name, sum(l.amount) AS amount
  FROM account_analytic_line l WHERE l.move_line_id IS NOT NULL
 GROUP BY 1, 2 HAVING sum(l.amount) != 0 ORDER BY 1, 2""",
    # Two events that miss the same thing are one trouble, see dev/fingerprint.py.
    "exceptions": """
SELECT DISTINCT x.category,
       CASE WHEN x.category = 'duplicate_patient' THEN p.healthcare_birth_date::text
            WHEN x.cause_key ~ '^(paid|stock-service|completion)/' THEN p.name
            ELSE coalesce(a.identifier, x.cause_key, e.subject) END AS about,
       CASE WHEN x.blocks_event THEN NULL ELSE x.amount_at_risk END AS amount
  FROM healthcare_exception x
  LEFT JOIN healthcare_appointment a ON a.id = x.appointment_id
  LEFT JOIN healthcare_event e ON e.id = x.event_id
  LEFT JOIN res_partner p ON p.id = x.patient_id
 WHERE x.state IN ('open', 'assigned') ORDER BY 1, 2, 3""",
    # Of two events that say the same, either may be the one that counted.
    "events": """
SELECT split_part(external_id, '~', 1) AS event, state = 'done' AS done, count(*)
  FROM healthcare_event WHERE rejected IS NOT TRUE GROUP BY 1, 2 ORDER BY 1, 2""",
}

# What must never be: each query names what is wrong.
INVARIANTS = {
    "debits and credits differ": """
SELECT m.id FROM account_move_line l JOIN account_move m ON m.id = l.move_id
 WHERE m.state = 'posted' GROUP BY m.id HAVING sum(l.balance) != 0""",
    "less than nothing on hand": """
SELECT d.default_code, q.quantity FROM stock_quant q
  JOIN product_product d ON d.id = q.product_id
  JOIN stock_location l ON l.id = q.location_id
 WHERE d.default_code LIKE 'T-%' AND l.usage = 'internal'
   AND (q.quantity < 0 OR q.reserved_quantity > q.quantity
        OR q.reserved_quantity < 0)""",
    "reserved otherwise than moves say": """
SELECT p.default_code, coalesce(r.quantity, 0) AS quants,
       coalesce(w.quantity, 0) AS moves
  FROM product_product p
  LEFT JOIN (SELECT q.product_id, sum(q.reserved_quantity) AS quantity
               FROM stock_quant q JOIN stock_location l ON l.id = q.location_id
              WHERE l.usage = 'internal' GROUP BY 1) r ON r.product_id = p.id
  LEFT JOIN (SELECT m.product_id, sum(m.quantity) AS quantity FROM stock_move m
               JOIN stock_location l ON l.id = m.location_id
              WHERE l.usage = 'internal'
                AND m.state IN ('assigned', 'partially_available') GROUP BY 1) w
    ON w.product_id = p.id
 WHERE p.default_code LIKE 'T-%'
   AND coalesce(r.quantity, 0) != coalesce(w.quantity, 0)""",
    "a service billed twice": """
SELECT c.identifier FROM account_move m
  JOIN healthcare_completion c ON c.id = m.healthcare_completion_id
 WHERE m.move_type = 'out_invoice' AND m.state != 'cancel'
   AND m.payment_state != 'reversed'
 GROUP BY 1, m.healthcare_responsible HAVING count(*) > 1""",
    "billed otherwise than performed": """
SELECT c.identifier, c.amount_total AS performed, b.billed
  FROM healthcare_completion c
  LEFT JOIN LATERAL (
       SELECT sum(-l.balance) AS billed FROM account_move_line l
         JOIN account_move m ON m.id = l.move_id
         JOIN healthcare_completion o ON o.id = m.healthcare_completion_id
        WHERE o.key = c.key AND m.state = 'posted' AND l.product_id IS NOT NULL
       ) b ON TRUE
 WHERE c.superseded IS NOT TRUE AND c.amount_total != coalesce(b.billed, 0)""",
    "reserved for a visit that is off": """
SELECT a.identifier FROM healthcare_appointment a
  JOIN stock_picking k ON k.healthcare_appointment_id = a.id
  JOIN stock_move m ON m.picking_id = k.id
 WHERE a.state IN ('cancelled', 'no_show') AND m.state NOT IN ('cancel', 'done')""",
    "an order goes on though its visit is off": """
SELECT a.identifier FROM healthcare_appointment a
  JOIN sale_order o ON o.id = a.order_id
 WHERE a.state IN ('cancelled', 'no_show') AND o.state != 'cancel'""",
    "an event that nobody sees": """
SELECT v.external_id, v.state FROM healthcare_event v
 WHERE v.rejected IS NOT TRUE AND v.state NOT IN ('done', 'discarded')
   AND NOT (v.state = 'exception' AND EXISTS (
            SELECT 1 FROM healthcare_exception x WHERE x.event_id = v.id
               AND x.blocks_event AND x.state IN ('open', 'assigned')))
   AND NOT (v.state = 'waiting' AND EXISTS (
            SELECT 1 FROM healthcare_event b WHERE b.id != v.id
               AND b.subject = coalesce(v.blocked_on, v.subject)
               AND b.state IN ('exception', 'waiting')))""",
    "an exception of an event that is done": """
SELECT v.external_id, x.category FROM healthcare_exception x
  JOIN healthcare_event v ON v.id = x.event_id
 WHERE x.blocks_event AND x.state IN ('open', 'assigned') AND v.state = 'done'""",
    "the last fact of an invoice differs from the books": """
SELECT m.name, f.columns FROM account_move m
  LEFT JOIN LATERAL (SELECT columns FROM healthcare_fact
                      WHERE key = 'invoice:' || m.id
                      ORDER BY sequence DESC LIMIT 1) f ON TRUE
 WHERE m.healthcare_patient_id IS NOT NULL AND m.move_type = 'out_invoice'
   AND m.state = 'posted'
   AND (f.columns IS NULL
        OR (f.columns->>'amount_residual')::numeric != m.amount_residual
        OR f.columns->>'state' != m.payment_state)""",
    "the last fact of a visit differs from it": """
SELECT a.identifier, a.state, a.clearance, f.columns FROM healthcare_appointment a
  LEFT JOIN LATERAL (SELECT columns FROM healthcare_fact
                      WHERE key = 'appointment:' || a.id
                      ORDER BY sequence DESC LIMIT 1) f ON TRUE
 WHERE f.columns IS NULL OR f.columns->>'state' != a.state
    OR f.columns->>'clearance' != a.clearance
    OR f.columns->>'supplies' != a.supplies_state""",
    "the last fact of a claim differs from it": """
SELECT q.identifier, q.state, f.columns FROM healthcare_claim q
  LEFT JOIN LATERAL (SELECT columns FROM healthcare_fact
                      WHERE key = 'claim:' || q.id
                      ORDER BY sequence DESC LIMIT 1) f ON TRUE
 WHERE f.columns IS NULL OR f.columns->>'state' != q.state""",
}
