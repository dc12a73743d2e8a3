"""X12 005010 interchanges: separators, segments, envelopes and their control counts.

pyx12's ``X12Reader`` splits segments and checks the counts. It is fed one interchange
at a time, already cut into clean segments, because of what it does otherwise: it stops
without a word at an empty segment or at one longer than its buffer, knows one set of
separators a file, fails on trailers without a header, puts values into its messages,
and compares each control number with all before it.
"""

import io
import re
from collections import namedtuple

from ..core.errors import InputError

MAX_BYTES = 5 * 1024 * 1024
MAX_INTERCHANGES = 1000
MAX_TRANSACTIONS = 2000
MAX_SEGMENT = 4000  # pyx12 reads 8 kB at a time and drops what is longer
MAX_ELEMENTS = 200
_MAX_NESTING = 50

#: ``sender``, ``receiver``, ``control``, ``usage`` (P or T) are ISA06, 08, 13, 15;
#: ``errors`` as ``{"pointer", "code", "detail"}``.
Interchange = namedtuple(
    "Interchange", "index sender receiver control date time usage version errors"
)
#: One ST…SE: ``segments`` without both; ``kind`` ST01, ``version`` ST03 or GS08,
#: ``group`` a dict of GS02, 03, 06 and 08; ``errors`` what its trailer contradicts.
Raw = namedtuple("Raw", "interchange group kind control version segments errors")

_ISA = re.compile(r"ISA([^A-Za-z0-9\s])")
_NEXT = re.compile(r"(?<![A-Za-z0-9])ISA[^A-Za-z0-9\s]")
_BLANK = re.compile("[\ufeff \t\r\n]*")
_MESSAGES = {
    "not_x12": "An interchange starts with ISA.",
    "broken_isa": "The ISA segment does not have 16 elements and a terminator.",
    "separator": "The separators named in ISA must be different special characters.",
    "unsupported_version": "Only interchange versions 00501 and 00401 are read.",
    "segment_too_long": f"A segment has over {MAX_SEGMENT} characters or "
    f"{MAX_ELEMENTS} elements.",
    "structure": "Headers and trailers (ISA, GS, ST, SE, GE, IEA) do not pair up.",
    "unclosed": "The last segment has no terminator: the end may be missing.",
    "control_number": "The control numbers of header and trailer differ.",
    "control_count": "The trailer counts otherwise.",
    "control_repeated": "The control number is used twice.",
    "no_trailer": "The trailer is missing: the end may be missing.",
    "segment_name": "A segment has no proper name.",
    "hl_order": "HL numbers do not follow each other or name no known parent.",
}
# pyx12's (level, code) -> our code; anything else is of no consequence.
_CODES = {
    ("isa", "001"): "control_number",
    ("isa", "021"): "control_count",
    ("isa", "023"): "no_trailer",
    ("isa", "024"): "structure",
    ("gs", "3"): "no_trailer",
    ("gs", "4"): "control_number",
    ("gs", "5"): "control_count",
    ("gs", "6"): "control_repeated",
    ("st", "2"): "no_trailer",
    ("st", "3"): "control_number",
    ("st", "4"): "control_count",
    ("st", "23"): "control_repeated",
    ("seg", "1"): "segment_name",
    ("seg", "HL1"): "hl_order",
    ("seg", "HL2"): "hl_order",
}


def problem(pointer, code, detail=None):
    """Return ``{"pointer", "code", "detail"}``; details of known codes are ours."""
    return {"pointer": pointer, "code": code, "detail": detail or _MESSAGES[code]}


class Segment(list):
    """The elements of a segment as texts, its name first; what is absent is ``""``."""

    __slots__ = ("position", "component", "repetition")

    def __init__(self, elements, component=":", repetition="", position=0):
        super().__init__(elements)
        self.component, self.repetition = component, repetition
        self.position = position

    def get(self, number):
        """Return an element by its number (1 is the first after the name)."""
        return self[number].strip() if number < len(self) else ""

    def parts(self, number):
        """Return the components of a composite element."""
        value = self.get(number)
        return [part.strip() for part in value.split(self.component)] if value else []

    def repeats(self, number):
        """Return the repetitions of an element.

        Senders of old habits repeat with the component separator (EB03).
        """
        value = self.get(number)
        if self.repetition:
            value = value.replace(self.repetition, self.component)
        return [part.strip() for part in value.split(self.component) if part.strip()]


def decode(body, max_bytes=MAX_BYTES):
    """Return the text of a body: UTF-8 (mark dropped), else Latin-1.

    :raise InputError: ``too_large`` (413), ``empty_body``
    """
    if len(body) > max_bytes:
        raise InputError("too_large", "The body is too large.", status=413)
    body = bytes(body).removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    # NUL could not be stored, and means nothing.
    text = text.replace("\0", "").lstrip("\ufeff \t\r\n")
    if not text:
        raise InputError("empty_body", "There is no body.")
    return text


def read(body, max_bytes=MAX_BYTES):
    """Cut a body into interchanges and transactions.

    :param bytes body: one or more interchanges, each with separators of its own
    :return: ``(interchanges, raws)``, each a list in the order received
    :raise InputError: when it is no X12 at all or too large
    """
    text = decode(body, max_bytes)
    if not _ISA.match(text):
        raise InputError("not_x12", _MESSAGES["not_x12"])
    interchanges, raws, start = [], [], 0
    while start < len(text):
        if len(interchanges) == MAX_INTERCHANGES:
            raise InputError(
                "too_many", f"At most {MAX_INTERCHANGES} interchanges.", status=413
            )
        interchange, found, start = _interchange(text, start, len(interchanges))
        interchanges.append(interchange)
        raws += found
        if len(raws) > MAX_TRANSACTIONS:
            raise _too_many_transactions()
    return interchanges, raws


def _too_many_transactions():
    return InputError(
        "too_many", f"At most {MAX_TRANSACTIONS} transactions.", status=413
    )


def _interchange(text, start, index):
    """Return the interchange at ``start``, its transactions, where the next starts."""
    pointer = f"/interchanges/{index}"
    header = _header(text, start)
    if header is None:
        broken = problem(pointer, "broken_isa")
        return _named(index, [], [broken]), [], _next(text, start + 3)
    elements, component, terminator, end = header
    separator = text[start + 3]
    marks = {separator, component, terminator}
    named = _named(index, elements, [])
    if len(marks) < 3 or any(mark.isalnum() for mark in marks):
        named.errors.append(problem(f"{pointer}/ISA", "separator"))
    elif elements[11] not in ("00501", "00401"):
        named.errors.append(problem(f"{pointer}/ISA12", "unsupported_version"))
    if named.errors:
        return named, [], _next(text, start + 3)
    lines, end, complete = _lines(text, end, separator, terminator)
    if not complete:
        named.errors.append(problem(pointer, "unclosed"))
    if lines is None:
        named.errors.append(problem(pointer, "segment_too_long"))
        return named, [], end
    return named, _transactions(named, lines, header, separator), end


def _named(index, elements, errors):
    get = elements.__getitem__ if elements else lambda _number: ""
    return Interchange(
        index,
        get(5).strip(),
        get(7).strip(),
        get(12).strip(),
        get(8).strip(),
        get(9).strip(),
        get(14).strip(),
        get(11).strip(),
        errors,
    )


def _header(text, start):
    """Return ``(elements, component, terminator, end)`` of an ISA, or None.

    Widths are fixed by the standard, yet blanks get lost on the way: elements are
    found by their separators.
    """
    found = _ISA.match(text, start)
    if not found:
        return None
    elements = text[start + 4 : start + 400].split(found[1], 15)
    if len(elements) < 16 or len(elements[15]) < 2:
        return None
    if not re.match(r"[0-9]{5}\Z", elements[11]):
        return None  # elements are missing and what follows was counted as some
    # The terminator may be a line end; one after another sign is no part of it.
    component, terminator = elements[15][0], elements[15][1]
    length = 4 + sum(len(element) + 1 for element in elements[:15]) + 2
    # Lines wrapped at the 80th column break the ISA once; more is no ISA.
    if sum(element.count("\n") for element in elements[:15]) > 1:
        return None
    elements = [re.sub(r"[\r\n]", "", element) for element in elements[:15]]
    if any(len(element) > 20 for element in elements):
        return None
    return elements, component, terminator, start + length


def _next(text, start):
    """Return where the next interchange starts, or the end of the text."""
    found = _NEXT.search(text, start)
    return found.start() if found else len(text)


def _lines(text, position, separator, terminator):
    """Return the segments of one interchange, where it ends, and whether all closed.

    The first is None when a segment is too long.
    """
    lines, complete = [], True
    while position < len(text):
        end = text.find(terminator, position)
        if end < 0:
            lines += filter(None, [text[position:].strip()])
            return lines, len(text), not text[position:].strip()
        line = text[position:end].strip()
        if _ISA.match(line):
            break
        position = end + 1
        if len(line) > MAX_SEGMENT or line.count(separator) > MAX_ELEMENTS:
            return None, _next(text, position), complete
        # Some systems wrap lines wherever the 80th column is.
        line = line.replace("\r", "").replace("\n", "")
        if line:
            lines.append(line)
        if line.startswith("IEA" + separator) or line == "IEA":
            break
    position = _BLANK.match(text, position).end()
    if position < len(text) and not _ISA.match(text, position):
        # What follows and is no interchange cannot be read; it is not passed over.
        return lines, _next(text, position), False
    return lines, position, complete


def _transactions(named, lines, header, separator):
    """Return the transactions of one interchange; its own errors go to ``named``."""
    # Imported when first needed: most workers never see an X12 file.
    from pyx12.errors import EngineError, X12Error
    from pyx12.x12file import X12Reader

    elements, component, terminator, _end = header
    # Without the line ends that X12Reader strips by itself, so that they are no marks.
    mark = terminator if terminator not in "\r\n" else "\n"
    isa = separator.join(["ISA", *_padded(elements), component]) + mark
    text = isa + "".join(line + mark for line in lines)
    # X12Reader looks each control number up in a list of all before it.
    for name in ("ST", "GS"):
        if sum(line.startswith(name + separator) for line in lines) > MAX_TRANSACTIONS:
            raise _too_many_transactions()
    repetition = elements[10][:1]
    if elements[11] != "00501" or repetition.isalnum() or not repetition.strip():
        repetition = ""
    if repetition in (component, separator, mark):
        repetition = ""
    builder = _Builder(named, component, repetition)
    try:
        reader = X12Reader(io.StringIO(text, newline=""))
        for segment in reader:
            # Before the error check: a trailer's errors belong to what it closes.
            builder.add([segment.get_seg_id(), *map(_text, segment.elements)])
            builder.errors(reader.pop_errors())
            # Searched at each HL as well; no level is nested that deep.
            del reader.hl_stack[:-_MAX_NESTING]
        reader.cleanup()
        builder.end()
        builder.errors(reader.pop_errors())
    except (X12Error, EngineError, IndexError, ValueError):
        # A trailer without a header, mostly. Messages may quote: not repeated.
        builder.end()
        named.errors.append(problem(builder.place(), "structure"))
    return builder.raws


def _text(composite):
    return composite.subele_term.join(part.value for part in composite.elements)


_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1)


def _padded(elements):
    return [
        element.strip().ljust(width)[:width]
        for element, width in zip(elements, _WIDTHS, strict=True)
    ]


class _Builder:
    """Sorts segments and reported errors into transactions."""

    def __init__(self, interchange, component, repetition):
        self.interchange, self.raws = interchange, []
        self.component, self.repetition = component, repetition
        self.group, self.open, self.last, self.position = {}, None, None, 0

    def add(self, elements):
        name = elements[0]
        segment = Segment(elements, self.component, self.repetition, self.position + 1)
        if name == "GS":
            self.end()
            names = ("function", "sender", "receiver", "date", "time", "control")
            self.group = {n: segment.get(i) for i, n in enumerate(names, 1)}
            self.group["version"] = segment.get(8)
        elif name == "ST":
            self.end()
            version = segment.get(3) or self.group.get("version", "")
            self.open = Raw(
                self.interchange,
                self.group,
                segment.get(1),
                segment.get(2),
                version,
                [],
                [],
            )
            self.raws.append(self.open)
            self.position = 1
        elif name == "SE":
            self.last, self.open = self.open, None
        elif name in ("ISA", "IEA", "GE"):
            self.end()
        elif self.open is not None:
            self.position += 1
            self.open.segments.append(segment)

    def end(self):
        """Close what has no trailer of its own."""
        if self.open is not None:
            self.open.errors.append(problem("", "no_trailer"))
        self.open = self.last = None

    def place(self):
        return f"/interchanges/{self.interchange.index}"

    def errors(self, reported):
        for level, code, _message, _value, _line in reported:
            ours = _CODES.get((level, code))
            transaction = self.open or self.last
            if ours is None:
                continue
            if level in ("st", "seg") and transaction is not None:
                place = f"/segments/{self.position}" if level == "seg" else ""
                known = transaction.errors
                # A missing SE is noticed by us already, and named once.
                if not any(e["pointer"] == place and e["code"] == ours for e in known):
                    known.append(problem(place, ours))
            elif level in ("isa", "gs"):
                self.interchange.errors.append(problem(self.place(), ours))
