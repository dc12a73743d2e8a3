"""What the documentation page shows beside ``openapi.json``."""

import json
from functools import cache

from . import problem, samples, schema

#: ``{code: (status, what a sender does about it)}``; codes are :data:`.problem.TITLES`.
ADVICE = {
    "backlog": (503, "Wait as Retry-After says, then send the same again."),
    "conflict": (409, "Give a changed event an id of its own."),
    "duplicate_key": (400, "Write each member of an object once."),
    "empty_batch": (400, "Send at least one event."),
    "empty_body": (400, "Send a body."),
    "forbidden": (403, "Ask the provider's administrator."),
    "intake_paused": (503, "Wait as Retry-After says, then send the same again."),
    "internal_error": (500, "Send the same again later; tell us if it goes on."),
    "invalid_character": (400, "Leave out NUL and lone surrogates."),
    "invalid_cloudevent": (400, "Look at the errors of each receipt."),
    "invalid_compression": (400, "Send whole gzip data."),
    "invalid_encoding": (400, "Write JSON in UTF-8."),
    "invalid_identifier": (400, "Write system|value, URL-encoded."),
    "invalid_json": (400, "Check the body with a JSON parser."),
    "invalid_parameter": (400, "Look at the parameter the answer points to."),
    "invalid_request": (400, "Compare with the examples on this page."),
    "invalid_totals": (422, "Mend what the pointers name and send them again."),
    "keyring_exposed": (503, "Not yours to mend: send the same again later."),
    "keyring_invalid": (503, "Not yours to mend: send the same again later."),
    "keyring_missing": (503, "Not yours to mend: send the same again later."),
    "keyring_unreadable": (503, "Not yours to mend: send the same again later."),
    "method_not_allowed": (405, "Use a method listed for the endpoint."),
    "missing_parameter": (400, "Add the parameter the answer points to."),
    "network_not_allowed": (403, "Call from an agreed network, or ask to add yours."),
    "not_a_number": (400, "Write no NaN and no Infinity."),
    "not_cloudevents": (400, "Send the envelope's attributes; see the quick start."),
    "not_fhir": (400, "Send one resource or a Bundle, as JSON."),
    "not_found": (404, "Check the path; ids of other senders are not found either."),
    "not_x12": (400, "Begin with a whole ISA segment of 106 characters."),
    "number_too_large": (400, "Write large numbers as texts."),
    "rate_limited": (429, "Wait as Retry-After says, then send the same again."),
    "schema_mismatch": (422, "Mend what the pointers name, or leave it: it is kept."),
    "signature": (403, "Check the secret, the time and that the raw body is signed."),
    "too_deep": (400, "Nest less deep."),
    "too_large": (413, "Send smaller batches."),
    "too_many": (413, "Send smaller bodies."),
    "too_many_events": (413, "Send smaller batches."),
    "unauthorized": (401, "Send Authorization: Bearer and a key that is valid."),
    "unavailable": (503, "Wait as Retry-After says, then send the same again."),
    "unsupported_charset": (415, "Send UTF-8."),
    "unsupported_encoding": (415, "Send gzip or no Content-Encoding."),
    "unsupported_media_type": (415, "Use a Content-Type listed for the endpoint."),
    "wrong_environment": (403, "Use the key of this environment."),
    "wrong_scope": (403, "Use a key made for this endpoint."),
}


def type_name(name, version):
    """Return what ``type`` says, e.g. ``healthcare.registration.created.v1``."""
    return f"healthcare.{name}.v{version.partition('.')[0]}"


def example(name, version):
    """Return the full example event of a type, as sent; None when there is none."""
    path = schema.example(name)
    if path is None:
        return None
    return {
        "specversion": "1.0",
        "id": f"{name}-1",
        "source": "urn:example:vendor",
        "type": type_name(name, version),
        "time": "2026-03-02T14:30:00Z",
        "data": json.loads(path.read_text(encoding="utf-8")),
    }


def examples():
    """Return ``[(name, version)]`` of the types that have an example."""
    newest = {name: version for name, version in schema.registry().types()}
    return [item for item in newest.items() if example(*item) is not None]


def event_types():
    """Return ``[{"name", "version", "type", "schema", "example"}]`` of all types."""
    return _event_types(schema.registry())


@cache
def _event_types(registry):
    found = []
    for name, version in registry.types():
        found.append(
            {
                "name": name,
                "version": version,
                "type": type_name(name, version),
                "schema": registry.document(name, version),
                "example": example(name, version),
            }
        )
    return found


def catalogue():
    """Return all the documentation page needs beside the OpenAPI document.

    ``events``: see :func:`event_types`; ``envelope``: its JSON Schema; ``problems``:
    ``[{"code", "status", "title", "advice"}]``; ``samples``: bodies to try, by path of
    the endpoint.
    """
    bodies = {}
    for sample in samples.make():
        bodies.setdefault(sample.path, []).append(
            {
                "title": sample.title,
                "content_type": sample.content_type,
                "body": sample.body,
            }
        )
    return {
        "events": event_types(),
        "envelope": schema.registry().document("envelope", "1.0"),
        "problems": [
            {
                "code": code,
                "title": title,
                "status": ADVICE.get(code, (None, ""))[0],
                "advice": ADVICE.get(code, (None, ""))[1],
            }
            for code, title in sorted(problem.TITLES.items())
        ],
        "samples": bodies,
    }
