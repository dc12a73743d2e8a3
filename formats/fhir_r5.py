"""Resources in the shape of FHIR R5, written as R4 has them.

What R5 renamed would otherwise be nothing, and a coverage or a visit be lost without a
word. Resources in the shape of R4 are handed back as they are.
"""

from . import fhir_r4_money as money
from .fhir_r4_bundle import first, objects


def as_r4(resource):
    """Return a resource with what R5 calls otherwise under its names of R4.

    :param dict resource: with a ``resourceType``
    :return: the same object where there is nothing to rename, else a copy
    """
    change = _CHANGES.get(resource["resourceType"])
    found = change(resource) if change else {}
    # What is there in the shape of R4 goes before.
    added = {k: v for k, v in found.items() if v not in (None, "", [], {})}
    return {**resource, **added} if added else resource


def _renamed(resource, **names):
    return {
        ours: resource.get(theirs)
        for ours, theirs in names.items()
        if ours not in resource
    }


def _concepts(value):
    """Return the concepts of CodeableReferences; None where they are R4's already."""
    listed = [one.get("concept") for one in objects(value)]
    return [one for one in listed if isinstance(one, dict)] or None


def _occurrence(resource):
    return _renamed(
        resource,
        performedDateTime="occurrenceDateTime",
        performedPeriod="occurrencePeriod",
    )


def _appointment(resource):
    found = {"serviceType": _concepts(resource.get("serviceType"))}
    if "reasonCode" not in resource:
        found["reasonCode"] = _concepts(resource.get("reason"))
    subject = first(resource.get("subject"))
    actors = objects(resource.get("participant"))
    named = [first(one.get("actor")).get("reference") for one in actors]
    if subject and subject.get("reference") not in named:
        found["participant"] = [{"actor": subject, "status": "accepted"}, *actors]
    return found


def _charge(resource):
    found = _renamed(resource, context="encounter")
    if "priceOverride" not in resource:
        total = first(first(resource.get("totalPriceComponent")).get("amount"))
        unit = first(first(resource.get("unitPriceComponent")).get("amount"))
        each, count = money.amount(unit), money.amount(resource.get("quantity"))
        if not total and each is not None:
            # of all of them together, as R4 has it
            total = {**unit, "value": money.written(each * (count or 1))}
        found["priceOverride"] = total
    return found


def _coverage(resource):
    found = {}
    if "payor" not in resource and resource.get("insurer"):
        found["payor"] = [resource["insurer"]]
    if isinstance(resource.get("subscriberId"), list):
        found["subscriberId"] = first(resource["subscriberId"]).get("value")
    return found


def _encounter(resource):
    found = _renamed(resource, period="actualPeriod")
    if resource.get("status") == "completed":
        found["status"] = "finished"
    if isinstance(resource.get("class"), list):
        found["class"] = first(first(resource["class"]).get("coding"))
    if isinstance(resource.get("participant"), list):
        found["participant"] = [
            {**one, "individual": one["actor"]}
            if isinstance(one, dict) and "actor" in one and "individual" not in one
            else one
            for one in resource["participant"]
        ]
        if found["participant"] == resource["participant"]:
            del found["participant"]
    return found


def _order(resource):
    return {"code": first(resource.get("code")).get("concept")}


def _payment(resource):
    found = _renamed(resource, paymentAmount="amount", paymentDate="date")
    if "detail" not in resource:
        found["detail"] = [
            {**one, "request": one["target"]} if "target" in one else one
            for one in objects(resource.get("allocation"))
        ]
    return found


_CHANGES = {
    "Appointment": _appointment,
    "ChargeItem": _charge,
    "Coverage": _coverage,
    "Encounter": _encounter,
    "PaymentReconciliation": _payment,
    "Procedure": _occurrence,
    "ServiceRequest": _order,
}
