"""HL7 v2, FHIR and X12 in, each answered in its own way."""

from werkzeug.http import parse_options_header

from odoo.http import Controller, Response, request

from ..core.contract import problem as problems
from ..core.errors import InputError
from ..formats import fhir_r4, hl7v2, hl7v2_ack, x12
from .protection import intake
from .responses import BASE, answer

MAX_ISSUES = 1000
#: HL7 v2, table 0008, by what became of a message.
_ACKS = {"unsupported": "AR", "unreadable": "AR", "failed": "AE", "nothing": "AE"}


def _outcome(issues, status, headers=()):
    return answer(
        fhir_r4.operation_outcome(issues[:MAX_ISSUES]),
        status,
        headers,
        content_type="application/fhir+json",
    )


def _refused(error, headers):
    """Answer a refused request as FHIR does."""
    return _outcome([{**error.as_dict(), "severity": "fatal"}], error.status, headers)


class FormatsController(Controller):
    # -- HL7 v2 -----------------------------------------------------------------

    @intake(
        f"{BASE}/hl7v2",
        consumes=hl7v2.CONTENT_TYPES,
        produces=hl7v2.CONTENT_TYPES,
        answers={
            200: "An acknowledgement: AA taken or known, AE at fault and kept, AR "
            "refused; a batch of them for a batch",
            400: "Compressed data that cannot be read",
        },
    )
    def receive_hl7v2(self, call, **_query):
        """Send HL7 v2 messages (ER7).

        One message or a batch. AA and AE mean durable: what is at fault is kept as an
        exception that a person can correct and replay. A resend is a duplicate.
        """
        parameters = _content_type(hl7v2.CONTENT_TYPES)
        batch, results = _receive(call, "hl7v2", parameters.get("charset"))
        if not results:
            for error in batch.errors[:1]:
                call.leave_trace(error["code"])
        acks = []
        for result in results:
            code = _ACKS.get(result.state, "AA")
            if result.state == "unreadable":
                call.leave_trace(result.errors[0]["code"])
            faults = result.faults
            if code != "AA" and not faults:
                faults = result.notes or [_nothing()]
            if result.rules:
                document = result.message.document
                faults = hl7v2_ack.located(faults, result.rules, document)
            acks.append(result.message.native.ack(code, faults if code != "AA" else ()))
        return Response(
            batch.native.answer(acks),
            status=200,
            # As the request says it: the answer is in the same character set.
            content_type=request.httprequest.headers["Content-Type"],
        )

    # -- FHIR -------------------------------------------------------------------

    @intake(
        f"{BASE}/fhir",
        consumes=fhir_r4.CONTENT_TYPES,
        produces=("application/fhir+json",),
        refuse=_refused,
        answers={
            200: "An OperationOutcome: all of it had been received before, or there "
            "is nothing in it that concerns us",
            202: "An OperationOutcome: received; committed, not processed yet",
            400: "An OperationOutcome: not JSON, or not FHIR",
            422: "An OperationOutcome: nothing of it could be used",
        },
    )
    def receive_fhir(self, call, **_query):
        """Send a FHIR R4 resource or Bundle.

        2xx means durable. What of it is at fault is kept as an exception and named by
        an issue; what was taken is named by an issue with the event's status URL.
        """
        _content_type(fhir_r4.CONTENT_TYPES)
        batch, results = _receive(call, "fhir_r4")
        return _outcome(_issues(batch, results), _status(batch, results))

    # -- X12 --------------------------------------------------------------------

    @intake(
        f"{BASE}/x12",
        consumes=x12.CONTENT_TYPES,
        answers={
            200: "All of it had been received before",
            202: "Received; committed, not processed yet",
            400: "Not X12",
            413: "Too large",
            415: "A content type or encoding that is not taken",
            422: "Nothing of it could be used",
            503: "Intake is paused, or encryption is not set up",
        },
    )
    def receive_x12(self, call, **_query):
        """Send X12 005010: 835, 271 and the 278 response.

        2xx means durable. One receipt per event; ``message`` says which transaction
        and segment it comes from.
        """
        return with_receipts(call, "x12", x12.CONTENT_TYPES)


def with_receipts(call, format_name, content_types):
    """Take in a body and answer with a receipt per event.

    :param call: the admitted :class:`~.protection.Call`
    :param format_name: one of :data:`~..formats.incoming.READERS`
    :param content_types: those that are taken
    :raise InputError: for the body as a whole
    """
    _content_type(content_types)
    batch, results = _receive(call, format_name)
    receipts = [receipt for one in results for receipt in _receipts(one)]
    counts = dict.fromkeys(("accepted", "duplicate", "rejected"), 0)
    for receipt in receipts:
        counts[receipt["status"]] += 1
    warnings = list(batch.errors)
    for result in results:
        warnings += result.message.warnings + result.notes
        if result.state == "nothing":
            warnings.append(_nothing(result.message.pointer))
    data = {**counts, "receipts": receipts, "warnings": warnings[:MAX_ISSUES]}
    status = _status(batch, results)
    if status < 400:
        return answer(data, status)
    errors = [error for one in results for error in one.faults] or batch.errors
    document = problems.document(
        status,
        "schema_mismatch",
        "Nothing of it could be used; what is at fault is kept.",
        errors=errors[:100],
    )
    return answer({**document, **data}, status, content_type="application/problem+json")


def _content_type(taken):
    """Return the parameters of the content type.

    :raise InputError: it is none of those that are taken; status 415
    """
    header = request.httprequest.headers.get("Content-Type", "")
    kind, parameters = parse_options_header(header)
    if kind.lower() not in taken:
        raise InputError(
            "unsupported_media_type",
            f"The Content-Type must be one of {', '.join(taken)}.",
            status=415,
        )
    return parameters


def _receive(call, format_name, charset=None):
    # Stands in for the integration user, who has no right on models.
    intake_model = request.env["healthcare.intake"].sudo()
    return intake_model._receive_body(
        call.source,
        format_name,
        call.body,
        charset,
        max_messages=call.max_events,
        count=call.count_events,
    )


def _status(batch, results):
    """Return the HTTP status: 202 when something is new, 422 when all is at fault."""
    receipts = [receipt for one in results for receipt in one.receipts]
    statuses = {receipt.status for receipt in receipts}
    if "accepted" in statuses:
        return 202
    refused = "rejected" in statuses or any(one.errors for one in results)
    if "duplicate" in statuses or not (refused or batch.errors):
        return 200
    return 422


def _nothing(pointer=""):
    return {
        "pointer": pointer,
        "code": "not_taken",
        "detail": "There is nothing in the message that makes an event.",
    }


def _receipts(result):
    place = result.message.pointer or None
    found = [
        {
            "id": receipt.id,
            "status": receipt.status,
            "event": receipt.event,
            "status_url": _status_url(receipt.event),
            "errors": list(receipt.errors),
            "message": place,
        }
        for receipt in result.receipts
    ]
    if result.errors:
        found.append(
            {
                "id": None,
                "status": "rejected",
                "event": None,
                "status_url": None,
                "errors": list(result.errors),
                "message": place,
            }
        )
    return found


def _status_url(event):
    return f"{BASE}/events/{event}" if event else None


# -- OperationOutcome -------------------------------------------------------------


def _issues(batch, results):
    found = [dict(error) for error in batch.errors]
    for result in results:
        place = result.message.pointer
        found += [dict(error) for error in result.errors]
        for receipt in result.receipts:
            found += _receipt_issues(receipt, place)
        for note in result.notes:
            found.append({**_of_event(note), "pointer": place, "severity": "warning"})
        if result.state == "nothing":
            issue = {"pointer": place, "code": "not_taken", "severity": "information"}
            found.append({**issue, "detail": "Nothing in it makes an event."})
        for warning in result.message.warnings:
            found.append({**warning, "severity": "warning"})
    return found


def _receipt_issues(receipt, place):
    if receipt.status != "rejected":
        detail = f"{receipt.status.capitalize()}: {_status_url(receipt.event)}"
        return [
            {
                "pointer": place,
                "code": receipt.status,
                "detail": detail,
                "severity": "information",
            }
        ]
    return [{**_of_event(error), "pointer": place} for error in receipt.errors]


def _of_event(error):
    """Return an error with its pointer, which is into the event, in its words.

    The expression of an issue names the sender's own resource.
    """
    pointer, detail = error["pointer"], error["detail"]
    return {**error, "detail": f"{pointer}: {detail}" if pointer else detail}
