"""What is charged, and what was used: prices, modifiers, supplies."""

from odoo import Command

from .workflow_common import WorkflowCase


class TestBillingPrices(WorkflowCase):
    def contract(self, *prices):
        """Give the payer a price list of its own."""
        self.payer.specific_property_product_pricelist = self.env[
            "product.pricelist"
        ].create(
            {
                "name": "Contract",
                "currency_id": self.company.currency_id.id,
                "item_ids": [
                    Command.create(
                        {
                            "applied_on": "1_product",
                            "product_tmpl_id": service.product_id.product_tmpl_id.id,
                            "compute_price": "fixed",
                            "fixed_price": price,
                        }
                    )
                    for service, price in prices
                ],
            }
        )

    def complete(self, service, *charges, **more):
        self.play(self.register("P1"))
        events = self.play(
            self.completed("P1", service, 60, charges=list(charges), **more)
        )
        self.assertStates(events, "done")
        return self.env["healthcare.completion"].search([("identifier", "=", service)])

    def lines(self, completion):
        return [
            (one.service_id.code, one.quantity, one.price_unit, one.price_source)
            for one in completion.line_ids
        ]

    def test_event_then_contract_then_list(self):
        self.contract((self.mri, 640.0))
        completion = self.complete(
            "SP1",
            {"code": "T-MRI", "quantity": 2},
            {"code": "T-MRI", "quantity": 1, "unit_price": "700.50"},
            {"code": "T-CONSULT", "quantity": 1},
        )
        self.assertEqual(
            self.lines(completion),
            [
                ("T-MRI", 2, 640.0, "contract"),
                ("T-MRI", 1, 700.5, "event"),
                ("T-CONSULT", 1, 120.0, "list"),
            ],
        )
        self.assertEqual(completion.line_ids.mapped("amount"), [1280.0, 700.5, 120.0])
        self.assertEqual(completion.amount_total, 2100.5)
        self.assertEqual(completion.invoice_ids.amount_total, 2100.5)

    def test_a_contract_is_the_payers_own(self):
        self.contract((self.mri, 640.0))
        self.play(self.register("P1", payer=None))
        self.play(self.appointment("booked", "P1", "VP1", 10, self_pay=True))
        self.play(self.completed("P1", "SP1", 60, "VP1"))
        invoice = self.visit("VP1").completion_ids.invoice_ids
        self.assertEqual(invoice.amount_total, 800)

    def test_modifiers(self):
        self.contract((self.mri, 600.0))
        completion = self.complete(
            "SP1",
            {"code": "T-MRI", "quantity": 1, "modifiers": ["50", "LT"]},
            {"code": "T-CONSULT", "quantity": 1, "modifiers": ["50"]},
            {
                "code": "T-CONSULT",
                "quantity": 1,
                "unit_price": "99.00",
                "modifiers": ["50"],
            },
            {"code": "T-CONSULT", "quantity": 1, "modifiers": ["ZZ"]},
        )
        self.assertEqual(
            completion.line_ids.mapped("price_unit"), [900.0, 180.0, 99.0, 120.0]
        )
        self.assertEqual(
            completion.line_ids.mapped("modifiers"), ["50, LT", "50", "50", "ZZ"]
        )
        self.assertEqual(
            completion.line_ids[0].modifier_note, "Bilateral procedure, Left side"
        )
        invoice = completion.invoice_ids
        self.assertEqual(invoice.amount_total, 1299)
        self.assertIn("(50, LT)", invoice.invoice_line_ids[0].name)
        self.assertIn("(ZZ)", invoice.invoice_line_ids[3].name)

    def test_nothing_to_bill(self):
        completion = self.complete("SP1")
        self.assertFalse(completion.invoice_ids)
        self.assertEqual(completion.amount_total, 0)

    # -- supplies -----------------------------------------------------------------

    def supplies(self, completion):
        return {
            one.product_id.default_code: (
                one.planned,
                one.used,
                one.difference,
                one.substitute_for_id.default_code,
            )
            for one in completion.supply_ids
        }

    def test_supplies_against_the_plan(self):
        completion = self.complete(
            "SP1",
            {"code": "T-MRI", "quantity": 1},
            consumables=[
                {"code": "T-CONTRAST", "quantity": "3", "wasted": "0.5", "lot": "L7"}
            ],
        )
        self.assertEqual(
            self.supplies(completion),
            {"T-CONTRAST": (2, 3, 1, False), "T-GLOVES": (1, 0, -1, False)},
        )
        contrast = completion.supply_ids.filtered("used")
        self.assertEqual((contrast.wasted, contrast.lots), (0.5, "L7"))

    def test_what_is_not_told_of_was_used_as_planned(self):
        completion = self.complete("SP1", {"code": "T-MRI", "quantity": 2})
        self.assertEqual(
            self.supplies(completion),
            {"T-CONTRAST": (4, 4, 0, False), "T-GLOVES": (2, 2, 0, False)},
        )

    def test_substitution_by_category_and_by_list(self):
        other = self.env["product.category"].create({"name": "Other supplies"})
        drug = self._supply("T-DRUG", 20)
        gloves = self._supply("T-XGLOVES", 20)
        (drug | gloves).categ_id = other
        used = [
            {"code": "T-DRUG", "quantity": 1},
            {"code": "T-XGLOVES", "quantity": 1},
        ]
        completion = self.complete(
            "SP1", {"code": "T-MRI", "quantity": 1}, consumables=used
        )
        self.assertFalse(completion.supply_ids.substitute_for_id)
        gloves.categ_id = self.gloves.categ_id
        line = self.mri.supply_ids.filtered(lambda one: one.product_id == self.contrast)
        line.alternative_ids = drug
        completion = self.complete(
            "SP2", {"code": "T-MRI", "quantity": 1}, consumables=used
        )
        found = self.supplies(completion)
        self.assertEqual(found["T-DRUG"], (0, 1, 1, "T-CONTRAST"))
        self.assertEqual(found["T-XGLOVES"], (0, 1, 1, "T-GLOVES"))
        self.assertEqual(found["T-CONTRAST"], (2, 0, -2, False))

    def test_planned_and_not_used_is_released(self):
        self.play(self.register("P1"), self.appointment("confirmed", "P1", "VP1", 10))
        quant = self.env["stock.quant"].search(
            [
                ("product_id", "=", self.contrast.id),
                ("location_id", "=", self.warehouse.lot_stock_id.id),
            ]
        )
        self.assertEqual(quant.reserved_quantity, 2)
        self.play(self.completed("P1", "SP1", 60, "VP1", consumables=[]))
        quant.invalidate_recordset()
        self.assertEqual((quant.quantity, quant.reserved_quantity), (50, 0))

    def test_a_walk_in_takes_what_a_visit_had_reserved(self):
        self._stock(self.contrast, 2)
        self.play(self.register("P1"), self.register("P2"))
        self.play(self.appointment("confirmed", "P2", "VP2", 10))
        self.assertEqual(self.visit("VP2").supplies_state, "reserved")
        events = self.play(self.completed("P1", "SP1", 60))
        self.assertStates(events, "done")
        self.assertEqual(self.visit("VP2").supplies_state, "partial")

    def test_several_lots(self):
        drug = self._supply("T-DRUG", 0)
        drug.tracking = "lot"
        for name in ("L1", "L2", "L3"):
            lot = self.env["stock.lot"].create({"name": name, "product_id": drug.id})
            self.env["stock.quant"]._update_available_quantity(
                drug, self.warehouse.lot_stock_id, 5, lot_id=lot
            )
        completion = self.complete(
            "SP1",
            {"code": "T-CONSULT", "quantity": 1},
            consumables=[
                {"code": "T-DRUG", "quantity": 2, "lot": "L3"},
                {"code": "T-DRUG", "quantity": 1, "lot": "L2"},
            ],
        )
        done = completion.picking_ids.move_line_ids
        self.assertEqual(
            sorted((one.lot_id.name, one.quantity) for one in done),
            [("L2", 1), ("L3", 2)],
        )
        self.assertEqual(completion.supply_ids.lots, "L3, L2")

    def test_bulk_stays_bulk(self):
        self.contract((self.mri, 640.0))
        self._stock(self.contrast, 5000)
        self.play(*(self.register(f"B{i}") for i in range(220)))
        charges = [
            {"code": "T-MRI", "quantity": 1, "modifiers": ["50"]},
            {"code": "T-CONSULT", "quantity": 1},
        ]
        self.assertBulk(
            lambda n: self.completed(
                f"B{n}", f"SB{n}", 60, charges=charges, consumables=[]
            ),
            few=50,
            many=100,
            per_event=12,
        )
