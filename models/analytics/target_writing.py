"""Facts written as JSON for a target, thousands at once.

Most of a fact leaves as the text that it lies in the database as, and what is the same
for many facts is written once: to make a dict of each would take three times as long.
"""

import json
from json.encoder import encode_basestring as quoted

from odoo import models

from ...core import facts, strict_json
from ...core.delivery import dialects

PATIENT_KEYED = ("registration",)  # types whose document is the patient itself
#: A column that is no PHI lies among the sealed ones: it was some when it was written.
_MIXED = object()


class _Writer:
    """Writes facts as one target gets them.

    :param target: the target
    :param rules: :class:`~.policy.Rules`
    :param surrogates: ``{partner id: what the target knows the patient by}``
    :param places: ``{ids of company, facility, service line: their names}``
    """

    def __init__(self, target, rules, surrogates, places):
        self.target, self.rules, self.surrogates = target, rules, surrogates
        self.plain = rules.treatments["date"]  # what becomes of most moments
        self.places = {
            ids: ",".join(
                f'"{column}":{strict_json.dumps(name).decode()}'
                for column, name in zip(
                    ("company", "facility", "service_line"), names, strict=True
                )
            )
            for ids, names in places.items()
        }
        self.moments = {}
        self.sealed = {}

    def tell(self, row):
        """Return a :class:`~.fact_rows.FactRow` as :class:`~...dialects.Written`."""
        patient = self.surrogates.get(row.partner)
        key, document = row.key, f'"{row.document}"'
        if patient and row.fact_type in PATIENT_KEYED:
            key, document = f"{row.fact_type}:{patient}", "null"
        patient = f'"{patient}"' if patient else "null"
        values = self._values(row)
        return dialects.Written(
            key,
            row.sequence,
            f'{{{row.head},"key":{quoted(key)},"sequence":{row.sequence},'
            f"{self._times(row)},{self.places[row.place]},"
            f'"patient_key":{patient},{values}{"," if values else ""}{row.lineage},'
            f'"lineage_document":{document}}}',
        )

    def _times(self, row):
        """Return both moments as members; many facts are recorded in the same one."""
        personal = bool(row.partner) or row.fact_type == "exception"
        moved_by = row.partner if self.plain == "shift" else None
        key = row.occurred, row.recorded, personal, moved_by
        found = self.moments.get(key)
        if found is None:
            occurred, recorded = self.target._leaving_times(row, self.rules)
            found = f'"occurred_at":"{occurred}","recorded_at":"{recorded}"'
            self.moments[key] = found
        return found

    def _values(self, row):
        """Return the members of the type's own columns, without braces."""
        values = row.values
        if row.fact_type in facts.CELLS or not self.rules.free_of(
            row.fact_type
        ).issuperset(values):
            return self._members(row)
        told = row.columns[1:-1] if values else ""  # it leaves as it lies there
        if not row.opened:
            return told
        shift = self.target._shift_of(row, self.rules)
        key = row.fact_type, row.opened, values.get("country"), shift
        more = self.sealed.get(key)
        if more is None:
            more = self.sealed[key] = self._sealed_members(row, shift)
        if more is _MIXED:
            return self._members(row)
        return f"{told},{more}" if told else more

    def _sealed_members(self, row, shift):
        """Return the members of what was sealed, as it may leave.

        Many facts say the same there: a date, a place.
        """
        opened = json.loads(row.opened)
        country = row.values.get("country") or opened.get("country") or "US"
        if self.rules.free_of(row.fact_type) & opened.keys():
            return _MIXED
        plan = self.rules.plan_of(row.fact_type)
        return _inside(plan.apply(opened, country=country, shift=shift))

    def _members(self, row):
        return _inside(self.target._leaving(row, row.all_values(), self.rules))


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    def _written(self, fact_records):
        """Return what is sent of facts: written ones, or documents yet to be written.

        :raise KeyringError: when sealed columns cannot be opened
        """
        return self._texts(fact_records)

    def _render(self, fact_records):
        """Return the flat documents of facts as this target's policy allows.

        :raise KeyringError: when sealed columns cannot be opened
        """
        return [json.loads(one.text) for one in self._texts(fact_records)]

    def _texts(self, fact_records):
        self.ensure_one()
        rows = fact_records._rows()
        rules = self.env["healthcare.policy"]._in_force(self.policy)
        patients = list({row.partner for row in rows if row.partner})
        writer = _Writer(
            self,
            rules,
            self._patient_keys(patients, rules),
            fact_records._places({row.place for row in rows}),
        )
        return [writer.tell(row) for row in rows]


def _inside(values):
    return strict_json.dumps(values).decode()[1:-1]
