"""Look-ups for patient portals: what is owed, whether a visit is cleared."""

from odoo.fields import Domain
from odoo.http import Controller, request

from ..core.errors import InputError
from .responses import BASE, answer, endpoint, problem

MAX_BARS = 10


class StatusController(Controller):
    @endpoint(
        f"{BASE}/accounts/<path:identifier>/invoices",
        auth="healthcare_status",
        methods=["GET"],
        readonly=True,
        returns="invoices",
        answers={
            200: "The invoices",
            400: "The identifier is not system|value",
            404: "No such account",
        },
    )
    def invoices(self, identifier, **_query):
        """Read the posted invoices of one patient, newest first."""
        pairs = _pairs(identifier)
        if not pairs:
            raise InputError(
                "invalid_identifier", "An identifier is system|value.", "/identifier"
            )
        source = self._source()
        env = source.env
        patient = (
            env["healthcare.patient.identifier"]
            .search(
                Domain.OR(
                    Domain("system", "=", system) & Domain("value", "=", value)
                    for system, value in pairs
                ),
                limit=1,
            )
            .partner_id
        )
        if not patient:
            return problem(404, "not_found", "There is no such account.")
        moves = env["account.move"].search(
            [
                ("healthcare_patient_id", "=", patient.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                *self._facility_domain(source, "healthcare_facility_id"),
            ],
            order="invoice_date desc, id desc",
        )
        return answer({"invoices": [_invoice(move) for move in moves]})

    @endpoint(
        f"{BASE}/appointments/<path:identifier>/clearance",
        auth="healthcare_status",
        methods=["GET"],
        readonly=True,
        returns="clearance",
        answers={
            200: "The clearance",
            404: "No such appointment",
            503: "Encryption is not set up",
        },
    )
    def clearance(self, identifier, **_query):
        """Read the financial clearance of one appointment, with its reasons."""
        source = self._source()
        subject = source.env["healthcare.ordering"]._key(
            "appointment", source.namespace, identifier
        )
        appointment = source.env["healthcare.appointment"].search(
            [
                ("subject", "=", subject),
                *self._facility_domain(source, "facility_id"),
            ],
            limit=1,
        )
        if not appointment:
            return problem(404, "not_found", "There is no such appointment.")
        return answer(
            {
                "appointment": appointment.identifier,
                "clearance": appointment.clearance,
                "coverage": appointment.coverage_state or "missing",
                "authorization": appointment.authorization_state or "not_required",
                "supplies": appointment.supplies_state or "not_required",
                "billing_hold": appointment.billing_hold,
                "reasons": appointment.clearance_reasons or [],
            }
        )

    def _source(self):
        # Stands in for the integration user, who has no right on models: it is shown
        # what the scope of its key is for, at the facilities its source speaks for.
        return request.healthcare_source.sudo()

    def _facility_domain(self, source, field):
        allowed = source.facility_ids
        return [(field, "in", allowed.ids)] if allowed else []


def _pairs(identifier):
    """Return ``(system, value)`` as an identifier may mean it: both may hold a bar."""
    parts = identifier.split("|")
    pairs = [
        ("|".join(parts[:place]), "|".join(parts[place:]))
        for place in range(1, min(len(parts), MAX_BARS + 1))
    ]
    return [(system, value) for system, value in pairs if system and value]


def _invoice(move):
    return {
        "number": move.name,
        "date": move.invoice_date.isoformat() if move.invoice_date else None,
        "due": move.invoice_date_due.isoformat() if move.invoice_date_due else None,
        "currency": move.currency_id.name,
        "total": f"{move.amount_total:.2f}",
        "residual": f"{move.amount_residual:.2f}",
        "state": move.payment_state,
        "responsible": move.healthcare_responsible or "patient",
    }
