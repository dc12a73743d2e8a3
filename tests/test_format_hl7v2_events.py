"""HL7 v2: what the shipped mappings make of it, by example."""

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import hl7v2

from .test_format_hl7v2 import ADT, DFT, MERGE, ORM, PID, SIU, events, one, problems


class TestEvents(BaseCase):
    def _single(self, *segments, **options):
        (outcome,) = events(one(*segments), **options)
        self.assertEqual(problems([outcome]), [])
        return outcome

    def test_shipped(self):
        self.assertEqual(set(mapping.shipped("hl7v2")), set(hl7v2.SUPPORTED))

    def test_registration(self):
        outcome = self._single(*ADT, timezone="America/New_York")
        self.assertEqual(outcome.event, "registration.created")
        self.assertEqual(outcome.time, "2026-03-02T09:29:00-05:00")
        data = outcome.data
        self.assertEqual(data["facility"], "NORTH")
        patient = data["patient"]
        # the medical record number first, the social security number not at all
        self.assertEqual(
            patient["identifiers"], [{"system": "urn:hl7v2:NORTHMRN", "value": "M-1"}]
        )
        self.assertEqual(
            patient["name"],
            {"family": "Quillfeather", "given": ["Zephyrine", "Ottoline"]},
        )
        self.assertEqual(
            (patient["birth_date"], patient["sex"], patient["phones"]),
            ("1961-07-19", "female", ["4135550101"]),
        )
        self.assertEqual(patient["emails"], ["zq@example.org"])
        self.assertEqual(
            patient["address"],
            {
                "lines": ["1 Low St", "Flat 2"],
                "city": "Leeds",
                "state": "MA",
                "postal_code": "01053",
                "country": "USA",
            },
        )
        self.assertEqual(data["account_number"], "ACC-9")
        self.assertEqual(data["guarantor"]["name"]["given"], ["Barnaby"])
        self.assertEqual(data["guarantor"]["relationship"], "spouse")
        first, second = data["coverages"]
        self.assertEqual(
            first,
            {
                "payer": {"code": "PAYER-A", "name": "Example Health"},
                "member_id": "MEM-1",
                "group_number": "G-7",
                "plan": "Gold plan",
                "priority": 1,
                "relationship": "self",
                "period": {"start": "2026-01-01", "end": "2026-12-31"},
            },
        )
        self.assertEqual((second["member_id"], second["priority"]), ("MEM-2", 2))

    def test_the_address_is_where_the_patient_lives(self):
        """Not where he was born; a street may come in parts."""
        born = "^^Born^^^IT^BDL"
        lives = '&Via Larga&12^""^Roma^RM^00100^IT^L'
        pid = PID.split("|")
        pid[11] = f"{born}~{lives}"
        address = self._single(*ADT[:2], "|".join(pid)).data["patient"]["address"]
        self.assertEqual(address["lines"], ["12 Via Larga"])
        self.assertEqual((address["city"], address["postal_code"]), ("Roma", "00100"))
        pid[11] = born
        patient = self._single(*ADT[:2], "|".join(pid)).data["patient"]
        self.assertNotIn("address", patient)

    def test_who_pays_first_is_what_the_sender_says(self):
        first, second = (
            f"IN1|{n}|GOLD|PAYER-{n}|Health|{'|' * 17}{order}{'|' * 14}MEM-{n}"
            for n, order in (("1", "2"), ("2", "1"))
        )
        coverages = self._single(*ADT[:4], first, second).data["coverages"]
        self.assertEqual(
            [(one["member_id"], one["priority"]) for one in coverages],
            [("MEM-1", 2), ("MEM-2", 1)],
        )
        vague = first.replace(f"{'|' * 17}2|", f"{'|' * 17}PRI|")
        (coverage,) = self._single(*ADT[:4], vague).data["coverages"]
        self.assertEqual(coverage["priority"], 1)

    def test_identifier_systems(self):
        """Numbers of different kinds and facilities never share a system."""
        pid = "PID|1||5^^^^NI~7^^^MRN~8^^^^MRN~6^^^&1.2.3&ISO||A^B||19700101"
        outcome = self._single(*ADT[:2], pid)
        self.assertEqual(
            [
                (identifier["system"], identifier["value"])
                for identifier in outcome.data["patient"]["identifiers"]
            ],
            [
                ("urn:hl7v2:NORTH", "8"),
                ("urn:hl7v2:NORTH.NI", "5"),
                ("urn:hl7v2:NORTH", "7"),
                ("urn:oid:1.2.3", "6"),
            ],
        )
        outcome = self._single(*ADT[:2], "PID|1|9|||A^B||19700101")
        self.assertEqual(outcome.data["patient"]["identifiers"][0]["value"], "9")

    def test_value_maps(self):
        outcome = self._single(
            *ADT,
            value_maps={
                "identifier_systems": {"NORTHMRN": "urn:demo:mrn"},
                "payers": {"PAYER-A": "A1"},
            },
        )
        self.assertEqual(
            outcome.data["patient"]["identifiers"][0]["system"], "urn:demo:mrn"
        )
        self.assertEqual(outcome.data["coverages"][0]["payer"]["code"], "A1")
        self.assertEqual(
            outcome.unmapped, [("payers", "PAYER-B", "/data/coverages/1/payer/code")]
        )

    def test_updated(self):
        for trigger in ("A08", "A31"):
            head = ADT[0].replace("A04", trigger)
            outcome = self._single(head, *ADT[1:])
            self.assertEqual(outcome.event, "registration.updated")

    def test_same_rows(self):
        """A registration and its change say the same."""
        first, second = (
            mapping.shipped("hl7v2")[kind].document["events"][0]["rows"]
            for kind in ("ADT^A04", "ADT^A08")
        )
        self.assertEqual(first, second)

    def test_appointment(self):
        outcome = self._single(*SIU, timezone="America/New_York")
        self.assertEqual(outcome.event, "appointment.booked")
        self.assertEqual(
            outcome.data["appointment"],
            {
                "id": "A-1001",
                "start": "2026-03-05T09:00:00-05:00",
                "end": "2026-03-05T09:45:00-05:00",
                "services": [{"code": "MRI-KNEE", "quantity": 1}],
                "location": "ROOM 2",
                "provider": "Ada Marsh",
                "reason": "Knee pain",
            },
        )

    def test_appointment_triggers(self):
        status = SIU[1] + "|" * 14
        for trigger, said, wanted in (
            ("S13", "Booked", ["updated"]),
            ("S14", "", ["updated"]),
            ("S14", "Confirmed", ["confirmed"]),
            ("S14", "ARRIVED", ["checked_in"]),
            ("S14", "Noshow^No show", ["no_show"]),
            ("S14", "Something else", ["updated"]),
            ("S12", "Confirmed", ["booked", "confirmed"]),
            ("S15", "", ["cancelled"]),
            ("S16", "", ["cancelled"]),
            ("S17", "", ["cancelled"]),
            ("S26", "", ["no_show"]),
        ):
            message = one(SIU[0].replace("S12", trigger), status + said, *SIU[2:])
            outcomes = events(message)
            self.assertEqual(
                [o.event for o in outcomes], [f"appointment.{name}" for name in wanted]
            )
            self.assertEqual(problems(outcomes), [])
            ids = {mapping.event_id(message.key, outcome) for outcome in outcomes}
            self.assertEqual(len(ids), len(outcomes))

    def test_orders(self):
        message = one(*ORM)
        ordered, completed = events(message)
        self.assertEqual(problems([ordered, completed]), [])
        self.assertEqual(
            ordered.data["order"],
            {
                "id": "O-1",
                "services": [
                    {"code": "ECHO", "quantity": 1},
                    {"code": "ECG", "quantity": 1},
                ],
            },
        )
        self.assertEqual(completed.event, "service.completed")
        self.assertEqual(
            completed.data["service"],
            {"id": "F-2", "performed_at": "2026-03-01T10:00:00Z"},
        )
        self.assertEqual(completed.data["order_id"], "O-2")

    def _unhandled(self, *segments):
        message = one(*segments)
        told = mapping.shipped("hl7v2")[message.kind].unhandled(message.document)
        return [error["pointer"] for error in told]

    def test_told_not_dropped(self):
        """What has no event of ours is named."""
        cancelled = (*ORM[:2], "ORC|CA|O-1", ORM[3])
        self.assertEqual(events(one(*cancelled)), [])
        self.assertEqual(self._unhandled(*cancelled), ["/ORC/f1"])
        self.assertEqual(self._unhandled(*ORM[:2]), ["/ORC"])
        self.assertEqual(self._unhandled(*ORM), [])
        self.assertEqual(self._unhandled(*DFT), [])
        adjusted = (*DFT, "FT1|4|T-4||20260301||AJ|CONSULT")
        self.assertEqual(len(events(one(*adjusted))), 2)
        self.assertEqual(self._unhandled(*adjusted), ["/FT1/f6"])
        self.assertEqual(self._unhandled(*DFT[:3]), ["/FT1"])
        self.assertEqual(self._unhandled(*MERGE[:3]), ["/MRG"])

    def test_charges(self):
        completed, received = events(one(*DFT))
        self.assertEqual(problems([completed, received]), [])
        self.assertEqual(
            completed.data["service"],
            {
                "id": "T-1",
                "performed_at": "2026-03-01T10:15:00Z",
                "provider": "Ada Marsh",
            },
        )
        self.assertEqual(
            completed.data["charges"],
            [
                {
                    "code": "INFUSION",
                    "quantity": "2",
                    "unit_price": "125.00",
                    "modifiers": ["25", "59"],
                },
                {"code": "CONSULT", "quantity": "1"},
            ],
        )
        self.assertEqual(
            received.data["payment"],
            {
                "id": "T-3",
                "amount": "30.00",
                "currency": "USD",
                "paid_at": "2026-03-01T10:30:00Z",
                "payer_type": "patient",
            },
        )
        self.assertEqual(
            received.data["allocations"],
            [{"account_number": "ACC-9", "amount": "30.00"}],
        )

    def test_merges(self):
        message = one(*MERGE)
        outcomes = events(message)
        self.assertEqual(problems(outcomes), [])
        self.assertEqual(
            [
                (
                    o.data["survivor"]["identifiers"][0]["value"],
                    o.data["retired"]["identifiers"][0]["value"],
                )
                for o in outcomes
            ],
            [("M-1", "M-9"), ("M-2", "M-8")],
        )
        self.assertEqual(len({mapping.event_id(message.key, o) for o in outcomes}), 2)

    def test_places_not_values(self):
        message = one(*ADT[:2], PID.replace("19610719", "Quillfeather"))
        (outcome,) = events(message)
        self.assertEqual(outcome.errors[0]["pointer"], "/data/patient/birth_date")
        self.assertNotIn("Quillfeather", str(outcome.errors + outcome.notes))
