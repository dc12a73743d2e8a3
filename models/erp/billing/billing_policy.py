"""How services are billed: by facility, payer, company and service."""

from odoo import api, fields, models


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    invoice_policy = fields.Selection(
        [
            ("post", "Posted at once"),
            ("draft", "Drafts that finance posts"),
        ],
        string="Invoices Are",
        default="post",
        required=True,
    )
    period_policy = fields.Selection(
        [
            ("wait", "Wait until the period is opened"),
            ("next", "Book in the next open period"),
        ],
        string="In a Locked Period",
        default="wait",
        required=True,
        help="What becomes of a service that was performed in a period whose books "
        "are locked.",
    )
    copay_at_service = fields.Boolean(
        string="Bill Copay at Service",
        help="The patient gets an invoice over the copay at once; the payer's invoice "
        "carries the rest.",
    )
    deferred_account_id = fields.Many2one(
        "account.account",
        string="Deferred Revenue",
        check_company=True,
        help="Holds revenue of services that last over months. Empty: the company's.",
    )

    def write(self, vals):
        result = super().write(vals)
        if vals.get("deferred_account_id") or vals.get("period_policy") == "next":
            self.company_id._healthcare_release_billing()
        return result

    def _deferred_account(self):
        """Return the account revenue is deferred on, maybe none."""
        return (
            self.deferred_account_id or self.company_id.healthcare_deferred_account_id
        )


class HealthcareService(models.Model):
    _inherit = "healthcare.service"

    recognition = fields.Selection(
        [
            ("once", "When invoiced"),
            ("period", "Over the service period"),
        ],
        string="Revenue Counts",
        default="once",
        required=True,
        help="Over the service period: revenue of a service that lasts over several "
        "months is deferred and recognized month by month.",
    )


class HealthcareServiceSupply(models.Model):
    _inherit = "healthcare.service.supply"

    alternative_ids = fields.Many2many(
        "product.product",
        string="Alternatives",
        domain="[('is_storable', '=', True)]",
        help="Used in its place they are noted as a substitution. Where none is "
        "listed, products of the same category are.",
    )


class ResPartner(models.Model):
    _inherit = "res.partner"

    healthcare_copay_at_service = fields.Selection(
        [("yes", "Billed at service"), ("no", "Billed after the payer's decision")],
        string="Copay",
        help="Empty: as the facility says.",
    )


class ResCompany(models.Model):
    _inherit = "res.company"

    healthcare_deferred_account_id = fields.Many2one(
        "account.account",
        string="Deferred Service Revenue",
        check_company=True,
        help="Holds revenue of services that last over months until it is earned.",
    )

    def write(self, vals):
        result = super().write(vals)
        if vals.get("healthcare_deferred_account_id"):
            self._healthcare_release_billing()
        if any(name.endswith("_lock_date") for name in vals):
            self._healthcare_release_periods()
        return result

    def _healthcare_release_billing(self):
        """Let services go on that waited for how they are to be billed."""
        self.env["healthcare.exception"]._cause_gone(
            [f"deferred-account/{company.id}" for company in self]
        )
        self._healthcare_release_periods()

    def _healthcare_release_periods(self):
        """Let services go on that waited for their period, of branches too.

        Which of them are in an open period now is looked at when they run.
        """
        # Stands in for the system: whoever opens a period need not see the queue.
        exceptions = self.env["healthcare.exception"].sudo()
        companies = self.sudo().search([("id", "child_of", self.ids)])
        waiting = exceptions.search(
            [
                ("company_id", "in", companies.ids),
                ("cause_key", "=like", "period/%"),
                ("is_open", "=", True),
            ]
        )
        exceptions._cause_gone(waiting.mapped("cause_key"))

    def _healthcare_locked_until(self, date, journal, taxed=False):
        """Return the day until which the books are locked for a date, or nothing."""
        self.ensure_one()
        locks = self._get_violated_lock_dates(date, taxed, journal)
        return locks[-1][0] if locks else None


class AccountLockException(models.Model):
    _inherit = "account.lock_exception"

    @api.model_create_multi
    def create(self, vals_list):
        exceptions = super().create(vals_list)
        exceptions.company_id._healthcare_release_periods()
        return exceptions


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    healthcare_deferred_account_id = fields.Many2one(
        related="company_id.healthcare_deferred_account_id", readonly=False
    )
