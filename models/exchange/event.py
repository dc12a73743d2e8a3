"""The event store: one row per thing a source told us, durable and encrypted."""

import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ...core import strict_json
from ...core.contract import upcast
from ...core.errors import KeyringError, ParkError

STATES = [
    ("received", "Received"),
    ("processing", "Processing"),
    ("waiting", "Waiting"),
    ("retrying", "Retrying"),
    ("exception", "Exception"),
    ("done", "Done"),
    ("dead", "Dead"),
    ("discarded", "Discarded"),
]
MAX_DEPTH = 500  # what a source may be allowed to send at most
UNFINISHED = ("received", "processing", "waiting", "retrying", "exception")


class HealthcareEvent(models.Model):
    """A canonical event.

    Rows are made by :mod:`.intake` and moved between states by :mod:`.engine`, both
    in bulk SQL; no user may create, change or delete one.
    """

    _name = "healthcare.event"
    _description = "Event"
    _order = "id desc"

    uuid = fields.Char(string="Event ID", required=True, readonly=True)
    source_id = fields.Many2one("healthcare.source", required=True, readonly=True)
    external_id = fields.Char(
        string="Vendor ID", readonly=True, help="The id the source gave this event."
    )
    type_id = fields.Many2one("healthcare.event.type", readonly=True, index=True)
    type_code = fields.Char(related="type_id.code", string="Type Code")
    schema_version = fields.Char(
        string="Version",
        readonly=True,
        help="Version of the event type it was sent as.",
    )
    facility_id = fields.Many2one("healthcare.facility", readonly=True, index=True)
    company_id = fields.Many2one(related="facility_id.company_id")
    subject = fields.Char(
        readonly=True,
        help="Keyed hash of what the event is about. Events of one subject take "
        "effect in order.",
    )
    partition = fields.Integer(readonly=True)
    state = fields.Selection(STATES, required=True, default="received", readonly=True)
    rejected = fields.Boolean(
        readonly=True, help="Refused at the door and kept to be corrected."
    )
    attempts = fields.Integer(readonly=True, aggregator=None)
    run_after = fields.Datetime(string="Next Attempt", readonly=True)
    blocked_on = fields.Char(
        readonly=True, help="Subject of the event this one waits for."
    )
    correlation_id = fields.Char(string="Correlation", readonly=True, index=True)
    causation_id = fields.Char(string="Caused By", readonly=True)
    traceparent = fields.Char(readonly=True)
    occurred_at = fields.Datetime(string="Occurred", readonly=True)
    received_at = fields.Datetime(string="Received", readonly=True)
    processed_at = fields.Datetime(string="Processed", readonly=True)
    latency = fields.Float(
        string="Latency (s)",
        compute="_compute_latency",
        help="From received to processed, in seconds.",
    )
    digest = fields.Char(readonly=True, groups=fields.NO_ACCESS)
    body = fields.Binary(
        attachment=False, readonly=True, groups=fields.NO_ACCESS, prefetch=False
    )
    body_size = fields.Integer(string="Size (bytes)", readonly=True, aggregator="sum")
    correction_ids = fields.One2many("healthcare.event.correction", "event_id")
    link_ids = fields.One2many(
        "healthcare.document.link", "event_id", string="Documents"
    )
    log_ids = fields.One2many("healthcare.sync.log", "event_id", string="History")
    exception_ids = fields.One2many("healthcare.exception", "event_id")
    fact_ids = fields.One2many("healthcare.fact", "event_id", string="Facts")
    open_exception_id = fields.Many2one(
        "healthcare.exception", compute="_compute_open_exception_id"
    )

    _uuid_unique = models.UniqueIndex("(uuid)")
    # Once and only once: two connections sending the same id cannot both insert.
    _external_id_unique = models.UniqueIndex(
        "(source_id, external_id) WHERE rejected IS NOT TRUE"
    )
    # The same unreadable event, resent for ever, is kept once.
    _rejected_unique = models.UniqueIndex(
        "(source_id, digest) WHERE rejected IS TRUE AND state = 'exception'"
    )
    # What a shard asks for at every turn, over a small part of a large table.
    _ready_index = models.Index(
        "(partition, id) WHERE state IN ('received', 'retrying', 'processing')"
    )
    _order_index = models.Index(
        "(subject, occurred_at, id) WHERE state IN "
        "('received', 'processing', 'waiting', 'retrying', 'exception')"
    )
    _blocked_index = models.Index("(blocked_on) WHERE state = 'waiting'")
    _source_index = models.Index("(source_id, received_at)")
    _state_index = models.Index("(state, received_at) WHERE state != 'done'")
    _received_index = models.Index("(received_at)")
    # The unique one leaves out what was refused, which a search by id must find, too.
    _external_index = models.Index("(external_id)")
    # How much is held up, of what and where, without reading the events themselves.
    _open_index = models.Index(
        "(state, type_id, facility_id, received_at) WHERE state IN "
        "('received', 'processing', 'waiting', 'retrying', 'exception')"
    )

    # -- computed ---------------------------------------------------------------

    @api.depends("type_id", "external_id")
    def _compute_display_name(self):
        for event in self:
            name = event.type_id.name or self.env._("Unreadable event")
            event.display_name = f"{name} #{event.id}"

    @api.depends("received_at", "processed_at")
    def _compute_latency(self):
        for event in self:
            event.latency = (
                (event.processed_at - event.received_at).total_seconds()
                if event.processed_at and event.received_at
                else 0
            )

    @api.depends("exception_ids.state")
    def _compute_open_exception_id(self):
        for event in self:
            ones = event.exception_ids.filtered("is_open")
            event.open_exception_id = (ones.filtered("blocks_event") or ones)[:1]

    # -- content ----------------------------------------------------------------

    def _envelopes(self):
        """Return ``{event: envelope}``: as received, or as last corrected.

        :raise KeyringError: when one cannot be opened
        """
        keyring = self.env["healthcare.keyring"]
        corrections = self._last_corrections()
        events = self.sudo()  # ciphertext is readable by the system alone
        opened = {}
        for event in events:
            body, uuid, model = event.body, event.uuid, self._name
            if correction := corrections.get(event.id):
                body, uuid, model = correction
            opened[event] = strict_json.loads(
                keyring._open(body, model, uuid, "body"), max_depth=MAX_DEPTH
            )
        return opened

    def _last_corrections(self):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (event_id) event_id, body, uuid
                  FROM healthcare_event_correction
                 WHERE event_id IN %s ORDER BY event_id, version DESC
                """,
                tuple(self.ids) or (0,),
            )
        )
        return {
            event_id: (body, uuid, "healthcare.event.correction")
            for event_id, body, uuid in rows
        }

    def _content(self):
        """Return the canonical ``data`` of one event, opened once a transaction."""
        self.ensure_one()
        return self._contents()[self.id]

    def _contents(self):
        """Return ``{event id: data}`` for many events."""
        # Lives as long as the transaction: plain text is not kept around.
        cache = self.env.cr.postcommit.data.setdefault("healthcare.contents", {})
        missing = self.browse([i for i in self.ids if i not in cache])
        if missing:
            for event, envelope in missing._envelopes().items():
                cache[event.id] = event._present(envelope.get("data"))
        return cache

    def _present(self, data):
        """Return the data of an event as the version the workflows know has it."""
        self.ensure_one()
        sent, newest = self.schema_version, self.type_id.version
        if not sent or not newest or sent == newest:
            return data
        return upcast.upcast(self.type_id.code, sent, newest, data)

    # -- what a workflow says of an event ---------------------------------------

    @property
    def _run(self):
        return self.env.context["healthcare_run"]

    def _park(self, category, reason, *, cause=None, amount=0.0, **values):
        """Leave one event to a person (or until its cause is gone).

        :param reason: plain words, no value of the payload
        :param cause: key of what is missing, e.g. ``payer/PAYER-A``
        :param amount: what is at risk, in company currency
        """
        self.ensure_one()
        self._run.parked[self.id] = ParkError(category, reason, cause, amount)
        self._run.park_values[self.id] = values

    def _raise_issue(self, category, reason, fingerprint, *, cause=None, **values):
        """Open an exception that does not hold the event back.

        ``values`` are fields of ``healthcare.exception``.
        """
        self.ensure_one()
        self._run.resolved.discard(fingerprint)
        self._run.issues[fingerprint] = {
            "category": category,
            "reason": reason,
            "fingerprint": fingerprint,
            "cause_key": cause,
            **self._exception_values(),
            **values,
        }

    def _resolve_issues(self, *fingerprints):
        """Close what :meth:`_raise_issue` opened, now that its cause is gone."""
        for fingerprint in fingerprints:
            self._run.issues.pop(fingerprint, None)
        self._run.resolved.update(fingerprints)

    def _note_stale(self):
        """Record that events were older than what is known and changed nothing."""
        self._run.stale.update(self.ids)

    def _link(self, *documents):
        """Tie business documents to the event that made or changed them."""
        self.ensure_one()
        for document in documents:
            self._run.links.update(
                (self.id, document._name, res_id) for res_id in document.ids
            )

    def _announce(self, *keys):
        """Tell that what others may wait for is there, e.g. ``patient/…``."""
        self._run.announced.update(key for key in keys if key)

    def _exception_values(self):
        self.ensure_one()
        return {
            "event_id": self.id,
            "source_id": self.source_id.id,
            "type_id": self.type_id.id,
            "facility_id": self.facility_id.id,
            "company_id": self.facility_id.company_id.id,
            "currency_id": (
                self.facility_id.company_id or self.env.company
            ).currency_id.id,
        }

    # -- decisions --------------------------------------------------------------

    def _release_events(self):
        """Let parked or waiting events run again."""
        held = self.filtered(lambda e: e.state in ("exception", "waiting"))
        rejected = held.filtered("rejected")
        if rejected:
            raise UserError(
                self.env._("An event that was refused must be corrected first.")
            )
        # Stands in for the system: states are moved by the engine alone.
        self.env["healthcare.engine"].sudo()._requeue(held.ids)

    def _discard(self):
        """End events by a person's decision; what waited behind them goes on."""
        # Stands in for the system: states are moved by the engine alone.
        self.env["healthcare.engine"].sudo()._discard(self.ids)

    def _waiting_behind_count(self):
        self.ensure_one()
        if not self.subject:
            return 0
        return self.search_count(
            [
                "|",
                ("subject", "=", self.subject),
                ("blocked_on", "=", self.subject),
                ("state", "=", "waiting"),
            ]
        )

    def _correct(self, envelope, reason):
        """Lay a corrected envelope over the event and let it run again.

        :raise UserError: with the places at fault when it is still not valid
        """
        self.ensure_one()
        # Stands in for the system: rights were checked by the caller.
        self.env["healthcare.intake"].sudo()._correct(self.sudo(), envelope, reason)

    # -- actions ----------------------------------------------------------------

    def action_open_payload(self):
        """Open the content of one event; being read is recorded."""
        self.ensure_one()
        if not self.env.user.has_group("healthcare_connector.group_phi_reader"):
            raise AccessError(
                self.env._("Only PHI readers may read what an event contains.")
            )
        if ask := self.env["healthcare.sitting"]._ask_before(self):
            return ask
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Payload"),
            "res_model": "healthcare.payload.viewer",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_event_id": self.id},
        }

    def action_open_exception(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "healthcare.exception",
            "res_id": self.open_exception_id.id,
            "views": [(False, "form")],
        }

    def _readable(self, purpose=None):
        """Return the content as indented JSON for a person, and record the reading.

        :param purpose: what a correction is for; ``None``: what the sitting is for
        :raise AccessError: for who is no PHI reader
        """
        self.ensure_one()
        self.check_access("read")
        if not self.env.user.has_group("healthcare_connector.group_phi_reader"):
            raise AccessError(
                self.env._("Only PHI readers may read what an event contains.")
            )
        kind = "correction" if purpose else "payload"
        purpose = purpose or self.env["healthcare.sitting"]._purpose()
        self.env["healthcare.payload.access"]._record(self, purpose, kind)
        try:
            envelope = self._envelopes()[self.sudo()]
        except KeyringError as error:
            raise UserError(
                error.detail
                if error.code == "erased"
                else self.env._("The payload cannot be opened: %s.", error.code)
            ) from error
        return json.dumps(envelope, indent=2, ensure_ascii=False)
