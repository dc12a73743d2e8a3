"""X12 271 (005010X279): the benefits of each patient as named JSON.

One document a patient (subscriber or dependent)::

    {"transaction": {"reference", "purpose", "date", "time"},
     "payer": {"code", "name", "id", …}, "provider": {…},
     "subscriber": {…, "references"}, "dependent": {…} | null,
     "patient": the dependent or the subscriber, "identifiers": [{system, value}],
     "member_id", "group_number", "traces": [{"type", "number", "originator"}],
     "status": "active" | "inactive" | null, "plan", "period": {"start", "end"},
     "authorization_required": true | false | null, "copay", "deductible_remaining",
     "verified_at", "dates": {qualifier: {"start", "end"}},
     "rejections": [{"code", "text", "follow_up"}],
     "benefits": [{"code", "level", "service_types", "insurance_type", "plan",
                   "time_period", "amount", "percent", "quantity",
                   "authorization_required", "in_network", "procedure", "dates",
                   "messages", "references"}]}

``status``: EB01 1 to 5 is active, 6 to 8 inactive; service type 30 (the plan as a
whole) decides where it is there. A request that the payer rejected (AAA) has none.
"""

from .x12_hl import (
    DEPENDENT,
    PROVIDER,
    SOURCE,
    SUBSCRIBER,
    first_name,
    identifiers,
    levels,
    member,
    payer_code,
)
from .x12_values import (
    Values,
    iso_date,
    iso_time,
    number,
    quantity,
    reference,
)

_ACTIVE, _INACTIVE = frozenset("12345"), frozenset("678")
#: AAA03, reject reason (X12 code list 901), as far as a 271 uses it.
REJECTIONS = {
    "04": "Authorized quantity exceeded",
    "15": "Required application data missing",
    "33": "Input errors",
    "35": "Out of network",
    "41": "Authorization or access restrictions",
    "42": "Unable to respond at current time",
    "43": "Invalid or missing provider identification",
    "44": "Invalid or missing provider name",
    "45": "Invalid or missing provider specialty",
    "46": "Invalid or missing provider phone number",
    "47": "Invalid or missing provider state",
    "48": "Invalid or missing referring provider identification",
    "49": "Provider is not primary care physician",
    "50": "Provider ineligible for inquiries",
    "51": "Provider not on file",
    "52": "Service dates not within provider plan enrollment",
    "53": "Inquired benefit inconsistent with provider type",
    "54": "Inappropriate product or service id qualifier",
    "55": "Inappropriate product or service id",
    "56": "Inappropriate date",
    "57": "Invalid or missing dates of service",
    "58": "Invalid or missing date of birth",
    "60": "Date of birth follows dates of service",
    "61": "Date of death precedes dates of service",
    "62": "Date of service not within allowable inquiry period",
    "63": "Date of service in future",
    "64": "Invalid or missing patient id",
    "65": "Invalid or missing patient name",
    "66": "Invalid or missing patient gender code",
    "67": "Patient not found",
    "68": "Duplicate patient id number",
    "69": "Inconsistent with patient's age",
    "70": "Inconsistent with patient's gender",
    "71": "Patient birth date does not match that of the database",
    "72": "Invalid or missing subscriber id",
    "73": "Invalid or missing subscriber name",
    "74": "Invalid or missing subscriber gender code",
    "75": "Subscriber not found",
    "76": "Duplicate subscriber id number",
    "77": "Subscriber found, patient not found",
    "78": "Subscriber not in group or plan identified",
    "79": "Invalid participant identification",
    "80": "No response received, transaction terminated",
    "97": "Invalid or missing provider address",
    "T4": "Payer name or identifier missing",
}
_NETWORK = {"Y": 0, "W": 1, "N": 3}
_PERIODS = ("291", "346", "356", "307", "348", "472")
_ENDS = {"346": "347", "356": "357", "348": "349"}


def read(raw):
    """Read one transaction.

    :param raw: :class:`~.x12_segments.Raw` of kind 271
    :return: ``(documents, problems)``, one document a patient; when the payer rejected
        before any patient, one for the transaction
    """
    values = Values()
    header, found, problems = levels(raw)
    transaction = head(header)
    rejected, documents = [], []
    for level in found:
        if level.code in (SOURCE, PROVIDER):
            rejected += _rejections(level.segments)
        elif level.code in (SUBSCRIBER, DEPENDENT):
            document = _document(level, values, transaction)
            if document is not None:
                documents.append(document)
    if rejected and not documents:
        level = found[-1]
        document = _patient(level, values, transaction)
        documents.append({**document, "rejections": rejected, "status": None})
    return documents, problems + values.problems


def head(header):
    """Return BHT as ``{"structure", "purpose", "reference", "date", "time"}``."""
    for segment in header:
        if segment[0] == "BHT":
            names = ("structure", "purpose", "reference", "date", "time", "type")
            return {name: segment.get(i) for i, name in enumerate(names, 1)}
    return {}


def _document(level, values, transaction):
    """Return the document of a level, None when it only leads to another."""
    own = any(segment[0] in ("EB", "AAA") for segment in level.segments)
    return _patient(level, values, transaction) if own else None


def _patient(level, values, transaction):
    payer = first_name(level.above(SOURCE))
    payer["code"] = payer_code(payer)
    subscriber = member(level.above(SUBSCRIBER), values)
    dependent = member(level, values) if level.code == DEPENDENT else None
    benefits = _benefits(level.segments, values)
    dates = _dates(level.segments, values)
    known = subscriber.get("references", {})
    patient = dependent or subscriber
    day = iso_date(transaction.get("date", ""))
    return {
        "transaction": transaction,
        "payer": payer,
        "provider": first_name(level.above(PROVIDER)),
        "subscriber": subscriber,
        "dependent": dependent,
        "patient": patient,
        "identifiers": identifiers(subscriber, dependent, payer),
        "member_id": subscriber.get("id") or patient.get("id"),
        "group_number": known.get("6P") or known.get("1L"),
        "traces": _traces(level.segments),
        "status": _status(benefits),
        "plan": _plan(benefits),
        "period": _period(dates, benefits),
        "authorization_required": _authorization(benefits),
        "copay": _copay(benefits),
        "deductible_remaining": _deductible(benefits),
        "verified_at": iso_time(day, transaction.get("time")),
        "dates": dates,
        "rejections": _rejections(level.segments),
        "benefits": benefits,
    }


def _traces(segments):
    return [
        {"type": s.get(1), "number": s.get(2), "originator": s.get(3)}
        for s in segments
        if s[0] == "TRN"
    ]


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


def _dates(segments, values):
    found = {}
    for segment in segments:
        if segment[0] == "EB":
            break
        if segment[0] == "DTP":
            found.setdefault(segment.get(1), values.period(segment, 2, 3))
    return {name: period for name, period in found.items() if period}


def _benefits(segments, values):
    found, benefit = [], None
    for segment in segments:
        if segment[0] == "EB":
            benefit = _benefit(segment, values)
            found.append(benefit)
        elif benefit is None:
            continue
        elif segment[0] == "DTP":
            period = values.period(segment, 2, 3)
            benefit["dates"].setdefault(segment.get(1), period)
        elif segment[0] == "MSG":
            benefit["messages"].append(segment.get(1))
        elif segment[0] == "REF":
            reference(benefit, segment)
    return found


def _benefit(segment, values):
    percent = number(segment.get(8))
    procedure = segment.parts(13)
    return {
        "code": segment.get(1),
        "level": segment.get(2),
        "service_types": segment.repeats(3),
        "insurance_type": segment.get(4),
        "plan": segment.get(5),
        "time_period": segment.get(6),
        "amount": values.text_amount(segment, 7),
        "percent": quantity(percent),
        "quantity_type": segment.get(9),
        "quantity": quantity(number(segment.get(10))),
        "authorization_required": {"Y": True, "N": False}.get(segment.get(11)),
        "in_network": segment.get(12),
        "procedure": procedure[1] if len(procedure) > 1 else None,
        "dates": {},
        "messages": [],
    }


# -- what the benefits come to -----------------------------------------------------


def _general(benefit):
    return "30" in benefit["service_types"] or not benefit["service_types"]


def _status(benefits):
    decided = [b for b in benefits if b["code"] in _ACTIVE | _INACTIVE]
    decided = [b for b in decided if _general(b)] or decided
    if not decided:
        return None
    return "active" if any(b["code"] in _ACTIVE for b in decided) else "inactive"


def _plan(benefits):
    named = [b["plan"] for b in benefits if b["code"] in _ACTIVE and b["plan"]]
    return named[0] if named else None


def _period(dates, benefits):
    for known in (dates, *(b["dates"] for b in benefits if b["code"] in _ACTIVE)):
        for qualifier in _PERIODS:
            period = known.get(qualifier)
            if period is None:
                continue
            if qualifier in _ENDS:
                end = known.get(_ENDS[qualifier])
                # A begin (346, 356, 348) may come as the whole range, or alone.
                if end:
                    return {"start": period["start"], "end": end["end"]}
            if period["start"] == period["end"]:
                # 291 and 307 with one day: in force from that day.
                return {"start": period["start"]}
            return period
    return None


def _authorization(benefits):
    said = [b["authorization_required"] for b in benefits]
    return True if True in said else (False if False in said else None)


def _best(candidates):
    """Prefer in network, then the plan as a whole; None when there is none."""
    ranked = sorted(
        candidates,
        key=lambda b: (_NETWORK.get(b["in_network"], 2), not _general(b)),
    )
    return ranked[0]["amount"] if ranked else None


def _positive(benefits, code):
    return [
        b
        for b in benefits
        if b["code"] == code and b["amount"] and not b["amount"].startswith("-")
    ]


def _copay(benefits):
    visits = [b for b in _positive(benefits, "B") if "98" in b["service_types"]]
    return _best(visits or _positive(benefits, "B"))


def _deductible(benefits):
    """Return what remains (EB06 = 29) of the individual's deductible, if any."""
    remaining = [b for b in _positive(benefits, "C") if b["time_period"] == "29"]
    individual = [b for b in remaining if b["level"] in ("IND", "")]
    return _best(individual or remaining)
