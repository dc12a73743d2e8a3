"""The catalogue of canonical events: what handles each, in which order."""

from odoo import api, fields, models, tools

from ..governance.exception import CATEGORIES


class HealthcareEventType(models.Model):
    _name = "healthcare.event.type"
    _description = "Event Type"
    _order = "rank, code"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="E.g. appointment.booked")
    version = fields.Char(
        required=True,
        default="1.0",
        help="What the workflow knows; events of older versions are brought to it.",
    )
    version_ids = fields.One2many(
        "healthcare.event.type.version",
        "type_id",
        string="Versions",
        context={"active_test": False},
    )
    active = fields.Boolean(default=True)
    workflow = fields.Char(
        required=True, help="Model whose method _on_<event> handles these events."
    )
    rank = fields.Integer(
        default=50,
        help="Among events ready at the same time, lower ranks run first: patients "
        "before appointments, services before payments.",
    )
    fallback_category = fields.Selection(
        CATEGORIES,
        required=True,
        default="missing_dependency",
        help="Category of an exception when Odoo refuses the document.",
    )
    max_attempts = fields.Integer(
        default=8, help="Tries at technical errors before a person is asked."
    )
    retry_base_seconds = fields.Float(default=2.0)
    retry_cap_seconds = fields.Float(default=900.0)

    _code_unique = models.Constraint("UNIQUE(code)", "This event type exists already.")

    @api.depends("name", "code")
    def _compute_display_name(self):
        for record in self:
            record.display_name = record.name

    @api.model
    @tools.ormcache()
    def _ids_by_code(self):
        return {record.code: record.id for record in self.sudo().search([])}

    @api.model
    @tools.ormcache()
    def _version_by_code(self):
        # The catalogue is no secret; asked on behalf of vendors.
        return {record.code: record.version for record in self.sudo().search([])}

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        types = super().create(vals_list)
        self.env["healthcare.event.type.version"]._sync_registry()
        return types

    def write(self, vals):
        self.env.registry.clear_cache()
        result = super().write(vals)
        if "version" in vals:
            self.env["healthcare.event.type.version"]._sync_registry()
        return result

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    def _handler_name(self):
        self.ensure_one()
        return "_on_" + self.code.replace(".", "_")
