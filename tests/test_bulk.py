"""Statements do not grow with events in the parts we write: 50 against 100.

What Odoo itself does for each invoice, order or transfer is none of ours, and not
counted: only statements on tables of ours, or that our own modules send.
"""

import traceback
from collections import Counter
from unittest.mock import patch

from odoo.sql_db import Cursor

from .workflow_common import WorkflowCase, event

FEW, MANY = 50, 100
WARM = range(3)
OURS = "healthcare_connector"
# Between a flow of ours and the database may stand so much of the ORM, and no other
# addon: what account or stock do for each record on our behalf is theirs.
THEIRS = "/addons/"


def ours():
    """Return where in our code the statement being sent comes from, or ``None``.

    It is ours when nothing but Odoo's core stands between our code and the cursor.
    """
    for frame in reversed(traceback.extract_stack(limit=60)):
        if f"/{OURS}/tests/" in frame.filename:
            continue
        if f"/{OURS}/" in frame.filename:
            return f"{frame.filename.rpartition(f'/{OURS}/')[2]}:{frame.lineno}"
        if THEIRS in frame.filename and "/addons/base/" not in frame.filename:
            return None
    return None


class TestBulk(WorkflowCase):
    def counted(self, envelopes):
        """Return how often each place of ours sent a statement."""
        self.send(*envelopes)
        self.env.flush_all()
        self.env.invalidate_all()
        places, execute = Counter(), Cursor.execute

        def counting(cursor, query, *args, **kwargs):
            if place := ours():
                text = str(getattr(query, "code", query))
                places[place, " ".join(text.split())[:60]] += 1
            return execute(cursor, query, *args, **kwargs)

        with patch.object(Cursor, "execute", counting):
            self.process()
            self.env.flush_all()
        return places

    def growing(self, name, make):
        """Return places of ours that send more statements for more events."""
        few, many = range(10, 10 + FEW), range(100, 100 + MANY)
        self.counted([make(number) for number in WARM])
        first = self.counted([make(number) for number in few])
        second = self.counted([make(number) for number in many])
        self.assertTrue(first, name)
        # A growth of a few is a batch more: of 100 rows, of a page of a result.
        grown = {
            place: (first[place], count)
            for place, count in second.items()
            if count > first[place] + 5
        }
        self.assertFalse(self.issues(), name)
        return grown

    def claim(self, kind, number, **more):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref(f"U{number}"),
            "claim": {"id": f"CU{number}", "charged": "800.00", **more},
            "payer": {"code": "T-PAYER"},
        }
        return event(f"claim.{kind}", data, time=self.at(90))

    def decided(self, number):
        adjustments = [
            {"group": "CO", "reason": "45", "amount": "150.00"},
            {"group": "PR", "reason": "3", "amount": "50.00"},
        ]
        return self.claim(
            "adjudicated",
            number,
            paid="600.00",
            patient_responsibility="50.00",
            adjustments=adjustments,
        )

    def test_every_step_of_a_journey(self):
        self._stock(self.contrast, 5000)
        found = {}
        for name, make in {
            "registered": lambda n: self.register(
                f"U{n}", patient={"birth_date": f"19{n % 100:02d}-0{1 + n // 100}-01"}
            ),
            "booked": lambda n: self.appointment("booked", f"U{n}", f"VU{n}", 10),
            "moved": lambda n: self.appointment(
                "updated", f"U{n}", f"VU{n}", 15, start="2026-03-06T09:00:00Z"
            ),
            "confirmed": lambda n: self.appointment("confirmed", f"U{n}", f"VU{n}", 20),
            "completed": lambda n: self.completed(f"U{n}", f"SU{n}", 60, f"VU{n}"),
            "submitted": lambda n: self.claim("submitted", n),
            "decided": self.decided,
            "paid": lambda n: self.payment(
                f"PU{n}", "50.00", 120, f"U{n}", payer_type="patient"
            ),
        }.items():
            if grown := self.growing(name, make):
                found[name] = grown
        self.assertFalse(found)
