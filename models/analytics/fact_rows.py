"""Facts as they are told, read in bulk: a delivery reads thousands of them at once."""

import json
from collections import namedtuple
from datetime import datetime

from odoo import api, models
from odoo.tools import SQL

from ...core.bulk import as_array

#: What a fact says of where it came about, and the name it is told by.
_PLACES = (
    ("res.company", "name"),
    ("healthcare.facility", "code"),
    ("healthcare.service.line", "code"),
)
#: Between facts and their parts; no text of JSON has them as they are.
_ROW, _PART = "\x1d", "\x1e"


class FactRow(
    namedtuple(
        "FactRow",
        "fact_id fact_type schema_version operation key sequence setting partner "
        "plain columns sealed event correlation document",
    )
):
    """One fact; all are texts, those that may hold anything as JSON.

    ``setting`` is when it came about, when it was recorded and the ids of company,
    facility and service line. ``plain`` is empty unless all of its ``columns`` leave as
    they are kept. ``sealed`` is in hexadecimal. ``key``, ``event`` and ``correlation``
    are JSON; others are empty where there is nothing.
    """

    __slots__ = ()

    @property
    def moments(self):
        """When it came about and was recorded."""
        return tuple(map(datetime.fromisoformat, self.setting.split("|")[:2]))

    @property
    def place(self):
        """Return the ids of company, facility and service line; 0 for none."""
        return place_of(self.setting)


def place_of(setting):
    """Return the ids of company, facility and service line in a setting."""
    return tuple(map(int, setting.split("|")[2:]))


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    def _parts(self, free):
        """Return the parts of a :class:`FactRow` of each fact, in their order.

        In one text: PostgreSQL writes it, and taking it apart costs a third of what
        fetching as many columns does.

        :param free: ``{fact type: names of columns that leave as they are kept}``
        """
        self.env.flush_all()
        if not self:
            return []
        ((text,),) = self.env.execute_query(
            SQL(
                """SELECT string_agg(concat_ws(%(part)s,
                    f.fact_id, f.fact_type, f.schema_version, f.operation,
                    to_json(f.key), f.sequence,
                    concat_ws('|', f.occurred_at, f.recorded_at,
                        coalesce(f.company_id, 0), coalesce(f.facility_id, 0),
                        coalesce(f.service_line_id, 0)),
                    coalesce(f.partner_id::text, ''),
                    CASE WHEN coalesce(f.columns, '{}') - p.free = '{}' THEN '1'
                        ELSE '' END,
                    coalesce(f.columns, '{}'),
                    coalesce(encode(f.sealed, 'hex'), ''),
                    coalesce(to_json(e.uuid)::text, 'null'),
                    coalesce(CASE WHEN e.id IS NOT NULL
                        THEN to_json(f.correlation_id)::text END, 'null'),
                    coalesce(f.res_model, '') || ',' || coalesce(f.res_id, 0)
                ), %(row)s ORDER BY w.position)
                FROM unnest(%(ids)s::int[]) WITH ORDINALITY AS w(id, position)
                JOIN healthcare_fact f ON f.id = w.id
                LEFT JOIN healthcare_event e ON e.id = f.event_id
                LEFT JOIN jsonb_to_recordset(%(free)s)
                    AS p(fact_type text, free text[]) ON p.fact_type = f.fact_type""",
                row=_ROW,
                part=_PART,
                ids=as_array(self._ids),
                free=json.dumps(
                    [
                        {"fact_type": name, "free": sorted(columns)}
                        for name, columns in free.items()
                    ]
                ),
            )
        )
        return [row.split(_PART) for row in text.split(_ROW)] if text else []

    @api.model
    def _places(self, ids):
        """Return ``{ids: (company, facility, service line)}`` by name or code.

        :param ids: see :attr:`FactRow.place`
        """
        names = []
        for number, (model, field) in enumerate(_PLACES):
            found = {part[number] for part in ids} - {0}
            # Stands in for the system: a target is told what the fact was told.
            records = self.env[model].sudo().browse(found)
            records.fetch([field])
            names.append({0: None, **{one.id: one[field] for one in records}})
        return {
            one: tuple(known[n] for known, n in zip(names, one, strict=True))
            for one in ids
        }

    @api.model
    def _opener(self):
        """Return what opens sealed columns.

        :return: function of what is sealed (bytes) and a fact's UUID; bytes
        :raise KeyringError: when there are no keys
        """
        keyring = self.env["healthcare.keyring"]
        return keyring._get().opener((keyring._database_id(), self._name), ("sealed",))
