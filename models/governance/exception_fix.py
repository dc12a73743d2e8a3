"""What a person can do about an exception with one click, by what is missing."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .exception import OPEN_STATES

# Kind of cause key: what has to be made so that it is there.
MISSING = {
    "payer": "res.partner",
    "service": "healthcare.service",
    "supply": "product.product",
    "facility": "healthcare.facility",
    "claim-accounts": "res.company",
    "deferred-account": "res.company",
}


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    missing_kind = fields.Selection(
        [
            ("payer", "Payer"),
            ("service", "Service"),
            ("supply", "Product"),
            ("facility", "Facility"),
            ("claim-accounts", "Accounts"),
            ("deferred-account", "Account"),
        ],
        compute="_compute_missing",
        help="What does not exist yet and can be made from here.",
    )
    missing_code = fields.Char(
        compute="_compute_missing", help="The code it will have."
    )
    can_fix = fields.Boolean(
        compute="_compute_missing", help="Whether the user may make what is missing."
    )
    document_kind = fields.Selection(
        [
            ("account.move", "Invoice"),
            ("account.payment", "Payment"),
            ("healthcare.claim", "Claim"),
            ("healthcare.completion", "Service"),
            ("healthcare.authorization", "Authorization"),
            ("res.partner", "Patient"),
            ("sale.order", "Service Order"),
            ("stock.picking", "Transfer"),
            ("healthcare.source", "Source"),
            ("healthcare.target", "Target"),
            ("other", "Document"),
        ],
        compute="_compute_document_kind",
    )

    @api.depends("cause_key", "state")
    @api.depends_context("uid")
    def _compute_missing(self):
        may = {
            kind: self.env[model].has_access(
                "write" if model == "res.company" else "create"
            )
            for kind, model in MISSING.items()
        }
        for record in self:
            kind, _slash, code = (record.cause_key or "").partition("/")
            known = kind in MISSING and record.is_open
            record.missing_kind = kind if known else False
            record.missing_code = code if known else False
            record.can_fix = known and may[kind]

    @api.depends("res_model")
    def _compute_document_kind(self):
        kinds = dict(self._fields["document_kind"].selection)
        for record in self:
            model = record.res_model
            record.document_kind = model if model in kinds else model and "other"

    # -- making what is missing -------------------------------------------------

    def action_fix(self):
        """Open what makes the missing thing; all that waits for it then goes on."""
        self.ensure_one()
        self._check_open()
        if not self.missing_kind:
            raise UserError(self.env._("There is nothing to make for this exception."))
        if not self.can_fix:
            raise UserError(
                self.env._(
                    "You may not make this yourself. Hand the exception over to "
                    "somebody who sets up master data."
                )
            )
        return getattr(self, "_fix_" + self.missing_kind.replace("-", "_"))()

    def _fix_payer(self):
        return self._open_missing_wizard(self.env._("Payer with This Code"))

    def _fix_service(self):
        return self._open_missing_wizard(self.env._("Service with This Code"))

    def _fix_supply(self):
        return self._open_missing_wizard(self.env._("Product with This Code"))

    def _fix_facility(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Facility"),
            "res_model": "healthcare.facility.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_code": self.missing_code},
        }

    def _fix_claim_accounts(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Settings"),
            "res_model": "res.config.settings",
            "views": [(False, "form")],
            "context": {"module": "healthcare_connector"},
        }

    def _fix_deferred_account(self):
        return self._fix_claim_accounts()

    def _open_missing_wizard(self, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "healthcare.missing.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_exception_id": self.id},
        }

    # -- one after the other ----------------------------------------------------

    def action_open_next(self):
        """Open the user's next exception: by due time, then by money at risk."""
        following = self._next_of_mine()
        if not following:
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "type": "success",
                    "message": self.env._("Nothing else waits for you."),
                },
            }
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("My Queue"),
            "res_model": self._name,
            "res_id": following.id,
            "views": [(False, "form")],
            "target": "main",
        }

    def _next_of_mine(self):
        """Return what comes after this one in the user's queue, else the first."""
        mine = Domain("user_id", "=", self.env.uid) & Domain("state", "in", OPEN_STATES)
        mine &= Domain("id", "not in", self.ids)
        order = "deadline, amount_at_risk desc nulls last, id"
        later = Domain.FALSE
        for one in self[:1]:
            at_once = Domain("deadline", "=", one.deadline)
            same = at_once & Domain("amount_at_risk", "=", one.amount_at_risk)
            later = (
                Domain("deadline", ">", one.deadline)
                | (at_once & Domain("amount_at_risk", "<", one.amount_at_risk))
                | (same & Domain("id", ">", one.id))
            )
        return self.search(mine & later, order=order, limit=1) or self.search(
            mine, order=order, limit=1
        )

    # -- supplies ---------------------------------------------------------------

    def action_open_replenishment(self):
        """Show the purchase orders that bring what is short, ordering what is not yet.

        :raise UserError: when nobody sells it, or the user may not see purchases
        """
        self.ensure_one()
        self._check_open()
        orders = self.env["purchase.order"]
        if not orders.has_access("read"):
            raise UserError(
                self.env._(
                    "You have no right to see purchase orders. Hand the exception over "
                    "to a buyer."
                )
            )
        moves = self._waiting_moves()
        if not moves:
            raise UserError(self.env._("Nothing is short any more: choose Retry."))
        found = self._orders_of(moves)
        if not found:
            pairs = {(move.product_id, move.location_id) for move in moves}
            # Stands in for the system: what is ordered follows from the visits.
            self.env["healthcare.replenishment"].sudo()._replenish(pairs)
            found = self._orders_of(moves)
        if not found:
            raise UserError(
                self.env._(
                    "No vendor is set for %s, so nothing can be ordered.",
                    ", ".join(moves.product_id.mapped("display_name")),
                )
            )
        action = {
            "type": "ir.actions.act_window",
            "name": self.env._("Orders of What Is Short"),
            "res_model": "purchase.order",
        }
        if len(found) == 1:
            return {**action, "res_id": found.id, "views": [(False, "form")]}
        return {
            **action,
            "domain": [("id", "in", found.ids)],
            "views": [(False, "list"), (False, "form")],
        }

    @api.model
    def _orders_of(self, moves):
        """Return purchase orders under way of these products to these warehouses."""
        lines = self.env["purchase.order.line"].search(
            [
                ("product_id", "in", moves.product_id.ids),
                ("order_id.state", "!=", "cancel"),
                (
                    "order_id.picking_type_id.warehouse_id",
                    "in",
                    moves.location_id.warehouse_id.ids,
                ),
            ]
        )
        return lines.filtered(lambda li: li.qty_received < li.product_qty).order_id
