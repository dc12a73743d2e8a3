"""CloudEvents 1.0.2 over HTTP: structured, batch, NDJSON, binary and plain JSON.

Sources: HTTP Protocol Binding and JSON Event Format, version 1.0.2. What concerns the
body as a whole is raised; what concerns one event is that event's error, so that one
bad event does not cost the others.
"""

import re
from collections import namedtuple
from urllib.parse import unquote_to_bytes

from ..core import strict_json
from ..core.contract import envelope as rules
from ..core.contract.envelope import parse_time
from ..core.errors import InputError

__all__ = ["CONTENT_TYPES", "Item", "Reading", "parse_time", "read"]

#: What :func:`read` takes, as documentation lists it. Binary mode: ``ce-*`` headers
#: with ``application/json``.
CONTENT_TYPES = (
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-ndjson",
    "application/json",
)

#: One event: its place in the request (from 0), its envelope (None when it is not an
#: object), what was received (any JSON value, or the text of an unreadable line), and
#: errors as ``{"pointer", "code", "detail"}``, pointers relative to the event.
Item = namedtuple("Item", "index envelope raw errors")
#: ``items`` in the order received; ``single`` when the request is one event by its
#: form, so that its error is the request's error.
Reading = namedtuple("Reading", "items single")

_NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_BINARY = re.compile(r"application/(?:json|[a-z0-9.+-]{1,64}\+json)\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')
_UNQUOTE = re.compile(r"\\(.)")
_MAX_HEADER = 8192


def read(content_type, headers, body, *, max_events=1000, max_depth=64):
    """Read the events of a request.

    :param str content_type: the ``Content-Type`` header, parameters included
    :param headers: mapping of header names (any case) to texts
    :param bytes body: already decompressed
    :param int max_events: events allowed in one request
    :param int max_depth: levels of nesting allowed in one event
    :return: :class:`Reading` with at least one item
    :raise InputError: for the body as a whole; status 400, 413 or 415
    """
    media_type = _media_type(content_type)
    attributes = {
        name.lower()[3:]: value
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    if media_type == "application/cloudevents+json":
        return _structured(_load(body, max_depth))
    if media_type == "application/cloudevents-batch+json":
        return _batch(_load(body, max_depth + 1), max_events)
    if media_type in _NDJSON:
        return _lines(body, max_events, max_depth)
    if media_type.startswith("application/cloudevents"):
        raise _unsupported()
    if attributes and (not media_type or _BINARY.match(media_type)):
        return _binary(media_type, attributes, body, max_depth)
    if media_type == "application/json":
        # The array around events is no level of theirs.
        array = body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
        value = _load(body, max_depth + array)
        if isinstance(value, list):
            return _batch(value, max_events)
        return _structured(value)
    raise _unsupported()


def _media_type(content_type):
    media_type, *parameters = (content_type or "").split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in ("utf-8", "utf8"):
            raise InputError("unsupported_charset", "Only UTF-8 is taken.", status=415)
    return media_type.strip().lower()


def _unsupported():
    return InputError(
        "unsupported_media_type",
        f"Taken are {', '.join(CONTENT_TYPES)} and binary mode.",
        status=415,
    )


def _load(body, max_depth):
    if not body.strip():
        raise InputError("empty_body", "There is no body.")
    return strict_json.loads(body, max_depth)


def _not_cloudevents(detail):
    return InputError("not_cloudevents", detail)


def _kept(index, value, detail):
    """Return an item that is no event, but JSON: what is refused is not lost."""
    return Item(index, None, value, [_not_cloudevents(detail).as_dict()])


def _item(index, value):
    if not isinstance(value, dict):
        return _kept(index, value, "An event is a JSON object.")
    envelope = rules.normalised(value)
    return Item(index, envelope, value, rules.errors(envelope))


def _structured(value):
    return Reading([_item(0, value)], True)


def _batch(value, max_events):
    if not isinstance(value, list):
        return Reading([_kept(0, value, "A batch is a JSON array of events.")], False)
    if not value:
        raise InputError("empty_batch", "There is no event in the batch.")
    if len(value) > max_events:
        raise _too_many(max_events)
    return Reading([_item(index, event) for index, event in enumerate(value)], False)


def _too_many(max_events):
    return InputError(
        "too_many_events", f"At most {max_events} events a request.", status=413
    )


def _lines(body, max_events, max_depth):
    lines = [
        (number, line)
        for number, line in enumerate(body.split(b"\n"), start=1)
        if line.strip()
    ]
    if not lines:
        raise InputError("empty_body", "There is no body.")
    if len(lines) > max_events:
        raise _too_many(max_events)
    items, first_error = [], None
    for index, (number, line) in enumerate(lines):
        try:
            items.append(_item(index, strict_json.loads(line, max_depth)))
        except InputError as error:
            first_error = first_error or error
            problem = {
                "pointer": f"/{number}",
                "code": error.code,
                "detail": f"Line {number}: {error.detail}",
            }
            # Kept for a person to look at; NUL could not be read back.
            text = line.decode("utf-8", "replace").replace("\0", "\ufffd")
            items.append(Item(index, None, text, [problem]))
    if first_error and all(item.envelope is None for item in items):
        # Not one object: whatever this is, it is no stream of events.
        raise first_error
    return Reading(items, False)


def _binary(media_type, attributes, body, max_depth):
    envelope, errors = {}, []
    for name, value in attributes.items():
        if name == "datacontenttype":
            errors.append(
                _header_error(name, "not_allowed", "Content-Type says this already.")
            )
        elif name in ("data", "data_base64"):
            errors.append(_header_error(name, "not_allowed", "The body is the data."))
        elif not rules.ATTRIBUTE_NAME.match(name):
            errors.append(
                _header_error(
                    "",
                    "invalid_name",
                    "An attribute's name is not 1 to 20 of a-z and 0-9.",
                )
            )
        else:
            try:
                envelope[name] = _header_text(value)
            except ValueError:
                errors.append(
                    _header_error(
                        name, "invalid_encoding", "Not percent-encoded UTF-8."
                    )
                )
    if body.strip():
        envelope["data"] = strict_json.loads(body, max_depth)
    if media_type:
        envelope["datacontenttype"] = media_type
    envelope = rules.normalised(envelope)
    reported = {error["pointer"] for error in errors}
    errors += [e for e in rules.errors(envelope) if e["pointer"] not in reported]
    return Reading([Item(0, envelope, envelope, errors)], True)


def _header_error(name, code, detail):
    return {"pointer": f"/{name}" if name else "", "code": code, "detail": detail}


def _header_text(value):
    """Decode a header as the HTTP binding says (3.1.3.2); ValueError if it is not."""
    value = value.strip()
    if len(value) > _MAX_HEADER:
        raise ValueError
    if quoted := _QUOTED.match(value):
        value = _UNQUOTE.sub(r"\1", quoted[1])
    if not value.isascii():
        raise ValueError
    text = unquote_to_bytes(value).decode("utf-8")
    if "\0" in text:
        raise ValueError
    return text
