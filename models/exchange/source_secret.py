"""Secrets that a source signs its requests with."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...core.errors import KeyringError, SignatureError
from ...core.protection import secret_reference, signatures


class HealthcareSourceSecret(models.Model):
    """A ``whsec_`` secret; several are valid while one is replaced.

    Kept encrypted, or not at all: then a variable or a file of the server has it.
    """

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
    sealed = fields.Binary(attachment=False, readonly=True, groups=fields.NO_ACCESS)
    reference = fields.Char(
        readonly=True,
        help="Where the server has it: env:NAME or file:NAME. Empty: it is stored "
        "here, encrypted.",
    )
    valid_until = fields.Datetime(
        help="Signatures made with it are refused from then on. Empty: no end."
    )
    state = fields.Selection(
        [
            ("valid", "Valid"),
            ("ending", "Ending"),
            ("ended", "Ended"),
            ("missing", "Not on the Server"),
        ],
        compute="_compute_state",
    )

    _somewhere = models.Constraint(
        "CHECK (sealed IS NOT NULL OR reference IS NOT NULL)",
        "A secret is stored encrypted or is referred to.",
    )

    @api.depends("valid_until", "reference")
    def _compute_state(self):
        now = fields.Datetime.now()
        for record in self:
            if record.valid_until and record.valid_until <= now:
                record.state = "ended"
            elif record.reference and not record._is_there():
                record.state = "missing"
            else:
                record.state = "ending" if record.valid_until else "valid"

    def _is_there(self):
        try:
            secret_reference.resolve(self.reference)
        except KeyringError:
            return False
        return True

    @api.model
    def _issue(self, source, name=None, secret=None, overlap_days=None):
        """Store a secret of a source and return it, shown this once.

        :param secret: a ``whsec_`` text agreed with the vendor, or a reference to one
            (``env:NAME``, ``file:NAME``); ``None`` makes one
        :param overlap_days: days the secrets there are now stay valid; ``None`` leaves
            them as they are
        :raise ValidationError: when the given text is no secret
        """
        secret = (secret or "").strip() or signatures.generate_secret()
        reference = secret if secret_reference.is_reference(secret) else None
        self._check_secret(secret)
        if overlap_days is not None:
            source.secret_ids._end_in(overlap_days)
        number = str(uuid.uuid4())
        # Stands in for the system: nobody reads a stored secret back.
        self.sudo().create(
            {
                "source_id": source.id,
                "name": name or source.code,
                "uuid": number,
                "reference": reference,
                "sealed": not reference
                and self.env["healthcare.keyring"]._seal(
                    secret.encode(), self._name, number, "secret"
                ),
            }
        )
        return secret

    @api.model
    def _check_secret(self, secret):
        """Check that a text is a signing secret, or refers to one that is there.

        :raise ValidationError: which never says what was found
        """
        if secret_reference.is_reference(secret):
            if secret_reference.check(secret):
                raise ValidationError(
                    self.env._(
                        "A reference is env:HEALTHCARE_SECRET_NAME, or file:NAME of a "
                        "file in the folder of secrets."
                    )
                )
            try:
                secret = secret_reference.resolve(secret)
            except KeyringError as error:
                raise ValidationError(
                    self.env._("The server has no such variable or file.")
                ) from error
        try:
            signatures.sign([secret], "check", 0, b"")
        except SignatureError as error:
            raise ValidationError(
                self.env._(
                    "A signing secret is whsec_ and 24 to 64 bytes in base64 after it."
                )
            ) from error

    def _end_in(self, days):
        """Let secrets end so many days from now, unless they end sooner."""
        end = fields.Datetime.add(fields.Datetime.now(), days=days)
        self.filtered(
            lambda secret: not secret.valid_until or secret.valid_until > end
        ).valid_until = end

    def _open_usable(self):
        """Return the texts of the secrets that are valid now.

        One that cannot be opened does not stand in the way of the others.

        :raise KeyringError: when none can be opened
        """
        now = fields.Datetime.now()
        found, failure = [], None
        # Stands in for the source, whose request is being checked.
        for record in self.sudo():
            if record.valid_until and record.valid_until <= now:
                continue
            try:
                found.append(record._open())
            except KeyringError as error:
                failure = error
        if failure and not found:
            raise failure
        return found

    def _open(self):
        if self.reference:
            return secret_reference.resolve(self.reference)
        sealed = self.with_context(bin_size=False).sealed
        keyring = self.env["healthcare.keyring"]
        return keyring._open(sealed, self._name, self.uuid, "secret").decode()

    def action_end(self):
        """End secrets now."""
        self._end_in(0)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
