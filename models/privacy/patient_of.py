"""Whose an event is, and which events are a patient's."""

from odoo import api, models
from odoo.tools import SQL

from ...core.errors import InputError, KeyringError


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    def _patients(self):
        """Return ``{event id: set of patients' ids}``.

        By the documents that events made, or, of events that made none yet, by the
        numbers they contain. Events about nobody known are left out.
        """
        if not self.ids:
            return {}
        found = {}
        for event_id, patient_id in self.env.execute_query(
            SQL(
                """SELECT t.res_id, t.patient_id FROM %s t
                WHERE t.kind = 'event' AND t.res_id = ANY(%s)""",
                self._timeline(),
                list(self.ids),
            )
        ):
            found.setdefault(event_id, set()).add(patient_id)
        if rest := self.browse([i for i in self.ids if i not in found]):
            found.update(rest._patients_by_number())
        return found

    @api.model
    def _timeline(self):
        query = self.env["healthcare.patient.timeline"]._table_query
        return SQL("(%s)", query)

    def _patients_by_number(self):
        numbers = {}
        for event in self:
            try:
                envelope = event._envelopes()[event.sudo()]
            except (InputError, KeyringError, TypeError):
                continue  # erased, or not to be opened
            numbers[event.id] = set(_numbers(envelope))
        wanted = set().union(*numbers.values()) if numbers else set()
        if not wanted:
            return {}
        # Stands in for the system: this only tells whom a reading is about.
        known = {
            (one.system, one.value): one.partner_id.id
            for one in self.env["healthcare.patient.identifier"]
            .sudo()
            .search([("value", "in", sorted({value for _system, value in wanted}))])
        }
        return {
            event_id: patients
            for event_id, pairs in numbers.items()
            if (patients := {known[pair] for pair in pairs if pair in known})
        }

    @api.model
    def _ids_of_patients(self, partners):
        """Return the ids of all events about these patients.

        Those that made a document of theirs, and those of their own subjects that have
        not come to anything yet.
        """
        if not partners:
            return []
        rows = self.env.execute_query(
            SQL(
                """SELECT t.res_id FROM %s t
                WHERE t.kind = 'event' AND t.patient_id = ANY(%s)
                UNION
                SELECT e.id FROM healthcare_event e
                JOIN healthcare_patient_identifier i ON i.subject = e.subject
                WHERE i.partner_id = ANY(%s)""",
                self._timeline(),
                list(partners.ids),
                list(partners.ids),
            )
        )
        return sorted(row[0] for row in rows)


def _numbers(document):
    """Yield ``(system, value)`` of all identifiers in a document, wherever they are."""
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += node.values()
            for one in node.get("identifiers") or ():
                if isinstance(one, dict):
                    pair = one.get("system"), one.get("value")
                    if all(isinstance(part, str) for part in pair):
                        yield pair
        elif isinstance(node, list):
            stack += node
