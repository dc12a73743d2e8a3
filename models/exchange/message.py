"""Messages in vendors' formats, as they came: kept once, encrypted, never changed."""

import json
import zlib

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...core.errors import InputError, KeyringError
from ...formats import incoming

STATES = [
    ("taken", "Taken"),
    ("nothing", "Nothing to Take"),
    ("failed", "Refused"),
    ("unsupported", "Not Understood"),
    ("unreadable", "Unreadable"),
]
MAX_INFLATED = 64 * 1024 * 1024


def formats(model):
    """Return what there is to choose from in fields that name a format."""
    field = model.env["healthcare.message"]._fields["format"]
    return field._description_selection(model.env)


class HealthcareMessageBody(models.Model):
    """One body as a source sent it; several messages may have come in it."""

    _name = "healthcare.message.body"
    _description = "Body of Messages"
    _log_access = False

    uuid = fields.Char(required=True, readonly=True)
    source_id = fields.Many2one(
        "healthcare.source", required=True, index=True, readonly=True
    )
    charset = fields.Char(readonly=True)
    received_at = fields.Datetime(required=True, readonly=True)
    size = fields.Integer(string="Size (bytes)", readonly=True)
    body = fields.Binary(
        attachment=False, readonly=True, groups=fields.NO_ACCESS, prefetch=False
    )

    _uuid_unique = models.UniqueIndex("(uuid)")

    @api.model
    def _sealed(self, uuid, content):
        """Return a body compressed and encrypted."""
        return self.env["healthcare.keyring"]._seal(
            zlib.compress(content, 6), self._name, uuid, "body"
        )

    def _opened(self):
        """Return the bytes as they were received, decompressed from HTTP.

        :raise KeyringError: when it cannot be opened
        """
        self.ensure_one()
        one = self.sudo()  # ciphertext is readable by the system alone
        opened = self.env["healthcare.keyring"]._open(
            one.body, self._name, one.uuid, "body"
        )
        return zlib.decompressobj().decompress(opened, MAX_INFLATED)


class HealthcareMessage(models.Model):
    """One message of a body: what kind it is and what became of it.

    Rows are made by :mod:`.intake_formats`; no user may create or change one.
    """

    _name = "healthcare.message"
    _description = "Message"
    _order = "id desc"
    _log_access = False
    _rec_name = "kind"

    uuid = fields.Char(string="Message ID", required=True, readonly=True)
    source_id = fields.Many2one("healthcare.source", required=True, readonly=True)
    body_id = fields.Many2one(
        "healthcare.message.body", required=True, readonly=True, index=True
    )
    part = fields.Integer(readonly=True, help="Place in the body, from 0.")
    format = fields.Selection(
        [("hl7v2", "HL7 v2"), ("fhir_r4", "FHIR R4"), ("x12", "X12")],
        required=True,
        readonly=True,
    )
    kind = fields.Char(readonly=True, help="E.g. ADT^A04, Patient or 835.")
    key = fields.Char(
        required=True,
        readonly=True,
        groups=fields.NO_ACCESS,
        help="Keyed hash of what the message says: the same when it is sent again.",
    )
    state = fields.Selection(STATES, required=True, readonly=True)
    reason = fields.Char(readonly=True, help="Where it is at fault; never a value.")
    mapping_label = fields.Char(string="Mapped By", readonly=True)
    received_at = fields.Datetime(string="Received", required=True, readonly=True)
    event_ids = fields.One2many("healthcare.event", "message_id", string="Events")

    # The same message sent by two connections at once is one message.
    _key_unique = models.UniqueIndex("(source_id, key)")
    _kind_index = models.Index("(source_id, format, kind, id)")
    _state_index = models.Index("(state, received_at) WHERE state != 'taken'")

    @api.depends("format", "kind")
    def _compute_display_name(self):
        names = dict(self._fields["format"]._description_selection(self.env))
        for message in self:
            kind = message.kind or self.env._("unreadable")
            message.display_name = f"{names[message.format]} {kind} #{message.id}"

    # -- content ----------------------------------------------------------------

    def _read_again(self):
        """Return ``{message: incoming.Message}``, read from the bytes once more.

        What cannot be opened or read any more is left out.
        """
        found = {}
        for body, messages in self.grouped("body_id").items():
            source = messages.source_id
            try:
                batch = incoming.read(
                    messages[0].format,
                    body._opened(),
                    charset=body.charset or None,
                    max_messages=100_000,
                    **source._reader_options(
                        messages[0].format, body.received_at, MAX_INFLATED
                    ),
                )
            except (KeyringError, InputError):
                continue
            for message in messages:
                if message.part < len(batch.messages):
                    found[message] = batch.messages[message.part]
        return found

    def _text(self):
        """Return the message for a person: HL7 v2 and X12 as lines, FHIR as JSON.

        The bytes of a batch are shown whole.
        """
        self.ensure_one()
        content = self.body_id._opened()
        if self.format == "fhir_r4":
            return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
        try:
            text = content.decode(self.body_id.charset or "utf-8")
        except (LookupError, UnicodeError):
            text = content.decode("latin-1")
        if self.format == "hl7v2":
            return text.replace("\r\n", "\n").replace("\r", "\n")
        end = text[105:106]
        return text if end in "\r\n" else text.replace(end, f"{end}\n")

    def _readable(self, purpose=None):
        """Return :meth:`_text` and record the reading.

        :raise AccessError: for who is no PHI reader
        """
        self.ensure_one()
        self.check_access("read")
        self._check_readable()
        purpose = purpose or self.env["healthcare.sitting"]._purpose()
        self.env["healthcare.payload.access"]._record_messages(self, purpose)
        try:
            return self._text()
        except (KeyringError, ValueError) as error:
            code = getattr(error, "code", "unreadable")
            raise UserError(
                self.env._("The message cannot be opened: %s.", code)
            ) from error

    @api.model
    def _check_phi_reader(self):
        if not self.env.user.has_group("healthcare_connector.group_phi_reader"):
            raise AccessError(
                self.env._("Only PHI readers may read what a message contains.")
            )

    def _check_readable(self):
        """Let PHI readers read whose companies all events of the message belong to.

        :raise AccessError: for everybody else
        """
        self._check_phi_reader()
        # What the user may see is compared with what there is. Searched: values that
        # are cached are not filtered by rules.
        events = self.env["healthcare.event"]
        domain = [("message_id", "in", self.ids)]
        if events.search_count(domain) < events.sudo().search_count(domain):
            raise AccessError(
                self.env._("This message is also about another company's patients.")
            )

    # -- actions ----------------------------------------------------------------

    def action_open_content(self):
        self.ensure_one()
        self._check_readable()
        if ask := self.env["healthcare.sitting"]._ask_before(self):
            return ask
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Message as Received"),
            "res_model": "healthcare.message.viewer",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_message_id": self.id},
        }

    def action_replay(self):
        """Map messages once more that brought no events, with what is in force now."""
        if not self.env.user.has_group("healthcare_connector.group_administrator"):
            raise AccessError(self.env._("Only administrators may replay messages."))
        self.check_access("read")
        todo = self.filtered(lambda message: message.state != "taken")
        # Stands in for the source: its messages are taken in as if sent again.
        done = self.env["healthcare.intake"].sudo()._replay(todo.sudo())
        taken = len(done.filtered(lambda message: message.state == "taken"))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._(
                    "%(taken)d of %(count)d messages taken.",
                    taken=taken,
                    count=len(todo),
                ),
                "type": "success" if taken == len(todo) else "warning",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_new_mapping(self):
        """Begin a mapping for messages of this kind."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Mapping"),
            "res_model": "healthcare.mapping.new",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_source_id": self.source_id.id,
                "default_format": self.format,
                "default_kind": self.kind,
            },
        }


class HealthcareMessageUnsupported(models.Model):
    """Kinds of messages that sources send and nobody has a mapping for."""

    _name = "healthcare.message.unsupported"
    _description = "Messages Not Understood"
    _auto = False
    _order = "last_at desc"
    _rec_name = "kind"

    source_id = fields.Many2one("healthcare.source", readonly=True)
    format = fields.Selection(formats, readonly=True)
    kind = fields.Char(readonly=True)
    message_count = fields.Integer(string="Messages", readonly=True)
    first_at = fields.Datetime(string="First Seen", readonly=True)
    last_at = fields.Datetime(string="Last Seen", readonly=True)
    mapped = fields.Boolean(string="Mapping Exists", compute="_compute_mapped")

    @property
    def _table_query(self):
        return """SELECT min(id) AS id, source_id, format, kind,
            count(*) AS message_count, min(received_at) AS first_at,
            max(received_at) AS last_at
            FROM healthcare_message WHERE state = 'unsupported'
            GROUP BY source_id, format, kind"""

    def _compute_mapped(self):
        mappings = self.env["healthcare.mapping"]
        for one in self:
            one.mapped = bool(mappings._in_force(one.source_id, one.format, one.kind))

    def _messages(self):
        self.ensure_one()
        return self.env["healthcare.message"].search(
            [
                ("source_id", "=", self.source_id.id),
                ("format", "=", self.format),
                ("kind", "=", self.kind),
                ("state", "=", "unsupported"),
            ]
        )

    def action_replay(self):
        self.ensure_one()
        return self._messages().action_replay()

    def action_new_mapping(self):
        self.ensure_one()
        return self._messages()[:1].action_new_mapping()

    def action_open_messages(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_message"
        )
        return {**action, "domain": [("id", "in", self._messages().ids)], "context": {}}
