"""SQL of the views that tell facts to people and tools inside Odoo's own database.

One view per fact type: of each key the latest fact, without what was deleted, each
column with its type. Columns that may tell of a person are sealed in the database and
are no columns of the views. All of it follows from the catalogue.
"""

from collections import namedtuple

from .. import facts

#: The schema that holds the views, and nothing else.
SCHEMA = "healthcare_analytics"
#: The role that ``docs/warehouse/bi_role.sql`` makes.
ROLE = "healthcare_bi"

_CASTS = {
    "decimal": "numeric",
    "number": "numeric",
    "integer": "bigint",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
}

Given = namedtuple("Given", "expression meaning")

#: Columns of every view, before those of its type.
HEAD = {
    "fact_id": Given("t.fact_id", "Number of the fact, a UUID"),
    "key": Given("f.key", "What it tells of; one row for each"),
    "sequence": Given("f.sequence", "How often it was told of"),
    "occurred_at": Given("f.occurred_at AT TIME ZONE 'UTC'", "When it happened"),
    "recorded_at": Given("f.recorded_at AT TIME ZONE 'UTC'", "When Odoo wrote it"),
    "company_id": Given("f.company_id", "Company, its number in Odoo"),
    "company": Given("c.name", "Company"),
    "facility_id": Given("f.facility_id", "Facility, its number in Odoo"),
    "facility": Given("p.code", "Code of the facility"),
    "service_line_id": Given("f.service_line_id", "Service line, its number in Odoo"),
    "service_line": Given("l.code", "Code of the service line"),
}
#: Columns of every view, after those of its type.
TAIL = {
    "lineage_event": Given("e.uuid", "Event it follows from; none if done by hand"),
    "lineage_correlation": Given("t.correlation_id", "What belongs to one exchange"),
}
# What a query does not ask for is not joined: each of these rows is one or none.
_FROM = """FROM public.healthcare_fact_latest f
LEFT JOIN public.res_company c ON c.id = f.company_id
LEFT JOIN public.healthcare_facility p ON p.id = f.facility_id
LEFT JOIN public.healthcare_service_line l ON l.id = f.service_line_id
LEFT JOIN public.healthcare_fact t ON t.key = f.key AND t.sequence = f.sequence
LEFT JOIN public.healthcare_event e ON e.id = t.event_id"""


def columns(fact_type):
    """Return ``{name: catalogue column}`` of what a view shows of its type."""
    return {
        name: column
        for name, column in facts.CATALOGUE[fact_type].items()
        if column.phi == "none"
    }


def value(name, column, table="f"):
    """Return the SQL that reads one column of the catalogue with its type."""
    text = f"({table}.columns ->> '{name}')"
    cast = _CASTS.get(column.type)
    return f"nullif({text}, '')::{cast}" if cast else text


def field(fact_type, name, table="f"):
    """Return the SQL that reads one column of a type.

    :raise KeyError: when no view shows it
    """
    return value(name, columns(fact_type)[name], table)


def latest(fact_type, table="f"):
    """Return the condition that a row of ``healthcare_fact_latest`` is of a type.

    What was taken back is not: of that, nothing is known any more.
    """
    return f"{table}.fact_type = '{fact_type}' AND {table}.operation = 'upsert'"


def select(fact_type):
    """Return the query of the view of one fact type."""
    shown = [
        *((name, one.expression) for name, one in HEAD.items()),
        *((name, value(name, one)) for name, one in columns(fact_type).items()),
        *((name, one.expression) for name, one in TAIL.items()),
    ]
    listed = ",\n".join(f'    {expression} AS "{name}"' for name, expression in shown)
    return f"SELECT\n{listed}\n{_FROM}\nWHERE {latest(fact_type)}"


def statements():
    """Return the statements that make schema, views and comments anew.

    The schema itself stays, with the rights given on it.
    """
    result = [
        f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
        f"COMMENT ON SCHEMA {SCHEMA} IS "
        + _literal("Facts for reading: one view per type. Made by Odoo on update."),
    ]
    for fact_type in facts.CATALOGUE:
        view = f'{SCHEMA}."{fact_type}"'
        result += [
            f"DROP VIEW IF EXISTS {view}",
            f"CREATE VIEW {view} AS {select(fact_type)}",
            f"COMMENT ON VIEW {view} IS "
            + _literal(
                f"What is known now of each {fact_type.replace('_', ' ')}, "
                "without what was taken back and without patient data"
            ),
        ]
        meanings = {
            **{name: one.meaning for name, one in HEAD.items()},
            **{name: one.meaning for name, one in columns(fact_type).items()},
            **{name: one.meaning for name, one in TAIL.items()},
        }
        result += [
            f'COMMENT ON COLUMN {view}."{name}" IS {_literal(meaning)}'
            for name, meaning in meanings.items()
        ]
    return result


def _literal(text):
    return "'" + text.replace("'", "''") + "'"
