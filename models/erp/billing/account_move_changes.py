"""What people change on our invoices and payments in Odoo itself.

Workflows tell of what they do while an event runs. Whatever else touches an invoice of
ours (a payment registered by hand, a credit note, a cancellation, a bank statement) is
noted where Odoo really changes it, and told once before the transaction commits; see
:mod:`.account_move_changes_told`.
"""

from odoo import api, models

NOTED = "healthcare.changed"  # key in the data of the cursor's precommit hooks


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _healthcare_note(self, moves=(), payments=()):
        """Note moves and payments that have changed, to be told of at the commit.

        :param moves: ids of ``account.move``
        :param payments: ids of ``account.payment``
        """
        if "healthcare_run" in self.env.context:
            return  # the workflow tells of it, with its event
        hooks = self.env.cr.precommit
        if NOTED not in hooks.data:
            hooks.data[NOTED] = {"account.move": set(), "account.payment": set()}
            # Stands in for the system: who books in Odoo need have no right on facts,
            # claims or exceptions. What is closed is still closed in that user's name.
            hooks.add(self.env(su=True)["account.move"]._healthcare_tell_noted)
        hooks.data[NOTED]["account.move"].update(moves)
        hooks.data[NOTED]["account.payment"].update(payments)

    @api.model
    def _healthcare_tell_noted(self):
        noted = self.env.cr.precommit.data.pop(NOTED, None)
        if noted:
            self._healthcare_tell_changes(
                noted["account.move"], noted["account.payment"]
            )

    def _post(self, soft=True):
        posted = super()._post(soft)
        self._healthcare_note(posted.ids)
        return posted

    def button_draft(self):
        result = super().button_draft()
        self._healthcare_note(self.ids)
        return result

    def button_cancel(self):
        result = super().button_cancel()
        self._healthcare_note(self.ids)
        return result

    def unlink(self):
        self._healthcare_note(self.ids)
        if "healthcare_run" not in self.env.context:
            # Stands in for the system, as above.
            self.env["healthcare.fact"].sudo()._withdraw("invoice", self, None)
        return super().unlink()


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals:
            self.env["account.move"]._healthcare_note(payments=self.ids)
        return result

    def unlink(self):
        if "healthcare_run" not in self.env.context:
            # Stands in for the system: who deletes a payment need not see facts.
            self.env["healthcare.fact"].sudo()._withdraw("payment", self, None)
        return super().unlink()


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        partials._healthcare_note()
        return partials

    def unlink(self):
        self._healthcare_note()
        return super().unlink()

    def _healthcare_note(self):
        if "healthcare_run" not in self.env.context:
            lines = self.debit_move_id | self.credit_move_id
            self.env["account.move"]._healthcare_note(lines.move_id.ids)
