"""Who a FHIR resource is about and who pays: identifiers and payers.

What comes from the sender may have any shape: nothing here fails on that.
"""

from .fhir_r4_bundle import conditional, first, items, objects, split, text

#: Identifier types (HL7 table 0203) that name a person to the state: not needed here.
_PRIVATE = frozenset(("SS", "SB", "DL", "PPN", "TAX"))
_PRIVATE_SYSTEMS = frozenset(
    ("http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1")
)
MAX_IDENTIFIERS = 20


def codes(concept):
    """Return the codes of a CodeableConcept's codings."""
    return [text(c.get("code")) for c in objects(first(concept).get("coding"))]


def code(concept):
    """Return the first code of a CodeableConcept, else its text, or None."""
    concept = first(concept)
    return next(filter(None, codes(concept)), None) or text(concept.get("text"))


def patient_identifiers(patient, id_system, entry_url=None):
    """Return canonical identifiers of a Patient, the medical record number first.

    The logical id is the last, in a system of its own, for it is what references from
    elsewhere will name.
    """
    ranked = []
    for identifier in objects(patient.get("identifier")):
        value, system = text(identifier.get("value")), text(identifier.get("system"))
        kinds = set(codes(identifier.get("type")))
        if not value or kinds & _PRIVATE or system in _PRIVATE_SYSTEMS:
            continue
        if system is None:
            kind = next(filter(None, kinds), None)
            system = f"{id_system}:{kind or 'identifier'}"
        rank = 0 if "MR" in kinds else 2 if identifier.get("use") == "old" else 1
        ranked.append((rank, {"system": system, "value": value}))
    ranked.sort(key=lambda item: item[0])
    found = [identifier for _rank, identifier in ranked[: MAX_IDENTIFIERS - 1]]
    logical = text(patient.get("id"))
    if logical is None and entry_url:
        logical = split(entry_url)[2] or entry_url.rpartition(":")[2] or None
    if logical:
        found.append({"system": f"{id_system}:Patient", "value": logical})
    return _unique(found)


def _unique(found):
    return list({(i["system"], i["value"]): i for i in found}.values())


def referred_identifiers(reference, resource, id_system, url=None):
    """Return identifiers of the patient a Reference names, resolved or not."""
    if resource is not None and resource.get("resourceType") == "Patient":
        return patient_identifiers(resource, id_system, url)
    found = []
    identifier = first(reference.get("identifier"))
    if text(identifier.get("value")):
        system = text(identifier.get("system")) or f"{id_system}:identifier"
        found.append({"system": system, "value": text(identifier.get("value"))})
    literal = text(reference.get("reference")) or ""
    query = conditional(literal)
    if query:
        found.append(query[1])
    kind, logical = split(literal)[1:]
    if kind == "Patient":
        found.append({"system": f"{id_system}:Patient", "value": logical})
    elif literal.startswith("urn:uuid:"):
        found.append({"system": f"{id_system}:Patient", "value": literal[9:]})
    return _unique(found)


def reference_id(reference):
    """Return the id of what a resolved Reference names, or None.

    The resource's own id when it is in the body, else what the literal ends in, else
    the logical identifier.
    """
    reference = first(reference)
    target = first(reference.get("resource"))
    if target:
        return resource_id(target)
    literal = text(reference.get("reference")) or ""
    found = split(literal)[2] or literal.removeprefix("urn:uuid:").lstrip("#")
    query = conditional(literal)
    if query:
        found = query[1]["value"]
    elif "/" in found:
        # An address of another form than Type/id: its last step.
        found = found.rstrip("/").rpartition("/")[2]
    return found or text(first(reference.get("identifier")).get("value"))


def resource_id(resource, url=None):
    """Return what a resource is called: its id, an identifier, or its fullUrl's end."""
    found = text(resource.get("id"))
    if found is None:
        for identifier in objects(resource.get("identifier")):
            found = found or text(identifier.get("value"))
    if found is None and url:
        found = split(url)[2] or url.rpartition(":")[2] or None
    return found


def display(reference):
    """Return a name for people of what a resolved Reference names, or None."""
    reference = first(reference)
    if text(reference.get("display")):
        return text(reference["display"])[:200]
    target = first(reference.get("resource"))
    name = target.get("name")
    if isinstance(name, str):
        return name.strip()[:200] or None
    name = first(name)
    if text(name.get("text")):
        return text(name["text"])[:200]
    parts = [*items(name.get("prefix")), *items(name.get("given")), name.get("family")]
    return " ".join(p for p in parts if text(p))[:200] or None


def payer(reference):
    """Return ``{"code", "name"}`` of an insurer, or None when there is none.

    The code: the reference's identifier, the organisation's own first identifier, its
    id, the end of the reference, else the name.
    """
    reference = first(reference)
    target = first(reference.get("resource"))
    if target.get("resourceType") in ("Patient", "RelatedPerson"):
        return None  # pays by themselves
    name = display(reference)
    found = text(first(reference.get("identifier")).get("value"))
    for identifier in objects(target.get("identifier")):
        found = found or text(identifier.get("value"))
    found = found or reference_id(reference) or name
    if not found:
        return None
    return {"code": found[:64], **({"name": name} if name else {})}
