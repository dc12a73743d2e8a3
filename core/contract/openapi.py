"""The description of our endpoints, made from what routes and what validates."""

import re

from .. import facts
from ..analytics import announcements
from ..facts import published
from . import guide, openapi_schemas

TITLE = "Healthcare Connector"
VERSION = "1.0"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}
}
_NDJSON = "application/x-ndjson"
_BATCH = "application/cloudevents-batch+json"
_ONE = "application/cloudevents+json"
_PLAIN = "application/json"
_DEFINITION = "#/$defs/"
_COMPONENT = "#/components/schemas/"

_TEXT = {"schema": {"type": "string"}}
_NUMBER = {"schema": {"type": "integer", "minimum": 0}}
#: Headers an answer may have, by status; ``None`` is for every answer of an intake.
_HEADERS = {
    None: {
        "RateLimit-Policy": {
            **_TEXT,
            "description": "Limits in force: q may be spent in w seconds.",
        },
        "RateLimit": {
            **_TEXT,
            "description": "What is left of each: r now, more in t seconds.",
        },
    },
    "outdated": {
        "Deprecation": {
            **_TEXT,
            "description": "RFC 9745: an event was of a version outdated since then.",
        },
        "Sunset": {
            **_TEXT,
            "description": "RFC 8594: until when such a version is taken.",
        },
    },
    401: {"WWW-Authenticate": _TEXT},
    429: {"Retry-After": {**_NUMBER, "description": "Seconds to wait."}},
    503: {"Retry-After": {**_NUMBER, "description": "Seconds to wait."}},
}


def document(operations, registry, outdated=None):
    """Return an OpenAPI 3.1 document.

    :param operations: declared routes, see :class:`~..controllers.responses.Operation`
    :param registry: :class:`~.schema.Registry` of event types
    :param outdated: ``{(type, version): (day, day or None)}`` of versions that end
    """
    paths = {}
    for operation in operations:
        path = _PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.verb.lower()] = _operation(operation)
    for path, verbs in paths.items():
        if "post" in verbs:
            verbs["options"] = _handshake(path)
    components = dict(openapi_schemas.COMPONENTS)
    components["envelope"] = _embedded(registry.document("envelope", "1.0"), components)
    types = []
    for name, version in registry.types():
        key = f"{name}-{version}"
        components[key] = _embedded(registry.document(name, version), components)
        types.append(_type(name, version, key, (outdated or {}).get((name, version))))
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "license": {"name": "LGPL-3.0"}},
        "paths": paths,
        "webhooks": announcements.webhooks(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
        "x-event-types": types,
        "x-fact-types": [
            {
                "type": name,
                "version": version,
                "schema": f"/healthcare/v1/schemas/facts/{name}/{version}",
            }
            for name in facts.CATALOGUE
            for version in published.versions(name)
        ],
    }


def _type(name, version, key, ends):
    result = {
        "type": guide.type_name(name, version),
        "version": version,
        "data": f"{_COMPONENT}{key}",
        "schema": f"/healthcare/v1/schemas/{name}/{version}",
    }
    if ends:
        since, until = ends
        result["deprecated"] = since.isoformat()
        if until:
            result["sunset"] = until.isoformat()
    return result


def _embedded(document, components):
    """Return a schema as a component; put its definitions beside it."""
    definitions = document.pop("$defs", {})
    for word in ("$schema", "$id"):
        document.pop(word, None)
    for name, definition in definitions.items():
        components.setdefault(f"def.{name}", _pointed(definition))
    return _pointed(document)


def _pointed(node):
    """Return a schema whose references go to components."""
    if isinstance(node, list):
        return [_pointed(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"{_COMPONENT}def.{value.removeprefix(_DEFINITION)}"
        if key == "$ref" and isinstance(value, str) and value.startswith(_DEFINITION)
        else _pointed(value)
        for key, value in node.items()
    }


def _operation(operation):
    summary, _, rest = operation.text.strip().partition("\n")
    intake = operation.verb == "POST"
    result = {
        "operationId": operation.method.__name__,
        "summary": summary.rstrip("."),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PARAMETER.findall(operation.path)
        ]
        + [
            {
                "name": name,
                "in": "query",
                "required": True,
                "description": text,
                "schema": {"type": "string", "minLength": 1},
            }
            for name, text in operation.query.items()
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
    if intake:
        result["parameters"] += _intake_parameters()
        result["requestBody"] = {"required": True, "content": _bodies(operation)}
    return result


def _intake_parameters():
    texts = {
        "Content-Encoding": "gzip, or nothing.",
        "webhook-id": "With a signature: id of this message, without a full stop.",
        "webhook-timestamp": "With a signature: seconds since 1970.",
        "webhook-signature": "Standard Webhooks: v1, and the HMAC-SHA256 in base64.",
    }
    return [
        {"name": name, "in": "header", "description": text, **_TEXT}
        for name, text in texts.items()
    ]


def _bodies(operation):
    """Return the content of a request by type: events, or a format of its own."""
    if operation.takes:
        shape = {"$ref": f"{_COMPONENT}{operation.takes}"}
        return {kind: {"schema": shape} for kind in operation.consumes}
    if operation.consumes:
        return {kind: {"schema": _foreign(kind)} for kind in operation.consumes}
    one = {"$ref": f"{_COMPONENT}envelope"}
    many = {"type": "array", "items": one, "minItems": 1}
    examples = {
        name: {"value": guide.example(name, version)}
        for name, version in guide.examples()
    }
    return {
        _ONE: {"schema": one, "examples": examples},
        _BATCH: {"schema": many},
        _NDJSON: {
            "schema": {"type": "string", "description": "One event on each line."}
        },
        _PLAIN: {"schema": {"oneOf": [one, many]}},
    }


def _foreign(kind):
    """Return the schema of a body whose format has its own specification."""
    if kind.endswith("json"):
        return {"type": "object", "required": ["resourceType"]}
    return {"type": "string"}


def _answers(operation):
    answers = dict(operation.answers)
    if operation.auth != "none":
        answers.setdefault(401, "The key is missing, unknown or expired")
        answers.setdefault(403, "Wrong scope, network, environment or signature")
    return dict(sorted(answers.items()))


def _response(operation, status, text):
    result = {"description": text}
    intake = operation.verb == "POST"
    headers = dict(_HEADERS.get(status, {}))
    if intake and status not in (401, 403):
        headers.update(_HEADERS[None])
        if status < 300 and not operation.consumes:
            headers.update(_HEADERS["outdated"])
    if headers:
        result["headers"] = headers
    produces = operation.produces
    # FHIR tells its errors in its own way, but not who is nobody to it.
    if produces and (status < 400 or "application/fhir+json" in produces):
        result["content"] = {kind: {"schema": _foreign(kind)} for kind in produces}
        if status >= 400:
            result["content"].update(_PROBLEM)
    elif status >= 400 and operation.returns != "health":
        result["content"] = _PROBLEM
    else:
        name = operation.returns or ("receipts" if intake else None)
        shape = {"$ref": f"{_COMPONENT}{name}"} if name else {"type": "object"}
        result["content"] = {operation.content_type: {"schema": shape}}
    return result


def _handshake(path):
    """Return the ``OPTIONS`` of what takes events."""
    return {
        "operationId": "options_" + path.rpartition("/")[2],
        "summary": "Ask whether deliveries are wanted",
        "description": "The handshake of CloudEvents webhooks. It needs no key and "
        "opens nothing; without the WebHook-Allowed headers the answer is no.",
        "parameters": [
            {"name": name, "in": "header", **_TEXT}
            for name in ("WebHook-Request-Origin", "WebHook-Request-Rate")
        ],
        "responses": {
            "200": {
                "description": "The methods, and whether deliveries are wanted",
                "headers": {
                    name: _TEXT
                    for name in (
                        "Allow",
                        "WebHook-Allowed-Origin",
                        "WebHook-Allowed-Rate",
                    )
                },
            }
        },
    }
