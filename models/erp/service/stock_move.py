"""Stock that arrives goes to the visits that wait for it."""

from odoo import models


class StockMove(models.Model):
    _inherit = "stock.move"

    def _action_done(self, cancel_backorder=False):
        done = super()._action_done(cancel_backorder=cancel_backorder)
        if not self.env.context.get("healthcare_no_reassign"):
            done._give_to_waiting_visits()
        return done

    def _give_to_waiting_visits(self):
        """Reserve supplies that these moves brought for visits that lack them."""
        arrived = self.filtered(lambda m: m.location_dest_id.usage == "internal")
        if not arrived:
            return
        # Stands in for the system: who receives goods need not see visits.
        waiting = (
            self.env["stock.move"]
            .sudo()
            .search(
                [
                    ("product_id", "in", arrived.product_id.ids),
                    ("state", "in", ("confirmed", "partially_available")),
                    "|",
                    ("picking_id.healthcare_appointment_id", "!=", False),
                    ("picking_id.healthcare_completion_id", "!=", False),
                ]
            )
        )
        paths = {
            (move.product_id, move.location_dest_id.parent_path) for move in arrived
        }
        pairs = {
            (move.product_id, move.location_id)
            for move in waiting
            if any(
                product == move.product_id
                and path.startswith(move.location_id.parent_path)
                for product, path in paths
            )
        }
        if pairs:
            self.env["healthcare.workflow.supplies"].sudo()._stock_arrived(pairs)
