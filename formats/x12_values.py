"""What the X12 readers share: amounts, dates, parties, adjustments, references."""

import re
from datetime import date
from decimal import Decimal

from .x12_segments import problem

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})\Z")
_DATE = re.compile(r"(?:[0-9]{2})?[0-9]{6}")
_TIME = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})?")
ZERO = Decimal(0)
MAX_REFERENCES = 50  # of one party, claim, service or benefit

_NOT_AMOUNT = "Must be a decimal number of at most 12 digits and 4 decimals."
_NOT_DATE = "Must be a date as CCYYMMDD."


def number(text):
    """Return a Decimal, or None when the text is no X12 number."""
    return Decimal(text) if _NUMBER.match(text) else None


def money(value):
    """Return a Decimal as the canonical text, two to four decimals, or None."""
    if value is None or abs(value) >= 10**12 or value != round(value, 4):
        return None
    text = f"{value:.4f}"
    # "-0.00" is no amount anyone wrote.
    text = text[:-2] if text.endswith("00") else text.rstrip("0")
    return text if value else "0.00"


def quantity(value):
    """Return a Decimal as plain text without needless zeros, or None."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Values:
    """Reads elements of segments and collects what is wrong with them."""

    def __init__(self):
        self.problems = []

    def report(self, segment, element, code, detail):
        place = f"/segments/{segment.position}/{segment[0]}{element:02d}"
        self.problems.append(problem(place, code, detail))

    def amount(self, segment, element, default=None):
        """Return an amount as Decimal; ``default`` when absent or unreadable."""
        text = segment.get(element)
        if not text:
            return default
        value = number(text)
        if value is None or money(value) is None:
            self.report(segment, element, "not_an_amount", _NOT_AMOUNT)
            return default
        return value

    def text_amount(self, segment, element):
        """Return an amount as canonical text, or None."""
        return money(self.amount(segment, element))

    def date(self, segment, element):
        """Return a date (CCYYMMDD or YYMMDD) as ISO text, or None."""
        text = segment.get(element)
        if not text:
            return None
        found = iso_date(text)
        if found is None:
            self.report(segment, element, "not_a_date", _NOT_DATE)
        return found

    def period(self, segment, qualifier, element):
        """Return ``{"start", "end"}`` of a date (D8, DT) or range (RD8), or None."""
        text = segment.get(element)
        start, _, end = text.partition("-")
        start, end = iso_date(start[:8]), iso_date(end[:8])
        if start is None or (segment.get(qualifier) == "RD8" and end is None):
            if text:
                self.report(segment, element, "not_a_date", _NOT_DATE)
            return None
        return {"start": start, "end": end or start}


def iso_date(text):
    """Return ``CCYY-MM-DD`` of CCYYMMDD or YYMMDD (2000–2099), or None."""
    if not _DATE.fullmatch(text):
        return None
    text = text if len(text) == 8 else "20" + text
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
    except ValueError:
        return None


def iso_time(day, text):
    """Return date and time, without an offset, of an ISO date and HHMM or HHMMSS.

    X12 names no time zone: a mapping reads it in the source's.
    """
    found = _TIME.match(text or "")
    parts = found.groups("0") if found else (0, 0, 0)
    hour, minute, second = map(int, parts)
    if hour > 23 or minute > 59 or second > 59:
        hour = minute = second = 0
    return f"{day}T{hour:02d}:{minute:02d}:{second:02d}" if day else None


def person(segment):
    """Return an NM1 as ``{entity, type, last, first, middle, qualifier, id}``."""
    return _filled(
        {
            "entity": segment.get(1),
            "type": "person" if segment.get(2) == "1" else "organization",
            "name": segment.get(3),
            "first": segment.get(4),
            "middle": segment.get(5),
            "suffix": segment.get(7),
            "qualifier": segment.get(8),
            "id": segment.get(9),
        }
    )


def party(segment):
    """Return an N1 as ``{entity, name, qualifier, id}``."""
    return _filled(
        {
            "entity": segment.get(1),
            "name": segment.get(2),
            "qualifier": segment.get(3),
            "id": segment.get(4),
        }
    )


def describe(target, segment, values):
    """Add what follows a party: N3, N4, DMG, REF; return whether it was that."""
    name = segment[0]
    if name == "N3":
        target["lines"] = [line for line in (segment.get(1), segment.get(2)) if line]
    elif name == "N4":
        target.update(
            _filled(
                {
                    "city": segment.get(1),
                    "state": segment.get(2),
                    "postal_code": segment.get(3),
                    "country": segment.get(4),
                }
            )
        )
    elif name == "DMG":
        if segment.get(1) == "D8":
            target["birth_date"] = values.date(segment, 2)
        target["sex"] = segment.get(3)
    elif name == "REF":
        reference(target, segment)
    else:
        return False
    return True


def reference(target, segment):
    """Add a REF to ``target["references"]``: first of its qualifier wins."""
    known = target.setdefault("references", {})
    if segment.get(1) and segment.get(2) and len(known) < MAX_REFERENCES:
        known.setdefault(segment.get(1), segment.get(2))


def adjustments(segment, values):
    """Return the up to six triples of a CAS as dicts; amounts are Decimal."""
    found = []
    for element in range(2, min(len(segment), 20), 3):
        if not segment.get(element):
            continue
        amount = values.amount(segment, element + 1)
        if amount is None:
            if not segment.get(element + 1):
                detail = "An adjustment needs an amount."
                values.report(segment, element + 1, "required", detail)
            continue
        found.append(
            {
                "group": segment.get(1),
                "reason": segment.get(element),
                "amount": amount,
                "quantity": quantity(number(segment.get(element + 2))),
            }
        )
    return found


def _filled(members):
    return {name: value for name, value in members.items() if value}
