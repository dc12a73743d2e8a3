"""A vendor system that sends us events."""

import ipaddress
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .res_users_apikeys import SCOPES


class HealthcareSource(models.Model):
    _name = "healthcare.source"
    _description = "Source System"
    _inherit = ["mail.thread"]
    _order = "name"

    name = fields.Char(required=True, tracking=True)
    code = fields.Char(
        required=True,
        copy=False,
        help="Short name used in commands and documentation, e.g. demo-access.",
    )
    active = fields.Boolean(default=True, tracking=True)
    environment = fields.Selection(
        [("production", "Production"), ("sandbox", "Sandbox")],
        required=True,
        default=lambda self: self._database_environment(),
        tracking=True,
        help="Keys of a source work only in a database of the same environment.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Integration User",
        copy=False,
        readonly=True,
        ondelete="restrict",
        help="Made with the source. Its keys open our endpoints and nothing else.",
    )
    facility_ids = fields.Many2many(
        "healthcare.facility",
        string="Facilities",
        help="Facilities this source may speak for. Empty: all of them.",
    )
    paused = fields.Boolean(tracking=True, help="Refuse new events for now (503).")
    pause_reason = fields.Char(tracking=True)
    allowed_networks = fields.Char(
        help="Networks calls may come from, in CIDR notation, separated by commas. "
        "Empty: any.",
    )
    max_body_bytes = fields.Integer(
        string="Largest Body (bytes)", default=5 * 1024 * 1024, required=True
    )
    max_batch_events = fields.Integer(
        string="Events per Batch", default=1000, required=True
    )
    max_depth = fields.Integer(string="Nesting Levels", default=64, required=True)
    last_event_at = fields.Datetime(
        string="Last Event", compute="_compute_activity", compute_sudo=False
    )
    event_count = fields.Integer(
        string="Events in 24 Hours",
        compute="_compute_activity",
        compute_sudo=False,
        help="Received within the last 24 hours.",
    )
    exception_count = fields.Integer(
        string="Open Exceptions", compute="_compute_exception_count"
    )
    namespace = fields.Char(
        required=True,
        default="default",
        help="Sources with the same namespace mean the same appointment, service, "
        "claim or payment by the same number.",
    )
    key_ids = fields.Many2many(
        "res.users.apikeys", string="Keys", compute="_compute_key_ids"
    )

    _code_unique = models.Constraint(
        "UNIQUE(code)", "Another source already has this code."
    )
    _user_unique = models.Constraint(
        "UNIQUE(user_id)", "An integration user belongs to exactly one source."
    )
    _limits_positive = models.Constraint(
        "CHECK(max_body_bytes > 0 AND max_batch_events > 0"
        " AND max_depth BETWEEN 1 AND 500)",
        "Limits must be positive, and nesting at most 500 levels.",
    )

    @api.model
    def _database_environment(self):
        """Return ``production`` or ``sandbox``: what this database is marked as."""
        # Reading one parameter of ours on behalf of any caller.
        parameters = self.env["ir.config_parameter"].sudo()
        return parameters.get_param("healthcare_connector.environment") or "production"

    @api.constrains("user_id")
    def _check_user(self):
        # A source acts on its user: its keys are that user's, archiving it archives
        # him. None but users made for that may be named.
        group = self.env.ref("healthcare_connector.group_integration")
        for source in self:
            # Stands in for the system: groups of users are not everyone's to read.
            user = source.user_id.sudo()
            if user and (user.group_ids != group or user._is_internal()):
                raise ValidationError(
                    self.env._("The user of a source can be nothing but that.")
                )

    @api.constrains("allowed_networks")
    def _check_allowed_networks(self):
        for source in self:
            try:
                source._networks()
            except ValueError as error:
                raise ValidationError(
                    self.env._("Allowed networks must be in CIDR notation.")
                ) from error

    def _networks(self):
        self.ensure_one()
        return [
            ipaddress.ip_network(part.strip())
            for part in (self.allowed_networks or "").split(",")
            if part.strip()
        ]

    def _compute_activity(self):
        # All that a source ever sent would be counted for seconds.
        events = self.env["healthcare.event"]
        day = fields.Datetime.now() - timedelta(days=1)
        groups = events._read_group(
            [("source_id", "in", self.ids), ("received_at", ">=", day)],
            ["source_id"],
            ["__count", "received_at:max"],
        )
        found = {source: (count, last) for source, count, last in groups}
        for source in self:
            source.event_count, source.last_event_at = found.get(source, (0, False))
        for source in self - self.browse([one.id for one in found]):
            source.last_event_at = events.search(
                [("source_id", "=", source.id)], order="received_at desc", limit=1
            ).received_at

    def _compute_exception_count(self):
        groups = self.env["healthcare.exception"]._read_group(
            [("source_id", "in", self.ids), ("state", "in", ("open", "assigned"))],
            ["source_id"],
            ["__count"],
        )
        found = dict(groups)
        for source in self:
            source.exception_count = found.get(source, 0)

    @api.depends("user_id")
    def _compute_key_ids(self):
        # Stands in for the system: keys belong to the integration user; an
        # administrator of the connector sees their names and dates, never a secret.
        keys = self.env["res.users.apikeys"].sudo()
        for source in self:
            source.key_ids = keys.search(
                [("user_id", "=", source.user_id.id), ("scope", "in", SCOPES)]
            )

    @api.model_create_multi
    def create(self, vals_list):
        group = self.env.ref("healthcare_connector.group_integration")
        for vals in vals_list:
            if not vals.get("user_id"):
                # Stands in for the system: administrators of the connector need
                # no right to manage users to add a source.
                vals["user_id"] = (
                    self.env["res.users"]
                    .sudo()
                    .with_context(no_reset_password=True, mail_create_nolog=True)
                    .create(
                        {
                            "name": self.env._("Integration: %s", vals.get("name")),
                            "login": f"healthcare.{vals.get('code')}",
                            "group_ids": [fields.Command.set(group.ids)],
                        }
                    )
                    .id
                )
        return super().create(vals_list)

    def write(self, vals):
        result = super().write(vals)
        if "active" in vals:
            # Stands in for the system: an archived source must not authenticate.
            self.user_id.sudo().write({"active": vals["active"]})
        return result

    def _issue_key(self, scopes=("healthcare.events",), name=None, days=365):
        """Return a fresh secret key, shown this once.

        :param scopes: exactly one of ``healthcare.events``, ``healthcare.status``,
            ``healthcare.metrics``: Odoo's keys carry one scope each.
        :raise UserError: for a scope that is not ours.
        """
        self.ensure_one()
        scopes = [scopes] if isinstance(scopes, str) else list(scopes)
        if len(scopes) != 1 or scopes[0] not in SCOPES:
            raise UserError(
                self.env._("A key has exactly one of the scopes %s.", ", ".join(SCOPES))
            )
        # Stands in for the integration user, who owns the key and never logs in.
        keys = self.env["res.users.apikeys"].with_user(self.user_id).sudo()
        return keys._generate(
            scopes[0],
            name or f"{self.code}: {scopes[0]}",
            fields.Datetime.now() + timedelta(days=days),
        )

    def action_open_events(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_event"
        )
        action["domain"] = [("source_id", "=", self.id)]
        action["context"] = {"search_default_last_day": 1}
        return action

    def action_open_exceptions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_exception"
        )
        action["domain"] = [("source_id", "=", self.id)]
        action["context"] = {"search_default_open": 1}
        return action
