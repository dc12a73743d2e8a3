"""Appointments become orders and reserved supplies, in any order of arrival."""

from itertools import permutations

from .workflow_common import WorkflowCase, event


class TestScheduling(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.number = 0

    def journey(self, *steps, mrn="S1", **more):
        return [
            self.appointment(kind, mrn, more.get("number", "V1"), minute, **values)
            for minute, (kind, values) in enumerate(steps, start=10)
        ]

    def describe(self, number):
        visit = self.visit(number)
        self.env.invalidate_all()
        moves = visit.picking_ids.move_ids.filtered(lambda m: m.state != "cancel")
        return (
            visit.state,
            visit.start,
            visit.provider,
            visit.order_id.state,
            sorted(
                (line.product_id.name, line.product_uom_qty)
                for line in visit.order_id.order_line
                if line.product_uom_qty
            ),
            sorted((m.product_id.default_code, m.quantity, m.state) for m in moves),
            visit.clearance,
            visit.supplies_state,
        )

    def test_booked_confirmed_checked_in(self):
        self.play(self.register("S1"))
        events = self.play(*self.journey(("booked", {"provider": "Dr A"})))
        self.assertStates(events, "done")
        visit = self.visit("V1")
        self.assertEqual(visit.order_id.state, "draft")
        self.assertEqual(visit.order_id.partner_id, self.patient("S1"))
        self.assertEqual(visit.order_id.warehouse_id, self.warehouse)
        self.assertEqual(visit.amount_expected, 800)
        self.assertFalse(visit.picking_ids)
        self.assertEqual(visit.coverage_state, "missing")  # not verified yet
        self.play(self.appointment("confirmed", "S1", "V1", 20))
        self.assertEqual(visit.order_id.state, "sale")
        self.assertEqual(len(visit.picking_ids), 1)
        self.assertEqual(visit.supplies_state, "reserved")
        self.assertEqual(sum(visit.picking_ids.move_ids.mapped("quantity")), 3)
        self.play(self.appointment("checked_in", "S1", "V1", 30))
        self.assertEqual(visit.state, "checked_in")
        facts = self.env["healthcare.fact"].search(
            [("res_model", "=", visit._name), ("res_id", "=", visit.id)]
        )
        self.assertEqual(len(facts), 3)

    def test_cancelled_releases(self):
        self.play(self.register("S1"))
        self.play(*self.journey(("confirmed", {}), ("cancelled", {})))
        visit = self.visit("V1")
        self.assertEqual(visit.state, "cancelled")
        self.assertEqual(visit.order_id.state, "cancel")
        self.assertEqual(visit.picking_ids.state, "cancel")
        late = self.play(self.appointment("confirmed", "S1", "V1", 5))
        self.assertStates(late, "done")
        self.assertEqual(late.log_ids.mapped("outcome"), ["stale"])
        self.assertIn("Newer information", late.log_ids.message)
        self.assertEqual(visit.state, "cancelled")

    def test_any_order_of_arrival(self):
        steps = [
            ("booked", {"provider": "Dr A"}),
            ("updated", {"start": "2026-03-06T09:00:00Z", "services": ("T-CONSULT",)}),
            ("confirmed", {"services": ("T-MRI", "T-CONSULT")}),
            ("checked_in", {"services": ("T-MRI", "T-CONSULT")}),
        ]
        outcomes = set()
        for index, order in enumerate(permutations(range(4))):
            mrn, number = f"SP{index}", f"VP{index}"
            events = self.journey(*steps, mrn=mrn, number=number)
            for position in order[:2]:
                self.play(events[position])
            self.play(self.register(mrn))
            for position in order[2:]:
                self.play(events[position])
            outcomes.add(str(self.describe(number)))
        self.assertEqual(len(outcomes), 1, outcomes)

    def test_cancelled_in_any_order(self):
        self.play(self.register("S1"))
        for index, order in enumerate(permutations(range(3))):
            number = f"VC{index}"
            events = self.journey(
                ("booked", {}), ("confirmed", {}), ("cancelled", {}), number=number
            )
            for position in order:
                self.play(events[position])
            self.assertEqual(self.visit(number).state, "cancelled")
            self.assertEqual(self.visit(number).order_id.state, "cancel")
        quants = self.contrast.stock_quant_ids.filtered(
            lambda q: q.location_id == self.warehouse.lot_stock_id
        )
        self.assertEqual(sum(quants.mapped("reserved_quantity")), 0)

    def test_missing_patient_waits(self):
        events = self.play(self.appointment("booked", "LATE", "V9", 10))
        self.assertStates(events, "exception")
        self.play(self.register("LATE"))
        self.assertStates(events, "done")
        self.assertFalse(self.issues())

    def test_waits_for_a_registration_that_is_parked_later(self):
        events = self.play(self.appointment("confirmed", "LATE", "V9", 11))
        events |= self.play(self.appointment("booked", "LATE", "V9", 10))
        self.assertStates(events, "waiting", "exception")
        events |= self.play(self.register("LATE", payer="T-LATE"))
        self.assertStates(events, "waiting", "waiting", "exception")
        self.assertEqual(self.issues().category, "missing_payer")
        self.env["res.partner"].create(
            {
                "name": "L",
                "healthcare_is_payer": True,
                "healthcare_payer_code": "T-LATE",
            }
        )
        self.process()
        self.assertStates(events, "done")
        self.assertFalse(self.issues())

    def test_service_timed_before_its_own_booking(self):
        steps = [
            self.completed("S1", "SE1", 9, "V1"),
            self.appointment("booked", "S1", "V1", 10),
            self.appointment("confirmed", "S1", "V1", 11),
        ]
        for order in permutations(range(3)):
            for together in (False, True):
                point = self.cr.savepoint(flush=True)
                self.play(self.register("S1"))
                sent = [steps[position] for position in order]
                if together:
                    events = self.play(*sent)
                else:
                    events = self.env["healthcare.event"].concat(
                        *(self.play(one) for one in sent)
                    )
                self.assertStates(events, "done")
                self.assertEqual(self.visit("V1").state, "completed")
                self.assertFalse(self.issues())
                point.close(rollback=True)
                self.env.invalidate_all()

    def test_service_before_a_booking_that_is_parked_itself(self):
        self.play(self.register("S1"))
        events = self.play(
            self.completed("S1", "SE1", 9, "V1"),
            self.appointment("booked", "S1", "V1", 10, services=("T-MRI", "T-NEW")),
        )
        self.assertStates(events, "exception")
        self._service("T-NEW", 10, {})
        self.process()
        self.assertStates(events, "done")
        self.assertFalse(self.issues())

    def test_merge_timed_before_the_survivors_registration(self):
        merge = event(
            "patient.merged",
            {
                "facility": "T-EAST",
                "survivor": self.patient_ref("S1"),
                "retired": self.patient_ref("S2"),
            },
            time=self.at(1),
        )
        steps = [merge, self.register("S1", 2), self.register("S2", 3)]
        for order in permutations(range(3)):
            point = self.cr.savepoint(flush=True)
            events = self.env["healthcare.event"].concat(
                *(self.play(steps[position]) for position in order)
            )
            self.assertStates(events, "done")
            self.assertEqual(self.patient("S1"), self.patient("S2"), order)
            self.assertFalse(
                self.issues().filtered(lambda i: i.category != "duplicate_patient")
            )
            point.close(rollback=True)
            self.env.invalidate_all()

    def test_unknown_service(self):
        self.play(self.register("S1"))
        events = self.play(
            self.appointment("booked", "S1", "V1", 10, services=("T-MRI", "T-NEW")),
            self.appointment("confirmed", "S1", "V1", 11, services=("T-MRI", "T-NEW")),
        )
        self.assertStates(events, "exception", "waiting")
        self.assertEqual(self.issues().amount_at_risk, 800)
        events = self.play(
            self.appointment("confirmed", "S1", "V2", 11, services=("T-NEW",))
        )
        events = (
            self.play(self.appointment("booked", "S1", "V2", 10, services=("T-NEW",)))
            + events
        )
        self.assertStates(events, "exception", "waiting")
        self.assertEqual(len(self.issues()), 2)
        self._service("T-NEW", 10, {})
        self.process()
        self.assertStates(events, "done")
        self.assertEqual(self.visit("V1").amount_expected, 810)

    def test_shortage_is_replenished_and_resolves(self):
        self._stock(self.contrast, 3)
        self.play(self.register("S1"), self.register("S2"))
        self.play(
            self.appointment("confirmed", "S1", "V1", 10),
            self.appointment("confirmed", "S2", "V2", 10, start="2026-03-05T08:00:00Z"),
        )
        # The earlier visit comes first.
        self.assertEqual(self.visit("V2").supplies_state, "reserved")
        self.assertEqual(self.visit("V1").supplies_state, "partial")
        issue = self.issues("stock_shortage")
        self.assertEqual(issue.appointment_id, self.visit("V1"))
        self.assertIn("T-CONTRAST", issue.reason)
        line = self.env["purchase.order.line"].search(
            [("product_id", "=", self.contrast.id)]
        )
        self.assertEqual((line.product_qty, line.order_id.state), (1, "draft"))
        self.assertEqual(line.order_id.partner_id, self.vendor)
        line.order_id.button_confirm()
        receipt = line.order_id.picking_ids
        receipt.move_ids.picked = True
        receipt.button_validate()
        self.assertEqual(self.visit("V1").supplies_state, "reserved")
        self.assertFalse(self.issues("stock_shortage"))

    def test_shortage_resolves_by_sweep_and_by_hand(self):
        for look in (
            lambda: self.engine._cron_sweep(),
            lambda: self.issues().action_retry(),
        ):
            point = self.cr.savepoint(flush=True)
            self._stock(self.contrast, 1)
            self.play(
                self.register("S1"), self.appointment("confirmed", "S1", "V1", 10)
            )
            self.assertEqual(self.visit("V1").supplies_state, "partial")
            # Stock that no transfer of Odoo told us of.
            self.env["stock.quant"]._update_available_quantity(
                self.contrast, self.warehouse.lot_stock_id, 9
            )
            look()
            self.assertFalse(self.issues())
            self.assertEqual(self.visit("V1").supplies_state, "reserved")
            point.close(rollback=True)
            self.env.invalidate_all()

    def test_shortage_in_any_order(self):
        self._stock(self.contrast, 3)
        self.play(*(self.register(f"S{i}") for i in range(3)))
        steps = [
            self.appointment("confirmed", "S0", "V0", 10, start="2026-03-05T07:00:00Z"),
            self.appointment("confirmed", "S1", "V1", 10, start="2026-03-05T08:00:00Z"),
            self.appointment("confirmed", "S2", "V2", 10, start="2026-03-05T09:00:00Z"),
            self.appointment("cancelled", "S0", "V0", 20, start="2026-03-05T07:00:00Z"),
        ]
        outcomes = set()
        for order in permutations(range(4)):
            point = self.cr.savepoint(flush=True)
            for position in order:
                self.play(steps[position])
            lines = self.env["purchase.order.line"].search(
                [("product_id", "=", self.contrast.id)]
            )
            outcomes.add(
                str(
                    (
                        [self.describe(f"V{i}") for i in range(3)],
                        sum(lines.mapped("product_qty")),
                        self.issues().mapped("appointment_id.identifier"),
                    )
                )
            )
            point.close(rollback=True)
            self.env.invalidate_all()
        self.assertEqual(len(outcomes), 1, outcomes)

    def test_bulk_stays_bulk(self):
        self._stock(self.contrast, 5000)
        self.play(*(self.register(f"B{i}") for i in range(150)))
        self.assertBulk(
            lambda n: self.appointment("booked", f"B{n}", f"VB{n}", 10), per_event=0.1
        )
        # Reserving is Odoo's: it looks at quants for each of the two moves of a visit.
        self.assertBulk(
            lambda n: self.appointment("confirmed", f"B{n}", f"VB{n}", 20), per_event=24
        )
