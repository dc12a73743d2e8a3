"""Access to the keyring from the ORM side."""

import os

from odoo import api, models
from odoo.tools import config

from ...core.errors import KeyringError
from ...core.protection import encryption

ENVIRONMENT_VARIABLE = "HEALTHCARE_KEYRING_FILE"
CONFIG_OPTION = "healthcare_keyring_file"


class HealthcareKeyring(models.AbstractModel):
    """Seals and opens what must not lie in the database in the clear.

    The keys come from a file named by ``HEALTHCARE_KEYRING_FILE`` or by the option
    ``healthcare_keyring_file`` of ``odoo.conf``; never from the database.
    """

    _name = "healthcare.keyring"
    _description = "Keyring"

    @api.model
    def _path(self):
        return os.environ.get(ENVIRONMENT_VARIABLE) or config.get(CONFIG_OPTION)

    @api.model
    def _get(self):
        """Return the keyring; raise :class:`KeyringError` where there is none."""
        path = self._path()
        if not path:
            raise KeyringError(
                "keyring_missing",
                f"No keyring: set {ENVIRONMENT_VARIABLE} or {CONFIG_OPTION}.",
            )
        return encryption.get(path)

    @api.model
    def _status(self):
        """Return ``None`` when usable, else the code of what is wrong."""
        try:
            self._get()
        except KeyringError as error:
            return error.code
        return None

    @api.model
    def _database_id(self):
        return self.env["ir.config_parameter"].sudo().get_param("database.uuid")

    @api.model
    def _seal(self, plaintext, model, uuid, field):
        """Encrypt bytes, bound to this database, model, record and field."""
        return self._get().seal(plaintext, self._database_id(), model, uuid, field)

    @api.model
    def _open(self, sealed, model, uuid, field):
        return self._get().open(bytes(sealed), self._database_id(), model, uuid, field)
