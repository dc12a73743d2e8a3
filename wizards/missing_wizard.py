from odoo import api, fields, models
from odoo.exceptions import UserError

KINDS = ("payer", "service", "supply")


class HealthcareMissingWizard(models.TransientModel):
    """Makes what exceptions wait for, or gives their code to something that exists.

    Works with the rights of who uses it: whoever may not add a payer in Odoo may not
    do so here.
    """

    _name = "healthcare.missing.wizard"
    _description = "Make What Is Missing"

    exception_id = fields.Many2one("healthcare.exception", required=True, readonly=True)
    kind = fields.Selection(related="exception_id.missing_kind")
    code = fields.Char(related="exception_id.missing_code")
    waiting_count = fields.Integer(compute="_compute_waiting_count")
    choice = fields.Selection(
        [("new", "Make a new one"), ("existing", "Use one that exists")],
        required=True,
        default="new",
    )
    name = fields.Char(help="What people call it.")
    payer_id = fields.Many2one(
        "res.partner",
        string="Existing Payer",
        domain="[('is_company', '=', True), ('healthcare_payer_code', '=', False)]",
        help="A company that has no payer code yet.",
    )
    service_product_id = fields.Many2one(
        "product.product",
        string="Existing Product",
        domain="[('type', '=', 'service')]",
        help="Ordered and invoiced for this service.",
    )
    supply_id = fields.Many2one(
        "product.product",
        string="Existing Supply",
        domain="[('type', '=', 'consu'), ('default_code', '=', False)]",
        help="A supply that has no internal reference yet.",
    )
    price = fields.Float(help="List price of one unit.")

    @api.depends("exception_id")
    def _compute_waiting_count(self):
        for wizard in self:
            wizard.waiting_count = self.env["healthcare.exception"].search_count(
                [
                    ("cause_key", "=", wizard.exception_id.cause_key),
                    ("is_open", "=", True),
                ]
            )

    def action_make(self):
        """Make it; every event that waits for this code runs again.

        :raise AccessError: for who may not make such things
        """
        self.ensure_one()
        self.exception_id._check_open()
        if self.kind not in KINDS:
            raise UserError(self.env._("There is nothing to make for this exception."))
        if self.choice == "new" and not (self.name or "").strip():
            raise UserError(self.env._("Give it a name."))
        getattr(self, f"_make_{self.kind}")()
        return {"type": "ir.actions.act_window_close"}

    def _chosen(self, record):
        if not record:
            raise UserError(self.env._("Choose one that exists."))
        return record

    def _make_payer(self):
        values = {"healthcare_is_payer": True, "healthcare_payer_code": self.code}
        if self.choice == "existing":
            self._chosen(self.payer_id).write(values)
        else:
            self.env["res.partner"].create(
                {**values, "name": self.name.strip(), "is_company": True}
            )

    def _make_service(self):
        if self.choice == "existing":
            product = self._chosen(self.service_product_id)
        else:
            product = self.env["product.product"].create(
                {
                    "name": self.name.strip(),
                    "type": "service",
                    "invoice_policy": "order",
                    "list_price": self.price,
                }
            )
        archived = (
            self.env["healthcare.service"]
            .with_context(active_test=False)
            .search([("code", "=", self.code)])
        )
        if archived:
            archived.write({"active": True, "product_id": product.id})
        else:
            self.env["healthcare.service"].create(
                {
                    "name": (self.name or "").strip() or product.name,
                    "code": self.code,
                    "product_id": product.id,
                }
            )

    def _make_supply(self):
        if self.choice == "existing":
            self._chosen(self.supply_id).default_code = self.code
        else:
            self.env["product.product"].create(
                {
                    "name": self.name.strip(),
                    "default_code": self.code,
                    "type": "consu",
                    "is_storable": True,
                    "list_price": self.price,
                }
            )
