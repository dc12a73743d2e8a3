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
        # Stands in for the system: who looks at an exception need not see stock.
        pickings = self.env["stock.picking"].sudo()
        gone = self.browse()
        for issue in self:
            kind, _, number = issue.fingerprint.partition("/")
            name = (
                "healthcare_appointment_id"
                if kind == "stock"
                else "healthcare_completion_id"
            )
            moves = pickings.search([(name, "=", int(number))]).move_ids
            if not any(
                move.state in ("waiting", "confirmed", "partially_available")
                for move in moves
            ):
                gone |= issue
        return gone

    def _recheck_authorization_gap(self):
        return self.filtered(
            lambda issue: issue.appointment_id and not issue.appointment_id.billing_hold
        )
