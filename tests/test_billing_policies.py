"""How services are billed: copay at once, drafts, locked periods."""

from itertools import permutations

from .workflow_common import WorkflowCase, event


class BillingCase(WorkflowCase):
    def verified(self, mrn, minute, **coverage):
        return event(
            "coverage.verified",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "coverage": {
                    "payer": {"code": "T-PAYER"},
                    "member_id": f"M-{mrn}",
                    "status": "active",
                    **coverage,
                },
                "verified_at": self.at(minute),
            },
            time=self.at(minute),
        )

    def completion(self, service):
        return self.env["healthcare.completion"].search([("identifier", "=", service)])

    def facts(self, move):
        return self.env["healthcare.fact"].search(
            [("res_model", "=", "account.move"), ("res_id", "=", move.id)], order="id"
        )

    def balance(self, account, moves):
        lines = moves.line_ids.filtered(lambda line: line.account_id == account)
        return self.company.currency_id.round(sum(lines.mapped("balance")))

    def assertBalanced(self, moves):
        for move in moves:
            self.assertAlmostEqual(
                sum(move.line_ids.mapped("debit")), sum(move.line_ids.mapped("credit"))
            )


class TestCopay(BillingCase):
    def setUp(self):
        super().setUp()
        self.transfer = self.company.healthcare_account_transfer_id
        self.assertTrue(self.transfer)

    def visit_with_copay(self, copay, service="SC1", **more):
        self.play(self.register("C1"), self.verified("C1", 5, copay=copay))
        self.assertStates(self.play(self.completed("C1", service, 60, **more)), "done")
        invoices = self.completion(service).invoice_ids
        return (
            invoices.filtered(lambda m: m.healthcare_responsible == "payer"),
            invoices.filtered(lambda m: m.healthcare_responsible == "patient"),
        )

    def test_off_by_default(self):
        payer, patient = self.visit_with_copay("50.00")
        self.assertEqual(payer.amount_total, 800)
        self.assertFalse(patient)

    def test_billed_at_once(self):
        self.facility.copay_at_service = True
        payer, patient = self.visit_with_copay("50.00")
        self.assertEqual((payer.amount_total, patient.amount_total), (750, 50))
        self.assertEqual(patient.partner_id, self.patient("C1"))
        self.assertEqual(patient.state, "posted")
        self.assertEqual(self.completion("SC1").copay, 50)
        self.assertEqual(self.balance(self.transfer, payer | patient), 0)
        self.assertBalanced(payer | patient)
        revenue = payer.line_ids.filtered("product_id").account_id
        self.assertEqual(self.balance(revenue, payer | patient), -800)
        self.assertEqual(
            self.completion("SC1").order_id.order_line.mapped("qty_invoiced"), [1]
        )
        self.assertEqual(len(self.facts(patient)), 1)

    def test_payers_say_otherwise(self):
        self.facility.copay_at_service = True
        self.payer.healthcare_copay_at_service = "no"
        self.assertFalse(self.visit_with_copay("50.00")[1])
        self.facility.copay_at_service = False
        self.payer.healthcare_copay_at_service = "yes"
        self.assertEqual(self.visit_with_copay("50.00", "SC2")[1].amount_total, 50)

    def test_never_above_the_total(self):
        self.facility.copay_at_service = True
        charges = [{"code": "T-MRI", "quantity": 1, "unit_price": "30.00"}]
        payer, patient = self.visit_with_copay("50.00", charges=charges)
        self.assertEqual((payer.amount_total, patient.amount_total), (0, 30))

    def test_claim_over_both(self):
        self.facility.copay_at_service = True
        payer, patient = self.visit_with_copay("50.00")
        claim = event(
            "claim.adjudicated",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref("C1"),
                "payer": {"code": "T-PAYER"},
                "claim": {
                    "id": "CL1",
                    "invoice": payer.name,
                    "charged": "800.00",
                    "paid": "600.00",
                    "patient_responsibility": "50.00",
                    "adjustments": [
                        {"group": "CO", "reason": "45", "amount": "150.00"},
                        {"group": "PR", "reason": "3", "amount": "50.00"},
                    ],
                },
            },
            time=self.at(90),
        )
        self.assertStates(self.play(claim), "done")
        self.assertEqual(payer.payment_state, "paid")
        self.assertEqual(patient.payment_state, "not_paid")
        self.assertEqual(
            self.env["account.move"].search_count(
                [
                    ("healthcare_responsible", "=", "patient"),
                    ("healthcare_patient_id", "=", self.patient("C1").id),
                ]
            ),
            1,
        )

    def test_any_order_of_arrival(self):
        """A copay verified before the service counts, however late it comes."""
        self.facility.copay_at_service = True
        outcomes = set()
        for index, order in enumerate(permutations(range(4))):
            mrn, service = f"O{index}", f"SO{index}"
            steps = [
                self.register(mrn),
                self.verified(mrn, 5, copay="40.00"),
                self.verified(mrn, 6, copay="50.00"),
                self.completed(mrn, service, 60),
            ]
            for position in (*order, order[0]):
                self.play(steps[position])
            invoices = self.completion(service).invoice_ids
            last = self.env["healthcare.fact"]._latest(
                {(move._name, move.id) for move in invoices}
            )
            outcomes.add(
                tuple(
                    sorted(
                        (
                            move.healthcare_responsible,
                            move.state,
                            move.amount_total,
                            tuple(move.invoice_line_ids.mapped("price_unit")),
                        )
                        for move in invoices
                    )
                )
                + tuple(sorted(one.columns["amount_total"] for one in last))
            )
        self.assertEqual(
            outcomes,
            {
                (
                    ("patient", "posted", 50, (50,)),
                    ("payer", "posted", 750, (800, -50)),
                    "50.00",
                    "750.00",
                )
            },
        )

    def test_what_was_paid_is_not_split(self):
        self.facility.copay_at_service = True
        self.play(self.register("C1"))
        self.play(self.completed("C1", "SC1", 60))
        invoice = self.completion("SC1").invoice_ids
        self.play(
            self.payment(
                "PC1",
                "100.00",
                90,
                "C1",
                allocations=[{"invoice": invoice.name, "amount": "100.00"}],
            )
        )
        self.play(self.verified("C1", 5, copay="50.00"))
        self.assertEqual(self.completion("SC1").invoice_ids, invoice)
        self.assertEqual(invoice.amount_total, 800)

    def test_news_of_after_the_service_change_nothing(self):
        self.facility.copay_at_service = True
        self.play(self.register("C1"))
        self.play(self.completed("C1", "SC1", 60))
        self.play(self.verified("C1", 65, copay="50.00"))
        self.assertEqual(self.completion("SC1").invoice_ids.amount_total, 800)
        # The same when they arrive before the service does.
        self.play(self.completed("C1", "SC2", 60))
        self.assertEqual(self.completion("SC2").invoice_ids.amount_total, 800)
        self.play(self.completed("C1", "SC3", 70))
        self.assertEqual(len(self.completion("SC3").invoice_ids), 2)

    def test_waits_for_the_account(self):
        self.facility.copay_at_service = True
        self.company.healthcare_account_transfer_id = False
        self.play(self.register("C1"), self.verified("C1", 5, copay="50.00"))
        events = self.play(self.completed("C1", "SC1", 60))
        self.assertStates(events, "exception")
        self.assertEqual(self.issues("invoice_mismatch").amount_at_risk, 800)
        self.company.healthcare_account_transfer_id = self.transfer
        self.process()
        self.assertStates(events, "done")


class TestLateDenial(BillingCase):
    def test_what_is_billed_stays_and_somebody_is_told(self):
        """Nothing was required when it was billed: a person decides what to do."""
        self.play(self.register("A1"), self.appointment("booked", "A1", "VA1", 10))
        self.play(self.completed("A1", "SA1", 60, "VA1"))

        def authorization(kind, minute):
            data = {
                "facility": "T-EAST",
                "patient": self.patient_ref("A1"),
                "authorization": {"number": "A1"},
                "appointment_id": "VA1",
                "payer": {"code": "T-PAYER"},
            }
            return event(f"authorization.{kind}", data, time=self.at(minute))

        self.assertStates(self.play(authorization("denied", 20)), "done")
        issue = self.issues("authorization_gap")
        self.assertEqual(len(issue), 1)
        self.assertEqual(self.completion("SA1").invoice_ids.payment_state, "not_paid")
        self.play(authorization("approved", 80))
        self.assertFalse(self.issues())


class TestDrafts(BillingCase):
    def test_everything_goes_on_at_posting(self):
        self.facility.invoice_policy = "draft"
        self.play(self.register("D1"))
        (done,) = self.play(self.completed("D1", "SD1", 60))
        self.assertStates(done, "done")
        invoice = self.completion("SD1").invoice_ids
        self.assertEqual(invoice.state, "draft")
        self.assertFalse(self.facts(invoice))
        waiting = self.play(
            self.payment(
                "PD1",
                "800.00",
                90,
                "D1",
                allocations=[{"account_number": "ACC-D1", "amount": "800.00"}],
            )
        )
        self.assertStates(waiting, "exception")
        invoice.action_post()
        self.env.cr.precommit.run()
        states = self.facts(invoice).mapped("columns")
        self.assertEqual([one["state"] for one in states], ["not_paid"])
        self.process()
        self.assertStates(waiting, "done")
        self.assertEqual(invoice.payment_state, "paid")
        self.assertFalse(self.issues())

    def test_same_documents_in_any_order(self):
        self.facility.invoice_policy = "draft"
        outcomes = set()
        for index, order in enumerate(permutations(range(3))):
            mrn, number = f"D{index}", f"VD{index}"
            steps = [
                self.register(mrn),
                self.appointment("booked", mrn, number, 10),
                self.completed(mrn, f"SD{index}", 60, number),
            ]
            for position in (*order, order[0]):
                self.play(steps[position])
            invoices = self.completion(f"SD{index}").invoice_ids
            outcomes.add(tuple((m.state, m.amount_total) for m in invoices))
        self.assertEqual(outcomes, {(("draft", 800),)})


class TestPeriods(BillingCase):
    def lock(self, day, field="fiscalyear_lock_date"):
        self.company[field] = day

    def test_waits_until_the_period_is_opened(self):
        self.lock("2026-03-31")
        self.play(self.register("L1"))
        events = self.play(
            self.completed("L1", "SL1", 60), self.completed("L1", "SL2", 60)
        )
        self.assertStates(events, "exception")
        issues = self.issues("invoice_mismatch")
        self.assertEqual(
            set(issues.mapped("cause_key")), {f"period/{self.company.id}/2026-03"}
        )
        self.assertIn("2026-03-31", issues[0].reason)
        self.lock("2026-03-10")
        self.process()
        self.assertStates(events, "exception")
        self.lock("2026-02-28")
        self.process()
        self.assertStates(events, "done")
        self.assertFalse(self.issues())
        invoice = self.completion("SL1").invoice_ids
        self.assertEqual(str(invoice.date), "2026-03-05")

    def test_a_lock_exception_opens_it(self):
        self.lock("2026-03-31", "sale_lock_date")
        self.play(self.register("L1"))
        events = self.play(self.completed("L1", "SL1", 60))
        self.assertStates(events, "exception")
        self.env["account.lock_exception"].create(
            {
                "company_id": self.company.id,
                "user_id": False,
                "sale_lock_date": "2026-02-28",
                "reason": "Late charges",
            }
        )
        self.process()
        self.assertStates(events, "done")

    def test_the_net_below(self):
        """Should the wake-up be lost, the sweep finds that the month is open."""
        self.lock("2026-03-31")
        self.play(self.register("L1"))
        events = self.play(self.completed("L1", "SL1", 60))
        causes = {f"period/{self.company.id}/2026-03"}
        workflow = self.env["healthcare.workflow"]
        self.assertFalse(workflow._causes_present(causes))
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_company SET fiscalyear_lock_date = NULL")
        self.env.invalidate_all()
        self.assertEqual(workflow._causes_present(causes), causes)
        self.engine._cron_sweep()
        self.process()
        self.assertStates(events, "done")

    def test_or_is_booked_in_the_next_open_one(self):
        self.facility.period_policy = "next"
        self.lock("2026-03-31")
        self.play(self.register("L1"))
        self.assertStates(self.play(self.completed("L1", "SL1", 60)), "done")
        invoice = self.completion("SL1").invoice_ids
        self.assertEqual(str(invoice.invoice_date), "2026-03-05")
        self.assertGreater(str(invoice.date), "2026-03-31")

    def test_changing_the_policy_lets_go_on(self):
        self.lock("2026-03-31")
        self.play(self.register("L1"))
        events = self.play(self.completed("L1", "SL1", 60))
        self.facility.period_policy = "next"
        self.process()
        self.assertStates(events, "done")
