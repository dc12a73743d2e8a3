"""Events in, and what became of them."""

from odoo.http import Controller, request

from ..core.contract import problem as problems
from ..core.contract import upcast
from ..core.errors import InputError
from ..formats import cloudevents
from .protection import intake
from .responses import BASE, answer, endpoint, problem


class EventsController(Controller):
    @intake(
        f"{BASE}/events",
        answers={
            200: "All of it had been received before",
            202: "Received; committed, not processed yet",
            400: "Not JSON, or not a CloudEvent",
            409: "This id was received with another content",
            422: "Every event was rejected by its schema",
        },
    )
    def receive(self, call):
        """Send events.

        2xx means durable: the events are committed. One receipt per event, in order.
        What was rejected is kept as an exception that a person can correct and replay.
        """
        headers = request.httprequest.headers
        reading = cloudevents.read(
            headers.get("Content-Type", ""),
            headers,
            call.body,
            max_events=call.max_events,
            max_depth=call.source.max_depth,
        )
        call.count_events(len(reading.items))
        # Stands in for the integration user, who has no right on models.
        receipts = (
            request.env["healthcare.intake"].sudo()._receive(call.source, reading.items)
        )
        response = self._answer(reading, receipts)
        versions = request.env["healthcare.event.type.version"]
        response.headers.extend(
            versions._deprecation_headers(item.envelope for item in reading.items)
        )
        return response

    def _answer(self, reading, receipts):
        counts = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
        for receipt in receipts:
            counts[receipt.status] += 1
        data = {**counts, "receipts": [_receipt(receipt) for receipt in receipts]}
        if counts["accepted"]:
            return answer(data, 202)
        if not counts["rejected"]:
            return answer(data, 200)
        codes = {error["code"] for receipt in receipts for error in receipt.errors}
        if reading.single and codes == {"conflict"}:
            return self._refuse(409, "conflict", data, receipts)
        if counts["duplicate"]:
            return answer(data, 200)
        if any(item.envelope is not None and not item.errors for item in reading.items):
            return self._refuse(422, "schema_mismatch", data, receipts)
        return self._refuse(400, "invalid_cloudevent", data, receipts)

    def _refuse(self, status, code, data, receipts):
        """Answer with a problem that also carries the receipts."""
        errors = [error for receipt in receipts for error in receipt.errors]
        detail = {
            409: "Another content was received with this id.",
            422: "No event fits its schema; each is kept as an exception.",
            400: "No event is a CloudEvent 1.0; each is kept as an exception.",
        }[status]
        document = problems.document(status, code, detail, errors=errors[:100])
        return answer(
            {**document, **data}, status, content_type="application/problem+json"
        )

    @endpoint(
        f"{BASE}/events/<string:uuid>",
        auth="healthcare_events",
        methods=["GET"],
        readonly=True,
        returns="event_status",
        answers={200: "What became of the event", 404: "No such event of yours"},
    )
    def read_one(self, uuid, **_query):
        """Read back an event by our id."""
        return self._status([("uuid", "=", uuid.lower())])

    @endpoint(
        f"{BASE}/events",
        auth="healthcare_events",
        methods=["GET"],
        readonly=True,
        returns="event_status",
        query={"id": "The id you gave the event."},
        answers={
            200: "What became of the event",
            400: "No id was named",
            404: "No such event of yours",
        },
    )
    def find_one(self, id=None, **_query):  # the contract's name for it
        """Read back an event by your own id."""
        if not id:
            raise InputError("missing_parameter", "Name an event by id=.", "/id")
        return self._status([("external_id", "=", id)])

    def _status(self, domain):
        # Stands in for the integration user, who has no right on models: it is shown
        # its own source's events and nothing else.
        event = (
            request.env["healthcare.event"]
            .sudo()
            .search(
                [*domain, ("source_id", "=", request.healthcare_source.id)],
                order="rejected, id desc",
                limit=1,
            )
        )
        if not event:
            return problem(404, "not_found", "There is no such event of this source.")
        exception = event.open_exception_id
        return answer(
            {
                "event": event.uuid,
                "id": event.external_id or None,
                "type": _type_name(event) if event.type_id else None,
                "status": event.state,
                "attempts": event.attempts,
                "received_at": _iso(event.received_at),
                "processed_at": _iso(event.processed_at),
                "correlation_id": event.correlation_id or None,
                "exception": {
                    "category": exception.category,
                    "message": exception.reason or None,
                    "since": _iso(exception.opened_at),
                }
                if exception
                else None,
            }
        )


def _receipt(receipt):
    return {
        "id": receipt.id,
        "status": receipt.status,
        "event": receipt.event,
        "status_url": f"{BASE}/events/{receipt.event}" if receipt.event else None,
        "errors": list(receipt.errors),
    }


def _type_name(event):
    number = upcast.major(event.schema_version or "1.0")
    return f"{upcast.PREFIX}{event.type_code}.v{number}"


def _iso(moment):
    return moment.isoformat(timespec="milliseconds") + "Z" if moment else None
