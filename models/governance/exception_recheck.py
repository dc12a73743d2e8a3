"""Exceptions that hold no event back close by themselves when their cause is gone."""

from odoo import models


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _recheck(self):
        """Look again whether the cause is gone, and close where it is.

        Dispatches to ``_recheck_<category>``, which returns those whose cause is gone.
        """
        gone = self.browse()
        for category, issues in (
            self.filtered(lambda issue: issue.is_open and not issue.blocks_event)
            .grouped("category")
            .items()
        ):
            method = getattr(issues, f"_recheck_{category}", None)
            if method:
                gone |= method()
        gone._close("resolved", "cause_gone")

    def _recheck_stock_shortage(self):
        """Everything the visit or service waited for is reserved or moved."""
        moves = self._waiting_moves()
        if moves and not self.env.context.get("healthcare_no_reassign"):
            # Stands in for the system, as below.
            supplies = self.env["healthcare.workflow.supplies"].sudo()
            supplies._give({(move.product_id, move.location_id) for move in moves})
            moves = self._waiting_moves()
        waiting = moves.grouped(lambda move: move.picking_id._healthcare_fingerprint())
        self._name_missing(waiting)
        return self.filtered(lambda issue: issue.fingerprint not in waiting)

    def _name_missing(self, waiting):
        """Have shortages tell what is still missing, when something of it has come.

        :param waiting: ``{fingerprint: moves}``
        """
        supplies = self.env["healthcare.workflow.supplies"]
        changed = self.browse()
        for issue in self:
            moves = waiting.get(issue.fingerprint)
            if moves and issue.product_id and issue.product_id not in moves.product_id:
                issue.with_context(tracking_disable=True).write(
                    {
                        "product_id": moves.product_id.sorted("id")[:1].id,
                        "reason": supplies._describe(moves),
                        "cause_id": False,  # another problem now
                    }
                )
                changed |= issue
        if changed:
            self.env["healthcare.exception.cause"]._wake()

    def _waiting_moves(self):
        """Return what visits and services of these shortages still wait for."""
        ids = {"stock": [0], "stock-service": [0]}
        for issue in self:
            kind, _slash, number = issue.fingerprint.partition("/")
            ids[kind].append(int(number))
        # Stands in for the system: who looks at an exception need not see stock.
        return (
            self.env["stock.move"]
            .sudo()
            .search(
                [
                    ("state", "in", ("waiting", "confirmed", "partially_available")),
                    "|",
                    ("picking_id.healthcare_appointment_id", "in", ids["stock"]),
                    ("picking_id.healthcare_completion_id", "in", ids["stock-service"]),
                ]
            )
        )

    def _recheck_payment_mismatch(self):
        """The invoice that was partly paid is settled, by whatever means."""
        partial = self.filtered(lambda issue: issue.fingerprint.startswith("partial/"))
        # Stands in for the system: who looks at an exception need not see invoices.
        paid = (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("id", "in", partial.mapped("res_id")),
                    ("payment_state", "in", ("paid", "in_payment", "reversed")),
                ]
            )
        )
        return partial.filtered(lambda issue: issue.res_id in paid.ids)

    def _recheck_authorization_gap(self):
        return self.filtered(
            lambda issue: issue.appointment_id and not issue.appointment_id.billing_hold
        )

    def _recheck_source_silent(self):
        """It sends again, or nobody expects it to."""
        return self.filtered(lambda issue: not issue.source_id.silent_since)
