"""Telling analytics anew: whose a document is can change long after it was told."""

from odoo import api, models
from odoo.tools import SQL


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    @api.model
    def _latest(self, documents):
        """Return the newest fact of each key of documents.

        :param documents: set of ``(model, id)``
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT ON (key) id FROM healthcare_fact
                WHERE (res_model, res_id) IN
                    (SELECT * FROM unnest(%s::text[], %s::int[]))
                ORDER BY key, sequence DESC""",
                [model for model, _id in documents],
                [res_id for _model, res_id in documents],
            )
        )
        return self.browse(row[0] for row in rows)

    @api.model
    def _newest(self, keys):
        """Return the newest fact of each key that was told of."""
        rows = self.env.execute_query(
            SQL(
                """SELECT DISTINCT ON (key) id FROM healthcare_fact
                WHERE key = ANY(%s) ORDER BY key, sequence DESC""",
                list(set(keys)),
            )
        )
        return self.browse(row[0] for row in rows)

    @api.model
    def _retell(self, documents, patient, event):
        """Tell what was told of documents anew, as of another patient.

        A new row with a higher sequence, so that targets replace what they have.
        """
        facts = self._latest(documents).filtered(
            lambda one: one.operation == "upsert" and one.partner_id != patient
        )
        sealed = facts._phi_values()
        for fact_type, ones in (
            facts.filtered("partner_id").grouped("fact_type").items()
        ):
            self._emit(
                fact_type,
                [
                    {
                        "document": self.env[one.res_model].browse(one.res_id),
                        "part": ":".join(one.key.split(":")[2:]),
                        "event": event,
                        "facility": one.facility_id,
                        "service_line": one.service_line_id,
                        "patient": patient,
                        "occurred_at": one.occurred_at,
                        "values": {**(one.columns or {}), **sealed[one]},
                    }
                    for one in ones
                ],
            )

    @api.model
    def _withdraw(self, fact_type, documents, event):
        """Tell targets to forget documents they were told of.

        :param event: what it follows from; ``None`` where a person deleted them
        """
        if not documents:
            return
        last = self._latest({(documents._name, res_id) for res_id in documents.ids})
        ones = last.filtered(
            lambda one: one.fact_type == fact_type and one.operation == "upsert"
        )
        self._emit(
            fact_type,
            [
                {
                    "document": documents.browse(one.res_id),
                    "event": event,
                    "facility": one.facility_id,
                    "patient": one.partner_id,
                    "operation": "delete",
                    "values": {},
                }
                for one in ones
            ],
        )
