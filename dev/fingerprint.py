"""A summary of all business documents that does not depend on the order of events.

Numbers that Odoo draws (invoice names, record ids) are left out: documents are named
by what the sender called the things they are about.
"""

import json

_PATIENTS = """
SELECT i.value AS patient, p.name, p.healthcare_birth_date AS born, p.street,
       p.phone, p.healthcare_account_number AS account, p.active,
       (SELECT json_agg(json_build_array(y.healthcare_payer_code, c.member_id,
                c.priority, c.status, c.active) ORDER BY c.priority, c.member_id)
          FROM healthcare_coverage c JOIN res_partner y ON y.id = c.payer_id
         WHERE c.patient_id = p.id) AS coverages
  FROM res_partner p JOIN healthcare_patient_identifier i ON i.partner_id = p.id
 WHERE p.healthcare_is_patient ORDER BY 1"""

# Odoo keeps lines of confirmed orders, with a quantity of zero when nothing is planned,
# and what an order was about when it was cancelled interests nobody either.
# Whether a visit that does not take place was cleared interests nobody.
_APPOINTMENTS = """
SELECT a.identifier AS appointment, a.state, a.start,
       CASE WHEN a.state NOT IN ('cancelled', 'no_show') THEN json_build_array(
           a.clearance, a.coverage_state, a.authorization_state, a.supplies_state,
           coalesce(a.billing_hold, FALSE)) END AS clearance, o.state AS order_state,
       (SELECT json_agg(json_build_array(p.default_code, l.product_uom_qty,
                l.price_unit) ORDER BY p.default_code)
          FROM sale_order_line l JOIN product_product p ON p.id = l.product_id
         WHERE l.order_id = o.id AND o.state != 'cancel'
           AND l.product_uom_qty != 0) AS lines
  FROM healthcare_appointment a LEFT JOIN sale_order o ON o.id = a.order_id
 ORDER BY 1"""

# What was cancelled is left out: a cancellation that comes first reserves nothing.
_SUPPLIES = """
SELECT coalesce(a.identifier, b.identifier) AS appointment, p.default_code AS supply,
       CASE WHEN m.state = 'partially_available' THEN 'confirmed' ELSE m.state END
         AS state, sum(m.product_uom_qty) AS quantity
  FROM stock_move m JOIN stock_picking k ON k.id = m.picking_id
  JOIN product_product p ON p.id = m.product_id
  LEFT JOIN healthcare_appointment a ON a.id = k.healthcare_appointment_id
  LEFT JOIN healthcare_completion c ON c.id = k.healthcare_completion_id
  LEFT JOIN healthcare_appointment b ON b.id = c.appointment_id
 WHERE m.state != 'cancel'
   AND (k.healthcare_appointment_id IS NOT NULL
        OR k.healthcare_completion_id IS NOT NULL)
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""

_PURCHASES = """
SELECT p.default_code AS supply, sum(l.product_qty) AS quantity
  FROM purchase_order_line l JOIN product_product p ON p.id = l.product_id
  JOIN purchase_order o ON o.id = l.order_id
 WHERE o.state != 'cancel'
   AND p.id IN (SELECT product_id FROM healthcare_service_supply)
 GROUP BY 1 ORDER BY 1"""

_STOCK = """
SELECT p.default_code AS supply, w.code AS warehouse, sum(q.quantity) AS on_hand
  FROM stock_quant q JOIN product_product p ON p.id = q.product_id
  JOIN stock_warehouse w ON w.lot_stock_id = q.location_id
 WHERE p.id IN (SELECT product_id FROM healthcare_service_supply)
 GROUP BY 1, 2 ORDER BY 1, 2"""

_INVOICES = """
SELECT c.identifier AS service, y.name AS partner, m.healthcare_responsible AS side,
       m.state, m.invoice_date AS date, m.amount_total AS total,
       m.amount_residual AS residual, m.payment_state,
       (SELECT json_agg(json_build_array(p.default_code, l.quantity, l.price_unit,
                l.analytic_distribution) ORDER BY p.default_code)
          FROM account_move_line l JOIN product_product p ON p.id = l.product_id
         WHERE l.move_id = m.id AND l.display_type = 'product') AS lines
  FROM account_move m JOIN healthcare_completion c
    ON c.id = m.healthcare_completion_id
  JOIN res_partner y ON y.id = m.partner_id ORDER BY 1, 3, 7"""

_PAYMENTS = """
SELECT a.healthcare_payment_ref AS payment, a.amount, a.date, a.state,
       y.name AS partner,
       (SELECT json_agg(DISTINCT c.identifier) FROM account_move_line l
          JOIN account_partial_reconcile r ON r.credit_move_id = l.id
          JOIN account_move_line d ON d.id = r.debit_move_id
          JOIN account_move i ON i.id = d.move_id
          JOIN healthcare_completion c ON c.id = i.healthcare_completion_id
         WHERE l.move_id = a.move_id) AS services
  FROM account_payment a LEFT JOIN res_partner y ON y.id = a.partner_id
 WHERE a.healthcare_payment_key IS NOT NULL ORDER BY 1"""

# Two events that miss the same thing are one trouble: which of them came first and
# holds the other back depends on the order of arrival.
_EXCEPTIONS = """
SELECT DISTINCT x.category,
       coalesce(a.identifier, x.cause_key, e.subject, 'unreadable') AS about
  FROM healthcare_exception x
  LEFT JOIN healthcare_appointment a ON a.id = x.appointment_id
  LEFT JOIN healthcare_event e ON e.id = x.event_id
 WHERE x.state IN ('open', 'assigned') ORDER BY 1, 2"""

_EVENTS = """
SELECT external_id AS event, state = 'done' AS done FROM healthcare_event
 WHERE rejected IS NOT TRUE ORDER BY 1"""

QUERIES = {
    "patients": _PATIENTS,
    "appointments": _APPOINTMENTS,
    "supplies": _SUPPLIES,
    "purchases": _PURCHASES,
    "stock": _STOCK,
    "invoices": _INVOICES,
    "payments": _PAYMENTS,
    "exceptions": _EXCEPTIONS,
    "events": _EVENTS,
}


def rows(dev, database, query):
    """Run a query; returns a list of dicts."""
    query = f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) q"
    [[text]] = dev.cluster.psql(database, query)
    return json.loads(text)


def fingerprint(dev, database):
    """Return ``{what: [row]}`` for every kind of document, see the queries."""
    return {name: rows(dev, database, query) for name, query in QUERIES.items()}


def differences(one, other):
    """Return where two fingerprints differ, as lines to read."""
    lines = []
    for name in QUERIES:
        left, right = ({json.dumps(row) for row in fp[name]} for fp in (one, other))
        lines += [f"- {name} {row}" for row in sorted(left - right)]
        lines += [f"+ {name} {row}" for row in sorted(right - left)]
        if left == right and one[name] != other[name]:
            lines.append(f"! {name}: the same rows, not as often")
    return lines
