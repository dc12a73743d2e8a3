"""A specialty provider's day as events: the demo's feed, and the tests'.

Nothing in it depends on the clock or the machine: the same arguments give the same
events. Names, numbers and addresses are made of rare strings, so that finding one
of them anywhere means that patient data got there.

The documents it leads to do not depend on the order of arrival: supplies that are
short are short for everybody, and no payment could be for two invoices.
"""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

SOURCE = "urn:demo:access"
SYSTEM = "urn:demo:mrn"
DAY = date(2026, 3, 2)
FACILITIES = ("NORTH", "SOUTH")
PAYERS = ("PAYER-A", "PAYER-B", "PAYER-C")
UNKNOWN_PAYER = "PAYER-Z"
UNKNOWN_SERVICE = "PET-WHOLE"

#: code: (list price, needs authorization, {supply: quantity}), as in demo/*.xml
SERVICES = {
    "CONSULT": ("120.00", False, {"GLOVE": 2}),
    "MRI-KNEE": ("640.00", True, {"CONTRAST": 1, "IVSET": 1}),
    "ECHO": ("310.00", False, {"GEL": 1, "ELECTRODE": 4}),
    "INFUSION": ("450.00", False, {"IVSET": 1, "SALINE": 2, "BIOLOGIC": 1}),
    "ECG": ("85.00", False, {"ELECTRODE": 10}),
    "LAB-PANEL": ("75.00", False, {"TUBE": 3, "GLOVE": 2}),
    "XRAY-CHEST": ("95.00", False, {"GOWN": 1}),
    "HOLTER": ("180.00", False, {"ELECTRODE": 5, "BATTERY": 1}),
    "CT-ABDOMEN": ("520.00", False, {"CONTRAST": 2, "IVSET": 1}),
    "WOUND-CARE": ("140.00", False, {"DRESSING": 3, "GLOVE": 4}),
    "MRI-BRAIN": ("780.00", True, {"CONTRAST": 2, "IVSET": 1}),
    "VACCINATION": ("45.00", False, {"VACCINE": 1, "GLOVE": 2}),
}
#: id of the event that cannot be read
MALFORMED = "demo-malformed"
#: supplies with no stock at all
SHORT = {("SOUTH", "BIOLOGIC"), ("NORTH", "BATTERY")}

_ONSETS = ("Qu", "Zw", "Vr", "Thr", "Xy", "Kj", "Bly", "Dwo", "Phl", "Szy", "Gwe")
_MIDDLES = ("ombe", "arni", "elko", "izze", "undra", "yrva", "oxa", "ebbo", "uffi")
_ENDS = ("lthorne", "kwist", "bjorg", "mpfell", "ndrake", "vossky", "ghurst", "zzard")
_GIVEN_ENDS = ("lindra", "xander", "bertje", "wynne", "rick", "sabeth")


def generate(seed=2026, patients=60, day=DAY, troubles=True, first=0):
    """Return the envelopes of one day in the order in which they are sent.

    :param seed: of all that is drawn
    :param patients: at least 12, so that every trouble has a patient of its own
    :param day: all event times are on it
    :param troubles: with resends, events out of order, and events that must end as
        exceptions
    :return: list of CloudEvents envelopes (dict); resends repeat one as it is
    """
    if troubles and patients < 12:
        raise ValueError("troubles need at least 12 patients")
    rng = random.Random(seed)
    maker = _Maker(seed, day, patients)
    names = _names(rng, 2 * patients)
    for index in range(patients):
        who = _patient(rng, index, names, day, first)
        maker.visit(who, _fate(index, patients, troubles))
    events = sorted(maker.events, key=lambda event: (event["time"], event["id"]))
    if troubles:
        events = _trouble(rng, events)
    return events


def _fate(index, patients, troubles):
    last = patients - 1 - index
    if troubles and last < 4:
        return ("unknown_payer", "unknown_service", "denied", "stray_payment")[last]
    gone = "no_show" if index % 20 > 9 else "cancelled"
    fates = ("paid",) * 6 + ("unpaid", "confirmed", gone, "paid_two")
    return fates[index % 10]


def _names(rng, count):
    """Return so many different rare names."""
    names = [a + b + c for a in _ONSETS for b in _MIDDLES for c in _ENDS]
    rng.shuffle(names)
    while len(names) < count:
        names += [f"{name}{_MIDDLES[len(names) % 9]}" for name in names]
    return names[:count]


def _patient(rng, index, names, day, first):
    """Draw one patient: what a registration says, and how the visit is paid."""
    family = names[2 * index]
    given = rng.choice(_ONSETS) + rng.choice(_MIDDLES) + rng.choice(_GIVEN_ENDS)
    born = day.replace(day=1) - timedelta(days=rng.randint(20 * 365, 95 * 365))
    number = 10000 + first + index
    self_pay = index % 7 == 6
    patient = {
        "identifiers": [
            {"system": SYSTEM, "value": f"MRNQ{rng.randint(0, 9)}{number}"}
        ],
        "name": {"family": family, "given": [given]},
        "birth_date": born.isoformat(),
        "sex": rng.choice(("female", "male")),
        "phones": [f"+1 617 {number} {rng.randint(100, 999)}"],
        "emails": [f"{given}.{family}@patients.example".lower()],
        "address": {
            "lines": [f"{rng.randint(1000, 9999)} {names[2 * index + 1]} Lane"],
            "city": "Boston",
            "state": "MA",
            "postal_code": f"02{rng.randint(100, 199)}",
            "country": "US",
        },
    }
    coverages = [] if self_pay else [_coverage(rng, number, index % 3, 1)]
    if coverages and index % 9 == 4:
        coverages.append(_coverage(rng, number, (index + 1) % 3, 2))
    return {
        "index": index,
        "patient": patient,
        "reference": {"identifiers": patient["identifiers"]},
        "account": f"ACCQ-{number}-{rng.randint(100, 999)}",
        "coverages": coverages,
        "self_pay": self_pay,
        "facility": FACILITIES[(index + index // 12) % 2],
        "service": list(SERVICES)[index % len(SERVICES)],
        "guarantor": index % 11 == 8,
        "moved": index % 15 == 3,
    }


def _coverage(rng, number, payer, priority):
    return {
        "payer": {"code": PAYERS[payer]},
        "member_id": f"MBRQ{number}-{priority}{rng.randint(1000, 9999)}",
        "group_number": f"GRP-{payer + 1}",
        "plan": ("Gold", "Silver", "Basic")[payer],
        "priority": priority,
        "relationship": "self",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    }


class _Maker:
    """Collects the events of all visits."""

    def __init__(self, seed, day, patients):
        self.seed = seed
        self.start = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        self.step = timedelta(hours=3) / max(patients, 1)
        self.events = []

    def visit(self, who, fate):
        """Make the events of one patient's visit."""
        index = who["index"]
        # the day: registered from 6, seen from 9, paid for until 18
        self.clock = self.start + index * self.step
        self.who = who
        if fate == "unknown_payer":
            who["coverages"] = [_coverage(random.Random(index), 99000 + index, 0, 1)]
            who["coverages"][0]["payer"] = {"code": UNKNOWN_PAYER}
            who["self_pay"] = False
        elif fate == "unknown_service":
            who["service"] = UNKNOWN_SERVICE
        elif fate == "denied":
            who.update(service="MRI-KNEE", self_pay=False)
            if not who["coverages"]:
                rng = random.Random(index)
                who["coverages"] = [_coverage(rng, 99000 + index, 0, 1)]
        self._register()
        service = who["service"]
        services = [{"code": service, "quantity": 1}]
        if fate == "paid_two":
            services.append({"code": "CONSULT", "quantity": 1})
        if _is_short(who["facility"], services) and fate != "denied":
            # who has no supplies waits for them
            fate = "confirmed" if fate in _SEEN | _GONE else fate
        seen = self.start + timedelta(hours=3) + index * self.step
        appointment = self._appointment(index, seen, services)
        self._emit("appointment.booked", appointment, minutes=2)
        self._authorize(appointment, denied=fate == "denied")
        if fate in _GONE:
            self._emit(f"appointment.{fate}", appointment, minutes=60)
            return
        self._emit("appointment.confirmed", appointment, minutes=10)
        if fate == "stray_payment":
            self._pay("333.33", minutes=90)
        if fate in _SEEN:
            self._treat(appointment, services, seen, fate)

    def _register(self):
        who, data = self.who, {"account_number": self.who["account"]}
        data["patient"] = who["patient"]
        if who["coverages"]:
            data["coverages"] = who["coverages"]
        if who["guarantor"]:
            family = who["patient"]["name"]["family"]
            data["guarantor"] = {
                "name": {"family": family, "given": ["Guarantorix"]},
                "relationship": "parent",
            }
        self._emit("registration.created", data, minutes=0)
        if who["moved"]:
            lines = [f"{8000 + who['index']} {who['patient']['name']['family']}gate"]
            address = {**who["patient"]["address"], "lines": lines}
            patient = {**who["patient"], "address": address}
            data = {"account_number": who["account"], "patient": patient}
            self._emit("registration.updated", data, minutes=1)
        for coverage in who["coverages"][:1]:
            if coverage["payer"]["code"] in PAYERS:
                verified = {
                    "payer": coverage["payer"],
                    "member_id": coverage["member_id"],
                    "status": "active",
                    "period": coverage["period"],
                    "copay": "25.00",
                }
                data = {"coverage": verified, "verified_at": _text(self.clock)}
                self._emit("coverage.verified", data, minutes=1)

    def _appointment(self, index, seen, services):
        values = {
            "id": f"APT-{self.seed}-{index:05d}",
            "start": _text(seen),
            "end": _text(seen + timedelta(minutes=45)),
            "services": services,
            "location": f"Room {index % 5 + 1}",
            "provider": ("Dr. Adams", "Dr. Brook", "Dr. Chen")[index % 3],
        }
        if self.who["self_pay"]:
            values["self_pay"] = True
        return {"appointment": values}

    def _authorize(self, appointment, denied):
        services = appointment["appointment"]["services"]
        if not self.who["coverages"] or not any(
            SERVICES[one["code"]][1] for one in services if one["code"] in SERVICES
        ):
            return
        number = f"AUTH-{self.seed}-{self.who['index']:05d}"
        data = {
            "authorization": {"number": number, "services": services},
            "appointment_id": appointment["appointment"]["id"],
            "payer": self.who["coverages"][0]["payer"],
        }
        self._emit("authorization.requested", data, minutes=1)
        if denied:
            reason = "Not medically necessary"
            answer = {**data["authorization"], "reason": reason}
        else:
            answer = {**data["authorization"], "units": 1}
        kind = "authorization.denied" if denied else "authorization.approved"
        self._emit(kind, {**data, "authorization": answer}, minutes=3)

    def _treat(self, appointment, services, seen, fate):
        who, index = self.who, self.who["index"]
        self.clock = seen
        self._emit("appointment.checked_in", appointment, minutes=-5)
        self.clock = seen
        charges, consumables = [], {}
        for one in services:
            charge = {"code": one["code"], "quantity": one["quantity"]}
            if who["coverages"] and who["coverages"][0]["payer"]["code"] == "PAYER-B":
                price = Decimal(SERVICES[one["code"]][0]) * Decimal("0.85")
                charge["unit_price"] = f"{price:.2f}"
            charges.append(charge)
            for code, quantity in SERVICES[one["code"]][2].items():
                consumables[code] = consumables.get(code, 0) + quantity
        if index % 11 == 2:
            consumables["GOWN"] = consumables.get("GOWN", 0) + 1  # not planned
        used = [
            {"code": code, "quantity": quantity}
            for code, quantity in consumables.items()
        ]
        if index % 13 == 5:
            used[0] = {**used[0], "quantity": used[0]["quantity"] + 1, "wasted": "1"}
        data = {
            "service": {
                "id": f"SVC-{self.seed}-{index:05d}",
                "performed_at": _text(self.clock + timedelta(minutes=30)),
                "provider": appointment["appointment"]["provider"],
            },
            "appointment_id": appointment["appointment"]["id"],
            "charges": charges,
            "consumables": used,
        }
        self._emit("service.completed", data, minutes=40)
        if fate != "unpaid":
            self._pay(str(charged(charges)), minutes=60)

    def _pay(self, amount, minutes):
        who = self.who
        by_payer = bool(who["coverages"])
        payment = {
            "id": f"PAY-{self.seed}-{who['index']:05d}",
            "amount": amount,
            "currency": "USD",
            "paid_at": _text(self.clock + timedelta(minutes=minutes)),
            "method": "eft" if by_payer else "card",
            "payer_type": "payer" if by_payer else "patient",
        }
        if by_payer:
            payment["payer"] = who["coverages"][0]["payer"]
        allocation = {"account_number": who["account"], "amount": amount}
        data = {"payment": payment, "allocations": [allocation]}
        self._emit("payment.received", data, minutes=minutes)

    def _emit(self, name, data, minutes):
        self.clock += timedelta(minutes=minutes)
        number = len(self.events)
        facility = self.who["facility"]
        self.events.append(
            {
                "specversion": "1.0",
                "id": f"demo-{self.seed}-{number:06d}",
                "source": SOURCE,
                "type": f"healthcare.{name}.v1",
                "time": _text(self.clock + timedelta(milliseconds=number)),
                "datacontenttype": "application/json",
                "data": {
                    "facility": facility,
                    "patient": self.who["reference"],
                    **data,
                },
            }
        )


_SEEN = {"paid", "paid_two", "unpaid"}
_GONE = {"cancelled", "no_show"}


def _trouble(rng, events):
    """Resend some, delay some, and put one in that cannot be read."""
    # late: what others already speak of
    late = [e for e in events if name_of(e) == "registration.created"][5::17]
    late += [e for e in events if name_of(e) == "service.completed"][3::11]
    for event in late:
        place = events.index(event)
        events.insert(place + rng.randint(60, 120), event)
        del events[place]
    # early: a payment before what it pays for
    for event in [e for e in events if name_of(e) == "payment.received"][2::13]:
        place = events.index(event)
        events.insert(max(place - rng.randint(30, 90), 0), events.pop(place))
    for event in rng.sample(events, 12):
        place = events.index(event) + rng.randint(1, 40)
        events.insert(place, event)
    malformed = {
        "specversion": "1.0",
        "id": MALFORMED,
        "source": SOURCE,
        "type": "healthcare.registration.created.v1",
        "time": events[0]["time"],
        "data": {
            "facility": "NORTH",
            "patient": {
                "identifiers": [{"system": SYSTEM, "value": "MRNQX-MALFORMED"}],
                "name": {"family": "Wrzzbaldersen", "given": "Ottokarius"},
                "birth_date": "31 Feb 1958",
            },
        },
    }
    events.insert(len(events) // 3, malformed)
    return events


def unique(events):
    """Return the events without resends, by id, in order of first arrival."""
    found = {}
    for event in events:
        found.setdefault(event["id"], event)
    return list(found.values())


def charged(charges):
    """Return the sum of charges, by their own price or the list price."""
    total = Decimal(0)
    for one in charges:
        price = Decimal(one.get("unit_price") or SERVICES[one["code"]][0])
        total += price * Decimal(str(one["quantity"]))
    return total.quantize(Decimal("0.01"))


def phi_strings(events):
    """Return what of the events must not be found outside the patients' documents."""
    found = set()
    for event in events:
        data = event["data"]
        patient = data.get("patient") or {}
        found |= {one["value"] for one in patient.get("identifiers", ())}
        people = [patient, data.get("guarantor") or {}]
        for name in (one["name"] for one in people if "name" in one):
            given = name["given"]
            found |= {name["family"], *([given] if isinstance(given, str) else given)}
        found |= {patient["birth_date"]} if "birth_date" in patient else set()
        found |= set(patient.get("phones", ())) | set(patient.get("emails", ()))
        found |= {phone.replace(" ", "") for phone in patient.get("phones", ())}
        found |= set((patient.get("address") or {}).get("lines", ()))
        found |= {data["account_number"]} if "account_number" in data else set()
        covers = [*data.get("coverages", ()), data.get("coverage") or {}]
        found |= {one["member_id"] for one in covers if one}
    return found


def _is_short(facility, services):
    return any(
        (facility, supply) in SHORT
        for one in services
        if one["code"] in SERVICES
        for supply in SERVICES[one["code"]][2]
    )


def name_of(event):
    """Return the short name of an event's type, e.g. ``appointment.booked``."""
    return event["type"].removeprefix("healthcare.").removesuffix(".v1")


def _text(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
