"""Claims: tied to invoices, balanced, booked, denied, taken back."""

from itertools import permutations

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .workflow_common import WorkflowCase, event


class ClaimCase(WorkflowCase):
    """A patient with a completed service, and the events of its claim."""

    def setUp(self):
        super().setUp()
        terms = self.env.ref("account.account_payment_term_30days")
        self.payer.property_payment_term_id = terms
        self.play(self.register("K1"))

    def claim(self, kind, number, minute, charged="800.00", mrn="K1", **more):
        top = {name: more.pop(name) for name in ("remittance_id",) if name in more}
        data = {
            "facility": "T-EAST",
            "claim": {"id": number, "charged": charged, **more},
            "payer": {"code": "T-PAYER"},
            **top,
        }
        if mrn:
            data["patient"] = self.patient_ref(mrn)
        return event(f"claim.{kind}", data, time=self.at(minute))

    def decided(self, number="CL1", minute=120, **more):
        """600 paid, 150 written off, 50 left to the patient."""
        values = {
            "paid": "600.00",
            "patient_responsibility": "50.00",
            "adjustments": [
                {"group": "CO", "reason": "45", "amount": "150.00"},
                {"group": "PR", "reason": "3", "amount": "50.00"},
            ],
            "remittance_id": "ERA-1",
            **more,
        }
        return self.claim("adjudicated", number, minute, **values)

    def bank(self, number, amount, minute, claim="CL1", **more):
        return self.payment(
            number,
            amount,
            minute,
            allocations=[{"claim_id": claim, "amount": amount}],
            **more,
        )

    def the_claim(self, number="CL1"):
        return self.env["healthcare.claim"].search([("identifier", "=", number)])

    def bill(self, mrn="K1", responsible="payer"):
        return self.env["account.move"].search(
            [
                ("healthcare_patient_id", "=", self.patient(mrn).id),
                ("healthcare_responsible", "=", responsible),
                ("move_type", "=", "out_invoice"),
            ]
        )

    def balances(self, mrn="K1"):
        """Return what the ledger says after all that was booked."""
        self.env.flush_all()
        lines = self.env["account.move.line"].search(
            [("parent_state", "=", "posted"), ("company_id", "=", self.company.id)]
        )
        self.assertAlmostEqual(sum(lines.mapped("balance")), 0)
        company = self.company

        def of(**domain):
            found = lines.filtered(
                lambda line: all(line[name] == value for name, value in domain.items())
            )
            return round(sum(found.mapped("balance")), 2)

        return {
            "payer": of(
                partner_id=self.payer,
                account_id=self.payer.property_account_receivable_id,
            ),
            "patient": of(
                partner_id=self.patient(mrn),
                account_id=self.patient(mrn).property_account_receivable_id,
            ),
            "CO": of(account_id=company.healthcare_account_co_id),
            "OA": of(account_id=company.healthcare_account_oa_id),
            "PI": of(account_id=company.healthcare_account_pi_id),
            "transfer": of(account_id=company.healthcare_account_transfer_id),
        }

    NOTHING = {
        "payer": 0,
        "patient": 0,
        "CO": 0,
        "OA": 0,
        "PI": 0,
        "transfer": 0,
    }


class TestClaim(ClaimCase):
    def setUp(self):
        super().setUp()
        self.play(self.completed("K1", "SV1", 60))

    # -- submitted --------------------------------------------------------------

    def test_submitted_finds_its_invoice(self):
        events = self.play(self.claim("submitted", "CL1", 90))
        self.assertStates(events, "done")
        claim = self.the_claim()
        self.assertEqual(claim.move_id, self.bill())
        self.assertEqual(claim.patient_id, self.patient("K1"))
        self.assertEqual((claim.state, claim.charged), ("submitted", 800))

    def test_submitted_by_number_without_patient(self):
        number = self.bill().name
        events = self.play(self.claim("submitted", "CL1", 90, mrn=None, invoice=number))
        self.assertStates(events, "done")
        self.assertEqual(self.the_claim().patient_id, self.patient("K1"))

    def test_submitted_before_the_service(self):
        self.play(self.register("K2"))
        events = self.play(self.claim("submitted", "CL2", 90, mrn="K2"))
        self.assertStates(events, "exception")
        self.assertEqual(self.issues().category, "missing_dependency")
        self.play(self.completed("K2", "SV2", 60))
        self.assertStates(events, "done")
        self.assertFalse(self.issues())
        self.assertEqual(self.the_claim("CL2").move_id, self.bill("K2"))

    def test_another_amount_is_a_mismatch(self):
        events = self.play(self.claim("submitted", "CL1", 90, "750.00"))
        self.assertStates(events, "exception")
        issue = self.issues("invoice_mismatch")
        self.assertEqual(issue.amount_at_risk, 50)
        self.assertIn("800.00", issue.reason)
        # The cause goes away: the service that was meant is billed too.
        self.play(
            self.completed(
                "K1",
                "SV9",
                61,
                charges=[{"code": "T-MRI", "quantity": 1, "unit_price": "750.00"}],
            )
        )
        self.assertStates(events, "done")
        self.assertFalse(self.issues())

    def test_mismatch_waived_by_a_person(self):
        events = self.play(self.claim("submitted", "CL1", 90, "750.00"))
        self.issues("invoice_mismatch")._waive("Sent again by hand")
        self.assertStates(events, "discarded")
        self.assertFalse(self.issues())

    def test_one_claim_per_invoice(self):
        number = self.bill().name
        self.play(self.claim("submitted", "CL1", 90, invoice=number))
        events = self.play(self.claim("submitted", "CL2", 91, invoice=number))
        self.assertStates(events, "exception")
        self.assertEqual(self.issues().category, "invoice_mismatch")

    # -- adjudicated ------------------------------------------------------------

    def test_adjudicated(self):
        self.play(self.claim("submitted", "CL1", 90))
        events = self.play(self.decided(remarks=["N381"]))
        self.assertStates(events, "done")
        claim, bill = self.the_claim(), self.bill()
        self.assertEqual(claim.state, "adjudicated")
        self.assertEqual((claim.paid, claim.adjusted), (600, 150))
        self.assertEqual(claim.patient_responsibility, 50)
        self.assertIn("allowed amount", claim.adjustment_ids[0].text)
        self.assertIn("contract", claim.remark_text)
        self.assertEqual(bill.payment_state, "paid")
        share = self.bill(responsible="patient")
        self.assertEqual((share.amount_total, share.payment_state), (50, "not_paid"))
        self.assertEqual(share.partner_id, self.patient("K1"))
        self.assertEqual(claim.payment_ids.amount, 600)
        self.assertEqual(claim.payment_ids.memo, "ERA-1")
        self.assertEqual(self.balances(), {**self.NOTHING, "patient": 50, "CO": 150})
        facts = self.env["healthcare.fact"].search(
            [("res_model", "=", "healthcare.claim"), ("res_id", "=", claim.id)],
            order="sequence",
        )
        self.assertEqual(
            [fact.columns["amount_paid"] for fact in facts], ["0.00", "600.00"]
        )

    def test_all_groups(self):
        self.play(
            self.decided(
                paid="500.00",
                adjustments=[
                    {"group": "CO", "reason": "45", "amount": "100.00"},
                    {"group": "CO", "reason": "97", "amount": "50.00"},
                    {"group": "OA", "reason": "23", "amount": "70.00"},
                    {"group": "PI", "reason": "216", "amount": "30.00"},
                    {"group": "PR", "reason": "1", "amount": "30.00"},
                    {"group": "PR", "reason": "2", "amount": "20.00"},
                ],
            )
        )
        self.assertEqual(
            self.balances(),
            {**self.NOTHING, "patient": 50, "CO": 150, "OA": 70, "PI": 30},
        )

    def test_patient_pays_the_share(self):
        self.play(self.decided())
        events = self.play(
            self.payment("PP1", "50.00", 200, mrn="K1", payer_type="patient")
        )
        self.assertStates(events, "done")
        self.assertEqual(self.balances(), {**self.NOTHING, "CO": 150})

    def test_share_paid_before_it_was_billed(self):
        events = self.play(
            self.payment("PP1", "50.00", 200, mrn="K1", payer_type="patient")
        )
        self.assertStates(events, "exception")
        self.play(self.decided())
        self.assertStates(events, "done")
        self.assertEqual(self.balances(), {**self.NOTHING, "CO": 150})

    def test_out_of_balance(self):
        before = self.balances()
        events = self.play(self.decided(paid="590.00"))
        self.assertStates(events, "exception")
        issue = self.issues("remittance_out_of_balance")
        self.assertEqual(issue.amount_at_risk, 10)
        self.assertIn("10.00", issue.reason)
        self.assertEqual(self.balances(), before)
        issue._waive("The payer sends a new one")
        self.assertStates(events, "discarded")
        self.play(self.decided(minute=130))
        self.assertEqual(self.the_claim().state, "adjudicated")

    def test_out_of_balance_corrected_by_the_payer(self):
        wrong = self.play(self.decided(paid="590.00"))
        issue = self.issues("remittance_out_of_balance")
        right = self.play(self.decided(minute=130))
        self.assertStates(wrong | right, "exception", "waiting")
        self.engine._cron_sweep()
        self.process()
        self.assertStates(wrong | right, "discarded", "done")
        self.assertEqual((issue.state, issue.resolution), ("resolved", "superseded"))
        self.assertEqual(self.bill().payment_state, "paid")

    def test_out_of_balance_corrected_by_a_person(self):
        events = self.play(self.decided(paid="590.00"))
        envelope = events._envelopes()[events]
        envelope["data"]["claim"]["paid"] = "600.00"
        events._correct(envelope, "Read off the paper remittance")
        self.process()
        self.assertStates(events, "done")
        self.assertFalse(self.issues())
        self.assertEqual(self.bill().payment_state, "paid")

    def test_responsibility_must_agree(self):
        events = self.play(self.decided(patient_responsibility="40.00"))
        self.assertStates(events, "exception")
        self.assertEqual(self.issues().category, "remittance_out_of_balance")
        self.assertEqual(self.issues().amount_at_risk, 10)

    def test_adjudicated_before_the_service(self):
        self.play(self.register("K3"))
        events = self.play(
            self.decided("CL3", mrn="K3"), self.claim("submitted", "CL3", 90, mrn="K3")
        )
        self.assertStates(events, "waiting", "exception")
        self.play(self.completed("K3", "SV3", 60))
        self.assertStates(events, "done")
        self.assertEqual(self.bill("K3").payment_state, "paid")

    def test_adjudicated_names_only_the_claim(self):
        events = self.play(self.decided(mrn=None))
        self.assertStates(events, "exception")
        self.play(self.claim("submitted", "CL1", 90))
        self.assertStates(events, "done")
        self.assertEqual(self.the_claim().state, "adjudicated")

    def test_missing_account(self):
        account = self.company.healthcare_account_co_id
        self.company.healthcare_account_co_id = False
        events = self.play(self.decided())
        self.assertStates(events, "exception")
        self.assertIn("CO", self.issues("invoice_mismatch").reason)
        self.company.healthcare_account_co_id = account
        self.process()
        self.assertStates(events, "done")

    def test_unknown_payer(self):
        envelope = self.decided()
        envelope["data"]["payer"]["code"] = "T-NEW"
        events = self.play(envelope)
        self.assertStates(events, "exception")
        self.assertEqual(self.issues().category, "missing_payer")

    def test_copay_billed_at_once(self):
        """What the patient was billed for the service is not billed again."""
        price = [{"code": "T-MRI", "quantity": 1, "unit_price": "750.00"}]
        self.play(self.register("K4"))
        self.play(self.completed("K4", "SV4", 60, charges=price))
        copay = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.patient("K4").id,
                "healthcare_patient_id": self.patient("K4").id,
                "healthcare_completion_id": self.bill("K4").healthcare_completion_id.id,
                "healthcare_responsible": "patient",
                "invoice_line_ids": [
                    Command.create({"name": "Copay", "price_unit": 30, "tax_ids": []})
                ],
            }
        )
        copay.action_post()
        values = {
            "mrn": "K4",
            "charged": "780.00",
            "paid": "600.00",
            "patient_responsibility": None,
        }
        lines = [
            {"group": "CO", "reason": "45", "amount": "160.00"},
            {"group": "PR", "reason": "3", "amount": "20.00"},
        ]
        envelope = self.decided("CL4", adjustments=lines, **values)
        del envelope["data"]["claim"]["patient_responsibility"]
        self.assertStates(self.play(envelope), "exception")
        issue = self.issues("invoice_mismatch")
        self.assertEqual(issue.amount_at_risk, 10)
        issue._waive("Wrong remittance")
        lines[0]["amount"], lines[1]["amount"] = "130.00", "50.00"
        envelope = self.decided("CL4", 130, adjustments=lines, **values)
        del envelope["data"]["claim"]["patient_responsibility"]
        self.assertStates(self.play(envelope), "done")
        self.assertEqual(self.bill("K4").payment_state, "paid")
        shares = self.bill("K4", responsible="patient")
        self.assertEqual(sorted(shares.mapped("amount_total")), [20, 30])
        self.assertEqual(
            self.balances("K4"),
            {**self.NOTHING, "payer": 800, "patient": 50, "CO": 130},
        )

    def test_who_sees_claims(self):
        self.play(self.decided(remarks=["N381"]))
        for role in ("operator", "finance", "auditor"):
            user = new_test_user(
                self.env,
                f"claims-{role}",
                groups=f"base.group_user,healthcare_connector.group_{role}",
            )
            claim = self.the_claim().with_user(user)
            self.assertIn("allowed amount", claim.adjustment_ids[0].text)
            self.assertIn("contract", claim.remark_text)
            with self.assertRaises(AccessError):
                claim.write({"paid": 1})
            with self.assertRaises(AccessError):
                claim.adjustment_ids.write({"amount": 1})

    def test_repeated_by_another_event(self):
        self.play(self.decided())
        moves = self.env["account.move"].search_count([])
        self.play(self.decided(minute=125))
        self.assertEqual(self.env["account.move"].search_count([]), moves)

    def test_revised(self):
        self.play(self.decided())
        revised = self.decided(
            minute=180,
            paid="650.00",
            patient_responsibility="20.00",
            adjustments=[
                {"group": "CO", "reason": "45", "amount": "130.00"},
                {"group": "PR", "reason": "3", "amount": "20.00"},
            ],
        )
        self.assertStates(self.play(revised), "done")
        claim = self.the_claim()
        self.assertEqual((claim.paid, claim.adjusted), (650, 130))
        self.assertEqual(sum(claim._live_payments().mapped("amount")), 650)
        self.assertEqual(self.balances(), {**self.NOTHING, "patient": 20, "CO": 130})
        self.assertEqual(self.bill().payment_state, "paid")

    def test_taken_back(self):
        start = self.balances()
        self.play(self.decided())
        back = self.decided(
            minute=180,
            paid="-600.00",
            patient_responsibility="-50.00",
            adjustments=[
                {"group": "CO", "reason": "45", "amount": "-150.00"},
                {"group": "PR", "reason": "3", "amount": "-50.00"},
            ],
        )
        self.assertStates(self.play(back), "done")
        self.assertEqual(self.balances(), start)
        self.assertEqual(self.bill().payment_state, "not_paid")
        self.assertEqual(self.the_claim().state, "submitted")
        self.play(self.decided(minute=200))
        self.assertEqual(self.balances(), {**self.NOTHING, "patient": 50, "CO": 150})

    def test_takes_back_another_amount(self):
        self.play(self.decided())
        events = self.play(self.decided(minute=180, paid="-500.00"))
        self.assertStates(events, "exception")
        issue = self.issues("remittance_out_of_balance")
        self.assertEqual(issue.amount_at_risk, 100)

    # -- denied -----------------------------------------------------------------

    def denied(self, reason, minute=120, **more):
        return self.claim(
            "denied",
            "CL1",
            minute,
            adjustments=[{"group": "CO", "reason": reason, "amount": "800.00"}],
            **more,
        )

    def test_denied(self):
        start = self.balances()
        events = self.play(self.denied("197", remarks=["M62"]))
        self.assertStates(events, "done")
        issue = self.issues()
        self.assertEqual(issue.category, "authorization_gap")
        self.assertEqual(issue.amount_at_risk, 800)
        self.assertIn("CO-197 (Authorization", issue.reason)
        self.assertIn("M62 (Treatment", issue.reason)
        self.assertFalse(issue.blocks_event)
        self.assertEqual(self.the_claim().state, "denied")
        self.assertEqual(self.balances(), start)
        # Sent again: the work is done.
        self.play(self.claim("submitted", "CL1", 150))
        self.assertFalse(self.issues())
        self.assertEqual(self.the_claim().state, "submitted")

    def test_denied_and_settled_by_hand(self):
        self.play(self.denied("197"))
        issue = self.issues()
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.bill().ids
        )
        register.create({})._create_payments()
        self.assertEqual(self.bill().payment_state, "paid")
        self.assertEqual((issue.state, issue.resolution), ("resolved", "cause_gone"))

    def test_denied_and_credited_by_hand(self):
        self.play(self.denied("50"))
        self.bill()._reverse_moves(cancel=True)
        self.env["account.move"]._cron_healthcare_delayed_payments()
        self.assertFalse(self.issues())

    def test_denied_categories(self):
        for minute, (reason, category) in enumerate(
            [("27", "missing_payer"), ("50", "invoice_mismatch"), ("X9", None)]
        ):
            self.play(self.denied(reason, 120 + 10 * minute))
            issue = self.issues()
            self.assertEqual(issue.category, category or "invoice_mismatch")
            issue._waive("Not worth an appeal")
            self.assertFalse(self.issues())

    def test_denied_then_paid(self):
        self.play(self.denied("50"), self.decided(minute=150))
        self.assertFalse(self.issues())
        self.assertEqual(self.bill().payment_state, "paid")

    def test_paid_then_denied(self):
        start = self.balances()
        self.play(self.decided(), self.denied("50", 150))
        self.assertEqual(self.balances(), start)
        self.assertEqual(self.the_claim().state, "denied")
        self.assertEqual(self.issues().category, "invoice_mismatch")

    # -- the bank ---------------------------------------------------------------

    def test_bank_after_remittance(self):
        self.play(self.decided())
        before = self.balances()
        events = self.play(self.bank("B1", "600.00", 200))
        self.assertStates(events, "done")
        self.assertEqual(self.balances(), before)
        self.assertEqual(len(self.the_claim().payment_ids), 1)
        # Told twice, under another event: nothing more.
        self.assertStates(self.play(self.bank("B1", "600.00", 200)), "done")
        self.assertEqual(self.balances(), before)
        # A second payment for the same claim is not for anything open.
        events = self.play(self.bank("B2", "600.00", 210))
        self.assertStates(events, "exception")
        self.assertEqual(self.issues().category, "payment_mismatch")

    def test_bank_pays_several_claims(self):
        """One payment for two claims, in every order with their decisions."""
        self.play(self.register("K2"))
        self.play(self.completed("K2", "SV2", 60))
        envelope = self.payment(
            "B1",
            "1200.00",
            150,
            allocations=[
                {"claim_id": number, "amount": "600.00"} for number in ("CL1", "CL2")
            ],
        )
        steps = [self.decided(), self.decided("CL2", mrn="K2"), envelope]
        for order in permutations(range(3)):
            point = self.cr.savepoint(flush=True)
            for position in order:
                self.play(steps[position])
            self.assertFalse(self.issues(), order)
            self.assertEqual(
                self.balances(), {**self.NOTHING, "patient": 50, "CO": 300}
            )
            payments = self.the_claim().payment_ids | self.the_claim("CL2").payment_ids
            self.assertEqual(payments.mapped("amount"), [600, 600])
            self.assertEqual(len(set(payments.mapped("healthcare_confirmed_key"))), 1)
            point.close(rollback=True)
            self.env.invalidate_all()

    def test_bank_names_other_things(self):
        """By invoice, patient, account or remittance, before or after the decision."""
        names = {
            "invoice": {
                "allocations": [{"invoice": self.bill().name, "amount": "600.00"}]
            },
            "patient": {"mrn": "K1"},
            "account": {
                "allocations": [{"account_number": "ACC-K1", "amount": "600.00"}]
            },
            "reference": {},
        }
        for name, values in names.items():
            envelope = self.payment("B1", "600.00", 150, **values)
            envelope["data"]["payment"]["reference"] = "ERA-1"
            for steps in permutations([self.decided(), envelope]):
                with self.subTest(name=name, first=steps[0]["type"]):
                    point = self.cr.savepoint(flush=True)
                    for step in steps:
                        self.play(step)
                    self.assertFalse(self.issues())
                    self.assertEqual(
                        self.the_claim().payment_ids.mapped("amount"), [600]
                    )
                    self.assertEqual(
                        self.balances(), {**self.NOTHING, "patient": 50, "CO": 150}
                    )
                    point.close(rollback=True)
                    self.env.invalidate_all()

    def test_more_paid_than_allocated(self):
        self.play(self.decided())
        envelope = self.bank("B1", "600.00", 150)
        envelope["data"]["payment"]["amount"] = "612.00"
        self.assertStates(self.play(envelope), "done")
        issue = self.issues("payment_mismatch")
        self.assertEqual(issue.amount_at_risk, 12)
        issue._waive("Interest, booked by hand")

    def test_bank_before_remittance(self):
        self.play(self.claim("submitted", "CL1", 90))
        self.play(self.bank("B1", "600.00", 100))
        self.assertEqual(self.bill().payment_state, "partial")
        self.assertStates(self.play(self.decided()), "done")
        self.assertEqual(self.bill().payment_state, "paid")
        self.assertEqual(len(self.the_claim().payment_ids), 1)
        self.assertFalse(self.issues())
        self.assertEqual(self.balances(), {**self.NOTHING, "patient": 50, "CO": 150})

    def test_bank_reverses_by_number(self):
        self.play(self.decided(), self.bank("B1", "600.00", 200))
        envelope = self.bank("B1", "600.00", 220)
        envelope["type"] = "healthcare.payment.reversed.v1"
        self.assertStates(self.play(envelope), "done")
        self.assertEqual(self.balances()["payer"], 600)
        self.assertEqual(self.bill().payment_state, "partial")

    def test_reversal_names_the_claim(self):
        start = self.balances()
        envelope = self.bank("ERA-2/CL1/1", "600.00", 180)
        envelope["type"] = "healthcare.payment.reversed.v1"
        reversal = self.play(envelope)
        self.assertStates(reversal, "exception")
        self.play(self.decided())
        self.assertStates(reversal, "done")
        self.assertEqual(self.balances(), start)
        self.play(self.decided(minute=185))
        self.assertEqual(self.balances(), {**self.NOTHING, "patient": 50, "CO": 150})

    # -- contract price ---------------------------------------------------------

    def test_underpayment(self):
        pricelist = self.env["product.pricelist"].create(
            {
                "name": "Contract",
                "item_ids": [
                    (
                        0,
                        0,
                        {
                            "applied_on": "0_product_variant",
                            "product_id": self.mri.product_id.id,
                            "compute_price": "fixed",
                            "fixed_price": 700.0,
                        },
                    )
                ],
            }
        )
        self.payer.specific_property_product_pricelist = pricelist
        events = self.play(self.decided())
        self.assertStates(events, "done")
        issue = self.issues("invoice_mismatch")
        self.assertEqual(issue.amount_at_risk, 50)
        self.assertIn("700.00", issue.reason)
        self.play(
            self.decided(
                minute=180,
                paid="650.00",
                adjustments=[
                    {"group": "CO", "reason": "45", "amount": "100.00"},
                    {"group": "PR", "reason": "3", "amount": "50.00"},
                ],
            )
        )
        self.assertFalse(self.issues())

    # -- order and bulk ---------------------------------------------------------

    def test_any_order_of_arrival(self):
        outcomes = set()
        steps = [
            self.claim("submitted", "CL1", 90),
            self.denied("16", 100),
            self.claim("submitted", "CL1", 110),
            self.decided(minute=120),
        ]
        for order in permutations(range(4)):
            point = self.cr.savepoint(flush=True)
            for position in order:
                self.play(steps[position])
            claim = self.the_claim()
            outcomes.add(
                str(
                    (
                        self.balances(),
                        claim.state,
                        claim.paid,
                        claim.adjustment_ids.mapped("reason"),
                        len(claim._live_entries()),
                        self.issues().mapped("category"),
                    )
                )
            )
            point.close(rollback=True)
            self.env.invalidate_all()
        self.assertEqual(len(outcomes), 1, outcomes)

    def test_bank_and_claim_in_any_order(self):
        outcomes = set()
        steps = [
            self.claim("submitted", "CL1", 90),
            self.decided(minute=120),
            self.bank("B1", "600.00", 150),
            self.payment("PP1", "50.00", 200, mrn="K1", payer_type="patient"),
        ]
        for order in permutations(range(4)):
            point = self.cr.savepoint(flush=True)
            for position in order:
                self.play(steps[position])
            claim = self.the_claim()
            outcomes.add(
                str(
                    (
                        self.balances(),
                        claim.state,
                        claim.payment_ids.mapped("amount"),
                        self.bill().payment_state,
                        self.bill(responsible="patient").payment_state,
                        self.issues().mapped("category"),
                    )
                )
            )
            point.close(rollback=True)
            self.env.invalidate_all()
        self.assertEqual(len(outcomes), 1, outcomes)

    def test_delayed_payment(self):
        moves = self.env["account.move"]
        bill = self.bill()
        moves._cron_healthcare_delayed_payments()
        issue = self.issues("delayed_payment")
        self.assertEqual(issue.res_id, bill.id)
        self.assertEqual(issue.amount_at_risk, 800)
        self.assertEqual(issue.payer_id, self.payer)
        moves._cron_healthcare_delayed_payments()
        self.assertEqual(self.issues("delayed_payment"), issue)
        self.play(self.decided())
        self.assertEqual(issue.state, "resolved")
        self.assertEqual(issue.resolution, "cause_gone")

    def test_delayed_payment_waived(self):
        self.env["account.move"]._cron_healthcare_delayed_payments()
        self.issues("delayed_payment")._waive("Promised by phone")
        self.assertFalse(self.issues())


class TestClaimBulk(ClaimCase):
    def test_bulk_stays_bulk(self):
        self._stock(self.contrast, 5000)
        numbers = [*range(3), *range(10, 20), *range(100, 130)]
        self.play(*(self.register(f"Q{n}") for n in numbers))
        self.play(*(self.completed(f"Q{n}", f"SQ{n}", 60) for n in numbers))
        self.assertBulk(
            lambda n: self.claim("submitted", f"CQ{n}", 90, mrn=f"Q{n}"), per_event=0.1
        )
        self.assertBulk(lambda n: self.decided(f"CQ{n}", mrn=f"Q{n}"), per_event=30)
