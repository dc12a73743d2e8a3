"""The description of our endpoints, made from what routes and what validates."""

import re

from . import announcements

TITLE = "Healthcare Connector"
VERSION = "1.0"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}
}
_EVENT_BODIES = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-ndjson",
    "application/json",
)


def document(operations, registry):
    """Return an OpenAPI 3.1 document.

    :param operations: declared routes with ``path, verb, auth, text, answers``
    :param registry: :class:`~.schema.Registry` of event types
    """
    paths = {}
    for operation in operations:
        path = _PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.verb.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "license": {"name": "LGPL-3.0"}},
        "paths": paths,
        "webhooks": announcements.webhooks(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "problem": _problem(),
                "receipts": _receipts(),
                "envelope": registry.document("envelope", "1.0"),
            },
        },
    }


def _operation(operation):
    summary, _, rest = operation.text.strip().partition("\n")
    result = {
        "operationId": operation.method.__name__,
        "summary": summary.rstrip("."),
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
            }
            for name in _PARAMETER.findall(operation.path)
        ],
        "responses": {
            str(status): _response(operation, status, text)
            for status, text in _answers(operation).items()
        },
    }
    if description := " ".join(rest.split()):
        result["description"] = description
    if operation.auth != "none":
        scope = operation.auth.replace("healthcare_", "healthcare.")
        result["security"] = [{"key": []}]
        result["description"] = f"{description} Scope: {scope}.".strip()
    if operation.verb == "POST":
        envelope = {"$ref": "#/components/schemas/envelope"}
        one_or_many = {"oneOf": [envelope, {"type": "array", "items": envelope}]}
        content = {kind: {"schema": one_or_many} for kind in _EVENT_BODIES}
        if consumes := getattr(operation, "consumes", ()):
            content = {kind: {"schema": _foreign(kind)} for kind in consumes}
        result["requestBody"] = {"required": True, "content": content}
    elif not result["parameters"] and "id" in operation.method.__code__.co_varnames:
        result["parameters"] = [
            {
                "name": "id",
                "in": "query",
                "required": True,
                "schema": {"type": "string"},
            }
        ]
    return result


def _answers(operation):
    answers = dict(operation.answers)
    if operation.auth != "none":
        answers.setdefault(401, "The key is missing, unknown or expired")
        answers.setdefault(403, "Wrong scope, network or environment")
        answers.setdefault(503, "Encryption is not set up")
    return dict(sorted(answers.items()))


def _response(operation, status, text):
    result = {"description": text}
    produces = getattr(operation, "produces", ())
    # FHIR tells its errors in its own way, but not who is nobody to it.
    if produces and (status < 400 or "application/fhir+json" in produces):
        result["content"] = {kind: {"schema": _foreign(kind)} for kind in produces}
        if status >= 400:
            result["content"].update(_PROBLEM)
    elif status >= 400:
        result["content"] = _PROBLEM
    elif operation.verb == "POST":
        receipts = {"schema": {"$ref": "#/components/schemas/receipts"}}
        result["content"] = {"application/json": receipts}
    else:
        result["content"] = {"application/json": {"schema": {"type": "object"}}}
    return result


def _foreign(kind):
    """Return the schema of a body whose format has its own specification."""
    if kind.endswith("json"):
        return {"type": "object", "required": ["resourceType"]}
    return {"type": "string"}


def _problem():
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "RFC 9457; it never repeats a value.",
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "errors": {"type": "array", "items": _error()},
        },
        "required": ["type", "title", "status"],
    }


def _error():
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {"pointer": text, "code": text, "detail": text},
        "required": ["code"],
    }


def _receipts():
    text = {"type": ["string", "null"]}
    count = {"type": "integer", "minimum": 0}
    receipt = {
        "type": "object",
        "properties": {
            "id": text,
            "status": {"enum": ["accepted", "duplicate", "rejected"]},
            "event": text,
            "status_url": text,
            "errors": {"type": "array", "items": _error()},
        },
        "required": ["id", "status", "event", "status_url", "errors"],
    }
    return {
        "type": "object",
        "properties": {
            "accepted": count,
            "duplicate": count,
            "rejected": count,
            "receipts": {"type": "array", "items": receipt},
        },
        "required": ["accepted", "duplicate", "rejected", "receipts"],
    }
