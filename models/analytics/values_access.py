"""What facts say of visits, authorizations and exceptions."""

from odoo import api, models

from ..erp.values import money


def iso(moment):
    """Return a naive UTC datetime as facts carry it, ``None`` for nothing."""
    return moment.isoformat() + "Z" if moment else None


def span(start, end, seconds):
    """Return the time between two moments in a unit, ``None`` if one is missing."""
    return round((end - start).total_seconds() / seconds, 2) if start and end else None


class HealthcareAppointment(models.Model):
    _inherit = "healthcare.appointment"

    def _fact_values(self):
        """Return the columns of the fact that tells of a visit."""
        self.ensure_one()
        return {
            "state": self.state,
            "start": iso(self.start),
            "services": ",".join(self.line_ids.service_id.mapped("code")),
            "clearance": self.clearance,
            "coverage": self.coverage_state or None,
            "authorization": self.authorization_state or None,
            "supplies": self.supplies_state or None,
            "billing_hold": self.billing_hold,
            "amount_expected": money(self.amount_expected),
            "patient_estimate": money(self.patient_estimate),
            "deposit": self.deposit_state or None,
            "booked_at": iso(self.booked_at),
            "lead_days": span(self.booked_at, self.start, 86400),
            "minutes": span(self.start, self.end, 60),
            "provider": self.provider or None,
            "self_pay": self.self_pay,
            "no_show": self.state == "no_show",
            "currency": self.currency_id.name,
        }


class HealthcareAuthorization(models.Model):
    _inherit = "healthcare.authorization"

    @api.model
    def _fact_rows(self, events):
        """Return the rows of facts that tell of authorizations.

        :param events: ``{authorization: event}``
        """
        return [
            {
                "document": one,
                "event": events[one],
                "facility": one.facility_id,
                "service_line": one.service_ids[:1].service_line_id,
                "patient": one.patient_id,
                "occurred_at": None if events[one] else one._end_of_period(),
                "values": one._fact_values(),
            }
            for one in self.browse().concat(*events)
        ]

    def _fact_values(self):
        """Return the columns of the fact that tells of an authorization."""
        self.ensure_one()
        times = {
            state: self.env["healthcare.fact"]._moment_of(text)
            for state, text in (self.decisions or {}).items()
        }
        answers = [times[one] for one in ("approved", "denied") if one in times]
        asked, decided = times.get("requested"), min(answers, default=None)
        visit = self.appointment_id
        return {
            "state": self.state,
            "payer": self.payer_id.healthcare_payer_code or None,
            "units": self.units or None,
            "units_used": self.units_used if self.units else None,
            "services": ",".join(self.service_ids.mapped("code")) or None,
            "period_from": self.date_from.isoformat() if self.date_from else None,
            "period_to": self.date_to.isoformat() if self.date_to else None,
            "requested_at": iso(asked),
            "decided_at": iso(decided),
            "decision_days": span(asked, decided, 86400),
            "lapsed": self.lapsed,
            "appointment_key": f"appointment:{visit.id}" if visit else None,
        }


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _fact_values(self):
        """Return the columns of the fact that tells of an exception."""
        self.ensure_one()
        closed = self.resolved_at if self.state in ("resolved", "waived") else None
        return {
            "state": self.state,
            "category": self.category,
            "amount_at_risk": money(self.amount_at_risk),
            "resolution": self.resolution or None,
            "opened_at": iso(self.opened_at),
            "closed_at": iso(closed),
            "due_at": iso(self.deadline),
            "open_hours": span(self.opened_at, closed, 3600),
            "overdue": closed > self.deadline if closed and self.deadline else None,
            "payer": self.payer_id.healthcare_payer_code or None,
            "currency": self.currency_id.name or None,
        }
