"""Which invoices a payment is likely for."""

from datetime import date
from unittest import TestCase

from odoo.addons.healthcare_connector.core.matching.payment_fit import (
    Invoice,
    Wanted,
    normalized,
    rank,
    swapped,
)

ANN, BOB, PAYER = 1, 2, 9


def wanted(amount, **more):
    values = {"numbers": (), "patient": None, "payer": None, "side": None, **more}
    return Wanted(amount, date(2026, 3, 9), **values)


def invoice(number, amount, patient=ANN, day=5, partner=PAYER, side="payer"):
    return Invoice(
        number,
        f"INV/2026/{number:05}",
        amount,
        date(2026, 3, day),
        patient,
        partner,
        side,
    )


class TestPaymentFit(TestCase):
    def test_numbers(self):
        self.assertEqual(normalized("INV/2026/00012"), normalized("inv-2026-12"))
        self.assertNotEqual(normalized("INV/2026/00012"), normalized("INV/2026/120"))
        self.assertTrue(swapped("INV/00012", "INV/00021"))
        self.assertTrue(swapped("INV/00012", "INV/00017"))
        self.assertFalse(swapped("INV/00012", "INV/00012"))
        self.assertFalse(swapped("INV/00012", "INX/00012"))
        self.assertFalse(swapped("INV/00012", "INV/00102 "))

    def test_same_amount_and_patient_come_first(self):
        fits = rank(
            wanted(80000, patient=ANN),
            [
                invoice(1, 80000, patient=BOB),
                invoice(2, 80000),
                invoice(3, 90000),
                invoice(4, 80000, day=1),
                invoice(5, 70000, patient=BOB),
            ],
        )
        self.assertEqual([fit.shares[0][0] for fit in fits], [2, 4, 1, 3])
        self.assertEqual(fits[3].shares, ((3, 80000),))
        self.assertIn(("days", 4), fits[0].reasons)

    def test_a_number_one_slip_away(self):
        fits = rank(wanted(500, numbers=("INV/2026/00021",)), [invoice(12, 900)])
        self.assertEqual(fits[0].shares, ((12, 500),))
        self.assertEqual(fits[0].reasons[0], ("typo", None))

    def test_sums_are_of_one_owner(self):
        ones = [invoice(n, amount) for n, amount in ((1, 100), (2, 250), (3, 400))]
        other = invoice(4, 500, partner=8)
        (fit,) = [
            fit
            for fit in rank(wanted(750, patient=ANN), [*ones, other])
            if len(fit.shares) > 1
        ]
        self.assertEqual(fit.shares, ((1, 100), (2, 250), (3, 400)))
        self.assertIn(("sum", 3), fit.reasons)

    def test_owed_by_the_other_side_ranks_lower(self):
        mine = invoice(1, 100, day=1, partner=ANN, side="patient")
        theirs = invoice(2, 100)
        fits = rank(wanted(100, patient=ANN, side="patient"), [theirs, mine])
        self.assertEqual([fit.shares[0][0] for fit in fits], [1, 2])
        self.assertIn(("side", "payer"), fits[1].reasons)

    def test_what_comes_nowhere_near(self):
        self.assertFalse(rank(wanted(123), [invoice(1, 80000), invoice(2, 1)]))
