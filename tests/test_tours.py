"""What people do on the screens, in a real browser."""

import os
import tempfile
from unittest.mock import patch

from odoo import SUPERUSER_ID, fields
from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.protection.encryption import Keyring
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.healthcare_connector.models.exchange.keyring import (
    ENVIRONMENT_VARIABLE,
)

from .common import SYSTEM, event, patient_data
from .payment_common import PaymentCase
from .workflow_common import WorkflowCase

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


def play_after(case, model, method):
    """Have the jobs play as soon as a method has run, within a tour's patience."""
    original = getattr(type(model), method)

    def played(records):
        result = original(records)
        system = records.env(user=SUPERUSER_ID)
        case.process(system["healthcare.engine"])
        system.flush_all()
        system["healthcare.exception.cause"]._sync()
        return result

    case.patch(type(model), method, played)


@tagged("post_install", "-at_install")
class TestReleaseTour(HttpCase, WorkflowCase):
    def setUp(self):
        super().setUp()
        self.operator = new_test_user(
            self.env,
            "test-tour-operator",
            groups=f"base.group_user,{GROUP}operator",
        )
        self.env["healthcare.exception.policy"].search([]).user_id = self.operator
        self.payer.name = "Tour Health Plan"
        coverage = {
            "payer": {"code": "T-TOUR"},
            "member_id": "M-TOUR",
            "status": "active",
        }
        verified = {
            "facility": "T-EAST",
            "patient": self.patient_ref("TOUR"),
            "coverage": coverage,
            "verified_at": "2026-03-02T08:02:00Z",
        }
        self.held = self.play(
            self.register("TOUR", payer="T-TOUR"),
            event("coverage.verified", verified, time=self.at(2)),
            self.appointment("booked", "TOUR", "V-TOUR", 3, services=("T-CONSULT",)),
            self.appointment("confirmed", "TOUR", "V-TOUR", 4, services=("T-CONSULT",)),
        )
        self.held.exception_ids.deadline = fields.Datetime.now()
        self.env.flush_all()
        self.env["healthcare.exception.cause"]._sync()

    def test_an_operator_from_notification_to_release(self):
        self.assertEqual(self.held[0].state, "exception")
        self.assertNotIn("done", self.held.mapped("state"))
        play_after(self, self.env["healthcare.mapping.code"], "action_map")
        self.start_tour(
            "/odoo/healthcare-my-queue", "healthcare_release", login=self.operator.login
        )
        self.held.invalidate_recordset()
        self.assertEqual(set(self.held.mapped("state")), {"done"})
        self.assertEqual(self.visit("V-TOUR").clearance, "cleared")
        maps = self.env["healthcare.value.map"].search([("code", "=", "T-TOUR")])
        self.assertEqual(maps.create_uid, self.operator)
        activities = self.env["mail.activity"].search(
            [("user_id", "=", self.operator.id)]
        )
        self.assertFalse(activities)


@tagged("post_install", "-at_install")
class TestMoneyTour(HttpCase, PaymentCase):
    def test_finance_finds_what_a_payment_is_for(self):
        finance = new_test_user(
            self.env, "test-tour-money", groups=f"base.group_user,{GROUP}finance"
        )
        self.env["healthcare.exception.policy"].search([]).user_id = finance
        (bill,) = self.treated("P1", "S1")
        (paid,) = self.play(self.by_account("PAY-TOUR", "500.00", "P1"))
        self.assertEqual(paid.open_exception_id.user_id, finance)
        play_after(self, self.env["healthcare.payment.suggestion"], "action_apply")
        self.start_tour(
            "/odoo/healthcare-my-queue", "healthcare_money", login=finance.login
        )
        paid.invalidate_recordset()
        self.assertEqual(paid.state, "done")
        self.assertEqual(paid.correction_ids.user_id, finance)
        self.assertEqual(bill.amount_residual, 300)
