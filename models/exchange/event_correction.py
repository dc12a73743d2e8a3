"""Corrections of an event: an overlay, never a rewrite."""

from odoo import fields, models


class HealthcareEventCorrection(models.Model):
    """One corrected version of an event's content; the original stays as it came."""

    _name = "healthcare.event.correction"
    _description = "Event Correction"
    _order = "event_id, version desc"

    event_id = fields.Many2one(
        "healthcare.event", required=True, index=True, ondelete="cascade"
    )
    uuid = fields.Char(required=True, readonly=True)
    version = fields.Integer(required=True)
    body = fields.Binary(
        attachment=False, groups=fields.NO_ACCESS, help="Encrypted JSON envelope."
    )
    places = fields.Char(help="JSON pointers of what was changed.")
    reason = fields.Char(required=True)
    user_id = fields.Many2one("res.users", string="By", required=True)

    _version_unique = models.UniqueIndex("(event_id, version)")
