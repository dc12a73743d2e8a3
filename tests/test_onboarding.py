"""The wizard that connects a system, and the panel that waits for its first call."""

import json
import re
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, HttpCase, new_test_user, tagged

from odoo.addons.healthcare_connector.core.contract import samples
from odoo.addons.healthcare_connector.models.exchange.ordering import PARTITIONS
from odoo.addons.healthcare_connector.wizards.onboarding_wizard import (
    HealthcareOnboarding,
)

from .common import HealthcareCase
from .workflow_common import WorkflowCase

GROUPS = "base.group_user,healthcare_connector.group_"


class TestOnboarding(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.administrator = new_test_user(
            cls.env, "test-onboarding", groups=f"{GROUPS}administrator"
        )
        # The samples name the first service there is.
        cls.env["healthcare.service"].search([]).filtered(
            lambda service: service not in (cls.consult + cls.mri)
        ).active = False

    def connected(self, format_="cloudevents", name="Harbour Scheduling", **limits):
        """Return the wizard at its last step, and the key it shows."""
        model = self.env["healthcare.onboarding"].with_user(self.administrator)
        with Form(model) as form:
            form.name = name
            form.format = format_
            form.facility_ids.add(self.facility)
        wizard = form.record
        wizard.action_limits()
        with Form(wizard) as form:
            for field, value in limits.items():
                form[field] = value
        action = wizard.action_connect()
        return wizard.with_context(**action["context"]), action

    def look(self, wizard):
        """Ask as the panel does, each time in a request of its own."""
        self.env.invalidate_all()
        return wizard.watch()["arrivals"]

    def body(self, wizard, name):
        (command,) = [c["command"] for c in wizard.calls if c["name"] == name]
        found = re.search(r"--data-binary '(.*)'\Z", command, re.DOTALL)
        return found[1].replace("'\\''", "'")

    def test_makes_a_source_and_shows_its_key_once(self):
        wizard, action = self.connected()
        source = wizard.source_id
        self.assertEqual(source.code, "harbour-scheduling")
        self.assertEqual(source.environment, "sandbox")
        self.assertEqual(source.facility_ids, self.facility)
        self.assertEqual(len(source.sudo().key_ids), 1)
        key = wizard.key
        self.assertRegex(key, r"^[0-9a-f]{40}$")
        for call in wizard.calls:
            self.assertIn(f"Bearer {key}", call["command"])
            self.assertIn(wizard.get_base_url(), call["command"])
        # Nothing in the database tells the key.
        self.env.flush_all()
        again = self.env["healthcare.onboarding"].browse(wizard.id)
        self.env.invalidate_all()
        self.assertFalse(again.with_user(self.administrator).key)
        self.assertNotIn(
            key, json.dumps(again.sudo().read()[0], default=str, ensure_ascii=False)
        )
        # Once more does not make another source, nor another key.
        wizard.action_connect()
        self.assertEqual(len(source.sudo().key_ids), 1)
        self.assertEqual(action["context"]["healthcare_fresh_key"], key)

    def test_refuses_what_is_taken_before_anything_is_made(self):
        model = self.env["healthcare.onboarding"].with_user(self.administrator)
        wizard = model.create({"name": "Again", "code": self.source.code})
        self.source.active = False
        with self.assertRaises(UserError):
            wizard.action_limits()
        with self.assertRaises(UserError):
            model.create({}).action_limits()
        before = self.env["healthcare.source"].search_count([])
        with self.assertRaises(UserError):
            model.create({}).action_connect()
        self.assertEqual(self.env["healthcare.source"].search_count([]), before)

    def test_only_administrators(self):
        for role in ("operator", "finance", "auditor"):
            user = new_test_user(
                self.env, f"test-onboarding-{role}", groups=GROUPS + role
            )
            with self.assertRaises(AccessError):
                self.env["healthcare.onboarding"].with_user(user).create({})

    def test_panel_tells_what_became_of_the_calls(self):
        wizard, _action = self.connected()
        self.assertEqual(self.look(wizard), [])
        source = wizard.source_id
        registration = json.loads(self.body(wizard, "registration"))
        appointment = json.loads(self.body(wizard, "appointment"))
        self.assertEqual(registration["data"]["facility"], self.facility.code)
        codes = [one["code"] for one in appointment["data"]["appointment"]["services"]]
        self.assertIn(codes[0], (self.consult.code, self.mri.code))
        self.send(registration, source=source)
        (told,) = self.look(wizard)
        self.assertEqual((told["state"], told["documents"]), ("received", []))
        self.process()
        (told,) = self.look(wizard)
        self.assertEqual((told["state"], told["style"]), ("done", "success"))
        self.assertIn("Patient Test-", told["documents"][0]["name"])
        self.send(appointment, source=source)
        self.process()
        told, _first = self.look(wizard)
        self.assertEqual(told["state"], "done")
        self.assertTrue(told["documents"])
        # The same again changes nothing on the panel.
        self.send(registration, appointment, source=source)
        self.process()
        self.assertEqual(len(self.look(wizard)), 2)

    def test_panel_says_why_a_person_has_to_look(self):
        wizard, _action = self.connected()
        appointment = json.loads(self.body(wizard, "appointment"))
        appointment["data"]["appointment"]["services"] = [{"code": "NONE-SUCH"}]
        registration = json.loads(self.body(wizard, "registration"))
        broken = json.loads(self.body(wizard, "registration"))
        broken.update(id="broken")
        broken["data"]["patient"]["birth_date"] = "Unsinn"
        self.send(registration, appointment, broken, source=wizard.source_id)
        self.process()
        refused, parked, _done = sorted(
            self.look(wizard), key=lambda told: (not told["exception"], -told["id"])
        )
        self.assertIn("NONE-SUCH", parked["text"])
        self.assertTrue(parked["exception"])
        self.assertIn("does not fit", refused["text"])
        for told in (refused, parked):
            self.assertNotIn("Unsinn", json.dumps(told))
            self.assertNotIn("Test-", json.dumps(told["text"]))

    def test_panel_shows_this_source_alone(self):
        wizard, _action = self.connected()
        body = json.loads(self.body(wizard, "registration"))
        self.send(body, source=self.source)
        self.assertEqual(self.look(wizard), [])

    def test_every_format_has_calls(self):
        for number, format_ in enumerate(samples.FORMATS):
            wizard, _action = self.connected(format_, name=f"Vendor {number}")
            self.assertTrue(wizard.calls, format_)
            for call in wizard.calls:
                self.assertIn("/healthcare/v1/", call["command"])

    def test_signing_secret_and_limits(self):
        wizard, action = self.connected(signature_required=True, rate_events=600)
        source = wizard.source_id
        self.assertTrue(source.signature_required)
        self.assertEqual((source.rate_events, source.rate_window), (600, 60))
        secret = wizard.secret
        self.assertEqual(source.secret_ids._open_usable(), [secret])
        self.assertEqual(action["context"]["healthcare_fresh_secret"], secret)
        for call in wizard.calls:
            self.assertIn(f"SECRET='{secret}'", call["command"])
            self.assertIn("webhook-signature: v1,$SIGNATURE", call["command"])
        self.env.invalidate_all()
        again = self.env["healthcare.onboarding"].browse(wizard.id).sudo()
        self.assertNotIn(secret, json.dumps(again.read()[0], default=str))

    def test_panel_tells_of_a_call_that_was_not_taken(self):
        wizard, _action = self.connected()
        self.assertEqual(wizard.watch(), {"arrivals": [], "called": False})
        key = wizard.source_id.sudo().key_ids
        now = fields.Datetime.now()
        self.env["healthcare.key.use"].create({"key_id": key.id, "used_at": now})
        self.env.invalidate_all()
        self.assertEqual(wizard.watch()["called"], now)


@tagged("post_install", "-at_install")
class TestOnboardingFormats(HttpCase):
    """The calls of the other formats, as shown, over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        HealthcareCase._use_keyring.__func__(cls)
        cls.env["ir.config_parameter"].set_param(
            "healthcare_connector.environment", "sandbox"
        )
        cls.administrator = new_test_user(
            cls.env, "onboarding-formats", groups=f"{GROUPS}administrator"
        )

    def connected(self, format_):
        model = self.env["healthcare.onboarding"].with_user(self.administrator)
        with Form(model) as form:
            form.name = f"Vendor {format_}"
            form.format = format_
        self.assertTrue(form.record.default_facility_id)
        action = form.record.action_connect()
        return form.record.with_context(**action["context"])

    def send(self, wizard, body, content_type, path):
        answer = self.url_open(
            path,
            data=body.encode(),
            headers={
                "Authorization": f"Bearer {wizard.key}",
                "Content-Type": content_type,
            },
        )
        self.assertLess(answer.status_code, 300, answer.text)
        self.env.invalidate_all()
        return wizard.watch()["arrivals"]

    def test_each_format_arrives(self):
        for format_ in ("hl7v2", "fhir", "x12"):
            wizard = self.connected(format_)
            for call in wizard.calls:
                command = call["command"]
                with self.subTest(format=format_, call=call["title"]):
                    path = re.search(r"(/healthcare/v1/\w+)'", command)[1]
                    kind = re.search(r'Content-Type: ([^"]+)"', command)[1]
                    body = re.search(r"--data-binary '(.*)'\Z", command, re.DOTALL)[1]
                    arrivals = self.send(wizard, body, kind, path)
                    self.assertEqual(
                        {told["state"] for told in arrivals}, {"received"}, arrivals
                    )

    def test_a_message_without_mapping_is_told(self):
        wizard = self.connected("hl7v2")
        header = "MSH|^~\\&|A|B|C|D|20260302093000||ADT^A60|Z-1|P|2.5.1\rPID|||1\r"
        (told,) = self.send(
            wizard, header, "application/hl7-v2", "/healthcare/v1/hl7v2"
        )
        self.assertEqual(told["state"], "unsupported")
        self.assertIn("ADT^A60", told["name"])
        self.assertIn("no mapping yet", told["text"])


@tagged("post_install", "-at_install")
class TestOnboardingTour(HttpCase):
    def test_first_call_while_the_panel_waits(self):
        HealthcareCase._use_keyring.__func__(type(self))
        self.env["ir.config_parameter"].set_param("web.base.url", self.base_url())
        self.env["healthcare.service"].search([]).active = False
        self.env["healthcare.facility"].create(
            {
                "name": "Tour Harbour",
                "code": "T-TOUR",
                "warehouse_id": self.env["stock.warehouse"].search([], limit=1).id,
            }
        )
        user = new_test_user(
            self.env, "onboarding-tour", groups=f"{GROUPS}administrator"
        )
        watch = HealthcareOnboarding.watch

        def watch_after_work(wizard):
            # What the scheduled jobs do between two looks; none run in tests.
            engine = self.env["healthcare.engine"]
            while queues := engine._claim(list(range(PARTITIONS))):
                engine._settle(engine._run_queues(queues))
            return watch(wizard)

        with patch.object(HealthcareOnboarding, "watch", watch_after_work):
            self.start_tour(
                "/odoo/healthcare-sources", "healthcare_onboarding", login=user.login
            )
        source = self.env["healthcare.source"].search(
            [("code", "=", "harbour-scheduling")]
        )
        events = self.env["healthcare.event"].search([("source_id", "=", source.id)])
        self.assertEqual(sorted(events.mapped("state")), ["done", "exception"])
