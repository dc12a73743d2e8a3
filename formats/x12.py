"""X12 005010 as we take it: 835, 271 and the 278 response.

Bytes in, plain JSON documents out, which a mapping turns into canonical events. One
transaction (ST…SE) makes one or more messages:

==============  ==================================================================
``835``         the payment: the whole remittance, its ``claims`` cut to id, paid
                and outcome
``835.claim``   one claim of it: ``claim``, with ``remittance``, ``payer``, ``payee``
``271``         the benefits of one patient
``278``         one decision on an authorization
==============  ==================================================================

The documents are described in :mod:`.x12_835`, :mod:`.x12_271` and :mod:`.x12_278`;
each also has ``interchange`` (``sender, receiver, control, usage``) and ``envelope``
(``group_control, control, version``).

What is wrong is of two kinds. *Errors* keep a transaction from being used: its trailer
is missing or names another transaction, or its kind is not taken. *Problems* are
reported beside the messages: money that does not add up, unreadable dates, a wrong
count of segments. A remittance with both a wrong count and a wrong sum has lost a part
and is refused.

Pointers: ``/interchanges/0`` (from 0), and within a transaction ``/segments/7/CLP03``,
counted as X12 acknowledgements do: ST is 1.
"""

import hashlib
from collections import namedtuple

from ..core import strict_json
from . import x12_271, x12_278, x12_835
from . import x12_segments as segments
from .x12_segments import MAX_BYTES, problem

CONTENT_TYPES = ("application/edi-x12", "application/x12", "text/x12")
KINDS = ("835", "835.claim", "271", "278")
MAX_LOOPS = 10_000  # claims (CLP) or levels (HL) of a transaction

#: ``document``: JSON; ``key``: identifies the message by its business content, the same
#: when it is sent again in another interchange; ``pointer``: where it starts;
#: ``time``: ISO 8601, the sender's local time when without an offset, or None;
#: ``problems`` as ``{"pointer", "code", "detail"}``.
Message = namedtuple("Message", "kind document key pointer time problems")
#: ``index``: place in the body, from 0; ``kind``: ST01; ``control``: ST02;
#: ``messages``: empty when there are ``errors``.
Transaction = namedtuple(
    "Transaction", "index kind control version interchange messages problems errors"
)
#: ``errors``: of interchanges and groups; their transactions are read all the same.
Reading = namedtuple("Reading", "transactions interchanges errors")

_FATAL = frozenset(("no_trailer", "control_number"))
_VOLATILE = frozenset(("position",))


def read(body, *, max_bytes=MAX_BYTES):
    """Read a body of one or more interchanges.

    :param bytes body: already decompressed; UTF-8 or Latin-1
    :return: :class:`Reading`
    :raise InputError: for the body as a whole: ``not_x12``, ``empty_body`` (400),
        ``too_large``, ``too_many`` (413)
    """
    interchanges, raws = segments.read(body, max_bytes)
    transactions = [_transaction(index, raw) for index, raw in enumerate(raws)]
    errors = [error for interchange in interchanges for error in interchange.errors]
    return Reading(transactions, interchanges, errors)


def _transaction(index, raw):
    errors = [error for error in raw.errors if error["code"] in _FATAL]
    problems = [error for error in raw.errors if error["code"] not in _FATAL]
    messages = []
    if not errors:
        reader = _READERS.get(raw.kind)
        unsupported = reader is None and "This transaction set is not taken."
        if raw.kind == "278" and not x12_278.is_response(raw):
            unsupported = "Of 278 only the response is taken (BHT02 = 11)."
        if unsupported:
            errors.append(
                problem("/segments/1", "unsupported_transaction", unsupported)
            )
        elif sum(segment[0] in ("CLP", "HL") for segment in raw.segments) > MAX_LOOPS:
            detail = f"More than {MAX_LOOPS} claims or levels in a transaction."
            errors.append(problem("", "too_many", detail))
        else:
            messages, found = reader(raw)
            problems += found
            errors += _lost(problems)
            errors += [error for error in found if error["code"] == "unusable"]
            if not messages and not errors:
                # Silence would look like success.
                detail = "Nothing that is taken stands in this transaction."
                errors.append(problem("/segments/1", "unusable", detail))
    return Transaction(
        index,
        raw.kind,
        raw.control,
        raw.version,
        raw.interchange.index,
        [] if errors else messages,
        problems,
        errors,
    )


def _lost(problems):
    """Two signs that agree: the count of segments and the sum of money are wrong."""
    codes = {found["code"] for found in problems}
    if {"control_count", "remittance_out_of_balance"} <= codes:
        detail = "Segments and money are missing: the transaction is incomplete."
        return [problem("", "incomplete", detail)]
    return []


def _enveloped(raw, document):
    interchange = raw.interchange
    return {
        "interchange": {
            "sender": interchange.sender,
            "receiver": interchange.receiver,
            "control": interchange.control,
            "usage": interchange.usage,
        },
        "envelope": {
            "group_control": raw.group.get("control"),
            "control": raw.control,
            "version": raw.version,
        },
        **document,
    }


def _message(raw, kind, document, key, place, time, problems):
    """Make a message; its key holds business content only, no control numbers."""
    digest = hashlib.sha256(strict_json.dumps(["x12", kind, *key])).hexdigest()
    return Message(kind, _enveloped(raw, document), digest, place, time, problems)


def _place(problem_):
    """Return the number of the segment a problem is in, 0 when it names none."""
    parts = problem_["pointer"].split("/")
    return int(parts[2]) if len(parts) > 2 and parts[2].isdigit() else 0


def _remittance(raw):
    document, problems = x12_835.read(raw)
    claims = document.pop("claims")
    day = document["remittance"]["date"]
    time = f"{day}T00:00:00Z" if day else None
    starts = [claim["position"] for claim in claims]
    own = {start: [] for start in starts}
    rest, current = [], -1
    for found in sorted(problems, key=_place):
        while current + 1 < len(starts) and starts[current + 1] <= _place(found):
            current += 1
        # Of a PLB after the last claim nothing is reported by position alone.
        of_claim = current >= 0 and "/PLB" not in found["pointer"]
        (own[starts[current]] if of_claim else rest).append(found)
    cut = [
        {name: claim[name] for name in ("id", "paid", "outcome", "status")}
        for claim in claims
    ]
    payment = {**document, "claims": cut}
    key = [payment]
    messages = [_message(raw, "835", payment, key, "/segments/1", time, rest)]
    shared = {name: document[name] for name in ("remittance", "payer", "payee")}
    seen = {}
    for claim, start in zip(claims, starts, strict=True):
        content = _content(claim)
        digest = hashlib.sha256(strict_json.dumps(content)).hexdigest()
        # The same claim twice in one remittance is two claims.
        seen[digest] = occurrence = seen.get(digest, 0) + 1
        key = [document["remittance"], digest, occurrence]
        part = {**shared, "claim": content, "occurrence": occurrence}
        place = f"/segments/{start}"
        messages.append(_message(raw, "835.claim", part, key, place, time, own[start]))
    return messages, problems


def _content(value):
    """Return a copy without where things stood in the file."""
    if isinstance(value, dict):
        return {k: _content(v) for k, v in value.items() if k not in _VOLATILE}
    if isinstance(value, list):
        return [_content(part) for part in value]
    return value


def _eligibility(raw):
    documents, problems = x12_271.read(raw)
    return _numbered(raw, "271", documents, "verified_at"), problems


def _authorization(raw):
    documents, problems = x12_278.read(raw)
    return _numbered(raw, "278", documents, "decided_at"), problems


def _numbered(raw, kind, documents, time):
    seen, messages = {}, []
    for document in documents:
        digest = hashlib.sha256(strict_json.dumps(document)).hexdigest()
        seen[digest] = occurrence = seen.get(digest, 0) + 1
        key = [digest, occurrence]
        moment = document.get(time)
        messages.append(_message(raw, kind, document, key, "/segments/1", moment, []))
    return messages


_READERS = {"835": _remittance, "271": _eligibility, "278": _authorization}
