"""A payer's permission for services."""

from odoo import api, fields, models


class HealthcareAuthorization(models.Model):
    _name = "healthcare.authorization"
    _description = "Authorization"
    _order = "id desc"
    _rec_name = "number"

    key = fields.Char(required=True, readonly=True)
    number = fields.Char(help="The payer's number, once there is one.")
    facility_id = fields.Many2one("healthcare.facility", required=True)
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    patient_id = fields.Many2one("res.partner", index="btree_not_null")
    payer_id = fields.Many2one("res.partner")
    appointment_id = fields.Many2one("healthcare.appointment", index="btree_not_null")
    state = fields.Selection(
        [
            ("requested", "Requested"),
            ("approved", "Approved"),
            ("denied", "Denied"),
            ("expired", "Expired"),
        ],
        required=True,
        default="requested",
    )
    units = fields.Float()
    date_from = fields.Date(string="From")
    date_to = fields.Date(string="Until")
    reason = fields.Char()
    service_ids = fields.Many2many("healthcare.service", string="Services")
    known_at = fields.Datetime(help="Time of the newest event about it.")
    known_fields = fields.Json(help="Time of the event each field came from.")
    decisions = fields.Json(help="When each state was reached, by event time.")

    _key_unique = models.UniqueIndex("(key)", "This authorization exists already.")

    @api.depends("number", "payer_id")
    def _compute_display_name(self):
        for record in self:
            record.display_name = record.number or self.env._("Authorization request")

    def _state_at(self, moment):
        """Return the state that counts for a service, ``None`` for none.

        What was decided by then counts, and an approval given afterwards. So a service
        meets the same answer whether its event or the decision arrives first.

        :param moment: naive UTC datetime
        """
        if not self:
            return None
        self.ensure_one()
        decisions = self.decisions or {}
        limit = moment.isoformat(timespec="microseconds")
        before = [(at, state) for state, at in decisions.items() if at <= limit]
        at, state = max(before, default=("", None))
        if state != "approved" and decisions.get("approved", "") > at:
            return "approved"
        return state

    def _hold_sentence(self):
        """Say in plain words why billing is on hold."""
        self.ensure_one()
        if self.state == "expired":
            return self.env._("The authorization has expired.")
        if self.payer_id.healthcare_payer_code:
            return self.env._(
                "%s denied the authorization.", self.payer_id.healthcare_payer_code
            )
        return self.env._("The payer denied the authorization.")
