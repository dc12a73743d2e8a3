"""X12: reading interchanges, and what the shipped mappings make of them."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import schema
from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import x12, x12_values

ISA = (
    "ISA*00*          *00*          *ZZ*PAYERSYSTEM    *ZZ*CLINIC         "
    "*260302*0930*^*00501*{control:09d}*0*P*:~"
)
REMITTANCE = (
    "BPR*I*{paid}*C*ACH*CCP*01*111*DA*33*1234567890**01*111*DA*22*20260309",
    "TRN*1*ERA-1*1999999999",
    "DTM*405*20260309",
    "N1*PR*Example Health Plan*XV*PAYER-A",
    "N1*PE*Example Clinic*XX*1999999995",
    "LX*1",
)
CLAIM = (
    "CLP*C-1*1*500*350*50*12*PC-1*11*1",
    "CAS*CO*45*100",
    "NM1*QC*1*QUILLFEATHER*ZEPHYRINE****MI*M-1",
    "MOA***MA01",
    "SVC*HC:73721:26*500*400**1",
    "DTM*472*20260301",
    "CAS*PR*2*50",
    "LQ*HE*N362",
)
# Claim-level CO 100, service-level PR 50: the service alone is out of balance.
BALANCED = (*CLAIM[:1], *CLAIM[2:4], "SVC*HC:73721:26*500*350**1", *CLAIM[5:], CLAIM[1])
ELIGIBILITY = (
    "BHT*0022*11*REQ-1*20260302*1319",
    "HL*1**20*1",
    "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*PAYER-A",
    "HL*2*1*21*1",
    "NM1*1P*2*EXAMPLE CLINIC*****XX*1999999995",
    "HL*3*2*22*0",
    "TRN*2*T-1*9999999999",
    "NM1*IL*1*QUILLFEATHER*ZEPHYRINE****MI*M-1",
    "REF*6P*G-7",
    "DMG*D8*19610719*F",
    "DTP*291*RD8*20260101-20261231",
    "EB*1**30**GOLD PLAN",
    "EB*B**98****25*****Y",
    "EB*C*IND*30***29*120.5*****W",
    "EB*A**MH******.2**N",
)
AUTHORIZATION = (
    "BHT*0007*11*REQ-2*20260302*0859*18",
    "HL*1**20*1",
    "NM1*X3*2*EXAMPLE HEALTH PLAN*****PI*PAYER-A",
    "HL*2*1*21*1",
    "NM1*1P*2*EXAMPLE CLINIC*****XX*1999999995",
    "HL*3*2*22*1",
    "NM1*IL*1*QUILLFEATHER*ZEPHYRINE****MI*M-1",
    "HL*4*3*EV*1",
    "UM*HS*I",
    "HCR*A1*AUTH-1",
    "DTP*007*RD8*20260301-20260601",
    "HL*5*4*SS*0",
    "SV1*HC:73721**UN*2",
    "HL*6*4*SS*0",
    "HCR*A3**0M",
    "SV1*HC:99999**UN*1",
)


def transaction(kind, lines, control="0001"):
    lines = [f"ST*{kind}*{control}*005010", *lines]
    return [*lines, f"SE*{len(lines) + 1}*{control}"]


def interchange(*transactions, control=1):
    function = "HP"
    lines = [f"GS*{function}*PAYERSYSTEM*CLINIC*20260302*0930*7*X*005010X221A1"]
    for lines_ in transactions:
        lines += lines_
    lines += [f"GE*{len(transactions)}*7", f"IEA*1*{control:09d}"]
    text = ISA.format(control=control) + "".join(f"{line}~" for line in lines)
    return text.encode()


def remittance(*claims, paid="350", more=(), control=1):
    head = [line.format(paid=paid) for line in REMITTANCE]
    lines = [*head, *(line for claim in claims for line in claim), *more]
    return interchange(transaction("835", lines), control=control)


def outcomes(message):
    return mapping.shipped("x12")[message.kind].apply(
        message.document, defaults={"facility": "NORTH"}
    )


def events(body):
    """Return ``[(event, data)]`` of a body; each must hold its schema."""
    found = []
    for read in x12.read(body).transactions:
        for message in read.messages:
            for outcome in outcomes(message):
                errors = outcome.errors or schema.registry().validate(
                    outcome.event, "1.0", outcome.data
                )
                assert not errors, errors
                found.append((outcome.event, outcome.data))
    return found


class TestX12Envelope(BaseCase):
    def _codes(self, body):
        """Return the codes of errors and problems of the only transaction."""
        (read,) = x12.read(body).transactions
        return [e["code"] for e in read.errors], [e["code"] for e in read.problems]

    def _refused(self, code, body, **options):
        with self.assertRaises(InputError) as caught:
            x12.read(body, **options)
        self.assertEqual(caught.exception.code, code)

    def test_separators(self):
        plain = remittance(BALANCED).decode()
        expected = events(plain.encode())
        self.assertEqual(len(expected), 2)
        for old, new in (
            ("~", "\n"),
            ("~", "\r\n"),
            ("~", "~\n"),
            ("~", "~~\n\n"),
            ("*", "|"),
            (":", ">"),
            ("~", "\x1d"),
        ):
            with self.subTest(old=old, new=new):
                self.assertEqual(events(plain.replace(old, new).encode()), expected)
        wrapped = "\n".join(plain[i : i + 80] for i in range(0, len(plain), 80))
        self.assertEqual(events(wrapped.encode()), expected)
        self.assertEqual(events(b"\xef\xbb\xbf \r\n" + plain.encode()), expected)
        narrow = plain.replace("          ", "").replace("    ", "")
        self.assertEqual(events(narrow.encode()), expected)

    def test_several_interchanges_with_own_separators(self):
        other = remittance(BALANCED, control=2).decode().replace("*", "|")
        reading = x12.read(remittance(BALANCED) + b"\n" + other.encode())
        self.assertEqual(
            [i.control for i in reading.interchanges], ["000000001"] + ["000000002"]
        )
        self.assertEqual([t.interchange for t in reading.transactions], [0, 1])
        self.assertEqual(reading.errors, [])

    def test_a_broken_interchange_does_not_cost_the_next(self):
        body = b"ISA*00*broken~ST*835*1~" + remittance(BALANCED)
        reading = x12.read(body)
        self.assertEqual(reading.errors[0]["code"], "broken_isa")
        self.assertEqual(len(reading.transactions[0].messages), 2)

    def test_control_numbers_and_counts(self):
        good = remittance(BALANCED).decode()
        self.assertEqual(self._codes(good.encode()), ([], []))
        count = good.replace("SE*16*", "SE*17*")
        self.assertNotEqual(count, good)
        # Money adds up, so nothing is missing: reported, not refused.
        self.assertEqual(self._codes(count.encode()), ([], ["control_count"]))
        lost = count.replace("BPR*I*350*", "BPR*I*450*")
        errors, problems = self._codes(lost.encode())
        self.assertEqual(errors, ["incomplete"])
        self.assertEqual(problems, ["control_count", "remittance_out_of_balance"])
        other = good.replace("SE*16*0001", "SE*16*0002")
        self.assertEqual(self._codes(other.encode())[0], ["control_number"])
        for cut in ("SE*", "CAS*CO"):
            errors, _problems = self._codes(good[: good.index(cut)].encode())
            self.assertEqual(errors, ["no_trailer"])

    def test_group_and_interchange_trailers(self):
        good = remittance(BALANCED).decode()
        for old, new, code in (
            ("GE*1*7", "GE*2*7", "control_count"),
            ("GE*1*7", "GE*1*8", "control_number"),
            ("IEA*1*000000001", "IEA*3*000000001", "control_count"),
            ("IEA*1*000000001", "IEA*1*000000009", "control_number"),
            ("IEA*1*000000001~", "", "no_trailer"),
        ):
            reading = x12.read(good.replace(old, new).encode())
            self.assertEqual([e["code"] for e in reading.errors], [code])
            self.assertEqual(len(reading.transactions[0].messages), 2)

    def test_stray_trailers(self):
        for stray in ("SE*1*1~", "GE*1*1~", "IEA*1*1~"):
            body = ISA.format(control=1) + stray * 2
            reading = x12.read(body.encode())
            self.assertTrue(reading.errors)
            self.assertEqual(reading.transactions, [])

    def test_refused_as_a_whole(self):
        self._refused("empty_body", b" \n")
        self._refused("not_x12", b"MSH|^~\\&|")
        self._refused("too_large", remittance(BALANCED), max_bytes=100)
        many = ISA.format(control=1) + "ST*835*1~SE*2*1~" * 2001
        self._refused("too_many", many.encode())
        claims = remittance(*[["CLP*C*1*0*0"]] * 10_001, paid="0")
        self.assertEqual(self._codes(claims)[0], ["too_many"])

    def test_unsupported(self):
        body = interchange(transaction("837", ["BHT*0019*00*1*20260302*0900*CH"]))
        self.assertEqual(self._codes(body)[0], ["unsupported_transaction"])
        request = [AUTHORIZATION[0].replace("*11*", "*13*"), *AUTHORIZATION[1:]]
        body = interchange(transaction("278", request))
        self.assertEqual(self._codes(body)[0], ["unsupported_transaction"])
        old = remittance(BALANCED).replace(b"*00501*", b"*00200*")
        self.assertEqual(x12.read(old).errors[0]["code"], "unsupported_version")

    def test_errors_hold_no_values(self):
        body = remittance(BALANCED).decode()
        body = body.replace("SE*16*0001", "SE*77*9876").replace("*20260301~", "*ZZTOP~")
        text = repr(
            [(t.errors, t.problems) for t in x12.read(body.encode()).transactions]
        )
        for value in ("ZZTOP", "9876", "QUILL", "77"):
            self.assertNotIn(value, text)

    def test_any_bytes(self):
        good = remittance(BALANCED)

        @settings(max_examples=300, deadline=None, database=None)
        @given(
            st.binary(max_size=60),
            st.integers(0, len(good)),
            st.integers(0, 40),
            st.booleans(),
        )
        def check(noise, place, width, whole):
            body = good[:place] + noise + good[place + width :]
            for candidate in (noise, b"ISA*" + noise) if whole else (body,):
                try:
                    reading = x12.read(candidate)
                except InputError:
                    continue
                for read in reading.transactions:
                    for message in read.messages:
                        outcomes(message)

        check()

    def test_cost_is_linear(self):
        def seconds(count):
            body = remittance(*[CLAIM] * count, paid="0")
            start = time.perf_counter()
            x12.read(body)
            return time.perf_counter() - start

        seconds(10)
        small, large = seconds(150), seconds(1200)
        self.assertLess(large, 8 * small * 3)


class TestX12Remittance(BaseCase):
    def test_payment_and_claim(self):
        (received, payment), (adjudicated, claim) = events(remittance(BALANCED))
        self.assertEqual(received, "payment.received")
        self.assertEqual(
            payment,
            {
                "facility": "NORTH",
                "payment": {
                    "id": "1999999999-ERA-1-20260309",
                    "amount": "350.00",
                    "currency": "USD",
                    "paid_at": "2026-03-09",
                    "method": "eft",
                    "payer_type": "payer",
                    "payer": {"code": "PAYER-A", "name": "Example Health Plan"},
                    "reference": "ERA-1",
                },
                "allocations": [{"claim_id": "C-1", "amount": "350.00"}],
            },
        )
        self.assertEqual(adjudicated, "claim.adjudicated")
        self.assertEqual(
            claim["claim"],
            {
                "id": "C-1",
                "charged": "500.00",
                "paid": "350.00",
                "patient_responsibility": "50.00",
                "adjustments": [
                    {"group": "PR", "reason": "2", "amount": "50.00"},
                    {"group": "CO", "reason": "45", "amount": "100.00"},
                ],
                "remarks": ["MA01", "N362"],
            },
        )
        self.assertEqual(claim["remittance_id"], payment["payment"]["id"])

    def test_balance(self):
        (read,) = x12.read(remittance(CLAIM, paid="351")).transactions
        places = {e["code"]: e["pointer"] for e in read.problems}
        self.assertEqual(
            places,
            {
                "remittance_out_of_balance": "/segments/2/BPR02",
                "service_out_of_balance": "/segments/12/SVC03",
            },
        )
        payment, claim = read.messages
        self.assertEqual(
            [e["code"] for e in payment.problems], ["remittance_out_of_balance"]
        )
        self.assertEqual(
            [e["code"] for e in claim.problems], ["service_out_of_balance"]
        )
        off = [CLAIM[0].replace("*350*50", "*340*60"), *CLAIM[1:4]]
        (read,) = x12.read(remittance(off, paid="340")).transactions
        self.assertEqual(
            [e["code"] for e in read.problems],
            ["claim_out_of_balance", "patient_responsibility"],
        )

    def test_provider_adjustments(self):
        plb = ("PLB*1999999995*20261231*WO:C-0*30*L6*-5.5",)
        (read,) = x12.read(remittance(BALANCED, paid="325.5", more=plb)).transactions
        self.assertEqual(read.problems, [])
        document = read.messages[0].document
        self.assertEqual(
            [
                (p["reason"], p["reference"], p["amount"])
                for p in document["provider_adjustments"]
            ],
            [("WO", "C-0", "30.00"), ("L6", "", "-5.50")],
        )
        self.assertEqual(document["totals"]["provider_adjustments"], "24.50")

    def test_reversal_and_correction(self):
        reversal = ("CLP*C-1*22*-500*-350**12*PC-0*11*7", "CAS*CO*45*-150")
        found = events(remittance(reversal, BALANCED, paid="0"))
        # Nothing arrives, yet it is told in full: paid anew, and taken back.
        self.assertEqual(
            [name for name, _data in found],
            ["payment.received", "payment.reversed", "claim.adjudicated"],
        )
        received = found[0][1]
        self.assertEqual(received["payment"]["amount"], "350.00")
        self.assertEqual(received["allocations"][0]["amount"], "350.00")
        data = found[1][1]
        self.assertEqual(data["payment"]["amount"], "350.00")
        self.assertEqual(data["payment"]["reference"], "PC-0")
        self.assertEqual(data["allocations"], [{"claim_id": "C-1", "amount": "350.00"}])

    def test_denials(self):
        for clp, cas, expected in (
            ("CLP*C-1*4*500*0**12", "CAS*CO*29*500", "claim.denied"),
            # Status 1 says processed, not paid.
            ("CLP*C-1*1*500*0**12", "CAS*CO*50*500", "claim.denied"),
            ("CLP*C-1*1*500*0*500*12", "CAS*PR*1*500", "claim.adjudicated"),
            ("CLP*C-1*2*500*0**12", "CAS*OA*23*500", "claim.adjudicated"),
        ):
            found = events(remittance((clp, cas), paid="0"))
            self.assertEqual([name for name, _data in found], [expected])

    def test_unusable(self):
        body = remittance(BALANCED, paid="many")
        (read,) = x12.read(body).transactions
        self.assertEqual([e["code"] for e in read.errors], ["unusable"])
        self.assertEqual(read.messages, [])

    def test_resend_is_the_same_and_a_change_is_not(self):
        def keys(body):
            return [m.key for m in x12.read(body).transactions[0].messages]

        first = keys(remittance(BALANCED, BALANCED, paid="700"))
        # Twice the same claim in one remittance is two.
        self.assertEqual(len(set(first)), 3)
        again = remittance(BALANCED, BALANCED, paid="700", control=99)
        self.assertEqual(keys(again.replace(b"*0001", b"*0055")), first)
        changed = again.replace(b"CAS*PR*2*50", b"CAS*PR*3*50")
        self.assertFalse(set(keys(changed)[1:]) & set(first))

    def test_amounts(self):
        for text, expected in (
            ("5", "5.00"), (".5", "0.50"), ("-5.125", "-5.125"), ("0", "0.00"),
            ("-0", "0.00"), ("7.", "7.00"), ("1e5", None), ("", None), ("NaN", None),
            ("9" * 16, None),
        ):  # fmt: skip
            number = x12_values.number(text)
            self.assertEqual(x12_values.money(number), expected, text)


class TestX12Responses(BaseCase):
    def test_eligibility(self):
        ((name, data),) = events(interchange(transaction("271", ELIGIBILITY)))
        self.assertEqual(name, "coverage.verified")
        self.assertEqual(
            data,
            {
                "facility": "NORTH",
                "patient": {
                    "identifiers": [
                        {"system": "urn:x12:member:PAYER-A", "value": "M-1"}
                    ]
                },
                "coverage": {
                    "payer": {"code": "PAYER-A", "name": "EXAMPLE HEALTH PLAN"},
                    "member_id": "M-1",
                    "status": "active",
                    "period": {"start": "2026-01-01", "end": "2026-12-31"},
                    "authorization_required": False,
                    "copay": "25.00",
                    "deductible_remaining": "120.50",
                },
                "verified_at": "2026-03-02T13:19:00Z",
            },
        )

    def test_inactive_and_dependent(self):
        lines = [*ELIGIBILITY[:7], *ELIGIBILITY[7:10]]
        lines += ["HL*4*3*23*0", "NM1*03*1*QUILLFEATHER*ADA", "DMG*D8*20150102*F"]
        lines += ["EB*6**30"]
        ((_name, data),) = events(interchange(transaction("271", lines)))
        self.assertEqual(data["coverage"]["status"], "inactive")
        self.assertEqual(data["coverage"]["member_id"], "M-1")
        # The subscriber's member id alone would be the subscriber.
        self.assertEqual(
            data["patient"]["identifiers"],
            [{"system": "urn:x12:dependent:PAYER-A", "value": "M-1/2015-01-02/ADA"}],
        )

    def test_rejected(self):
        for lines in (
            [*ELIGIBILITY[:8], "AAA*N**75*C"],
            [*ELIGIBILITY[:3], "AAA*Y**42*R"],
        ):
            body = interchange(transaction("271", lines))
            (message,) = x12.read(body).transactions[0].messages
            self.assertEqual(len(message.document["rejections"]), 1)
            self.assertNotEqual(message.document["rejections"][0]["text"], "")
            self.assertEqual(outcomes(message), [])

    def test_authorization(self):
        found = events(interchange(transaction("278", AUTHORIZATION)))
        (approved, yes), (denied, no) = sorted(found, key=lambda item: item[0])
        self.assertEqual(
            (approved, denied), ("authorization.approved", "authorization.denied")
        )
        self.assertEqual(
            yes["authorization"],
            {
                "number": "AUTH-1",
                "services": [{"code": "73721", "quantity": "2"}],
                "units": "2",
                "period": {"start": "2026-03-01", "end": "2026-06-01"},
                "reason": "Approved",
            },
        )
        self.assertEqual(no["authorization"]["reason"], "Not medically necessary")
        self.assertEqual(no["authorization"]["services"][0]["code"], "99999")

    def test_decisions(self):
        for action, expected in (
            ("A1", ["authorization.approved"]),
            ("A2", ["authorization.approved"]),
            ("A6", ["authorization.approved"]),
            ("A3", ["authorization.denied"]),
            ("A4", ["authorization.requested"]),
            ("CT", []),
        ):
            lines = [*AUTHORIZATION[:9], f"HCR*{action}*AUTH-1"]
            found = events(interchange(transaction("278", lines)))
            self.assertEqual([name for name, _data in found], expected)
