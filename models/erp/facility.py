"""A place of care: which company bills, which warehouse supplies."""

from odoo import fields, models


class HealthcareFacility(models.Model):
    _name = "healthcare.facility"
    _description = "Facility"
    _inherit = "healthcare.awaited"
    _order = "name"
    _check_company_auto = True
    _awaited_kind = "facility"

    name = fields.Char(required=True)
    code = fields.Char(required=True, help="The code events carry, e.g. NORTH.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        check_company=True,
        help="Supplies of services at this facility are reserved here.",
    )
    analytic_account_id = fields.Many2one(
        "account.analytic.account",
        check_company=True,
        help="Revenue and supplies of this facility are distributed to it.",
    )
    sale_journal_id = fields.Many2one(
        "account.journal",
        string="Invoice Journal",
        domain="[('type', '=', 'sale')]",
        check_company=True,
        help="Empty: the company's first sales journal.",
    )
    payment_journal_id = fields.Many2one(
        "account.journal",
        domain="[('type', 'in', ('bank', 'cash'))]",
        check_company=True,
        help="Empty: the company's first bank journal.",
    )
    appointment_count = fields.Integer(compute="_compute_appointment_count")

    _code_unique = models.Constraint(
        "UNIQUE(code)", "Another facility already has this code."
    )

    def _compute_appointment_count(self):
        found = dict(
            self.env["healthcare.appointment"]._read_group(
                [("facility_id", "in", self.ids)], ["facility_id"], ["__count"]
            )
        )
        for facility in self:
            facility.appointment_count = found.get(facility, 0)
