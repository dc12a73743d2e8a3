"""Secrets that a source signs its requests with."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...core import signatures
from ...core.errors import SignatureError


class HealthcareSourceSecret(models.Model):
    """A ``whsec_`` secret, encrypted; several are valid while one is replaced."""

    _name = "healthcare.source.secret"
    _description = "Signing Secret"
    _order = "id desc"

    source_id = fields.Many2one(
        "healthcare.source",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
    )
    name = fields.Char(string="Purpose", required=True)
    uuid = fields.Char(required=True, readonly=True, groups=fields.NO_ACCESS)
    sealed = fields.Binary(
        attachment=False, required=True, readonly=True, groups=fields.NO_ACCESS
    )
    valid_until = fields.Datetime(
        help="Signatures made with it are refused from then on. Empty: no end."
    )
    state = fields.Selection(
        [("valid", "Valid"), ("ending", "Ending"), ("ended", "Ended")],
        compute="_compute_state",
    )

    @api.depends("valid_until")
    def _compute_state(self):
        now = fields.Datetime.now()
        for record in self:
            if not record.valid_until:
                record.state = "valid"
            else:
                record.state = "ending" if record.valid_until > now else "ended"

    @api.model
    def _issue(self, source, name=None, secret=None, overlap_days=None):
        """Store a secret of a source and return it, shown this once.

        :param secret: a ``whsec_`` text agreed with the vendor; ``None`` makes one
        :param overlap_days: days the secrets there are now stay valid; ``None`` leaves
            them as they are
        :raise ValidationError: when the given text is no secret
        """
        secret = (secret or "").strip() or signatures.generate_secret()
        try:
            signatures.sign([secret], "check", 0, b"")
        except SignatureError as error:
            raise ValidationError(
                self.env._(
                    "A signing secret is whsec_ and 24 to 64 bytes in base64 after it."
                )
            ) from error
        if overlap_days is not None:
            source.secret_ids._end_in(overlap_days)
        number = str(uuid.uuid4())
        # Stands in for the system: nobody reads a stored secret back.
        self.sudo().create(
            {
                "source_id": source.id,
                "name": name or source.code,
                "uuid": number,
                "sealed": self.env["healthcare.keyring"]._seal(
                    secret.encode(), self._name, number, "secret"
                ),
            }
        )
        return secret

    def _end_in(self, days):
        """Let secrets end so many days from now, unless they end sooner."""
        end = fields.Datetime.add(fields.Datetime.now(), days=days)
        self.filtered(
            lambda secret: not secret.valid_until or secret.valid_until > end
        ).valid_until = end

    def _open_usable(self):
        """Return the texts of the secrets that are valid now.

        :raise KeyringError: when one cannot be opened
        """
        now = fields.Datetime.now()
        keyring = self.env["healthcare.keyring"]
        return [
            keyring._open(
                record.with_context(bin_size=False).sealed,
                self._name,
                record.uuid,
                "secret",
            ).decode()
            # Stands in for the source, whose request is being checked.
            for record in self.sudo()
            if not record.valid_until or record.valid_until > now
        ]

    def action_end(self):
        """End secrets now."""
        self._end_in(0)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
