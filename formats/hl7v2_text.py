"""HL7 v2 as text: character sets, frames, batches, delimiters, escapes.

Source: HL7 v2.5.1, chapter 2 (2.5 delimiters, 2.7 escapes, 2.10.3 batches, table 0211).
"""

import codecs
import re
from collections import namedtuple

#: Names of table 0211, and what senders write for them, to Python codecs.
CHARSETS = {
    "ASCII": "utf-8",  # a superset; senders that say ASCII often send more
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
    "ISO IR14": "iso2022_jp",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5",
    "BIG-5": "big5",
    **{f"8859/{n}": f"iso8859_{n}" for n in (*range(1, 12), 13, 14, 15, 16)},
}
_ENVELOPES = ("FHS", "BHS", "BTS", "FTS")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_LINES = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(rb"(?:\A|[\r\n\x0b\xbf])[ \t]*MSH([^\r\n]*)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Neither can be stored: NUL, and what UTF-16 leaves of broken pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Delimiters = namedtuple("Delimiters", "field component repetition escape subcomponent")
STANDARD = Delimiters("|", "^", "~", "\\", "&")

#: One message as lines of text, with ``(code, detail)`` of what was odd about them.
Lines = namedtuple("Lines", "lines warnings")


def _codec(name):
    """Return the Python codec of a character set's name, or None."""
    name = name.strip().strip('"').upper()
    if not name:
        return None
    if name in CHARSETS:
        return CHARSETS[name]
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # Python also knows codecs that are no character sets, such as zlib.
    return found.name if found._is_text_encoding else ""


def _declared(body):
    """Return the first MSH-18 of a body, ``""`` when there is none."""
    found = _HEADER.search(body)
    if not found or not found[1]:
        return ""
    fields = found[1][:5000].split(found[1][:1], 18)
    value = fields[17] if len(fields) > 17 else b""
    # only the first repetition is the message's own set (2.15.9.18)
    return re.split(rb"[~^]", value)[0].decode("ascii", "replace")


def decode(body, charset=None):
    """Decode a body.

    A byte order mark wins, then ``charset`` (of HTTP), then MSH-18, then UTF-8. What
    says nothing and is no UTF-8 is read as ISO 8859-1, in which every byte means
    something. When a set that is named does not fit, the text is read that way too,
    so that it can be answered, and ``error`` says so.

    :param bytes body: frames of MLLP allowed
    :return: ``(text, codec, error)``; error is ``(code, detail)`` or None
    """
    error = None
    codec = next((c for bom, c in _BOMS if body.startswith(bom)), None)
    named = codec
    if codec is None:
        named = charset or _declared(body)
        codec = _codec(named or "")
        if codec == "":
            error = ("unsupported_charset", "The character set is not known.")
            codec = None
    try:
        text = body.decode(codec or "utf-8")
        # plain ASCII is the same in all of them
        error = None if error and body.isascii() else error
    except (UnicodeError, ValueError):
        text = body.decode("latin-1")
        if named and error is None:
            error = (
                "invalid_encoding",
                "The bytes do not fit the character set that is named.",
            )
        codec = "iso8859_1"
    return _UNSTORABLE.sub("", text), codec or "utf-8", error


def split(text, max_messages):
    """Split a text into messages.

    :param int max_messages: one more is split off at most
    :return: ``(messages, envelope, faults)``: list of :class:`Lines`, the lines of
        FHS, BHS, BTS and FTS, and ``(code, detail)`` of what was wrong around messages
    """
    messages, envelope, faults = [], [], []
    text = text.replace("\x0b", "\r").replace("\x1c", "\r").replace("\ufeff", "")
    for line in _LINES.split(text):
        line = line.strip(" \t\f")
        if not line:
            continue
        name, mark = line[:3], line[3:4]
        if name == "MSH" and mark and not mark.isalnum():
            messages.append(Lines([line], []))
            if len(messages) > max_messages:
                break
        elif name in _ENVELOPES and not mark.isalnum():
            envelope.append(line)
        elif not messages:
            if not faults:
                faults.append(
                    ("segment_before_header", "There is text before the first MSH.")
                )
        elif _SEGMENT.match(name) and not mark.isalnum() and mark not in (" ", "\t"):
            messages[-1].lines.append(line)
        else:
            _continue(messages[-1], line)
    if not messages and not faults:
        faults.append(("no_message", "There is no MSH segment."))
    return messages, envelope, faults


def _continue(message, line):
    """Add a line that is no segment: a line break within the field before."""
    warning = ("line_in_field", f"Segment {len(message.lines)} has a break within it.")
    if not message.warnings or message.warnings[-1] != warning:
        message.warnings.append(warning)
        message.lines[-1] = _Growing(message.lines[-1])
    message.lines[-1].more.append(line)


class _Growing(str):
    """A line with more to come; joined once, so that cost stays linear."""

    def __init__(self, _text):
        self.more = []

    def joined(self):
        return "\n".join([self, *self.more])


def joined(message):
    """Return the text of a message, segments ending in a carriage return."""
    return "\r".join(
        line.joined() if isinstance(line, _Growing) else line for line in message.lines
    )


def delimiters(header):
    """Read the delimiters of a header segment (MSH, BHS, FHS).

    :return: :class:`Delimiters`, or None when they cannot be told apart
    """
    field = header[3:4]
    encoding = header[4:].partition(field)[0] if field else ""
    if len(encoding) > 5:
        return None
    found = Delimiters(
        field, *(encoding[n : n + 1] or STANDARD[n + 1] for n in range(4))
    )
    distinct = len(set(found)) == len(found)
    sane = all(len(c) == 1 and not c.isalnum() and c.isprintable() for c in found)
    return found if distinct and sane and not {" ", '"'} & set(found) else None


def mended(header):
    """Return a header with delimiters as its sender meant them, and a warning or None.

    Three mistakes are common enough, and have one meaning only: a backslash that was
    escaped once too often, one that got lost, and a field separator that did.
    """
    warning = ("mended_delimiters", "The delimiters were read as the standard ones.")
    if header.startswith("MSH^~\\&|"):
        return f"MSH|{header[3:]}", warning
    field = header[3:4]
    encoding, _mark, rest = header[4:].partition(field) if field else ("", "", "")
    fixed = {"^~\\\\&": "^~\\&", "^~&": "^~\\&"}.get(encoding)
    if fixed is None:
        return header, None
    return f"{header[:4]}{fixed}{field}{rest}", warning


_BREAKS = {"br": "\n", "sp": "\n", "ce": "\n", "sk": " ", "in": " ", "ti": " "}
_FORMATTING = re.compile(r"\.(br|sp|ce|sk|in|ti|fi|nf)[+-]?[0-9]{0,4}\Z")
_HEX = re.compile(r"X((?:[0-9A-Fa-f]{2})+)\Z")
_CHARSET = re.compile(r"[CM][0-9A-Fa-f]{4,6}\Z")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Unescaper:
    """Resolves the escapes of one message; what is no escape stays as it is.

    :param Delimiters marks: the message's own
    :param str codec: in which ``\\Xhh\\`` is read
    """

    def __init__(self, marks, codec):
        self._escape = marks.escape
        self._codec = codec
        escape = re.escape(marks.escape)
        self._pattern = re.compile(f"{escape}([^{escape}]{{1,400}}){escape}")
        self._names = {
            "F": marks.field,
            "S": marks.component,
            "T": marks.subcomponent,
            "R": marks.repetition,
            "E": marks.escape,
            "P": "#",
            "H": "",
            "N": "",
        }

    def __call__(self, text):
        if self._escape not in text:
            return text
        return self._pattern.sub(self._one, text)

    def _one(self, found):
        name = found[1]
        if name in self._names:
            return self._names[name]
        if formatting := _FORMATTING.match(name):
            return _BREAKS.get(formatting[1], "")
        if hexadecimal := _HEX.match(name):
            try:
                text = bytes.fromhex(hexadecimal[1]).decode(self._codec)
            except UnicodeError:
                text = bytes.fromhex(hexadecimal[1]).decode("latin-1")
            return _CONTROL.sub("", text)
        if _CHARSET.match(name):
            return "\ufffd"  # another character set for one character: not read
        return found[0]


def escaped(text, marks):
    """Write a text so that it can stand in a field."""
    names = {
        marks.escape: "E",
        marks.field: "F",
        marks.component: "S",
        marks.repetition: "R",
        marks.subcomponent: "T",
        "\n": ".br",
        "\r": ".br",
    }
    return "".join(
        f"{marks.escape}{names[c]}{marks.escape}" if c in names else c for c in text
    )
