"""A place of care: which company bills, which warehouse supplies."""

from odoo import api, fields, models, tools


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

    # -- asked for with every event ---------------------------------------------

    @api.model
    @tools.ormcache()
    def _ids_by_code(self):
        """Return ``{code: id}`` of active facilities, kept until one changes."""
        self.flush_model(["code", "active"])
        # Stands in for the system: intake runs for users who read no master data.
        facilities = self.sudo().search_fetch([("active", "=", True)], ["code"])
        return {facility.code: facility.id for facility in facilities}

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        if {"code", "active"} & vals.keys():
            self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    # -- figures ------------------------------------------------------------------

    def _compute_appointment_count(self):
        found = dict(
            self.env["healthcare.appointment"]._read_group(
                [("facility_id", "in", self.ids)], ["facility_id"], ["__count"]
            )
        )
        for facility in self:
            facility.appointment_count = found.get(facility, 0)
