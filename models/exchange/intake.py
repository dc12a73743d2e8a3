"""Intake: from envelopes to durable rows and receipts, in bulk.

Written in SQL because this is the one place where thousands of rows arrive in one
request, and because exactly-once rests on ``ON CONFLICT``. It runs for integration
users, who have no right on any model: the source was authenticated by its key.
"""

import uuid
from collections import namedtuple

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock, strict_json
from ...core.contract import schema, upcast
from ...core.errors import InputError
from ...formats.cloudevents import parse_time

# Differ between sendings of the same thing, so they do not make it another thing.
TRANSPORT_ATTRIBUTES = ("traceparent", "tracestate")

Receipt = namedtuple("Receipt", "id status event errors", defaults=((),))
# ``origin``: message, mapping and its name, of what came in a vendor's format.
NO_ORIGIN = (None, None, None)
_Row = namedtuple(
    "_Row",
    "uuid external_id type_id facility_id subject partition envelope digest origin",
    defaults=(NO_ORIGIN,),
)


class HealthcareIntake(models.AbstractModel):
    _name = "healthcare.intake"
    _description = "Intake of Events"

    @api.model
    def _receive(self, source, items, derived=False):
        """Store what one request brought; return a receipt per item, in order.

        :param source: the authenticated ``healthcare.source``
        :param items: :class:`~..formats.cloudevents.Item` list
        :param derived: the ids were made by us of what identifies a message, so that
            the same id is the same thing, whatever else differs
        :return: list of :class:`Receipt`; status ``accepted``, ``duplicate`` or
            ``rejected``, errors as ``{"pointer", "code", "detail"}``
        """
        receipts = [None] * len(items)
        rows, rejects = {}, {}
        facilities = self._facilities(source)
        for position, item in enumerate(items):
            errors = list(item.errors) or self._errors(item.envelope, facilities)
            if errors:
                rejects[position] = (item, errors)
            else:
                row = self._row(source, item.envelope, facilities)
                rows[position] = row._replace(origin=_origin(item))
        self._store(source, rows, receipts, derived)
        self._keep_rejected(source, rejects, receipts, derived)
        if items:
            source._heard()
        return receipts

    # -- validation -------------------------------------------------------------

    @api.model
    def _type_code(self, envelope):
        """Return ``(code, version)``; the version is ``None`` when it is not taken."""
        accepted = self.env["healthcare.event.type.version"]._accepted()
        return upcast.choose(envelope, accepted)

    @api.model
    def _canonical(self, envelope):
        """Return the data of an event as the version the workflows know has it."""
        code, version = self._type_code(envelope)
        newest = self.env["healthcare.event.type"]._version_by_code()[code]
        return upcast.upcast(code, version, newest, envelope["data"])

    @api.model
    def _errors(self, envelope, facilities=None):
        code, version = self._type_code(envelope)
        if version is None:
            return [
                {
                    "pointer": "/type",
                    "code": "unknown_type",
                    "detail": "This event type, or this version of it, is not taken.",
                }
            ]
        errors = schema.registry().validate(code, version, envelope.get("data"))
        if not errors:
            try:
                data = self._canonical(envelope)
            except InputError as error:
                return [error.as_dict()]
            if data is not envelope["data"]:
                newest = self.env["healthcare.event.type"]._version_by_code()[code]
                errors = schema.registry().validate(code, newest, data)
        if not errors and facilities is not None:
            allowed = facilities[1]
            if allowed is not None and data["facility"] not in allowed:
                errors = [
                    {
                        "pointer": "/data/facility",
                        "code": "facility_not_allowed",
                        "detail": "This source may not speak for this facility.",
                    }
                ]
        return errors

    @api.model
    def _facilities(self, source):
        """Return ``({code: id}, allowed codes or None)``."""
        rows = self.env["healthcare.facility"]._ids_by_code()
        # Stands in for the system: the integration user reads no master data.
        allowed = source.sudo().facility_ids
        return rows, set(allowed.mapped("code")) if allowed else None

    # -- rows -------------------------------------------------------------------

    @api.model
    def _digest(self, envelope):
        content = {k: v for k, v in envelope.items() if k not in TRANSPORT_ATTRIBUTES}
        keyring = self.env["healthcare.keyring"]._get()
        return keyring.blind_index("event-content", strict_json.dumps(content).decode())

    @api.model
    def _row(self, source, envelope, facilities):
        code, _version = self._type_code(envelope)
        data = self._canonical(envelope)
        ordering = self.env["healthcare.ordering"]
        subject = ordering._subject_of(source.namespace, code, data)
        return _Row(
            uuid=str(uuid.uuid4()),
            external_id=envelope["id"],
            type_id=self.env["healthcare.event.type"]._ids_by_code()[code],
            facility_id=facilities[0].get(data["facility"]),
            subject=subject,
            partition=ordering._partition_of(subject),
            envelope=envelope,
            digest=self._digest(envelope),
        )

    @api.model
    def _values(self, source, row, now, *, rejected=False):
        envelope = row.envelope if isinstance(row.envelope, dict) else {}
        plain = strict_json.dumps(row.envelope)
        body = self.env["healthcare.keyring"]._seal(
            plain, "healthcare.event", row.uuid, "body"
        )
        occurred = None
        if not rejected:
            occurred = parse_time(envelope["time"]).replace(tzinfo=None)
        return (
            row.uuid,
            source.id,
            row.external_id,
            row.type_id,
            self._type_code(envelope)[1],
            row.facility_id,
            row.subject,
            row.partition,
            "exception" if rejected else "received",
            rejected,
            0,
            None if rejected else envelope.get("correlationid") or row.uuid,
            None if rejected else envelope.get("causationid"),
            None if rejected else envelope.get("traceparent"),
            occurred,
            now,
            row.digest,
            body,
            len(plain),
            *row.origin,
            self.env.uid,
            now,
            self.env.uid,
            now,
        )

    _COLUMNS = """uuid, source_id, external_id, type_id, schema_version,
        facility_id, subject, partition, state, rejected, attempts,
        correlation_id, causation_id, traceparent, occurred_at, received_at,
        digest, body, body_size,
        message_id, mapping_id, mapping_label,
        create_uid, create_date, write_uid, write_date"""

    @api.model
    def _store(self, source, rows, receipts, derived=False):
        """Insert rows in one round; tell new ones, repeats and conflicts apart."""
        first = {}  # the same id twice in one request: the first one counts
        for position, row in rows.items():
            first.setdefault(row.external_id, position)
        fresh = {first_at: rows[first_at] for first_at in first.values()}
        inserted = {}
        if fresh:
            now = clock.utc_now()
            values = [
                self._values(source, row, now)
                # One order for all connections, or two batches could deadlock.
                for row in sorted(fresh.values(), key=lambda row: row.external_id)
            ]
            inserted = dict(
                self.env.cr.execute_values(
                    f"""INSERT INTO healthcare_event ({self._COLUMNS}) VALUES %s
                    ON CONFLICT (source_id, external_id) WHERE rejected IS NOT TRUE
                    DO NOTHING RETURNING external_id, uuid""",  # nosec B608 # our own columns
                    values,
                    page_size=len(values),
                    fetch=True,
                )
            )
        known = self._known(source, [i for i in first if i not in inserted])
        for position, row in rows.items():
            if row.external_id in inserted:
                uid, digest = (
                    inserted[row.external_id],
                    fresh[first[row.external_id]].digest,
                )
                is_new = first[row.external_id] == position
            else:
                (uid, digest), is_new = known[row.external_id], False
            if is_new:
                receipts[position] = Receipt(row.external_id, "accepted", uid)
            elif digest == row.digest or derived:
                receipts[position] = Receipt(row.external_id, "duplicate", uid)
            else:
                receipts[position] = Receipt(
                    row.external_id,
                    "rejected",
                    uid,
                    (
                        {
                            "pointer": "/id",
                            "code": "conflict",
                            "detail": "Another content was received with this id.",
                        },
                    ),
                )
        new = [row for row in fresh.values() if row.external_id in inserted]
        if new:
            self._supersede_rejected(source, [row.external_id for row in new])
            self.env["healthcare.engine"]._wake({row.partition for row in new})

    @api.model
    def _known(self, source, external_ids):
        if not external_ids:
            return {}
        return {
            external_id: (uid, digest)
            for external_id, uid, digest in self.env.execute_query(
                SQL(
                    """SELECT external_id, uuid, digest FROM healthcare_event
                    WHERE source_id = %s AND external_id IN %s
                    AND rejected IS NOT TRUE""",
                    source.id,
                    tuple(external_ids),
                )
            )
        }

    # -- what was refused is kept -----------------------------------------------

    @api.model
    def _keep_rejected(self, source, rejects, receipts, derived=False):
        """Keep refused events, encrypted, each as an exception to be corrected."""
        if derived:
            rejects = self._without_corrected(source, rejects, receipts)
        if not rejects:
            return
        now = clock.utc_now()
        facilities = self._facilities(source)[0]
        by_digest, digests = {}, {}
        for position, (item, errors) in rejects.items():
            envelope = item.envelope if isinstance(item.envelope, dict) else {}
            content = item.raw if item.envelope is None else item.envelope
            same = envelope.get("id") if derived else None
            digest = self._digest({"raw": same or content})
            digests[position] = digest
            row = self._rejected_row(envelope, content, digest, facilities)
            by_digest.setdefault(digest, (row._replace(origin=_origin(item)), errors))
        values = [
            self._values(source, row, now, rejected=True)
            for _digest, (row, _errors) in sorted(by_digest.items())
        ]
        inserted = {
            digest: (event_id, uid)
            for digest, event_id, uid in self.env.cr.execute_values(
                f"""INSERT INTO healthcare_event ({self._COLUMNS}) VALUES %s
                ON CONFLICT (source_id, digest)
                WHERE rejected IS TRUE AND state = 'exception'
                DO NOTHING RETURNING digest, id, uuid""",  # nosec B608 # our own columns
                values,
                page_size=len(values),
                fetch=True,
            )
        }
        uuids = {digest: uid for digest, (_id, uid) in inserted.items()}
        uuids.update(self._known_rejected(source, by_digest.keys() - uuids.keys()))
        self._open_rejected_exceptions(
            {inserted[digest][0]: by_digest[digest][1] for digest in inserted}
        )
        for position, (item, errors) in rejects.items():
            envelope = item.envelope if isinstance(item.envelope, dict) else {}
            receipts[position] = Receipt(
                self._plain_id(envelope),
                "rejected",
                uuids.get(digests[position]),
                tuple(errors),
            )

    @api.model
    def _without_corrected(self, source, rejects, receipts):
        """Return those that are not known as good; a person may have corrected one."""
        ids = {
            position: item.envelope["id"]
            for position, (item, _errors) in rejects.items()
            if item.envelope
        }
        known = self._known(source, set(ids.values()))
        for position, external_id in ids.items():
            if external_id in known:
                receipts[position] = Receipt(
                    external_id, "duplicate", known[external_id][0]
                )
        return {p: reject for p, reject in rejects.items() if receipts[p] is None}

    @api.model
    def _plain_id(self, envelope):
        value = envelope.get("id")
        return value if isinstance(value, str) and len(value) <= 255 else None

    @api.model
    def _rejected_row(self, envelope, content, digest, facilities):
        code, version = self._type_code(envelope)
        data = envelope.get("data")
        facility = data.get("facility") if isinstance(data, dict) else None
        return _Row(
            uuid=str(uuid.uuid4()),
            external_id=self._plain_id(envelope),
            type_id=self.env["healthcare.event.type"]._ids_by_code()[code]
            if version
            else None,
            facility_id=facilities.get(facility) if isinstance(facility, str) else None,
            subject=None,
            partition=0,
            envelope=content,
            digest=digest,
        )

    @api.model
    def _known_rejected(self, source, digests):
        if not digests:
            return {}
        return dict(
            self.env.execute_query(
                SQL(
                    """SELECT digest, uuid FROM healthcare_event
                    WHERE source_id = %s AND digest IN %s AND rejected IS TRUE
                    AND state = 'exception'""",
                    source.id,
                    tuple(digests),
                )
            )
        )

    @api.model
    def _open_rejected_exceptions(self, errors_by_event):
        # Stands in for the system: integration users see no exceptions.
        events = self.env["healthcare.event"].sudo().browse(sorted(errors_by_event))
        issues = events.env["healthcare.exception"]
        issues._open_or_update(
            [
                {
                    **event._exception_values(),
                    "category": "schema_mismatch",
                    "fingerprint": f"event/{event.id}",
                    "blocks_event": True,
                    **issues._fault_values(event, errors_by_event[event.id]),
                }
                for event in events
            ]
        )

    @api.model
    def _places(self, errors):
        """Say where an event is at fault, never with what: to who knows its format."""
        shown = [f"{error['pointer']}: {error['detail']}" for error in errors[:5]]
        if len(errors) > 5:
            shown.append(self.env._("and %d more", len(errors) - 5))
        return " ".join(shown)

    @api.model
    def _supersede_rejected(self, source, external_ids):
        """Close refused events whose id has now come with good content."""
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_event SET state = 'discarded', processed_at = %s
                WHERE source_id = %s AND external_id IN %s AND rejected IS TRUE
                AND state = 'exception' RETURNING id""",
                fields.Datetime.now(),
                source.id,
                tuple(external_ids),
            )
        )
        if rows:
            self.env["healthcare.engine"]._forget()
            # Stands in for the system: the vendor's resend is the correction.
            exceptions = (
                self.env["healthcare.exception"]
                .sudo()
                .search([("event_id", "in", [row[0] for row in rows])])
            )
            exceptions._close("resolved", "superseded")


def _origin(item):
    return getattr(item, "origin", NO_ORIGIN)
