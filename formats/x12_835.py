"""X12 835 (005010X221): a remittance as named JSON, with its balance rules.

::

    {"remittance": {"id", "trace", "originator", "amount", "received", "currency",
                    "method", "handling", "date", "production_date"},
     "payer": {"code", "name", "id", "references", …}, "payee": {…},
     "claims": [claim], "provider_adjustments": [{"provider", "fiscal_date",
                    "reason", "reference", "amount"}],
     "totals": {"claims", "provider_adjustments"},
     "allocations": [{"claim_id", "amount"}]}

    claim = {"id", "status", "outcome": "adjudicated" | "denied" | "reversed",
             "charged", "paid", "patient_responsibility", "reversed_amount",
             "filing", "payer_control", "frequency", "patient", "insured",
             "corrected", "provider", "crossover", "other_payer", "dates",
             "references", "amounts", "remarks", "all_remarks", "adjustments",
             "all_adjustments", "services": [service]}
    service = {"code", "qualifier", "modifiers", "charged", "paid", "units", "dates",
               "references", "amounts", "remarks", "adjustments"}

Amounts are canonical texts. ``all_`` gathers claim and services. Dates and amounts are
keyed by their qualifier (``dates."232"``), as are references.

Balance (TR3, 1.10.2): BPR02 = ΣCLP04 − ΣPLB; CLP03 − ΣCAS = CLP04; SVC02 − ΣCAS =
SVC03; ΣPR against CLP05. A remittance out of balance is refused as a whole by nobody
here: it is reported, and what to do about money is decided where it is booked.
"""

import hashlib
from decimal import Decimal

from ..core import strict_json
from .x12_segments import problem
from .x12_values import (
    ZERO,
    Values,
    adjustments,
    describe,
    money,
    number,
    party,
    person,
    quantity,
    reference,
)

_PEOPLE = {
    "QC": "patient",
    "IL": "insured",
    "74": "corrected",
    "82": "provider",
    "TT": "crossover",
    "PR": "other_payer",
    "GB": "other_insured",
}
_METHODS = {"ACH": "eft", "FWT": "wire", "BOP": "eft", "CHK": "check", "NON": "none"}
_DETAILS = {
    "remittance_out_of_balance": "BPR02 is not the sum of CLP04 less that of PLB.",
    "claim_out_of_balance": "CLP03 less the adjustments (CAS) is not CLP04.",
    "service_out_of_balance": "SVC02 less the adjustments (CAS) is not SVC03.",
    "patient_responsibility": "CLP05 is not the sum of the adjustments of group PR.",
}
#: Codes of problems that mean money does not add up.
BALANCE = frozenset(_DETAILS) - {"patient_responsibility"}


def read(raw):
    """Read one transaction.

    :param raw: :class:`~.x12_segments.Raw` of kind 835
    :return: ``(document, problems)``
    """
    reader = _Remittance()
    if not any(segment[0] == "TRN" and segment.get(2) for segment in raw.segments):
        # Without a trace number the content itself must tell remittances apart.
        digest = hashlib.sha256(strict_json.dumps(raw.segments)).hexdigest()
        reader.head["trace"] = digest[:16]
    for segment in raw.segments:
        reader.add(segment)
    return reader.document(), reader.values.problems


class _Remittance:
    def __init__(self):
        self.values = Values()
        self.head, self.parties, self.claims, self.plb = {}, {}, [], []
        self.bpr = self.claim = self.service = self.place = None
        self.total = self.adjusted = ZERO

    def add(self, segment):
        handler = _HANDLERS.get(segment[0])
        if handler:
            handler(self, segment)

    # -- header -----------------------------------------------------------------

    def _bpr(self, segment):
        self.bpr = segment
        amount = self.values.amount(segment, 2)
        if segment.get(3) == "D" and amount:
            amount = -amount
        method = segment.get(4)
        self.head.update(
            amount=amount,
            method=_METHODS.get(method, method.lower()),
            handling=segment.get(1),
            date=self.values.date(segment, 16),
            originator=segment.get(10),
        )

    def _trn(self, segment):
        self.head.setdefault("trace", segment.get(2))
        if segment.get(3):
            self.head["originator"] = segment.get(3)

    def _cur(self, segment):
        if self.claim is None:
            self.head["currency"] = segment.get(2)

    def _n1(self, segment):
        self.place = party(segment)
        name = {"PR": "payer", "PE": "payee"}.get(segment.get(1), "other")
        self.parties.setdefault(name, self.place)

    def _dtm(self, segment):
        day = self.values.date(segment, 2)
        target = self.service or self.claim
        if target is not None:
            target["dates"].setdefault(segment.get(1), day)
        elif segment.get(1) == "405":
            self.head["production_date"] = day

    def _describe(self, segment):
        if self.claim is None:
            if self.place is not None:
                describe(self.place, segment, self.values)
        elif segment[0] == "REF":
            reference(self.service or self.claim, segment)
        elif self.place is not None:
            describe(self.place, segment, self.values)

    # -- claims -----------------------------------------------------------------

    def _clp(self, segment):
        amount = self.values.amount
        for element in (1, 2, 3, 4):
            if not segment.get(element):
                self.values.report(segment, element, "required", "Required in a claim.")
        self.service = self.place = None
        self.claim = {
            "position": segment.position,
            "id": segment.get(1),
            "status": segment.get(2),
            "charged": amount(segment, 3),
            "paid": amount(segment, 4),
            "patient_responsibility": amount(segment, 5),
            "filing": segment.get(6),
            "payer_control": segment.get(7),
            "facility_type": segment.get(8),
            "frequency": segment.get(9),
            "dates": {},
            "references": {},
            "amounts": {},
            "remarks": [],
            "adjustments": [],
            "services": [],
        }
        self.claims.append(self.claim)

    def _nm1(self, segment):
        if self.claim is not None:
            self.place = person(segment)
            name = _PEOPLE.get(segment.get(1))
            if name:
                self.claim.setdefault(name, self.place)

    def _svc(self, segment):
        if self.claim is None:
            return
        procedure = segment.parts(1)
        if len(procedure) == 1:
            procedure.insert(0, "")
        # Without SVC01-02 it is NUBC revenue code billing: SVC04.
        code = procedure[1] if len(procedure) > 1 else segment.get(4)
        units = number(segment.get(5)) if segment.get(5) else Decimal(1)
        self.service = {
            "position": segment.position,
            "code": code,
            "qualifier": procedure[0] if procedure else "",
            "modifiers": [m for m in procedure[2:6] if m],
            "revenue_code": segment.get(4),
            "charged": self.values.amount(segment, 2),
            "paid": self.values.amount(segment, 3, ZERO),
            "units": units,
            "dates": {},
            "references": {},
            "amounts": {},
            "remarks": [],
            "adjustments": [],
        }
        self.claim["services"].append(self.service)

    def _cas(self, segment):
        target = self.service or self.claim
        if target is not None:
            target["adjustments"] += adjustments(segment, self.values)

    def _amt(self, segment):
        target = self.service or self.claim
        if target is not None:
            amount = self.values.text_amount(segment, 2)
            target["amounts"].setdefault(segment.get(1), amount)

    def _lq(self, segment):
        target = self.service or self.claim
        if target is not None and segment.get(1) in ("HE", "RX") and segment.get(2):
            target["remarks"].append(segment.get(2))

    def _moa(self, segment):
        # MOA03–07 and MIA05, 20–23 are remark codes.
        if self.claim is not None:
            elements = range(3, 8) if segment[0] == "MOA" else (5, 20, 21, 22, 23)
            found = [segment.get(element) for element in elements]
            self.claim["remarks"] += filter(None, found)

    def _plb(self, segment):
        self.claim = self.service = self.place = None
        for element in range(3, min(len(segment), 14), 2):
            parts = segment.parts(element)
            amount = self.values.amount(segment, element + 1)
            if parts and amount is not None:
                self.plb.append(
                    {
                        "provider": segment.get(1),
                        "fiscal_date": self.values.date(segment, 2),
                        "reason": parts[0],
                        "reference": ":".join(parts[1:]),
                        "amount": amount,
                    }
                )

    def _lx(self, _segment):
        self.claim = self.service = self.place = None

    # -- the whole --------------------------------------------------------------

    def document(self):
        self._balance()
        claims = [_claim(claim) for claim in self.claims]
        payer = self.parties.get("payer", {})
        payer["code"] = _payer_code(payer, self.head)
        head = self.head
        # The natural key of a remittance: who paid, by what trace, when, how much.
        key = (
            head.get("originator"),
            head.get("trace"),
            (head.get("date") or "").replace("-", ""),
        )
        remittance = {
            "id": "-".join(filter(None, key)),
            "trace": head.get("trace"),
            "originator": head.get("originator"),
            "amount": money(head.get("amount")),
            "received": money(self._received()),
            "currency": head.get("currency") or "USD",
            "method": head.get("method"),
            "handling": head.get("handling"),
            "date": head.get("date") or head.get("production_date"),
            "production_date": head.get("production_date"),
        }
        plb = [{**line, "amount": money(line["amount"])} for line in self.plb]
        return {
            "remittance": remittance,
            "payer": payer,
            "payee": self.parties.get("payee", {}),
            "claims": claims,
            "provider_adjustments": plb,
            "totals": {
                "claims": money(self.total),
                "provider_adjustments": money(self.adjusted),
            },
            "allocations": [
                {"claim_id": claim["id"], "amount": claim["paid"]}
                for claim, read in zip(claims, self.claims, strict=True)
                if claim["outcome"] != "reversed" and (read["paid"] or 0) > 0
            ],
        }

    def _received(self):
        """Return what was paid before claims were taken back (status 22).

        BPR02 is net of those. Each is told by itself, as a payment reversed: the net
        amount would count it twice, and be less than what the other claims were paid.
        """
        if self.head.get("amount") is None:
            return None
        back = (c["paid"] or ZERO for c in self.claims if c["status"] == "22")
        return self.head["amount"] - sum(back, ZERO)

    def _balance(self):
        self.total = sum((claim["paid"] or ZERO for claim in self.claims), ZERO)
        self.adjusted = sum((line["amount"] for line in self.plb), ZERO)
        amount = self.head.get("amount")
        if amount is None:
            detail = "A remittance needs a BPR segment with a readable amount."
            self._unusable("BPR02", detail)
        elif amount != self.total - self.adjusted:
            self._unbalanced(self.bpr.position, "BPR02", "remittance_out_of_balance")
        for claim in self.claims:
            self._balance_claim(claim)

    def _unusable(self, element, detail):
        position = self.bpr.position if self.bpr else 1
        place = f"/segments/{position}/{element}"
        self.values.problems.append(problem(place, "unusable", detail))

    def _balance_claim(self, claim):
        every = list(claim["adjustments"])
        for service in claim["services"]:
            every += service["adjustments"]
            if service["charged"] is not None:
                taken = sum((a["amount"] for a in service["adjustments"]), ZERO)
                if service["charged"] - taken != service["paid"]:
                    place = service["position"]
                    self._unbalanced(place, "SVC03", "service_out_of_balance")
        if claim["charged"] is not None and claim["paid"] is not None:
            taken = sum((a["amount"] for a in every), ZERO)
            if claim["charged"] - taken != claim["paid"]:
                self._unbalanced(claim["position"], "CLP04", "claim_out_of_balance")
        patient = sum((a["amount"] for a in every if a["group"] == "PR"), ZERO)
        if claim["patient_responsibility"] not in (None, patient):
            self._unbalanced(claim["position"], "CLP05", "patient_responsibility")

    def _unbalanced(self, position, element, code):
        place = f"/segments/{position}/{element}"
        self.values.problems.append(problem(place, code, _DETAILS[code]))


_HANDLERS = {
    "BPR": _Remittance._bpr,
    "TRN": _Remittance._trn,
    "CUR": _Remittance._cur,
    "N1": _Remittance._n1,
    "DTM": _Remittance._dtm,
    "REF": _Remittance._describe,
    "N3": _Remittance._describe,
    "N4": _Remittance._describe,
    "CLP": _Remittance._clp,
    "NM1": _Remittance._nm1,
    "SVC": _Remittance._svc,
    "CAS": _Remittance._cas,
    "AMT": _Remittance._amt,
    "LQ": _Remittance._lq,
    "MOA": _Remittance._moa,
    "MIA": _Remittance._moa,
    "PLB": _Remittance._plb,
    "LX": _Remittance._lx,
}


def _payer_code(payer, head):
    """Return what identifies the payer best: N104, REF*2U, TRN03 or the name."""
    known = payer.get("references", {})
    return (
        payer.get("id")
        or known.get("2U")
        or known.get("NF")
        or head.get("originator")
        or payer.get("name")
    )


def _outcome(claim, every):
    """Say what became of a claim.

    Status 4 is a denial. A status of 1 does not mean paid: when nothing is paid nor
    left to the patient, though something was charged, it is a denial too, unless
    another payer's payment (OA 23) explains it.
    """
    if claim["status"] == "22":
        return "reversed"
    if claim["status"] == "4":
        return "denied"
    paid, owed = claim["paid"] or ZERO, claim["patient_responsibility"] or ZERO
    patient = sum((a["amount"] for a in every if a["group"] == "PR"), ZERO)
    elsewhere = any(a["group"] == "OA" and a["reason"] == "23" for a in every)
    if claim["charged"] and not (paid or owed or patient or elsewhere):
        return "denied"
    return "adjudicated"


def _claim(read):
    services = [_service(service) for service in read["services"]]
    every = [*read["adjustments"]]
    remarks = [*read["remarks"]]
    for service in read["services"]:
        every += service["adjustments"]
        remarks += service["remarks"]
    claim = {
        **read,
        "outcome": _outcome(read, every),
        "charged": money(read["charged"]),
        "paid": money(read["paid"]),
        "patient_responsibility": money(read["patient_responsibility"]),
        "adjustments": _written(read["adjustments"]),
        "all_adjustments": _written(_merged(every)),
        "all_remarks": list(dict.fromkeys(remarks)),
        "services": services,
    }
    if claim["outcome"] == "reversed" and read["paid"] is not None:
        claim["reversed_amount"] = money(abs(read["paid"]))
    return claim


def _service(read):
    return {
        **read,
        "charged": money(read["charged"]),
        "paid": money(read["paid"]),
        "units": quantity(read["units"]),
        "adjustments": _written(read["adjustments"]),
    }


def _written(found):
    return [{**item, "amount": money(item["amount"])} for item in found]


def _merged(found):
    """Add up equal group and reason: what is booked does not know service lines."""
    sums = {}
    for item in found:
        key = item["group"], item["reason"]
        sums[key] = sums.get(key, ZERO) + item["amount"]
    return [
        {"group": group, "reason": reason, "amount": amount}
        for (group, reason), amount in sums.items()
    ]
