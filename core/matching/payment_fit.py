"""How well a payment fits invoices: points, and the reasons they are given for.

Pure and deterministic, so that the same open invoices are suggested in the same order.
"""

import itertools
import re
from collections import namedtuple

#: What is known of a payment. ``amount`` in cents; ``numbers`` are texts that may be
#: invoice numbers; ``side`` is ``payer`` or ``patient``; the rest are ids or ``None``.
Wanted = namedtuple("Wanted", "amount date numbers patient payer side")
#: An open invoice; ``open`` in cents.
Invoice = namedtuple("Invoice", "id number open date patient partner side")
#: ``shares`` are pairs of an invoice id and cents, ``reasons`` pairs (key, value).
Fit = namedtuple("Fit", "score shares reasons")

LEAST = 30
MOST_COMBINED = 12  # invoices of which sums are tried: 286 sums of two or three


def normalized(number):
    """Return the parts of a number as all write them: ``INV/26/007`` as ``inv-26-7``.

    Signs between the parts, letter case and leading zeros differ by who writes it.
    """
    parts = re.findall(r"[a-z]+|\d+", number.lower())
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)


def swapped(one, other):
    """Return whether two texts differ by one wrong digit or two swapped neighbours."""
    if len(one) != len(other):
        return False
    places = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(places) == 1:
        return one[places[0]].isdigit() and other[places[0]].isdigit()
    if len(places) != 2:
        return False
    first, second = places
    return (
        second == first + 1
        and one[first] == other[second]
        and one[second] == other[first]
    )


def rank(wanted, invoices, most=5):
    """Return the best fits, the best first.

    :param invoices: open :class:`Invoice` ones, of any patient and payer
    """
    fits = [fit for one in invoices if (fit := _single(wanted, one))]
    fits += _sums(wanted, invoices)
    fits = [fit for fit in fits if fit.score >= LEAST]
    fits.sort(key=lambda fit: (-fit.score, len(fit.shares), fit.shares))
    return fits[:most]


def _single(wanted, invoice):
    points, reasons = _number(wanted, invoice)
    whose, of_whom = _people(wanted, invoice)
    if wanted.amount == invoice.open:
        points += 40
        reasons.append(("amount", None))
    elif not points and not (wanted.patient and wanted.patient == invoice.patient):
        return None
    elif wanted.amount < invoice.open:
        points += 8
        reasons.append(("part", None))
    else:
        points += 4
        reasons.append(("rest", None))
    closeness, days = _closeness(wanted, invoice)
    share = min(wanted.amount, invoice.open)
    return Fit(
        points + whose + closeness, ((invoice.id, share),), [*reasons, *of_whom, *days]
    )


def _sums(wanted, invoices):
    """Yield fits of two or three invoices of one owner that add up to the payment."""
    mine = [
        one
        for one in invoices
        if one.open < wanted.amount
        and (
            (wanted.patient and one.patient == wanted.patient)
            or (wanted.payer and one.partner == wanted.payer)
        )
    ]
    mine.sort(key=lambda one: (-_people(wanted, one)[0], -_closeness(wanted, one)[0]))
    for count in (2, 3):
        for ones in itertools.combinations(mine[:MOST_COMBINED], count):
            if sum(one.open for one in ones) != wanted.amount:
                continue
            if len({one.partner for one in ones}) > 1:
                continue
            whose, of_whom = min(_people(wanted, one) for one in ones)
            closeness, days = min(_closeness(wanted, one) for one in ones)
            yield Fit(
                30 + whose + closeness,
                tuple(sorted((one.id, one.open) for one in ones)),
                [("sum", count), *of_whom, *days],
            )


def _number(wanted, invoice):
    for number in wanted.numbers:
        if normalized(number) == normalized(invoice.number):
            return 50, [("number", None)]
    for number in wanted.numbers:
        if swapped(number.lower(), invoice.number.lower()):
            return 40, [("typo", None)]
    return 0, []


def _people(wanted, invoice):
    points, reasons = 0, []
    if wanted.patient and wanted.patient == invoice.patient:
        points += 25
        reasons.append(("patient", None))
    if wanted.payer and wanted.payer == invoice.partner:
        points += 20
        reasons.append(("payer", None))
    if wanted.side and invoice.side and wanted.side != invoice.side:
        points -= 15
        reasons.append(("side", invoice.side))
    return points, reasons


def _closeness(wanted, invoice):
    days = (wanted.date - invoice.date).days
    return max(0, 10 - abs(days) // 9), [("days", days)]
