"""What is left when a payload was erased: it says so, and nothing breaks on it."""

from odoo import api, fields, models

from ...core.errors import KeyringError


class HealthcareEvent(models.Model):
    _inherit = "healthcare.event"

    minimized_at = fields.Datetime(
        string="Content Erased",
        readonly=True,
        help="Since then only its skeleton is kept: ids, hash, states, times.",
    )


class HealthcareMessageBody(models.Model):
    _inherit = "healthcare.message.body"

    minimized_at = fields.Datetime(string="Content Erased", readonly=True)


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    minimized_at = fields.Datetime(string="Notes Erased", readonly=True)


class HealthcareKeyring(models.AbstractModel):
    _inherit = "healthcare.keyring"

    @api.model
    def _open(self, sealed, model, uuid, field):
        """Decrypt; say so when it was erased.

        :raise KeyringError: ``erased`` besides those of the keyring
        """
        if not sealed:
            raise KeyringError(
                "erased", self.env._("The content was erased when its time was over.")
            )
        return super()._open(sealed, model, uuid, field)


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _run_again(self, ids):
        """Leave alone what has no content any more."""
        erased = self.env["healthcare.event"].search(
            [("id", "in", list(ids)), ("minimized_at", "!=", False)]
        )
        return super()._run_again([i for i in ids if i not in erased._ids])
