"""What kinds of targets want to be told, and what their answers mean.

``ndjson``
    One fact a line.
``json_array``
    One array of facts.
``clickhouse``
    ``INSERT … FORMAT JSONEachRow`` over ClickHouse's HTTP interface. The engine takes
    all of a batch or nothing, and says by a code of its own what was wrong: 18.16
    answers 500 to what it cannot read, so the status alone does not tell.
``elasticsearch``
    ``_bulk``, one answer per fact. The version is the sequence and external, so that
    what arrives late or twice cannot replace what is newer. A deletion is indexed too,
    with its ``operation``: a deleted document's version is forgotten after a minute.

Nothing of an answer's text is kept: engines quote the rows they refuse. Addons bring
dialects of their own by :func:`add`.
"""

import json
import re
from collections import namedtuple
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from .. import clock, strict_json

LONGEST_WAIT = 3600.0
#: Bytes of an answer that are read at most.
ANSWER_LIMIT = 4_000_000

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?\Z")
_INDEX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,200}\Z")
_CODE = re.compile(rb"Code: ([0-9]{1,5})")
_NAME = re.compile(r"[a-z_]{1,80}\Z")

#: What a fact was refused for, by ClickHouse's codes: then another fact may be taken.
_CLICKHOUSE_DATA = {
    6: "cannot read a text",
    26: "cannot read a quoted text",
    27: "cannot read a row",
    38: "cannot read a date",
    41: "cannot read a time",
    53: "a value has another type than its column",
    69: "a number is out of bounds",
    70: "cannot convert a value",
    72: "cannot read a number",
    117: "a row has a column the table lacks, or a value it cannot take",
    349: "a value is missing that the table requires",
    407: "an amount is out of bounds",
}
#: What no fact will ever be taken for, until somebody mends the target.
_CLICKHOUSE_WRONG = {
    16: "no such column",
    60: "no such table",
    62: "syntax error",
    73: "unknown format",
    81: "no such database",
    164: "the user may only read",
    192: "unknown user",
    193: "wrong password",
    194: "password required",
    195: "address not allowed",
    497: "access denied",
    516: "authentication failed",
}
_LATER = frozenset((408, 409, 425, 429))  # 409: the same batch is being worked on
_CONTENT = frozenset((400, 422))


class Answer(
    namedtuple(
        "Answer",
        "kind reason status retry_after refused again",
        defaults=("", None, None, (), ()),
    )
):
    """What a target made of a batch.

    ``kind`` is one of ``taken`` (of a batch of many, perhaps but for ``refused``, pairs
    of a position and a reason, and for ``again``, positions to send once more),
    ``refused`` (something in it will never be taken), ``too_large``, ``wrong`` (the
    target takes nothing, whatever it is) and ``later``. ``reason`` has no value of a
    fact in it, ``retry_after`` is in seconds or None.
    """


class Written(namedtuple("Written", "quoted_key number text")):
    """A fact written as JSON, with what dialects ask of it.

    ``quoted_key`` and ``number``, its sequence, are JSON as well.
    """

    __slots__ = ()

    @property
    def key(self):
        return json.loads(self.quoted_key)

    @property
    def sequence(self):
        return json.loads(self.number)

    @classmethod
    def of(cls, document):
        """Return a document written.

        :raise ValueError: for NaN or infinity
        """
        wanted = document.get("key"), document.get("sequence"), document
        return cls(*(strict_json.dumps(one).decode() for one in wanted))


class Dialect:
    """How batches are written, and how answers to them are read.

    ``name``: as in the field of targets; ``content_type`` of a batch; ``table``: what a
    name of a table or an index looks like, None where there is none.
    """

    name = "ndjson"
    content_type = "application/x-ndjson"
    table = None

    def address(self, url, table):
        """Return the address to post to; the name of the table is a valid one."""
        return url

    def encode(self, documents):
        """Return the bytes of a batch of dicts."""
        return self.join([Written.of(document) for document in documents])

    def join(self, facts):
        """Return the bytes of a batch of facts, each :class:`Written`.

        Not asked where a dialect has an ``encode`` of its own.
        """
        return "".join(f"{one.text}\n" for one in facts).encode()

    def answer(self, status, headers, body, count):
        """Return the :class:`Answer`; None where its status says it all."""


class JsonArray(Dialect):
    name = "json_array"
    content_type = "application/json"

    def join(self, facts):
        return f"[{','.join(one.text for one in facts)}]".encode()


class ClickHouse(Dialect):
    name = "clickhouse"
    table = _TABLE

    def address(self, url, table):
        quoted = ".".join(f'"{part}"' for part in table.split("."))
        more = {"query": f"INSERT INTO {quoted} FORMAT JSONEachRow"}
        return with_query(url, more, urlsplit(url).path or "/")

    def answer(self, status, headers, body, count):
        if 200 <= status < 300:
            return None
        code = headers.get("X-ClickHouse-Exception-Code") or ""
        found = _CODE.search(body[:1000])
        number = int(code) if code.isdigit() else int(found[1]) if found else None
        for kind, known in (
            ("refused", _CLICKHOUSE_DATA),
            ("wrong", _CLICKHOUSE_WRONG),
        ):
            if number in known:
                return Answer(kind, f"ClickHouse {number}: {known[number]}", status)
        return None


class Elasticsearch(Dialect):
    name = "elasticsearch"
    table = _INDEX

    def address(self, url, table):
        more = {"filter_path": "errors,items.*.status,items.*.error.type"}
        return with_query(url, more, f"{urlsplit(url).path.rstrip('/')}/{table}/_bulk")

    def join(self, facts):
        lines = []
        for one in facts:
            action = {
                "_id": one.key,
                "version": one.sequence,
                "version_type": "external",
            }
            lines.append(strict_json.dumps({"index": action}).decode())
            lines.append(one.text)
        return "".join(f"{line}\n" for line in lines).encode()

    def answer(self, status, headers, body, count):
        if 200 <= status < 300 and count:
            return _bulk_answer(status, body, count)
        return None


DIALECTS = {}


def add(dialect):
    """Know another dialect; to be called when an addon is imported.

    :param dialect: a :class:`Dialect`
    """
    DIALECTS[dialect.name] = dialect


for _known in (Dialect, JsonArray, ClickHouse, Elasticsearch):
    add(_known())


def needs_table(dialect):
    """Whether a table or an index has to be named."""
    return bool(dialect) and DIALECTS[dialect].table is not None


def check_table(dialect, table):
    """Whether a name may be that of a table or index."""
    if not needs_table(dialect):
        return True
    return bool(table and DIALECTS[dialect].table.match(table))


def address(dialect, url, table=None):
    """Return the address to post to.

    :raise ValueError: for a table or index that is none
    """
    if not check_table(dialect, table):
        raise ValueError("That is no name of a table.")
    return DIALECTS[dialect].address(url, table)


def with_query(url, more, path):
    """Return an address with another path and more parameters."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode(more)]))
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def encode(dialect, documents):
    """Return the content type and the bytes of a batch.

    :param documents: dicts, or such that are :class:`Written` already
    """
    spoken = DIALECTS[dialect]
    if type(spoken).encode is not Dialect.encode:
        dicts = [
            json.loads(one.text) if isinstance(one, Written) else one
            for one in documents
        ]
        return spoken.content_type, spoken.encode(dicts)
    facts = [one if isinstance(one, Written) else Written.of(one) for one in documents]
    return spoken.content_type, spoken.join(facts)


def read(dialect, status, headers, body, count):
    """Return the :class:`Answer` of a target.

    :param headers: mapping whose names ignore case
    :param bytes body: at most :data:`ANSWER_LIMIT` of it
    :param count: how many facts were sent
    """
    answer = DIALECTS[dialect].answer(status, headers, body, count)
    if answer:
        return answer
    if 200 <= status < 300:
        return Answer("taken", status=status)
    reason = f"HTTP {status}"
    if status == 400 and not count:
        return Answer("taken", status=status)  # _bulk takes nothing only of something
    if status == 413:
        return Answer("too_large", reason, status)
    if status in _CONTENT:
        return Answer("refused", reason, status)
    if status >= 500 or status in _LATER:
        return Answer("later", reason, status, wait_of(headers.get("Retry-After")))
    return Answer("wrong", reason, status)


def wait_of(value):
    """Return the seconds a ``Retry-After`` header asks for, or None."""
    value = (value or "").strip()
    if value.isdigit():
        return min(float(value), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment.timestamp() - clock.epoch(), 0.0), LONGEST_WAIT)


def _bulk_answer(status, body, count):
    try:
        document = json.loads(body)
        if document.get("errors") is False:
            return Answer("taken", status=status)
        outcomes = [next(iter(item.values())) for item in document["items"]]
        statuses = [int(outcome["status"]) for outcome in outcomes]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return Answer("later", "an answer that is none of _bulk", status)
    if len(statuses) != count:
        return Answer("later", "an answer to another batch", status)
    refused, again = [], []
    for position, (code, outcome) in enumerate(zip(statuses, outcomes, strict=True)):
        if 200 <= code < 300 or code == 409:
            continue  # 409: it has that sequence or a higher one
        if code in (408, 429) or code >= 500:
            again.append(position)
        else:
            refused.append((position, _bulk_reason(code, outcome)))
    if len(again) == count:
        return Answer("later", f"HTTP {statuses[0]}", statuses[0])
    return Answer("taken", "", status, None, tuple(refused), tuple(again))


def _bulk_reason(code, outcome):
    name = (outcome.get("error") or {}).get("type")
    known = isinstance(name, str) and _NAME.match(name)
    return f"HTTP {code}: {name}" if known else f"HTTP {code}"
