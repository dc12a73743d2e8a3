"""Hierarchical levels (HL) of 271 and 278: who stands under whom.

Both transactions name source, provider, subscriber and dependent level by level. This
yields the patients' levels with everything above them resolved.
"""

from .x12_segments import problem
from .x12_values import describe, person

SOURCE, PROVIDER, SUBSCRIBER, DEPENDENT, EVENT, SERVICE = "20 21 22 23 EV SS".split()


class Level:
    """One HL: ``code``, its own segments, its parent and children."""

    __slots__ = ("code", "segments", "parent", "children", "position", "_people")

    def __init__(self, code, parent, position):
        self.code, self.parent, self.position = code, parent, position
        self.segments, self.children = [], []
        self._people = {}

    def above(self, code):
        """Return the nearest level of a code, itself included, or None."""
        level = self
        while level is not None and level.code != code:
            level = level.parent
        return level

    def once(self, read, *arguments):
        """Return ``read(self, …)``, worked out once for all who stand below."""
        if read not in self._people:
            self._people[read] = read(self, *arguments)
        return self._people[read]


def levels(raw):
    """Sort segments into levels.

    :return: ``(header segments, levels in order, problems)``
    """
    header, found, by_number, problems = [], [], {}, []
    depth, current = {}, None
    for segment in raw.segments:
        if segment[0] == "HL":
            parent = by_number.get(segment.get(2))
            if segment.get(2) and parent is None:
                place = f"/segments/{segment.position}/HL02"
                problems.append(problem(place, "hl_order"))
            current = Level(segment.get(3), parent, segment.position)
            depth[id(current)] = depth.get(id(parent), 0) + 1
            if depth[id(current)] > 8:
                # Deeper than any level there is: not followed, cost stays linear.
                place = f"/segments/{segment.position}/HL02"
                problems.append(problem(place, "hl_order"))
                current.parent = None
                depth[id(current)] = 1
            if current.parent is not None:
                current.parent.children.append(current)
            by_number[segment.get(1)] = current
            found.append(current)
        elif current is None:
            header.append(segment)
        else:
            current.segments.append(segment)
    return header, found, problems


def _first_name(level):
    for segment in level.segments:
        if segment[0] == "NM1":
            return person(segment)
    return {}


def first_name(level):
    """Return the first NM1 of a level as a party, ``{}`` when there is none."""
    return dict(level.once(_first_name)) if level is not None else {}


def _member(level, values):
    found = None
    for segment in level.segments:
        if segment[0] == "EB":
            break
        if segment[0] == "NM1" and found is None:
            found = person(segment)
        elif found is not None and segment[0] != "NM1":
            if segment[0] == "INS":
                found["relationship"] = segment.get(2)
            describe(found, segment, values)
    return found or {}


def member(level, values):
    """Return the first NM1 of a level with its address, birth date and references."""
    return level.once(_member, values) if level is not None else {}


def payer_code(payer):
    """Return what identifies a payer best: its id, else its name."""
    return payer.get("id") or payer.get("name")


def identifiers(subscriber, dependent, payer):
    """Return the patient's identifiers as a 271 or 278 knows them.

    The patient's account number with the provider (REF*EJ), and the member id in the
    payer's own numbering system. A dependent often has the subscriber's member id only:
    that alone would name the wrong person.
    """
    patient = dependent or subscriber
    known = {**subscriber.get("references", {}), **patient.get("references", {})}
    found = []
    if known.get("EJ"):
        found.append({"system": "urn:x12:ref:EJ", "value": known["EJ"]})
    code = _urn(payer_code(payer) or "unknown")
    if patient.get("id"):
        found.append({"system": f"urn:x12:member:{code}", "value": patient["id"]})
    elif dependent and subscriber.get("id"):
        parts = (subscriber["id"], dependent.get("birth_date"), dependent.get("first"))
        value = "/".join(filter(None, parts)).upper()[:128]
        found.append({"system": f"urn:x12:dependent:{code}", "value": value})
    return found


def _urn(text):
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in text)[:64]
