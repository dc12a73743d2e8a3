"""Reconciliation of payments with invoices, by exactly the amounts that were told."""

from odoo import models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _prepare_reconciliation_single_partial(
        self, debit_values, credit_values, shadowed_aml_values=None
    ):
        """Take no more off an invoice than a payment was told to be for it.

        The context may hold ``healthcare_bounds``: ``{(debit line id, credit line id):
        amount}``, in the currency of the invoice. Odoo would pay the oldest invoice in
        full and leave the last one the rest.
        """
        bounds = self.env.context.get("healthcare_bounds") or {}
        bound = bounds.get((debit_values["aml"].id, credit_values["aml"].id))
        open_amount = debit_values["amount_residual_currency"]
        currency = debit_values["aml"].currency_id
        if bound is None or currency.compare_amounts(bound, open_amount) >= 0:
            return super()._prepare_reconciliation_single_partial(
                debit_values, credit_values, shadowed_aml_values
            )
        share = debit_values["aml"].company_currency_id.round(
            debit_values["amount_residual"] * bound / open_amount
        )
        bounded = {
            **debit_values,
            "amount_residual": share,
            "amount_residual_currency": bound,
        }
        result = super()._prepare_reconciliation_single_partial(
            bounded, credit_values, shadowed_aml_values
        )
        debit_values["amount_residual"] -= share - bounded["amount_residual"]
        debit_values["amount_residual_currency"] -= (
            bound - bounded["amount_residual_currency"]
        )
        # This invoice has got what is for it; the payment goes on to the next one.
        result["debit_values"] = None
        return result


class AccountMove(models.Model):
    _inherit = "account.move"

    def _healthcare_receivable(self):
        """Return the lines that say what is owed."""
        return self.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def _healthcare_credit(self):
        """Return the lines of payments that invoices are paid with, if not used up."""
        return self.move_id._healthcare_receivable().filtered(
            lambda line: not line.reconciled
        )

    def _healthcare_reconcilable(self, amounts, bounds):
        """Return the lines to reconcile so that invoices get their share of a payment.

        :param amounts: ``{invoice: amount}`` in the invoices' currency
        :param bounds: filled in, to be put into the context of the reconciliation
        """
        self.ensure_one()
        credit = self._healthcare_credit()
        lines = credit
        for move, amount in amounts.items():
            owed = move._healthcare_receivable().filtered(
                lambda line: not line.reconciled
            )
            lines |= owed
            left = amount
            # The instalment that is due first is paid first.
            for line in owed.sorted(
                lambda one: (one.date_maturity or one.date, one.id)
            ):
                share = min(left, line.amount_residual_currency)
                left -= share
                for one in credit:
                    bounds[line.id, one.id] = share
        return lines

    def _healthcare_undo(self):
        """Cancel payments; whatever they had paid is open again."""
        self.move_id.line_ids.remove_move_reconcile()
        self.filtered(lambda payment: payment.state != "draft").action_draft()
        self.action_cancel()
