"""Units of authorizations: how many the payer allows, used up by services."""

from odoo import api, fields, models

from ..visit.clearance import UPCOMING


class HealthcareAuthorization(models.Model):
    _inherit = "healthcare.authorization"

    standing = fields.Boolean(
        readonly=True,
        help="Not for one appointment: it holds for every visit of the patient with "
        "one of its services, within its period.",
    )
    use_ids = fields.One2many(
        "healthcare.authorization.use", "authorization_id", string="Used By"
    )
    units_used = fields.Float(
        compute="_compute_units_used", store=True, help="By services performed."
    )
    units_left = fields.Float(compute="_compute_units_left", store=True)

    @api.depends("use_ids.units")
    def _compute_units_used(self):
        found = dict(
            self.env["healthcare.authorization.use"]._read_group(
                [("authorization_id", "in", self.ids)],
                ["authorization_id"],
                ["units:sum"],
            )
        )
        for authorization in self:
            authorization.units_used = found.get(authorization, 0.0)

    @api.depends("units", "units_used")
    def _compute_units_left(self):
        for authorization in self:
            left = authorization.units - authorization.units_used
            authorization.units_left = max(left, 0.0) if authorization.units else 0.0

    def _for_service(self, service):
        """Return those that cover a service; one that names none covers all."""
        return self.filtered(lambda a: not a.service_ids or service in a.service_ids)

    def _has_units(self, quantity, taken=0.0):
        """Return whether so many units are left; without a limit there always are.

        :param taken: units to count as used beyond those that are
        """
        self.ensure_one()
        return not self.units or self.units - self.units_used - taken >= quantity

    def _units_sentence(self, quantity, taken=0.0):
        """Say in plain words that there are too few units left for a quantity."""
        left = max(self.units - self.units_used - taken, 0.0)
        if not left:
            return self.env._(
                "All %g units of the authorization are used up.", self.units
            )
        return self.env._(
            "The authorization has %(left)g of %(units)g units left; "
            "%(needed)g are needed.",
            left=left,
            units=self.units,
            needed=quantity,
        )

    # -- what it means for a visit ------------------------------------------------

    def _verdict(self, visit, quantity):
        """Return ``(clearance state, sentence or None)`` of one for a planned visit.

        :param quantity: units the visit needs of it
        """
        self.ensure_one()
        day = visit.start.date()
        state = self._state_for_visit(day)
        if state in ("denied", "expired"):
            return state, visit._hold_reason(state)
        if state != "approved":
            return "pending", self.env._(
                "The payer has not decided on the authorization yet."
            )
        if not self._lasts(day):
            return "pending", self.env._("The authorization ends before the visit.")
        if not self._begun(day):
            return "pending", self.env._("The authorization begins after the visit.")
        if visit.state in UPCOMING and not self._has_units(quantity):
            return "pending", self._units_sentence(quantity)
        return "approved", None

    def _begun(self, day):
        """Return whether the period has begun on a day."""
        self.ensure_one()
        return not self.date_from or self.date_from <= day


class HealthcareAuthorizationUse(models.Model):
    """Units of an authorization that one performed service has used.

    One row per service and authorization, so that a service can never count twice.
    """

    _name = "healthcare.authorization.use"
    _description = "Use of an Authorization"
    _order = "id desc"
    _rec_name = "completion_id"

    authorization_id = fields.Many2one(
        "healthcare.authorization", required=True, index=True, ondelete="cascade"
    )
    completion_id = fields.Many2one(
        "healthcare.completion",
        string="Service",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="authorization_id.company_id", store=True)
    performed_at = fields.Datetime(related="completion_id.performed_at")
    units = fields.Float(required=True)

    _completion_unique = models.UniqueIndex(
        "(authorization_id, completion_id)",
        "This service has used the authorization already.",
    )
    _units_positive = models.Constraint("CHECK(units > 0)", "Units must be positive.")

    def _give_back(self):
        """Return units of services that were taken back; what waited for them goes on.

        For corrections and cancellations of services.
        """
        authorizations = self.authorization_id
        self.unlink()
        self.env["healthcare.exception"]._cause_gone(
            [f"authorization/{key}" for key in authorizations.mapped("key")]
        )
