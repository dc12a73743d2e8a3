"""Which networks the server may call although they are not public."""

import logging
import os

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import config

from ...core.errors import InputError
from ...core.protection import outbound

_logger = logging.getLogger(__name__)

ENVIRONMENT_VARIABLE = "HEALTHCARE_OUTBOUND_NETWORKS"
CONFIG_OPTION = "healthcare_outbound_networks"


class HealthcareOutbound(models.AbstractModel):
    """The operator's word on where calls may go.

    ``HEALTHCARE_OUTBOUND_NETWORKS`` or the option ``healthcare_outbound_networks`` of
    ``odoo.conf`` has networks in CIDR notation, separated by commas. It is not a
    setting in the database: who may enter an address must not open the server's own
    network to it, and a copied database must not bring the permission along.

    A sandbox may also call the machine it runs on: that is where those who try out or
    integrate have their receivers, and it holds no data of patients.
    """

    _name = "healthcare.outbound"
    _description = "Networks that May Be Called"

    @api.model
    def _allowed(self):
        """Return the networks; none where the setting cannot be read."""
        text = os.environ.get(ENVIRONMENT_VARIABLE) or config.get(CONFIG_OPTION)
        try:
            allowed = outbound.networks(text)
        except ValueError:
            _logger.error(
                "%s is not a list of networks: none is allowed", CONFIG_OPTION
            )
            allowed = ()
        if self.env["healthcare.source"]._database_environment() == "sandbox":
            allowed += outbound.LOOPBACK
        return allowed

    @api.model
    def _check(self, url):
        """Judge an address when it is entered.

        :raise ValidationError: it can never be called
        """
        try:
            outbound.check_url(url, self._allowed())
        except InputError as error:
            texts = {
                "url_invalid": self.env._(
                    "The address must begin with http:// or https://."
                ),
                "url_credentials": self.env._(
                    "A name and a password do not belong in the address, which many "
                    "can read."
                ),
                "url_network": self.env._(
                    "This address is not public. Whoever runs the server may allow its "
                    "network by the option %s.",
                    CONFIG_OPTION,
                ),
            }
            raise ValidationError(texts[error.code]) from error
