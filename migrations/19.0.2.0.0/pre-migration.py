"""Before the new version of the addon is loaded: what it has no room for any more."""

STATEMENTS = (
    # How a fact stands is told by its deliveries.
    "ALTER TABLE healthcare_fact DROP COLUMN IF EXISTS state",
    # A batch knows its facts; a delivery has the number of the one it was in last,
    # which no index knows and no foreign key checks.
    "ALTER TABLE healthcare_delivery_batch ADD COLUMN IF NOT EXISTS facts jsonb",
    """
    DO $$ BEGIN
      IF EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = 'healthcare_delivery'::regclass
                    AND attname = 'batch_id' AND NOT attisdropped) THEN
        UPDATE healthcare_delivery_batch b
           SET facts = d.facts
          FROM (SELECT batch_id, jsonb_agg(fact_id ORDER BY fact_id) AS facts
                  FROM healthcare_delivery WHERE batch_id IS NOT NULL
                 GROUP BY batch_id) d
         WHERE d.batch_id = b.id;
        DROP INDEX IF EXISTS healthcare_delivery__batch_id_index;
        ALTER TABLE healthcare_delivery
         DROP CONSTRAINT IF EXISTS healthcare_delivery_batch_id_fkey;
        ALTER TABLE healthcare_delivery RENAME COLUMN batch_id TO batch_number;
        UPDATE healthcare_delivery SET batch_number = NULL
         WHERE state = 'pending' AND batch_number IS NOT NULL;
      END IF;
    END $$
    """,
    # The index that is unique has the fact first.
    "DROP INDEX IF EXISTS healthcare_delivery__fact_id_index",
    # Batches are receipts: of what was delivered, and of nothing else.
    """
    UPDATE healthcare_delivery_batch b
       SET facts = d.facts, state = 'delivered'
      FROM (SELECT batch_number, jsonb_agg(fact_id ORDER BY fact_id) AS facts
              FROM healthcare_delivery WHERE state = 'delivered'
             GROUP BY batch_number) d
     WHERE d.batch_number = b.id AND b.state NOT IN ('open', 'delivered')
    """,
    """
    UPDATE healthcare_delivery_batch b
       SET facts = (SELECT jsonb_agg(n.fact_id ORDER BY n.fact_id::int)
                      FROM jsonb_array_elements(b.facts) n(fact_id)
                     WHERE n.fact_id::int NOT IN (
                           SELECT d.fact_id FROM healthcare_delivery d
                            WHERE d.batch_number = b.id AND d.state != 'delivered'))
     WHERE b.state = 'delivered' AND b.id IN (
           SELECT batch_number FROM healthcare_delivery WHERE state != 'delivered')
    """,
    """
    ALTER TABLE healthcare_delivery_batch
      ADD COLUMN IF NOT EXISTS first_fact integer,
      ADD COLUMN IF NOT EXISTS last_fact integer
    """,
    """
    UPDATE healthcare_delivery_batch b
       SET first_fact = coalesce(found.first, 0), last_fact = coalesce(found.last, 0)
      FROM (SELECT o.id, min(n.fact_id::int) AS first, max(n.fact_id::int) AS last
              FROM healthcare_delivery_batch o
              LEFT JOIN LATERAL jsonb_array_elements_text(o.facts) n(fact_id) ON TRUE
             WHERE o.first_fact IS NULL
             GROUP BY o.id) found
     WHERE found.id = b.id
    """,
    # A fact knows whether a target was to get it; of those that all have there is no
    # delivery any more.
    "ALTER TABLE healthcare_fact ADD COLUMN IF NOT EXISTS routed boolean",
    """
    UPDATE healthcare_fact SET routed = TRUE
     WHERE routed IS NOT TRUE AND id IN (SELECT fact_id FROM healthcare_delivery)
    """,
    "DELETE FROM healthcare_delivery WHERE state = 'delivered'",
)


def migrate(cr, version):
    """Change what would refuse new rows; again without effect."""
    for statement in STATEMENTS:
        cr.execute(statement)
