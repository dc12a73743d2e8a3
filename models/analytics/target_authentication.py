"""How a target knows that it is us: signatures, tokens, passwords, certificates."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...core import strict_json
from ...core.delivery.parcel import Credentials
from ...core.errors import KeyringError
from ...core.protection import secret_reference

#: What is sealed together, by the names of the fields it is entered in.
SEALED = ("token", "password", "client_key")


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    secret = fields.Char(
        string="Signing Secret",
        compute="_compute_secret",
        inverse="_inverse_secret",
        help="A whsec_ secret; stored encrypted, never shown again. Or where the "
        "server has it: env:HEALTHCARE_SECRET_NAME or file:NAME.",
    )
    secret_sealed = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    secret_uuid = fields.Char(groups=fields.NO_ACCESS, copy=False)
    has_secret = fields.Boolean(compute="_compute_has_secret", compute_sudo=True)
    authentication = fields.Selection(
        [
            ("none", "None"),
            ("bearer", "Token"),
            ("basic", "User and password"),
            ("certificate", "Client certificate"),
        ],
        required=True,
        default="none",
        tracking=True,
        help="What the target asks for, besides the signature.",
    )
    username = fields.Char(string="User", tracking=True)
    token = fields.Char(compute="_compute_sealed", inverse="_inverse_token")
    password = fields.Char(compute="_compute_sealed", inverse="_inverse_password")
    client_certificate = fields.Text(
        help="PEM, with the certificates of its chain after it."
    )
    client_key = fields.Text(
        string="Private Key",
        compute="_compute_sealed",
        inverse="_inverse_client_key",
        help="PEM, without a password; stored encrypted, never shown again.",
    )
    authority = fields.Text(
        string="Trusted Authority",
        help="PEM of an authority of your own that vouches for the target; instead of "
        "the public ones.",
    )
    credentials_sealed = fields.Binary(
        attachment=False, groups=fields.NO_ACCESS, copy=False
    )
    credentials_uuid = fields.Char(groups=fields.NO_ACCESS, copy=False)
    credentials_set = fields.Char(
        readonly=True, copy=False, help="Which of the secrets are set."
    )
    has_token = fields.Boolean(compute="_compute_has_sealed")
    has_password = fields.Boolean(compute="_compute_has_sealed")
    has_client_key = fields.Boolean(compute="_compute_has_sealed")

    # -- never read back --------------------------------------------------------

    def _compute_secret(self):
        self.secret = False

    def _compute_sealed(self):
        for name in SEALED:
            self[name] = False

    @api.depends("secret_sealed")
    def _compute_has_secret(self):
        for target in self:
            target.has_secret = bool(target.secret_uuid)

    @api.depends("credentials_set")
    def _compute_has_sealed(self):
        for target in self:
            known = (target.credentials_set or "").split(",")
            for name in SEALED:
                target[f"has_{name}"] = name in known

    # -- sealed -----------------------------------------------------------------

    def _inverse_secret(self):
        for target in self.filtered("secret"):
            secret = target.secret.strip()
            self.env["healthcare.source.secret"]._check_secret(secret)
            # Stands in for the system: nobody reads a stored secret back.
            record = target.sudo()
            record.secret_uuid = str(uuid.uuid4())
            record.secret_sealed = self.env["healthcare.keyring"]._seal(
                secret.encode(), self._name, record.secret_uuid, "secret"
            )

    def _inverse_token(self):
        self._seal_credential("token")

    def _inverse_password(self):
        self._seal_credential("password")

    def _inverse_client_key(self):
        self._seal_credential("client_key")

    def _seal_credential(self, name):
        for target in self.filtered(name):
            self._check_reference(target[name].strip())
            known = {**target._open_sealed(), name: target[name].strip()}
            # Stands in for the system: nobody reads a stored secret back.
            record = target.sudo()
            record.credentials_uuid = str(uuid.uuid4())
            record.credentials_sealed = self.env["healthcare.keyring"]._seal(
                strict_json.dumps(known),
                self._name,
                record.credentials_uuid,
                "credentials",
            )
            record.credentials_set = ",".join(sorted(known))

    @api.model
    def _check_reference(self, text):
        if secret_reference.is_reference(text) and secret_reference.check(text):
            raise ValidationError(
                self.env._(
                    "A reference is env:HEALTHCARE_SECRET_NAME, or file:NAME of a file "
                    "in the folder of secrets."
                )
            )

    def _open_sealed(self):
        """Return the secrets a target is given, by name.

        :raise KeyringError: when they cannot be opened
        """
        # Stands in for the system: the secrets are readable by nobody else.
        record = self.sudo().with_context(bin_size=False)
        if not record.credentials_sealed:
            return {}
        return strict_json.loads(
            self.env["healthcare.keyring"]._open(
                record.credentials_sealed,
                self._name,
                record.credentials_uuid,
                "credentials",
            )
        )

    # -- used -------------------------------------------------------------------

    def _signing_secret(self):
        """Return the ``whsec_`` text that batches are signed with, or None.

        :raise KeyringError: when it cannot be opened
        """
        # Stands in for the system: the secret is readable by nobody else.
        record = self.sudo().with_context(bin_size=False)
        if not record.secret_sealed:
            return None
        opened = self.env["healthcare.keyring"]._open(
            record.secret_sealed, self._name, record.secret_uuid, "secret"
        )
        return secret_reference.resolved(opened.decode())

    def _credentials(self):
        """Return the credentials of a target, see :mod:`~..core.delivery.parcel`.

        :raise KeyringError: when they cannot be opened
        """
        self.ensure_one()
        known = {}
        if self.authentication != "none":
            known = {
                name: secret_reference.resolved(text)
                for name, text in self._open_sealed().items()
            }
        return Credentials(
            kind=self.authentication,
            token=known.get("token", ""),
            username=self.username or "",
            password=known.get("password", ""),
            certificate=self.client_certificate or "",
            key=known.get("client_key", ""),
            authority=self.authority or "",
        )

    @api.constrains(
        "authentication", "client_certificate", "authority", "credentials_set", "url"
    )
    def _check_authentication(self):
        for target in self:
            if target.authentication == "certificate":
                if not (target.client_certificate and target.has_client_key):
                    continue  # entered in the same breath; sending says it if not
                if not target.url.startswith("https://"):
                    raise ValidationError(
                        self.env._("A client certificate needs an https:// address.")
                    )
            try:
                target._credentials().check()
            except KeyringError as error:
                raise ValidationError(
                    self.env._("The credentials cannot be used: %s", error.detail)
                ) from error
            except ValueError as error:
                raise ValidationError(
                    self.env._(
                        "The certificate, its key or the authority cannot be read: all "
                        "three are PEM texts, and the key belongs to the certificate."
                    )
                ) from error
