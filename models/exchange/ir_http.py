"""Our own way in: Odoo's API keys, with scopes of ours, checked at every request."""

import hashlib
import hmac
import ipaddress
import logging
import os
from collections import OrderedDict

from werkzeug.exceptions import abort

from odoo import models
from odoo.http import request

from odoo.addons.base.models.res_users import KEY_CRYPT_CONTEXT

from .res_users_apikeys import EVENTS, METRICS, SCOPES, STATUS

_logger = logging.getLogger(__name__)

INDEX_SIZE = 8  # characters of a key Odoo keeps in the clear to find it
KEPT_KEYS = 1024
# Hashing a key takes milliseconds on purpose. What is remembered here is only which row
# a key belongs to, under a digest salted for this process; whether that row still
# counts is asked at every request, so a revoked key is refused at once everywhere.
_SALT = os.urandom(32)
_verified = OrderedDict()


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _dispatch(cls, endpoint):
        if request.httprequest.path.startswith("/healthcare/"):
            # A parameter of this name would be taken for the controller: a 500.
            request.params.pop("self", None)
        return super()._dispatch(endpoint)

    @classmethod
    def _auth_method_healthcare_events(cls):
        cls._healthcare_authenticate(EVENTS)

    @classmethod
    def _auth_method_healthcare_status(cls):
        cls._healthcare_authenticate(STATUS)

    @classmethod
    def _auth_method_healthcare_metrics(cls):
        cls._healthcare_authenticate(METRICS)

    @classmethod
    def _healthcare_authenticate(cls, scope):
        """Authenticate the request as the integration user of one source.

        Aborts with a problem document: 401 for a key that is missing, unknown or
        expired; 403 for a wrong scope, network or environment.
        """
        # Neither who is let in nor who is refused gets a session.
        request.session.can_save = False
        if request.httprequest.method == "OPTIONS":
            return  # asks what is possible; carries no key, and is told nothing else
        # Deciding who calls, before there is a user to act for.
        env = request.env(user=1, su=True)
        key = cls._healthcare_bearer()
        key_id = key and cls._healthcare_key_id(env, key)
        identity = key_id and env["res.users.apikeys"]._healthcare_identity(key_id)
        if not identity or identity[0] not in SCOPES:
            cls._healthcare_refuse(401, "unauthorized", "A valid key is needed.")
        found_scope, source_id, user_id = identity
        source = env["healthcare.source"].browse(source_id)
        if found_scope != scope:
            cls._healthcare_refuse(403, "wrong_scope", "This key is for another use.")
        if source.environment != source._database_environment():
            cls._healthcare_refuse(
                403, "wrong_environment", "This key is for another environment."
            )
        if not cls._healthcare_network_allowed(source):
            cls._healthcare_refuse(
                403, "network_not_allowed", "Calls from this network are not allowed."
            )
        env["healthcare.key.use"]._note(key_id)
        request.update_env(user=user_id)
        request.healthcare_source = request.env["healthcare.source"].browse(source_id)

    @classmethod
    def _healthcare_bearer(cls):
        header = request.httprequest.headers.get("Authorization", "")
        scheme, _, key = header.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not 16 <= len(key) <= 256 or not key.isascii():
            return None
        return key

    @classmethod
    def _healthcare_key_id(cls, env, key):
        """Return the id of the row a key belongs to, or ``None``."""
        digest = hmac.digest(_SALT, f"{env.cr.dbname}\0{key}".encode(), hashlib.sha256)
        key_id = _verified.get(digest)
        if key_id:
            return key_id
        for key_id, key_hash in env["res.users.apikeys"]._healthcare_candidates(
            key[:INDEX_SIZE]
        ):
            if key_hash and KEY_CRYPT_CONTEXT.verify(key, key_hash):
                _verified[digest] = key_id
                while len(_verified) > KEPT_KEYS:
                    _verified.popitem(last=False)
                return key_id
        return None

    @classmethod
    def _healthcare_network_allowed(cls, source):
        networks = source._networks()
        if not networks:
            return True
        try:
            address = ipaddress.ip_address(request.httprequest.remote_addr or "")
        except ValueError:
            return False
        return any(address in network for network in networks)

    @classmethod
    def _healthcare_refuse(cls, status, code, detail):
        from ...controllers.responses import problem

        _logger.info("Refused a call: %s", code)
        headers = [("WWW-Authenticate", "Bearer")] if status == 401 else []
        abort(problem(status, code, detail, headers=headers))
