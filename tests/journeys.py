"""Random lawful journeys of patients: what a real hospital could have sent.

:func:`generate` draws a journey from a seed: events with times of their own, in the
order in which they happened. Tests play them in other orders, with repeats, and expect
the same documents. Nothing here knows Odoo.

Left out, because the order of arrival matters to them by their nature:

- Two services that compete for the last unit of a supply. What was handed out first
  is gone; the other one waits. Visits that only reserve do compete.
- Something refused for good (an unknown code) that a later event of the same subject
  replaces: refused first, it holds the later one back; arriving late, it only waits.
- Invoice numbers. Odoo draws them, so a sender learns them from the lawful order only.
- Two open bills of the same amount: which of them a payment settles is decided by what
  is open when it arrives.
- Two payments that together are more than what is open: which of them leaves a rest is
  decided by which comes first.
- More services than an authorization has units for: those that come first use them.
  Others that were billed are not taken back when an earlier one is told of.
- A refusal of an authorization nobody needs, or the end of one before a completion,
  that is told of after the service was billed: it does not take the bill back. A visit
  that needs an authorization keeps needing it, for the same reason.
- Coverage that is verified, changes or comes anew after a service was completed. Who is
  billed, and how the visit had been cleared, was decided with what was known.
"""

import itertools
import random
from datetime import datetime, timedelta

from .common import SYSTEM, event

START = datetime(2026, 3, 2, 8)
PAYERS = ("T-PAYER", "T-OTHER")
FACILITIES = ("T-EAST", "T-WEST")
SERVICES = {
    "T-CONSULT": {},
    "T-MRI": {"T-CONTRAST": 2, "T-GLOVES": 1},
    "T-SURGERY": {"T-GLOVES": 4},
}
NEED_AUTHORIZATION = ("T-SURGERY",)
SUPPLIES = ("T-CONTRAST", "T-GLOVES")
CURRENCY = "USD"


def generate(seed, currency=CURRENCY):
    """Return a :class:`Journey` of one to three patients, drawn from a seed."""
    return Journey(random.Random(seed), currency)


def disorders(events, rnd, count):
    """Return ``count`` ways in which the same events may arrive, as batches.

    The first is backwards, one by one; others are shuffled, with repeats under the same
    id, in batches of different sizes.
    """
    result = [[[one] for one in reversed(events)]]
    while len(result) < count:
        sent = [*events, *rnd.sample(events, rnd.randint(0, min(4, len(events))))]
        rnd.shuffle(sent)
        size = rnd.choice((1, 2, 3, 5, len(sent)))
        result.append([sent[at : at + size] for at in range(0, len(sent), size)])
    return result[:count]


class Journey:
    """Draws events. A thread is a generator of events that happen one after the other;
    the threads of a patient run side by side.
    """

    def __init__(self, rnd, currency):
        self.rnd, self.currency = rnd, currency
        self.now = START
        self.events, self.prices = [], set()
        self.facility = rnd.choice(FACILITIES)
        self.spare = {
            key: rnd.choice((0, 1, 4, 50))
            for key in itertools.product(FACILITIES, SUPPLIES)
        }
        people = [
            Person(number, rnd)
            for number in range(rnd.choices((1, 2, 3), (6, 3, 1))[0])
        ]
        threads = [self._life(person) for person in people]
        self._run(threads)

    def _run(self, threads):
        """Take events from threads in turns at random, with the time going on."""
        threads = list(threads)
        while threads:
            thread = self.rnd.choice(threads)
            made = next(thread, None)
            if made is None:
                threads.remove(thread)
            elif isinstance(made, list):
                threads += made
            else:
                self.events.append(made)

    def stock(self):
        """Return ``{(facility, supply): quantity}``: what services use and a little.

        So visits compete for the rest, and give way to services that were performed.
        """
        used = dict.fromkeys(itertools.product(FACILITIES, SUPPLIES), 0)
        for one in self.events:
            if not one["type"].startswith("healthcare.service.completed"):
                continue
            data = one["data"]
            lines = data.get("consumables") or [
                {"code": code, "quantity": quantity * charge["quantity"]}
                for charge in data["charges"]
                for code, quantity in SERVICES[charge["code"]].items()
            ]
            for line in lines:
                used[data["facility"], line["code"]] += line["quantity"]
        return {key: used[key] + self.spare[key] for key in used}

    # -- drawing ----------------------------------------------------------------

    def chance(self, share):
        return self.rnd.random() < share

    def price(self):
        """Return an amount not drawn before, so that no two bills are alike."""
        while True:
            price = self.rnd.randint(5000, 90000)
            if price not in self.prices:
                self.prices.add(price)
                return price

    def tell(self, name, person, data, facility=None):
        """Return the next event; the time goes on by minutes or a day."""
        self.now += timedelta(minutes=self.rnd.choice((1, 7, 45, 300, 1500)))
        content = {"facility": facility or self.facility}
        if person:
            content["patient"] = person.reference(self.rnd)
        content.update(data)
        number = len(self.events)
        kind = name.split(".", 1)
        return event(
            name,
            content,
            id=f"{number:02d}-{kind[0]}-{kind[1]}",
            time=text(self.now),
        )

    # -- a patient --------------------------------------------------------------

    def _life(self, person):
        """Registration first, then everything else side by side."""
        yield self._registration("created", person)
        person.registered = True
        threads = [self._demographics(person)]
        count = self.rnd.choices((0, 1, 2), (1, 6, 3))[0]
        for number in range(count):
            if self.chance(0.2):
                threads.append(self._walk_in(person, f"{person.mrn}-{number}"))
            else:
                threads += self._visit(person, f"{person.mrn}-{number}")
        if self.chance(0.2):
            threads.append(self._second_account(person))
        yield threads

    def _registration(self, kind, person, **patient):
        """Created or updated: both carry the whole list of coverages."""
        return self.tell(
            f"registration.{kind}",
            None,
            {
                "patient": {
                    "identifiers": [{"system": SYSTEM, "value": person.mrn}],
                    "name": {"family": person.family, "given": ["Ada"]},
                    "birth_date": person.born,
                    **patient,
                },
                "account_number": person.account,
                **(
                    {
                        "coverages": [
                            {
                                "payer": {"code": payer},
                                "member_id": f"M-{payer}-{person.number}",
                                "priority": priority,
                            }
                            for priority, payer in enumerate(person.payers, 1)
                        ]
                    }
                    if person.payers
                    else {}
                ),
            },
        )

    def _demographics(self, person):
        """Address and telephone change; the payer answers before any completion."""
        for _turn in range(self.rnd.randint(0, 3)):
            what = self.rnd.choice(("phone", "address", "verified", "guarantor"))
            if what == "phone":
                phones = [f"+1 555 01{self.rnd.randint(10, 99)}"]
                yield self._registration("updated", person, phones=phones)
            elif what == "address":
                address = {
                    "lines": [f"{self.rnd.randint(1, 99)} Main Street"],
                    "city": "Springfield",
                }
                yield self._registration("updated", person, address=address)
            elif what == "guarantor":
                made = self._registration("updated", person)
                made["data"]["guarantor"] = {
                    "name": {"family": person.family, "given": ["Guarantor"]}
                }
                yield made
            elif person.payers and not person.served:
                payer = self.rnd.choice(person.payers)
                status = self.rnd.choices(("active", "inactive"), (4, 1))[0]
                person.answers[payer] = status
                yield self.tell(
                    "coverage.verified",
                    person,
                    {
                        "coverage": {
                            "payer": {"code": payer},
                            "member_id": f"M-{payer}-{person.number}",
                            "status": status,
                            "copay": "25.00",
                        },
                        "verified_at": text(self.now),
                    },
                )

    def _second_account(self, person):
        """The same person under a second number, found out and merged later."""
        other = Person(person.number, self.rnd, "B")
        other.payers = person.payers
        yield self._registration("created", other)
        if self.chance(0.5):
            yield [
                self._walk_in(other, f"{other.mrn}-W"),
                self._merge(person, other),
            ]
        else:
            yield [self._merge(person, other)]

    def _merge(self, person, other):
        made = self.tell(
            "patient.merged",
            None,
            {
                "survivor": {"identifiers": [{"system": SYSTEM, "value": person.mrn}]},
                "retired": {"identifiers": [{"system": SYSTEM, "value": other.mrn}]},
            },
        )
        # From now on the sender may still use the old number.
        person.numbers.append(other.mrn)
        yield made

    # -- visits -----------------------------------------------------------------

    def _visit(self, person, number):
        """Return the threads of a visit."""
        visit = Visit(f"V-{number}", person, self)
        threads = [self._appointment(visit)]
        if visit.needs or self.chance(0.25):
            threads.append(self._authorization(visit))
        if self.chance(0.25):
            threads.append(self._order(visit, f"O-{number}"))
        return threads

    def _appointment(self, visit):
        yield self._scheduled("booked", visit)
        for _turn in range(self.rnd.choices((0, 1, 2), (6, 3, 1))[0]):
            visit.change(self)
            yield self._scheduled("updated", visit)
        if self.chance(0.85):
            yield self._scheduled("confirmed", visit)
            if self.chance(0.25):
                visit.change(self)
                yield self._scheduled("updated", visit)
            if self.chance(0.4):
                yield self._scheduled("checked_in", visit)
        if visit.late:
            yield self._scheduled("no_show", visit)
            yield self._scheduled("checked_in", visit)
        if visit.end == "completed":
            yield from self._service(visit.person, visit.number, visit)
        elif visit.end != "open":
            yield self._scheduled(visit.end, visit)

    def _scheduled(self, kind, visit):
        return self.tell(
            f"appointment.{kind}",
            visit.person,
            {
                "appointment": {
                    "id": visit.number,
                    "start": text(visit.start),
                    "services": [
                        {"code": code, "quantity": quantity}
                        for code, quantity in visit.services.items()
                    ],
                    **({"self_pay": True} if visit.self_pay else {}),
                }
            },
            visit.facility,
        )

    def _authorization(self, visit):
        choices = [("approved",), ("requested", "approved"), ("requested",)]
        if visit.needs:
            choices += [("requested", "denied"), ("requested", "denied", "approved")]
        if visit.end != "completed":
            choices.append(("approved", "expired"))
        for state in self.rnd.choice(choices):
            yield self.tell(
                f"authorization.{state}",
                visit.person,
                {
                    "authorization": {"number": f"A-{visit.number}"},
                    "appointment_id": visit.number,
                    "payer": {"code": (visit.person.payers or PAYERS)[0]},
                },
                visit.facility,
            )

    def _order(self, visit, number):
        yield self.tell(
            "service.ordered",
            visit.person,
            {
                "order": {
                    "id": number,
                    "services": [
                        {"code": self.rnd.choice(sorted(SERVICES)), "quantity": 1}
                    ],
                },
                "appointment_id": visit.number,
            },
            visit.facility,
        )

    def _walk_in(self, person, number):
        yield from self._service(person, f"W-{number}", None)

    # -- money ------------------------------------------------------------------

    def _service(self, person, number, visit):
        """A completed service, then its claim and payments."""
        codes = (
            list(visit.services) if visit else [self.rnd.choice(("T-CONSULT", "T-MRI"))]
        )
        charges = [
            {"code": code, "quantity": 1, "unit_price": amount(self.price())}
            for code in codes
        ]
        total = sum(cents(charge["unit_price"]) for charge in charges)
        data = {
            "service": {"id": f"S-{number}", "performed_at": text(self.now)},
            "charges": charges,
        }
        if self.chance(0.4):
            data["consumables"] = [
                {"code": self.rnd.choice(SUPPLIES), "quantity": self.rnd.randint(1, 3)}
            ]
        if visit:
            data["appointment_id"] = visit.number
        person.served = True
        made = self.tell(
            "service.completed", person, data, visit.facility if visit else None
        )
        yield made
        if self.chance(0.15):
            # The sender tells of it once more, by another event.
            again = self.tell("service.completed", None, made["data"])
            yield {**again, "id": f"{made['id']}~2"}
        if not person.payers or (visit and visit.self_pay):
            yield from self._patient_pays(person, f"{number}", total)
        elif self.chance(0.8):
            yield from self._claim(person, number, total)

    def _claim(self, person, number, charged):
        claim = f"C-{number}"
        payer = person.payer()
        if self.chance(0.8):
            yield self._claimed("submitted", person, claim, payer, charged)
        if self.chance(0.25):
            yield self._claimed(
                "denied",
                person,
                claim,
                payer,
                charged,
                adjustments=[
                    {"group": "CO", "reason": "16", "amount": amount(charged)}
                ],
            )
            if self.chance(0.3):
                return
            yield self._claimed("submitted", person, claim, payer, charged)
        paid, share = yield from self._decision(person, claim, payer, charged)
        if self.chance(0.15):
            yield self._claimed(
                "adjudicated", person, claim, payer, charged, paid=f"-{amount(paid)}"
            )
            if self.chance(0.5):
                return
            paid, share = yield from self._decision(person, claim, payer, charged)
        if self.chance(0.6):
            bank = self._paid(
                "received",
                None,
                f"B-{number}",
                paid,
                "payer",
                [{"claim_id": claim, "amount": amount(paid)}],
                payer,
            )
            yield bank
        if share and self.chance(0.7):
            yield from self._patient_pays(person, number, share)

    def _decision(self, person, claim, payer, charged):
        """The payer's decision, balanced to the cent; returns ``(paid, share)``."""
        written_off = self.rnd.randint(0, charged // 3)
        share = self.rnd.choice((0, self.rnd.randint(1, charged // 4)))
        paid = charged - written_off - share
        adjustments = [
            {"group": group, "reason": reason, "amount": amount(value)}
            for group, reason, value in (("CO", "45", written_off), ("PR", "3", share))
            if value
        ]
        yield self._claimed(
            "adjudicated",
            person,
            claim,
            payer,
            charged,
            paid=amount(paid),
            patient_responsibility=amount(share),
            adjustments=adjustments,
        )
        return paid, share

    def _claimed(self, kind, person, claim, payer, charged, **more):
        return self.tell(
            f"claim.{kind}",
            person,
            {
                "claim": {"id": claim, "charged": amount(charged), **more},
                "payer": {"code": payer},
            },
        )

    def _patient_pays(self, person, number, value):
        allocations = self.rnd.choice(
            (None, [{"account_number": person.account, "amount": amount(value)}])
        )
        made = self._paid(
            "received", person, f"P-{number}", value, "patient", allocations
        )
        yield made
        if self.chance(0.25):
            yield self.tell("payment.reversed", None, made["data"])
            if self.chance(0.5):
                yield self._paid(
                    "received", person, f"Q-{number}", value, "patient", allocations
                )

    def _paid(self, kind, person, number, value, by, allocations, payer=None):
        return self.tell(
            f"payment.{kind}",
            person,
            {
                "payment": {
                    "id": number,
                    "amount": amount(value),
                    "currency": self.currency,
                    "paid_at": text(self.now),
                    "payer_type": by,
                    **({"payer": {"code": payer}} if payer else {}),
                },
                **({"allocations": allocations} if allocations else {}),
            },
        )


class Person:
    """A patient as the sender knows them."""

    def __init__(self, number, rnd, suffix=""):
        self.number = number
        self.mrn = f"J{number}{suffix}"
        self.account = f"ACC-{self.mrn}"
        self.family = f"{('Quill', 'Marlow', 'Osterhagen')[number]}{suffix}"
        self.born = f"19{51 + 13 * number}-0{number + 1}-{10 + number}"
        self.numbers = [self.mrn]
        self.payers = rnd.choices(
            ((PAYERS[0],), PAYERS, tuple(reversed(PAYERS)), ()), (6, 2, 1, 1)
        )[0]
        self.answers, self.served = {}, False

    def reference(self, rnd):
        return {"identifiers": [{"system": SYSTEM, "value": rnd.choice(self.numbers)}]}

    def payer(self):
        """Return who is billed: the first whose answer is not that it does not pay."""
        return next(
            (one for one in self.payers if self.answers.get(one) != "inactive"),
            self.payers[0],
        )


class Visit:
    """A visit as the sender knows it."""

    def __init__(self, number, person, journey):
        self.number, self.person = number, person
        self.self_pay = journey.chance(0.8 if not person.payers else 0.05)
        self.facility = journey.facility
        self.needs = journey.chance(0.4)
        self.end = journey.rnd.choices(
            ("completed", "cancelled", "no_show", "open"), (6, 2, 1, 2)
        )[0]
        self.late = self.end == "no_show" and journey.chance(0.4)
        if self.late:  # seemed not to come, and came after all
            self.end = "completed"
        self._draw_services(journey)
        self._draw_start(journey)

    def _draw_services(self, journey):
        free = sorted(set(SERVICES) - set(NEED_AUTHORIZATION))
        codes = journey.rnd.sample(free, journey.rnd.choice((1, 1, 2)))
        if self.needs:
            codes = [*NEED_AUTHORIZATION, *codes[1:]]
        self.services = {code: journey.rnd.choice((1, 1, 2)) for code in codes}

    def _draw_start(self, journey):
        self.start = START + timedelta(days=20, hours=journey.rnd.randint(0, 400))

    def change(self, journey):
        """Move the visit in time, to another place, or have other services."""
        what = journey.rnd.choice(("start", "start", "services", "facility"))
        if what == "start":
            self._draw_start(journey)
        elif what == "services":
            self._draw_services(journey)
        else:
            self.facility = journey.rnd.choice(FACILITIES)


def text(moment):
    """Return an RFC 3339 time."""
    return f"{moment.isoformat()}Z"


def amount(value):
    """Return cents as a decimal string."""
    return f"{value // 100}.{value % 100:02d}"


def cents(money):
    return int(money.replace(".", ""))
