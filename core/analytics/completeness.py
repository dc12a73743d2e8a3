"""Whether a target has what Odoo told it: counts and checksums that both can compute.

The checksum of facts is the sum of the first 8 hexadecimal digits of their ids. Ids are
random, so a fact that lacks and another that is there by mistake cannot make up for
each other but by chance (1 in 4 billion); a sum needs no order; and the function exists
in every version of ClickHouse since 18.16 and of PostgreSQL, unlike hashes of either.

Days cannot be compared at the target: a safe-harbor target has years only. So facts are
compared in 256 parts, by the first two digits of their ids, which say nothing of
anybody. Of a part that differs the ids themselves are fetched, and Odoo, which knows
the days, says which day lacks what.
"""

import re

PARTS = 256
#: Of a column or expression with the id, the SQL of its checksum in PostgreSQL.
POSTGRESQL = "(('x' || substr({id}, 1, 8))::bit(32)::bigint)"
_CLICKHOUSE = "reinterpretAsUInt32(reverse(unhex(substring(fact_id, 1, 8))))"
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_PART = re.compile(r"[0-9a-f]{2}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def checksum(fact_ids):
    """Return the checksum of facts."""
    return sum(int(fact_id[:8], 16) for fact_id in fact_ids)


def parts_query(table):
    """Return the ClickHouse query whose answer :func:`read_parts` reads.

    Of each key the latest fact counts, deletions among them, as that is what a
    ReplacingMergeTree keeps.

    :raise ValueError: for what is no name of a table
    """
    return (
        f"SELECT fact_type, substring(fact_id, 1, 2) AS part, count() AS facts, "
        f"sum({_CLICKHOUSE}) AS total FROM {_quoted(table)} FINAL "
        "GROUP BY fact_type, part FORMAT TabSeparated"  # nosec B608 # checked names
    )


def read_parts(answer):
    """Return ``{(fact type, part): (count, checksum)}``.

    :raise ValueError: for what is no such answer
    """
    result = {}
    for fact_type, part, count, total in _rows(answer, 4):
        result[fact_type, part] = int(count), int(total)
    return result


def ids_query(table, part):
    """Return the ClickHouse query for the ids of one part.

    :raise ValueError: for what is no table or part
    """
    if not _PART.fullmatch(part):
        raise ValueError("That is no part.")
    return (
        f"SELECT fact_type, fact_id FROM {_quoted(table)} FINAL "
        f"WHERE substring(fact_id, 1, 2) = '{part}' FORMAT TabSeparated"  # nosec B608 # checked names
    )


def read_ids(answer):
    """Return ``{fact id: fact type}``.

    :raise ValueError: for what is no such answer
    """
    result = {}
    for fact_type, fact_id in _rows(answer, 2):
        if not _ID.fullmatch(fact_id):
            raise ValueError("That is no id of a fact.")
        result[fact_id] = fact_type
    return result


def _rows(answer, width):
    for line in answer.splitlines():
        cells = line.split("\t")
        if len(cells) != width:
            raise ValueError("The answer has other columns.")
        yield cells


def _quoted(table):
    if not _TABLE.fullmatch(table or ""):
        raise ValueError("That is no name of a table.")
    return ".".join(f'"{part}"' for part in table.split("."))
