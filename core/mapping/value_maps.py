"""A source's own codes put into ours, wherever canonical data holds one.

Codes are translated when an event is worked on, not when it comes in: what was parked
for a code goes on as soon as somebody says what the code means.
"""

import re

#: Where canonical data holds codes of each kind; ``*`` is every item of a list.
PLACES = {
    "facilities": ("facility",),
    "services": (
        "appointment.services.*.code",
        "authorization.services.*.code",
        "order.services.*.code",
        "charges.*.code",
    ),
    "supplies": ("consumables.*.code",),
    "payers": (
        "payer.code",
        "coverage.payer.code",
        "coverages.*.payer.code",
        "payment.payer.code",
    ),
    "locations": ("appointment.location",),
}
_STEPS = {
    kind: tuple(tuple(place.split(".")) for place in places)
    for kind, places in PLACES.items()
}
#: Systems of the numbers payers know their members by; see :mod:`...formats.x12_hl`.
MEMBER = "urn:x12:member:"
DEPENDENT = "urn:x12:dependent:"
ACCOUNT = "urn:x12:ref:EJ"
_NOT_URN = re.compile(r"[^A-Za-z0-9]")


def translate(data, maps):
    """Replace codes by ours, in place.

    :param dict data: canonical data
    :param dict maps: ``{kind: {their code: our code}}``
    """
    for kind, codes in maps.items():
        for steps in _STEPS.get(kind, ()):
            _replace(data, steps, codes)
    if payers := maps.get("payers"):
        _translate_members(data, payers)


def _replace(value, steps, codes):
    step, *rest = steps
    if step == "*":
        for part in value if isinstance(value, list) else ():
            _replace(part, rest, codes)
    elif isinstance(value, dict) and step in value:
        if rest:
            _replace(value[step], rest, codes)
        elif isinstance(value[step], str):
            value[step] = codes.get(value[step], value[step])


def _translate_members(data, payers):
    """A member number names its payer in its system."""
    systems = {
        prefix + urn(code): prefix + urn(ours)
        for prefix in (MEMBER, DEPENDENT)
        for code, ours in payers.items()
    }
    for identifier in identifiers(data):
        identifier["system"] = systems.get(identifier["system"], identifier["system"])


def identifiers(data):
    """Return the patient's identifiers in canonical data, those that are whole."""
    patient = data.get("patient")
    listed = patient.get("identifiers") if isinstance(patient, dict) else None
    return [
        one
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
        and isinstance(one.get("system"), str)
        and isinstance(one.get("value"), str)
    ]


def payer_codes(data):
    """Return the payer codes that an answer of a payer names, at most one."""
    for holder in (data.get("coverage"), data):
        payer = (holder or {}).get("payer")
        if payer and payer.get("code"):
            return [payer["code"]]
    return []


def urn(code):
    """Return a payer's code as it stands in the system of its member numbers."""
    return _NOT_URN.sub("-", code)[:64]
