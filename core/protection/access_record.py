"""The record of who saw what, as rows of the database: read and followed.

Shared by the addon and by the command that checks a database without the addon.
"""

from . import hash_chain

DOMAIN = "access"
TABLE = "healthcare_payload_access"
CHUNK = 5000
# What is chained. New columns may be added: they are not there where they are empty.
CHAINED = (
    "user_id",
    "date",
    "kind",
    "purpose",
    "detail",
    "patients",
    "event_id",
    "message_id",
    "facility_id",
    "worklist",
    "fact_id",
)
_CONTENT = ", ".join(f"'{name}', a.{name}" for name in CHAINED)
_SELECT = f"""SELECT id, sequence, coalesce(previous, ''), hash,
        jsonb_strip_nulls(jsonb_build_object({_CONTENT}))
    FROM {TABLE} a"""  # nosec B608 # our own names
#: Rows by their ids: ``(id, sequence, previous, hash, content)``
BY_IDS = f"{_SELECT} WHERE id = ANY(%s) ORDER BY id"
#: The same, of at most :data:`CHUNK` rows that follow a place of the chain
AFTER = f"{_SELECT} WHERE sequence > %s ORDER BY sequence LIMIT {CHUNK}"
LAST = (
    f"SELECT sequence, hash FROM {TABLE} WHERE sequence IS NOT NULL"
    " ORDER BY sequence DESC LIMIT 1"  # nosec B608 # our own names
)
#: The first place that a check of the past saw and that is not there as it was
CUT_OFF = f"""SELECT c.count FROM healthcare_access_check c
    LEFT JOIN {TABLE} a ON a.sequence = c.count AND a.hash = c.last_hash
    WHERE c.state = 'sound' AND c.count > 0 AND a.id IS NULL
    ORDER BY c.count LIMIT 1"""  # nosec B608 # our own names


def follow(keyring, read, heads=()):
    """Follow the whole chain.

    :param keyring: :class:`~.encryption.Keyring`
    :param read: function of a place, returning the rows of :data:`AFTER`
    :param heads: ``(place, hash)`` that were the last of the chain at some time
    :return: ``(break or None, number of rows, last hash)``; a
        :class:`~.hash_chain.Break` for the reason ``head`` names a place where one of
        the heads is not found
    """
    awaited = {}
    for place, value in heads:
        awaited.setdefault(place, set()).add(value)
    sequence, previous = 0, ""
    while rows := read(sequence):
        rows = [row[1:] for row in rows]
        broken, sequence, previous = hash_chain.first_break(
            keyring, DOMAIN, rows, sequence, previous
        )
        if broken:
            return broken, sequence, previous
        for place, _before, found, _content in rows:
            if awaited.pop(place, {found}) != {found}:
                return hash_chain.Break(place, "head"), sequence, previous
    if awaited:
        return hash_chain.Break(min(awaited), "head"), sequence, previous
    return None, sequence, previous
