"""A cause goes away: all that was parked for it runs again, in bulk, by itself."""

from odoo.addons.healthcare_connector.models.governance.exception import OPEN_STATES

from .test_workflow_claim import ClaimCase
from .workflow_common import event

MANY = 100


class TestExceptionHealing(ClaimCase):
    """One test per kind of cause; a table below says that none was forgotten."""

    TESTED = {
        "patient": "test_patient",
        "appointment": "test_appointment",
        "claim": "test_claim",
        "payer": "test_payer",
        "service": "test_service",
        "supply": "test_supply",
        "facility": "test_facility",
        "coverage": "test_coverage",
        "account": "test_account",
        "patient-invoice": "test_patient_invoice",
        "invoice": "test_invoice",
        "paid": "test_paid",
        "completion": "test_completion",
        "stock": "test_stock",
        "stock-service": "test_stock_service",
        "authorization": "test_authorization",
        "claim-accounts": "test_claim_accounts",
        "duplicate": "test_duplicate",
        "order": "test_order",
        "payment": "test_payment",
    }
    # Kinds that the tests of their own flow let go away.
    ELSEWHERE = {
        "deferred-account": "test_billing_revenue",
        "alike-completion": "test_downtime",
        "alike-payment": "test_downtime",
    }

    def setUp(self):
        super().setUp()
        self._stock(self.contrast, 50000)
        self._stock(self.gloves, 50000)
        # Nobody shall look like anybody here.
        self.patient("K1").healthcare_birth_date = "1931-01-31"

    def test_every_kind_of_cause_has_its_test(self):
        kinds = set(self.env["healthcare.workflow"]._cause_queries())
        self.assertFalse(kinds - set(self.TESTED) - set(self.ELSEWHERE))
        for name in self.TESTED.values():
            self.assertTrue(hasattr(self, name), name)

    # -- helpers ----------------------------------------------------------------

    def held(self, category, *envelopes):
        events = self.play(*envelopes)
        self.assertStates(events, "exception")
        self.assertEqual(len(self.issues(category)), len(envelopes))
        return events

    def assertHealed(self, events):
        self.process()
        self.env.invalidate_all()
        self.assertEqual(set(events.mapped("state")), {"done"})
        self.assertFalse(self.issues(), self.issues().mapped("reason"))

    def register_many(self, count=MANY, prefix="H"):
        self.play(*(self.register(f"{prefix}{i}") for i in range(count)))
        return [f"{prefix}{i}" for i in range(count)]

    def payer_named(self, code):
        return self.env["res.partner"].create(
            {
                "name": code,
                "healthcare_is_payer": True,
                "healthcare_payer_code": code,
            }
        )

    def consults(self, mrns, **more):
        charge = {"code": "T-CONSULT", "quantity": 1}
        return [
            self.completed(mrn, f"SV-{mrn}", 60, charges=[charge], **more)
            for mrn in mrns
        ]

    # -- what people set up -----------------------------------------------------

    def test_payer(self):
        events = self.held(
            "missing_payer",
            *(self.register(f"H{i}", payer="T-NEW") for i in range(MANY)),
        )
        self.payer_named("T-NEW")
        self.assertHealed(events)

    def test_payer_unarchived_or_given_its_code(self):
        for number, remedy in enumerate(("unarchive", "code")):
            code = f"T-NEW{number}"
            payer = self.payer_named(code)
            if remedy == "unarchive":
                payer.active = False
            else:
                payer.healthcare_payer_code = False
            events = self.held("missing_payer", self.register(f"H{number}", payer=code))
            if remedy == "unarchive":
                payer.action_unarchive()
            else:
                payer.healthcare_payer_code = code
            self.assertHealed(events)

    def test_service(self):
        visits = [
            self.appointment("booked", mrn, f"V-{mrn}", 10, services=["T-NEW"])
            for mrn in self.register_many()
        ]
        events = self.held("unmapped_code", *visits)
        service = self._service("T-NEW", 10.0, {})
        self.assertHealed(events)
        service.active = False
        again = self.held(
            "unmapped_code",
            self.appointment("booked", "H1", "V-AGAIN", 10, services=["T-NEW"]),
        )
        service.action_unarchive()
        self.assertHealed(again)

    def test_supply(self):
        used = [{"code": "T-NEW", "quantity": "1"}]
        events = self.held(
            "unmapped_code", *self.consults(self.register_many(), consumables=used)
        )
        product = self._supply("T-NEW", 1000)
        self.assertHealed(events)
        product.active = False
        again = self.held("unmapped_code", *self.consults(["K1"], consumables=used))
        product.action_unarchive()
        self.assertHealed(again)

    def test_facility(self):
        events = self.held(
            "missing_dependency",
            *(self.register(f"H{i}", facility="T-WEST") for i in range(MANY)),
        )
        self.env["healthcare.facility"].create({"name": "West", "code": "T-WEST"})
        self.assertHealed(events)

    def test_claim_accounts(self):
        self.play(self.completed("K1", "SV1", 60))
        account = self.company.healthcare_account_co_id
        self.company.healthcare_account_co_id = False
        events = self.held("invoice_mismatch", self.decided())
        self.company.healthcare_account_co_id = account
        self.assertHealed(events)

    # -- what other events bring ------------------------------------------------

    def test_patient(self):
        visits = [self.appointment("booked", f"H{i}", f"V{i}", 10) for i in range(MANY)]
        events = self.held("missing_dependency", *visits)
        self.register_many()
        self.assertHealed(events)

    def test_appointment(self):
        mrns = self.register_many(30)
        done = [
            self.completed(
                mrn,
                f"SV-{mrn}",
                60,
                f"V-{mrn}",
                charges=[{"code": "T-CONSULT", "quantity": 1}],
            )
            for mrn in mrns
        ]
        events = self.held("missing_dependency", *done)
        self.play(*(self.appointment("booked", mrn, f"V-{mrn}", 10) for mrn in mrns))
        self.assertHealed(events)

    def test_order(self):
        """Services without a visit wait behind nothing: an order may come later."""
        mrns = self.register_many(3)
        events = self.play(
            *(
                self.completed(
                    mrn,
                    f"SV-{mrn}",
                    60,
                    order_id=f"O-{mrn}",
                    charges=[{"code": "T-CONSULT", "quantity": 1}],
                )
                for mrn in mrns
            )
        )
        orders = [
            event(
                "service.ordered",
                {
                    "facility": "T-EAST",
                    "patient": self.patient_ref(mrn),
                    "order": {
                        "id": f"O-{mrn}",
                        "services": [{"code": "T-CONSULT", "quantity": 1}],
                    },
                },
                time=self.at(20),
            )
            for mrn in mrns
        ]
        events += self.play(*orders)
        self.assertHealed(events)

    def test_coverage(self):
        mrns = [f"H{i}" for i in range(MANY)]
        self.play(*(self.register(mrn, payer=None) for mrn in mrns))
        events = self.held("missing_payer", *self.consults(mrns))
        verified = [
            event(
                "coverage.verified",
                {
                    "facility": "T-EAST",
                    "patient": self.patient_ref(mrn),
                    "coverage": {
                        "payer": {"code": "T-PAYER"},
                        "member_id": f"M-{mrn}",
                        "status": "active",
                    },
                    "verified_at": self.at(20),
                },
                time=self.at(20),
            )
            for mrn in mrns
        ]
        self.play(*verified)
        self.assertHealed(events)

    def test_coverage_added_by_hand(self):
        self.play(self.register("H1", payer=None))
        events = self.held("missing_payer", *self.consults(["H1"]))
        coverage = self.env["healthcare.coverage"].create(
            {
                "patient_id": self.patient("H1").id,
                "payer_id": self.payer.id,
                "member_id": "M-1",
                "status": "inactive",
            }
        )
        self.process()
        self.assertStates(events, "exception")
        coverage.status = "active"
        self.assertHealed(events)

    def test_authorization(self):
        self.mri.authorization_required = True
        mrns = self.register_many(30)
        self.play(*(self.appointment("booked", mrn, f"V-{mrn}", 10) for mrn in mrns))
        events = self.held(
            "authorization_gap",
            *(self.completed(mrn, f"SV-{mrn}", 60, f"V-{mrn}") for mrn in mrns),
        )
        approved = [
            event(
                "authorization.approved",
                {
                    "facility": "T-EAST",
                    "patient": self.patient_ref(mrn),
                    "authorization": {"number": f"A-{mrn}"},
                    "appointment_id": f"V-{mrn}",
                    "payer": {"code": "T-PAYER"},
                },
                time=self.at(20),
            )
            for mrn in mrns
        ]
        self.play(*approved)
        self.assertHealed(events)

    def test_authorization_no_longer_needed(self):
        self.mri.authorization_required = True
        self.play(self.appointment("booked", "K1", "V1", 10))
        events = self.held("authorization_gap", self.completed("K1", "SV1", 60, "V1"))
        self.mri.authorization_required = False
        self.assertHealed(events)

    def test_account(self):
        mrns = self.register_many(30)
        money = [
            self.payment(
                f"P-{mrn}",
                "120.00",
                90,
                allocations=[{"account_number": f"ACC-{mrn}", "amount": "120.00"}],
            )
            for mrn in mrns
        ]
        events = self.held("payment_mismatch", *money)
        self.play(*self.consults(mrns))
        self.assertHealed(events)

    def test_patient_invoice(self):
        mrns = self.register_many(30)
        claims = [
            self.claim("submitted", f"CL-{mrn}", 90, "120.00", mrn) for mrn in mrns
        ]
        events = self.held("missing_dependency", *claims)
        self.play(*self.consults(mrns))
        self.assertHealed(events)

    def test_invoice(self):
        """An invoice that finance posts by hand under the number money names."""
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.payer.id,
                "healthcare_patient_id": self.patient("K1").id,
                "healthcare_responsible": "payer",
                "invoice_date": "2026-03-04",
                "invoice_line_ids": [
                    (
                        0,
                        0,
                        {"product_id": self.consult.product_id.id, "price_unit": 80},
                    )
                ],
            }
        )
        allocation = {"invoice": "TEST/H/1", "amount": "80.00"}
        events = self.held(
            "payment_mismatch",
            self.payment("P1", "80.00", 90, allocations=[allocation]),
        )
        move.name = "TEST/H/1"
        move.action_post()
        self.assertEqual(move.name, "TEST/H/1")
        self.engine._cron_sweep()
        self.assertHealed(events)

    def test_claim(self):
        self.play(self.completed("K1", "SV1", 60))
        decision = self.decided(mrn=None)
        events = self.held("missing_dependency", decision)
        self.play(self.claim("submitted", "CL1", 90))
        self.assertHealed(events)

    def test_payment(self):
        mrns = self.register_many(10)
        self.play(*self.consults(mrns))
        reversals = []
        for mrn in mrns:
            envelope = self.payment(f"P-{mrn}", "120.00", 95, mrn)
            envelope["type"] = "healthcare.payment.reversed.v1"
            reversals.append(envelope)
        events = self.held("missing_dependency", *reversals)
        self.play(*(self.payment(f"P-{mrn}", "120.00", 90, mrn) for mrn in mrns))
        self.assertHealed(events)

    def test_paid(self):
        self.play(self.completed("K1", "SV1", 60))
        self.play(
            self.payment(
                "P1",
                "500.00",
                90,
                allocations=[{"invoice": self.bill().name, "amount": "500.00"}],
            )
        )
        self.assertEqual(len(self.issues("payment_mismatch")), 1)
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.bill().ids
        ).create({})._create_payments()
        self.engine._cron_sweep()
        self.assertFalse(self.issues(), self.issues().mapped("reason"))

    def test_duplicate(self):
        """Numbers of two patients in one event: it waits until they are one."""
        self.play(
            self.register("H1"),
            self.register(
                "H2",
                patient={
                    "name": {"family": "Other", "given": ["Person"]},
                    "birth_date": "1950-01-31",
                },
            ),
        )
        both = self.register("H1", 30, "updated")
        both["data"]["patient"]["identifiers"] += self.patient_ref("H2")["identifiers"]
        events = self.held("duplicate_patient", both)
        self.patient("H2")._healthcare_merge_into(self.patient("H1"), reason="Same")
        self.assertHealed(events)

    def test_completion(self):
        events = self.play(self.completed("K1", "SV1", 60))
        second = self.held("duplicate_service", self.completed("K1", "SV1", 61))
        self.bill().button_draft()
        self.bill().unlink()
        self.env["healthcare.completion"].search([("identifier", "=", "SV1")]).unlink()
        self.engine._cron_sweep()
        self.assertHealed(events | second)

    # -- stock ------------------------------------------------------------------

    def test_stock(self):
        self._stock(self.contrast, 0)
        mrns = self.register_many(30)
        self.play(*(self.appointment("confirmed", mrn, f"V-{mrn}", 10) for mrn in mrns))
        self.assertEqual(len(self.issues("stock_shortage")), 30)
        self._stock(self.contrast, 1000)
        self.assertFalse(self.issues(), self.issues().mapped("reason"))

    def test_stock_service(self):
        self._stock(self.contrast, 0)
        mrns = self.register_many(10)
        self.play(*(self.completed(mrn, f"SV-{mrn}", 60) for mrn in mrns))
        self.assertEqual(len(self.issues("stock_shortage")), 10)
        self._stock(self.contrast, 1000)
        self.assertFalse(self.issues(), self.issues().mapped("reason"))

    # -- in bulk ----------------------------------------------------------------

    def test_released_in_bulk(self):
        """Opening, releasing and closing take no statement for each exception."""
        counts = []
        for number, count in enumerate((3, 50, 100)):
            code = f"T-BULK{number}"
            self.send(
                *(self.register(f"B{number}-{i}", payer=code) for i in range(count))
            )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.process()
            self.env.flush_all()
            parked = self.cr.sql_log_count - before
            self.assertEqual(len(self.issues("missing_payer")), count)
            before = self.cr.sql_log_count
            self.payer_named(code)
            self.env.flush_all()
            released = self.cr.sql_log_count - before
            self.process()
            self.env.flush_all()
            counts.append((parked, released, self.cr.sql_log_count - before - released))
            self.assertFalse(self.issues(), self.issues().mapped("reason"))
        _warm, few, many = counts
        for less, more in zip(few, many, strict=True):
            self.assertLessEqual(more - less, 15, counts)

    def test_the_net_finds_what_nobody_told_of(self):
        """The minute's sweep releases hundreds in bulk as well."""
        events = self.held(
            "missing_payer",
            *(self.register(f"H{i}", payer="T-NEW") for i in range(MANY)),
        )
        self.env.cr.execute(
            """UPDATE res_partner SET healthcare_payer_code = 'T-NEW',
            healthcare_is_payer = true WHERE id = %s""",
            self.vendor.ids,
        )
        self.vendor.invalidate_recordset()
        before = self.cr.sql_log_count
        self.engine._cron_sweep()
        self.assertLess(self.cr.sql_log_count - before, 60)
        self.assertHealed(events)
        self.assertFalse(
            self.env["healthcare.exception"].search_count(
                [("state", "in", OPEN_STATES), ("category", "=", "missing_payer")]
            )
        )
