"""Where facts go."""

import gzip
import logging
import uuid
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...core import (
    backoff,
    clock,
    deidentification,
    facts,
    outbound,
    signatures,
    strict_json,
)
from ...core.errors import KeyringError, TechnicalError

_logger = logging.getLogger(__name__)

PATIENT_KEYED = ("registration",)  # types whose document is the patient itself


class HealthcareTarget(models.Model):
    """An analytics endpoint, its policy, and the breaker that spares it."""

    _name = "healthcare.target"
    _description = "Analytics Target"
    _inherit = ["mail.thread"]
    _order = "name"

    name = fields.Char(required=True, tracking=True)
    url = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True, tracking=True)
    paused = fields.Boolean(tracking=True)
    policy = fields.Selection(
        [
            ("safe_harbor", "Safe Harbor"),
            ("limited", "Limited Data Set"),
            ("identified", "Identified"),
        ],
        required=True,
        default="safe_harbor",
        tracking=True,
        help="What of patient data may leave.",
    )
    policy_approver_id = fields.Many2one(
        "res.users", tracking=True, help="Who approved identified data."
    )
    fact_types = fields.Char(
        help="Fact types to send, separated by commas. Empty: all of them."
    )
    secret = fields.Char(
        string="Signing Secret",
        compute="_compute_secret",
        inverse="_inverse_secret",
        help="A whsec_ secret; stored encrypted, never shown again.",
    )
    secret_sealed = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    secret_uuid = fields.Char(groups=fields.NO_ACCESS)
    has_secret = fields.Boolean(compute="_compute_has_secret", compute_sudo=True)
    batch_size = fields.Integer(default=500, required=True, help="Facts per request.")
    timeout_seconds = fields.Float(default=20.0, required=True)
    breaker_state = fields.Selection(
        [("closed", "Closed"), ("open", "Open"), ("half_open", "Half Open")],
        string="Breaker",
        default="closed",
        required=True,
        readonly=True,
        tracking=True,
        help="Open: nothing is sent for a while, since the target kept failing. Half "
        "open: one probe is on its way.",
    )
    failure_count = fields.Integer(string="Failures in a Row", readonly=True)
    breaker_threshold = fields.Integer(default=5, required=True)
    open_until = fields.Datetime(string="Next Attempt", readonly=True)
    last_error = fields.Char(readonly=True)
    last_delivery_at = fields.Datetime(readonly=True)
    delivered_count = fields.Integer(
        string="Facts Delivered", readonly=True, aggregator="sum"
    )
    pending_count = fields.Integer(string="To Deliver", compute="_compute_pending")
    oldest_pending = fields.Datetime(compute="_compute_pending")

    _sizes_positive = models.Constraint(
        "CHECK(batch_size > 0 AND timeout_seconds > 0 AND breaker_threshold > 0)",
        "Batch size, time limit and breaker threshold must be positive.",
    )

    # -- fields -----------------------------------------------------------------

    @api.constrains("url")
    def _check_url(self):
        for target in self:
            self.env["healthcare.outbound"]._check(target.url)

    @api.constrains("policy", "policy_approver_id")
    def _check_policy(self):
        for target in self:
            if target.policy == "identified" and not target.policy_approver_id:
                raise ValidationError(
                    self.env._("Identified data needs a named approver.")
                )

    def _compute_secret(self):
        self.secret = False

    def _inverse_secret(self):
        for target in self.filtered("secret"):
            secret = target.secret
            if not secret.startswith("whsec_"):
                raise ValidationError(
                    self.env._("A signing secret begins with whsec_.")
                )
            # Stands in for the system: nobody reads a stored secret back.
            record = target.sudo()
            record.secret_uuid = str(uuid.uuid4())
            record.secret_sealed = self.env["healthcare.keyring"]._seal(
                secret.encode(), self._name, record.secret_uuid, "secret"
            )

    @api.depends("secret_sealed")
    def _compute_has_secret(self):
        for target in self:
            target.has_secret = bool(target.secret_uuid)

    def _compute_pending(self):
        found = {
            target: (count, oldest)
            for target, count, oldest in self.env["healthcare.delivery"]._read_group(
                [("target_id", "in", self.ids), ("state", "=", "pending")],
                ["target_id"],
                ["__count", "recorded_at:min"],
            )
        }
        for target in self:
            target.pending_count, target.oldest_pending = found.get(target, (0, False))

    # -- choosing ---------------------------------------------------------------

    @api.model
    def _routes(self, fact_type, names):
        """Return who gets which facts, as pairs of a target and positions.

        :param names: for each fact, the names of the events it raises
        """
        # Stands in for the system: facts are written by whoever makes a document.
        targets = self.sudo().search([("url", "!=", False)])
        routes = [
            (target, target._positions_wanted(fact_type, names)) for target in targets
        ]
        return [(target, positions) for target, positions in routes if positions]

    def _positions_wanted(self, fact_type, names):
        """Return the positions of those facts that this target gets."""
        if self.fact_types and fact_type not in _parts(self.fact_types):
            return []
        return range(len(names))

    # -- what leaves ------------------------------------------------------------

    def _render(self, fact_records):
        """Return the flat documents of facts as this target's policy allows.

        :raise KeyringError: when sealed columns cannot be opened
        """
        self.ensure_one()
        surrogates = self.env["healthcare.surrogate"]._keys(
            self, fact_records.partner_id.ids
        )
        sealed = fact_records._phi_values()
        return [
            self._render_one(fact, sealed[fact], surrogates) for fact in fact_records
        ]

    def _render_one(self, fact, phi, surrogates):
        patient = surrogates.get(fact.partner_id.id)
        values = deidentification.apply(
            self.policy,
            facts.classes(fact.fact_type),
            {**(fact.columns or {}), **phi},
        )
        # Times tell of a person only where there is one.
        coarse = self.policy == "safe_harbor" and patient
        occurred, recorded = (
            str(moment.year) if coarse else moment.isoformat() + "Z"
            for moment in (fact.occurred_at, fact.recorded_at)
        )
        by_patient = fact.fact_type in PATIENT_KEYED and patient
        return {
            "fact_id": fact.fact_id,
            "fact_type": fact.fact_type,
            "schema_version": fact.schema_version,
            "operation": fact.operation,
            "key": f"{fact.fact_type}:{patient}" if by_patient else fact.key,
            "sequence": fact.sequence,
            "occurred_at": occurred,
            "recorded_at": recorded,
            "company": fact.company_id.name or None,
            "facility": fact.facility_id.code or None,
            "service_line": fact.service_line_id.code or None,
            "patient_key": patient,
            **values,
            "lineage_event": fact.event_id.uuid or None,
            "lineage_correlation": fact.event_id.uuid and fact.correlation_id or None,
            "lineage_document": None
            if by_patient
            else f"{fact.res_model},{fact.res_id}",
        }

    # -- sending ----------------------------------------------------------------

    def _send(self, batch_uuid, documents):
        """Send one batch; every call to a target goes through here.

        :raise TechnicalError: when it did not arrive for sure
        """
        self.ensure_one()
        content_type, body = self._body(documents)
        headers = {
            "Content-Type": content_type,
            "Content-Encoding": "gzip",
            "Idempotency-Key": f'"{batch_uuid}"',
            "User-Agent": "healthcare-connector/1.0",
            "traceparent": f"00-{uuid.UUID(batch_uuid).hex}-{uuid.uuid4().hex[:16]}-01",
        }
        packed = gzip.compress(body, compresslevel=6, mtime=0)
        headers.update(self._signature_headers(batch_uuid, packed))
        response = outbound.post(
            self.url,
            data=packed,
            headers=headers,
            timeout=self.timeout_seconds,
            allowed=self.env["healthcare.outbound"]._allowed(),
        )
        if not 200 <= response.status_code < 300:
            raise TechnicalError(
                f"HTTP {response.status_code}",
                retry_after=_retry_after(response.headers.get("Retry-After")),
                final=400 <= response.status_code < 500
                and response.status_code not in (408, 429),
            )
        return response.status_code

    def _body(self, documents):
        """Return the content type and the body of one batch."""
        lines = (strict_json.dumps(document) + b"\n" for document in documents)
        return "application/x-ndjson", b"".join(lines)

    def _signature_headers(self, message_id, body):
        # Stands in for the system: the secret is readable by nobody else.
        record = self.sudo()
        if not record.secret_sealed:
            return {}
        secret = self.env["healthcare.keyring"]._open(
            record.secret_sealed, self._name, record.secret_uuid, "secret"
        )
        now = clock.epoch()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures.sign(
                [secret.decode()], message_id, now, body
            ),
        }

    # -- breaker ----------------------------------------------------------------

    def _may_send(self):
        """Tell whether a batch may leave; an open breaker lets one probe through."""
        self.ensure_one()
        if self.paused or not self.active:
            return False
        if self.open_until and self.open_until > fields.Datetime.now():
            return False  # the pause after a failure, whatever the breaker says
        if self.breaker_state == "open":
            self.breaker_state = "half_open"
        return True

    def _note_success(self, count):
        self.ensure_one()
        values = {
            "last_delivery_at": fields.Datetime.now(),
            "delivered_count": self.delivered_count + count,
        }
        if self.breaker_state != "closed" or self.failure_count:
            values.update(
                breaker_state="closed",
                failure_count=0,
                open_until=False,
                last_error=False,
            )
        self.write(values)

    def _note_failure(self, message, retry_after=None, refused=False):
        """Count a failure and return when to try again.

        :param refused: the target said that it will never take this batch
        """
        self.ensure_one()
        failures = self.failure_count + 1
        seconds = retry_after or backoff.full_jitter(failures, 1.0, 60.0)
        due = fields.Datetime.now() + timedelta(seconds=max(seconds, 1.0))
        is_open = (
            self.breaker_state == "half_open" or failures >= self.breaker_threshold
        )
        self.write(
            {
                "failure_count": failures,
                "last_error": message,
                "breaker_state": "open" if is_open else self.breaker_state,
                "open_until": due,
            }
        )
        return due

    # -- actions ----------------------------------------------------------------

    def action_reset_breaker(self):
        self.check_access("write")
        self.write({"breaker_state": "closed", "failure_count": 0, "open_until": False})
        self.env["healthcare.delivery"]._wake()

    def action_send_test(self):
        """Send an empty batch to see whether the target answers."""
        self.ensure_one()
        self.check_access("write")
        try:
            status = self._send(str(uuid.uuid4()), [])
        except (TechnicalError, KeyringError) as error:
            raise UserError(
                self.env._("The target did not take it: %s", error.detail)
            ) from error
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._("The target answered %s.", status),
                "type": "success",
            },
        }

    def action_open_pending(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("To Deliver"),
            "res_model": "healthcare.delivery",
            "views": [(False, "list")],
            "domain": [("target_id", "=", self.id), ("state", "!=", "delivered")],
        }


def _parts(text):
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _retry_after(value):
    """Return the seconds of a ``Retry-After`` header, if it gives seconds."""
    return min(float(value), 3600.0) if value and value.isdigit() else None
