"""What a feed came to: counts from the database, faults, and a table to read."""

from .expectation import expected
from .fingerprint import rows

_EVENTS = """
SELECT coalesce(t.code, '(unreadable)') AS type, e.state, count(*) AS n
  FROM healthcare_event e LEFT JOIN healthcare_event_type t ON t.id = e.type_id
 GROUP BY 1, 2, t.rank ORDER BY t.rank, 1, 2"""

_DOCUMENTS = """
SELECT 'Patients' AS kind, '' AS state, count(*) AS n, NULL::numeric AS amount
  FROM res_partner WHERE healthcare_is_patient AND active
UNION ALL SELECT 'Coverages', '', count(*), NULL FROM healthcare_coverage WHERE active
UNION ALL SELECT 'Appointments', state, count(*), NULL
  FROM healthcare_appointment GROUP BY 2
UNION ALL SELECT 'Service orders', state, count(*), sum(amount_total)
  FROM sale_order WHERE healthcare_appointment_id IS NOT NULL GROUP BY 2
UNION ALL SELECT 'Authorizations', state, count(*), NULL
  FROM healthcare_authorization GROUP BY 2
UNION ALL SELECT 'Supply transfers', state, count(*), NULL FROM stock_picking
  WHERE healthcare_appointment_id IS NOT NULL OR healthcare_completion_id IS NOT NULL
  GROUP BY 2
UNION ALL SELECT 'Purchase orders', p.state, count(DISTINCT p.id),
    sum(l.price_subtotal)
  FROM purchase_order p JOIN purchase_order_line l ON l.order_id = p.id
  WHERE l.product_id IN (SELECT product_id FROM healthcare_service_supply) GROUP BY 2
UNION ALL SELECT 'Completed services', '', count(*), NULL FROM healthcare_completion
UNION ALL SELECT 'Invoices', CASE state WHEN 'posted' THEN payment_state ELSE state END,
    count(*), sum(amount_total)
  FROM account_move WHERE healthcare_completion_id IS NOT NULL
    AND move_type = 'out_invoice' GROUP BY 2
UNION ALL SELECT 'Payments', state, count(*), sum(amount)
  FROM account_payment WHERE healthcare_payment_key IS NOT NULL GROUP BY 2"""

_EXCEPTIONS = """
SELECT category, state, count(*) AS n, sum(amount_at_risk)
       FILTER (WHERE state IN ('open', 'assigned')) AS amount
  FROM healthcare_exception GROUP BY 1, 2 ORDER BY 1, 2"""

_FACTS = """
SELECT f.fact_type AS type, CASE WHEN d.waits THEN 'pending'
           WHEN d.lacks THEN 'failed' WHEN f.routed THEN 'delivered'
           ELSE 'recorded' END AS state, count(*) AS n
  FROM healthcare_fact f LEFT JOIN (
    SELECT fact_id, bool_or(state = 'pending') AS waits,
           bool_or(state IN ('failed', 'given_up')) AS lacks
      FROM healthcare_delivery GROUP BY fact_id) d ON d.fact_id = f.id
 GROUP BY 1, 2 ORDER BY 1, 2"""

_PROCESSED = """
SELECT round(1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)) AS p50,
       round(1000 * percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)) AS p95
  FROM (SELECT extract(epoch FROM processed_at - received_at) AS seconds
          FROM healthcare_event WHERE processed_at IS NOT NULL) e"""

_FIRST_FACTS = """
SELECT f.fact_id, extract(epoch FROM e.received_at AT TIME ZONE 'UTC') AS received
  FROM healthcare_fact f JOIN healthcare_event e ON e.id = f.event_id
 WHERE f.id = (SELECT min(o.id) FROM healthcare_fact o WHERE o.event_id = e.id)"""

# Each row is a fault: what is wrong, of how many.
_FAULTS = """
SELECT 'events still to be processed' AS what, count(*) AS n FROM healthcare_event
 WHERE state IN ('received', 'processing', 'retrying')
UNION ALL SELECT 'events done without a document', count(*) FROM healthcare_event e
 WHERE state = 'done'
   AND NOT EXISTS (SELECT 1 FROM healthcare_document_link WHERE event_id = e.id)
   AND NOT EXISTS (SELECT 1 FROM healthcare_sync_log
                    WHERE event_id = e.id AND outcome = 'stale')
UNION ALL SELECT 'events in exception without an open exception', count(*)
  FROM healthcare_event e WHERE state = 'exception' AND NOT EXISTS (
    SELECT 1 FROM healthcare_exception
     WHERE event_id = e.id AND state IN ('open', 'assigned'))
UNION ALL SELECT 'events waiting behind nothing', count(*) FROM healthcare_event e
 WHERE state = 'waiting' AND NOT EXISTS (
    SELECT 1 FROM healthcare_event b
     WHERE b.subject = coalesce(e.blocked_on, e.subject) AND b.id != e.id
       AND b.state NOT IN ('done', 'dead', 'discarded')
       AND (e.blocked_on IS NOT NULL
            OR (b.occurred_at, b.id) < (e.occurred_at, e.id)))
UNION ALL SELECT 'events ended without a recorded decision', count(*)
  FROM healthcare_event e WHERE state IN ('dead', 'discarded') AND NOT EXISTS (
    SELECT 1 FROM healthcare_sync_log
     WHERE event_id = e.id AND operation = 'decision')
UNION ALL SELECT 'facts not delivered', count(DISTINCT fact_id)
  FROM healthcare_delivery WHERE state IN ('pending', 'failed', 'given_up')"""


def collect(dev, database, sent=None, receiver=None):
    """Read what there is.

    :param sent: :class:`~.play.Sent`; with it, receipts and what must exist are known
    :param receiver: :class:`~.receiver.Receiver` that took the facts
    :return: dict that :func:`print_table` and :func:`verdict` read; all JSON
    """

    def query(sql):
        return rows(dev, database, sql)

    report = {
        "events": query(_EVENTS),
        "documents": query(_DOCUMENTS),
        "exceptions": query(_EXCEPTIONS),
        "facts": query(_FACTS),
        "faults": {row["what"]: row["n"] for row in query(_FAULTS) if row["n"]},
        "latency_ms": {"processed": query(_PROCESSED)[0]},
    }
    if sent:
        report["receipts"] = {
            status: sent.count(status)
            for status in ("accepted", "duplicate", "rejected")
        }
        report["retries"] = sent.retries
        report["expected"] = expected(sent.events)
        report["found"] = _found(dev, database)
        report["lost"] = _lost(dev, database, sent)
        report["latency_ms"]["answered"] = _percentiles(sent.latencies)
        report["seconds"] = round(sent.seconds, 2)
    if receiver:
        report["receiver"] = receiver.summary()
        arrived = receiver.arrived()
        # what was told before there was a target is on its way to nobody
        bound = "SELECT fact_id FROM healthcare_fact WHERE routed"
        ids = [row["fact_id"] for row in query(bound)]
        report["receiver"]["missing"] = sum(one not in arrived for one in ids)
        report["receiver"]["unknown"] = len(arrived.keys() - set(ids))
        report["latency_ms"]["delivered"] = _percentiles(
            [
                arrived[row["fact_id"]] - float(row["received"])
                for row in query(_FIRST_FACTS)
                if row["fact_id"] in arrived
            ]
        )
    return report


def _percentiles(seconds):
    """Return ``{p50, p95}`` in whole milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    places = {"p50": 0.5, "p95": 0.95}
    return {
        name: round(1000 * ordered[min(int(len(ordered) * part), len(ordered) - 1)])
        for name, part in places.items()
    }


def _lost(dev, database, sent):
    """Return how many events were receipted and are not in the store."""
    told = {
        receipt["event"]
        for _event, receipt in sent.receipts
        if receipt["status"] != "rejected" and receipt.get("event")
    }
    stored = rows(dev, database, "SELECT uuid FROM healthcare_event")
    return len(told - {row["uuid"] for row in stored})


def _found(dev, database):
    """Return what :func:`~.expectation.expected` predicts, as it is."""
    query = """
SELECT json_build_object(
  'patients', (SELECT count(*) FROM res_partner WHERE healthcare_is_patient),
  'coverages', (SELECT count(*) FROM healthcare_coverage),
  'appointments', (SELECT json_object_agg(state, n) FROM (
      SELECT state, count(*) AS n FROM healthcare_appointment GROUP BY 1) a),
  'invoices', (SELECT count(*) FROM account_move
      WHERE healthcare_completion_id IS NOT NULL AND state = 'posted'),
  'invoiced', (SELECT coalesce(sum(amount_total), 0)::numeric(12, 2)::text
      FROM account_move
      WHERE healthcare_completion_id IS NOT NULL AND state = 'posted'),
  'payments', (SELECT count(*) FROM account_payment
      WHERE healthcare_payment_key IS NOT NULL),
  'paid', (SELECT coalesce(sum(amount_total - amount_residual), 0)
        ::numeric(12, 2)::text FROM account_move
      WHERE healthcare_completion_id IS NOT NULL AND state = 'posted'),
  'shortages', (SELECT count(DISTINCT appointment_id) FROM healthcare_exception
      WHERE category = 'stock_shortage' AND state IN ('open', 'assigned')),
  'purchased', (SELECT json_object_agg(code, n) FROM (
      SELECT p.default_code AS code, sum(l.product_qty)::integer AS n
        FROM purchase_order_line l JOIN product_product p ON p.id = l.product_id
        JOIN purchase_order o ON o.id = l.order_id
       WHERE o.state != 'cancel' AND p.id IN (
         SELECT product_id FROM healthcare_service_supply) GROUP BY 1) b),
  'exceptions', (SELECT json_object_agg(category, n) FROM (
      SELECT category, count(DISTINCT coalesce(cause_key, fingerprint)) AS n
        FROM healthcare_exception WHERE state IN ('open', 'assigned')
       GROUP BY 1) c)) AS found"""
    [row] = rows(dev, database, query)
    return row["found"]


def verdict(report):
    """Return what is wrong, one sentence each: lost, doubled or undelivered."""
    problems = [f"{n} {what}" for what, n in report["faults"].items()]
    if report.get("lost"):
        problems.append(f"{report['lost']} accepted events are not in the store")
    wanted, found = report.get("expected", {}), report.get("found", {})
    for name in found:
        if (found[name] or {}) != (wanted[name] or {}):
            problems.append(f"{name}: {found[name]} instead of {wanted[name]}")
    if wanted:
        receipts = report["receipts"]
        if sum(receipts.values()) != sum(wanted[status] for status in receipts):
            problems.append("an event has no receipt")
        # a request sent again after a lost answer turns accepted into duplicate
        if receipts["accepted"] != wanted["accepted"] and not report["retries"]:
            problems.append(
                f"{receipts['accepted']} accepted instead of {wanted['accepted']}"
            )
    taken = report.get("receiver", {})
    for name, words in (
        ("missing", "facts did not reach the receiver"),
        ("unknown", "facts at the receiver that nobody sent"),
        ("doubled", "facts arrived twice"),
        ("unordered", "facts arrived after a later one"),
        ("gaps", "keys have a gap in their sequence"),
        ("changed", "batches were resent with another content"),
    ):
        count = taken.get(name, 0)
        count = count if isinstance(count, int) else len(count)
        if count:
            problems.append(f"{count} {words}")
    return problems


# -- the table ------------------------------------------------------------------


def print_table(report):
    """Print what happened, for people."""
    print()
    if receipts := report.get("receipts"):
        _line("Sent", ", ".join(f"{n} {status}" for status, n in receipts.items()))
    _title("Events by type")
    for kind, states in _grouped(report["events"], "type"):
        _line(kind, _states(states))
    _title("Documents")
    for kind, states in _grouped(report["documents"], "kind"):
        if any(row["n"] for row in states):
            _line(kind, _states(states), _amount(states))
    _title("Exceptions")
    for kind, states in _grouped(report["exceptions"], "category"):
        _line(kind, _states(states), _amount(states, "at risk"))
    if not report["exceptions"]:
        print("  none")
    _title("Facts")
    for kind, states in _grouped(report["facts"], "type"):
        _line(kind, _states(states))
    if taken := report.get("receiver"):
        words = (f"{taken[n]} {n}" for n in ("facts", "batches", "repeats", "refusals"))
        _line("at the receiver", ", ".join(words))
    _title("Latency from the vendor's call (ms)")
    for name, values in report["latency_ms"].items():
        words = ", ".join(f"{part} {value}" for part, value in sorted(values.items()))
        _line(f"to {name}", words or "unknown")
    print()


def _grouped(found, name):
    groups = {}
    for row in found:
        groups.setdefault(row[name], []).append(row)
    return groups.items()


def _states(found):
    return ", ".join(f"{row['n']} {row['state']}".strip() for row in found)


def _amount(found, words=""):
    amounts = [float(row["amount"]) for row in found if row["amount"] is not None]
    return f"{sum(amounts):,.2f} {words}".strip() if any(amounts) else ""


def _title(text):
    print(f"\n{text}")


def _line(name, text, more=""):
    tail = f"   {more}" if more else ""
    print(f"  {name:<28} {text}{tail}")
