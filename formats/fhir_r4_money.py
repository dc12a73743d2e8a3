"""Claims and answers to claims in FHIR R4: amounts, adjustments, decisions.

FHIR leaves open how an adjudication adds up. Categories are read as the FHIR base
codes and the CARIN Blue Button codes define them; what they do not explain is reported
as out of balance, never made up.
"""

from decimal import Decimal, InvalidOperation

from .fhir_r4_bundle import first, items, objects, text
from .fhir_r4_people import code, codes, reference_id

ZERO = Decimal(0)
_CARC = "claim-adjustment-reason-code"
_RARC = "remittance-advice-remark-code"
#: Category of a total or an adjudication -> adjustment group and reason (CARC).
_PATIENT = {"deductible": "1", "coinsurance": "2", "copay": "3"}
_OTHER = {"discount": ("CO", "45"), "noncovered": ("CO", "96")}
_PRIOR = ("priorpayerpaid", "priorpayerbenefit")
_PAID = ("paidtoprovider", "benefit", "payment")
#: X12 306, certification action: how the prior authorization guide says what was
#: decided (extension reviewAction).
_ACTIONS = {
    "A1": "approved",
    "A2": "approved",
    "A3": "denied",
    "A4": "pended",
    "A6": "approved",
}
_OUTCOMES = {"queued": "pended", "error": "denied"}


def decimal(value):
    """Return a JSON number or text as Decimal, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    digits = str(value).strip()
    if len(digits) > 40:
        return None
    try:
        found = Decimal(digits)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**12 else None


def amount(money):
    """Return the value of a Money or Quantity as Decimal, or None."""
    return decimal(first(money).get("value"))


def written(value):
    """Return a Decimal as canonical text with two to four decimals, or None."""
    if value is None or abs(value) >= 10**12:
        return None
    found = f"{round(value, 4):.4f}"
    found = found[:-2] if found.endswith("00") else found.rstrip("0")
    return found if value else "0.00"


def _sums(parts, sums):
    """Add amounts up by the category codes they carry."""
    for part in objects(parts):
        value = amount(part.get("amount"))
        if value is None:
            continue
        for name in dict.fromkeys(filter(None, codes(part.get("category")))):
            sums[name] = sums.get(name, ZERO) + value
    return sums


def _totals(resource):
    """Return sums by category: of ``total``, else of the items' adjudications."""
    sums = _sums(resource.get("total"), {})
    header = _sums(resource.get("adjudication"), {})
    lines = {}
    for item in _lines(resource):
        _sums(item.get("adjudication"), lines)
    for found in (header, lines):
        for name, value in found.items():
            sums.setdefault(name, value)
    return sums


def _lines(resource):
    return objects(resource.get("item")) + objects(resource.get("addItem"))


def _net(resource):
    """Return what the lines come to: net, or unit price times quantity."""
    total = None
    for line in _lines(resource):
        value = amount(line.get("net"))
        if value is None:
            price = amount(line.get("unitPrice"))
            count = amount(line.get("quantity"))
            value = price * (1 if count is None else count) if price else None
        if value is not None:
            total = (total or ZERO) + value
    return total


def submitted(claim):
    """Return ``{"charged", "currency"}`` of a Claim."""
    total = claim.get("total")
    charged = amount(total) if isinstance(total, dict) else None
    charged = _net(claim) if charged is None else charged
    return {"charged": written(charged), "currency": _currency(claim)}


def _currency(resource):
    for money in (resource.get("total"), resource.get("paymentAmount")):
        for part in objects(money):
            inner = first(part.get("amount")) or part
            if text(inner.get("currency")):
                return inner["currency"]
    return text(first(first(resource.get("payment")).get("amount")).get("currency"))


def adjudicated(resource):
    """Return what a ClaimResponse or ExplanationOfBenefit comes to.

    :param dict resource: with references resolved
    :return: ``{"charged", "paid", "patient_responsibility", "adjustments", "remarks",
        "outcome", "balanced", "currency"}``; outcome ``adjudicated``, ``denied`` or
        None while it is not decided
    """
    sums = _totals(resource)
    charged = sums.get("submitted")
    if charged is None:
        request = first(first(resource.get("request")).get("resource"))
        charged = amount(request.get("total"))
    if charged is None:
        charged = _net(resource)
    paid = amount(first(resource.get("payment")).get("amount"))
    if paid is None or (not paid and any(sums.get(name) for name in _PAID)):
        paid = next((sums[name] for name in _PAID if name in sums), paid)
    found = _stated(resource) or _derived(sums, charged, paid)
    taken = sum((item["amount"] for item in found), ZERO)
    balanced = None not in (charged, paid) and charged - taken == paid
    owed = sums.get("memberliability", sums.get("paidbypatient"))
    patient = sum((a["amount"] for a in found if a["group"] == "PR"), ZERO)
    owed = patient if patient or owed is None else owed
    return {
        "charged": written(charged),
        "paid": written(paid),
        "patient_responsibility": written(owed) if found or owed else None,
        "adjustments": [{**item, "amount": written(item["amount"])} for item in found],
        "remarks": _remarks(resource),
        "outcome": _outcome(resource, charged, paid, owed),
        "balanced": balanced,
        "currency": _currency(resource),
    }


def _outcome(resource, charged, paid, owed):
    outcome = text(resource.get("outcome"))
    if outcome == "queued":
        return None
    if outcome == "error" or text(resource.get("disposition")) == "DENIED":
        return "denied"
    return (
        "denied"
        if charged and paid == 0 and not owed and _reasons(resource)
        else ("adjudicated")
    )


def _reasons(resource):
    """Yield adjudications that carry an adjustment reason (CARC), with the code."""
    parts = objects(resource.get("adjudication"))
    for line in _lines(resource):
        parts += objects(line.get("adjudication"))
    found = []
    for part in parts:
        for coding in objects(first(part.get("reason")).get("coding")):
            if _CARC in (text(coding.get("system")) or "").lower() and text(
                coding.get("code")
            ):
                found.append((part, text(coding["code"])))
                break
    return found


def _stated(resource):
    """Return adjustments the payer stated with reason and amount."""
    sums = {}
    for part, reason in _reasons(resource):
        value = amount(part.get("amount"))
        kinds = [kind for kind in codes(part.get("category")) if kind]
        if not value:
            continue
        group = "PR" if any(kind in _PATIENT for kind in kinds) else "CO"
        group, _dash, bare = (
            reason.partition("-")
            if "-" in reason
            else (
                group,
                "",
                reason,
            )
        )
        group = group if group in ("CO", "PR", "OA", "PI") else "OA"
        sums[group, bare[:16]] = sums.get((group, bare[:16]), ZERO) + value
    return _listed(sums)


def _derived(sums, charged, paid):
    """Return adjustments that follow from the categories' sums."""
    found = {}
    for name, reason in _PATIENT.items():
        if sums.get(name):
            found["PR", reason] = sums[name]
    for name, key in _OTHER.items():
        if sums.get(name):
            found[key] = found.get(key, ZERO) + sums[name]
    prior = next((sums[name] for name in _PRIOR if sums.get(name)), None)
    if prior:
        found["OA", "23"] = prior
    if charged is None or paid is None:
        return _listed(found)
    rest = charged - paid - sum(found.values(), ZERO)
    if rest and ("CO", "45") not in found and "eligible" in sums:
        # Charged above what is eligible: written off by contract.
        if rest == charged - sums["eligible"]:
            found["CO", "45"] = rest
    return _listed(found)


def _listed(sums):
    return [
        {"group": group, "reason": reason, "amount": value}
        for (group, reason), value in sums.items()
    ]


def _remarks(resource):
    found = []
    for part in [
        resource,
        *objects(resource.get("adjudication")),
        *(a for line in _lines(resource) for a in objects(line.get("adjudication"))),
    ]:
        for name in ("reason", "code", "category"):
            for coding in objects(first(part.get(name)).get("coding")):
                if _RARC in (text(coding.get("system")) or "").lower():
                    found.append(text(coding.get("code")))
    for error in objects(resource.get("error")):
        found.append(code(error.get("code")))
    return [remark[:16] for remark in dict.fromkeys(found) if remark][:50]


# -- authorizations ----------------------------------------------------------------


def _extensions(value, name):
    """Return the extensions whose URL ends in a name."""
    return [
        part
        for part in objects(first(value).get("extension"))
        if (text(part.get("url")) or "").rstrip("/").rpartition("/")[2] == name
        or (text(part.get("url")) or "").endswith("-" + name)
    ]


def _review(part):
    """Return ``(decision, number)`` of an item's reviewAction extension."""
    decision = number = None
    for adjudication in [part, *objects(part.get("adjudication"))]:
        for extension in _extensions(adjudication, "reviewAction"):
            for inner in objects(extension.get("extension")):
                url = (text(inner.get("url")) or "").lower()
                if "reviewactioncode" in url or url == "code":
                    action = code(inner.get("valueCodeableConcept"))
                    decision = decision or _ACTIONS.get(action)
                elif url.endswith("number"):
                    number = number or text(inner.get("valueString"))
    return decision, number


def decision(resource):
    """Return what an authorization answer decided.

    :param dict resource: ClaimResponse or ExplanationOfBenefit of use preauthorization
    :return: ``{"decision", "number", "period", "services", "reason"}``; decision
        ``approved``, ``denied``, ``pended`` or None
    """
    reviews = [_review(line) for line in [resource, *_lines(resource)]]
    decided = [found for found, _number in reviews if found]
    reference = text(resource.get("preAuthRef")) or next(
        filter(None, map(text, items(resource.get("preAuthRef")))), None
    )
    reference = reference or next((number for _d, number in reviews if number), None)
    for answer in ("denied", "pended", "approved"):
        if answer in decided and ("approved" not in decided or answer == "approved"):
            result = answer
            break
    else:
        outcome = text(resource.get("outcome"))
        result = _OUTCOMES.get(outcome)
        if result is None and outcome in ("complete", "partial") and reference:
            result = "approved"
    period = resource.get("preAuthPeriod") or resource.get("preAuthRefPeriod")
    for line in _lines(resource):
        for extension in _extensions(line, "itemPreAuthPeriod"):
            period = period or extension.get("valuePeriod")
    return {
        "decision": result,
        "number": reference,
        "period": period_of(first(period)),
        "services": services(resource),
        "reason": text(resource.get("disposition")),
    }


def period_of(period):
    """Return a Period as ``{"start", "end"}`` of calendar dates."""
    found = {name: text(period.get(name)) for name in ("start", "end")}
    return {n: v[:10] for n, v in found.items() if v and len(v) >= 10}


def _cancelled(line):
    holder = {"extension": line.get("modifierExtension")}
    return _extensions(holder, "itemCancelled")


def services(resource):
    """Return ``[{"code", "quantity"}]`` of a claim's or an answer's lines.

    An answer's lines without a product take that of the claim's line they name.
    """
    request = first(first(resource.get("request")).get("resource"))
    asked = {}
    for line in objects(request.get("item")):
        if isinstance(line.get("sequence"), int):
            asked.setdefault(line["sequence"], line)
    found = []
    for line in _lines(resource):
        if any(e.get("valueBoolean") is True for e in _cancelled(line)):
            continue
        sequence = line.get("itemSequence")
        origin = asked.get(sequence) if isinstance(sequence, int) else None
        for part in (line, origin or {}):
            service = code(part.get("productOrService"))
            if service:
                count = amount(part.get("quantity"))
                found.append({"code": service, "quantity": plain(count)})
                break
    return found[:50]


def plain(value):
    """Return a positive Decimal as text without needless zeros, or None."""
    if value is None or not 0 < value < 10**12:
        return None
    found = f"{round(value, 6):f}"
    return found.rstrip("0").rstrip(".") if "." in found else found


# -- payments ----------------------------------------------------------------------


def payment(resource):
    """Return ``{"id", "amount", "currency", "allocations"}`` of a reconciliation.

    Details of another type than a payment, and those not above zero, allocate nothing.
    """
    allocations = []
    for detail in objects(resource.get("detail")):
        value = amount(detail.get("amount"))
        kind = code(detail.get("type"))
        claim = reference_id(detail.get("request"))
        if value and value > 0 and claim and kind in (None, "payment"):
            allocations.append({"claim_id": claim[:128], "amount": written(value)})
    identifier = first(resource.get("paymentIdentifier"))
    return {
        "id": text(identifier.get("value")),
        "amount": written(amount(resource.get("paymentAmount"))),
        "currency": _currency(resource),
        "allocations": allocations,
    }
