"""Corrected versions of events: laid over what came, checked like what comes in."""

import uuid

from odoo import api, models
from odoo.exceptions import UserError

from ...core import strict_json
from ...core.contract import corrections
from ...formats import cloudevents
from ...formats.cloudevents import parse_time


class HealthcareIntake(models.AbstractModel):
    _inherit = "healthcare.intake"

    @api.model
    def _correct(self, event, envelope, reason):
        """Store a corrected version of an event and let it run.

        :raise UserError: why it cannot be taken
        """
        if refused := self._correct_all({event: envelope}, reason):
            raise UserError(refused[event])

    @api.model
    def _correct_all(self, envelopes, reason):
        """Store corrected versions of many events and let them run.

        :param envelopes: ``{event: corrected envelope}``
        :return: ``{event: why not}`` of those that were left as they are
        """
        refused, good = {}, {}
        for event, envelope in envelopes.items():
            checked, problem = self._checked(event, envelope)
            if problem:
                refused[event] = problem
            else:
                good[event] = checked
        for event in self._arrived_meanwhile(good):
            del good[event]
            refused[event] = self.env._(
                "A good event with this id has arrived meanwhile."
            )
        if good:
            self._lay_over(good, reason)
        return refused

    @api.model
    def _checked(self, event, envelope):
        """Return the envelope as it would be taken in, and what is wrong with it."""
        items = cloudevents.read(
            "application/cloudevents+json", {}, strict_json.dumps(envelope)
        ).items
        if errors := items[0].errors or self._errors(items[0].envelope):
            faults = self.env["healthcare.exception"]._faults(event, errors)
            return None, self.env._("Still not right: %s", faults)
        envelope = items[0].envelope
        if not event.rejected and envelope["id"] != event.external_id:
            return None, self.env._("The id of an event cannot be corrected.")
        return envelope, None

    @api.model
    def _arrived_meanwhile(self, good):
        """Return refused events whose id has come with good content by now."""
        ids, late = {}, []
        for event, envelope in good.items():
            if event.rejected:
                ids.setdefault(event.source_id, {}).setdefault(
                    envelope["id"], []
                ).append(event)
        for source, events_by_id in ids.items():
            known = self._known(source, list(events_by_id))
            for external_id, events in events_by_id.items():
                # Of two with the same id the first one counts.
                late += events[0 if external_id in known else 1 :]
        return late

    @api.model
    def _lay_over(self, good, reason):
        """Write versions, move the events to what they now are, and let them go."""
        events = self.env["healthcare.event"].union(*good)
        before = events._envelopes()
        self.env["healthcare.event.correction"].create(
            [
                self._version_values(event, before[event], envelope, reason)
                for event, envelope in good.items()
            ]
        )
        left = set()
        facilities = {s: self._facilities(s) for s in events.source_id}
        for event, envelope in good.items():
            row = self._row(event.source_id, envelope, facilities[event.source_id])
            if event.subject and event.subject != row.subject:
                left.add(event.subject)
            event.write(self._values_of_row(event, row))
        events.flush_recordset()
        self.env.cr.postcommit.data.pop("healthcare.contents", None)
        self.env["healthcare.engine"]._requeue(events.ids)
        if left:
            self.env["healthcare.engine"]._release_subjects(left)

    @api.model
    def _version_values(self, event, before, envelope, reason):
        correction_uuid = str(uuid.uuid4())
        return {
            "event_id": event.id,
            "uuid": correction_uuid,
            "version": max(event.correction_ids.mapped("version"), default=0) + 1,
            "body": self.env["healthcare.keyring"]._seal(
                strict_json.dumps(envelope),
                "healthcare.event.correction",
                correction_uuid,
                "body",
            ),
            "places": ", ".join(sorted(corrections.changed(before, envelope))),
            "reason": reason,
            "user_id": self.env.uid,
        }

    @api.model
    def _values_of_row(self, event, row):
        envelope = row.envelope
        values = {
            "type_id": row.type_id,
            "schema_version": self._type_code(envelope)[1],
            "facility_id": row.facility_id,
            "subject": row.subject,
            "partition": row.partition,
            "occurred_at": parse_time(envelope["time"]).replace(tzinfo=None),
        }
        if event.rejected:
            values.update(
                rejected=False,
                external_id=row.external_id,
                digest=row.digest,
                correlation_id=envelope.get("correlationid") or event.uuid,
                causation_id=envelope.get("causationid"),
                traceparent=envelope.get("traceparent"),
            )
        return values
