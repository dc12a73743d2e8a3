"""FHIR R4 as we take it: one resource or a Bundle, as plain JSON.

Resources become messages whose ``kind`` is their type and whose ``document`` is the
resource itself, with two additions a mapping can address:

* a Reference that leads to a resource of the same body (contained, ``fullUrl``,
  ``urn:uuid``, ``Type/id``, ``Type?identifier=…``) has it as ``resource``, so that
  ``insurance[0].coverage.resource.payor[0].resource.name`` works;
* members starting with ``_``, described in :mod:`.fhir_r4_views`, hold what JMESPath
  cannot work out; ``_bundle`` is ``{type, timestamp, id, method, event}`` or absent.

Bundles of any type that carries resources are taken (message, transaction, batch,
collection, history, searchset, document), also within each other. Resources that are
only referred to (Organization, Practitioner, …) make no messages and are no errors.

A patient's logical id becomes an identifier of the system ``<id_system>:Patient``. Ids
of two servers have nothing in common: pass an ``id_system`` of its own per source.
"""

import hashlib
import re
from collections import namedtuple

from ..core import strict_json
from ..core.errors import InputError
from .fhir_r4_bundle import Entry, Scope, first, text
from .fhir_r4_views import View
from .fhir_r5 import as_r4

CONTENT_TYPES = ("application/fhir+json", "application/json")
KINDS = (
    "Patient",
    "Coverage",
    "CoverageEligibilityResponse",
    "Appointment",
    "ServiceRequest",
    "Encounter",
    "Procedure",
    "ChargeItem",
    "Claim",
    "ClaimResponse",
    "ExplanationOfBenefit",
    "PaymentReconciliation",
)
MAX_BYTES = 5 * 1024 * 1024
MAX_ENTRIES = 10_000
ID_SYSTEM = "urn:fhir:id"

#: ``key`` identifies the message by content, the same when it is sent again; ``time``:
#: when the sender last changed it, RFC 3339 text or None; ``errors`` make it unusable,
#: ``problems`` do not; both as ``{"pointer", "code", "detail"}``.
Message = namedtuple("Message", "kind document key pointer time errors problems")
#: ``others``: ``{resourceType: how many}`` made no message; ``errors``: of entries that
#: could not be read at all; ``bundle``: the Bundle's type, None for one resource.
Reading = namedtuple("Reading", "messages others errors bundle")

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}\Z")
#: Members R4 requires and a mapping relies on; lists are marked.
_REQUIRED = {
    "Appointment": ("status", "participant"),
    "ChargeItem": ("status", "code", "subject"),
    "Claim": ("status", "use", "patient"),
    "ClaimResponse": ("status", "use", "patient", "outcome"),
    "Coverage": ("status", "beneficiary"),
    "CoverageEligibilityResponse": ("status", "patient", "outcome"),
    "Encounter": ("status",),
    "ExplanationOfBenefit": ("status", "use", "patient", "outcome"),
    "PaymentReconciliation": ("status", "paymentAmount", "paymentDate"),
    "Procedure": ("status", "subject"),
    "ServiceRequest": ("status", "intent", "subject"),
}
_LISTS = frozenset(
    ("identifier", "name", "telecom", "address", "participant", "insurance", "item")
)


def read(
    body,
    *,
    max_bytes=MAX_BYTES,
    max_depth=64,
    id_system=ID_SYSTEM,
    received_at=None,
    also=(),
):
    """Read a resource or a Bundle.

    :param bytes body: already decompressed, JSON in UTF-8
    :param str id_system: what the source's logical ids are called, a URN or URL
    :param str received_at: RFC 3339; becomes ``_received_at`` of the documents
    :param also: types beyond :data:`KINDS` that make messages; of the additions
        they have ``_id``, ``_new`` and ``_patient``
    :return: :class:`Reading`
    :raise InputError: for the body as a whole: not JSON, ``not_fhir`` (400),
        ``too_large``, ``too_many`` (413)
    """
    if len(body) > max_bytes:
        raise InputError("too_large", "The body is too large.", status=413)
    if not body.strip():
        raise InputError("empty_body", "There is no body.")
    value = strict_json.loads(body, max_depth)
    if not isinstance(value, dict) or not _is_resource(value):
        raise InputError(
            "not_fhir", "A resource is an object with a resourceType.", "/resourceType"
        )
    reading = Reading([], {}, [], None)
    if value["resourceType"] != "Bundle":
        entry = Entry(0, "", None, as_r4(value), {})
        _read_scope([entry], None, id_system, reading, also)
    else:
        count = _read_bundle(value, "", id_system, reading, MAX_ENTRIES, also)
        if not count:
            detail = "The Bundle has no resources."
            reading.errors.append(_problem("/entry", "empty_bundle", detail))
        reading = reading._replace(bundle=text(value.get("type")) or "")
    if received_at:
        # Not part of any key: a resend arrives later and is the same.
        for message in reading.messages:
            message.document["_received_at"] = received_at
    return reading


def _is_resource(value):
    kind = value.get("resourceType")
    return isinstance(kind, str) and bool(_TYPE.match(kind))


def _problem(pointer, code, detail):
    return {"pointer": pointer, "code": code, "detail": detail}


def _read_bundle(bundle, pointer, id_system, reading, room, also):
    """Read a Bundle's entries; return how many resources there were."""
    entries, count, nested = [], 0, []
    listed = bundle.get("entry")
    if listed is not None and not isinstance(listed, list):
        reading.errors.append(
            _problem(f"{pointer}/entry", "structure", "Must be an array.")
        )
        listed = []
    for number, item in enumerate(listed or []):
        place = f"{pointer}/entry/{number}"
        if number >= room:
            raise InputError(
                "too_many", f"At most {MAX_ENTRIES} entries.", place, status=413
            )
        item = item if isinstance(item, dict) else {}
        resource = item.get("resource")
        request = first(item.get("request"))
        if resource is None:
            _without(item, request, place, reading)
            continue
        count += 1
        if not isinstance(resource, dict) or not _is_resource(resource):
            detail = "A resource is an object with a resourceType."
            reading.errors.append(_problem(f"{place}/resource", "not_fhir", detail))
        elif resource["resourceType"] == "Bundle":
            nested.append((resource, f"{place}/resource"))
        else:
            url = text(item.get("fullUrl"))
            here = f"{place}/resource"
            entries.append(Entry(len(entries), here, url, as_r4(resource), request))
    _read_scope(entries, bundle, id_system, reading, also)
    for inner, place in nested:
        count += _read_bundle(inner, place, id_system, reading, room - count, also)
    return count


def _without(item, request, place, reading):
    """Note an entry without a resource: a deletion is not taken, a query is nothing."""
    if request.get("method") == "DELETE":
        detail = "A deletion is not taken: send the resource with its final status."
        reading.errors.append(_problem(f"{place}/request", "not_supported", detail))
    elif not request and "response" not in item:
        detail = "The entry has no resource."
        reading.errors.append(_problem(place, "required", detail))


def _read_scope(entries, bundle, id_system, reading, also):
    scope = Scope(entries)
    view = View(scope, id_system)
    digests = {}

    def digest(entry):
        if entry.number not in digests:
            # The narrative is a rendering, not content.
            kept = {k: v for k, v in entry.resource.items() if k != "text"}
            found = hashlib.sha256(strict_json.dumps(kept)).hexdigest()
            digests[entry.number] = found
        return digests[entry.number]

    about = _about(bundle, entries)
    messages = []
    for entry in entries:
        kind = entry.resource["resourceType"]
        if kind not in KINDS and kind not in also:
            reading.others[kind] = reading.others.get(kind, 0) + 1
            continue
        errors, problems = _check(entry, scope)
        document = {} if errors else view.document(entry)
        problems += _reported(document, entry.pointer)
        if bundle is not None:
            document["_bundle"] = {**about, "method": text(entry.request.get("method"))}
        # What an event takes over from its neighbours belongs to its content.
        near = {*scope.neighbours(entry), *(p.number for p in view.parts(entry))}
        parts = [digest(entry), *(digest(entries[n]) for n in sorted(near))]
        key = ["fhir_r4", kind, parts, about.get("id"), about.get("timestamp")]
        messages.append(
            Message(
                kind,
                document,
                hashlib.sha256(strict_json.dumps(key)).hexdigest(),
                entry.pointer,
                _time(entry, about),
                errors,
                problems,
            )
        )
    reading.messages.extend(_ordered(messages, about.get("type")))


def _ordered(messages, bundle_type):
    """Return messages in the order in which they should take effect.

    A history lists the newest first. Elsewhere order means nothing: patients come
    before what concerns them (those merged away after the others), claims before their
    answers, as in :data:`KINDS`.
    """
    if bundle_type == "history":
        return messages[::-1]
    return sorted(
        messages,
        key=lambda m: (_rank(m.kind), bool(m.document.get("_retired"))),
    )


def _rank(kind):
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _reported(document, place):
    """Return what a document came to that a person should know."""
    found = []
    if document.get("_companion"):
        detail = "The patient has no name or birth date: not registered by this."
        found.append(_problem(place, "incomplete_patient", detail))
    if document.get("_claim", {}).get("balanced") is False:
        detail = "What was charged less the adjustments is not what was paid."
        found.append(_problem(place, "claim_out_of_balance", detail))
    return found


def _about(bundle, entries):
    if bundle is None:
        return {}
    headers = [
        e.resource for e in entries if e.resource["resourceType"] == "MessageHeader"
    ]
    header = first(headers[:1])
    return {
        "type": text(bundle.get("type")),
        "timestamp": text(bundle.get("timestamp")),
        "id": text(first(bundle.get("identifier")).get("value"))
        or text(bundle.get("id")),
        "event": text(first(header.get("eventCoding")).get("code"))
        or text(header.get("eventUri")),
    }


def _time(entry, about):
    return text(first(entry.resource.get("meta")).get("lastUpdated")) or about.get(
        "timestamp"
    )


def _check(entry, scope):
    """Return ``(errors, problems)`` of one resource."""
    resource, place = entry.resource, entry.pointer
    kind = resource["resourceType"]
    errors, problems = [], []
    identity = resource.get("id")
    if identity is not None and not (isinstance(identity, str) and identity):
        errors.append(_problem(f"{place}/id", "type", "Must be a text."))
    elif identity is not None and not _ID.match(identity):
        detail = "An id has 1 to 64 of A-Z, a-z, 0-9, - and dot."
        problems.append(_problem(f"{place}/id", "format", detail))
    for name in _REQUIRED.get(kind, ()):
        if resource.get(name) in (None, "", [], {}):
            detail = "This member is required."
            errors.append(_problem(f"{place}/{name}", "required", detail))
    for name in sorted(_LISTS & resource.keys()):
        single = name == "identifier" and kind in ("Bundle",)
        if not isinstance(resource[name], list) and not single:
            detail = "Must be an array."
            problems.append(_problem(f"{place}/{name}", "structure", detail))
    for pointer in scope.unresolved(entry):
        detail = "The reference leads to nothing in this body."
        problems.append(_problem(pointer, "unresolved_reference", detail))
    return errors, problems


# -- answers -----------------------------------------------------------------------

#: Our codes -> FHIR issue types; what is not listed is ``invalid``.
_ISSUES = {
    "required": "required",
    "structure": "structure",
    "not_fhir": "structure",
    "invalid_json": "structure",
    "unmapped_code": "code-invalid",
    "not_allowed_value": "code-invalid",
    "unresolved_reference": "not-found",
    "not_supported": "not-supported",
    "unsupported": "not-supported",
    "too_large": "too-long",
    "too_many": "too-costly",
    "duplicate": "duplicate",
    "conflict": "conflict",
    "rate_limited": "throttled",
    "accepted": "informational",
}


def operation_outcome(issues):
    """Return an OperationOutcome.

    :param issues: list of ``{"pointer", "code", "detail"}``, with an optional
        ``severity`` (``fatal, error, warning, information``; ``error`` otherwise) and
        an optional ``expression``; none at all means that all is well
    :return: dict
    """
    found = []
    for issue in issues:
        code = issue.get("code", "invalid")
        written = {
            "severity": issue.get("severity", "error"),
            "code": _ISSUES.get(code, "invalid"),
            "details": {"coding": [{"system": "urn:healthcare:code", "code": code}]},
        }
        if issue.get("detail"):
            written["diagnostics"] = issue["detail"]
        expression = issue.get("expression") or path(issue.get("pointer"))
        if expression:
            written["expression"] = [expression]
        found.append(written)
    if not found:
        found = [{"severity": "information", "code": "informational"}]
        found[0]["diagnostics"] = "All is well."
    return {"resourceType": "OperationOutcome", "issue": found}


def path(pointer):
    """Return a JSON pointer as FHIRPath, e.g. ``entry[3].resource.status``."""
    steps = []
    for part in (pointer or "").split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if part.isdigit() and steps:
            steps[-1] += f"[{part}]"
        elif part:
            steps.append(part)
    return ".".join(steps)
