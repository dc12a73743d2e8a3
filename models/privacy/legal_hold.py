"""Legal hold: what must not be erased, whatever the policies say."""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

ADMINISTRATOR = "healthcare_connector.group_administrator"


class HealthcareLegalHold(models.Model):
    """Keeps everything about a patient, or from a source, until it is released."""

    _name = "healthcare.legal.hold"
    _description = "Legal Hold"
    _inherit = ["mail.thread"]
    _order = "id desc"

    name = fields.Char(
        string="Matter", required=True, tracking=True, help="E.g. the file number."
    )
    reason = fields.Text(required=True, tracking=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Patient",
        domain=[("healthcare_is_patient", "=", True)],
        ondelete="restrict",
    )
    patient_reference = fields.Char(
        related="partner_id.healthcare_reference", string="Patient Reference"
    )
    source_id = fields.Many2one("healthcare.source", ondelete="restrict")
    user_id = fields.Many2one(
        "res.users",
        string="Set By",
        required=True,
        readonly=True,
        default=lambda self: self.env.uid,
    )
    begun_at = fields.Datetime(readonly=True, default=fields.Datetime.now)
    released_at = fields.Datetime(readonly=True, tracking=True)
    released_by_id = fields.Many2one("res.users", readonly=True, tracking=True)
    release_reason = fields.Char(tracking=True)
    state = fields.Selection(
        [("held", "In Force"), ("released", "Released")],
        compute="_compute_state",
        store=True,
    )

    _about_something = models.Constraint(
        "CHECK (partner_id IS NOT NULL OR source_id IS NOT NULL)",
        "A hold is on a patient or on a source.",
    )

    @api.depends("released_at")
    def _compute_state(self):
        for hold in self:
            hold.state = "released" if hold.released_at else "held"

    @api.model_create_multi
    def create(self, vals_list):
        """Put who set it on record, whatever is said."""
        if not self.env.su:
            for vals in vals_list:
                vals.update(user_id=self.env.uid, begun_at=fields.Datetime.now())
        return super().create(vals_list)

    def write(self, vals):
        """Change nothing but why it is released: a hold is evidence."""
        if not self.env.su and vals.keys() - {"release_reason"}:
            raise UserError(
                self.env._("A hold is not changed: release it and set another one.")
            )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("Holds stay on record; release it."))

    def action_release(self):
        """End the hold; what policies say applies again."""
        if not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(self.env._("Only administrators release holds."))
        self.check_access("write")
        for hold in self:
            if hold.released_at:
                raise UserError(self.env._("This hold was released already."))
            if not (hold.release_reason or "").strip():
                raise UserError(self.env._("Say why it is released."))
        # Stands in for the administrator: who and when are not written by hand.
        self.sudo().write(
            {"released_at": fields.Datetime.now(), "released_by_id": self.env.uid}
        )

    @api.model
    def _in_force(self):
        """Return ``(patients, source ids)`` that are held; merged accounts count."""
        # Stands in for the system: a hold protects whoever asks.
        holds = self.sudo().search([("state", "=", "held")])
        partners = holds.partner_id
        if partners:
            partners |= partners.with_context(active_test=False).search(
                [("healthcare_merged_into_id", "in", partners.ids)]
            )
            partners |= partners.healthcare_merged_into_id
        return partners, holds.source_id.ids
