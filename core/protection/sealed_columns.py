"""Every column that holds something sealed, in one place.

Whoever adds such a column adds it here: re-encryption under a new key, counting by
key and looking for what cannot be opened go by this list, and a test compares it with
the models.
"""

from collections import namedtuple

#: ``table`` and ``column`` of the ciphertext; what it is bound to: ``model``, the
#: column ``key`` that names the record, and ``field``; ``label`` for people;
#: ``short_lived``: of dialogs, gone within the hour.
Column = namedtuple(
    "Column", "table column model key field label short_lived", defaults=(False,)
)

COLUMNS = (
    Column("healthcare_event", "body", "healthcare.event", "uuid", "body", "Events"),
    Column(
        "healthcare_event_correction",
        "body",
        "healthcare.event.correction",
        "uuid",
        "body",
        "Corrections of events",
    ),
    Column(
        "healthcare_message_body",
        "body",
        "healthcare.message.body",
        "uuid",
        "body",
        "Messages as received",
    ),
    Column(
        "healthcare_fact",
        "sealed",
        "healthcare.fact",
        "fact_id",
        "sealed",
        "Facts: patient data",
    ),
    Column(
        "healthcare_source_secret",
        "sealed",
        "healthcare.source.secret",
        "uuid",
        "secret",
        "Signing secrets of sources",
    ),
    Column(
        "healthcare_target",
        "secret_sealed",
        "healthcare.target",
        "secret_uuid",
        "secret",
        "Signing secrets of targets",
    ),
    Column(
        "healthcare_target",
        "credentials_sealed",
        "healthcare.target",
        "credentials_uuid",
        "credentials",
        "Credentials of targets",
    ),
    Column(
        "healthcare_replay",
        "correction",
        "healthcare.replay",
        "uuid",
        "correction",
        "Corrections of many events",
    ),
    Column(
        "healthcare_correct_many_wizard",
        "sealed",
        "healthcare.correct.many.wizard",
        "uuid",
        "value",
        "Values being corrected",
        True,
    ),
    Column(
        "healthcare_correct_many_value",
        "sealed_old",
        "healthcare.correct.many.wizard",
        "uuid",
        "value",
        "Values being corrected: before",
        True,
    ),
    Column(
        "healthcare_correct_many_value",
        "sealed_new",
        "healthcare.correct.many.wizard",
        "uuid",
        "value",
        "Values being corrected: after",
        True,
    ),
    Column(
        "healthcare_secret_wizard",
        "given_sealed",
        "healthcare.secret.wizard",
        "given_uuid",
        "given",
        "Secrets being entered",
        True,
    ),
    Column(
        "healthcare_mapping_bench",
        "sealed",
        "healthcare.mapping.bench",
        "id",
        "sealed",
        "Messages being tried",
        True,
    ),
    Column(
        "healthcare_downtime_import_wizard",
        "sealed",
        "healthcare.downtime.import.wizard",
        "uuid",
        "file",
        "Files being imported",
        True,
    ),
)


def name_of(column):
    """Return what a column is called in records of ours, ``healthcare_fact.sealed``."""
    return f"{column.table}.{column.column}"


BY_NAME = {name_of(column): column for column in COLUMNS}


def count_query(column):
    """Return SQL giving ``(key id, number of records)`` of one column."""
    sealed = f'"{column.column}"'
    return (
        f"SELECT CASE WHEN get_byte({sealed}, 0) = 1 AND octet_length({sealed}) > 30"
        f" THEN encode(substring({sealed} from 3 for get_byte({sealed}, 1)), 'escape')"
        f' END AS key_id, count(*) FROM "{column.table}"'
        f" WHERE octet_length({sealed}) > 1 GROUP BY 1 ORDER BY 1"  # nosec B608 # our own names
    )
