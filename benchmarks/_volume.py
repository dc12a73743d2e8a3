"""A year of a provider's data, made by PostgreSQL itself.

Rows are as the connector leaves them, payloads apart: bodies are noise of a usual size
that no key opens. :func:`fill` makes, per 1,000,000 events: 50,000 open exceptions that
hold their events back, 200,000 closed ones, 10,000 events that wait, 2,000,000 facts
with the batches that delivered them, 1,100,000 lines of log, 200,000 visits of 100,000
patients, and the tallies of all that. What is worked on at the moment does not grow
with it: 400 events to be claimed, 2,000 facts to be delivered.
"""

READY = 400  # events to be claimed
PENDING = 2000  # facts to be delivered
BATCH = 500  # facts delivered together
#: from here on it is quicker to make indexes afterwards
MANY = 200_000

#: the columns of facts; of each document ``n`` a first (``i`` is odd) and a last one
VALUES = {
    "registration": """jsonb_build_object('sex', 'female', 'country', 'US',
        'payer', 'VOLUME', 'coverages', 1, 'coverage_status', 'active')""",
    "appointment": """jsonb_build_object('state', CASE mod(i, 2) WHEN 1 THEN 'booked'
            ELSE (ARRAY['completed', 'completed', 'cancelled', 'no_show'])
                [1 + mod(n / 9, 4)] END,
        'services', 'CONSULT', 'clearance', 'cleared', 'coverage', 'verified',
        'authorization', 'not_required', 'supplies', 'reserved', 'billing_hold', false,
        'amount_expected', '120.00', 'minutes', 30, 'self_pay', false)""",
    "authorization": """jsonb_build_object('payer', 'VOLUME', 'units', 3,
        'state', CASE mod(i, 2) WHEN 1 THEN 'requested' ELSE 'approved' END)""",
    "service": """jsonb_build_object('services', 'CONSULT', 'quantity', 1,
        'payer', 'VOLUME', 'amount_charged', (100 + mod(n, 400)) || '.00',
        'amount_revenue', (100 + mod(n, 400)) || '.00', 'service_key', 'service:' || -n,
        'told_hours', 1.5, 'currency', 'USD')""",
    "consumable_usage": """jsonb_build_object('product', 'GLOVE', 'quantity', 2,
        'planned', 2, 'wasted', 0, 'unit', 'Units', 'cost', mod(n, 40) || '.50',
        'quantity_moved', 2, 'cost_actual', mod(n, 40) || '.50', 'currency', 'USD')""",
    "invoice": """jsonb_build_object('state', CASE WHEN mod(i, 2) = 1
            OR n > %(facts)s * 0.45 OR mod(n, 30) = 5 THEN 'not_paid' ELSE 'paid' END,
        'responsible', CASE mod(n, 4) WHEN 1 THEN 'patient' ELSE 'payer' END,
        'payer', 'VOLUME', 'currency', 'USD', 'amount_total', (100 + mod(n, 400))::text,
        'amount_residual', CASE WHEN mod(i, 2) = 1 OR n > %(facts)s * 0.45
            OR mod(n, 30) = 5 THEN (100 + mod(n, 400)) ELSE 0 END || '.00',
        'amount_untaxed', (100 + mod(n, 400)) || '.00')""",
    "payment": """jsonb_build_object('state', 'paid', 'payer_type', 'payer',
        'payer', 'VOLUME', 'currency', 'USD',
        'amount', (100 + mod(n, 400)) || '.00')""",
    "claim": """jsonb_build_object('state', CASE WHEN mod(i, 2) = 1 THEN 'submitted'
            WHEN mod(n / 9, 8) = 1 THEN 'denied' ELSE 'adjudicated' END,
        'payer', 'VOLUME', 'amount_charged', (100 + mod(n, 400)) || '.00',
        'amount_paid', (60 + mod(n, 300)) || '.00', 'patient_responsibility', '20.00',
        'amount_adjusted', (20 + mod(n, 100)) || '.00', 'remarks', null,
        'invoice_key', 'invoice:' || -n, 'currency', 'USD')""",
    "exception": """jsonb_build_object('category', 'missing_payer', 'currency', 'USD',
        'state', CASE mod(i, 2) WHEN 1 THEN 'open' ELSE 'resolved' END,
        'amount_at_risk', '120.00')""",
}

#: (of what, statement), in order; each runs once, with the names of :func:`fill`
STATEMENTS = (
    (
        "known",
        """
        CREATE TEMP TABLE known ON COMMIT DROP AS SELECT
            (SELECT array_agg(id ORDER BY id) FROM healthcare_source) AS sources,
            (SELECT array_agg(id ORDER BY id) FROM healthcare_facility) AS facilities,
            (SELECT array_agg(id ORDER BY rank) FROM healthcare_event_type) AS types,
            (SELECT array_agg(id ORDER BY id) FROM healthcare_service_line) AS lines,
            (SELECT array_agg(id ORDER BY id) FROM res_partner
                WHERE healthcare_payer_code IS NOT NULL) AS payers,
            (SELECT array_agg(id ORDER BY id) FROM res_users
                WHERE login IN ('operator', 'finance', 'phi_reader')) AS owners,
            (SELECT id FROM res_company ORDER BY id LIMIT 1) AS company,
            (SELECT currency_id FROM res_company ORDER BY id LIMIT 1) AS currency,
            (SELECT max(id) FROM healthcare_target) AS target,
            (SELECT coalesce(max(id), 0) FROM healthcare_event) AS event,
            (SELECT coalesce(max(id), 0) FROM healthcare_fact) AS fact,
            (SELECT coalesce(max(id), 0) FROM healthcare_appointment) AS visit,
            (SELECT coalesce(max(id), 0) FROM healthcare_delivery_batch) AS batch,
            (SELECT coalesce(max(id), 0) FROM res_partner) AS patient,
            now() AT TIME ZONE 'UTC' AS now
        """,
    ),
    (
        "res_partner",
        """
        INSERT INTO res_partner (id, name, complete_name, active, type, lang,
            autopost_bills, group_rfq, group_on, healthcare_is_patient,
            healthcare_reference, healthcare_birth_date, healthcare_match_family,
            healthcare_match_given, create_date, write_date)
        SELECT k.patient + i, 'Volume ' || i, 'Volume ' || i, true, 'contact', 'en_US',
            'ask', 'default', 'default', true, 'V' || i,
            date '1940-01-01' + mod(i * 37, 25000), 'fam' || mod(i, 5000),
            'giv' || mod(i, 977), k.now, k.now
        FROM generate_series(1, %(patients)s) i, known k
        """,
    ),
    (
        "healthcare_patient_identifier",
        """
        INSERT INTO healthcare_patient_identifier (partner_id, system, value, subject,
            sequence)
        SELECT k.patient + i, 'urn:volume', 'V' || i,
            'patient/' || substr(md5('p' || i), 1, 24), 1
        FROM generate_series(1, %(patients)s) i, known k
        """,
    ),
    (
        "healthcare_coverage",
        """
        INSERT INTO healthcare_coverage (patient_id, payer_id, member_id, member_key,
            priority, status, active, currency_id)
        SELECT k.patient + i, k.payers[1 + mod(i, cardinality(k.payers))], 'M' || i,
            'patient/' || substr(md5('m' || i), 1, 24), 1, 'active', true, k.currency
        FROM generate_series(1, %(patients)s) i, known k
        """,
    ),
    (
        "healthcare_appointment",
        """
        INSERT INTO healthcare_appointment (id, source_id, facility_id, company_id,
            patient_id, identifier, subject, state, clearance, coverage_state,
            authorization_state, supplies_state, start, known_at, create_date)
        SELECT k.visit + i, k.sources[1 + mod(i, cardinality(k.sources))],
            k.facilities[1 + mod(i, cardinality(k.facilities))], k.company,
            k.patient + 1 + mod(i, %(patients)s), 'V' || i,
            'appointment/' || substr(md5('s' || i), 1, 24),
            CASE WHEN i > %(visits)s * 0.97
                THEN (ARRAY['booked', 'confirmed'])[1 + mod(i, 2)]
                ELSE (ARRAY['done', 'done', 'cancelled', 'no_show'])[1 + mod(i, 4)]
            END,
            (ARRAY['cleared', 'cleared', 'pending', 'blocked'])[1 + mod(i, 4)],
            'verified', 'not_required', 'reserved',
            k.now - interval '353 days'
                + interval '365 days' * (i / %(visits)s::float), k.now, k.now
        FROM generate_series(1, %(visits)s) i, known k
        """,
    ),
    (
        "healthcare_facility_patient_rel",
        """
        INSERT INTO healthcare_facility_patient_rel (facility_id, partner_id)
        SELECT DISTINCT a.facility_id, a.patient_id
        FROM healthcare_appointment a, known k WHERE a.id > k.visit
        """,
    ),
    (
        "healthcare_event",
        """
        INSERT INTO healthcare_event (id, uuid, source_id, external_id, type_id,
            schema_version, facility_id, subject, partition, state, attempts,
            run_after, correlation_id, occurred_at, received_at, processed_at, digest,
            body, body_size, create_date)
        SELECT k.event + i, gen_random_uuid(),
            k.sources[1 + t.kind * cardinality(k.sources) / cardinality(k.types)],
            'volume-' || i, k.types[1 + t.kind], '1.0',
            k.facilities[1 + mod(i / 3, cardinality(k.facilities))],
            'appointment/' || substr(md5('s' || i / 5), 1, 24), mod(i / 5, 64),
            CASE WHEN i > %(events)s - %(ready)s THEN 'received'
                WHEN mod(i, 20) = 0 THEN 'exception'
                WHEN mod(i, 100) = 1 THEN 'waiting'
                WHEN mod(i, 400) = 7 THEN 'retrying'
                WHEN mod(i, 200) = 3 THEN 'discarded' ELSE 'done' END,
            CASE WHEN i > %(events)s - %(ready)s THEN 0 ELSE 1 END,
            CASE WHEN mod(i, 400) = 7 THEN k.now + interval '1 hour' END,
            'c-' || i / 5, t.received - interval '1 minute', t.received,
            CASE WHEN mod(i, 20) != 0 AND mod(i, 100) != 1
                THEN t.received + interval '1 second' * (1 + mod(i, 7)) END,
            md5('d' || i),
            decode(repeat(md5('b' || i), 40), 'hex'), 640, t.received
        FROM generate_series(1, %(events)s) i, known k, LATERAL (
            SELECT k.now - interval '365 days'
                * ((%(events)s - i) / %(events)s::float) AS received,
            mod(abs(hashint4(i)::bigint), cardinality(k.types))::int AS kind) t
        """,
    ),
    (
        "healthcare_exception",
        """
        INSERT INTO healthcare_exception (event_id, source_id, type_id, facility_id,
            company_id, patient_id, payer_id, appointment_id, currency_id, user_id,
            name, category, state, fingerprint, cause_key, reason, amount_at_risk,
            blocks_event, deadline, opened_at, resolved_at, resolution, create_date,
            write_date)
        SELECT e.id, e.source_id, e.type_id, e.facility_id, k.company,
            k.patient + 1 + mod(i, %(patients)s),
            k.payers[1 + mod(i, cardinality(k.payers))],
            CASE WHEN mod(i, 3) = 0 THEN k.visit + 1 + mod(i, %(visits)s) END,
            k.currency, k.owners[1 + mod(i / 20, cardinality(k.owners))],
            'VOL/' || i, x.category,
            CASE WHEN e.state != 'exception'
                THEN (ARRAY['resolved', 'resolved', 'resolved',
                    'waived'])[1 + mod(i, 4)]
                WHEN mod(i, 3) = 0 THEN 'assigned' ELSE 'open' END,
            'event/' || e.id,
            CASE x.category
                WHEN 'missing_dependency'
                    THEN 'patient/' || substr(md5('x' || i), 1, 24)
                WHEN 'missing_payer' THEN 'payer/VOLUME-' || mod(i / 200, 200)
                WHEN 'unmapped_code' THEN 'service/VOLUME-' || mod(i / 200, 300)
                WHEN 'stock_shortage' THEN 'supply/VOLUME-' || mod(i / 200, 50) END,
            'The code VOLUME-' || mod(i / 200, 200) || ' is not known.',
            CASE WHEN mod(i, 3) = 0 THEN mod(i, 900) + 50 ELSE 0 END,
            e.state = 'exception',
            e.received_at + interval '1 hour' * (8 + mod(i, 90)), e.received_at,
            CASE WHEN e.state != 'exception'
                THEN e.received_at + interval '5 hours' END,
            CASE WHEN e.state != 'exception' THEN 'cause_gone' END,
            e.received_at, e.received_at
        FROM known k, healthcare_event e, LATERAL (
            SELECT (e.id - k.event)::int AS i) n, LATERAL (
            SELECT (ARRAY['missing_dependency', 'missing_dependency',
                'missing_dependency', 'missing_dependency', 'missing_dependency',
                'missing_payer', 'unmapped_code', 'authorization_gap',
                'payment_mismatch', 'stock_shortage'])[1 + mod(i / 20, 10)]
                AS category) x
        WHERE e.id > k.event AND (e.state = 'exception' OR mod(i, 5) = 2)
            AND e.state IN ('exception', 'done')
        """,
    ),
    (
        "healthcare_exception_cause",
        """
        WITH made AS (
            INSERT INTO healthcare_exception_cause (name, category, key, company_id,
                state, opened_at, user_id)
            SELECT min(reason), category, coalesce(substring(cause_key from
                '^(?:payer|service|supply)/.*'), 'from/' || source_id || '/'
                    || facility_id),
                company_id, 'open', min(opened_at), min(user_id)
            FROM healthcare_exception
            WHERE state IN ('open', 'assigned') AND cause_id IS NULL
            GROUP BY 2, 3, 4 ON CONFLICT DO NOTHING RETURNING *)
        UPDATE healthcare_exception x SET cause_id = made.id FROM made
        WHERE x.category = made.category AND x.company_id = made.company_id
            AND x.state IN ('open', 'assigned') AND x.cause_id IS NULL
            AND coalesce(substring(x.cause_key from '^(?:payer|service|supply)/.*'),
                'from/' || x.source_id || '/' || x.facility_id) = made.key
        """,
    ),
    (
        "healthcare_sync_log",
        """
        INSERT INTO healthcare_sync_log (event_id, source_id, facility_id, operation,
            outcome, category, attempt, batch_size, message, date, duration_ms)
        SELECT e.id, e.source_id, e.facility_id, 'process',
            CASE e.state WHEN 'exception' THEN 'parked'
                WHEN 'waiting' THEN 'waiting' WHEN 'retrying' THEN 'retry'
                ELSE 'done' END,
            CASE WHEN e.state = 'exception' THEN 'missing_payer' END, turn, 400, NULL,
            e.received_at, 1500
        FROM known k, healthcare_event e,
            generate_series(1, CASE WHEN mod(e.id, 10) = 0 THEN 2 ELSE 1 END) turn
        WHERE e.id > k.event AND e.state != 'received'
        """,
    ),
    (
        "healthcare_document_link",
        """
        INSERT INTO healthcare_document_link (event_id, res_model, res_id)
        SELECT e.id, 'healthcare.appointment',
            k.visit + 1 + mod((e.id - k.event)::int / 5, %(visits)s)
        FROM known k, healthcare_event e WHERE e.id > k.event AND e.state = 'done'
        """,
    ),
    (
        "healthcare_fact",
        """
        INSERT INTO healthcare_fact (id, fact_id, fact_type, schema_version, operation,
            key, sequence, occurred_at, recorded_at, company_id, facility_id,
            service_line_id, partner_id, columns, sealed, event_id, correlation_id,
            res_model, res_id, routed)
        SELECT k.fact + i, gen_random_uuid(), t.type, '1.1', 'upsert',
            t.type || ':' || k.visit + 1 + mod(n / 9, %(visits)s), 2 - mod(i, 2), t.at,
            t.at, k.company,
            k.facilities[1 + mod(n, cardinality(k.facilities))],
            CASE WHEN t.type IN ('service', 'consumable_usage', 'claim')
                THEN k.lines[1 + mod(n, cardinality(k.lines))] END,
            k.patient + 1 + mod(n, %(patients)s),
            CASE t.type """
        + " ".join(f"WHEN '{name}' THEN {values}" for name, values in VALUES.items())
        + """ END,
            decode(repeat(md5('f' || i), 8), 'hex'), k.event + (i + 1) / 2,
            'c-' || i / 10, 'healthcare.appointment',
            k.visit + 1 + mod(n / 9, %(visits)s), true
        FROM generate_series(1, %(facts)s) i, known k,
            LATERAL (SELECT (i - 1) / 2 AS n) o, LATERAL (
            SELECT k.now - interval '365 days'
                * ((%(facts)s - i) / %(facts)s::float) AS at,
            (%(types)s::text[])[1 + mod(n, 9)] AS type) t
        """,
    ),
    (
        "healthcare_fact_latest",
        """
        INSERT INTO healthcare_fact_latest (key, sequence, operation, fact_type,
            occurred_at, recorded_at, first_occurred_at, first_recorded_at, company_id,
            facility_id, service_line_id, res_model, res_id, columns)
        SELECT f.key, f.sequence, f.operation, f.fact_type, f.occurred_at,
            f.recorded_at, o.occurred_at, o.recorded_at, f.company_id, f.facility_id,
            f.service_line_id, f.res_model, f.res_id, f.columns
        FROM known k, healthcare_fact f
        LEFT JOIN healthcare_fact n ON n.key = f.key AND n.sequence = f.sequence + 1
        LEFT JOIN healthcare_fact o ON o.key = f.key AND o.sequence = 1
        WHERE f.id > k.fact AND n.id IS NULL ORDER BY f.id
        """,
    ),
    (
        "healthcare_delivery_batch",
        """
        INSERT INTO healthcare_delivery_batch (id, uuid, target_id, state, fact_count,
            attempts, opened_at, delivered_at, status_code, facts, first_fact,
            last_fact)
        SELECT k.batch + 1 + (f.id - k.fact - 1) / %(batch)s, gen_random_uuid(),
            k.target, 'delivered', count(*), 1, k.now, k.now, 200,
            jsonb_agg(f.id ORDER BY f.id), min(f.id), max(f.id)
        FROM healthcare_fact f, known k
        WHERE f.id > k.fact AND f.id - k.fact <= %(facts)s - %(pending)s
        GROUP BY 1, k.target, k.now
        """,
    ),
    (
        "healthcare_delivery",
        """
        INSERT INTO healthcare_delivery (fact_id, target_id, recorded_at, state,
            latency, shard)
        SELECT f.id, k.target, f.recorded_at, 'pending', 'real_time', mod(f.id, 64)
        FROM healthcare_fact f, known k
        WHERE f.id - k.fact > %(facts)s - %(pending)s ORDER BY f.id
        """,
    ),
    (
        "healthcare_tally",
        """
        INSERT INTO healthcare_tally (hour, kind, source_id, type_id, facility_id,
            latency_class, count, seconds, folded, totalled)
        SELECT CASE WHEN e.received_at > k.now - interval '35 days'
                THEN date_trunc('hour', e.received_at)
                ELSE date_trunc('day', e.received_at) END,
            o.kind, e.source_id, e.type_id, e.facility_id, o.class, count(*),
            sum(coalesce(o.class, 0)), true, true
        FROM known k, healthcare_event e, LATERAL (
            SELECT 'received' AS kind, NULL::int AS class
            UNION ALL SELECT CASE e.state WHEN 'exception' THEN 'parked'
                WHEN 'waiting' THEN 'waiting' ELSE 'done' END,
                CASE WHEN e.state NOT IN ('exception', 'waiting')
                    THEN 3 + mod(e.id, 4)::int END) o
        WHERE e.id > k.event GROUP BY 1, 2, 3, 4, 5, 6
        """,
    ),
    (
        "healthcare_tally_total",
        """
        INSERT INTO healthcare_tally_total (kind, source_id, type_id, latency_class,
            count, seconds)
        SELECT kind, source_id, type_id, latency_class, sum(count), sum(seconds)
        FROM healthcare_tally WHERE totalled GROUP BY 1, 2, 3, 4
        """,
    ),
)
WITH_IDS = (
    "res_partner",
    "healthcare_appointment",
    "healthcare_event",
    "healthcare_fact",
    "healthcare_delivery_batch",
)


def fill(cr, events):
    """Fill a database, in the transaction of a cursor.

    Needs master data: sources, facilities, payers and a target.

    :param events: how many; all else is in proportion
    :return: ``{table: rows}``
    """
    size = {
        "events": events,
        "ready": min(READY, events // 10),
        "patients": events // 10,
        "visits": events // 5,
        "facts": events * 2,
        "pending": min(PENDING, events),
        "batch": BATCH,
        "types": [*VALUES],
    }
    cr.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
    (superuser,) = cr.fetchone()
    if superuser:  # foreign keys hold anyway, and take half of the time
        cr.execute("SET LOCAL session_replication_role = replica")
    tables = [name for name, _sql in STATEMENTS if name.startswith("healthcare_")]
    indexes = _drop_indexes(cr, tables) if events >= MANY else []
    made = {}
    for name, statement in STATEMENTS:
        cr.execute(statement, size)
        made[name] = cr.rowcount
    for name in WITH_IDS:
        cr.execute(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) "
            f"FROM {name}"
        )
    cr.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for definition in indexes:
        cr.execute(definition)
    if superuser:
        cr.execute("SET LOCAL session_replication_role = origin")
    cr.execute("DROP TABLE known")
    del made["known"]
    return made


def _drop_indexes(cr, tables):
    """Drop what can be made again, and return the statements that do."""
    cr.execute(
        """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid),
            format('COMMENT ON INDEX %%s IS %%L', indexrelid::regclass,
                obj_description(indexrelid))
        FROM pg_index WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary
        AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)""",
        [tables],
    )
    found = cr.fetchall()
    for name, *_again in found:
        cr.execute(f"DROP INDEX {name}")
    # By the comment Odoo knows whether an index is still as its model says.
    return [statement for _name, *again in found for statement in again]
