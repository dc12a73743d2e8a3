"""Two companies with a facility each: patients are shared, documents never."""

from odoo.tests import new_test_user

from .workflow_common import WorkflowCase, event

GROUP = "healthcare_connector.group_"


class TestCompanies(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.company"].create(
            {
                "name": "Far provider",
                "currency_id": cls.company.currency_id.id,
                "country_id": cls.env.ref("base.us").id,
            }
        )
        cls.env.user.company_ids |= cls.other
        cls.env["account.chart.template"].try_loading(
            "generic_coa", company=cls.other, install_demo=False
        )
        cls.far_warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.other.id)], limit=1
        )
        cls.far = (
            cls.env["healthcare.facility"]
            .with_company(cls.other)
            .create(
                {
                    "name": "Far",
                    "code": "T-FAR",
                    "company_id": cls.other.id,
                    "warehouse_id": cls.far_warehouse.id,
                }
            )
        )
        cls.users = {
            company: new_test_user(
                cls.env,
                f"company-{company.id}",
                groups=f"base.group_user,{GROUP}finance,account.group_account_manager,"
                "sales_team.group_sale_manager,stock.group_stock_manager",
                company_id=company.id,
                company_ids=[(6, 0, company.ids)],
            )
            for company in (cls.company, cls.other)
        }

    def setUp(self):
        super().setUp()
        self.env["stock.quant"]._update_available_quantity(
            self.contrast, self.far_warehouse.lot_stock_id, 20
        )
        self.env["stock.quant"]._update_available_quantity(
            self.gloves, self.far_warehouse.lot_stock_id, 20
        )

    def at_far(self, envelope):
        envelope["data"]["facility"] = "T-FAR"
        return envelope

    def day(self, mrn="C1"):
        """A visit of the same patient at each of the two."""
        self.play(self.register(mrn), self.at_far(self.register(mrn, 1, "updated")))
        self.play(
            self.appointment("confirmed", mrn, "CV1", 5),
            self.at_far(self.appointment("confirmed", mrn, "CV2", 5)),
        )
        return self.visit("CV1"), self.visit("CV2")

    def as_user(self, company, model):
        return self.env[model].with_user(self.users[company])

    # -- documents ----------------------------------------------------------------

    def test_patients_are_shared_and_documents_are_not(self):
        near, far = self.day()
        self.assertEqual(near.patient_id, far.patient_id)
        self.assertFalse(near.patient_id.company_id)
        self.play(
            self.completed("C1", "CS1", 60, "CV1"),
            self.at_far(self.completed("C1", "CS2", 60, "CV2")),
        )
        for visit, company in ((near, self.company), (far, self.other)):
            self.assertEqual(visit.company_id, company)
            for documents in (
                visit.order_id,
                visit.picking_ids,
                visit.completion_ids,
                visit.invoice_ids,
                visit.invoice_ids.journal_id,
                visit.picking_ids.move_ids.warehouse_id,
            ):
                self.assertTrue(documents)
                self.assertEqual(documents.company_id, company, documents)

    def test_users_see_their_own_companys(self):
        self.day()
        self.play(
            self.completed("C1", "CS1", 60, "CV1"),
            self.at_far(self.completed("C1", "CS2", 60, "CV2")),
            self.at_far(self.payment("CP9", "5.00", 70, "C1")),
        )
        far_events = self.env["healthcare.event"].search(
            [("facility_id", "=", self.far.id)]
        )
        self.assertTrue(far_events)
        for model, domain in (
            ("healthcare.event", [("id", "in", far_events.ids)]),
            ("healthcare.sync.log", [("event_id", "in", far_events.ids)]),
            ("healthcare.document.link", [("event_id", "in", far_events.ids)]),
            ("healthcare.exception", [("facility_id", "=", self.far.id)]),
            ("healthcare.appointment", [("identifier", "=", "CV2")]),
            (
                "healthcare.appointment.service",
                [("appointment_id.identifier", "=", "CV2")],
            ),
            ("healthcare.completion", [("identifier", "=", "CS2")]),
            ("healthcare.fact", [("facility_id", "=", self.far.id)]),
            ("healthcare.facility", [("code", "=", "T-FAR")]),
            ("healthcare.patient.timeline", [("facility_id", "=", self.far.id)]),
            ("sale.order", [("healthcare_facility_id", "=", self.far.id)]),
            ("account.move", [("healthcare_facility_id", "=", self.far.id)]),
        ):
            with self.subTest(model=model):
                self.assertTrue(self.as_user(self.other, model).search_count(domain))
                self.assertFalse(self.as_user(self.company, model).search(domain))

    # -- look-ups -------------------------------------------------------------------

    def test_money_stays_in_its_company(self):
        self.day()
        self.play(self.completed("C1", "CS1", 60, "CV1"))
        invoice = self.visit("CV1").invoice_ids
        allocations = [{"invoice": invoice.name, "amount": "800.00"}]
        account = [{"account_number": "ACC-C1", "amount": "800.00"}]
        events = self.play(
            self.at_far(self.payment("CP1", "800.00", 70, "C1")),
            self.at_far(self.payment("CP2", "800.00", 70, allocations=allocations)),
            self.at_far(self.payment("CP3", "800.00", 70, allocations=account)),
        )
        self.assertStates(events, "exception")
        self.assertEqual(invoice.payment_state, "not_paid")
        self.assertEqual(events.exception_ids.company_id, self.other)

    def test_claims_stay_in_their_company(self):
        self.day()
        self.play(self.completed("C1", "CS1", 60, "CV1"))
        invoice = self.visit("CV1").invoice_ids

        def claim(kind, number, minute, **more):
            return event(
                f"claim.{kind}",
                {
                    "facility": "T-EAST",
                    "patient": self.patient_ref("C1"),
                    "claim": {
                        "id": number,
                        "invoice": invoice.name,
                        "charged": "800.00",
                        **more,
                    },
                    "payer": {"code": "T-PAYER"},
                },
                time=self.at(minute),
            )

        self.assertStates(self.play(claim("submitted", "CC1", 70)), "done")
        foreign = self.play(
            self.at_far(claim("submitted", "CC2", 70)),
            self.at_far(claim("adjudicated", "CC1", 71, paid="800.00")),
            self.at_far(
                self.payment(
                    "CP1",
                    "800.00",
                    72,
                    allocations=[{"claim_id": "CC1", "amount": "800.00"}],
                )
            ),
        )
        self.assertStates(foreign, "exception")
        self.assertEqual(invoice.payment_state, "not_paid")

    def test_a_number_of_another_companys_document_is_for_a_person(self):
        near, _far = self.day()
        events = self.play(
            self.at_far(self.appointment("cancelled", "C1", "CV1", 20)),
            self.at_far(self.completed("C1", "CS1", 60, "CV1")),
            self.at_far(
                event(
                    "authorization.denied",
                    {
                        "facility": "T-EAST",
                        "patient": self.patient_ref("C1"),
                        "authorization": {"number": "CA1"},
                        "appointment_id": "CV1",
                    },
                    time=self.at(20),
                )
            ),
        )
        self.assertEqual(events.mapped("state"), ["exception", "waiting", "exception"])
        self.assertEqual(
            set(events.exception_ids.mapped("reason")),
            {"This number belongs to a document of another company."},
        )
        self.assertEqual(events.exception_ids.company_id, self.other)
        self.assertEqual(near.state, "confirmed")
        self.assertFalse(near.billing_hold)
        events[:1].open_exception_id._waive("sent by mistake")
        self.process()
        self.assertEqual(events[1].state, "exception")

    def test_supplies_of_one_company_are_not_used_by_another(self):
        self.env["product.product"].create(
            {
                "name": "Only near",
                "default_code": "T-NEAR",
                "type": "consu",
                "company_id": self.company.id,
            }
        )
        used = [{"code": "T-NEAR", "quantity": 1}]
        self.day()
        held = self.play(
            self.at_far(self.completed("C1", "CS2", 60, "CV2", consumables=used))
        )
        self.assertStates(held, "exception")
        self.assertEqual(held.open_exception_id.category, "unmapped_code")

    # -- around the visit -----------------------------------------------------------

    def test_deposits_and_standing_authorizations_stay_too(self):
        (self.facility | self.far).deposit_policy = "estimate"
        self.mri.authorization_required = True
        self.play(self.register("C1"))
        self.play(
            self.appointment("booked", "C1", "CV1", 5, self_pay=True),
            self.at_far(self.appointment("booked", "C1", "CV2", 5, self_pay=True)),
            self.appointment("booked", "C1", "CV3", 5),
            self.at_far(self.appointment("booked", "C1", "CV4", 5)),
        )
        self.play(
            self.at_far(self.payment("CP1", "800.00", 10, "C1", payer_type="patient")),
            event(
                "authorization.approved",
                {
                    "facility": "T-FAR",
                    "patient": self.patient_ref("C1"),
                    "authorization": {"number": "CA1"},
                },
                time=self.at(10),
            ),
        )
        self.assertEqual(self.visit("CV1").deposit_state, "due")
        self.assertEqual(self.visit("CV2").deposit_state, "received")
        self.assertEqual(self.visit("CV3").authorization_state, "pending")
        self.assertEqual(self.visit("CV4").authorization_state, "approved")

    def test_one_company_asks_nothing(self):
        self.assertTrue(self.env["healthcare.facility"]._several_companies())
        self.far.unlink()
        self.assertFalse(self.env["healthcare.facility"]._several_companies())
