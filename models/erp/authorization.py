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

    _key_unique = models.UniqueIndex("(key)", "This authorization exists already.")

    @api.depends("number", "payer_id")
    def _compute_display_name(self):
        for record in self:
            record.display_name = record.number or self.env._("Authorization request")
