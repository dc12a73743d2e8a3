"""Which accounts the decisions of payers are booked to."""

from odoo import api, fields, models

# Purpose: field, name, account type, where to look for a free code.
ACCOUNTS = {
    "CO": ("healthcare_account_co_id", "Contractual adjustments", "income", "400900"),
    "OA": ("healthcare_account_oa_id", "Other claim adjustments", "income", "400900"),
    "PI": ("healthcare_account_pi_id", "Payer reductions", "income", "400900"),
    "transfer": (
        "healthcare_account_transfer_id",
        "Patient responsibility transfer",
        "asset_current",
        "101900",
    ),
}
FIELDS = [field for field, *_rest in ACCOUNTS.values()]


class ResCompany(models.Model):
    _inherit = "res.company"

    healthcare_account_co_id = fields.Many2one(
        "account.account", string="Contractual Adjustments (CO)", check_company=True
    )
    healthcare_account_oa_id = fields.Many2one(
        "account.account", string="Other Adjustments (OA)", check_company=True
    )
    healthcare_account_pi_id = fields.Many2one(
        "account.account", string="Payer Reductions (PI)", check_company=True
    )
    healthcare_account_transfer_id = fields.Many2one(
        "account.account",
        string="Patient Responsibility Transfer",
        check_company=True,
        help="What the payer leaves to the patient passes through here: from the "
        "payer's invoice to the patient's. Its balance is always zero.",
    )
    healthcare_adjustment_journal_id = fields.Many2one(
        "account.journal",
        string="Adjustment Journal",
        domain="[('type', '=', 'general')]",
        check_company=True,
        help="Empty: the company's first journal of miscellaneous operations.",
    )

    def write(self, vals):
        result = super().write(vals)
        if any(vals.get(field) for field in FIELDS):
            self.env["healthcare.exception"]._cause_gone(
                [f"claim-accounts/{company.id}" for company in self]
            )
        return result

    def _healthcare_claim_account(self, purpose):
        """Return the account of a purpose of :data:`ACCOUNTS`, maybe none."""
        self.ensure_one()
        return self[ACCOUNTS[purpose][0]]

    def _healthcare_adjustment_journal(self):
        """Return the journal of adjustments, maybe none."""
        self.ensure_one()
        journals = self.env["account.journal"]
        return self.healthcare_adjustment_journal_id or journals.search(
            [*journals._check_company_domain(self), ("type", "=", "general")], limit=1
        )

    @api.model
    def _healthcare_setup_claim_accounts(self):
        """Make the accounts that are missing in companies with a chart of accounts."""
        for company in self.search([("chart_template", "!=", False)]):
            company._healthcare_make_claim_accounts()

    def _healthcare_make_claim_accounts(self):
        self.ensure_one()
        accounts = self.env["account.account"].with_company(self)
        values = {}
        for field, name, account_type, start in ACCOUNTS.values():
            if self[field]:
                continue
            values[field] = accounts.create(
                {
                    "name": name,
                    "code": accounts._search_new_account_code(start),
                    "account_type": account_type,
                    "reconcile": account_type == "asset_current",
                    "company_ids": [fields.Command.link(self.id)],
                }
            ).id
        if values:
            self.write(values)


class AccountChartTemplate(models.AbstractModel):
    _inherit = "account.chart.template"

    def _post_load_data(self, template_code, company, template_data):
        result = super()._post_load_data(template_code, company, template_data)
        (company or self.env.company)._healthcare_make_claim_accounts()
        return result


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    healthcare_account_co_id = fields.Many2one(
        related="company_id.healthcare_account_co_id", readonly=False
    )
    healthcare_account_oa_id = fields.Many2one(
        related="company_id.healthcare_account_oa_id", readonly=False
    )
    healthcare_account_pi_id = fields.Many2one(
        related="company_id.healthcare_account_pi_id", readonly=False
    )
    healthcare_account_transfer_id = fields.Many2one(
        related="company_id.healthcare_account_transfer_id", readonly=False
    )
    healthcare_adjustment_journal_id = fields.Many2one(
        related="company_id.healthcare_adjustment_journal_id", readonly=False
    )
