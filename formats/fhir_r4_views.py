"""What a mapping needs of a FHIR resource and JMESPath cannot work out.

Each kind adds members whose names start with ``_`` to its document:

* all: ``_id``; ``_patient`` {identifiers, resource}; ``_new`` (first version);
* Patient: ``_coverages`` (of the body, as the canonical event has them), ``_account``,
  ``_merged`` [{survivor, retired}] from its links;
* Coverage: ``_coverage`` {payer, member_id, …}, ``_folded`` when its patient, a claim
  or an eligibility response of the body carries it;
* CoverageEligibilityResponse: ``_coverage`` with status, copay, deductible_remaining;
* Appointment, ServiceRequest, Encounter, Procedure, ChargeItem: ``_services``
  [{code, quantity, unit_price}], ``_provider``, ``_location``, ``_appointment_id``,
  ``_order_id``; ``_folded`` for what an Encounter of the body accounts for;
* Claim, ClaimResponse, ExplanationOfBenefit: ``_claim_id``, ``_payer``, ``_claim``
  (:func:`~.fhir_r4_money.adjudicated`) or ``_authorization``;
* PaymentReconciliation: ``_payer``, ``_payment``.
"""

from ..core import clock
from . import fhir_r4_money as money
from .fhir_r4_bundle import first, items, objects, split, text
from .fhir_r4_people import (
    code,
    codes,
    display,
    patient_identifiers,
    payer,
    reference_id,
    referred_identifiers,
    resource_id,
)

#: Where each kind names its patient.
_PATIENT = {
    "Coverage": "beneficiary",
    "CoverageEligibilityResponse": "patient",
    "ServiceRequest": "subject",
    "Encounter": "subject",
    "Procedure": "subject",
    "ChargeItem": "subject",
    "Claim": "patient",
    "ClaimResponse": "patient",
    "ExplanationOfBenefit": "patient",
}
#: kind of the dependent resource, member that refers to its owner, kind of the owner.
RELATED = (
    ("Coverage", "beneficiary", "Patient"),
    ("Account", "subject", "Patient"),
    ("ChargeItem", "context", "Encounter"),
    ("Procedure", "encounter", "Encounter"),
)
_SERVICE_MEMBERS = ("serviceType", "appointmentType", "serviceCategory", "specialty")


def relate(scope):
    """Return ``{owner's number: {kind: [entry]}}`` and the owner's number by part's."""
    owned, owner_of = {}, {}
    members = {kind: (member, owner) for kind, member, owner in RELATED}
    for entry in scope.entries:
        kind = entry.resource.get("resourceType")
        member, owner_kind = members.get(kind, (None, None))
        for reference in objects(entry.resource.get(member)) if member else ():
            literal = text(reference.get("reference"))
            owner = scope.entry(literal, entry) if literal else None
            if owner is not None and owner.resource["resourceType"] == owner_kind:
                owned.setdefault(owner.number, {}).setdefault(kind, []).append(entry)
                owner_of.setdefault(entry.number, owner)
                break
    return owned, owner_of


def _mentioned(scope):
    """Return the numbers of the entries that others name as patient or insurance."""
    found = set()
    for entry in scope.entries:
        member = _PATIENT.get(entry.resource["resourceType"])
        references = objects(entry.resource.get(member)) if member else []
        for insurance in objects(entry.resource.get("insurance")):
            references += objects(insurance.get("coverage"))
        for reference in references:
            literal = text(reference.get("reference"))
            target = scope.entry(literal, entry) if literal else None
            if target is not None:
                found.add(target.number)
    return found


class View:
    """Builds the documents of one scope."""

    def __init__(self, scope, id_system):
        self.scope, self.id_system = scope, id_system
        self.owned, self.owner_of = relate(scope)
        self._mentioned = _mentioned(scope)

    def document(self, entry):
        """Return a resource with resolved references and its ``_`` members."""
        resource = self.scope.resolved(entry)
        kind = resource["resourceType"]
        document = {
            **resource,
            "_id": resource_id(resource, entry.url),
            "_new": _is_new(resource, entry),
        }
        member = _PATIENT.get(kind)
        if kind not in _VIEWS:  # of a source's own mapping
            member = "subject" if "subject" in resource else "patient"
        if member:
            document["_patient"] = self._about(entry, resource.get(member))
        view = _VIEWS.get(kind)
        if view is not None:
            document.update(view(self, entry, resource))
        return document

    def parts(self, entry):
        """Return the entries whose content a document also holds."""
        owned = self.owned.get(entry.number, {})
        return [part for parts in owned.values() for part in parts]

    def _about(self, entry, reference):
        reference = first(reference)
        literal = text(reference.get("reference")) or ""
        found = self.scope.find(reference, entry)
        target = self.scope.entry(literal, entry) if literal else None
        identifiers = referred_identifiers(
            reference, found, self.id_system, target.url if target else None
        )
        return {"identifiers": identifiers, "resource": found}

    # -- registration -----------------------------------------------------------

    def _patient_coverages(self, entry):
        found = []
        for part in self.owned.get(entry.number, {}).get("Coverage", ()):
            coverage = self.scope.resolved(part)
            if text(coverage.get("status")) in ("active", None):
                found.append(_policy(coverage, part.url))
        found = [c for c in found if c["payer"] and c["member_id"]]
        found.sort(key=lambda coverage: coverage["priority"] or 99)
        for number, coverage in enumerate(found, start=1):
            coverage["priority"] = coverage["priority"] or number
        return found[:10]

    def _patient_links(self, entry, resource, own):
        merged = []
        for link in objects(resource.get("link")):
            other = self._about(entry, link.get("other"))["identifiers"]
            if link.get("type") == "replaced-by":
                merged.append({"survivor": other, "retired": own})
            elif link.get("type") == "replaces":
                merged.append({"survivor": own, "retired": other})
        return merged

    def _patient(self, entry, resource):
        own = patient_identifiers(entry.resource, self.id_system, entry.url)
        accounts = self.owned.get(entry.number, {}).get("Account", ())
        account = [resource_id(part.resource, part.url) for part in accounts[:1]]
        merged = self._patient_links(entry, resource, own)
        return {
            "_patient": {"identifiers": own, "resource": entry.resource},
            "_name": _name(resource),
            "_coverages": self._patient_coverages(entry),
            "_account": account[0] if account else None,
            "_merged": merged,
            "_retired": any(m["retired"] is own for m in merged),
            "_companion": self._is_companion(entry, resource),
        }

    def _is_companion(self, entry, resource):
        """Say whether a patient is here to be referred to, not to be registered.

        Answers of payers carry the patient with little more than a member id.
        """
        complete = _name(resource) and text(resource.get("birthDate"))
        return not complete and entry.number in self._mentioned

    # -- coverage ---------------------------------------------------------------

    def _coverage(self, entry, resource):
        return {
            "_coverage": _policy(resource, entry.url),
            "_folded": entry.number in self.owner_of or entry.number in self._mentioned,
        }

    def _coverageeligibilityresponse(self, entry, resource):
        insurance = first(resource.get("insurance"))
        reference = first(insurance.get("coverage"))
        coverage = first(reference.get("resource"))
        policy = _policy(coverage) if coverage else {"payer": None, "period": {}}
        member = policy.get("member_id") or reference_id(reference)
        inforce = insurance.get("inforce")
        status = {True: "active", False: "inactive"}.get(
            inforce if isinstance(inforce, bool) else None
        )
        required = [
            item.get("authorizationRequired")
            for item in objects(insurance.get("item"))
            if isinstance(item.get("authorizationRequired"), bool)
        ]
        copay, deductible = _benefits(insurance)
        period = first(insurance.get("benefitPeriod"))
        return {
            "_coverage": {
                "payer": payer(resource.get("insurer")) or policy["payer"],
                "member_id": member,
                "status": status,
                "period": money.period_of(period) or policy["period"],
                "authorization_required": any(required) if required else None,
                "copay": copay,
                "deductible_remaining": deductible,
            }
        }

    # -- services ---------------------------------------------------------------

    def _appointment(self, entry, resource):
        patient, actors = None, {}
        for participant in objects(resource.get("participant")):
            actor = first(participant.get("actor"))
            kind = (
                first(actor.get("resource")).get("resourceType")
                or split(text(actor.get("reference")) or "")[1]
            )
            kind = kind or text(actor.get("type"))
            if kind == "Patient" and patient is None:
                patient = participant
            elif kind:
                actors.setdefault(kind, actor)
        patient = patient or {}
        provider = actors.get("Practitioner") or actors.get("PractitionerRole")
        return {
            "_patient": self._about(entry, patient.get("actor")),
            "_accepted": patient.get("status") == "accepted",
            "_services": _appointment_services(resource, actors),
            "_provider": display(provider),
            "_location": display(actors.get("Location")),
        }

    def _servicerequest(self, _entry, resource):
        count = money.amount(resource.get("quantityQuantity"))
        service = code(resource.get("code"))
        quantity = money.plain(count) or "1"
        return {
            "_services": [{"code": service, "quantity": quantity}] if service else []
        }

    def _encounter(self, entry, resource):
        owned = self.owned.get(entry.number, {})
        charges = [
            _charge(part.resource)
            for part in owned.get("ChargeItem", ())
            if part.resource.get("status") in ("billable", "billed")
        ]
        if not charges:
            charges = [
                {"code": code(part.resource.get("code")), "quantity": "1"}
                for part in owned.get("Procedure", ())
                if part.resource.get("status") == "completed"
            ]
        if not charges and code(resource.get("type")):
            charges = [{"code": code(resource.get("type")), "quantity": "1"}]
        participant = first(resource.get("participant"))
        location = first(resource.get("location"))
        return {
            "_services": [charge for charge in charges if charge["code"]][:200],
            "_provider": display(participant.get("individual")),
            "_location": display(location.get("location")),
            "_appointment_id": reference_id(resource.get("appointment")),
            "_order_id": reference_id(resource.get("basedOn")),
        }

    def _procedure(self, entry, resource):
        service = code(resource.get("code"))
        return {
            "_services": [{"code": service, "quantity": "1"}] if service else [],
            "_provider": display(first(resource.get("performer")).get("actor")),
            "_order_id": reference_id(resource.get("basedOn")),
            "_folded": self._accounted(entry),
        }

    def _chargeitem(self, entry, resource):
        charge = _charge(resource)
        return {
            "_services": [charge] if charge["code"] else [],
            "_provider": display(first(resource.get("performer")).get("actor")),
            "_folded": self._accounted(entry),
        }

    def _accounted(self, entry):
        owner = self.owner_of.get(entry.number)
        return owner is not None and owner.resource.get("status") == "finished"

    # -- claims -----------------------------------------------------------------

    def _claim(self, _entry, resource):
        return {
            "_claim_id": resource_id(resource),
            "_payer": _insurer(resource),
            "_claim": money.submitted(resource),
            "_authorization": {"services": money.services(resource)},
        }

    def _claimresponse(self, _entry, resource):
        return {
            "_claim_id": reference_id(resource.get("request")),
            **_answer(resource),
        }

    def _explanationofbenefit(self, _entry, resource):
        claim = reference_id(resource.get("claim"))
        return {"_claim_id": claim or resource_id(resource), **_answer(resource)}

    def _paymentreconciliation(self, _entry, resource):
        return {
            "_payer": payer(resource.get("paymentIssuer")),
            "_payment": money.payment(resource),
        }


def _is_new(resource, entry):
    version = text(first(resource.get("meta")).get("versionId"))
    return version in (None, "1") and entry.request.get("method") != "DELETE"


def _name(resource):
    """Return the official name, else the usual, else the first that has a family.

    One that has ended counts only where there is no other.
    """
    today = clock.utc_now().date().isoformat()
    names = objects(resource.get("name"))
    lasting = [
        name
        for name in names
        if (text(first(name.get("period")).get("end")) or today) >= today
    ]
    names = lasting or names
    for use in ("official", "usual", None):
        for name in names:
            family = text(name.get("family"))
            if family and use in (None, name.get("use")):
                given = [text(part) for part in items(name.get("given"))]
                return {"family": family, "given": [g for g in given if g][:10]}
    # Not taken apart: which part is which is not for us to say.
    whole = next(filter(None, (text(name.get("text")) for name in names)), None)
    return {"family": whole, "given": []} if whole else None


def _policy(coverage, url=None):
    """Return a resolved Coverage as the canonical events have it."""
    member = text(coverage.get("subscriberId"))
    for identifier in objects(coverage.get("identifier")):
        if "MB" in codes(identifier.get("type")):
            member = member or text(identifier.get("value"))
    for identifier in objects(coverage.get("identifier")):
        member = member or text(identifier.get("value"))
    classes = {}
    for part in objects(coverage.get("class")):
        value = part.get("value")
        value = text(value) or text(first(value).get("value"))
        classes.setdefault(code(part.get("type")), (value, text(part.get("name"))))
    plan = classes.get("plan", (None, None))
    order = coverage.get("order")
    whole = isinstance(order, int) and not isinstance(order, bool)
    return {
        "payer": payer(coverage.get("payor")),
        "member_id": member or resource_id(coverage, url),
        "group_number": classes.get("group", (None, None))[0],
        "plan": plan[1] or plan[0],
        "priority": order if whole and 0 < order < 100 else None,
        "relationship": code(coverage.get("relationship")),
        "period": money.period_of(first(coverage.get("period"))),
        "status": {"active": "active", "cancelled": "inactive"}.get(
            text(coverage.get("status"))
        ),
    }


def _benefits(insurance):
    """Return ``(copay, deductible remaining)`` of an eligibility response."""
    copay = deductible = None
    for item in objects(insurance.get("item")):
        for benefit in objects(item.get("benefit")):
            kind = code(benefit.get("type")) or ""
            allowed = money.amount(benefit.get("allowedMoney"))
            if allowed is None or allowed < 0:
                continue
            if kind.startswith("copay") and "percent" not in kind and copay is None:
                copay = allowed
            elif kind.startswith("deductible") and deductible is None:
                used = money.amount(benefit.get("usedMoney")) or money.ZERO
                deductible = max(allowed - used, money.ZERO)
    return money.written(copay), money.written(deductible)


def _appointment_services(resource, actors):
    """Return the services of an appointment, from the most to the least specific."""
    slot = first(first(resource.get("slot")).get("resource"))
    for holder in (resource, slot, first(first(slot.get("schedule")).get("resource"))):
        for member in _SERVICE_MEMBERS:
            found = [code(concept) for concept in objects(holder.get(member))]
            found = [service for service in found if service]
            if found:
                return [{"code": service} for service in dict.fromkeys(found)][:50]
    service = first(first(actors.get("HealthcareService")).get("resource"))
    found = code(service.get("type"))
    return [{"code": found}] if found else []


def _charge(resource):
    count = money.amount(resource.get("quantity"))
    price = money.amount(resource.get("priceOverride"))
    if price is not None and count and count > 0:
        price = price / count
    known = price is not None and price >= 0
    return {
        "code": code(resource.get("code")),
        "quantity": money.plain(count) or "1",
        "unit_price": money.written(price) if known else None,
    }


def _insurer(resource):
    """Return the payer: of the focal insurance's coverage, else the insurer."""
    insurances = objects(resource.get("insurance"))
    focal = [part for part in insurances if part.get("focal") is True] or insurances
    coverage = first(first(first(focal).get("coverage")).get("resource"))
    found = payer(resource.get("insurer"))
    if found is None and coverage:
        found = payer(coverage.get("payor"))
    return found or payer(first(focal).get("coverage"))


def _answer(resource):
    if text(resource.get("use")) == "preauthorization":
        answer = {"_authorization": money.decision(resource)}
    else:
        answer = {"_claim": money.adjudicated(resource)}
    return {"_payer": _insurer(resource), **answer}


_VIEWS = {
    "Patient": View._patient,
    "Coverage": View._coverage,
    "CoverageEligibilityResponse": View._coverageeligibilityresponse,
    "Appointment": View._appointment,
    "ServiceRequest": View._servicerequest,
    "Encounter": View._encounter,
    "Procedure": View._procedure,
    "ChargeItem": View._chargeitem,
    "Claim": View._claim,
    "ClaimResponse": View._claimresponse,
    "ExplanationOfBenefit": View._explanationofbenefit,
    "PaymentReconciliation": View._paymentreconciliation,
}
