"""Facts written as JSON for a target, thousands at once.

Most of a fact leaves as the text that it lies in the database as, and what is the same
for many facts is written once: to make a dict of each would take many times as long.
"""

import json

from odoo import models

from ...core import facts, strict_json
from ...core.delivery import dialects
from .fact_rows import FactRow, place_of

PATIENT_KEYED = ("registration",)  # types whose document is the patient itself
#: A column that is no PHI lies among the sealed ones: it was some when it was written.
_MIXED = object()


class _Writer:
    """Writes facts as one target gets them.

    :param target: the target
    :param rules: :class:`~.policy.Rules`
    :param patients: ``{partner id as text: what the target knows the patient by}``
    :param places: see ``_places`` of facts
    :param opener: returns what opens sealed columns, see ``_opener`` of facts
    """

    def __init__(self, target, rules, patients, places, opener):
        self.target, self.rules, self.patients = target, rules, patients
        self.places, self.opener, self.opening = places, opener, None
        self.by_patient = rules.treatments["date"] == "shift"
        self.settings = {}
        self.sealed = {}

    def tell(self, parts):
        """Return the parts of a :class:`~.fact_rows.FactRow` as ``dialects.Written``.

        :raise KeyringError: when sealed columns cannot be opened
        """
        fact_id, fact_type, version, operation, key, sequence, setting = parts[:7]
        partner, plain, columns, sealed, event, correlation, document = parts[7:]
        document, patient = f'"{document}"', "null"
        if partner:
            patient = f'"{self.patients[partner]}"'
            if fact_type in PATIENT_KEYED:
                key, document = f'"{fact_type}:{patient[1:]}', "null"
        place = setting, fact_type, partner if self.by_patient else bool(partner)
        setting = self.settings.get(place) or self._set(place, parts)
        if not plain:
            values = self._members(parts)
        elif sealed:
            values = self._with_sealed(parts, fact_id, fact_type, columns, sealed)
        else:
            values = columns[1:-1]  # it leaves as it lies there
        return dialects.Written(
            key,
            sequence,
            f'{{"fact_id":"{fact_id}","fact_type":"{fact_type}",'
            f'"schema_version":"{version}","operation":"{operation}",'
            f'"key":{key},"sequence":{sequence},{setting},"patient_key":{patient},'
            f'{values}{"," if values else ""}"lineage_event":{event},'
            f'"lineage_correlation":{correlation},"lineage_document":{document}}}',
        )

    def _set(self, place, parts):
        """Write when and where, which many facts have in common."""
        row = FactRow(*parts)
        occurred, recorded = self.target._leaving_times(row, self.rules)
        company, facility, line = map(_text, self.places[row.place])
        told = (
            f'"occurred_at":"{occurred}","recorded_at":"{recorded}",'
            f'"company":{company},"facility":{facility},"service_line":{line}'
        )
        self.settings[place] = told
        return told

    def _with_sealed(self, parts, fact_id, fact_type, columns, sealed):
        """Return the members of the type's own columns, those sealed as they may leave.

        Many facts say the same there: a date, a place.
        """
        opened = (self.opening or self._open())(bytes.fromhex(sealed), fact_id)
        country = json.loads(columns).get("country") if '"country"' in columns else None
        shift = 0
        if self.by_patient:
            shift = self.target._shift_of(FactRow(*parts), self.rules)
        key = fact_type, opened, country, shift
        more = self.sealed.get(key)
        if more is None:
            more = self.sealed[key] = self._sealed_members(*key)
        if more is _MIXED:
            return self._members(parts)
        return f"{columns[1:-1]},{more}" if len(columns) > 2 else more

    def _open(self):
        """Ask for the keys when they are first needed."""
        self.opening = self.opener()
        return self.opening

    def _sealed_members(self, fact_type, opened, country, shift):
        values = json.loads(opened)
        if self.rules.free_of(fact_type) & values.keys():
            return _MIXED
        country = country or values.get("country") or "US"
        plan = self.rules.plan_of(fact_type)
        return _inside(plan.apply(values, country=country, shift=shift))

    def _members(self, parts):
        row = FactRow(*parts)
        values = json.loads(row.columns)
        if row.sealed:
            opening = self.opening or self._open()
            values.update(json.loads(opening(bytes.fromhex(row.sealed), row.fact_id)))
        return _inside(self.target._leaving(row, values, self.rules))


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
        rules = self.env["healthcare.policy"]._in_force(self.policy)
        free = {name: rules.free_of(name) for name in facts.CATALOGUE}
        rows = fact_records._parts(
            {name: free[name] for name in free.keys() - facts.CELLS.keys()}
        )
        partners = {row[_PARTNER] for row in rows} - {""}
        known = self._patient_keys(list(map(int, partners)), rules)
        writer = _Writer(
            self,
            rules,
            {str(partner): value for partner, value in known.items()},
            fact_records._places({place_of(row[_SETTING]) for row in rows}),
            fact_records._opener,
        )
        return list(map(writer.tell, rows))


_PARTNER, _SETTING = map(FactRow._fields.index, ("partner", "setting"))


def _text(value):
    return strict_json.dumps(value).decode()


def _inside(values):
    return _text(values)[1:-1]
