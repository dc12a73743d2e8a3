"""Before the new version of the addon is loaded: what it has no room for any more."""

STATEMENTS = (
    # How a fact stands is told by its deliveries.
    "ALTER TABLE healthcare_fact DROP COLUMN IF EXISTS state",
    # The one that is unique has the fact first; nothing is looked for by batch.
    "DROP INDEX IF EXISTS healthcare_delivery__fact_id_index",
    "DROP INDEX IF EXISTS healthcare_delivery__batch_id_index",
    "ALTER TABLE healthcare_delivery DROP CONSTRAINT IF EXISTS"
    " healthcare_delivery_batch_id_fkey",
)


def migrate(cr, version):
    """Drop what would refuse new rows; again without effect."""
    for statement in STATEMENTS:
        cr.execute(statement)
