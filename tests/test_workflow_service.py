"""Performed services become consumed supplies and posted invoices."""

from itertools import permutations

from .workflow_common import WorkflowCase, event


class TestService(WorkflowCase):
    def on_hand(self, product):
        return product.with_context(
            location=self.warehouse.lot_stock_id.id
        ).qty_available

    def booked_to(self, account):
        column = account.plan_id._column_name()
        lines = self.env["account.analytic.line"].search([(column, "=", account.id)])
        return sum(lines.mapped("amount"))

    def authorization(self, kind, mrn, appointment, minute, **more):
        return event(
            f"authorization.{kind}",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "authorization": {"number": "A1", **more},
                "appointment_id": appointment,
                "payer": {"code": "T-PAYER"},
            },
            time=self.at(minute),
        )

    def verified(self, mrn, minute):
        return event(
            "coverage.verified",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref(mrn),
                "coverage": {
                    "payer": {"code": "T-PAYER"},
                    "member_id": f"M-{mrn}",
                    "status": "active",
                },
                "verified_at": self.at(minute),
            },
            time=self.at(minute),
        )

    def test_no_email_tells_of_a_patients_supplies(self):
        self.env.company.stock_move_email_validation = True
        self.play(
            self.register("C9"),
            self.appointment("confirmed", "C9", "V9", 10),
            self.completed("C9", "SV9", 60, "V9"),
        )
        picking = self.visit("V9").picking_ids.filtered(lambda p: p.state == "done")
        self.assertTrue(picking)
        self.assertNotIn("comment", picking.message_ids.mapped("message_type"))
        self.assertFalse(
            self.env["mail.message"].search(
                [
                    ("model", "=", "stock.picking"),
                    ("res_id", "in", picking.ids),
                    ("subtype_id", "=", self.env.ref("mail.mt_comment").id),
                ]
            )
        )

    def test_main_line(self):
        self.play(self.register("C1"), self.appointment("confirmed", "C1", "V1", 10))
        events = self.play(
            self.completed(
                "C1",
                "SV1",
                60,
                "V1",
                charges=[
                    {"code": "T-MRI", "quantity": 1, "unit_price": "700.00"},
                    {"code": "T-CONSULT", "quantity": 1},
                ],
                consumables=[
                    {"code": "T-CONTRAST", "quantity": "3", "wasted": "0.5"},
                ],
            )
        )
        self.assertStates(events, "done")
        visit = self.visit("V1")
        self.assertEqual(visit.state, "completed")
        invoice = visit.completion_ids.invoice_ids
        self.assertEqual(invoice.state, "posted")
        self.assertEqual(invoice.partner_id, self.payer)
        self.assertEqual(invoice.amount_untaxed, 820)
        self.assertEqual(str(invoice.invoice_date), "2026-03-05")
        distribution = invoice.invoice_line_ids[0].analytic_distribution
        east, imaging = self.analytic["EAST"], self.analytic["IMAGING"]
        self.assertEqual(distribution, {f"{east.id},{imaging.id}": 100.0})
        self.assertEqual(self.booked_to(east), 820)
        self.assertEqual(self.booked_to(imaging), 700)
        self.assertEqual(
            sorted(visit.order_id.order_line.mapped("qty_delivered")), [1, 1]
        )
        self.assertEqual(visit.order_id.invoice_status, "invoiced")
        self.assertEqual(self.on_hand(self.contrast), 47)
        self.assertEqual(self.on_hand(self.gloves), 1000)
        self.assertFalse(
            visit.picking_ids.move_ids.filtered(
                lambda m: m.state not in ("done", "cancel")
            )
        )
        facts = self.env["healthcare.fact"].search([("event_id", "=", events.id)])
        self.assertEqual(
            # Charges of two service lines: a fact of the service for each.
            sorted(facts.mapped("fact_type")),
            ["appointment", "consumable_usage", "invoice", "service", "service"],
        )
        self.assertFalse(self.issues())

    def test_second_completion_is_a_duplicate(self):
        self.play(self.register("C1"), self.appointment("booked", "C1", "V1", 10))
        first = self.play(self.completed("C1", "SV1", 60, "V1"))
        second = self.play(self.completed("C1", "SV1", 61, "V1"))
        self.assertStates(first | second, "done", "exception")
        issue = self.issues("duplicate_service")
        self.assertEqual(issue.amount_at_risk, 800)
        self.assertEqual(len(self.visit("V1").completion_ids.invoice_ids), 1)
        both = self.play(
            self.completed("C1", "SV2", 70), self.completed("C1", "SV2", 71)
        )
        self.assertEqual(sorted(both.mapped("state")), ["done", "exception"])

    def test_self_pay_and_walk_in(self):
        self.play(self.register("C1", payer=None), self.register("C2"))
        self.play(self.appointment("booked", "C1", "V1", 10, self_pay=True))
        self.play(
            self.completed("C1", "SV1", 60, "V1"), self.completed("C2", "SV2", 60)
        )
        invoice = self.visit("V1").completion_ids.invoice_ids
        self.assertEqual(invoice.partner_id, self.patient("C1"))
        self.assertEqual(invoice.healthcare_responsible, "patient")
        walk_in = self.env["healthcare.completion"].search([("identifier", "=", "SV2")])
        self.assertEqual(walk_in.order_id.state, "sale")
        self.assertEqual(walk_in.picking_ids.state, "done")
        self.assertEqual(self.on_hand(self.contrast), 46)

    def test_no_coverage_waits_for_one(self):
        self.play(self.register("C1", payer=None))
        events = self.play(self.completed("C1", "SV1", 60))
        self.assertStates(events, "exception")
        self.assertEqual(self.issues("missing_payer").amount_at_risk, 800)
        self.play(self.register("C1", 20, "updated"))
        self.assertStates(events, "done")

    def test_unknown_codes(self):
        self.play(self.register("C1"))
        events = self.play(
            self.completed("C1", "SV1", 60, charges=[{"code": "T-X", "quantity": 1}]),
            self.completed(
                "C1", "SV2", 60, consumables=[{"code": "T-Y", "quantity": 1}]
            ),
        )
        self.assertStates(events, "exception")
        self._service("T-X", 10, {})
        self._supply("T-Y", 5)
        self.process()
        self.assertStates(events, "done")

    def test_authorization_denied_holds_billing(self):
        self.play(self.register("C1"), self.appointment("booked", "C1", "V1", 10))
        self.play(self.authorization("denied", "C1", "V1", 20, reason="No"))
        self.assertTrue(self.visit("V1").billing_hold)
        self.assertEqual(self.visit("V1").clearance, "blocked")
        events = self.play(self.completed("C1", "SV1", 60, "V1"))
        self.assertStates(events, "exception")
        self.assertEqual(len(self.issues("authorization_gap")), 2)
        self.play(self.authorization("approved", "C1", "V1", 70))
        self.assertStates(events, "done")
        self.assertFalse(self.issues())
        self.assertFalse(self.visit("V1").billing_hold)

    def test_authorization_before_the_appointment(self):
        self.play(self.register("C1"))
        events = self.play(
            self.authorization("requested", "C1", "V1", 5),
            self.appointment("booked", "C1", "V1", 10),
            self.authorization("approved", "C1", "V1", 12),
        )
        self.assertStates(events, "done")
        self.assertEqual(self.visit("V1").authorization_state, "approved")
        self.assertEqual(self.visit("V1").authorization_ids.number, "A1")

    def test_any_order_of_arrival(self):
        self._stock(self.contrast, 5000)
        outcomes = set()
        for index, order in enumerate(permutations(range(5))):
            if index % 3:  # 40 of the 120 orders
                continue
            mrn, number = f"P{index}", f"VP{index}"
            steps = [
                self.register(mrn),
                self.appointment("booked", mrn, number, 10),
                self.authorization("approved", mrn, number, 15),
                self.appointment("confirmed", mrn, number, 20),
                self.completed(mrn, f"SVP{index}", 60, number),
            ]
            order = [*order, 5] if index % 2 else [5, *order]
            steps.append(self.verified(mrn, 2))
            before = self.on_hand(self.contrast)
            events = self.env["healthcare.event"]
            for position in order:
                events |= self.play(steps[position])
            self.assertStates(events, "done")
            visit = self.visit(number)
            invoice = visit.completion_ids.invoice_ids
            outcomes.add(
                (
                    visit.state,
                    visit.order_id.state,
                    tuple(visit.order_id.order_line.mapped("qty_delivered")),
                    tuple(sorted(set(visit.picking_ids.mapped("state")))),
                    before - self.on_hand(self.contrast),
                    invoice.amount_total,
                    invoice.state,
                    visit.authorization_state,
                    visit.clearance,
                    visit.coverage_state,
                )
            )
        self.assertEqual(len(outcomes), 1, outcomes)
        self.assertFalse(self.issues())

    def test_stock_is_never_negative(self):
        self._stock(self.contrast, 1)
        self.play(self.register("C1"), self.appointment("confirmed", "C1", "V1", 10))
        events = self.play(self.completed("C1", "SV1", 60, "V1"))
        self.assertStates(events, "done")
        self.assertEqual(self.on_hand(self.contrast), 0)
        issue = self.issues("stock_shortage")
        self.assertEqual(issue.amount_at_risk, 800)
        waiting = self.visit("V1").picking_ids.filtered(lambda p: p.state != "done")
        self.assertEqual(waiting.move_ids.product_qty, 1)
        self._stock(self.contrast, 5)
        self.assertEqual(waiting.state, "done")
        self.assertEqual(self.on_hand(self.contrast), 4)
        self.assertFalse(self.issues())

    def test_lots(self):
        lots = self.env["stock.lot"]
        drug = self._supply("T-DRUG", 0)
        drug.tracking = "lot"
        for name in ("L1", "L2"):
            lot = lots.create({"name": name, "product_id": drug.id})
            self.env["stock.quant"]._update_available_quantity(
                drug, self.warehouse.lot_stock_id, 5, lot_id=lot
            )
        self.play(self.register("C1"))
        self.play(
            self.completed(
                "C1",
                "SV1",
                60,
                consumables=[{"code": "T-DRUG", "quantity": 2, "lot": "L2"}],
            )
        )
        done = self.env["stock.move.line"].search(
            [
                ("product_id", "=", drug.id),
                ("move_id.location_dest_id.usage", "=", "customer"),
            ]
        )
        self.assertEqual((done.lot_id.name, done.quantity), ("L2", 2))

    def test_service_ordered(self):
        self.play(self.register("C1"))
        order = event(
            "service.ordered",
            {
                "facility": "T-EAST",
                "patient": self.patient_ref("C1"),
                "order": {
                    "id": "O1",
                    "services": [{"code": "T-CONSULT", "quantity": 1}],
                },
                "appointment_id": "V1",
            },
            time=self.at(5),
        )
        events = self.play(order, self.appointment("booked", "C1", "V1", 10))
        self.assertStates(events, "done")
        lines = self.visit("V1").order_id.order_line
        self.assertEqual(
            sorted(lines.product_id.mapped("name")),
            ["Service T-CONSULT", "Service T-MRI"],
        )
        self.play(self.completed("C1", "SV1", 60, "V1", order_id="O1"))
        self.assertEqual(
            self.env["sale.order"].search_count(
                [("partner_id", "=", self.patient("C1").id)]
            ),
            1,
        )

    def test_bulk_stays_bulk(self):
        self._stock(self.contrast, 5000)
        numbers = range(150)
        self.play(*(self.register(f"B{i}") for i in numbers))
        self.play(*(self.appointment("booked", f"B{i}", f"VB{i}", 10) for i in numbers))
        none = {"consumables": []}
        self.assertBulk(
            lambda n: self.completed(f"B{n}", f"SB{n}", 60, f"VB{n}", **none),
            per_event=12,
        )
