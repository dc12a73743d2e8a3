"""What our tests share: a keyring, a source, events, and a way to run the engine."""

import copy
import itertools
import os
import tempfile
from unittest.mock import patch

from odoo.tests import TransactionCase, tagged

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.protection.encryption import Keyring
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.healthcare_connector.models.exchange.keyring import (
    ENVIRONMENT_VARIABLE,
)
from odoo.addons.healthcare_connector.models.exchange.ordering import PARTITIONS
from odoo.addons.healthcare_connector.models.exchange.outbound import (
    ENVIRONMENT_VARIABLE as OUTBOUND,
)

SYSTEM = "urn:test:mrn"
_numbers = itertools.count(1)


def event(name, data, *, id=None, time="2026-03-02T08:00:00Z", **attributes):
    """Return a CloudEvents envelope of ``healthcare.<name>.v1``."""
    return {
        "specversion": "1.0",
        "id": id or f"test-{next(_numbers)}",
        "source": "urn:test:access",
        "type": f"healthcare.{name}.v1",
        "time": time,
        "data": data,
        **attributes,
    }


def patient_data(mrn, *, family="Quillfeather", given=("Zephyrine",), **more):
    """Return the ``data`` of a registration."""
    data = {
        "facility": more.pop("facility", "NORTH"),
        "patient": {
            "identifiers": [{"system": SYSTEM, "value": mrn}],
            "name": {"family": family, "given": list(given)},
            "birth_date": more.pop("birth_date", "1961-07-19"),
        },
    }
    data.update(more)
    return data


def coverage_data(payer="PAYER-A", member="M-1", priority=1):
    return {"payer": {"code": payer}, "member_id": member, "priority": priority}


def appointment_data(mrn, number, services=("CONSULT",), **more):
    """Return the ``data`` of an appointment event."""
    return {
        "facility": more.pop("facility", "NORTH"),
        "patient": {"identifiers": [{"system": SYSTEM, "value": mrn}]},
        "appointment": {
            "id": number,
            "start": more.pop("start", "2026-03-05T09:00:00Z"),
            "services": [{"code": code, "quantity": 1} for code in services],
            **more,
        },
    }


@tagged("post_install", "-at_install")
class HealthcareCase(TransactionCase):
    """A database with the demo's facilities, payers and services, and own events."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._use_keyring()
        cls.env["ir.config_parameter"].set_param(
            "healthcare_connector.environment", "sandbox"
        )
        cls.source = cls.env["healthcare.source"].create(
            {"name": "Test access", "code": "test-access", "environment": "sandbox"}
        )
        cls._allow_loopback()
        # Facts are looked at where they are written; nothing leaves in these tests.
        cls.env["healthcare.target"].search([]).active = False

    @classmethod
    def _use_keyring(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        path = os.path.join(folder.name, "keyring.json")
        Keyring.generate_file(path)
        patcher = patch.dict(os.environ, {ENVIRONMENT_VARIABLE: path})
        patcher.start()
        cls.addClassCleanup(patcher.stop)

    @classmethod
    def _allow_loopback(cls):
        networks = patch.dict(os.environ, {OUTBOUND: "127.0.0.0/8"})
        networks.start()
        cls.addClassCleanup(networks.stop)

    def setUp(self):
        super().setUp()
        self.engine = self.env["healthcare.engine"]

    def send(self, *envelopes, source=None):
        """Take events in as the endpoint does; return their receipts."""
        body = strict_json.dumps(list(copy.deepcopy(envelopes)))
        reading = cloudevents.read("application/cloudevents-batch+json", {}, body)
        return self.env["healthcare.intake"]._receive(
            source or self.source, reading.items
        )

    def process(self, engine=None):
        """Run the engine until nothing is ready, as the jobs of all shards would."""
        engine = self.engine if engine is None else engine
        everywhere = list(range(PARTITIONS))
        for _turn in range(50):
            queues = engine._claim(everywhere)
            if not queues:
                return
            run = engine._run_queues(queues)
            engine._settle(run)
        self.fail("The engine does not come to rest")

    def play(self, *envelopes):
        """Send events, process them, and return their rows in the same order."""
        receipts = self.send(*envelopes)
        self.process()
        return self.events(receipts)

    def events(self, receipts):
        events = self.env["healthcare.event"]
        for receipt in receipts:
            events += events.search([("uuid", "=", receipt.event)])
        return events
