"""Map it now: say what a code means, and let go on what waits for it."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.exchange.value_map import KINDS, TARGETS, meant


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    can_map = fields.Boolean(compute="_compute_can_map")

    @api.depends("cause_key", "source_id", "state", "blocks_event")
    def _compute_can_map(self):
        for record in self:
            record.can_map = bool(
                record.is_open
                and record.blocks_event
                and record.source_id
                and meant(record.cause_key)
            )

    def action_map_code(self):
        """Open the wizard that says what the code means."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Map It Now"),
            "res_model": "healthcare.mapping.code",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_exception_id": self.id},
        }


class HealthcareExceptionCause(models.Model):
    _inherit = "healthcare.exception.cause"

    can_map = fields.Boolean(compute="_compute_can_map")

    def _compute_can_map(self):
        for cause in self:
            cause.can_map = cause._example().can_map

    def action_map_code(self):
        """Say what a code means that a whole problem is about."""
        self.ensure_one()
        return self._example().action_map_code()


class HealthcareMappingCode(models.TransientModel):
    """Asks what one code of one source means and writes it down."""

    _name = "healthcare.mapping.code"
    _description = "Map It Now"

    exception_id = fields.Many2one(
        "healthcare.exception", required=True, readonly=True, ondelete="cascade"
    )
    source_id = fields.Many2one(related="exception_id.source_id")
    kind = fields.Selection(KINDS, compute="_compute_code")
    code = fields.Char(string="Their Code", compute="_compute_code")
    waiting_count = fields.Integer(
        string="Events Waiting for It", compute="_compute_waiting_count"
    )
    service_id = fields.Many2one("healthcare.service")
    product_id = fields.Many2one(
        "product.product",
        string="Supply",
        domain="[('type', '=', 'consu'), ('default_code', '!=', False)]",
    )
    payer_id = fields.Many2one(
        "res.partner",
        domain="[('healthcare_is_payer', '=', True),"
        " ('healthcare_payer_code', '!=', False)]",
    )
    facility_id = fields.Many2one("healthcare.facility")
    to_code = fields.Char(string="Our Code")

    @api.depends("exception_id")
    def _compute_code(self):
        for wizard in self:
            found = meant(wizard.exception_id.cause_key)
            wizard.kind, wizard.code = found or (False, False)

    @api.depends("exception_id")
    def _compute_waiting_count(self):
        for wizard in self:
            wizard.waiting_count = self.env["healthcare.exception"].search_count(
                [
                    ("source_id", "=", wizard.source_id.id),
                    ("cause_key", "=", wizard.exception_id.cause_key),
                    ("state", "in", ("open", "assigned")),
                    ("blocks_event", "=", True),
                ]
            )

    def action_map(self):
        """Write the meaning down: what waits for it goes on by itself."""
        self.ensure_one()
        self.exception_id._check_open()
        name = TARGETS[self.kind][0] if self.kind in TARGETS else "to_code"
        value = self[name]
        if not value:
            raise UserError(self.env._("Choose what the code means."))
        shown = value if name == "to_code" else value.display_name
        self.exception_id._note_decision(
            "released", self.env._("Code mapped to %s", shown)
        )
        maps = self.env["healthcare.value.map"]
        known = maps.search(
            [
                ("source_id", "=", self.source_id.id),
                ("kind", "=", self.kind),
                ("code", "=", self.code),
            ]
        )
        values = {name: value if name == "to_code" else value.id}
        if known:
            known.write(values)
        else:
            maps.create(
                {
                    "source_id": self.source_id.id,
                    "kind": self.kind,
                    "code": self.code,
                    **values,
                }
            )
        return {"type": "ir.actions.act_window_close"}
