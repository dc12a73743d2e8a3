"""Intake of vendors' formats: messages kept, mapped, and taken in as events."""

import logging
import uuid
from collections import namedtuple
from dataclasses import dataclass, field

from odoo import api, models
from odoo.tools import SQL

from ...core import clock
from ...core.contract import envelope as rules
from ...core.mapping import mapping
from ...formats import incoming
from .intake import Receipt
from .value_map import AT_INTAKE, KINDS, cause

_logger = logging.getLogger(__name__)

#: Like :class:`~..formats.cloudevents.Item`, with where it comes from, and the
#: ``(kind, code)`` that has no meaning yet.
_Item = namedtuple(
    "_Item", "index envelope raw errors origin unmapped", defaults=[None]
)
MAX_REASON = 500
MAX_NOTES = 100  # of a message, on what of it was left out
MAX_CODE = 64


@dataclass(slots=True)
class Result:
    """What became of one message.

    ``message``: :class:`~..formats.incoming.Message`; ``state`` as of
    ``healthcare.message``; ``receipts`` of its events; ``errors`` where the message
    itself is at fault; ``notes`` on what of it was not taken; ``label``: the
    mapping; ``rules``: its document, where it was applied just now.
    """

    message: incoming.Message
    state: str = "taken"
    receipts: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    label: str | None = None
    rules: dict | None = None
    record_id: int | None = None

    @property
    def faults(self):
        """Every error, of the message and of its events."""
        return self.errors + [e for one in self.receipts for e in one.errors]


class HealthcareIntake(models.AbstractModel):
    _inherit = "healthcare.intake"

    @api.model
    def _facilities(self, source):
        """Understand the source's own names of facilities, too."""
        rows, allowed = super()._facilities(source)
        # Stands in for the system, as the method it extends.
        maps = (
            self.env["healthcare.value.map"].sudo()._of_sources([source.id], AT_INTAKE)
        )
        theirs = maps[source.id].get("facilities", {})
        rows = {**rows, **{code: rows.get(ours) for code, ours in theirs.items()}}
        if allowed is not None:
            allowed |= {code for code, ours in theirs.items() if ours in allowed}
            allowed -= {code for code, ours in theirs.items() if ours not in allowed}
        return rows, allowed

    # -- one body ---------------------------------------------------------------

    @api.model
    def _receive_body(
        self, source, format_name, body, charset=None, *, max_messages=1000, count=None
    ):
        """Take in a body; return ``(batch, results)``, results by message.

        :param source: the authenticated ``healthcare.source``
        :param str format_name: one of :data:`~..formats.incoming.READERS`
        :param bytes body: decompressed
        :param str charset: of the HTTP content type
        :param int max_messages: messages allowed
        :param count: called with how many there are, before any is stored
        :raise InputError: for the body as a whole
        """
        now = clock.utc_now()
        batch = incoming.read(
            format_name,
            body,
            charset=charset,
            max_messages=max_messages,
            **source._reader_options(format_name, now),
        )
        if count is not None:
            count(len(batch.messages))
        results = [Result(message) for message in batch.messages]
        keys = [self._message_key(result.message) for result in results]
        first = {}
        for key, result in zip(keys, results, strict=True):
            first.setdefault(key, result)
        known = self._known_messages(source, list(first))
        # Mappings are configuration: the integration user reads none.
        in_force = (
            self.env["healthcare.mapping"].sudo()._all_in_force(source, format_name)
        )
        fresh, again, taken = {}, [], []
        for key, result in first.items():
            if key not in known:
                fresh[key] = result
                mapped = in_force.get(result.message.kind)
                result.label = mapped.label if mapped else None
                continue
            result.record_id, result.state, result.label = known[key]
            (taken if result.state == "taken" else again).append(result)
        self._store_messages(source, format_name, body, charset, fresh, now)
        self._repeat(taken)
        self._take(source, [*fresh.values(), *again], in_force, now)
        if results:
            source._heard()
        for key, result in zip(keys, results, strict=True):
            if first[key] is not result:
                self._same_again(result, first[key])
        return batch, results

    @api.model
    def _message_key(self, message):
        keyring = self.env["healthcare.keyring"]._get()
        return keyring.blind_index("message", message.key)

    @api.model
    def _known_messages(self, source, keys):
        """Return ``{key: (id, state, label)}`` of messages that came before."""
        if not keys:
            return {}
        return {
            key: tuple(rest)
            for key, *rest in self.env.execute_query(
                SQL(
                    """SELECT key, id, state, mapping_label FROM healthcare_message
                    WHERE source_id = %s AND key IN %s""",
                    source.id,
                    tuple(keys),
                )
            )
        }

    @api.model
    def _store_messages(self, source, format_name, body, charset, fresh, now):
        """Keep a body and those messages of it that are new."""
        if not fresh:
            return
        body_uuid = str(uuid.uuid4())
        sealed = self.env["healthcare.message.body"]._sealed(body_uuid, body)
        [(body_id,)] = self.env.execute_query(
            SQL(
                """INSERT INTO healthcare_message_body
                (uuid, source_id, charset, received_at, size, body)
                VALUES (%s, %s, %s, %s, %s, %s) RETURNING id""",
                body_uuid,
                source.id,
                (charset or "")[:40] or None,
                now,
                len(body),
                sealed,
            )
        )
        values = [
            (
                str(uuid.uuid4()),
                source.id,
                body_id,
                result.message.part,
                format_name,
                result.message.kind or None,
                key,
                "taken",
                result.label,
                now,
            )
            # One order for all connections, or two batches could deadlock.
            for key, result in sorted(fresh.items())
        ]
        # Another connection that brings the same message at the same moment makes
        # this transaction begin again: it then finds the message known.
        for key, record_id in self.env.cr.execute_values(
            """INSERT INTO healthcare_message (uuid, source_id, body_id, part, format,
            kind, key, state, mapping_label, received_at)
            VALUES %s ON CONFLICT (source_id, key) DO NOTHING RETURNING key, id""",
            values,
            page_size=len(values),
            fetch=True,
        ):
            fresh[key].record_id = record_id

    @api.model
    def _repeat(self, results):
        """Answer messages that were taken before with the receipts of their events."""
        if not results:
            return
        by_id = {result.record_id: result for result in results}
        for message_id, external_id, uid in self.env.execute_query(
            SQL(
                """SELECT message_id, external_id, uuid FROM healthcare_event
                WHERE message_id IN %s AND rejected IS NOT TRUE ORDER BY id""",
                tuple(by_id),
            )
        ):
            by_id[message_id].receipts.append(Receipt(external_id, "duplicate", uid))

    @api.model
    def _same_again(self, result, first):
        """Answer a message that stands in the body twice."""
        result.state, result.errors = first.state, first.errors
        result.record_id, result.label = first.record_id, first.label
        result.rules = first.rules
        result.receipts = [
            receipt._replace(status="duplicate")
            if receipt.status == "accepted"
            else receipt
            for receipt in first.receipts
        ]

    # -- mapping ----------------------------------------------------------------

    @api.model
    def _take(self, source, results, in_force, now):
        """Map messages, take in their events, and note what became of each."""
        facilities = self._facilities(source)[0]
        before = {one.record_id: (one.state, one.label) for one in results}
        items, owners = [], []
        for result in results:
            for item in self._map_message(source, result, in_force, facilities, now):
                items.append(item._replace(index=len(items)))
                owners.append(result)
        receipts = self._receive(source, items, derived=True) if items else []
        unmapped = {}
        for item, result, receipt in zip(items, owners, receipts, strict=True):
            result.receipts.append(receipt)
            if receipt.status == "rejected":
                result.state = "failed"
                if item.unmapped:
                    unmapped[receipt.event] = item.unmapped
        self._name_unmapped(unmapped)
        self._note_states(results, before)

    @api.model
    def _map_message(self, source, result, in_force, facilities, now):
        """Return the items a message makes; set what keeps it from making any."""
        message = result.message
        mapped = in_force.get(message.kind)
        if message.errors:
            return self._unusable(result)
        if mapped is None:
            result.state = "unsupported"
            result.errors = [message.unsupported or _unsupported()]
            return []
        result.label, result.rules = mapped.label, mapped.mapping.document
        only = source._only_facility().code
        outcomes = mapped.mapping.apply(
            message.document,
            self.env["healthcare.value.map"]
            .sudo()
            ._for_mapping(source, mapped.mapping),
            timezone=source.timezone or None,
            defaults={"facility": only} if only else None,
        )
        result.notes = list(mapped.mapping.unhandled(message.document))
        result.state = "taken" if outcomes else "nothing"
        origin = (result.record_id, mapped.id, mapped.label)
        received = now.isoformat(timespec="milliseconds") + "Z"
        items = []
        for outcome in outcomes:
            result.notes += outcome.notes[: MAX_NOTES - len(result.notes)]
            named = outcome.data.get("facility")
            if only and not (isinstance(named, str) and named in facilities):
                # A source that speaks for one facility means that one, whatever it
                # calls it.
                outcome.data["facility"] = only
            envelope = mapping.envelope(
                outcome, message.key, f"urn:healthcare:{source.code}", received
            )
            errors = outcome.errors or rules.errors(envelope)
            unmapped = _unmapped(outcome)
            items.append(_Item(0, envelope, envelope, errors, origin, unmapped))
        return items

    @api.model
    def _name_unmapped(self, unmapped):
        """Tell of refused events that a code has no meaning, so that it gets one.

        :param unmapped: ``{event uuid: (kind, code)}``
        """
        if not unmapped:
            return
        kinds = dict(KINDS)
        # Stands in for the system: integration users see no exceptions.
        events = self.env["healthcare.event"].sudo()
        for event in events.search([("uuid", "in", list(unmapped))]):
            kind, code = unmapped[event.uuid]
            event.open_exception_id.write(
                {
                    "category": "unmapped_code",
                    "cause_key": cause(kind, code),
                    "reason": self.env._(
                        "%(kind)s: the code %(code)s has no meaning yet.",
                        kind=kinds[kind],
                        code=code,
                    ),
                }
            )

    @api.model
    def _unusable(self, result):
        """Keep what a reader found at fault: an exception where money may be lost.

        An HL7 v2 message that cannot be read is refused (AR) and not taken over: the
        sender still has it.
        """
        message = result.message
        if message.format == "hl7v2":
            result.state, result.errors = "unreadable", message.errors
            return []
        result.state = "failed"
        raw = {"format": message.format, "kind": message.kind, "key": message.key}
        origin = (result.record_id, None, None)
        return [_Item(0, None, raw, tuple(message.errors), origin)]

    @api.model
    def _note_states(self, results, before):
        rows = []
        for result in results:
            reason = self._places(result.faults or result.notes)[:MAX_REASON] or None
            if result.state == "unsupported":
                reason = self.env._("There is no mapping for messages of this kind.")
            if reason or (result.state, result.label) != before[result.record_id]:
                rows.append((result.record_id, result.state, reason, result.label))
        if not rows:
            return
        self.env.cr.execute_values(
            """UPDATE healthcare_message m SET state = v.state, reason = v.reason,
            mapping_label = v.label
            FROM (VALUES %s) AS v (id, state, reason, label) WHERE m.id = v.id""",
            sorted(rows, key=lambda row: row[0]),
            template="(%s::int, %s, %s, %s)",
            page_size=len(rows),
        )
        self.env["healthcare.message"].invalidate_model(
            ["state", "reason", "mapping_label"]
        )

    # -- once more --------------------------------------------------------------

    @api.model
    def _lay_over(self, good, reason):
        """Tell of messages, too, that a person has corrected what was refused."""
        result = super()._lay_over(good, reason)
        failed = self.env["healthcare.event"].union(*good).message_id
        mended = failed.filtered(
            lambda message: (
                message.state == "failed"
                and not any(
                    one.rejected and one.state == "exception"
                    for one in message.event_ids
                )
            )
        )
        if mended:
            self.env.execute_query(
                SQL(
                    """UPDATE healthcare_message SET state = 'taken', reason = %s
                    WHERE id IN %s RETURNING id""",
                    self.env._("Corrected by a person."),
                    tuple(mended.ids),
                )
            )
            mended.invalidate_recordset(["state", "reason"])
        return result

    @api.model
    def _replay(self, messages):
        """Map kept messages once more, with what is in force now; return them."""
        now = clock.utc_now()
        for (source, format_name), group in messages.grouped(
            lambda message: (message.source_id, message.format)
        ).items():
            results = [
                Result(
                    read,
                    message.state,
                    label=message.mapping_label or None,
                    record_id=message.id,
                )
                for message, read in group._read_again().items()
            ]
            in_force = self.env["healthcare.mapping"]._all_in_force(source, format_name)
            self._take(source, results, in_force, now)
        return messages


def _unmapped(outcome):
    """Return the ``(kind, code)`` that keeps an outcome from being an event."""
    places = {e["pointer"] for e in outcome.errors if e["code"] == "unmapped_code"}
    for kind, code, pointer in outcome.unmapped:
        if pointer in places and kind in dict(KINDS) and len(code) <= MAX_CODE:
            return kind, code
    return None


def _unsupported():
    return {
        "pointer": "",
        "code": "not_supported",
        "detail": "There is no mapping for messages of this kind.",
    }
