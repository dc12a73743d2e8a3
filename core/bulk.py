"""Thousands of values to PostgreSQL at once, the quick way.

A statement with thousands of constants has to be quoted here and understood there:
``COPY`` writes rows in less than two thirds of the time that an ``INSERT`` takes.
"""

import io
from datetime import datetime


def text_of(rows):
    r"""Return rows in the text format of ``COPY``.

    :param rows: iterables of str, int, bool, bytes, datetime (naive) or None
    :raise TypeError: for a value of another type
    """
    return "".join("\t".join(map(_field, row)) + "\n" for row in rows)


def copy_in(cr, table, columns, rows):
    """Write rows into a table.

    :param cr: cursor
    :param str table: and ``columns`` are names of ours, not quoted
    :param rows: see :func:`text_of`
    """
    names = ", ".join(columns)
    cr.copy_expert(f"COPY {table} ({names}) FROM STDIN", io.StringIO(text_of(rows)))


def numbers(cr, table, count):
    """Take ids for rows to be written from a table's sequence.

    :return: list of int, rising
    """
    cr.execute(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
        [table, count],
    )
    return [row[0] for row in cr.fetchall()]


def as_array(ids):
    """Return ids as the text of an array: read faster than ``ARRAY[…]``."""
    return f"{{{','.join(map(str, ids))}}}"


def _field(value):
    if value is None:
        return r"\N"
    if isinstance(value, str):
        value = value.replace("\\", r"\\").replace("\t", r"\t")
        return value.replace("\n", r"\n").replace("\r", r"\r")
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    raise TypeError(f"COPY knows no {type(value).__name__}.")
