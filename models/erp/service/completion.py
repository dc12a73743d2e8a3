"""A service that was performed: the pivot between care, stock and billing."""

from odoo import api, fields, models


class HealthcareCompletion(models.Model):
    """One performed service. Unique, so that nothing is billed or consumed twice.

    When a person decides that another completion of the same service is the right one,
    this one stays as a superseded version, with its invoices and their credit notes.
    """

    _name = "healthcare.completion"
    _description = "Completed Service"
    _order = "performed_at desc, id desc"
    _rec_name = "identifier"

    identifier = fields.Char(string="Service Number", required=True, readonly=True)
    key = fields.Char(required=True, readonly=True, help="Keyed hash of the number.")
    facility_id = fields.Many2one(
        "healthcare.facility", required=True, readonly=True, index=True
    )
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    patient_id = fields.Many2one(
        "res.partner", required=True, readonly=True, index=True
    )
    payer_id = fields.Many2one("res.partner", readonly=True)
    appointment_id = fields.Many2one(
        "healthcare.appointment", readonly=True, index="btree_not_null"
    )
    order_id = fields.Many2one("sale.order", readonly=True)
    performed_at = fields.Datetime(required=True, readonly=True)
    provider = fields.Char(readonly=True)
    event_id = fields.Many2one(
        "healthcare.event", readonly=True, index="btree_not_null", string="Told By"
    )
    line_ids = fields.One2many(
        "healthcare.completion.line", "completion_id", string="Charges"
    )
    supply_ids = fields.One2many(
        "healthcare.completion.supply", "completion_id", string="Supplies"
    )
    invoice_ids = fields.One2many("account.move", "healthcare_completion_id")
    invoice_count = fields.Integer(compute="_compute_counts", string="Invoices")
    picking_ids = fields.One2many("stock.picking", "healthcare_completion_id")
    picking_count = fields.Integer(compute="_compute_counts", string="Transfers")
    copay = fields.Monetary(
        string="Billed to Patient", readonly=True, help="At once, as copay."
    )
    amount_total = fields.Monetary(string="Charged", readonly=True)
    currency_id = fields.Many2one(related="company_id.currency_id")

    superseded = fields.Boolean(
        readonly=True, help="A corrected completion was billed in its place."
    )
    replaces_id = fields.Many2one(
        "healthcare.completion",
        string="Corrects",
        readonly=True,
        index="btree_not_null",
    )
    replaced_by_ids = fields.One2many(
        "healthcare.completion", "replaces_id", string="Corrected By"
    )
    replacement_event_id = fields.Many2one(
        "healthcare.event",
        readonly=True,
        index="btree_not_null",
        help="A person decided that what this event says is to be billed instead.",
    )
    replacement_reason = fields.Char(string="Why Corrected", readonly=True)
    replacement_user_id = fields.Many2one(
        "res.users", string="Correction Decided By", readonly=True
    )

    _key_unique = models.UniqueIndex(
        "(key) WHERE superseded IS NOT TRUE", "This service was completed already."
    )

    can_correct = fields.Boolean(compute="_compute_can_correct")

    @api.depends_context("uid")
    def _compute_can_correct(self):
        reader = self.env.user.has_group("healthcare_connector.group_phi_reader")
        for completion in self:
            completion.can_correct = reader

    @api.depends("invoice_ids", "picking_ids")
    def _compute_counts(self):
        # Stands in for the system: a number is no document, and the buttons open only
        # what their reader may see.
        for completion in self.sudo():
            completion.invoice_count = len(completion.invoice_ids)
            completion.picking_count = len(completion.picking_ids)
