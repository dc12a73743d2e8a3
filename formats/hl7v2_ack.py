"""HL7 v2 acknowledgements, original mode.

Source: HL7 v2.5.1, 2.9.2 and 2.15.8 (MSA), 2.15.5 (ERR), tables 0008 and 0357.
"""

import re
import secrets
from datetime import UTC, datetime

from ..core.mapping import places as mapping_places
from .hl7v2_text import STANDARD, delimiters, escaped

CODES = ("AA", "AE", "AR")
_MAX_ERRORS = 20
_MAX_COPIED = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_PLACE = re.compile(r"/([A-Z][A-Z0-9]{2})(?:/[0-9]+)?/f([0-9]{1,3})")
_SEGMENT = re.compile(r"/([A-Z][A-Z0-9]{2})\Z")
_READ = re.compile(r"\b([A-Z][A-Z0-9]{2})(?:\[[^\]]*\])?\.f([0-9]{1,3})\b")
#: Table 0357, for our codes.
_CONDITIONS = {
    "required": ("101", "Required field missing"),
    "type": ("102", "Data type error"),
    "invalid_value": ("102", "Data type error"),
    "format": ("102", "Data type error"),
    "unmapped_code": ("103", "Table value not found"),
    "not_allowed_value": ("103", "Table value not found"),
    "not_taken": ("103", "Table value not found"),
    "unsupported_message": ("200", "Unsupported message type"),
    "unsupported_event": ("201", "Unsupported event code"),
    "unsupported_charset": ("103", "Table value not found"),
    "pattern": ("102", "Data type error"),
    "one_of": ("101", "Required field missing"),
    "too_few": ("101", "Required field missing"),
    "too_short": ("101", "Required field missing"),
    "too_long": ("104", "Value too long"),
    "too_small": ("102", "Data type error"),
    "too_large": ("102", "Data type error"),
    "invalid_time": ("102", "Data type error"),
    "invalid_delimiters": ("102", "Data type error"),
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
    :param errors: list of ``{"pointer", "code", "detail"}``, or one text; ``place`` as
        :func:`located` adds it
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
    reason = escaped(_reason(errors[0]), marks)[:200] if errors else ""
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


def located(errors, rules, document):
    """Return errors with the ``place`` their values come from: segment and field.

    :param errors: list of ``{"pointer", "code", "detail"}``, pointers into an event
    :param dict rules: the mapping, as :mod:`..core.mapping.mapping` describes it
    :param dict document: the message, as :mod:`.hl7v2` describes it
    """
    found = []
    for error in errors:
        texts = mapping_places.expressions(rules, error["pointer"])
        places = [place for text in texts for place in _READ.findall(text)]
        # Of several segments a value may stand in, one that the sender uses.
        place = next((p for p in places if p[0] in document), (*places, None)[0])
        found.append({**error, "place": place} if place else error)
    return found


def _place(error):
    """Return segment and, unless all of it is meant, field; or nothing."""
    found = _PLACE.match(error["pointer"]) or _SEGMENT.match(error["pointer"])
    return found.groups() if found else error.get("place", ())


def _reason(error):
    """Return what is wrong in one text, with the place: MSA-3 stands alone."""
    place = "-".join(_place(error))
    return f"{place}: {_told(error)}" if place else _told(error)


def _told(error):
    pointer = error["pointer"]
    ours = pointer and not (_PLACE.match(pointer) or _SEGMENT.match(pointer))
    return f"{error['detail']} ({pointer})" if ours else error["detail"]


def _error(error, marks):
    """Return the fields of an ERR segment."""
    segment, *field = _place(error) or ("",)
    location = marks.component.join((segment, "1", *field)) if segment else ""
    number, name = _CONDITIONS.get(error["code"], _OTHER)
    if _SEGMENT.match(error["pointer"]):
        number, name = _CONDITIONS["no_message"]  # it is the whole segment that lacks
    condition = marks.component.join((number, name, "HL70357"))
    told = escaped(_told(error), marks)
    return ["ERR", "", location, condition, "E", "", "", "", told]
