"""A scheduled visit and its financial clearance."""

from odoo import api, fields, models
from odoo.fields import Domain

STATES = [
    ("booked", "Booked"),
    ("confirmed", "Confirmed"),
    ("checked_in", "Checked In"),
    ("completed", "Completed"),
    ("cancelled", "Cancelled"),
    ("no_show", "No Show"),
]


class HealthcareAppointment(models.Model):
    _name = "healthcare.appointment"
    _description = "Appointment"
    _inherit = ["mail.thread"]
    _order = "start desc, id desc"
    _rec_name = "identifier"

    identifier = fields.Char(
        string="Appointment", required=True, readonly=True, help="The vendor's number."
    )
    source_id = fields.Many2one("healthcare.source", required=True, readonly=True)
    facility_id = fields.Many2one(
        "healthcare.facility", required=True, readonly=True, index=True
    )
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    subject = fields.Char(
        required=True, readonly=True, help="Keyed hash: what its events have in common."
    )
    patient_id = fields.Many2one(
        "res.partner", required=True, readonly=True, index=True
    )
    state = fields.Selection(STATES, required=True, default="booked", readonly=True)
    start = fields.Datetime(required=True, readonly=True, index=True)
    end = fields.Datetime(readonly=True)
    location = fields.Char(readonly=True)
    provider = fields.Char(readonly=True)
    reason = fields.Char(readonly=True)
    self_pay = fields.Boolean(readonly=True)
    line_ids = fields.One2many(
        "healthcare.appointment.service", "appointment_id", string="Services"
    )
    known_at = fields.Datetime(
        readonly=True, help="Time of the newest event about this appointment."
    )
    booked_at = fields.Datetime(
        string="Booked",
        readonly=True,
        index=True,
        help="Time of the first event about this appointment.",
    )
    known_fields = fields.Json(help="Which event each part comes from.")
    order_id = fields.Many2one(
        "sale.order", string="Service Order", readonly=True, index="btree_not_null"
    )
    picking_ids = fields.One2many(
        "stock.picking", "healthcare_appointment_id", string="Supply Transfers"
    )
    authorization_ids = fields.One2many(
        "healthcare.authorization", "appointment_id", string="Authorizations"
    )
    completion_ids = fields.One2many("healthcare.completion", "appointment_id")
    exception_ids = fields.One2many("healthcare.exception", "appointment_id")

    # Financial clearance: computed by the scheduling workflow, stored, explained.
    clearance = fields.Selection(
        [("cleared", "Cleared"), ("pending", "Pending"), ("blocked", "Blocked")],
        default="pending",
        readonly=True,
        index=True,
    )
    coverage_state = fields.Selection(
        [
            ("verified", "Verified"),
            ("missing", "Missing"),
            ("inactive", "Inactive"),
            ("self_pay", "Self-Pay"),
        ],
        string="Coverage",
        readonly=True,
    )
    authorization_state = fields.Selection(
        [
            ("not_required", "Not Required"),
            ("pending", "Pending"),
            ("approved", "Approved"),
            ("denied", "Denied"),
            ("expired", "Expired"),
        ],
        string="Authorization",
        readonly=True,
    )
    supplies_state = fields.Selection(
        [
            ("not_required", "Not Required"),
            ("reserved", "Reserved"),
            ("partial", "Partly Reserved"),
            ("short", "Short"),
        ],
        string="Supplies",
        readonly=True,
    )
    clearance_reasons = fields.Json(readonly=True)
    clearance_note = fields.Text(
        string="Why", compute="_compute_clearance_note", help="What stands in the way."
    )
    clearance_steps = fields.Text(
        string="What to Do", compute="_compute_clearance_steps"
    )
    billing_hold = fields.Boolean(readonly=True, tracking=True)
    billing_hold_reason = fields.Char(readonly=True)
    amount_expected = fields.Monetary(
        readonly=True, help="List price of the booked services."
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    # Counted for the system: who has no right on a document still learns that there is
    # one; its button is for those who may open it.
    invoice_ids = fields.Many2many(
        "account.move", compute="_compute_documents", compute_sudo=True
    )
    invoice_count = fields.Integer(compute="_compute_documents", compute_sudo=True)
    picking_count = fields.Integer(compute="_compute_documents", compute_sudo=True)
    event_count = fields.Integer(compute="_compute_documents", compute_sudo=True)
    open_exception_count = fields.Integer(
        compute="_compute_documents", compute_sudo=True
    )

    _subject_unique = models.UniqueIndex(
        "(subject)", "This appointment exists already."
    )
    _order_unique = models.UniqueIndex(
        "(order_id) WHERE order_id IS NOT NULL",
        "A service order belongs to one appointment.",
    )

    @api.depends("clearance_reasons")
    def _compute_clearance_note(self):
        for appointment in self:
            appointment.clearance_note = "\n".join(appointment.clearance_reasons or [])

    @api.depends("completion_ids", "picking_ids", "exception_ids")
    def _compute_documents(self):
        links = self.env["healthcare.document.link"]
        events = dict(
            links._read_group(
                Domain("res_model", "=", self._name)
                & Domain("res_id", "in", self.ids)
                & self.env.user._healthcare_within(
                    "event_id.facility_id", "event_id.source_id"
                ),
                ["res_id"],
                ["event_id:count_distinct"],
            )
        )
        for appointment in self:
            invoices = (
                appointment.completion_ids.invoice_ids | appointment.fee_invoice_ids
            )
            appointment.invoice_ids = invoices
            appointment.invoice_count = len(invoices)
            appointment.picking_count = len(appointment.picking_ids)
            appointment.event_count = events.get(appointment.id, 0)
            appointment.open_exception_count = len(
                appointment.exception_ids.filtered("is_open")
            )

    def action_open_order(self):
        self.ensure_one()
        return self._open("sale.order", self.order_id.ids)

    def action_open_invoices(self):
        self.ensure_one()
        return self._open("account.move", self.invoice_ids.ids)

    def action_open_pickings(self):
        self.ensure_one()
        return self._open("stock.picking", self.picking_ids.ids)

    def action_open_exceptions(self):
        self.ensure_one()
        return self._open("healthcare.exception", self.exception_ids.ids)

    def action_open_events(self):
        self.ensure_one()
        links = self.env["healthcare.document.link"].search(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )
        return self._open("healthcare.event", links.event_id.ids)

    def _open(self, model, ids):
        action = {
            "type": "ir.actions.act_window",
            "name": self.env[model]._description,
            "res_model": model,
            "domain": [("id", "in", ids)],
            "views": [(False, "list"), (False, "form")],
        }
        if len(ids) == 1:
            action.update(views=[(False, "form")], res_id=ids[0])
        return action


class HealthcareAppointmentService(models.Model):
    _name = "healthcare.appointment.service"
    _description = "Service of an Appointment"
    _order = "appointment_id, id"

    appointment_id = fields.Many2one(
        "healthcare.appointment", required=True, index=True, ondelete="cascade"
    )
    service_id = fields.Many2one("healthcare.service", required=True)
    quantity = fields.Float(default=1.0, digits="Product Unit")
