"""Error documents: ``application/problem+json`` (RFC 9457)."""

from http import HTTPStatus

CONTENT_TYPE = "application/problem+json"

_TYPE = "urn:healthcare-connector:problem:{}"

#: One title per code; it does not change from one occurrence to the next.
TITLES = {
    "backlog": "Too much is waiting",
    "conflict": "The same id was received with other content",
    "duplicate_key": "An object has the same member twice",
    "empty_batch": "There is no event in it",
    "empty_body": "There is no body",
    "forbidden": "Not allowed",
    "intake_paused": "Intake is paused",
    "internal_error": "Something went wrong here",
    "invalid_character": "A text holds a character that cannot be kept",
    "invalid_cloudevent": "Not a single event is a CloudEvents 1.0 event",
    "invalid_compression": "The body cannot be decompressed",
    "invalid_encoding": "The body is not UTF-8",
    "invalid_identifier": "An identifier cannot be understood",
    "invalid_json": "The body is not JSON",
    "invalid_parameter": "A parameter cannot be understood",
    "invalid_request": "The request cannot be understood",
    "invalid_totals": "The control totals cannot be understood",
    "keyring_exposed": "Encryption is not set up",
    "keyring_invalid": "Encryption is not set up",
    "keyring_missing": "Encryption is not set up",
    "keyring_unreadable": "Encryption is not set up",
    "method_not_allowed": "This method is not for here",
    "missing_parameter": "A parameter is missing",
    "network_not_allowed": "Calls from this network are not allowed",
    "not_a_number": "NaN and Infinity are not JSON",
    "not_cloudevents": "The body is not a CloudEvents 1.0 event",
    "not_fhir": "The body is not FHIR R4",
    "not_found": "There is nothing here",
    "not_x12": "The body is not X12",
    "number_too_large": "A number is too large",
    "rate_limited": "Too many requests",
    "schema_mismatch": "Not a single event fits its schema",
    "signature": "The signature is missing or does not hold",
    "too_deep": "Nested too deep",
    "too_large": "The body is too large",
    "too_many": "There are too many parts in it",
    "too_many_events": "There are too many events in it",
    "unauthorized": "A valid key is needed",
    "unavailable": "Not available now",
    "unsupported_charset": "Only UTF-8 is taken",
    "unsupported_encoding": "This Content-Encoding is not taken",
    "unsupported_media_type": "This Content-Type is not taken",
    "wrong_environment": "This key is for another environment",
    "wrong_scope": "This key is for another use",
}


def document(status, code, detail, errors=None, instance=None):
    """Return a problem document.

    :param int status: HTTP status
    :param str code: stable code; names the ``type``
    :param str detail: one sentence on this occurrence, no value of the input
    :param errors: list of ``{"pointer", "code", "detail"}``, where a body is at fault
    :param instance: URI of this occurrence
    :return: dict, ready to be written as JSON
    """
    title = TITLES.get(code)
    if title is None:
        try:
            title = HTTPStatus(status).phrase
        except ValueError:
            title = "Error"
    problem = {
        "type": _TYPE.format(code),
        "title": title,
        "status": status,
        "code": code,
    }
    if detail:
        problem["detail"] = detail
    if instance:
        problem["instance"] = instance
    if errors:
        problem["errors"] = list(errors)
    return problem


def from_error(error, instance=None):
    """Return the problem document of an :class:`~..errors.InputError`."""
    errors = [error.as_dict()] if error.pointer else None
    return document(error.status, error.code, error.detail, errors, instance)
