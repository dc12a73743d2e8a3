"""What to do with money that found no invoice: ranked suggestions, applied by a click.

Money is in one of two places. A payment that could not be matched is still an event
that waits: applying lays a correction over the event, which then runs again, so that
replay and lineage stay right. Of a payment that was posted, a rest may be left as a
credit: applying reconciles that credit.
"""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..values import money

ON_ACCOUNT = "healthcare_on_account"  # member of the data of a corrected event
OPEN = ("not_paid", "partial")
FINANCE = "healthcare_connector.group_finance"


class HealthcarePaymentSuggestion(models.Model):
    _name = "healthcare.payment.suggestion"
    _description = "Suggested Use of a Payment"
    _order = "score desc, id"
    _rec_name = "invoices"

    exception_id = fields.Many2one(
        "healthcare.exception",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    score = fields.Integer(
        string="Fit", readonly=True, aggregator=None, help="The higher, the likelier."
    )
    invoices = fields.Text(readonly=True)
    reason = fields.Text(string="Why", readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount = fields.Monetary(readonly=True, help="What of the payment would be used.")
    shares = fields.Json(readonly=True, help="Pairs of an invoice and its amount.")

    def action_apply(self):
        """Use the payment as suggested."""
        self.ensure_one()
        moves = self.env["account.move"]
        self.exception_id._apply_money(
            {moves.browse(move_id): float(amount) for move_id, amount in self.shares},
            f"{self.invoices}: {self.reason}",
        )
        return True


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    suggestion_ids = fields.One2many(
        "healthcare.payment.suggestion", "exception_id", string="Suggestions"
    )
    holds_money = fields.Boolean(
        compute="_compute_holds_money",
        help="A payment waits here for somebody to say what it is for.",
    )

    @api.depends("category", "fingerprint", "event_id.state")
    def _compute_holds_money(self):
        for issue in self:
            issue.holds_money = issue.is_open and (
                bool(issue._resting_number()) or issue._is_parked_payment()
            )

    def _is_parked_payment(self):
        return (
            self.category == "payment_mismatch"
            and self.blocks_event
            and self.event_id.type_id.code == "payment.received"
            and self.event_id.state == "exception"
        )

    def _resting_number(self):
        """Return the id of the payment whose rest this is about, if it is."""
        kind, _slash, number = (self.fingerprint or "").partition("/")
        return int(number) if kind == "rest" and number.isdigit() else None

    def _resting_payment(self):
        # Stands in for the system: an operator sees how much is left, not the payment.
        payments = self.env["account.payment"].sudo()
        return payments.browse(self._resting_number() or ()).exists()

    @api.model
    def _next_steps(self):
        return {
            **super()._next_steps(),
            "payment_mismatch": self.env._(
                "Say which invoices the money is for, or keep it as a credit. Of an "
                "invoice that is paid in part, ask who owes it for the rest."
            ),
        }

    # -- deciding ---------------------------------------------------------------

    def _check_may_apply(self):
        self.ensure_one()
        self._check_open()
        if not self.env.user.has_group(FINANCE):
            raise AccessError(self.env._("Only finance may say what money is for."))
        # The engine moves events without telling the cache.
        self.invalidate_recordset(["holds_money"])
        if not self.holds_money:
            raise UserError(
                self.env._("This payment is on its way already, or used up.")
            )

    def _apply_money(self, amounts, reason):
        """Use a payment that waits, or the rest of one, for invoices.

        :param amounts: ``{invoice: amount}`` in the currency of the payment
        :param reason: why, kept on record
        """
        self._check_may_apply()
        self._check_amounts(amounts)
        if payment := self._resting_payment():
            self._apply_rest(payment, amounts, reason)
            return
        # Stands in for the system: who applies money need not read what events hold.
        event = self.event_id.sudo()
        envelope = event._envelopes()[event]
        currency = next(iter(amounts)).currency_id
        if envelope["data"]["payment"]["currency"] != currency.name:
            raise UserError(self.env._("The payment is in another currency."))
        envelope["data"].pop(ON_ACCOUNT, None)
        envelope["data"]["allocations"] = [
            {"invoice": move.name, "amount": money(amount)}
            for move, amount in amounts.items()
        ]
        self._correct_payment(envelope, reason)

    def _check_amounts(self, amounts):
        if not amounts:
            raise UserError(self.env._("Choose at least one invoice."))
        for move, amount in amounts.items():
            move.check_access("read")
            compare = move.currency_id.compare_amounts
            if (
                move.state != "posted"
                or compare(amount, 0) <= 0
                or compare(amount, move.amount_residual) > 0
            ):
                raise UserError(
                    self.env._(
                        "%(amount)s cannot be used for invoice %(invoice)s, of which "
                        "%(open)s is open. Look again.",
                        amount=money(amount),
                        invoice=move.name,
                        open=money(move.amount_residual),
                    )
                )
        if len({move.commercial_partner_id for move in amounts}) > 1:
            raise UserError(
                self.env._("One payment cannot be for invoices of several payers.")
            )

    def _apply_rest(self, payment, amounts, reason):
        moves = self.env["account.move"].union(*amounts)
        credit = payment._healthcare_credit()
        left = -sum(credit.mapped("amount_residual_currency"))
        owner = payment.partner_id.commercial_partner_id
        if moves.commercial_partner_id != owner:
            raise UserError(
                self.env._(
                    "This credit is %s's. Reverse the payment to use it for somebody "
                    "else's invoice.",
                    owner.display_name,
                )
            )
        if payment.currency_id.compare_amounts(sum(amounts.values()), left) > 0:
            raise UserError(self.env._("Only %s of the payment is left.", money(left)))
        bounds = {}
        # In the user's own name and rights: it is reconciliation as in Odoo's screens.
        lines = payment.with_env(self.env)._healthcare_reconcilable(amounts, bounds)
        lines.with_context(healthcare_bounds=bounds)._reconcile_plan([lines])
        self._note_decision("corrected", reason)
        if event := self.event_id:
            links = {(event.id, moves._name, move_id) for move_id in moves.ids}
            # Stands in for the system: links are written by the engine alone.
            self.env["healthcare.engine"].sudo()._write_links(links)
        if not payment._healthcare_credit():
            # Stands in for the system: how it ended is not a field people write.
            self.sudo()._close("resolved", "corrected")

    def _keep_on_account(self, owner, reason):
        """Keep money as a credit of its owner, for invoices to come.

        :param owner: a payer or a patient; without meaning for what is posted already
        """
        self._check_may_apply()
        if self._resting_payment():
            self._note_decision("corrected", reason)
            # Stands in for the system, as above.
            self.sudo()._close("resolved", "corrected")
            return
        # Stands in for the system: who applies money need not read what events hold.
        event, owner = self.event_id.sudo(), owner.sudo()
        envelope = event._envelopes()[event]
        data = envelope["data"]
        data.pop("allocations", None)
        if owner.healthcare_is_payer and owner.healthcare_payer_code:
            data[ON_ACCOUNT] = "payer"
            data["payment"]["payer"] = {"code": owner.healthcare_payer_code}
        elif owner.healthcare_identifier_ids:
            data[ON_ACCOUNT] = "patient"
            data["patient"] = {
                "identifiers": [
                    {"system": one.system, "value": one.value}
                    for one in owner.healthcare_identifier_ids
                ]
            }
        else:
            raise UserError(self.env._("Choose a patient, or a payer with a code."))
        self._correct_payment(envelope, reason)

    def _correct_payment(self, envelope, reason):
        self.event_id._correct(envelope, reason)
        self._note_decision("corrected", reason)
        # Stands in for the system: how it ends is told by the event itself.
        self.sudo().write({"resolution": "corrected"})

    # -- buttons ----------------------------------------------------------------

    def action_open_payment_wizard(self):
        self._check_may_apply()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Is This Payment For?"),
            "res_model": "healthcare.payment.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_exception_id": self.id},
        }

    def action_suggest(self):
        """Look again for what the money may be for."""
        self.check_access("write")
        # Stands in for the system: an operator need not see invoices.
        self.sudo()._suggest()
        return True

    def _close(self, state, resolution, **values):
        closed = super()._close(state, resolution, **values)
        money_issues = closed.filtered(lambda one: one.category == "payment_mismatch")
        if money_issues:
            # Stands in for the system: suggestions are ours to make and to drop.
            money_issues.sudo().suggestion_ids.unlink()
        return closed
