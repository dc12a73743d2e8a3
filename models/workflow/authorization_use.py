"""Services against authorizations: may they be billed, and which units they use."""

from odoo import api, models


class HealthcareWorkflowService(models.AbstractModel):
    _inherit = "healthcare.workflow.service"

    @api.model
    def _check_authorizations(self, cases):
        """Hold billing of what the payer refused, limits, or has still to allow.

        Sets ``case.uses``, ``{authorization: units}``, of those that may be billed.
        """
        found = self._authorizations_for(cases)
        rules = self.env["healthcare.authorization.rule"]._of_payers(
            {case.coverage.payer_id.id for case in cases if case.coverage}
        )
        taken = {}
        for case in cases:
            case.uses = {}
            if case.appointment.self_pay or not case.coverage:
                continue
            refusal = self._refusal(case, found[case], rules, taken)
            if refusal:
                reason, cause = refusal
                case.park(
                    "authorization_gap",
                    reason,
                    cause=cause,
                    payer_id=case.coverage.payer_id.id,
                )
                continue
            for authorization, units in case.uses.items():
                taken[authorization] = taken.get(authorization, 0.0) + units

    @api.model
    def _authorizations_for(self, cases):
        """Return ``{case: authorizations}``, the visit's own and the patient's."""
        key_of = self.env["healthcare.ordering"]._authorization_key
        keys = {
            case: key_of(case.appointment.subject) for case in cases if case.appointment
        }
        found = self.env["healthcare.authorization"].search(
            [
                "|",
                ("key", "in", list(keys.values())),
                "&",
                ("standing", "=", True),
                ("patient_id", "in", [case.patient.id for case in cases]),
            ]
        )
        found.fetch(["service_ids"])  # of all, before they are looked at one by one
        own = {one.key: one for one in found if not one.standing}
        standing = found.filtered("standing").grouped(
            lambda one: (one.patient_id, one.company_id)
        )
        none = found.browse()
        return {
            case: own.get(keys.get(case), none)
            | standing.get((case.patient, case.event.facility_id.company_id), none)
            for case in cases
        }

    @api.model
    def _refusal(self, case, authorizations, rules, taken):
        """Return ``(reason, cause)`` why a service may not be billed, else ``None``.

        Fills ``case.uses`` on the way. Without an appointment nothing is held back,
        but units are counted. Services that need no approval take what units those
        that do leave over, and none when there are none.
        """
        visit = case.appointment
        quantities = case.quantities()
        needing = {
            service
            for service in quantities
            if visit and visit._service_needs(service, case.coverage, rules)
        }
        for service in sorted(quantities, key=lambda one: one not in needing):
            quantity = quantities[service]
            ones = authorizations._for_service(service)
            own = ones.filtered(lambda one: not one.standing)
            chosen, refusal = self._choose(case, own, ones - own, quantity, taken)
            if chosen:
                case.uses[chosen] = case.uses.get(chosen, 0.0) + quantity
            elif service in needing or self._refused(case, own):
                key_of = self.env["healthcare.ordering"]._authorization_key
                return (
                    refusal
                    or self.env._("The payer has not authorized this service yet."),
                    f"authorization/{key_of(visit.subject)}",
                )
        return None

    @api.model
    def _refused(self, case, own):
        """Return whether the payer said no to a visit, were it needed or not."""
        day = case.performed_at.date()
        return any(
            self._why_not(one._state_at(case.event.occurred_at, day)) for one in own
        )

    @api.model
    def _choose(self, case, own, standing, quantity, taken):
        """Return ``(authorization that allows a service or None, reason or None)``."""
        refusal = None
        for one in own | standing:
            state = one._state_at(case.event.occurred_at, case.performed_at.date())
            if state == "approved":
                used = taken.get(one, 0.0) + case.uses.get(one, 0.0)
                used -= self._used_before(case, one)
                if one._has_units(quantity, used):
                    return one, None
                refusal = refusal or one._units_sentence(quantity, used)
            elif why := self._why_not(state):
                if one in own:
                    return None, why
                refusal = refusal or why
        return None, refusal

    @api.model
    def _used_before(self, case, authorization):
        """Return units that the version of this service to be replaced has used."""
        replaced = _replaced(case)
        if not replaced:
            return 0.0
        return sum(
            use.units
            for use in authorization.use_ids
            if use.completion_id.id in replaced
        )

    @api.model
    def _why_not(self, state):
        return {
            "denied": self.env._("The payer denied the authorization."),
            "expired": self.env._("The authorization has expired."),
            "early": self.env._("The authorization begins after the service."),
        }.get(state)

    # -- units ------------------------------------------------------------------

    @api.model
    def _create_completions(self, cases):
        result = super()._create_completions(cases)
        self._use_units(cases)
        return result

    @api.model
    def _use_units(self, cases):
        """Write down the units that services use, once per service."""
        uses = self.env["healthcare.authorization.use"]
        stale = [case.completion.id for case in cases]
        stale += [i for case in cases for i in _replaced(case)]
        uses.search([("completion_id", "in", stale)]).unlink()
        created = uses.create(
            [
                {
                    "authorization_id": authorization.id,
                    "completion_id": case.completion.id,
                    "units": units,
                }
                for case in cases
                for authorization, units in case.uses.items()
                if units > 0
            ]
        )
        limited = created.authorization_id.filtered("units")
        if not limited:
            return
        told = {
            authorization: case.event
            for case in cases
            for authorization in case.uses
            if authorization in limited
        }
        workflow = self.env["healthcare.workflow.authorization"]
        workflow._emit_authorizations(told)
        self._refresh_clearance(
            {one.patient_id: event for one, event in told.items() if one.standing}
        )


def _replaced(case):
    """Return ids of the version of a service that this one takes the place of."""
    replaced = getattr(case, "replaced", None)
    return replaced.ids if replaced else []
