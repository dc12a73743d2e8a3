"""A person decides which completion of a service is the right one.

The decision is written on the version that was billed; the workflow does the rest when
the event runs again, see :mod:`..workflow.service_correction`.
"""

from odoo import models
from odoo.exceptions import AccessError, UserError


class HealthcareCompletion(models.Model):
    _inherit = "healthcare.completion"

    def _live_invoices(self):
        """Return the invoices that count: not cancelled and not credited whole."""
        return self.invoice_ids.filtered(
            lambda move: (
                move.move_type == "out_invoice"
                and move.state != "cancel"
                and not move._healthcare_credited_whole()
            )
        )

    def _correction_obstacle(self):
        """Return why this version may not be billed anew, or ``None``."""
        self.ensure_one()
        # Stands in for the system: who decides on services need not see claims.
        version = self.sudo()
        invoices = version._live_invoices()
        decided = version.env["healthcare.claim"].search(
            [("move_id", "in", invoices.ids), ("decision", "=", "adjudicated")], limit=1
        )
        if decided:
            return self.env._(
                "The payer has decided on claim %s of this service. Have that decision "
                "taken back first.",
                decided.identifier,
            )
        for move in invoices:
            if move._healthcare_credited():
                return self.env._(
                    "Invoice %s was credited in part by hand. Credit the rest of it, "
                    "or take the credit note back, first.",
                    move.name,
                )
        return None

    def _check_correctable(self):
        """Refuse who may not decide, and what cannot be billed anew.

        :raise AccessError: for who is no finance user
        :raise UserError: with the reason in plain words
        """
        self.ensure_one()
        if not self.env.user.has_group("healthcare_connector.group_finance"):
            raise AccessError(
                self.env._("Only finance users may have a service billed anew.")
            )
        if self.superseded:
            raise UserError(
                self.env._("A later version of this service was billed already.")
            )
        if obstacle := self._correction_obstacle():
            raise UserError(obstacle)

    def _replace_with(self, event, reason):
        """Have what ``event`` says billed in place of this version."""
        self._check_correctable()
        # Stands in for the system: nobody may write a completed service by hand. The
        # right to decide was checked above, and who did is kept.
        self.sudo().write(
            {
                "replacement_event_id": event.id,
                "replacement_reason": reason,
                "replacement_user_id": self.env.uid,
            }
        )
        # Stands in for the system: states are moved by the engine alone.
        engine = self.env["healthcare.engine"].sudo()
        engine.env.flush_all()
        engine._requeue(event.ids)
        engine._replay(event.ids)

    # -- actions ----------------------------------------------------------------

    def action_open_correct(self):
        """Open what the service says, to correct it and have it billed anew."""
        self.ensure_one()
        self._check_correctable()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Correct and Bill Anew"),
            "res_model": "healthcare.completion.correct.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_completion_id": self.id},
        }

    def action_open_invoices(self):
        self.ensure_one()
        return self._open_documents(self.invoice_ids, self.env._("Invoices"))

    def action_open_pickings(self):
        self.ensure_one()
        return self._open_documents(self.picking_ids, self.env._("Supplies Used"))

    def action_open_replaced_by(self):
        self.ensure_one()
        return self._open_documents(self.replaced_by_ids, self.env._("Corrected By"))

    def action_open_events(self):
        self.ensure_one()
        links = self.env["healthcare.document.link"].search(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )
        return self._open_documents(links.event_id, self.env._("Events"))

    def _open_documents(self, documents, name):
        action = {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": documents._name,
            "domain": [("id", "in", documents.ids)],
            "views": [(False, "list"), (False, "form")],
            "context": {"create": False},
        }
        if len(documents) == 1:
            action.update(views=[(False, "form")], res_id=documents.id)
        return action


class AccountMove(models.Model):
    _inherit = "account.move"

    def _healthcare_credited(self):
        """Return how much of an invoice credit notes have taken back."""
        self.ensure_one()
        return sum(self._healthcare_notes().mapped("amount_total"))

    def _healthcare_credited_whole(self):
        """Return whether credit notes have taken an invoice back whole."""
        left = self.amount_total - self._healthcare_credited()
        return bool(self._healthcare_notes()) and self.currency_id.is_zero(left)

    def _healthcare_notes(self):
        return self.reversal_move_ids.filtered(lambda move: move.state == "posted")


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    def _correct(self, envelope, reason):
        """Have a service that was billed already billed anew, when it is corrected."""
        # Stands in for the system: who corrects need not see completed services.
        billed = self.env["healthcare.completion"].sudo()
        if self.state == "done":
            billed = billed.search(
                [("event_id", "=", self.id), ("superseded", "=", False)]
            )
        billed = billed.sudo(False)
        if billed:
            billed._check_correctable()
        result = super()._correct(envelope, reason)
        if billed:
            billed._replace_with(self, reason)
        return result


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def _next_steps(self):
        return {
            **super()._next_steps(),
            "duplicate_service": self.env._(
                "Check which completion is right. Bill anew with this one when it "
                "corrects the first; waive it when it is a repeat."
            ),
        }

    def action_open_rebill(self):
        """Open the decision to bill a duplicate in place of the first."""
        self.ensure_one()
        self._check_open()
        first = self.env["healthcare.completion"].browse(self.res_id)
        if self.category != "duplicate_service" or self.res_model != first._name:
            raise UserError(self.env._("There is no earlier completion to replace."))
        first._check_correctable()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Bill Anew"),
            "res_model": "healthcare.rebill.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_exception_id": self.id},
        }
