"""Policies as data: only stricter, with four eyes; what leaves, and a look at it."""

import json
from datetime import date, datetime

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.core import facts

from .common import HealthcareCase, patient_data
from .common import event as envelope

GROUP = "healthcare_connector.group_"


class PolicyCase(HealthcareCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            name: new_test_user(
                cls.env, f"policy-{name}", groups=f"base.group_user,{GROUP}{group}"
            )
            for name, group in (
                ("asker", "administrator"),
                ("approver", "administrator"),
                ("auditor", "auditor"),
                ("operator", "operator"),
            )
        }
        cls.users["reader"] = new_test_user(
            cls.env,
            "policy-reader",
            groups=f"base.group_user,{GROUP}administrator,{GROUP}phi_reader",
        )
        cls.target = cls.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "http://127.0.0.1:9/facts"}
        )
        cls.patient = cls.env["res.partner"].create(
            {"name": "Zephyrine Quillfeather", "healthcare_is_patient": True}
        )

    def as_user(self, record, name):
        return record.with_user(self.users[name])

    def policy(self, base):
        return self.env["healthcare.policy"].search([("base", "=", base)])

    def emit(self, **values):
        self.env["healthcare.fact"]._emit(
            "registration",
            [
                {
                    "document": self.patient,
                    "patient": self.patient,
                    "occurred_at": datetime(2026, 3, 2, 8),
                    "values": {
                        "sex": "female",
                        "birth_date": "1961-07-19",
                        "postal_code": "02138",
                        "country": "US",
                        **values,
                    },
                }
            ],
        )
        return self.env["healthcare.fact"].search([], limit=1)

    def leaving(self, fact, **values):
        target = self.target.copy({"name": "Copy", **values})
        (document,) = target._render(fact)
        (written,) = target._written(fact)
        self.assertEqual(json.loads(written.text), document)
        self.assertEqual(
            (written.key, written.sequence), (document["key"], document["sequence"])
        )
        return document

    def ask_policy(self, base, reason="Asked for by research", **wanted):
        wizard = self.env["healthcare.policy.wizard"].with_user(self.users["asker"])
        wizard = wizard.create({"policy_id": self.policy(base).id, "reason": reason})
        if "smallest_cell" in wanted:
            wizard.smallest_cell = wanted.pop("smallest_cell")
        for phi_class, treatment in wanted.items():
            by_class = wizard.line_ids.grouped("phi_class")
            by_class[phi_class].treatment = treatment
        wizard.action_ask()
        return self.env["healthcare.approval"].search([], limit=1)

    def ask_target(self, **values):
        wizard = self.env["healthcare.target.wizard"].with_user(self.users["asker"])
        wizard.create(
            {"target_id": self.target.id, "reason": "It moved", **values}
        ).action_ask()
        return self.env["healthcare.approval"].search([], limit=1)


class TestPolicies(PolicyCase):
    def test_a_column_is_treated_by_what_it_is_now(self):
        """Not by what it was taken for when the fact was written."""
        fact = self.emit()
        self.assertNotIn("postal_code", fact.columns)
        self.env.cr.execute(
            """UPDATE healthcare_fact SET sealed = NULL,
            columns = columns || '{"postal_code": "12345"}' WHERE id = %s""",
            [fact.id],
        )
        self.env.invalidate_all()
        self.assertEqual(self.leaving(fact)["postal_code"], "123")
        limited = self.leaving(fact, policy="limited")
        self.assertEqual(limited["postal_code"], "12345")
        self.env.cr.execute(
            """UPDATE healthcare_fact SET columns = columns || '{"nobody_knows": 1}'
            WHERE id = %s""",
            [fact.id],
        )
        self.env.invalidate_all()
        with self.assertRaises(ValueError):
            self.target._written(fact)

    def test_the_envelope_is_that_of_the_record(self):
        """What PostgreSQL writes of it is what the ORM reads."""
        company = self.env.company
        company.name = 'Saint "Élan"\\ & Söhne\n'
        facility = self.env["healthcare.facility"].create(
            {"name": "North", "code": 'N"1', "company_id": company.id}
        )
        line = self.env["healthcare.service.line"].create({"name": "x", "code": "Ł\t"})
        event = self.events(
            self.send(envelope("patient.registered", patient_data("E-1")))
        )
        self.assertTrue(event)
        self.env.cr.execute(
            "UPDATE healthcare_event SET correlation_id = %s WHERE id = %s",
            ['odd "one"\x01\x7f\u2028', event.id],
        )
        self.env.invalidate_all()
        rows = [
            {"document": self.patient, "event": event, "facility": facility},
            {"document": event, "service_line": line, "key": 'k"\\'},
            {"document": facility, "patient": self.patient, "operation": "delete"},
        ]
        moments = (
            datetime(2026, 3, 2, 8, 0, 0, 120000),
            datetime(1999, 12, 31, 23, 59, 59, 1),
            datetime(2026, 1, 1),
        )
        for row, moment in zip(rows, moments, strict=True):
            row.update(values={"state": "posted"}, occurred_at=moment)
        self.env["healthcare.fact"]._emit("invoice", rows)
        found = self.env["healthcare.fact"].search([], limit=3).sorted("id")
        target = self.target.copy({"name": "Copy", "policy": "limited"})
        names = set(facts.ENVELOPE) - {"patient_key"}
        for fact, document in zip(found, target._render(found), strict=True):
            there = fact.event_id
            self.assertEqual(
                {name: document[name] for name in names},
                {
                    "fact_id": fact.fact_id,
                    "fact_type": "invoice",
                    "schema_version": fact.schema_version,
                    "operation": fact.operation,
                    "key": fact.key,
                    "sequence": fact.sequence,
                    "occurred_at": fact.occurred_at.isoformat() + "Z",
                    "recorded_at": fact.recorded_at.isoformat() + "Z",
                    "company": fact.company_id.name,
                    "facility": fact.facility_id.code or None,
                    "service_line": fact.service_line_id.code or None,
                    "lineage_event": there.uuid or None,
                    "lineage_correlation": there.correlation_id or None,
                    "lineage_document": f"{fact.res_model},{fact.res_id}",
                },
            )
            self.assertEqual(bool(document["patient_key"]), bool(fact.partner_id))
            self.assertEqual(list(document)[:12], list(facts.ENVELOPE)[:12])
        self.assertEqual([one.occurred_at for one in found], list(moments))

    def test_the_contract_is_shipped(self):
        fact = self.emit()
        document = self.leaving(fact)
        self.assertEqual(
            (document["birth_date"], document["postal_code"], document["occurred_at"]),
            ("1961", "021", "2026"),
        )
        limited = self.leaving(fact, policy="limited")
        self.assertEqual(limited["birth_date"], "1961-07-19")
        self.assertEqual(limited["postal_code"], "02138")
        self.assertEqual(limited["occurred_at"], "2026-03-02T08:00:00Z")

    def test_limited_knows_a_patient_by_a_keyed_pseudonym(self):
        fact = self.emit()
        self.target.policy = "limited"
        first, again = (self.target._render(fact)[0]["patient_key"] for _n in "12")
        self.assertEqual(first, again)
        self.assertEqual(len(first), 32)
        other = self.leaving(fact, policy="limited")["patient_key"]
        self.assertNotEqual(first, other, "another target knows another")
        stored = self.env["healthcare.surrogate"].search_count(
            [("partner_id", "=", self.patient.id)]
        )
        self.assertEqual(stored, 0, "computed, not kept")
        # With another keyring nobody gets the same; nor in another database.
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("database.uuid", "another")
        elsewhere = self.target._patient_keys(
            self.patient.ids, self.env["healthcare.policy"]._in_force("limited")
        )
        self.assertNotEqual(elsewhere[self.patient.id], first)
        self._use_keyring()
        anew = self.target._patient_keys(
            self.patient.ids, self.env["healthcare.policy"]._in_force("limited")
        )
        self.assertNotEqual(anew, elsewhere)

    def test_a_policy_is_never_weaker_than_its_contract(self):
        rules = self.policy("safe_harbor").rule_ids
        for phi_class, treatment in (
            ("date", "month"),
            ("birth_date", "keep"),
            ("postal_code", "keep"),
            ("name", "keep"),
            ("surrogate", "keyed"),
            ("postal_code", "year"),
        ):
            rule = rules.filtered(lambda one, c=phi_class: one.phi_class == c)
            with self.assertRaises(ValidationError):
                rule.treatment = treatment
                self.env.flush_all()
            with self.assertRaises(ValidationError):
                self.ask_policy("safe_harbor", **{phi_class: treatment})
        with self.assertRaises(ValidationError):
            self.ask_policy("safe_harbor", smallest_cell=10)
        self.assertFalse(self.env["healthcare.approval"].search([]))

    def test_stricter_rules_count_once_approved(self):
        fact = self.emit()
        change = self.ask_policy(
            "limited", birth_date="decade", date="shift", postal_code="zip3"
        )
        document = self.leaving(fact, policy="limited")
        self.assertEqual(document["birth_date"], "1961-07-19", "not approved yet")
        self.as_user(change, "approver").action_approve()
        document = self.leaving(fact, policy="limited")
        self.assertRegex(document["birth_date"], r"^\d0-\d9$")
        self.assertEqual(document["postal_code"], "021")
        moved = date.fromisoformat(document["occurred_at"][:10])
        self.assertTrue(1 <= (date(2026, 3, 2) - moved).days <= 364)
        self.assertEqual(document["occurred_at"][10:], "T08:00:00Z")
        self.assertIn("Birth date: Leaves as it is → Age in tens", change.summary)
        self.assertEqual(self.policy("limited").stricter_count, 3)
        # Back to the contract is a change as any other.
        back = self.ask_policy("limited", birth_date="keep", date="keep")
        self.as_user(back, "approver").action_approve()
        self.assertEqual(
            self.leaving(fact, policy="limited")["birth_date"], "1961-07-19"
        )

    def test_a_patient_elsewhere_has_no_zip_code(self):
        fact = self.emit(postal_code="10115", country="DE")
        self.assertIsNone(self.leaving(fact)["postal_code"])

    def test_small_cells(self):
        facility = self.env["healthcare.facility"].search([], limit=1)
        cell = {
            "payer": "PAYER-A",
            "day": "2026-03-02",
            "charges": "800.00",
            "denials": 1,
            "patients": 20,
            "patients_smallest": 3,
            "suppressed": False,
            "currency": "USD",
        }
        self.env["healthcare.fact"]._emit(
            "financial_summary",
            [{"document": facility, "facility": facility, "values": cell}],
        )
        fact = self.env["healthcare.fact"].search([], limit=1)
        document = self.leaving(fact)
        self.assertIs(document["suppressed"], True)
        for name in ("charges", "denials", "patients", "patients_smallest"):
            self.assertIsNone(document[name], name)
        self.assertEqual(document["payer"], "PAYER-A")
        self.assertEqual(document["day"], "2026-03-02")
        limited = self.leaving(fact, policy="limited")
        self.assertEqual((limited["charges"], limited["suppressed"]), ("800.00", False))
        change = self.ask_policy("limited", smallest_cell=4)
        self.as_user(change, "approver").action_approve()
        self.assertIsNone(self.leaving(fact, policy="limited")["charges"])


class TestFourEyes(PolicyCase):
    def test_a_target_changes_by_approval_only(self):
        mine = self.as_user(self.target, "asker")
        for values in (
            {"policy": "limited"},
            {"policy_approver_id": self.users["asker"].id},
            {"approval": "approved"},
        ):
            with self.assertRaises(UserError):
                mine.write(values)
        mine.write({"name": "Warehouse 2", "url": self.target.url})
        change = self.ask_target(policy="identified")
        self.assertEqual(self.target.policy, "safe_harbor")
        self.assertEqual(change.requested_by_id, self.users["asker"])
        with self.assertRaises(UserError):
            self.as_user(change, "asker").action_approve()
        with self.assertRaises(AccessError):
            self.as_user(change, "operator").action_approve()
        with self.assertRaises(AccessError):
            self.as_user(change, "approver").write({"state": "approved"})
        self.as_user(change, "approver").action_approve()
        self.assertEqual(self.target.policy, "identified")
        self.assertEqual(self.target.policy_approver_id, self.users["approver"])
        self.assertEqual(
            (change.before["policy"], change.after["policy"], change.decided_by_id),
            ("safe_harbor", "identified", self.users["approver"]),
        )
        self.assertTrue(change.decided_at)
        with self.assertRaises(UserError):
            self.as_user(change, "approver").action_approve()
        # Away from identified nobody is named any more.
        self.as_user(self.ask_target(policy="limited"), "approver").action_approve()
        self.assertFalse(self.target.policy_approver_id)

    def test_refused_and_withdrawn(self):
        change = self.ask_target(url="http://127.0.0.1:9/new")
        with self.assertRaises(UserError):
            self.as_user(change, "approver").action_withdraw()
        self.as_user(change, "asker").action_withdraw()
        change = self.ask_target(url="http://127.0.0.1:9/new")
        refuse = self.as_user(change, "approver").action_open_refuse()["context"]
        self.env["healthcare.approval.wizard"].with_user(
            self.users["approver"]
        ).with_context(**refuse).create({"reason": "Not that way"}).action_refuse()
        self.assertEqual(change.answer, "Not that way")
        self.assertEqual(self.target.url, "http://127.0.0.1:9/facts")
        self.assertEqual(change.state, "refused")

    def test_what_changed_meanwhile_is_asked_for_anew(self):
        change = self.ask_target(policy="limited")
        self.target.url = "http://127.0.0.1:9/by-the-system"
        with self.assertRaises(UserError):
            self.as_user(change, "approver").action_approve()

    def test_a_new_target_gets_nothing_before_it_is_approved(self):
        target = (
            self.env["healthcare.target"]
            .with_user(self.users["asker"])
            .create(
                {
                    "name": "New",
                    "url": "http://127.0.0.1:9/new",
                    "policy": "identified",
                    "policy_approver_id": self.users["asker"].id,
                }
            )
        )
        self.assertEqual(target.approval, "waiting")
        self.assertFalse(target.policy_approver_id)
        self.emit()
        self.env.flush_all()
        self.assertEqual(target.pending_count, 1, "nothing is lost meanwhile")
        self.assertFalse(target.sudo()._may_send())
        with self.assertRaises(UserError):
            target.action_send_test()
        self.assertFalse(target.can_decide)
        theirs = self.as_user(target, "approver")
        self.assertTrue(theirs.can_decide)
        theirs.action_approve_change()
        self.assertEqual(target.approval, "approved")
        self.assertEqual(target.policy_approver_id, self.users["approver"])
        self.assertTrue(target.sudo()._may_send())

    def test_safe_harbor_is_sent_where_one_administrator_says(self):
        targets = self.env["healthcare.target"].with_user(self.users["asker"])
        target = targets.create({"name": "New", "url": "http://127.0.0.1:9/new"})
        self.assertEqual(target.approval, "approved")
        target.url = "http://127.0.0.1:9/moved"
        self.assertTrue(target.sudo()._may_send())
        with self.assertRaises(UserError):
            target.policy = "limited"
        target.sudo().policy = "limited"
        with self.assertRaises(UserError):
            target.url = "http://127.0.0.1:9/elsewhere"


class TestPreview(PolicyCase):
    def preview(self, name="reader", **values):
        previews = self.env["healthcare.policy.preview"].with_user(self.users[name])
        return previews.create({"target_id": self.target.id, **values})

    def test_it_shows_exactly_what_leaves(self):
        fact = self.emit()
        preview = self.preview()
        self.assertEqual(preview.fact_id, fact)
        (document,) = self.target._render(fact)
        shown = {line.name: line.leaving for line in preview.line_ids}
        self.assertEqual(
            shown,
            {
                name: "" if value is None else str(value)
                for name, value in document.items()
            },
        )
        lines = {line.name: line for line in preview.line_ids}
        self.assertEqual(lines["birth_date"].here, "1961-07-19")
        self.assertEqual(lines["birth_date"].kind, "changed")
        self.assertIn("Year", lines["birth_date"].why)
        self.assertEqual(lines["sex"].kind, "same")
        read = self.env["healthcare.payload.access"].search([], limit=1)
        self.assertEqual((read.fact_id, read.user_id), (fact, self.users["reader"]))

    def test_who_may_not_read_patient_data_does_not(self):
        self.emit()
        lines = {one.name: one for one in self.preview("asker").line_ids}
        self.assertEqual(lines["birth_date"].here, "••••")
        self.assertEqual(lines["birth_date"].leaving, "1961")
        self.target.policy = "limited"
        text = str(self.preview("asker").line_ids.read(["here", "leaving"]))
        self.assertNotIn("1961", text)
        self.assertNotIn("02138", text)
        for name in ("operator", "auditor"):
            with self.assertRaises(AccessError):
                self.preview(name)

    def test_of_a_policy_alone_and_of_every_type(self):
        self.emit()
        policy = self.policy("limited")
        preview = self.preview(target_id=False, policy_id=policy.id)
        lines = {one.name: one.leaving for one in preview.line_ids}
        self.assertEqual(lines["birth_date"], "1961-07-19")
        self.assertEqual(lines["patient_key"], "…")
        for fact_type in facts.CATALOGUE:
            self.assertIsNotNone(self.preview(fact_type=fact_type).held_back)


class TestCatalogue(PolicyCase):
    def test_it_is_what_the_code_says(self):
        found = self.env["healthcare.fact.column"].search([])
        self.assertEqual(
            {(one.fact_type, one.name) for one in found},
            {
                (fact_type, name)
                for fact_type, columns in {
                    "every": facts.ENVELOPE,
                    **facts.CATALOGUE,
                }.items()
                for name in columns
            },
        )
        found[0].meaning = "something else"
        found[1].name = "nothing of the catalogue"
        self.env["healthcare.fact.column"]._sync()
        again = self.env["healthcare.fact.column"].search([])
        self.assertEqual(len(again), len(found))
        self.assertNotIn("something else", again.mapped("meaning"))
