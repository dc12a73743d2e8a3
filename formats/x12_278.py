"""X12 278 response (005010X217): decisions on authorizations as named JSON.

One document a decision. Services the payer decided on by themselves, and otherwise than
on the whole, make documents of their own::

    {"transaction": {"reference", "purpose", "date", "time"},
     "payer": {"code", "name", "id", …}, "requester": {…}, "subscriber": {…},
     "dependent": {…} | null, "patient": dependent or subscriber,
     "identifiers": [{system, value}], "member_id", "traces": [{type, number, …}],
     "category", "certification", "decision": "approved" | "denied" | "pended" |
         "cancelled" | "not_required" | "contact_payer" | null,
     "action": HCR01, "number", "reason", "reason_text", "period": {start, end},
     "units", "dates": {qualifier: period}, "references",
     "services": [{"code", "modifiers", "quantity", "unit", "decision", "number",
                   "reason", "period"}],
     "rejections": [{"code", "text", "follow_up"}], "messages"}
"""

from .x12_271 import REJECTIONS, head
from .x12_hl import (
    DEPENDENT,
    EVENT,
    PROVIDER,
    SERVICE,
    SOURCE,
    SUBSCRIBER,
    first_name,
    identifiers,
    levels,
    member,
    payer_code,
)
from .x12_values import Values, iso_date, iso_time, number, quantity

#: BHT02 of a response; 13 and others are requests and notices.
RESPONSE = "11"
#: HCR01, certification action code.
DECISIONS = {
    "A1": "approved",
    "A2": "approved",
    "A3": "denied",
    "A4": "pended",
    "A6": "approved",
    "C": "cancelled",
    "CT": "contact_payer",
    "NA": "not_required",
}
#: HCR03, decision reasons (X12 code list 886, in part).
REASONS = {
    "0A": "Admission certified",
    "0B": "Concurrent review completed",
    "0L": "Additional information is needed",
    "0M": "Not medically necessary",
    "0P": "Level of care not appropriate",
    "0U": "Review is pending",
    "0V": "Requested information not received",
    "0W": "Duplicate request",
    "0X": "Certification not on file",
    "0Y": "Experimental or investigational",
    "25": "Services were not considered",
    "28": "Not authorized",
    "35": "Out of network",
    "36": "Testing not included",
    "82": "Not medically necessary",
    "83": "Level of care not appropriate",
    "85": "Certification not required for this service",
    "87": "Exceeds plan maximums",
    "88": "Non-covered service",
    "89": "No prior approval",
    "90": "Requested information not received",
    "91": "Duplicate request",
    "92": "Service inconsistent with diagnosis",
    "96": "Pre-existing condition",
    "98": "Experimental service or procedure",
}
_PROCEDURES = ("HC", "CJ", "N4", "IV", "ZZ", "WK", "AD", "ID", "NU", "PR")
# When it is certified for: the certification's own dates first.
_PERIODS = ("007", "AAH", "AAA", "472", "435")


def is_response(raw):
    """Say whether a 278 is a response."""
    return any(s[0] == "BHT" and s.get(2) == RESPONSE for s in raw.segments)


def read(raw):
    """Read one response.

    :param raw: :class:`~.x12_segments.Raw` of kind 278
    :return: ``(documents, problems)``, one document a decision
    """
    values = Values()
    header, found, problems = levels(raw)
    transaction = head(header)
    documents, rejected = [], []
    for level in found:
        if level.code == EVENT:
            documents += _decisions(level, values, transaction)
        elif _rejections(level.segments):
            rejected += _rejections(level.segments)
    if rejected and not documents:
        common = _common(found[-1], values, transaction)
        documents = [{**common, **_nothing(), "rejections": rejected}]
    return documents, problems + values.problems


def _nothing():
    return {"decision": None, "action": None, "services": [], "messages": []}


def _decisions(level, values, transaction):
    common = _common(level, values, transaction)
    whole = _review(level.segments, values)
    services = [
        _service(child, values) for child in level.children if child.code == SERVICE
    ]
    if whole["decision"] is None and not services:
        return [{**common, **_nothing(), **whole, "services": []}]
    groups = {}
    for service in services:
        groups.setdefault(service["decision"] or whole["decision"], []).append(service)
    if whole["decision"] is not None or not groups:
        groups.setdefault(whole["decision"], [])
    documents = []
    for decision, members in groups.items():
        review = dict(whole)
        if decision != whole["decision"]:
            review.update({name: members[0][name] for name in _REVIEWED})
        if not review["number"]:
            review["number"] = next((m["number"] for m in members if m["number"]), None)
        if not review["period"]:
            review["period"] = next((m["period"] for m in members if m["period"]), None)
        if not review["units"] and len(members) == 1:
            review["units"] = members[0]["quantity"]
        documents.append({**common, **review, "services": members})
    return documents


_REVIEWED = ("decision", "action", "number", "reason", "reason_text", "period")


def _common(level, values, transaction):
    payer = first_name(level.above(SOURCE))
    payer["code"] = payer_code(payer)
    subscriber = member(level.above(SUBSCRIBER), values)
    dependent = member(level.above(DEPENDENT), values) or None
    patient = dependent or subscriber
    day = iso_date(transaction.get("date", ""))
    return {
        "transaction": transaction,
        "payer": payer,
        "requester": first_name(level.above(PROVIDER)),
        "subscriber": subscriber,
        "dependent": dependent,
        "patient": patient,
        "identifiers": identifiers(subscriber, dependent, payer),
        "member_id": subscriber.get("id") or patient.get("id"),
        "decided_at": iso_time(day, transaction.get("time")),
    }


def _review(segments, values):
    """Return what a level says: category, decision, number, dates."""
    found = {
        "category": None,
        "certification": None,
        "decision": None,
        "action": None,
        "number": None,
        "reason": None,
        "reason_text": None,
        "units": None,
        "dates": {},
        "references": {},
        "traces": [],
        "messages": [],
        "rejections": _rejections(segments),
    }
    for segment in segments:
        name = segment[0]
        if name == "UM":
            found["category"], found["certification"] = segment.get(1), segment.get(2)
        elif name == "HCR":
            reason = segment.get(3) or None
            found.update(
                action=segment.get(1),
                decision=DECISIONS.get(segment.get(1)),
                number=segment.get(2) or None,
                reason=reason,
                reason_text=REASONS.get(reason),
            )
        elif name == "HSD":
            found["units"] = quantity(
                number(segment.get(2)) if segment.get(2) else None
            )
        elif name == "DTP":
            period = values.period(segment, 2, 3)
            if period:
                found["dates"].setdefault(segment.get(1), period)
        elif name == "TRN":
            names = ("type", "number", "originator")
            found["traces"].append({n: segment.get(i) for i, n in enumerate(names, 1)})
        elif name == "REF":
            found["references"].setdefault(segment.get(1), segment.get(2))
        elif name == "MSG":
            found["messages"].append(segment.get(1))
    # REF*BB is the authorization number of an earlier certification.
    found["number"] = found["number"] or found["references"].get("BB")
    dates = found["dates"]
    found["period"] = next((dates[q] for q in _PERIODS if q in dates), None)
    if found["period"] is None and "036" in dates:
        found["period"] = {"end": dates["036"]["end"]}
    return found


def _service(level, values):
    service = {**_review(level.segments, values), "code": None, "modifiers": []}
    units = None
    for segment in level.segments:
        # Professional and dental: the procedure is the first; institutional second.
        if segment[0] in ("SV1", "SV2", "SV3"):
            place = 2 if segment[0] == "SV2" else 1
            parts = segment.parts(place)
            if len(parts) > 1 and parts[0] in _PROCEDURES:
                parts = parts[1:]
            if parts:
                service["code"] = parts[0]
                service["modifiers"] = [m for m in parts[1:5] if m]
            elif segment[0] == "SV2":
                service["code"] = segment.get(1) or None
            count = {"SV1": 4, "SV2": 5, "SV3": 6}[segment[0]]
            units = number(segment.get(count))
    service["quantity"] = quantity(units) if units else service.pop("units")
    service.pop("units", None)
    return service


def _rejections(segments):
    return [
        {
            "code": s.get(3),
            "text": REJECTIONS.get(s.get(3), "Other reason"),
            "follow_up": s.get(4),
        }
        for s in segments
        if s[0] == "AAA"
    ]
