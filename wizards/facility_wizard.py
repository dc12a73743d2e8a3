from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

CHOICES = [("new", "Make one"), ("existing", "Use an existing one")]
WAREHOUSE_CODE_SIZE = 5  # Odoo's own limit


class HealthcareFacilityWizard(models.TransientModel):
    """Sets up a place of care: its company, its warehouse, its analytic account."""

    _name = "healthcare.facility.wizard"
    _description = "New Facility"
    _check_company_auto = True

    name = fields.Char(required=True)
    code = fields.Char(required=True, help="The code events carry, e.g. NORTH.")
    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        domain="[('id', 'in', allowed_company_ids)]",
    )
    warehouse_choice = fields.Selection(CHOICES, required=True, default="new")
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        check_company=True,
        help="Supplies of services at this facility are reserved here.",
    )
    warehouse_code = fields.Char(
        string="Short Code",
        size=WAREHOUSE_CODE_SIZE,
        compute="_compute_warehouse_code",
        store=True,
        readonly=False,
        help="Begins the numbers of the warehouse's transfers.",
    )
    analytic_choice = fields.Selection(CHOICES, required=True, default="new")
    analytic_account_id = fields.Many2one(
        "account.analytic.account",
        check_company=True,
        help="Revenue and supplies of this facility are distributed to it.",
    )

    @api.depends("code")
    def _compute_warehouse_code(self):
        for wizard in self:
            if wizard.code and not wizard.warehouse_code:
                wizard.warehouse_code = wizard.code[:WAREHOUSE_CODE_SIZE].upper()

    @api.onchange("company_id")
    def _onchange_company_id(self):
        """Forget what belongs to the company that was chosen before."""
        if self.warehouse_id.company_id != self.company_id:
            self.warehouse_id = False
        account = self.analytic_account_id
        if account.company_id and account.company_id != self.company_id:
            self.analytic_account_id = False

    def action_create_facility(self):
        """Create the facility and open it; what waited for its code goes on.

        :raise AccessError: for a company the user does not work in
        :raise UserError: for a choice that names nothing
        """
        self.ensure_one()
        self.env["healthcare.facility"].check_access("create")
        # Checked by hand, for what follows is made beyond the user's own rights.
        if self.company_id not in self.env.companies:
            raise AccessError(
                self.env._("Choose a company that you are working in at the moment.")
            )
        self._check_choices()
        facility = self.env["healthcare.facility"].create(
            {
                "name": self.name,
                "code": self.code.strip(),
                "company_id": self.company_id.id,
                "warehouse_id": self._have_warehouse().id,
                "analytic_account_id": self._have_analytic_account().id,
            }
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": facility._name,
            "res_id": facility.id,
            "views": [(False, "form")],
        }

    def _check_choices(self):
        if self.warehouse_choice == "existing" and not self.warehouse_id:
            raise UserError(self.env._("Choose the warehouse that supplies it."))
        if self.warehouse_choice == "new" and not self.warehouse_code:
            raise UserError(self.env._("Give the new warehouse a short code."))
        if self.analytic_choice == "existing" and not self.analytic_account_id:
            raise UserError(self.env._("Choose the facility's analytic account."))

    def _have_warehouse(self):
        if self.warehouse_choice == "existing":
            return self.warehouse_id
        # Stands in for a stock administrator: who sets up facilities need not be one,
        # and gets nothing but this warehouse by it.
        return (
            self.env["stock.warehouse"]
            .sudo()
            .with_company(self.company_id)
            .create(
                {
                    "name": self.name,
                    "code": self.warehouse_code,
                    "company_id": self.company_id.id,
                    "partner_id": self.company_id.partner_id.id,
                }
            )
        )

    def _have_analytic_account(self):
        if self.analytic_choice == "existing":
            return self.analytic_account_id
        # Stands in for an accountant: who sets up facilities need not be one, and gets
        # nothing but this account by it.
        system = self.env(su=True)
        return system["account.analytic.account"].create(
            {
                "name": self.name,
                "code": self.code.strip(),
                "plan_id": self._have_plan(system).id,
                "company_id": self.company_id.id,
            }
        )

    @api.model
    def _have_plan(self, system):
        """Return the analytic plan other facilities are in; one of their own at first.

        Plans belong to no company.
        """
        others = system["healthcare.facility"].search(
            [("analytic_account_id", "!=", False)], limit=1, order="id desc"
        )
        return others.analytic_account_id.plan_id or system[
            "account.analytic.plan"
        ].create({"name": self.env._("Facilities")})
