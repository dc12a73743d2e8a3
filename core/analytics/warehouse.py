"""Definitions of the tables that a warehouse keeps facts in, from the catalogue.

One wide table holds facts of all types as they were sent, so that one address takes
everything in any order; one view per type shows its own columns, of each key the latest
sequence, without what was deleted. ``python -m core.analytics.warehouse`` in the
repository writes them anew to ``docs/warehouse``.

The table keeps dates and amounts as the text that was sent: what a policy leaves of a
date may be a year alone, and no engine rounds an amount it does not read. The views
give amounts as decimals, and of a date the date, where one is left, and the year.
"""

import sys
from pathlib import Path

from .. import facts
from ..facts import envelope

TABLE = "healthcare_facts"
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "warehouse"

#: Columns that every fact has, before and after its own.
HEAD, TAIL = envelope.BEFORE, envelope.AFTER

#: How a type of the catalogue is stored, per engine: (required, may be missing).
_STORED = {
    "clickhouse": {
        "string": ("String", "Nullable(String)"),
        "integer": ("UInt64", "Nullable(UInt64)"),
        "number": ("Float64", "Nullable(Float64)"),
        "decimal": ("String", "Nullable(String)"),
        "boolean": ("UInt8", "Nullable(UInt8)"),
        "date": ("String", "Nullable(String)"),
        "datetime": ("String", "Nullable(String)"),
    },
    "postgresql": {
        "string": ("text NOT NULL", "text"),
        "integer": ("bigint NOT NULL", "bigint"),
        "number": ("double precision NOT NULL", "double precision"),
        "decimal": ("text NOT NULL", "text"),
        "boolean": ("boolean NOT NULL", "boolean"),
        "date": ("text NOT NULL", "text"),
        "datetime": ("text NOT NULL", "text"),
    },
}
ENGINES = tuple(_STORED)


def view_name(fact_type):
    """Return the name of the view of one fact type."""
    return f"healthcare_{fact_type}"


def columns():
    """Return ``{name: type}`` of every column of the wide table, in order.

    :raise ValueError: when two fact types give one name to different things
    """
    result = {name: _kind(name, one) for name, one in HEAD.items()}
    own = {}
    for fact_type, ones in facts.CATALOGUE.items():
        for name, column in ones.items():
            if name in HEAD or name in TAIL:
                raise ValueError(f"{fact_type}.{name} is a column of every fact.")
            if own.setdefault(name, column.type) != column.type:
                raise ValueError(f"{fact_type}.{name} has another type elsewhere.")
    result.update(sorted(own.items()))
    result.update((name, one.type) for name, one in TAIL.items())
    return result


def script(engine):
    """Return the SQL that makes table and views, statements ended by ``;`` and a line.

    :param engine: one of :data:`ENGINES`
    """
    parts = [
        "-- Made from the catalogue of facts by: python -m core.analytics.warehouse",
        "-- Running it again keeps what the table holds.",
        "",
        _table(engine),
        *(_view(engine, fact_type) for fact_type in sorted(facts.CATALOGUE)),
    ]
    return "\n".join(parts)


def columns_script():
    """Return the SQL that brings what newer catalogues added to an older table.

    For ClickHouse 19 and newer; of PostgreSQL, the script of the tables does it.
    """
    return (
        "-- Made from the catalogue of facts by: python -m core.analytics.warehouse\n"
        "-- For a table made by an older version, before tables.sql is run again.\n\n"
        f"ALTER TABLE {TABLE}\n{_additions('clickhouse')};\n"
    )


def statements(text):
    """Return the statements of a script, one by one, without comments at their head."""
    plain = "\n".join(
        line for line in text.splitlines() if not line.lstrip().startswith("--")
    )
    return [one.strip() for one in plain.split(";\n") if one.strip()]


def _kind(name, column):
    """Return how a column of the envelope is stored; sequences are whole numbers."""
    return "integer" if name == "sequence" else column.type


def _meanings():
    """Return what the columns mean; of a type's own, each meaning there is, once."""
    result = {name: {one.meaning: None} for name, one in {**HEAD, **TAIL}.items()}
    for ones in facts.CATALOGUE.values():
        for name, column in ones.items():
            result.setdefault(name, {})[column.meaning] = None
    return {name: " / ".join(ones) for name, ones in result.items()}


def _table(engine):
    meanings, lines = _meanings(), []
    for name, kind in columns().items():
        is_required = name in envelope.REQUIRED
        stored = _STORED[engine][kind][0 if is_required else 1]
        lines.append((f'    "{name}" {stored}', meanings[name]))
    if engine == "postgresql":
        lines.append(('    PRIMARY KEY ("key", "sequence")', "the same is sent again"))
    body = "\n".join(
        f"{line}{'' if number == len(lines) else ','}  -- {meaning}"
        for number, (line, meaning) in enumerate(lines, 1)
    )
    result = f"CREATE TABLE IF NOT EXISTS {TABLE} (\n{body}\n)"
    if engine == "clickhouse":
        result += '\nENGINE = ReplacingMergeTree("sequence")'
        return result + '\nORDER BY ("fact_type", "key");\n'
    return (
        f"{result};\n\n-- what a newer version of the catalogue brought\n"
        f"ALTER TABLE {TABLE}\n{_additions(engine)};\n"
    )


def _additions(engine):
    return ",\n".join(
        f'    ADD COLUMN IF NOT EXISTS "{name}" {_STORED[engine][kind][1]}'
        for name, kind in columns().items()
        if name not in HEAD and name not in TAIL
    )


def _view(engine, fact_type):
    name, own = view_name(fact_type), facts.CATALOGUE[fact_type]
    shown = {
        **{column: (_kind(column, one), None) for column, one in HEAD.items()},
        **{column: (one.type, one.phi) for column, one in own.items()},
        **{column: (one.type, None) for column, one in TAIL.items()},
    }
    for column in ("fact_type", "operation"):  # the same in every row of the view
        del shown[column]
    lines = [
        f"    {line}"
        for column, (kind, phi) in shown.items()
        for line in _SHOWN[engine](column, kind, phi)
    ]
    return "\n".join(
        [
            f"{_DROP[engine]} IF EXISTS {name};",
            f"CREATE VIEW {name} AS",
            "SELECT",
            ",\n".join(lines),
            f"FROM {_LATEST[engine](fact_type, shown)}",
            "WHERE \"operation\" = 'upsert';\n",
        ]
    )


_DROP = {"clickhouse": "DROP TABLE", "postgresql": "DROP VIEW"}


def _is_text_of_another(kind):
    return kind in ("date", "datetime", "decimal")


def _clickhouse_shown(column, kind, phi):
    quoted, sent = f'"{column}"', f'"sent_{column}"'
    if kind == "decimal":
        amount = f"toDecimal64(ifNull({sent}, '0'), 4)"  # the old engine reads no NULL
        return [f"if(isNull({sent}), NULL, {amount}) AS {quoted}"]
    if kind not in ("date", "datetime"):
        return [quoted]
    year = f'toUInt16OrNull(substring({sent}, 1, 4)) AS "{_year_of(column)}"'
    if phi == "birth_date":
        return [f"{sent} AS {quoted}", year]  # a Date of ClickHouse begins in 1970
    if kind == "date":
        return [f"toDateOrNull(substring({sent}, 1, 10)) AS {quoted}", year]
    moment = f"parseDateTimeBestEffortOrNull({sent})"
    return [f"if(length({sent}) > 4, {moment}, NULL) AS {quoted}", year]


def _postgresql_shown(column, kind, phi):
    quoted = f'"{column}"'
    if kind == "decimal":
        return [f"{quoted}::numeric AS {quoted}"]
    if kind not in ("date", "datetime"):
        return [quoted]
    cast = "timestamptz" if kind == "datetime" else "date"
    sent = quoted if kind == "datetime" else f"left({quoted}, 10)"
    return [
        f"CASE WHEN {quoted} LIKE '____-__-__%'\n"
        f"        THEN {sent}::{cast} END AS {quoted}",
        f"CASE WHEN {quoted} ~ '^[0-9]{{4}}'\n"
        f'        THEN left({quoted}, 4)::int END AS "{_year_of(column)}"',
    ]


def _year_of(column):
    """Return the name of the column with the year of a date column."""
    return f"{column.removesuffix('_at').removesuffix('_date')}_year"


_SHOWN = {"clickhouse": _clickhouse_shown, "postgresql": _postgresql_shown}


def _clickhouse_latest(fact_type, shown):
    # Other names inside: an alias hides the column it is made of.
    inner = ",\n".join(
        f'        "{name}" AS "sent_{name}"'
        if _is_text_of_another(kind)
        else f'        "{name}"'
        for name, (kind, _phi) in {**shown, "operation": ("string", None)}.items()
    )
    return (
        f"(\n    SELECT\n{inner}\n    FROM {TABLE} FINAL\n"
        f"    WHERE \"fact_type\" = '{fact_type}'\n) AS latest"  # nosec B608 # names of the catalogue
    )


def _postgresql_latest(fact_type, _shown):
    return (
        f'(\n    SELECT DISTINCT ON ("key") *\n    FROM {TABLE}\n'
        f"    WHERE \"fact_type\" = '{fact_type}'\n"
        '    ORDER BY "key", "sequence" DESC\n) AS latest'  # nosec B608 # names of the catalogue
    )


_LATEST = {"clickhouse": _clickhouse_latest, "postgresql": _postgresql_latest}


def files():
    """Return ``{path below docs/warehouse: text}`` of all scripts."""
    scripts = {f"{engine}/tables.sql": script(engine) for engine in ENGINES}
    return {**scripts, "clickhouse/columns.sql": columns_script()}


def write(folder=FOLDER):
    """Write the scripts below a folder; returns their paths."""
    paths = []
    for name, text in files().items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write(*map(Path, sys.argv[1:2])):
        sys.stdout.write(f"{written}\n")
