"""What people do on the screens, in a real browser."""

import os
import tempfile
from unittest.mock import patch

from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.encryption import Keyring
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.healthcare_connector.models.exchange.keyring import (
    ENVIRONMENT_VARIABLE,
)

from .common import SYSTEM, event, patient_data

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class TestTours(HttpCase):
    def setUp(self):
        super().setUp()
        self.user = new_test_user(
            self.env,
            "test-tour-finance",
            groups=f"base.group_user,{GROUP}finance",
        )
        patient = self.env["res.partner"].create(
            {
                "name": "Zephyrine Quillfeather",
                "healthcare_is_patient": True,
                "healthcare_identifier_ids": [
                    (0, 0, {"system": SYSTEM, "value": "T-1"}),
                ],
            }
        )
        self.exception = self.env["healthcare.exception"].create(
            {
                "category": "stock_shortage",
                "fingerprint": "tour",
                "reason": "Gloves of the tour are short at this clinic.",
                "patient_id": patient.id,
                "amount_at_risk": 180,
            }
        )

    def test_finance_works_the_exception_queue(self):
        self.start_tour("/odoo", "healthcare_exception_queue", login=self.user.login)
        self.exception.invalidate_recordset()
        self.assertEqual(self.exception.state, "waived")
        self.assertEqual(self.exception.user_id, self.user)
        self.assertEqual(self.exception.resolved_by_id, self.user)
        self.assertEqual(self.exception.waive_reason, "Borrowed from the other clinic")

    def test_a_refused_event_is_corrected_and_replayed(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "keyring.json")
        Keyring.generate_file(path)
        patcher = patch.dict(os.environ, {ENVIRONMENT_VARIABLE: path})
        patcher.start()
        self.addCleanup(patcher.stop)
        source = self.env["healthcare.source"].create(
            {"name": "Tour", "code": "tour", "environment": "sandbox"}
        )
        bad = event("registration.created", patient_data("T-2", birth_date="Unsinn"))
        items = cloudevents.read(
            "application/cloudevents+json", {}, strict_json.dumps(bad)
        ).items
        (receipt,) = self.env["healthcare.intake"]._receive(source, items)
        refused = self.env["healthcare.event"].search([("uuid", "=", receipt.event)])
        reader = new_test_user(
            self.env,
            "test-tour-reader",
            groups=f"base.group_user,{GROUP}operator,{GROUP}phi_reader",
        )
        self.start_tour("/odoo", "healthcare_correct_and_replay", login=reader.login)
        refused.invalidate_recordset()
        self.assertEqual(refused.state, "received")
        self.assertEqual(refused.correction_ids.places, "/data/patient/birth_date")
        self.assertEqual(refused.correction_ids.user_id, reader)
        readings = self.env["healthcare.payload.access"].search(
            [("event_id", "=", refused.id)]
        )
        self.assertEqual(readings.user_id, reader)
