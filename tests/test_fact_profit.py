"""The profit of a service line, from facts alone and from Odoo's own books."""

from .workflow_common import WorkflowCase

#: how many of the services have charges of a line
PARTS = {"T-IMG": 3, "T-CLI": 2}


class TestFactProfit(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        account = cls.env["account.analytic.account"].create(
            {
                "name": "Clinic",
                "plan_id": cls.analytic["IMAGING"].plan_id.id,
                "company_id": False,
            }
        )
        cls.analytic["CLINIC"] = account
        cls.consult.service_line_id = cls.env["healthcare.service.line"].create(
            {"name": "Clinic", "code": "T-CLI", "analytic_account_id": account.id}
        )

    def decided(self, number, bill, paid, adjustments, minute):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref("P1"),
            "claim": {
                "id": number,
                "invoice": bill.name,
                "charged": f"{bill.amount_total:.2f}",
                "paid": paid,
                "adjustments": [
                    {"group": group, "reason": reason, "amount": amount}
                    for group, reason, amount in adjustments
                ],
            },
            "payer": {"code": "T-PAYER"},
        }
        event = {**self.completed("P1", "X", minute), "data": data}
        return {**event, "type": "healthcare.claim.adjudicated.v1"}

    def check_counts(self, facility):
        """Of four services, one has charges of two lines; it is one service."""
        self.env.flush_all()
        here = [("facility_id", "in", facility.ids)]
        rows = self.env["healthcare.margin"]._read_group(
            here, ["service_line_id"], ["services:sum", "parts:sum"]
        )
        self.assertEqual(sum(row[1] for row in rows), 4)
        self.assertEqual({line.code: parts for line, _n, parts in rows}, PARTS)
        ((told,),) = self.env["healthcare.throughput"]._read_group(
            [*here, ("measure", "=", "service")], [], ["count:sum"]
        )
        self.assertEqual(told, 4)

    def play_all(self):
        """Services of one and of two lines, a decision, and what people undo."""
        both = [
            {"code": "T-MRI", "quantity": 1, "unit_price": "700.00"},
            {"code": "T-CONSULT", "quantity": 1},
        ]
        clinic = [{"code": "T-CONSULT", "quantity": 3}]
        used = [
            {"code": "T-CONTRAST", "quantity": "3", "wasted": "0.5"},
            {"code": "T-GLOVES", "quantity": "2"},
        ]
        gloves = used[1:]
        self.play(self.register("P1"))
        self.play(
            self.completed("P1", "S1", 60, charges=both, consumables=used),
            self.completed("P1", "S2", 61, consumables=used),
            self.completed("P1", "S3", 62, charges=clinic, consumables=gloves),
            self.completed("P1", "S4", 63, consumables=[]),
        )
        found = self.env["healthcare.completion"].search(
            [("identifier", "in", ("S1", "S2", "S3", "S4"))]
        )
        self.check_counts(found.facility_id)
        done = {one.identifier: one for one in found}
        self.assertStates(
            self.play(
                self.decided(
                    "C2",
                    done["S2"].invoice_ids,
                    "600.00",
                    [("CO", "45", "150.00"), ("PR", "3", "30.00"), ("PI", "94", "20")],
                    90,
                )
            ),
            "done",
        )
        done["S4"].invoice_ids.button_draft()
        done["S4"].invoice_ids.button_cancel()
        bill = done["S3"].invoice_ids
        note = bill._reverse_moves([{"invoice_date": bill.invoice_date}])
        note.invoice_line_ids.quantity = 1
        note.action_post()
        picking = done["S1"].picking_ids
        wizard = (
            self.env["stock.return.picking"]
            .with_context(active_id=picking.id, active_model="stock.picking")
            .create({"picking_id": picking.id})
        )
        wizard.product_return_moves.quantity = 1
        self.env["stock.picking"].browse(
            wizard.action_create_returns()["res_id"]
        ).button_validate()
        self.env.cr.flush()

    def from_facts(self):
        """Return ``{service line: profit}`` as ``docs/facts.rst`` says it."""
        facts = self.env["healthcare.fact"].search(
            [("facility_id", "=", self.facility.id)], order="key, sequence"
        )
        newest = {fact.key: fact for fact in facts}
        profit = {}
        for fact in newest.values():
            values = fact.columns
            if fact.operation == "delete":
                continue
            if fact.fact_type == "service":
                amount = float(values["amount_revenue"])
            elif fact.fact_type == "claim" and values["state"] == "adjudicated":
                amount = -float(values["amount_adjusted"])
            elif fact.fact_type == "consumable_usage":
                amount = -float(values["cost_actual"])
            else:
                continue
            line = fact.service_line_id.code
            profit[line] = round(profit.get(line, 0.0) + amount, 2)
        return profit

    def from_books(self):
        """Return the same from analytic lines and from the value of stock moves."""
        accounts = {
            "T-IMG": self.analytic["IMAGING"],
            "T-CLI": self.analytic["CLINIC"],
        }
        column = accounts["T-IMG"].plan_id._column_name()
        lines = self.env["account.analytic.line"].search(
            [(column, "in", [account.id for account in accounts.values()])]
        )
        profit = {
            code: sum(
                lines.filtered(lambda one, a=account: one[column] == a).mapped("amount")
            )
            for code, account in accounts.items()
        }
        moves = self.env["stock.move"].search(
            [
                ("product_id", "in", (self.contrast | self.gloves).ids),
                ("state", "=", "done"),
                ("picking_id", "!=", False),
            ]
        )
        for move in moves:
            sign = 1 if move.location_dest_id == self.warehouse.lot_stock_id else -1
            first = move.origin_returned_move_id or move
            clinic = first.picking_id.healthcare_completion_id.identifier == "S3"
            profit["T-CLI" if clinic else "T-IMG"] += sign * move.value
        return {code: round(amount, 2) for code, amount in profit.items()}

    def test_facts_and_books_agree(self):
        self.play_all()
        told = self.from_facts()
        self.assertEqual(told, self.from_books())
        # 700 + 800 - 150 - 20, less 2 x (3 + 2) x 5 of which a piece of each came back
        self.assertEqual(told["T-IMG"], 1330 - 50 + 10)
        # 120 + 360, of which 120 was credited, less 2 x 5
        self.assertEqual(told["T-CLI"], 360 - 10)
