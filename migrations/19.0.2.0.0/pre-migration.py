"""Before the new version of the addon is loaded: what it has no room for any more."""

STATEMENTS = (
    # How a fact stands is told by its deliveries.
    "ALTER TABLE healthcare_fact DROP COLUMN IF EXISTS state",
    # A batch knows its facts; a delivery has the number of the one it came to its end
    # in, which no index knows and no foreign key checks.
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
)


def migrate(cr, version):
    """Change what would refuse new rows; again without effect."""
    for statement in STATEMENTS:
        cr.execute(statement)
