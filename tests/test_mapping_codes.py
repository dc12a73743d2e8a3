"""What the codes of a source mean, and what waits for a meaning."""

import psycopg2

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .test_format_hl7v2 import ADT
from .test_format_x12 import (
    BALANCED,
    ELIGIBILITY,
    interchange,
    remittance,
    transaction,
)
from .test_mapping_model import GROUP, MappingCase


class TestCodes(MappingCase):
    """What a source's codes mean, and what waits for it."""

    def map_now(self, exception, **meant):
        action = exception.action_map_code()
        wizard = (
            self.env["healthcare.mapping.code"]
            .with_context(**action["context"])
            .create(meant)
        )
        wizard.action_map()
        self.process()
        return wizard

    def test_map_it_now_releases_what_waits_of_this_source(self):
        self.play(self.register("C-1"))
        unknown = [
            self.appointment("booked", "C-1", f"A-{n}", n, services=("THEIR-MRI",))
            for n in (1, 2)
        ]
        other_source = self.env["healthcare.source"].create(
            {"name": "Other", "code": "other", "environment": "sandbox"}
        )
        self.send(*unknown)
        elsewhere = self.appointment("booked", "C-1", "A-3", 3, services=("THEIR-MRI",))
        self.send(elsewhere, source=other_source)
        self.process()
        issues = self.issues("unmapped_code")
        self.assertEqual(len(issues), 3)
        first = issues.filtered(lambda one: one.source_id == self.source)[0]
        self.assertTrue(first.can_map)
        wizard = self.map_now(first, service_id=self.mri.id)
        self.assertEqual((wizard.kind, wizard.code), ("services", "THEIR-MRI"))
        self.assertEqual(self.issues("unmapped_code").source_id, other_source)
        for number in ("A-1", "A-2"):
            self.assertEqual(self.visit(number).line_ids.service_id, self.mri)
        self.assertFalse(self.visit("A-3"))
        # What comes later is understood at once.
        self.play(self.appointment("booked", "C-1", "A-4", 5, services=("THEIR-MRI",)))
        self.assertTrue(self.visit("A-4"))

    def test_payers_supplies_and_facilities(self):
        self.play(self.register("C-2", payer="BCBS"))
        self.map_now(self.issues("missing_payer"), payer_id=self.payer.id)
        coverage = self.patient("C-2").healthcare_coverage_ids
        self.assertEqual(coverage.payer_id, self.payer)
        self.play(
            self.completed(
                "C-2",
                "S-1",
                5,
                charges=[{"code": "T-CONSULT", "quantity": 1}],
                consumables=[{"code": "THEIR-GLOVE", "quantity": 2}],
            )
        )
        self.map_now(self.issues("unmapped_code"), product_id=self.gloves.id)
        self.assertFalse(self.issues("unmapped_code"))
        elsewhere = self.register("C-3")
        elsewhere["data"]["facility"] = "EAST-9"
        self.play(elsewhere)
        issue = self.issues("missing_dependency")
        self.map_now(issue, facility_id=self.facility.id)
        self.assertTrue(self.patient("C-3"))

    def test_order_of_arrival_does_not_matter(self):
        """The meaning first or the event first: the same visit."""
        self.play(self.register("C-4"))
        self.env["healthcare.value.map"].create(
            {
                "source_id": self.source.id,
                "kind": "services",
                "code": "LATER",
                "service_id": self.consult.id,
            }
        )
        self.play(self.appointment("booked", "C-4", "A-9", 1, services=("LATER",)))
        self.assertEqual(self.visit("A-9").line_ids.service_id, self.consult)
        self.assertEqual(self.visit("A-9").state, "booked")

    def test_one_meaning_per_code(self):
        values = {
            "source_id": self.source.id,
            "kind": "services",
            "code": "TWICE",
            "service_id": self.consult.id,
        }
        self.env["healthcare.value.map"].create(values)
        with self.assertRaises(psycopg2.IntegrityError), self.cr.savepoint():
            self.env["healthcare.value.map"].create(values)
        without = {**values, "code": "NONE", "service_id": False}
        with self.assertRaises(psycopg2.IntegrityError), self.cr.savepoint():
            self.env["healthcare.value.map"].create(without)

    def test_codes_cost_one_query_for_many_events(self):
        self.play(self.register("C-5"))
        self.assertBulk(
            lambda number: self.register(f"BULK-{number}", payer=None), per_event=8
        )

    def test_maps_of_messages(self):
        """Issuers of numbers are mapped as the message comes in."""
        self.env["healthcare.value.map"].create(
            {
                "source_id": self.source.id,
                "kind": "identifier_systems",
                "code": "NORTHMRN",
                "to_code": "urn:test:mrn",
            }
        )
        self.receive(*self.their(*ADT))
        self.process()
        self.assertTrue(self.patient("M-1"))

    def test_a_code_without_a_meaning_keeps_a_message_until_it_has_one(self):
        self.source.default_facility_id = self.facility
        claim = [line.replace("CAS*CO*45", "CAS*ZZ*45") for line in BALANCED]
        results = self.receive(format_name="x12", content=remittance(claim))
        self.assertEqual([one.state for one in results], ["taken", "failed"])
        issue = self.issues("unmapped_code")
        self.assertEqual(issue.cause_key, "code/adjustment_groups/ZZ")
        self.assertTrue(issue.can_map)
        self.map_now(issue, to_code="CO")
        self.assertEqual(issue.state, "resolved")
        message = self.message(results[1])
        self.assertEqual(message.state, "taken")
        good = message.event_ids.filtered(lambda one: not one.rejected)
        self.assertEqual(good._content()["claim"]["adjustments"][-1]["group"], "CO")

    def test_operators_map_and_others_do_not(self):
        operator = new_test_user(
            self.env, "map-op", groups=f"base.group_user,{GROUP}operator"
        )
        auditor = new_test_user(
            self.env, "map-au", groups=f"base.group_user,{GROUP}auditor"
        )
        self.play(self.register("C-6"))
        self.play(self.appointment("booked", "C-6", "A-7", 1, services=("NEW",)))
        issue = self.issues("unmapped_code")
        wizards = self.env["healthcare.mapping.code"]
        values = {"exception_id": issue.id, "service_id": self.mri.id}
        with self.assertRaises(AccessError):
            wizards.with_user(auditor).create(values)
        wizards.with_user(operator).create(values).action_map()
        self.process()
        self.assertTrue(self.visit("A-7"))
        with self.assertRaises(AccessError):
            self.draft().with_user(operator).action_activate()

    def test_an_unknown_payer_is_named_before_the_unknown_member(self):
        lines = [line.replace("PAYER-A", "00431") for line in ELIGIBILITY]
        self.source.default_facility_id = self.facility
        self.receive(format_name="x12", content=interchange(transaction("271", lines)))
        self.process()
        issue = self.issues("missing_payer")
        self.assertEqual(issue.cause_key, "payer/00431")
        self.play(self.register("C-8", coverages=[self._member("M-1")]))
        self.map_now(issue, payer_id=self.payer.id)
        coverage = self.patient("C-8").healthcare_coverage_ids
        self.assertEqual((coverage.member_id, coverage.status), ("M-1", "active"))
        self.assertFalse(self.issues().filtered(lambda i: i.source_id == self.source))

    def test_members_are_not_guessed(self):
        """Two people with one member number: neither is taken for the other."""
        self.source.default_facility_id = self.facility
        lines = [line.replace("PAYER-A", "T-PAYER") for line in ELIGIBILITY]
        two = [self._member("M-1"), {**self._member("M-1"), "relationship": "child"}]
        self.play(self.register("C-9", coverages=two[:1]))
        self.play(self.register("C-10", minute=1, coverages=two[:1]))
        self.receive(format_name="x12", content=interchange(transaction("271", lines)))
        self.process()
        self.assertEqual(len(self.issues("missing_dependency")), 1)
        insured = {**self._member("M-1"), "relationship": "self"}
        self.play(self.register("C-9", 2, "updated", coverages=[insured]))
        self.issues("missing_dependency").action_retry()
        self.process()
        self.assertEqual(self.patient("C-9").healthcare_coverage_ids.status, "active")
        self.assertEqual(
            self.patient("C-10").healthcare_coverage_ids.status, "unverified"
        )

    def _member(self, number):
        return {"payer": {"code": "T-PAYER"}, "member_id": number, "priority": 1}
