"""The list of columns for people: ``docs/facts.rst``, made from the catalogue."""

import textwrap
from pathlib import Path

from . import CATALOGUE, ENVELOPE, LATENCY, MEANINGS, SCHEMA_VERSION, SNAPSHOTS

PATH = Path(__file__).resolve().parents[2] / "docs" / "facts.rst"
_CLASSES = {
    "none": "tells of nobody",
    "date": "a date of a patient's",
    "birth_date": "a birth date",
    "postal_code": "a postal code",
    "surrogate": "stands for a patient",
}
_INTRODUCTION = f"""\
=====
Facts
=====

.. This file is made from core/facts; tests/test_fact_schemas.py compares.

A fact is one flat JSON document about one document in Odoo: how it is now. The same
``key`` and ``sequence`` are always the same fact; of one ``key`` the highest
``sequence`` counts, and ``operation: delete`` takes it back. Version {SCHEMA_VERSION}
of the schemas is described here; they are served, with earlier ones, at
``/healthcare/v1/schemas/facts/<type>/<version>``. Columns are only ever added.

Amounts are decimal strings, times are UTC (``2026-03-02T09:30:00Z``), durations are
numbers in the unit that is named. The class of a column says what a target's policy
does with it: ``safe_harbor`` leaves the year of a date, three digits of a ZIP code and
of a birth date the year unless it tells of an age over 89; ``limited`` leaves dates and
postal codes.

.. list-table:: Classes
   :header-rows: 1

   * - class
     - what it is
"""
_PROFIT = """\

Profit of a service line
========================

Revenue less what payers did not pay less supplies, from facts alone:

.. code-block:: text

   sum of amount_revenue     of service (and of invoice where purpose is no_show)
   - sum of amount_adjusted  of claim where state is adjudicated
   - sum of cost_actual      of consumable_usage

each over the newest fact of every key, by ``service_line``. It is what Odoo's own
accounts and stock valuation say: ``tests/test_fact_profit.py`` compares. A service with
charges of several service lines has a fact for each of them; count services by
``service_key``.

Snapshots
=========

{snapshots} are daily figures. Their key is
``<type>:<facility>:<day>:<what else names the row>``. A day can be computed again at
any time: rows that are the same are not told again, others get a higher sequence, rows
that are gone are deleted. ``covers_from``, ``covers_to`` and ``complete`` say what was
counted: a day that was not over is told again when it is.

Stock on a past day is computed back from stock moves; what is reserved is not known of
past days. What is owed on a past day follows from the dates of invoices, credit notes
and reconciliations.

Small cells
===========

``utilization`` and ``financial_summary`` are about patients. Where a row is about fewer
than N (a number of the target's policy; 11 for ``safe_harbor``), its figures leave as
null with ``suppressed`` true. No totals are sent, so none can be used to compute a row
that was left out. Within a facility, service line and day the next smallest row is left
out as well: a total from elsewhere, e.g. of the other type of snapshot, then tells no
more than the sum of the two.
"""


def document():
    """Return the text of the file."""
    parts = [_INTRODUCTION]
    for name, words in _CLASSES.items():
        parts.append(f"   * - {name}\n     - {words}\n")
    parts.append("\nColumns of every fact\n=====================\n\n")
    parts.append(_table(ENVELOPE))
    for fact_type, columns in CATALOGUE.items():
        parts.append(f"\n{fact_type}\n{'=' * len(fact_type)}\n\n")
        words = f"{MEANINGS[fact_type]} Told {_WHEN[LATENCY[fact_type]]}."
        parts.append("\n".join(textwrap.wrap(words, 88)) + "\n\n")
        parts.append(_table(columns))
    names = ", ".join(f"``{name}``" for name in SNAPSHOTS)
    parts.append(_PROFIT.replace("{snapshots}", "\n".join(textwrap.wrap(names, 70))))
    return "".join(parts)


_WHEN = {
    "real_time": "with the document, in its transaction",
    "batch": "once a day, after it is over",
}


def _table(columns):
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 18 10 16 12 26 18",
        "",
    ]
    head = ("column", "type", "unit", "class", "meaning", "from")
    rows = [
        (
            f"``{name}``",
            column.type,
            column.unit or "",
            column.phi,
            column.meaning,
            column.source or "",
        )
        for name, column in columns.items()
    ]
    for row in (head, *rows):
        for position, cell in enumerate(row):
            mark = "   * -" if position == 0 else "     -"
            lines.append(f"{mark} {cell}".rstrip())
    return "\n".join(lines) + "\n"
