"""From the first published version: what is kept of an event or document since then.

Rows that were there before get what can be told from what was kept of them. The lines
of services billed before (``healthcare.completion.line``) are not made anew: their
charges stand on the invoices, and a correction of such a service is decided by a
person, as it was before.
"""

#: Upper bounds of latency classes, in seconds, as the tallies had them in this version.
BOUNDS = "ARRAY[0.1,0.25,0.5,1.0,2.5,5.0,10.0,30.0,60.0,300.0,1800.0,3600.0]"

STATEMENTS = (
    # There was one version of each schema.
    "UPDATE healthcare_event SET schema_version = '1.0' WHERE schema_version IS NULL",
    # When a visit was booked: its first event tells, else when it became known here.
    """
    UPDATE healthcare_appointment a
       SET booked_at = COALESCE(
               (SELECT min(e.occurred_at)
                  FROM healthcare_document_link l
                  JOIN healthcare_event e ON e.id = l.event_id
                 WHERE l.res_model = 'healthcare.appointment' AND l.res_id = a.id),
               a.create_date)
     WHERE booked_at IS NULL
    """,
    # Which event a service was billed from.
    """
    UPDATE healthcare_completion c
       SET event_id = found.event_id
      FROM (SELECT l.res_id, min(l.event_id) AS event_id
              FROM healthcare_document_link l
              JOIN healthcare_event e ON e.id = l.event_id
              JOIN healthcare_event_type t ON t.id = e.type_id
             WHERE l.res_model = 'healthcare.completion'
               AND t.code = 'service.completed' AND e.state = 'done'
             GROUP BY l.res_id) found
     WHERE found.res_id = c.id AND c.event_id IS NULL
    """,
    # Which facilities know a patient: users limited to them see these patients.
    """
    INSERT INTO healthcare_facility_patient_rel (facility_id, partner_id)
    SELECT DISTINCT e.facility_id, known.id
      FROM healthcare_document_link l
      JOIN healthcare_event e ON e.id = l.event_id AND e.facility_id IS NOT NULL
      LEFT JOIN healthcare_appointment a
        ON l.res_model = 'healthcare.appointment' AND a.id = l.res_id
      JOIN res_partner p
        ON p.id = CASE l.res_model WHEN 'res.partner' THEN l.res_id
                                   ELSE a.patient_id END
       AND p.healthcare_is_patient
     CROSS JOIN LATERAL unnest(ARRAY[p.id, p.healthcare_guarantor_id]) AS known (id)
     WHERE known.id IS NOT NULL
    ON CONFLICT DO NOTHING
    """,
    # Figures of the time before: what came in, and what was done how quickly.
    """
    INSERT INTO healthcare_tally
        (hour, kind, source_id, type_id, facility_id, latency_class, count, seconds,
         folded, totalled)
    SELECT date_trunc('hour', received_at), 'received', source_id, type_id,
           facility_id, NULL::int, count(*), 0, FALSE, FALSE
      FROM healthcare_event
     WHERE received_at IS NOT NULL AND rejected IS NOT TRUE
       AND NOT EXISTS (SELECT FROM healthcare_tally WHERE kind = 'received')
     GROUP BY 1, 2, 3, 4, 5
    """,
    f"""
    INSERT INTO healthcare_tally
        (hour, kind, source_id, type_id, facility_id, latency_class, count, seconds,
         folded, totalled)
    SELECT date_trunc('hour', processed_at), 'done', source_id, type_id, facility_id,
           width_bucket(seconds, {BOUNDS}), count(*), sum(seconds), FALSE, FALSE
      FROM (SELECT *, extract(epoch FROM processed_at - received_at)::float AS seconds
              FROM healthcare_event
             WHERE state = 'done' AND processed_at >= received_at) done
     WHERE NOT EXISTS (SELECT FROM healthcare_tally WHERE kind = 'done')
     GROUP BY 1, 2, 3, 4, 5, 6
    """,  # nosec B608 # constants
)


def migrate(cr, version):
    """Fill what older rows lack; again without effect."""
    for statement in STATEMENTS:
        cr.execute(statement)
