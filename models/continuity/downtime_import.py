"""Which files of what was written by hand were taken in, by whom and when."""

from odoo import fields, models


class HealthcareDowntimeImport(models.Model):
    """Append-only; what the file held is in the events, nothing of it is kept here."""

    _name = "healthcare.downtime.import"
    _description = "Downtime Import"
    _order = "id desc"
    _rec_name = "date"

    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one(
        "res.users",
        string="Imported By",
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
    )
    facility_id = fields.Many2one(
        "healthcare.facility", required=True, readonly=True, index=True
    )
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    source_id = fields.Many2one("healthcare.source", required=True, readonly=True)
    registration_count = fields.Integer(string="Registrations", readonly=True)
    completion_count = fields.Integer(string="Services", readonly=True)
    payment_count = fields.Integer(string="Payments", readonly=True)
    duplicate_count = fields.Integer(
        string="Known Already", readonly=True, help="Lines that were imported before."
    )
    event_ids = fields.Json(
        readonly=True, help="Ids of the events that came of it, in their order."
    )

    def action_open_events(self):
        """Open the events that came of the file."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_event"
        )
        action["domain"] = [("id", "in", self.event_ids or [])]
        action["context"] = {}
        return action
