"""The rules of a CloudEvents 1.0.2 envelope, and of the times in it.

Specification: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
Ours go further in three places: ``time`` and ``data`` are required, and ``data`` is a
JSON object.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from ..errors import InputError

ATTRIBUTE_NAME = re.compile(r"[a-z0-9]{1,20}\Z")
# C0 and C1 controls, and what Unicode calls noncharacters (spec, "String").
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_NOT_IN_URI = re.compile(r"[\s<>\"{}|\\^`]")
_JSON_TYPE = re.compile(
    r"(?:application/json|text/json|application/[a-z0-9.+-]{1,64}\+json)"
    r"(?:\s*;\s*charset=\"?utf-8\"?)?\s*\Z",
    re.IGNORECASE,
)
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z"
)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,12}))?(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))\Z"
)
REQUIRED = ("specversion", "id", "source", "type", "time")
_MAX_LENGTH = {
    "id": 255,
    "source": 1024,
    "type": 255,
    "subject": 1024,
    "correlationid": 255,
    "causationid": 255,
    "partitionkey": 255,
}
_MAX_ATTRIBUTES = 64
_TEXTS = ("subject", "correlationid", "causationid", "partitionkey")
_URIS = ("source", "dataschema")


def parse_time(text):
    """Read an RFC 3339 date and time with an offset.

    A leap second is read as the last microsecond before it; digits beyond the
    microsecond are cut off.

    :return: aware datetime in UTC
    :raise InputError: ``invalid_time``
    """
    found = _TIME.match(text) if isinstance(text, str) else None
    if found is None:
        raise _invalid_time()
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, zulu, sign, offset_hours, offset_minutes = found.groups()[6:]
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    if second == 60:
        second, microsecond = 59, 999999
    try:
        if zulu:
            return datetime(
                year, month, day, hour, minute, second, microsecond, tzinfo=UTC
            )
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise _invalid_time()
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
        zone = timezone(-offset if sign == "-" else offset)
        return datetime(
            year, month, day, hour, minute, second, microsecond, tzinfo=zone
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _invalid_time() from None


def _invalid_time():
    return InputError(
        "invalid_time",
        "Must be a date and time with an offset, such as 2026-03-02T09:30:00Z.",
    )


def normalised(envelope):
    """Return an envelope without what says nothing.

    Null means absent; a ``traceparent`` that breaks W3C Trace Context is ignored, as
    that specification asks; ``datacontenttype`` JSON is the default.
    """
    result = {name: value for name, value in envelope.items() if value is not None}
    trace = result.get("traceparent")
    if trace is not None and not (isinstance(trace, str) and _TRACEPARENT.match(trace)):
        del result["traceparent"]
    if result.get("datacontenttype") in ("application/json", ""):
        del result["datacontenttype"]
    return result


def errors(envelope):
    """Return what is wrong with a normalised envelope, ``data`` itself apart.

    :param dict envelope: attributes and ``data``
    :return: list of ``{"pointer", "code", "detail"}``
    """
    found = []
    for name in REQUIRED:
        if name not in envelope:
            found.append(_error(name, "required", "This attribute is required."))
    if len(envelope) > _MAX_ATTRIBUTES:
        found.append(_error("", "too_many", "There are too many attributes."))
        return found
    for name, value in envelope.items():
        if name in ("data", "data_base64"):
            continue
        if not ATTRIBUTE_NAME.match(name):
            # The name is the sender's choice, so it is not repeated.
            found.append(
                _error(
                    "",
                    "invalid_name",
                    "An attribute's name is not 1 to 20 of a-z and 0-9.",
                )
            )
        elif problem := _attribute(name, value):
            found.append(_error(name, *problem))
    if "data_base64" in envelope:
        found.append(
            _error(
                "data_base64",
                "binary_data",
                "Binary data is not taken: send a JSON object as data.",
            )
        )
    elif "data" not in envelope:
        found.append(_error("data", "required", "The event has no data."))
    elif not isinstance(envelope["data"], dict):
        found.append(_error("data", "type", "Must be an object."))
    return found


def _error(name, code, detail):
    return {"pointer": f"/{name}" if name else "", "code": code, "detail": detail}


def _attribute(name, value):
    """Return ``(code, detail)`` of what is wrong with one attribute, else None."""
    if name in REQUIRED or name in _TEXTS or name in _URIS:
        if not isinstance(value, str):
            return "type", "Must be a text."
        if not value:
            return "too_short", "Must not be empty."
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return None
        return "number_too_large", "Must be an integer of 32 bits."
    return "type", "Must be a text, an integer or a boolean."


def _text(name, value):
    limit = _MAX_LENGTH.get(name, 1024)
    if len(value) > limit:
        return "too_long", f"Must be at most {limit} characters long."
    if _CONTROL.search(value):
        return "invalid_character", "Must not hold control characters."
    if name in _URIS and _NOT_IN_URI.search(value):
        return "format", "Must be a URI reference."
    if name == "specversion" and value != "1.0":
        return "unsupported_version", 'Must be "1.0".'
    if name == "datacontenttype" and not _JSON_TYPE.match(value):
        return "unsupported_media_type", "The data must be JSON."
    if name == "time":
        try:
            parse_time(value)
        except InputError as error:
            return "format", error.detail
    return None
