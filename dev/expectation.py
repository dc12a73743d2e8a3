"""What a feed must lead to: counts that reports and tests check against."""

from decimal import Decimal

from .feed import MALFORMED, PAYERS, SERVICES, SHORT, charged, name_of, unique


def expected(events):
    """Return what must exist when all is processed, whatever the order of arrival.

    :return: dict of counts: ``accepted``, ``rejected``, ``duplicate`` (receipts),
        ``patients``, ``coverages``, ``appointments`` ``{state: n}``, ``invoices``,
        ``invoiced`` (decimal string), ``payments``, ``paid`` (decimal string),
        ``shortages``, ``purchased`` ``{supply: quantity}``, ``exceptions``
        ``{category: n}``
    """
    once = unique(events)
    good = [event for event in once if not is_malformed(event)]
    patients = {}
    for event in good:
        if name_of(event) == "registration.created":
            coverages = event["data"].get("coverages", [])
            patients[_mrn(event)] = [one["payer"]["code"] for one in coverages]
    known = {mrn: len(p) for mrn, p in patients.items() if set(p) <= set(PAYERS)}
    visits = _visits(good, known)
    completions = [e for e in good if name_of(e) == "service.completed"]
    amounts = {_mrn(e): charged(e["data"]["charges"]) for e in completions}
    payments = {
        _mrn(e): Decimal(e["data"]["payment"]["amount"])
        for e in good
        if name_of(e) == "payment.received"
    }
    matched = {mrn: paid for mrn, paid in payments.items() if amounts.get(mrn) == paid}
    short = _shortages(visits)
    states = [visit["state"] for visit in visits.values()]
    denied = sum(name_of(event) == "authorization.denied" for event in good)
    unknown = {
        event["data"]["appointment"]["id"]
        for event in good
        if name_of(event) == "appointment.booked" and not _services_known(event)
    }
    exceptions = {
        "missing_payer": len(patients) - len(known),
        "unmapped_code": len(unknown),
        "authorization_gap": denied,
        "stock_shortage": len(short["appointments"]),
        "payment_mismatch": len(payments) - len(matched),
        "schema_mismatch": len(once) - len(good),
    }
    return {
        "accepted": len(good),
        "duplicate": sum(not is_malformed(event) for event in events) - len(good),
        "rejected": sum(map(is_malformed, events)),
        "patients": len(known),
        "coverages": sum(known.values()),
        "appointments": {state: states.count(state) for state in sorted(set(states))},
        "invoices": len(completions),
        "invoiced": str(sum(amounts.values(), Decimal("0.00"))),
        "payments": len(matched),
        "paid": str(sum(matched.values(), Decimal("0.00"))),
        "shortages": len(short["appointments"]),
        "purchased": short["quantities"],
        "exceptions": {name: n for name, n in exceptions.items() if n},
    }


def _visits(events, known):
    """Return ``{appointment id: {state, facility, services}}`` that can exist."""
    order = {"booked": 0, "confirmed": 1, "checked_in": 2, "completed": 3}
    visits = {}
    for event in sorted(events, key=lambda event: event["time"]):
        family, _, action = name_of(event).partition(".")
        data = event["data"]
        if _mrn(event) not in known:
            continue
        if family == "appointment" and _services_known(event):
            visit = visits.setdefault(data["appointment"]["id"], {"state": "booked"})
            visit["facility"] = data["facility"]
            visit["services"] = data["appointment"]["services"]
            if order.get(action, 9) >= order.get(visit["state"], 9):
                visit["state"] = action
        elif name_of(event) == "service.completed":
            visits[data["appointment_id"]]["state"] = "completed"
    return visits


def _shortages(visits):
    """Return which confirmed appointments lack supplies, and how much in all."""
    appointments, quantities = [], {}
    for number, visit in visits.items():
        if visit["state"] != "confirmed":
            continue
        lacking = {}
        for one in visit["services"]:
            for code, quantity in SERVICES[one["code"]][2].items():
                if (visit["facility"], code) in SHORT:
                    lacking[code] = lacking.get(code, 0) + quantity * one["quantity"]
        if lacking:
            appointments.append(number)
        for code, quantity in lacking.items():
            quantities[code] = quantities.get(code, 0) + quantity
    return {"appointments": appointments, "quantities": quantities}


def _services_known(event):
    return all(
        one["code"] in SERVICES for one in event["data"]["appointment"]["services"]
    )


def is_malformed(event):
    """Tell whether this is a feed's one unreadable event."""
    return event["id"].startswith(MALFORMED)


def _mrn(event):
    return event["data"]["patient"]["identifiers"][0]["value"]
