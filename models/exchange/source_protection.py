"""What protects us from a source, and the source's name from others."""

import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...core import clock
from ...core.protection import signatures
from .backlog import PAUSED

_ORIGIN = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[a-z0-9.-]{1,253}(?::[0-9]{1,5})?\Z")


class HealthcareSource(models.Model):
    _name = "healthcare.source"
    # Activities remind administrators of keys that end.
    _inherit = ["healthcare.source", "mail.activity.mixin"]

    signature_required = fields.Boolean(
        string="Signed Requests Only",
        tracking=True,
        help="Every request must carry a signature made with one of the signing "
        "secrets (Standard Webhooks). Without a usable secret all are refused.",
    )
    signature_tolerance = fields.Integer(
        string="Clock Tolerance (seconds)",
        default=signatures.TOLERANCE,
        required=True,
        help="How old a signature may be, or how far ahead the vendor's clock.",
    )
    secret_ids = fields.One2many(
        "healthcare.source.secret",
        "source_id",
        string="Signing Secrets",
        groups="healthcare_connector.group_administrator,"
        "healthcare_connector.group_auditor",
    )
    has_valid_secret = fields.Boolean(
        compute="_compute_has_valid_secret", compute_sudo=True
    )
    rate_requests = fields.Integer(
        string="Requests per Period",
        tracking=True,
        help="Requests this source may send within the period. 0: any number.",
    )
    rate_events = fields.Integer(
        string="Events per Period",
        tracking=True,
        help="Events this source may send within the period. 0: any number. A request "
        "with more events than that is refused as too large.",
    )
    rate_window = fields.Integer(
        string="Period (seconds)", default=60, required=True, tracking=True
    )
    allowed_origins = fields.Char(
        string="Allowed Senders",
        help="Names that senders of webhooks may give when they ask whether "
        "their events are wanted (CloudEvents handshake), e.g. "
        "eventgrid.azure.net or *.example.com, separated by commas. Empty: any.",
    )

    _protection_sane = models.Constraint(
        "CHECK(rate_requests >= 0 AND rate_events >= 0"
        " AND rate_window BETWEEN 1 AND 86400"
        " AND signature_tolerance BETWEEN 1 AND 86400)",
        "Rates cannot be negative; the period and the clock tolerance are between one "
        "second and one day.",
    )

    @api.depends("secret_ids.valid_until", "secret_ids.reference")
    def _compute_has_valid_secret(self):
        for source in self:
            source.has_valid_secret = any(
                secret.state in ("valid", "ending") for secret in source.secret_ids
            )

    @api.constrains("allowed_origins")
    def _check_allowed_origins(self):
        for source in self:
            for origin in source._origins():
                if not _ORIGIN.match(origin.removeprefix("*.")):
                    raise ValidationError(
                        self.env._("Allowed senders are names such as *.example.com.")
                    )

    @api.model
    def _intake_paused(self):
        """Whether the settings say that nothing is taken from anybody."""
        # One parameter of ours, read on behalf of any caller.
        return self.env["ir.config_parameter"].sudo().get_param(PAUSED) == "True"

    # -- signatures ---------------------------------------------------------------

    def _verify_signature(self, headers, body):
        """Check the signature over a body as received.

        :raise SignatureError: it does not hold, or there is no usable secret
        :raise KeyringError: the secrets cannot be opened
        """
        self.ensure_one()
        signatures.verify(
            self.secret_ids._open_usable(),
            headers,
            body,
            now=clock.epoch(),
            tolerance=self.signature_tolerance,
        )

    # -- the handshake of CloudEvents webhooks --------------------------------------

    def _origins(self):
        self.ensure_one()
        names = (self.allowed_origins or "").lower().split(",")
        return [name.strip() for name in names if name.strip()]

    @api.model
    def _webhook_rate(self, origin):
        """Return how many requests a minute a sender of webhooks may send.

        No key comes with the question, so the source is not known: a name is welcome
        when a source lists it, or lists none.

        :return: requests per minute, 0 for any number; ``None`` when its events are
            not wanted
        """
        origin = origin.strip().lower()
        if not _ORIGIN.match(origin):
            return None
        sources = self.search([("active", "=", True)])
        listing = sources.filtered(lambda s: _listed(origin, s._origins()))
        open_to_all = sources.filtered(lambda s: not s._origins())
        if not listing:
            return 0 if open_to_all else None
        rates = [
            max(1, source.rate_requests * 60 // source.rate_window)
            for source in listing
            if source.rate_requests
        ]
        return min(rates, default=0)


def _listed(origin, names):
    return any(
        origin == name or name.startswith("*.") and origin.endswith(name[1:])
        for name in names
    )
