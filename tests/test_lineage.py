"""Lineage: what a fact came from and where it went, for people and as OpenLineage."""

import json
import re
import uuid
from datetime import timedelta
from unittest.mock import patch

import jsonschema

from odoo import fields
from odoo.tests import new_test_user, tagged
from odoo.tools import file_open

from odoo.addons.healthcare_connector.core import facts
from odoo.addons.healthcare_connector.core.analytics import lineage
from odoo.addons.healthcare_connector.core.errors import TechnicalError

from .test_workflow_claim import ClaimCase

GROUP = "healthcare_connector.group_"


@tagged("post_install", "-at_install")
class LineageCase(ClaimCase):
    """A claim of a target that has taken everything in one batch."""

    def setUp(self):
        super().setUp()
        self.target = self.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "https://wh.example.com:8443/in?k=1"}
        )
        self.play(self.completed("K1", "S1", 60))
        self.play(self.claim("submitted", "CL1", 80, invoice=self.bill().name))
        self.fact = self.of("claim")

    def of(self, fact_type):
        return self.env["healthcare.fact"].search(
            [("fact_type", "=", fact_type), ("routed", "=", True)], limit=1
        )

    def batch(self, **values):
        """Put what waits into one batch, as if it had been sent."""
        batch = self.env["healthcare.delivery.batch"].create(
            {
                "uuid": str(uuid.uuid4()),
                "target_id": self.target.id,
                "state": "delivered",
                "opened_at": fields.Datetime.now(),
                "delivered_at": fields.Datetime.now(),
                "status_code": 200,
                "attempts": 1,
                **values,
            }
        )
        waiting = self.env["healthcare.delivery"].search(
            [("target_id", "=", self.target.id), ("batch_number", "=", False)]
        )
        batch.facts = waiting.fact_id.sorted("id").ids
        batch.fact_count = len(waiting)
        if batch.state == "delivered":
            waiting.unlink()
        elif batch.state != "open":
            waiting.write({"batch_number": batch.id, "state": batch.state})
        self.env.flush_all()
        return batch


class TestLineage(LineageCase):
    def steps(self, fact):
        """Return the steps as people read them, without markup."""
        items = re.findall(r"<li.*?</li>", str(fact.lineage), re.DOTALL)
        return [
            re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", one)).strip() for one in items
        ]

    def test_from_the_source_to_the_target(self):
        batch = self.batch(fact_count=3)
        kinds = [step.split()[0] for step in self.steps(self.fact)]
        self.assertEqual(
            kinds, ["Source", "Event", "Document", "Fact", "Delivery"], kinds
        )
        source, event, document, fact, delivery = self.steps(self.fact)
        self.assertIn("Test access", source)
        self.assertIn("Claim submitted", event)
        self.assertIn("CL1", document)
        self.assertIn("version 1", fact)
        self.assertIn("Warehouse", delivery)
        self.assertIn("answered 200", delivery)
        self.assertIn(f"/healthcare-deliveries/{batch.id}", self.fact.lineage)

    def test_which_mapping_and_which_corrections(self):
        event = self.fact.event_id
        event.sudo().mapping_label = "ADT^A04, version 3"
        self.env["healthcare.event.correction"].create(
            {
                "event_id": event.id,
                "uuid": str(uuid.uuid4()),
                "version": 1,
                "reason": "The vendor sent the wrong payer",
                "user_id": self.env.user.id,
            }
        )
        event.invalidate_recordset()
        text = " ".join(self.steps(self.fact))
        self.assertIn("ADT^A04, version 3", text)
        self.assertIn("The vendor sent the wrong payer", text)
        self.assertIn(self.env.user.name, text)

    def test_newer_versions_and_what_did_not_arrive(self):
        self.batch(state="failed", message="HTTP 422", delivered_at=False)
        self.play(self.decided("CL1"))
        newer = self.env["healthcare.fact"].search(
            [("key", "=", self.fact.key)], order="sequence desc", limit=1
        )
        self.fact.invalidate_recordset()
        text = " ".join(self.steps(self.fact))
        self.assertIn(f"replaced by version {newer.sequence}", text)
        self.assertIn("not taken: HTTP 422", text)
        self.assertIn("waits to be delivered", " ".join(self.steps(newer)))
        found = self.env["healthcare.fact"].search(
            self.fact.action_open_versions()["domain"]
        )
        self.assertEqual(found, newer + self.fact)
        self.assertEqual(newer.version_count, 2)

    def test_no_name_of_a_patient_is_in_it(self):
        for fact in self.env["healthcare.fact"].search([("routed", "=", True)]):
            self.assertNotIn("Quillfeather", fact.lineage)
            self.assertNotIn("ZephK1", fact.lineage)

    def test_what_one_may_not_open_is_left_out(self):
        user = new_test_user(
            self.env, "lineage-op", groups=f"base.group_user,{GROUP}operator"
        )
        text = " ".join(self.steps(self.of("invoice").with_user(user)))
        self.assertNotIn(self.bill().name, text)
        self.assertIn("Journal Entry", text)

    def test_and_back(self):
        batch = self.batch()
        found = self.env["healthcare.fact"].search(batch.action_open_facts()["domain"])
        self.assertEqual(len(found), batch.fact_count)
        bill = self.bill()
        action = bill.action_open_healthcare_facts()
        of_bill = self.env["healthcare.fact"].search(action["domain"])
        self.assertEqual(set(of_bill.mapped("fact_type")), {"invoice"})
        claim = self.env["healthcare.claim"].search([("move_id", "=", bill.id)])
        patient = self.patient("K1")
        for record, types in (
            (claim, {"claim"}),
            (patient, {"registration", "service", "invoice", "claim"}),
        ):
            domain = record.action_open_healthcare_facts()["domain"]
            told = self.env["healthcare.fact"].search(domain)
            self.assertLessEqual(types, set(told.mapped("fact_type")))
        self.assertEqual(told.partner_id, patient)

    def test_facts_of_a_document_are_for_who_may_see_facts(self):
        for view in ("claim", "authorization", "patient"):
            form = self.env.ref(f"healthcare_connector.view_{view}_form")
            for groups, seen in (
                ("base.group_user", False),
                (f"{GROUP}operator", True),
            ):
                user = new_test_user(
                    self.env, f"facts-{view}-{seen}", groups=f"base.group_user,{groups}"
                )
                records = self.env[form.model].with_user(user)
                if not records.has_access("read"):
                    continue
                shown = records.get_view(form.id, "form")["arch"]
                self.assertEqual("action_open_healthcare_facts" in shown, seen, view)
        self.assertIn(self.fact, self.fact.event_id.fact_ids)


class TestOpenLineage(LineageCase):
    def setUp(self):
        super().setUp()
        with file_open("healthcare_connector/tests/data/openlineage.json") as file:
            self.schema = jsonschema.Draft202012Validator(
                json.load(file), format_checker=jsonschema.FormatChecker()
            )
        self.endpoint = self.env["healthcare.target"].create(
            {
                "name": "Catalogue",
                "url": "https://lineage.example.com/api/v1/lineage",
                "content": "lineage",
            }
        )
        self.sent, self.answers = [], []
        case = self

        def send(target, number, documents):
            case.assertEqual(target, case.endpoint)
            if case.answers and (error := case.answers.pop(0)):
                raise error
            case.sent.append((number, *documents))
            return 201

        self.patch(type(self.endpoint), "_send", send)

    def tell(self):
        self.env.flush_all()
        with patch.object(self.env.cr, "commit", lambda: None):
            self.env["healthcare.lineage.run"]._cron_tell()
        return [event for _number, event in self.sent]

    def test_a_delivery_is_a_run(self):
        batch = self.batch()
        events = self.tell()
        for event in events:
            self.schema.validate(event)
        start, end = events
        self.assertEqual([start["eventType"], end["eventType"]], ["START", "COMPLETE"])
        self.assertEqual(start["run"]["runId"], batch.uuid)
        self.assertEqual(start["job"]["name"], f"deliver_facts.{self.target.id}")
        names = {one["name"] for one in end["inputs"]}
        self.assertLessEqual(
            {"events.test-access.claim.submitted", "healthcare.claim", "account.move"},
            names,
        )
        outputs = {one["name"]: one for one in end["outputs"]}
        claim = outputs["healthcare_claim"]
        # Neither the path nor what else an address holds back is told.
        self.assertEqual(claim["namespace"], "https://wh.example.com:8443")
        self.assertEqual(
            sum(
                one["outputFacets"]["outputStatistics"]["rowCount"]
                for one in end["outputs"]
            ),
            batch.fact_count,
        )
        told = {one["name"] for one in claim["facets"]["schema"]["fields"]}
        self.assertLessEqual(facts.CATALOGUE["claim"].keys(), told)

    def test_told_once(self):
        self.batch()
        self.tell()
        self.assertEqual(len(self.tell()), 2)
        self.batch()  # of nothing: a batch is told of all the same
        self.assertEqual(len(self.tell()), 4)

    def test_a_batch_that_failed_and_one_that_is_on_its_way(self):
        batch = self.batch(state="open", delivered_at=False)
        self.assertFalse(self.tell())
        batch.write({"state": "failed", "message": "HTTP 422"})
        events = self.tell()
        self.schema.validate(events[1])
        self.assertEqual(events[1]["eventType"], "FAIL")
        self.assertEqual(
            events[1]["run"]["facets"]["errorMessage"]["message"], "HTTP 422"
        )

    def test_an_endpoint_that_is_away_holds_nothing(self):
        batch = self.batch()
        self.answers = [None, TechnicalError("ConnectionError")]
        self.tell()
        self.assertFalse(batch.lineage_run_ids)
        self.assertEqual(self.endpoint.failure_count, 1)
        self.assertEqual(self.target.failure_count, 0)
        self.tell()  # too early
        self.assertEqual(len(self.sent), 1)
        self.endpoint.open_until = fields.Datetime.now() - timedelta(seconds=1)
        self.tell()
        self.assertTrue(batch.lineage_run_ids)
        # The beginning was told twice, under one number.
        numbers = [number for number, _event in self.sent]
        self.assertEqual((len(numbers), len(set(numbers))), (3, 2))
        self.assertEqual(self.endpoint.failure_count, 0)

    def test_it_gets_no_facts(self):
        self.assertFalse(
            self.env["healthcare.delivery"].search(
                [("target_id", "=", self.endpoint.id)]
            )
        )


class TestColumnLineage(LineageCase):
    def test_columns_say_where_they_come_from(self):
        column = type("Column", (), {"source": "data.claim.paid, account.move.state"})
        self.assertEqual(
            lineage.sources(column),
            [(None, "data.claim.paid"), ("account.move", "state")],
        )
        for words in ("", None, "start of the day", "quantity * unit_cost", "end"):
            column.source = words
            self.assertEqual(lineage.sources(column), [])

    def test_what_a_policy_changes_is_masked(self):
        read = [("registration", "adt", "registration.created", "res.partner", 2)]
        _start, end = lineage.run_events(
            {
                "id": str(uuid.uuid4()),
                "database": str(uuid.uuid4()),
                "target": (7, "Warehouse"),
                "url": "https://wh.example.com/in",
                "table": None,
                "began": "2026-03-02T08:00:00Z",
                "ended": "2026-03-02T08:00:01Z",
                "error": None,
                "read": read,
            }
        )
        fields_of = end["outputs"][0]["facets"]["columnLineage"]["fields"]
        for name, column in facts.CATALOGUE["registration"].items():
            for one in fields_of.get(name, {}).get("inputFields", []):
                self.assertEqual(
                    one["transformations"][0]["masking"], column.phi != "none", name
                )
