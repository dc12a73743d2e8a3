import re

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.http import db_list, request

from ..core.contract import samples
from ..models.exchange.res_users_apikeys import EVENTS

SHOWN_ARRIVALS = 5
_FRESH = ("healthcare_fresh_key", "healthcare_fresh_secret")
# What a state means to somebody who has just made the first call.
_STYLES = {
    "done": "success",
    "exception": "warning",
    "dead": "danger",
    "discarded": "secondary",
}


class HealthcareOnboarding(models.TransientModel):
    """Connects a vendor system: its source, its key, its first call, what became of it.

    The key is handed over in memory, in the context of the action that shows it; a
    stored field would keep it in the database.
    """

    _name = "healthcare.onboarding"
    _description = "Connect a System"

    state = fields.Selection(
        [("system", "System"), ("limits", "Protection"), ("call", "First Call")],
        required=True,
        default="system",
    )
    name = fields.Char(help="As your staff call it.")
    code = fields.Char(
        compute="_compute_code",
        store=True,
        readonly=False,
        help="Short name used in commands and documentation.",
    )
    format = fields.Selection(
        list(samples.FORMATS.items()),
        string="It Speaks",
        required=True,
        default="cloudevents",
    )
    facility_ids = fields.Many2many(
        "healthcare.facility",
        string="Facilities",
        help="Facilities it may speak for. Empty: all of them.",
    )
    default_facility_id = fields.Many2one(
        "healthcare.facility",
        string="Facility if None Is Named",
        compute="_compute_default_facility_id",
        store=True,
        readonly=False,
        help="FHIR and X12 do not say which of your facilities is meant.",
    )
    environment = fields.Selection(
        lambda self: (
            self.env["healthcare.source"]
            ._fields["environment"]
            ._description_selection(self.env)
        ),
        required=True,
        default=lambda self: self.env["healthcare.source"]._database_environment(),
    )
    database_environment = fields.Char(compute="_compute_database_environment")
    allowed_networks = fields.Char(
        help="Networks calls may come from, in CIDR notation, separated by commas. "
        "Empty: any.",
    )
    max_batch_events = fields.Integer(
        string="Events per Call", default=1000, required=True
    )
    rate_events = fields.Integer(
        string="Events per Minute",
        help="More are refused for a while, and the vendor is told when to send them "
        "again. 0: any number.",
    )
    signature_required = fields.Boolean(
        string="Signed Calls Only",
        help="Every call must carry a signature made with a secret that is shown "
        "together with the key (Standard Webhooks).",
    )
    days = fields.Integer(string="Key Valid for (days)", default=365, required=True)
    source_id = fields.Many2one("healthcare.source", readonly=True)
    key = fields.Char(compute="_compute_key")
    secret = fields.Char(string="Signing Secret", compute="_compute_key")
    calls = fields.Json(
        compute="_compute_calls",
        help="[{name, title, command}]: what to paste into a terminal.",
    )
    service_missing = fields.Boolean(compute="_compute_calls")
    facility_missing = fields.Boolean(compute="_compute_calls")

    @api.depends("name")
    def _compute_code(self):
        for wizard in self:
            if wizard.name and not wizard.code:
                words = re.findall(r"[a-z0-9]+", wizard.name.lower())
                wizard.code = "-".join(words)[:40]

    @api.depends("facility_ids", "format")
    def _compute_default_facility_id(self):
        for wizard in self:
            if wizard.format == "cloudevents":
                wizard.default_facility_id = False
            else:
                wizard.default_facility_id = (
                    wizard.default_facility_id or wizard._facility()
                )

    def _compute_database_environment(self):
        self.database_environment = self.env[
            "healthcare.source"
        ]._database_environment()

    @api.depends_context(*_FRESH)
    def _compute_key(self):
        for wizard in self:
            wizard.key, wizard.secret = map(self.env.context.get, _FRESH)

    @api.depends("source_id", "format", "state")
    @api.depends_context(*_FRESH)
    def _compute_calls(self):
        for wizard in self:
            wizard.service_missing = not wizard._service()
            wizard.facility_missing = not wizard._facility()
            wizard.calls = wizard._calls() if wizard.state == "call" else False

    def _facility(self):
        """Return the facility the samples speak for; may be empty."""
        return (
            self.default_facility_id
            or self.source_id.facility_ids[:1]
            or self.facility_ids[:1]
            or self.env["healthcare.facility"].search([], limit=1)
        )

    def _service(self):
        return self.env["healthcare.service"].search([], limit=1)

    def _calls(self):
        payer = self.env["res.partner"].search(
            [("healthcare_payer_code", "!=", False)], limit=1
        )
        found = samples.make(
            facility=self._facility().code or "NORTH",
            service=self._service().code or "CONSULT",
            payer=payer.healthcare_payer_code or "PAYER-A",
            token=self.source_id.code,
        )
        key = self.key or "$KEY"
        return [
            {
                "name": sample.name,
                "title": sample.title,
                "command": samples.curl(
                    sample,
                    self.get_base_url(),
                    key,
                    database=self._database(),
                    secret=self.secret,
                ),
            }
            for sample in found
            if sample.format == self.format
        ]

    def _database(self):
        """Return the database's name where a call has to name it."""
        if request and len(db_list(force=True)) > 1:
            return self.env.cr.dbname
        return None

    # -- steps ------------------------------------------------------------------

    def action_limits(self):
        self.ensure_one()
        if not (self.name and self.code):
            raise UserError(self.env._("Give the system a name and a short name."))
        taken = self.env["healthcare.source"].with_context(active_test=False)
        if taken.search_count([("code", "=", self.code.strip())], limit=1):
            raise UserError(self.env._("Another source already has this short name."))
        self.state = "limits"
        return self._reopen()

    def action_back(self):
        self.ensure_one()
        self.state = "system"
        return self._reopen()

    def action_connect(self):
        """Make the source and its key, and show the first call.

        :raise AccessError: for who may not add sources
        """
        self.ensure_one()
        if self.source_id:
            return self._reopen()
        if not (self.name and self.code):
            raise UserError(self.env._("Give the system a name and a short name."))
        self.source_id = self.env["healthcare.source"].create(self._source_values())
        key = self.source_id._issue_key([EVENTS], days=max(self.days, 1))
        secret = (
            self.env["healthcare.source.secret"]._issue(self.source_id)
            if self.signature_required
            else False
        )
        self.state = "call"
        return self.with_context(
            **dict(zip(_FRESH, (key, secret), strict=True))
        )._reopen()

    def _source_values(self):
        return {
            "name": self.name,
            "code": self.code.strip(),
            "environment": self.environment,
            "facility_ids": [fields.Command.set(self.facility_ids.ids)],
            "default_facility_id": self.default_facility_id.id,
            "allowed_networks": self.allowed_networks,
            "max_batch_events": self.max_batch_events,
            "rate_events": self.rate_events,
            "rate_window": 60,
            "signature_required": self.signature_required,
        }

    def action_open_source(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "healthcare.source",
            "res_id": self.source_id.id,
            "views": [(False, "form")],
        }

    def _reopen(self):
        fresh = {name: self.env.context.get(name) for name in _FRESH}
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Connect a System"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "dialog_size": "extra-large",
                **{name: value for name, value in fresh.items() if value},
            },
        }

    # -- the live panel ---------------------------------------------------------

    @api.readonly
    def watch(self):
        """Return what became of what came in newest from this source, for the panel.

        :return: ``{"arrivals", "called"}``: ``arrivals`` a list, newest first, of
            ``{"key", "model", "id", "name", "at", "state", "style", "text",
            "exception", "documents"}``, where ``exception`` is an id or False and
            ``documents`` are ``[{"id", "name", "type"}]`` of document links;
            ``called``: when the key was used, or False
        """
        self.ensure_one()
        self.source_id.check_access("read")
        mine = [("source_id", "=", self.source_id.id)]
        events = self.env["healthcare.event"].search(
            mine, limit=SHOWN_ARRIVALS, order="id desc"
        )
        # Of which nothing became an event.
        messages = self.env["healthcare.message"].search(
            [*mine, ("event_ids", "=", False)], limit=SHOWN_ARRIVALS, order="id desc"
        )
        arrivals = [self._told_event(event) for event in events]
        arrivals += [self._told_message(message) for message in messages]
        arrivals.sort(key=lambda told: (told["at"], told["id"]), reverse=True)
        # Stands in for the system: when keys were used is no secret to who made them.
        used = self.source_id.sudo().key_ids.mapped("healthcare_used_at")
        return {
            "arrivals": arrivals[:SHOWN_ARRIVALS],
            "called": max((at for at in used if at), default=False),
        }

    def _told_event(self, event):
        exception = event.open_exception_id
        return {
            "key": f"event-{event.id}",
            "model": event._name,
            "id": event.id,
            "name": event.type_id.name or self.env._("Not readable as an event"),
            "at": fields.Datetime.to_string(event.received_at),
            "state": event.state,
            "style": _STYLES.get(event.state, "info"),
            "text": self._words(event),
            "exception": exception.id,
            "documents": [
                {
                    "id": link.id,
                    "name": link.document_name,
                    "type": link.document_type,
                }
                for link in event.link_ids
                if link.document_name
            ],
        }

    def _told_message(self, message):
        text = {
            "unsupported": self.env._(
                "It is kept, but there is no mapping yet for this kind of message."
            ),
            "unreadable": self.env._("It is kept, but it cannot be read."),
            "nothing": self.env._("There is nothing in it that concerns us."),
        }.get(message.state, self.env._("It is kept, but it could not be used."))
        return {
            "key": f"message-{message.id}",
            "model": message._name,
            "id": message.id,
            "name": message.display_name,
            "at": fields.Datetime.to_string(message.received_at),
            "state": message.state,
            "style": "secondary" if message.state == "nothing" else "warning",
            "text": text,
            "exception": False,
            "documents": [],
        }

    def _words(self, event):
        reason = event.open_exception_id.reason
        if event.rejected and event.state == "exception":
            return self.env._(
                "It came in but does not fit, and is kept for a person: %s",
                reason or self.env._("look at the answer to the call."),
            )
        return {
            "received": self.env._("Received and stored. Its turn is about to come."),
            "processing": self.env._("Received and stored. Being processed."),
            "waiting": self.env._(
                "Waits for an earlier event of the same patient, appointment or claim."
            ),
            "retrying": self.env._(
                "Something technical failed; it is tried again by itself."
            ),
            "exception": self.env._("A person has to look: %s", reason or ""),
            "done": self.env._("Done."),
            "dead": self.env._("Given up by a person's decision."),
            "discarded": self.env._("Discarded by a person's decision."),
        }[event.state]
