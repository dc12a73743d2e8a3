"""Authorizations: asked for, approved, denied, expired, and the billing hold."""

from odoo import Command, api, models

from ..erp.values import changed, day, newer, number, stamp
from ..erp.visit.clearance import UPCOMING


class HealthcareWorkflowAuthorization(models.AbstractModel):
    _name = "healthcare.workflow.authorization"
    _description = "Authorization Workflow"
    _inherit = "healthcare.workflow"

    @api.model
    def _on_authorization_requested(self, events):
        self._decide(events, "requested")

    @api.model
    def _on_authorization_approved(self, events):
        self._decide(events, "approved")

    @api.model
    def _on_authorization_denied(self, events):
        self._decide(events, "denied")

    @api.model
    def _on_authorization_expired(self, events):
        self._decide(events, "expired")

    @api.model
    def _decide(self, events, state):
        """Bring authorizations, and the visits they are for, to what events say."""
        patients = self._with_patient(self._without_facility(events))
        parts = self._parts_of(patients, state)
        appointments = self._appointments_by_authorization(
            event.subject for event in parts
        )
        known = {
            one.key: one
            for one in self.env["healthcare.authorization"].search(
                [("key", "in", [event.subject for event in parts])]
            )
        }
        found, told = {}, {}
        for event, values in parts.items():
            if authorization := known.get(event.subject):
                found[event] = authorization
                if self._update_authorization(event, authorization, values):
                    told[authorization] = event
                else:
                    event._note_stale()
        new = {event: values for event, values in parts.items() if event not in found}
        for event, authorization in self._create_authorizations(
            new, patients, appointments
        ).items():
            found[event] = authorization
            told[authorization] = event
        for event, authorization in found.items():
            event._link(authorization, authorization.appointment_id)
        self._follow(told)
        self._emit_authorizations(told)

    @api.model
    def _parts_of(self, patients, state):
        """Return ``{event: {part: {field: value}}}``; park unknown codes."""
        contents = {event: event._content() for event in patients}
        services = self._services_by_code(
            {
                line["code"]
                for data in contents.values()
                for line in data["authorization"].get("services") or ()
            }
        )
        payers = self._payers_by_code(
            (data.get("payer") or {}).get("code") for data in contents.values()
        )
        result = {}
        for event, data in contents.items():
            given = data["authorization"]
            codes = [line["code"] for line in given.get("services") or ()]
            unknown = next((code for code in codes if code not in services), None)
            if unknown:
                event._park(
                    "unmapped_code",
                    self.env._("No service has the code %s.", unknown),
                    cause=f"service/{unknown}",
                    patient_id=patients[event].id,
                )
                continue
            payer = (data.get("payer") or {}).get("code")
            if payer and payer not in payers:
                event._park(
                    "missing_payer",
                    self.env._("No payer has the code %s.", payer),
                    cause=f"payer/{payer}",
                    patient_id=patients[event].id,
                )
                continue
            parts = {
                "state": {
                    "state": state,
                    "reason": given.get("reason") or False,
                    "lapsed": False,
                }
            }
            if given.get("number"):
                parts["number"] = {"number": given["number"]}
            if given.get("units") is not None:
                parts["units"] = {"units": number(given["units"])}
            if given.get("period"):
                parts["period"] = {
                    "date_from": day(given["period"].get("start")),
                    "date_to": day(given["period"].get("end")),
                }
            if payer:
                parts["payer"] = {"payer_id": payers[payer].id}
            if codes:
                ids = [services[code].id for code in codes]
                parts["services"] = {"service_ids": [Command.set(ids)]}
            result[event] = parts
        return result

    @api.model
    def _create_authorizations(self, new, patients, appointments):
        vals_list = []
        for event, parts in new.items():
            values, known = newer({}, stamp(event), parts)
            vals_list.append(
                {
                    "key": event.subject,
                    "facility_id": event.facility_id.id,
                    "patient_id": patients[event].id,
                    "standing": not event._content().get("appointment_id"),
                    "appointment_id": appointments[event.subject].id
                    if event.subject in appointments
                    else False,
                    "known_at": event.occurred_at,
                    "known_fields": known,
                    "decisions": _decided({}, event, parts),
                    **values,
                }
            )
        created = self.env["healthcare.authorization"].create(vals_list)
        return dict(zip(new, created, strict=True))

    @api.model
    def _update_authorization(self, event, authorization, parts):
        """Write what counts of an event; return whether anything changed."""
        before = authorization.known_fields or {}
        values, known = newer(before, stamp(event), parts)
        services = values.pop("service_ids", None)
        values = changed(authorization, values)
        if services and set(services[0][2]) != set(authorization.service_ids.ids):
            values["service_ids"] = services
        result = bool(values)
        if known != before:
            values["known_fields"] = known
        # An older decision is history, but it counts for services of its time.
        decisions = _decided(authorization.decisions, event, parts)
        if decisions != authorization.decisions:
            values["decisions"] = decisions
            result = True
        if event.occurred_at > authorization.known_at:
            values["known_at"] = event.occurred_at
        if values:
            authorization.write(values)
        return result

    @api.model
    def _follow(self, told):
        """Hold billing or let it go on, and judge the visits anew."""
        by_appointment, standing = {}, {}
        for authorization, event in told.items():
            appointment = authorization.appointment_id
            if appointment:
                by_appointment[appointment] = event
            if authorization.standing:
                standing[authorization.patient_id] = event
            if authorization._leaves_gap():
                gap = authorization._gap_values()
                event._raise_issue(cause=gap.pop("cause_key"), **gap)
            else:
                event._resolve_issues(f"authorization/{authorization.key}")
                event._announce(f"authorization/{authorization.key}")
        changed_ones = self.env["healthcare.appointment"].concat(*by_appointment)
        changed_ones._compute_clearance()
        changed_ones._emit_appointments(by_appointment)
        self._follow_standing(standing)

    @api.model
    def _follow_standing(self, events):
        """Judge the visits of patients anew, and let go what waited for approval.

        :param events: ``{patient: event}`` about a standing authorization
        """
        if not events:
            return
        self._refresh_clearance(events)
        key_of = self.env["healthcare.ordering"]._authorization_key
        for visit in self.env["healthcare.appointment"].search(
            [
                ("patient_id", "in", [patient.id for patient in events]),
                ("state", "not in", ("cancelled", "no_show")),
            ]
        ):
            events[visit.patient_id]._announce(f"authorization/{key_of(visit.subject)}")

    @api.model
    def _follow_timer(self, authorizations):
        """Do the same for those whose period is over, of which no event told."""
        gaps = authorizations.filtered(lambda one: one._leaves_gap())
        self.env["healthcare.exception"]._open_or_update(
            [authorization._gap_values() for authorization in gaps]
        )
        visits = authorizations.appointment_id
        if standing := authorizations.filtered("standing"):
            visits |= visits.search([("patient_id", "in", standing.patient_id.ids)])
        visits = visits.filtered(lambda visit: visit.state in UPCOMING)
        judged = visits._compute_clearance()
        judged._emit_appointments(dict.fromkeys(judged))
        self._emit_authorizations(dict.fromkeys(authorizations))

    @api.model
    def _emit_authorizations(self, told):
        rows = self.env["healthcare.authorization"]._fact_rows(told)
        self.env["healthcare.fact"]._emit("authorization", rows)


def _decided(decisions, event, parts):
    """Return ``{state: time}``: the last approval, the first of every other state."""
    state = parts["state"]["state"]
    time = event.occurred_at.isoformat(timespec="microseconds")
    known = (decisions or {}).get(state, time)
    choose = max if state == "approved" else min
    return {**(decisions or {}), state: choose(known, time)}


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _cause_queries(self):
        left = "(coalesce(units, 0) = 0 OR coalesce(units_used, 0) < units)"
        return {
            **super()._cause_queries(),
            # What was held by an authorization: the key is "authorization/<subject>".
            "authorization": "WITH wanted AS (SELECT unnest(%s) AS key) "
            "SELECT key FROM healthcare_authorization JOIN wanted USING (key) "
            f"WHERE state IN ('approved', 'requested') AND {left} UNION "
            "SELECT w.key FROM wanted w JOIN healthcare_appointment v ON "
            "v.subject = 'appointment/' || split_part(w.key, '/', 2) "
            "JOIN healthcare_authorization s ON s.patient_id = v.patient_id "
            "AND s.company_id = v.company_id AND s.standing "
            f"WHERE s.state = 'approved' AND {left}",  # nosec B608 # constants
        }
