"""The vendors' formats under one roof: a body becomes messages to be mapped.

Each reader speaks of messages, transactions or resources in its own words; here they
all become :class:`Message`. What must be answered in the format's own way is kept in
``Batch.native`` and ``Message.native``. Addons bring formats of their own by
:func:`add`.
"""

import hashlib
from dataclasses import dataclass, field

from ..core.errors import InputError
from . import fhir_r4, hl7v2, x12

MAX_KIND = 64


@dataclass(slots=True)
class Message:
    """One message of a body.

    ``format``; ``kind``: what chooses its mapping, e.g. ``ADT^A04``; ``part``: its
    place in the body, from 0; ``document``: what the mapping reads; ``key``: identifies
    it by its content; ``errors`` keep it from being used, ``warnings`` do not, both as
    ``{"pointer", "code", "detail"}``; ``unsupported``: the error to refuse it with
    where there is no mapping for its kind.
    """

    format: str
    kind: str
    part: int
    document: dict
    key: str
    pointer: str = ""
    time: str | None = None
    errors: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    unsupported: dict | None = None
    native: object = None


@dataclass(slots=True)
class Batch:
    """``messages`` in their order; ``errors`` of the body, worth a warning."""

    messages: list
    errors: list
    native: object


def read(format_name, body, *, charset=None, max_messages=1000, **options):
    """Read a body.

    :param str format_name: one of :data:`READERS`
    :param bytes body: already decompressed
    :param str charset: of the HTTP content type; HL7 v2 only
    :param int max_messages: messages allowed; not of X12, which a vendor cannot cut
    :param options: ``max_bytes``; for FHIR also ``max_depth, id_system, received_at,
        also``
    :return: :class:`Batch`
    :raise InputError: for the body as a whole; not by HL7 v2, whose ``native`` says it
    """
    return READERS[format_name](body, charset, max_messages, options)


def add(format_name, reader):
    """Have bodies of another format read; to be called when an addon is imported.

    :param str format_name: as ``format`` of its messages and mappings
    :param reader: function of ``(body, charset, max_messages, options)``, see
        :func:`read`; it returns a :class:`Batch`
    """
    READERS[format_name] = reader


def _problem(pointer, code, detail):
    return {"pointer": pointer, "code": code, "detail": detail}


def _hl7v2(body, charset, max_messages, _options):
    reading = hl7v2.read(body, charset, max_messages=max_messages)
    messages = [
        Message(
            format="hl7v2",
            kind=message.kind[:MAX_KIND],
            part=part,
            document=message.document,
            key=message.key or digest(body, part),
            errors=message.errors,
            warnings=message.warnings,
            unsupported=message.unsupported(),
            native=message,
        )
        for part, message in enumerate(reading.messages)
    ]
    return Batch(messages, reading.errors, reading)


def _x12(body, _charset, _max_messages, options):
    reading = x12.read(body, max_bytes=options.get("max_bytes") or x12.MAX_BYTES)
    messages = []
    for transaction in reading.transactions:
        # A pointer is within its transaction; the receipt must name that too.
        place = f"/transactions/{transaction.index}"
        problems = _below(place, transaction.problems)
        if transaction.errors:
            errors = _below(place, transaction.errors)
            unsupported = next(
                (e for e in errors if e["code"] == "unsupported_transaction"), None
            )
            messages.append(
                Message(
                    format="x12",
                    kind=_kind(transaction.kind),
                    part=len(messages),
                    document={},
                    key=digest(body, len(messages)),
                    pointer=place,
                    errors=[] if unsupported else errors,
                    warnings=problems,
                    unsupported=unsupported,
                    native=transaction,
                )
            )
        for number, message in enumerate(transaction.messages):
            messages.append(
                Message(
                    format="x12",
                    kind=message.kind,
                    part=len(messages),
                    document=message.document,
                    key=message.key,
                    pointer=place + message.pointer,
                    time=message.time,
                    warnings=problems if number == 0 else [],
                    native=transaction,
                )
            )
    return Batch(messages, reading.errors, reading)


def _fhir(body, _charset, max_messages, options):
    max_bytes = options.pop("max_bytes", None)
    if max_bytes:
        options["max_bytes"] = max_bytes
    reading = fhir_r4.read(body, **options)
    if len(reading.messages) > max_messages:
        raise InputError(
            "too_many", f"At most {max_messages} resources a body.", status=413
        )
    messages = [
        Message(
            format="fhir_r4",
            kind=message.kind,
            part=part,
            document=message.document,
            key=message.key,
            pointer=message.pointer,
            time=message.time,
            errors=message.errors,
            warnings=message.problems,
        )
        for part, message in enumerate(reading.messages)
    ]
    if not messages:
        # With others, such resources are what those refer to; alone, they are refused.
        messages = [
            Message(
                format="fhir_r4",
                kind=_kind(kind),
                part=part,
                document={},
                key=digest(body, kind),
                unsupported=_problem(
                    "/resourceType" if reading.bundle is None else "/entry",
                    "not_supported",
                    f"Taken are {', '.join(fhir_r4.KINDS)}.",
                ),
            )
            for part, kind in enumerate(sorted(reading.others))
        ]
    return Batch(messages, reading.errors, reading)


def _kind(text):
    """Return a kind that is safe to store and show, whatever was sent for one."""
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in "._^-"))[:20]


def _below(place, problems):
    return [{**one, "pointer": place + one["pointer"]} for one in problems]


def digest(body, place):
    """Return a key for a message that has none of its own: its body and its place."""
    return hashlib.sha256(body + b"\0" + str(place).encode()).hexdigest()


READERS = {"hl7v2": _hl7v2, "fhir_r4": _fhir, "x12": _x12}
