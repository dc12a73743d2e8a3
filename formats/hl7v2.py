"""HL7 v2 (ER7): bytes in, messages as plain JSON out, acknowledgements back.

The ``document`` of a message, as mappings address it:

* A field is a list of repetitions, a repetition an object of components, a component a
  text: PID-3.1 is ``PID.f3[0].c1``, the second repetition's PID-3.4 ``PID.f3[1].c4``.
  A component with subcomponents has its first under its own name and the others
  beside it: PID-3.4.2 is ``PID.f3[0].c4_2``.
* Segments that come once (:data:`ONCE`) are objects, the first of each: ``PID.f7``.
  All others, Z segments too, are lists in their order: ``IN1[0].f3[0].c1``.
* What belongs together is also under the name of its group (:data:`GROUPS`):
  ``patients`` (PID with its MRG, PV1 …), ``insurances`` (IN1 with IN2, IN3), ``orders``
  (ORC with its OBR …), ``resources`` (RGS with AIS …), ``financials`` (FT1 with PR1 …).
  There the group's first segment is an object, as are :data:`ONCE`, IN2 and IN3;
  others are lists: ``orders[0].ORC.f2[0].c1``, ``orders[0].OBR[0].f4[0].c1``.
* What is empty is not there, and neither is what the sender deletes (``""``): an update
  never blanks. The places of the latter are in ``Message.nulls``.

**Answers.** ``AR`` to what cannot be read (``Message.errors``) and to kinds without a
mapping (``Message.unsupported()``), ``AE`` where the mapping or the schema finds fault,
``AA`` otherwise, duplicates included.

**Identity.** ``Message.key`` is a digest of everything the message says, as read, but
MSH-7, 8, 13 and 14, which a resend may change. So the same message in other delimiters,
line ends or character sets is a duplicate, and another message that reuses MSH-10 is
not. Without MSH-10 nothing is left out: two like messages are then told apart by their
times.

Tokenising is python-hl7's, for which its known faults are kept away: delimiters that
are not distinct, short headers, its own escapes (unbounded) and ACKs (need full
headers), and a logger that writes fields out.
"""

import hashlib
import logging
import re
from dataclasses import dataclass, field

from ..core import strict_json
from . import hl7v2_ack, hl7v2_text

FORMAT = "hl7v2"
#: Content types taken; answers go out in the request's own.
CONTENT_TYPES = (
    "application/hl7-v2",
    "application/hl7-v2+er7",
    "x-application/hl7-v2+er7",
)
#: Message kinds the addon has mappings for.
SUPPORTED = (
    *("ADT^A01", "ADT^A04", "ADT^A05", "ADT^A08", "ADT^A28", "ADT^A31", "ADT^A40"),
    *("SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S16", "SIU^S17", "SIU^S26"),
    *("ORM^O01", "OMG^O19", "DFT^P03"),
)
ONCE = frozenset("MSH EVN PID PD1 PV1 PV2 SCH MRG MSA ARV ACC UB1 UB2".split())
#: ``name: (leaders, members)``: a leader starts a group, members belong to it.
GROUPS = {
    "patients": ({"PID"}, {"PD1", "MRG", "PV1", "PV2", "NK1", "AL1"}),
    "insurances": ({"IN1"}, {"IN2", "IN3"}),
    "orders": (
        {"ORC"},
        set("OBR RXO RXE RXR RXC RXD RXA TQ1 TQ2 NTE OBX DG1 CTD BLG".split())
        | {"ODS", "ODT", "RQD", "RQ1"},
    ),
    "resources": ({"RGS"}, {"AIS", "AIG", "AIL", "AIP", "NTE"}),
    "financials": ({"FT1"}, {"PR1", "NTE"}),
}
_SINGLE = ONCE | {"IN2", "IN3"}
_ENDS_GROUPS = {"MSH", "PID"}
#: A message has at most so many delimiters (objects to be made), a body so many.
MAX_DELIMITERS = 100_000
MAX_BODY_DELIMITERS = 1_000_000
_VOLATILE = ("f7", "f8", "f13", "f14")
_NULL = '""'
_KIND = re.compile(r"[A-Z0-9]{2,10}\Z")


@dataclass(slots=True)
class Message:
    """One message of a body.

    ``kind``: ``ADT^A01``, or ``""`` when it does not say; ``document``: as the module
    describes; ``control_id``: MSH-10; ``key``: 64 hex characters, see *Identity*;
    ``version``: MSH-12; ``errors``: ``{"pointer", "code", "detail"}`` that keep it from
    being used; ``warnings``: the same, of what was read all the same; ``nulls``:
    pointers to what the sender deletes.
    """

    kind: str = ""
    document: dict = field(default_factory=dict)
    control_id: str = ""
    key: str = ""
    version: str = ""
    errors: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    nulls: list = field(default_factory=list)
    _header: str = field(default="", repr=False)
    _codec: str = "utf-8"

    @property
    def supported(self):
        """Whether there is a mapping for this kind in the addon."""
        return self.kind in SUPPORTED

    def ack(self, code="AA", errors=()):
        """Return the acknowledgement of this message, in its own delimiters.

        :param str code: ``AA`` taken, ``AE`` an error in it, ``AR`` refused
        :param errors: ``{"pointer", "code", "detail"}``, or one text; no values
        :return: bytes, in the message's character set
        """
        return hl7v2_ack.build(
            self._header, code, errors, kind=self.kind, codec=self._codec
        )

    def unsupported(self):
        """Return the error that refuses a kind without a mapping (answer: ``AR``)."""
        if not self.kind:
            pointer, detail = "/MSH/f9", "The message does not say its type."
            return {"pointer": pointer, "code": "required", "detail": detail}
        types = {kind.partition("^")[0] for kind in SUPPORTED}
        known = self.kind.partition("^")[0] in types
        return {
            "pointer": "/MSH/f9",
            "code": "unsupported_event" if known else "unsupported_message",
            "detail": f"Taken are {', '.join(SUPPORTED)}.",
        }


@dataclass(slots=True)
class Reading:
    """A body: ``messages`` in their order; ``batch`` when it is one, or several.

    ``errors`` are of the body as a whole: without ``messages`` they are the reason why
    there are none, with them they are worth a warning.
    """

    messages: list
    batch: bool = False
    errors: list = field(default_factory=list)

    def ack(self, code="AR", errors=None):
        """Return an answer to the body as a whole, when there is no message in it."""
        return hl7v2_ack.build("", code, self.errors if errors is None else errors)

    def answer(self, acks):
        """Join the acknowledgements of all messages: a batch is answered by one."""
        if not acks:
            return self.ack()
        return hl7v2_ack.batch(acks) if self.batch else acks[0]


def read(body, charset=None, *, max_messages=1000):
    """Read a body.

    :param bytes body: one message, several, or a batch or file; MLLP frames, any line
        ends and a byte order mark are taken
    :param str charset: of the HTTP content type; goes before MSH-18
    :param int max_messages: messages allowed
    :return: :class:`Reading`; nothing is raised for what the bytes are
    """
    text, codec, fault = hl7v2_text.decode(bytes(body), charset)
    found, envelope, faults = hl7v2_text.split(text, max_messages)
    reading = Reading([], len(found) > 1 or bool(envelope))
    reading.errors = [_error("", *each) for each in faults]
    if len(found) > max_messages:
        reading.errors.append(
            _error("", "too_large", f"At most {max_messages} messages a body.")
        )
        return reading
    budget = MAX_BODY_DELIMITERS
    for lines in found:
        message, used = _message(lines, codec, budget)
        budget -= used
        if fault:
            message.errors.append(_error("/MSH/f18", *fault))
        reading.messages.append(message)
    declared = _declared_count(envelope)
    if declared is not None and declared != len(found):
        reading.errors.append(
            _error("/BTS/f1", "count", "The batch does not hold as many as it says.")
        )
    return reading


def _error(pointer, code, detail):
    return {"pointer": pointer, "code": code, "detail": detail}


def _declared_count(envelope):
    """Return the sum of BTS-1 over all batches, None when one does not say."""
    total = None
    for line in envelope:
        if line.startswith("BTS"):
            count = line[4:].partition(line[3:4])[0].strip() if line[3:4] else ""
            if not re.match(r"[0-9]{1,9}\Z", count):
                return None
            total = (total or 0) + int(count)
    return total


def _message(lines, codec, budget):
    """Return ``(message, delimiters used)``."""
    header, warning = hl7v2_text.mended(lines.lines[0])
    if warning:
        lines.lines[0] = header
        lines.warnings.append(warning)
    message = Message(_header=header, _codec=codec)
    message.warnings = [_error("", *warning) for warning in lines.warnings[:100]]
    marks = hl7v2_text.delimiters(header)
    if marks is None:
        message.errors.append(
            _error("/MSH/f2", "invalid_delimiters", "The delimiters are not distinct.")
        )
        return message, 0
    text = hl7v2_text.joined(lines)
    used = sum(text.count(mark) for mark in (*marks, "\r"))
    if used > min(MAX_DELIMITERS, budget):
        message.errors.append(_error("", "too_large", "The message is too large."))
        return message, 0
    try:
        segments = _tokenised(text)
    except _UNREADABLE:
        message.errors.append(_error("", "unreadable", "The message is not HL7 v2."))
        return message, used
    _fill(message, segments, hl7v2_text.Unescaper(marks, codec))
    return message, used


# What python-hl7 raises for text it does not expect, its own exceptions included.
_UNREADABLE = (
    AssertionError,
    AttributeError,
    IndexError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def _tokenised(text):
    """Return python-hl7's message: segments, fields, repetitions, components."""
    import hl7  # only a worker that meets HL7 pays for it
    import hl7.containers
    import hl7.util

    for module in (hl7.containers, hl7.util):
        module.logger.disabled = True  # it would write out whole fields
    logging.getLogger("hl7").disabled = True
    try:
        return hl7.parse(text)
    except hl7.exceptions.HL7Exception as error:
        raise ValueError("not HL7") from error


def _fill(message, segments, unescape):
    ordered = []
    for place, raw in enumerate(segments):
        name = str(raw[0])[:3]
        ordered.append((name, _segment(name, raw, unescape, message, place)))
    message.document = document = _arranged(ordered)
    header = document.get("MSH", {})
    message.control_id = text_at(header, "f10").strip()
    message.version = text_at(header, "f12").strip()[:20]
    message.kind = _kind(document)
    message.key = _digest(ordered, bool(message.control_id))
    if not message.kind:
        message.errors.append(message.unsupported())
    if not message.control_id:
        message.warnings.append(
            _error("/MSH/f10", "required", "The message has no control id.")
        )


def text_at(segment, name, component="c1"):
    """Return a component of a field's first repetition, ``""`` when not there."""
    repetitions = segment.get(name)
    return repetitions[0].get(component, "") if repetitions else ""


def _kind(document):
    header = document.get("MSH", {})
    code = text_at(header, "f9").strip().upper()
    trigger = text_at(header, "f9", "c2").strip().upper()
    if not trigger and "_" in text_at(header, "f9", "c3"):
        trigger = text_at(header, "f9", "c3").strip().upper().partition("_")[2]
    if not trigger and code == "ADT":
        trigger = text_at(document.get("EVN", {}), "f1").strip().upper()
    if not _KIND.match(code):
        return ""
    return f"{code}^{trigger}" if _KIND.match(trigger) else code


def _segment(name, raw, unescape, message, place):
    """Return ``{"f1": [{"c1": …}, …], …}`` of a segment, without what is empty."""
    fields = {}
    for number, parts in enumerate(raw[1:], start=1):
        if name == "MSH" and number <= 2:
            fields[f"f{number}"] = [{"c1": str(parts)}]
            continue
        repetitions = []
        for repetition in parts:
            components = {}
            if isinstance(repetition, str):
                _leaf(components, "c1", repetition, unescape)
            else:
                _components(components, repetition, unescape)
            if components.pop(_NULL, None):
                message.nulls.append(f"/{name}/{place}/f{number}")
            repetitions.append(components)
        while repetitions and not repetitions[-1]:
            repetitions.pop()
        if repetitions:
            fields[f"f{number}"] = repetitions
    return fields


def _components(components, repetition, unescape):
    for number, component in enumerate(repetition, start=1):
        if isinstance(component, str):
            _leaf(components, f"c{number}", component, unescape)
            continue
        for part, text in enumerate(component, start=1):
            name = f"c{number}" if part == 1 else f"c{number}_{part}"
            _leaf(components, name, str(text), unescape)


def _leaf(components, name, text, unescape):
    if text == _NULL:
        components[_NULL] = True
    elif text and not text.isspace():
        components[name] = unescape(text)


def _arranged(ordered):
    """Return the document of segments in their order."""
    document, current = {}, {}
    for name, segment in ordered:
        if name in _ENDS_GROUPS:
            current.clear()
        if name in ONCE:
            document.setdefault(name, segment)
        else:
            document.setdefault(name, []).append(segment)
        for group, (leaders, members) in GROUPS.items():
            # an OBR without an ORC is an order of its own
            starts = name in leaders or (
                group == "orders"
                and name == "OBR"
                and "ORC" not in current.get(group, ())
            )
            if starts:
                current[group] = {}
                document.setdefault(group, []).append(current[group])
            if not starts and (name not in members or group not in current):
                continue
            if name in _SINGLE or name in leaders:
                current[group].setdefault(name, segment)
            else:
                current[group].setdefault(name, []).append(segment)
    return document


def _digest(ordered, identified):
    content = [
        (
            name,
            {key: value for key, value in segment.items() if key not in _VOLATILE}
            if name == "MSH" and identified
            else segment,
        )
        for name, segment in ordered
    ]
    # the delimiters themselves say nothing
    if content and content[0][0] == "MSH":
        header = dict(content[0][1])
        header.pop("f1", None), header.pop("f2", None), header.pop("f18", None)
        content[0] = ("MSH", header)
    return hashlib.sha256(strict_json.dumps(content)).hexdigest()
