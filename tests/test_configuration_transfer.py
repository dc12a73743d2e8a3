"""Configuration from one database to another: named by codes, and without secrets."""

import base64
import copy
import json
import os

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.healthcare_connector.core.protection import signatures

from .common import HealthcareCase, event, patient_data
from .durability import DurabilityCase


class TestConfigurationTransfer(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = new_test_user(
            cls.env,
            "transfer-admin",
            "base.group_user,base.group_partner_manager,"
            "healthcare_connector.group_administrator",
        )
        cls.secret = signatures.generate_secret()
        cls.env["healthcare.target"].create(
            {
                "name": "Transfer warehouse",
                "url": "https://warehouse.example/facts?token=hush",
                "secret": cls.secret,
            }
        )
        cls.env["healthcare.source.secret"]._issue(cls.source, secret=cls.secret)
        cls.key = cls.source._issue_key()
        payer = cls.env["res.partner"].search(
            [("healthcare_payer_code", "!=", False)], limit=1
        )
        cls.env["healthcare.value.map"].create(
            {
                "source_id": cls.source.id,
                "kind": "payers",
                "code": "THEIR-1",
                "payer_id": payer.id,
            }
        )
        cls.transfer = cls.env["healthcare.configuration"].with_user(cls.admin)

    def changes(self, document):
        found = self.transfer._compare(document)
        return {
            (one.model, one.name): one.change for one in found if one.change != "same"
        }

    def document(self):
        """Return the document as another database reads it."""
        return json.loads(json.dumps(self.transfer._export()))

    def test_own_document_changes_nothing(self):
        document = self.document()
        for model in ("source", "facility", "service", "value.map", "target"):
            self.assertTrue(document["sections"][f"healthcare.{model}"], model)
        self.assertEqual(self.changes(document), {})

    def test_no_secret_no_patient(self):
        self.play(event("registration.created", patient_data("CT-1")))
        text = json.dumps(self.document())
        for word in (self.secret, self.key, "hush", "Quillfeather", "CT-1", "sealed"):
            self.assertNotIn(word, text)
        self.assertNotIn(self.admin.login, text)

    def test_into_another_database(self):
        """What the other database lacks is made, in order, and works."""
        document = self.document()
        text = json.dumps(document)
        for code in ("test-access", "Transfer warehouse", "THEIR-1"):
            self.assertIn(code, text)
        # another database: nothing of this is there
        self.env["healthcare.value.map"].search([("code", "=", "THEIR-1")]).unlink()
        self.env["healthcare.target"].with_context(active_test=False).search(
            [("name", "=", "Transfer warehouse")]
        ).unlink()
        source = self.source
        source.code = "another"
        source.user_id.login = "healthcare.another"
        self.env.flush_all()
        service = self.env["healthcare.service"].search([], limit=1)
        name, service.name = service.name, "Changed meanwhile"
        changes = self.changes(document)
        self.assertEqual(changes["healthcare.source", "test-access"], "new")
        self.assertEqual(changes["healthcare.service", service.code], "changed")
        label = "test-access · payers · THEIR-1"
        self.assertEqual(changes["healthcare.value.map", label], "new")
        self.transfer._apply(document)
        made = self.env["healthcare.source"].search([("code", "=", "test-access")])
        self.assertTrue(made.paused)
        self.assertFalse(made.has_valid_secret)
        self.assertFalse(made.key_ids)
        self.assertEqual(service.name, name)
        target = self.env["healthcare.target"].search(
            [("name", "=", "Transfer warehouse")]
        )
        self.assertTrue(target.paused)
        self.assertFalse(target.has_secret)
        self.assertEqual(target.url, "https://warehouse.example/facts")
        self.assertTrue(
            self.env["healthcare.value.map"].search([("source_id", "=", made.id)])
        )
        # once more: nothing
        self.assertEqual(self.changes(document), {})
        count = self.env["healthcare.source"].search_count([])
        self.transfer._apply(document)
        self.assertEqual(self.env["healthcare.source"].search_count([]), count)

    def test_what_is_not_here_is_told(self):
        document = self.document()
        row = copy.deepcopy(document["sections"]["healthcare.value.map"][0])
        row.update(payer_id="NOT-HERE", source_id="NOWHERE", code="X")
        document["sections"]["healthcare.value.map"].append(row)
        (problem,) = [
            one for one in self.transfer._compare(document) if one.change == "problem"
        ]
        self.assertIn("NOWHERE", problem.text)
        self.transfer._apply(document)
        self.assertFalse(self.env["healthcare.value.map"].search([("code", "=", "X")]))

    def test_a_document_sets_nothing_else(self):
        document = self.document()
        row = next(
            row
            for row in document["sections"]["healthcare.source"]
            if row["code"] == "test-access"
        )
        row.update(user_id="admin", paused=True, environment="production", id=1)
        row.update(key_ids=[1], message_ids=[1])
        self.assertEqual(self.changes(document), {})
        for bad in (
            None,
            [],
            {},
            {**document, "version": 2},
            {**document, "sections": {"res.users": [{"login": "x"}]}},
            {**document, "sections": {"healthcare.source": [1]}},
        ):
            with self.assertRaises(UserError):
                self.transfer._apply(bad)

    def test_mappings_come_as_drafts(self):
        mappings = self.env["healthcare.mapping"]
        found = mappings._in_force(self.source, "hl7v2", "ADT^A04")
        draft = mappings._from_document(
            found.mapping.document, self.source, "ADT^A04", "shipped"
        )
        draft.action_activate()
        document = self.document()
        self.assertEqual(self.changes(document), {})
        rows = document["sections"]["healthcare.mapping"]
        rows[-1]["document"]["title"] = "As in the other environment"
        self.transfer._apply(document)
        newest = mappings.search([("source_id", "=", self.source.id)])
        drafts = newest.filtered(lambda one: one.state == "draft")
        self.assertEqual(len(drafts), 1)
        self.assertEqual(draft.state, "active")
        self.assertEqual(self.changes(document), {})

    def test_wizard(self):
        wizard = self.env["healthcare.configuration.wizard"].with_user(self.admin)
        wizard = wizard.create({})
        wizard.action_export()
        document = json.loads(base64.b64decode(wizard.export_file))
        document["sections"]["healthcare.service.line"].append(
            {"code": "NEW-LINE", "name": "New"}
        )
        wizard.file = base64.b64encode(json.dumps(document).encode())
        wizard.action_preview()
        self.assertEqual(wizard.line_ids.mapped("change"), ["new"])
        self.assertFalse(
            self.env["healthcare.service.line"].search([("code", "=", "NEW-LINE")])
        )
        wizard.action_apply()
        self.assertTrue(
            self.env["healthcare.service.line"].search([("code", "=", "NEW-LINE")])
        )
        wizard.action_preview()
        self.assertFalse(wizard.line_ids)
        wizard.file = base64.b64encode(b"\x00 no json")
        with self.assertRaises(UserError):
            wizard.action_preview()

    def test_for_administrators(self):
        operator = new_test_user(
            self.env, "transfer-op", "healthcare_connector.group_operator"
        )
        with self.assertRaises(AccessError):
            self.transfer.with_user(operator)._export()
        with self.assertRaises(AccessError):
            self.env["healthcare.configuration.wizard"].with_user(operator).create({})


@tagged("post_install", "-at_install")
class TestBetweenDatabases(DurabilityCase):
    """From one real database into another, which has ids of its own."""

    def database(self, name):
        name = self.dev.clone(f"{name}_{os.getpid()}")
        self.addCleanup(self.dev.cluster.drop, name)
        return name

    def test_what_one_exports_another_imports_once(self):
        document = self.dev.script(self.database("configuration_from"), EXPORT)
        for word in ("hush", "whsec_", "sealed"):
            self.assertNotIn(word, document)
        turns, made = json.loads(
            self.dev.script(
                self.database("configuration_to"), f"DOCUMENT = {document!r}\n{IMPORT}"
            )
        )
        first, second = turns
        self.assertIn(["healthcare.facility", "CARRIED", "new", ""], first)
        self.assertIn(["healthcare.source", "carried", "new", ""], first)
        # Only the payer that the other one has not is named, and its rows left out.
        ((model, name, _change, text),) = [row for row in first if row[2] == "problem"]
        self.assertEqual((model, name), ("healthcare.value.map", MAPPED))
        self.assertIn("NOT-THERE", text)
        self.assertEqual([row for row in second if row[2] != "problem"], [])
        self.assertEqual(made, ["Carried over", "CARRIED", True, False, 1])


MAPPED = "carried · payers · THEIRS"
EXPORT = """
import json
payer = env["res.partner"].create({
    "name": "Odd payer", "is_company": True, "healthcare_is_payer": True,
    "healthcare_payer_code": "NOT-THERE"})
facility = env["healthcare.facility"].create(
    {"name": "Carried over", "code": "CARRIED"})
source = env["healthcare.source"].create({
    "name": "Carried", "code": "carried", "facility_ids": facility.ids})
env["healthcare.value.map"].create({
    "source_id": source.id, "kind": "payers", "code": "THEIRS", "payer_id": payer.id})
env["healthcare.source.secret"]._issue(source)
env["healthcare.target"].create({
    "name": "Carried", "url": "https://facts.example/?token=hush",
    "secret": "whsec_" + "QUJD" * 9})
document = env["healthcare.configuration"]._export()
payers = document["sections"]["res.partner"]
payers[:] = [row for row in payers if row["healthcare_payer_code"] != "NOT-THERE"]
print(json.dumps(document))
"""
IMPORT = """
import json
# Ids of its own: nothing may be found by number.
for number in range(3):
    env["healthcare.facility"].create({"name": "Own", "code": f"OWN-{number}"})
transfer = env["healthcare.configuration"]
document, turns = json.loads(DOCUMENT), []
for turn in range(2):
    turns.append([
        [one.model, one.name, one.change, one.text]
        for one in transfer._apply(document) if one.change != "same"])
    env.flush_all()
    env.invalidate_all()
source = env["healthcare.source"].search([("code", "=", "carried")])
print(json.dumps([turns, [
    source.facility_ids.name, source.facility_ids.code, source.paused,
    source.has_valid_secret,
    env["healthcare.target"].search_count([("name", "=", "Carried")])]]))
"""
