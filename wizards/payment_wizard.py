from odoo import api, fields, models
from odoo.exceptions import UserError


class HealthcarePaymentWizard(models.TransientModel):
    """Says what a payment is for: any open invoices, or a credit on an account."""

    _name = "healthcare.payment.wizard"
    _description = "Use a Payment"

    exception_id = fields.Many2one("healthcare.exception", required=True)
    company_id = fields.Many2one(related="exception_id.company_id")
    amount = fields.Monetary(
        string="To Use", compute="_compute_amount", help="What the payment leaves."
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_amount")
    is_posted = fields.Boolean(compute="_compute_amount")
    line_ids = fields.One2many(
        "healthcare.payment.wizard.line", "wizard_id", string="Invoices"
    )
    rest = fields.Monetary(
        string="Left as a Credit", compute="_compute_rest", help="For invoices to come."
    )
    owner_id = fields.Many2one(
        "res.partner",
        string="Whose Credit",
        domain="['|', ('healthcare_is_patient', '=', True), "
        "('healthcare_payer_code', '!=', False)]",
    )
    reason = fields.Char(help="Stays on record with your name.")

    @api.depends("exception_id")
    def _compute_amount(self):
        for wizard in self:
            issue = wizard.exception_id
            issue._check_may_apply()
            # Stands in for the system: of the event only amount and currency are shown.
            wanted = issue.sudo()._money_wanted()
            if issue not in wanted:
                raise UserError(self.env._("The currency of this payment is not used."))
            known, wizard.currency_id = wanted[issue]
            wizard.amount = known.amount * wizard.currency_id.rounding
            wizard.is_posted = bool(issue._resting_number())

    @api.depends("amount", "line_ids.amount")
    def _compute_rest(self):
        for wizard in self:
            wizard.rest = wizard.amount - sum(wizard.line_ids.mapped("amount"))

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        issue = self.env["healthcare.exception"].browse(values.get("exception_id"))
        if "owner_id" in fields_list and issue:
            values["owner_id"] = (issue.payer_id or issue.patient_id).id
        return values

    def _check_reason(self):
        self.ensure_one()
        if not (self.reason or "").strip():
            raise UserError(self.env._("Say why: it stays on record."))

    def action_apply(self):
        """Use the payment for the chosen invoices."""
        self._check_reason()
        if self.currency_id.compare_amounts(self.rest, 0) < 0:
            raise UserError(self.env._("More is used than was paid."))
        amounts = {}
        for line in self.line_ids:
            amounts[line.move_id] = amounts.get(line.move_id, 0.0) + line.amount
        self.exception_id._apply_money(amounts, self.reason)
        return {"type": "ir.actions.act_window_close"}

    def action_keep(self):
        """Keep the payment as a credit."""
        self._check_reason()
        if not self.owner_id and not self.is_posted:
            raise UserError(self.env._("Choose whose credit it becomes."))
        self.exception_id._keep_on_account(self.owner_id, self.reason)
        return {"type": "ir.actions.act_window_close"}


class HealthcarePaymentWizardLine(models.TransientModel):
    _name = "healthcare.payment.wizard.line"
    _description = "Use a Payment: Invoice"

    wizard_id = fields.Many2one(
        "healthcare.payment.wizard", required=True, ondelete="cascade"
    )
    move_id = fields.Many2one("account.move", string="Invoice", required=True)
    partner_id = fields.Many2one(related="move_id.partner_id", string="Owed By")
    invoice_date = fields.Date(related="move_id.invoice_date")
    residual = fields.Monetary(related="move_id.amount_residual", string="Open")
    currency_id = fields.Many2one(related="move_id.currency_id")
    amount = fields.Monetary(
        string="Use", compute="_compute_amount", store=True, readonly=False
    )

    @api.depends("move_id")
    def _compute_amount(self):
        for line in self:
            others = line.wizard_id.line_ids - line
            left = line.wizard_id.amount - sum(others.mapped("amount"))
            line.amount = max(min(line.move_id.amount_residual, left), 0.0)
