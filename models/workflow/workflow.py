"""What all workflows share: looking things up in bulk, and naming what is missing."""

from odoo import api, models
from odoo.tools import SQL


class HealthcareWorkflow(models.AbstractModel):
    """Base of the business flows.

    A flow implements ``_on_<event>(events)`` for event types that name it as their
    ``workflow``. ``events`` are many events of one type and one company, at most one per
    subject. It may say of an event:

    - ``event._content()``: its canonical ``data``
    - ``event._park(category, reason, cause=…, amount=…)``: a person must look
    - ``event._raise_issue(category, reason, fingerprint, …)``: the same, but go on
    - ``event._link(documents)``: these documents come from it
    - ``event._note_stale()``: it was older than what is known
    - ``event._announce(key)``: what others wait for is there now

    Whatever it raises rolls the group back; it is then split until the bad event stands
    alone.
    """

    _name = "healthcare.workflow"
    _description = "Workflow"

    # -- look-ups, one query for many events ------------------------------------

    @api.model
    def _patients_by_subject(self, subjects):
        """Return ``{patient key: res.partner}`` for keyed hashes of identifiers."""
        identifiers = self.env["healthcare.patient.identifier"].search(
            [("subject", "in", list(subjects))]
        )
        return {identifier.subject: identifier.partner_id for identifier in identifiers}

    @api.model
    def _payers_by_code(self, codes):
        payers = self.env["res.partner"].search(
            [("healthcare_payer_code", "in", [code for code in codes if code])]
        )
        return {payer.healthcare_payer_code: payer for payer in payers}

    @api.model
    def _services_by_code(self, codes):
        services = self.env["healthcare.service"].search([("code", "in", list(codes))])
        return {service.code: service for service in services}

    @api.model
    def _supplies_by_code(self, codes):
        """Return ``{code: product}`` of stocked products by internal reference."""
        products = self.env["product.product"].search(
            [("default_code", "in", list(codes)), ("type", "=", "consu")]
        )
        return {product.default_code: product for product in products}

    @api.model
    def _appointments_by_subject(self, subjects):
        appointments = self.env["healthcare.appointment"].search(
            [("subject", "in", list(subjects))]
        )
        return {appointment.subject: appointment for appointment in appointments}

    @api.model
    def _patient_keys(self, data):
        """Return the patient keys of an event's ``data``, the first one first."""
        ordering = self.env["healthcare.ordering"]
        return [
            ordering._patient_key(identifier["system"], identifier["value"])
            for identifier in (data.get("patient") or {}).get("identifiers", ())
        ]

    # -- what is missing --------------------------------------------------------

    @api.model
    def _without_facility(self, events):
        """Park events of a facility nobody has set up; return the others."""
        good = events.browse()
        for event in events:
            if event.facility_id:
                good |= event
            elif facility := self.env["healthcare.facility"].search(
                [("code", "=", event._content()["facility"])]
            ):
                # Set up after the event came in.
                event.facility_id = facility
                good |= event
            else:
                event._park(
                    "missing_dependency",
                    self.env._("No facility with this code is set up."),
                    cause=f"facility/{event._content()['facility']}",
                )
        return good

    @api.model
    def _causes_present(self, causes):
        """Return those cause keys whose missing thing is there by now."""
        by_kind = {}
        for cause in causes:
            kind, _, value = cause.partition("/")
            by_kind.setdefault(kind, {})[value] = cause
        present = set()
        for kind, query in self._cause_queries().items():
            values = by_kind.get(kind)
            if not values:
                continue
            keys = list(values.values()) if kind in self._hashed_kinds() else list(values)
            for (found,) in self.env.execute_query(SQL(query, keys)):
                present.add(found if kind in self._hashed_kinds() else values[found])
        return present

    @api.model
    def _hashed_kinds(self):
        """Kinds whose stored key is the whole ``kind/hash``."""
        return ("patient", "appointment", "account", "claim", "order")

    @api.model
    def _cause_queries(self):
        """Return, per kind of cause, the query for which of the given keys exist."""
        return {
            "patient": "SELECT DISTINCT subject FROM healthcare_patient_identifier "
            "WHERE subject = ANY(%s)",
            "appointment": "SELECT subject FROM healthcare_appointment "
            "WHERE subject = ANY(%s)",
            "claim": "SELECT subject FROM healthcare_claim WHERE subject = ANY(%s)",
            "payer": "SELECT healthcare_payer_code FROM res_partner "
            "WHERE active AND healthcare_payer_code = ANY(%s)",
            "service": "SELECT code FROM healthcare_service "
            "WHERE active AND code = ANY(%s)",
            "supply": "SELECT default_code FROM product_product "
            "WHERE active AND default_code = ANY(%s)",
            "facility": "SELECT code FROM healthcare_facility "
            "WHERE active AND code = ANY(%s)",
        }
