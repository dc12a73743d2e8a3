"""Facts as they are told, read in bulk: a delivery reads thousands of them at once."""

import json
from collections import namedtuple
from datetime import datetime

from odoo import api, models
from odoo.tools import SQL

#: What a fact says of where it came about, and the name it is told by.
_PLACES = (
    ("res.company", "name"),
    ("healthcare.facility", "code"),
    ("healthcare.service.line", "code"),
)


class FactRow(
    namedtuple(
        "FactRow",
        "id fact_type partner key sequence occurred recorded place head lineage "
        "document columns opened values",
    )
):
    """One fact, most of it as the text it leaves as.

    ``occurred`` and ``recorded`` are ISO texts without a zone; ``place`` are the ids of
    company, facility and service line, in a text; ``head`` and ``lineage`` are members
    of the document before and after its columns. ``columns`` is the JSON text of those
    that are no PHI and ``values`` what it says; ``opened`` is the JSON text of those
    that were sealed, None where none are.
    """

    __slots__ = ()

    @property
    def occurred_at(self):
        return datetime.fromisoformat(self.occurred)

    @property
    def recorded_at(self):
        return datetime.fromisoformat(self.recorded)

    def all_values(self):
        """Return all columns, those that were sealed as well."""
        return {**self.values, **(json.loads(self.opened) if self.opened else {})}


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    def _rows(self):
        """Return a :class:`FactRow` of each fact, in their order.

        :raise KeyringError: when sealed columns cannot be opened
        """
        self.env.flush_all()
        return self._opened_rows(self.env.execute_query(self._reading()))

    def _reading(self):
        """Return the SQL that reads what :meth:`_opened_rows` takes.

        PostgreSQL writes what leaves of every fact as it is kept.
        """
        return SQL(
            """SELECT f.id, f.fact_type, f.partner_id, f.key, f.sequence,
                f.occurred_at::text, f.recorded_at::text,
                concat_ws(',', coalesce(f.company_id, 0), coalesce(f.facility_id, 0),
                    coalesce(f.service_line_id, 0)),
                '"fact_id":"' || f.fact_id || '","fact_type":"' || f.fact_type
                    || '","schema_version":"' || f.schema_version
                    || '","operation":"' || f.operation || '"',
                '"lineage_event":' || coalesce('"' || e.uuid || '"', 'null')
                    || ',"lineage_correlation":' || coalesce(CASE WHEN e.id IS NOT NULL
                        THEN to_json(f.correlation_id)::text END, 'null'),
                f.res_model || ',' || coalesce(f.res_id, 0),
                f.columns::text, f.sealed, f.fact_id
            FROM healthcare_fact f
            LEFT JOIN healthcare_event e ON e.id = f.event_id
            WHERE f.id = ANY(%s)""",
            list(self.ids),
        )

    def _opened_rows(self, rows):
        """Return a :class:`FactRow` of each row that was read, in the order of ids.

        :raise KeyringError: when sealed columns cannot be opened
        """
        found = {row[0]: row for row in rows}
        rows = [found[number] for number in self.ids if number in found]
        opening = self._opener()
        return [
            FactRow(*row[:-2], sealed and opening(sealed, fact_id), values or {})
            for row, (sealed, fact_id), values in zip(
                rows,
                (row[-2:] for row in rows),
                _loaded(row[-3] for row in rows),
                strict=True,
            )
        ]

    @api.model
    def _places(self, ids):
        """Return ``{ids in a text: (company, facility, service line)}``.

        :param ids: as :attr:`FactRow.place` has them
        """
        parts = {one: tuple(map(int, one.split(","))) for one in ids}
        names = []
        for number, (model, field) in enumerate(_PLACES):
            found = {part[number] for part in parts.values()} - {0}
            # Stands in for the system: a target is told what the fact was told.
            records = self.env[model].sudo().browse(found)
            names.append({0: None, **{one.id: one[field] for one in records}})
        return {
            one: tuple(known[n] for known, n in zip(names, part, strict=True))
            for one, part in parts.items()
        }

    def _opener(self):
        """Return what opens sealed columns; keys are asked for when first needed.

        :return: function of what is sealed and a fact's UUID; text
        """
        known = []

        def opening(sealed, fact_id):
            if not known:
                keyring = self.env["healthcare.keyring"]
                database = keyring._database_id()
                known.append(keyring._get().opener(database, self._name))
            return known[0](sealed, fact_id, "sealed").decode()

        return opening


def _loaded(texts):
    """Read many JSON texts of ours at once: a call for each takes twice the time."""
    return json.loads(f"[{','.join(text or 'null' for text in texts)}]")
