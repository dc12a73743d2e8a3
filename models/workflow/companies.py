"""Documents of one company are not changed by events of another.

Patients are shared: one contact, whatever company treats it, as Odoo shares contacts.
Everything else belongs to the company of its facility. A number that means a document
of another company is therefore a mistake of the sender, for a person to look at.
"""

from odoo import api, models, tools
from odoo.tools import SQL


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    @api.model_create_multi
    def create(self, vals_list):
        facilities = super().create(vals_list)
        self.env.registry.clear_cache()
        return facilities

    def write(self, vals):
        result = super().write(vals)
        if "company_id" in vals:
            self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    @api.model
    @tools.ormcache()
    def _several_companies(self):
        """Return whether facilities belong to more than one company."""
        # Stands in for the system: asked on behalf of every event.
        groups = (
            self.sudo()
            .with_context(active_test=False)
            ._read_group([], ["company_id"], limit=2)
        )
        return len(groups) > 1


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _without_facility(self, events):
        return self._within_company(super()._without_facility(events))

    @api.model
    def _within_company(self, events):
        """Park events whose subject is another company's; return the others."""
        if not self.env["healthcare.facility"]._several_companies():
            return events
        by_kind = {}
        for event in events:
            kind = (event.subject or "").partition("/")[0]
            by_kind.setdefault(kind, []).append(event.subject)
        owners = {}
        self.env.flush_all()
        for kind, query in self._owner_queries().items():
            if kind in by_kind:
                rows = self.env.execute_query(SQL(query, by_kind[kind]))
                owners.update(rows)
        foreign = events.filtered(
            lambda event: (
                owners.get(event.subject, event.facility_id.company_id.id)
                != event.facility_id.company_id.id
            )
        )
        for event in foreign:
            event._park(
                "schema_mismatch",
                self.env._("This number belongs to a document of another company."),
            )
        return events - foreign

    @api.model
    def _owner_queries(self):
        """Return, per kind of subject, the query for ``(subject, company id)``."""
        return {
            "appointment": "SELECT subject, company_id FROM healthcare_appointment "
            "WHERE subject = ANY(%s)",
            "authorization": "WITH wanted AS (SELECT unnest(%s) AS key) "
            "SELECT w.key, coalesce(v.company_id, a.company_id) FROM wanted w "
            "LEFT JOIN healthcare_authorization a ON a.key = w.key "
            "LEFT JOIN healthcare_appointment v "
            "ON v.subject = 'appointment/' || split_part(w.key, '/', 2) "
            "WHERE coalesce(v.company_id, a.company_id) IS NOT NULL",
            "claim": "SELECT subject, company_id FROM healthcare_claim "
            "WHERE subject = ANY(%s)",
            "order": "SELECT healthcare_order_key, company_id FROM sale_order "
            "WHERE healthcare_order_key = ANY(%s)",
            "payment": "SELECT healthcare_payment_key, company_id FROM account_payment "
            "WHERE healthcare_payment_key = ANY(%s)",
            "service": "SELECT key, company_id FROM healthcare_completion "
            "WHERE key = ANY(%s)",
        }
