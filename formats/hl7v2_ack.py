"""HL7 v2 acknowledgements, original mode.

Source: HL7 v2.5.1, 2.9.2 and 2.15.8 (MSA), 2.15.5 (ERR), tables 0008 and 0357.
"""

import re
import secrets
from datetime import UTC, datetime

from .hl7v2_text import STANDARD, delimiters, escaped

CODES = ("AA", "AE", "AR")
_MAX_ERRORS = 20
_MAX_COPIED = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_PLACE = re.compile(r"/([A-Z][A-Z0-9]{2})(?:/[0-9]+)?/f([0-9]{1,3})")
#: Table 0357, for our codes.
_CONDITIONS = {
    "required": ("101", "Required field missing"),
    "type": ("102", "Data type error"),
    "invalid_value": ("102", "Data type error"),
    "format": ("102", "Data type error"),
    "unmapped_code": ("103", "Table value not found"),
    "not_allowed_value": ("103", "Table value not found"),
    "unsupported_message": ("200", "Unsupported message type"),
    "unsupported_event": ("201", "Unsupported event code"),
    "unsupported_charset": ("207", "Application internal error"),
    "unreadable": ("100", "Segment sequence error"),
    "segment_before_header": ("100", "Segment sequence error"),
    "no_message": ("100", "Segment sequence error"),
    "conflict": ("205", "Duplicate key identifier"),
}
_OTHER = ("207", "Application internal error")


def build(header, code, errors=(), *, kind="", codec="utf-8"):
    """Return an acknowledgement.

    :param str header: the MSH of what is answered, ``""`` when there is none
    :param str code: one of :data:`CODES`
    :param errors: list of ``{"pointer", "code", "detail"}``, or one text
    :param str kind: of the message answered, for its trigger
    :param str codec: Python codec of the answer
    :return: bytes; segments end in a carriage return
    """
    if code not in CODES:
        raise ValueError("Not an acknowledgement code.")
    if codec.startswith(("utf-16", "utf-32")):
        codec = "utf-8"  # of which the other side knows the letters too
    marks = delimiters(header) if header else None
    fields = []
    if marks is not None:
        fields = [_copied(text) for text in header.split(marks.field, 20)[:20]]
    marks = marks or STANDARD
    fields += [""] * (20 - len(fields))
    if isinstance(errors, str):
        errors = [{"pointer": "", "code": "", "detail": errors}] if errors else []
    version = fields[11].partition(marks.component)[0] or "2.5.1"
    trigger = kind.partition("^")[2]
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    charset = {"utf-8": "UNICODE UTF-8", "iso8859_1": "8859/1"}.get(codec, fields[17])
    message_type = marks.component.join(
        ("ACK", trigger, "ACK") if trigger else ("ACK",)
    )
    # Index n of a split header is MSH-(n+1).
    header_fields = [
        "MSH",
        "".join(marks[1:]),
        fields[4],
        fields[5],
        fields[2],
        fields[3],
        now,
        "",
        message_type,
        secrets.token_hex(10),
        fields[10] or "P",
        fields[11] or version,
        *([""] * 5),
        charset,
    ]
    reason = escaped(errors[0]["detail"], marks)[:200] if errors else ""
    segments = [header_fields, ["MSA", code, fields[9], reason]]
    if _since_2_5(version):
        segments += [_error(error, marks) for error in errors[:_MAX_ERRORS]]
    text = "".join(
        marks.field.join(segment).rstrip(marks.field) + "\r" for segment in segments
    )
    try:
        return text.encode(codec)
    except UnicodeError:
        return text.encode("utf-8")


def batch(acks):
    """Return a batch of acknowledgements, in the standard delimiters."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    head = f"BHS|^~\\&|||||{now}\r".encode()
    return head + b"".join(acks) + f"BTS|{len(acks)}\r".encode()


def _copied(text):
    return _CONTROL.sub(" ", text)[:_MAX_COPIED].strip()


def _since_2_5(version):
    found = re.match(r"2\.([0-9]{1,2})", version)
    return found is None or int(found[1]) >= 5


def _error(error, marks):
    """Return the fields of an ERR segment."""
    place = _PLACE.match(error["pointer"])
    location = marks.component.join((place[1], "1", place[2])) if place else ""
    number, name = _CONDITIONS.get(error["code"], _OTHER)
    condition = marks.component.join((number, name, "HL70357"))
    detail = error["detail"]
    if error["pointer"] and not place:
        detail = f"{detail} ({error['pointer']})"
    return ["ERR", "", location, condition, "E", "", "", "", escaped(detail, marks)]
