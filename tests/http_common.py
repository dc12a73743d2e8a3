"""What tests of the endpoints share: a keyring, a source with a key, and calls."""

import json
import os
import tempfile
from unittest.mock import patch

from odoo.tests import HttpCase, tagged

from odoo.addons.healthcare_connector.core.protection.encryption import Keyring
from odoo.addons.healthcare_connector.models.exchange.keyring import (
    ENVIRONMENT_VARIABLE,
)

BASE = "/healthcare/v1"
EVENTS = f"{BASE}/events"


@tagged("post_install", "-at_install")
class EndpointCase(HttpCase):
    """A sandbox with one source, ``self.source``, and its key, ``self.key``."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        path = os.path.join(folder.name, "keyring.json")
        Keyring.generate_file(path)
        patcher = patch.dict(os.environ, {ENVIRONMENT_VARIABLE: path})
        patcher.start()
        cls.addClassCleanup(patcher.stop)
        cls.env["ir.config_parameter"].set_param(
            "healthcare_connector.environment", "sandbox"
        )
        cls.source = cls.env["healthcare.source"].create(
            {"name": "HTTP", "code": "http", "environment": "sandbox"}
        )
        cls.key = cls.source._issue_key()

    def call(self, path=EVENTS, body=None, *, key=None, method=None, **headers):
        """Send a request with a key; underscores in header names become hyphens."""
        sent = {"Authorization": f"Bearer {key or self.key}"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        method = method or ("POST" if body is not None else "GET")
        return self.url_open(path, data=body, headers=sent, method=method)

    def post(self, body, content_type="application/cloudevents+json", **options):
        """Send events."""
        return self.call(body=body, **{"Content-Type": content_type}, **options)

    def assertProblem(self, answer, status, code):
        """The answer is a problem document with this status and code."""
        self.assertEqual(answer.status_code, status, answer.text[:500])
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json()["code"], code)
