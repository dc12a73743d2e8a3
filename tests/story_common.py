"""A small story of March that reports and key figures are computed of by hand."""

from odoo.tests import freeze_time

from .test_workflow_claim import ClaimCase


class StoryCase(ClaimCase):
    """Three visits of March: one kept and paid, one kept and denied, one not kept."""

    def setUp(self):
        freezer = freeze_time("2026-03-07 12:00:00")
        freezer.start()
        self.addCleanup(freezer.stop)
        super().setUp()
        supplies = [{"code": "T-CONTRAST", "quantity": 2, "wasted": 1}]
        self.play(
            self.register("K2", 1),
            self.appointment("booked", "K1", "V1", 5, provider="Dr. Test"),
            self.appointment("booked", "K2", "V2", 5),
            self.appointment("booked", "K1", "V3", 6),
            self.appointment("booked", "K1", "V4", 6),
        )
        self.play(
            self.appointment("no_show", "K1", "V3", 60),
            self.appointment("cancelled", "K1", "V4", 60),
            self.completed("K1", "S1", 70, appointment="V1", consumables=supplies),
            self.completed("K2", "S2", 70, appointment="V2", consumables=supplies),
        )
        self.play(
            self.claim("submitted", "CL1", 80, invoice=self.bill("K1").name),
            self.claim("submitted", "CL2", 80, mrn="K2", invoice=self.bill("K2").name),
        )
        self.play(
            self.decided("CL1", 90 + 6 * 60),
            self.claim(
                "denied",
                "CL2",
                90,
                mrn="K2",
                adjustments=[{"group": "CO", "reason": "197", "amount": "800.00"}],
            ),
        )
        self.here = [("facility_id", "=", self.facility.id)]
