"""Every category: raised from outside, solved by its cause going away and by a person.

One line of the table below per category. ``raise_*`` brings it about by events alone
(or by their absence, or a target's refusal) and returns what is held back, if anything;
``heal_*`` lets the cause go away; ``person_*`` is what somebody clicks.
"""

import os
import tempfile
from collections import namedtuple
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.core import errors
from odoo.addons.healthcare_connector.core.protection.encryption import Keyring
from odoo.addons.healthcare_connector.models.exchange.keyring import (
    ENVIRONMENT_VARIABLE,
)
from odoo.addons.healthcare_connector.models.governance.exception import CATEGORIES

from .common import patient_data
from .delivery_common import Endpoint
from .test_workflow_claim import ClaimCase
from .workflow_common import event

GROUP = "healthcare_connector.group_"

# How it ends: resolution when the cause goes away and when a person decides, then the
# states of the event held back (None: it holds nothing back).
Row = namedtuple("Row", "healed by_person event_healed event_by_person")
HELD, WAIVED = ("done", "discarded"), "waived"
TABLE = {
    "missing_payer": Row("cause_gone", "cause_gone", "done", "done"),
    "authorization_gap": Row("cause_gone", WAIVED, *HELD),
    "stock_shortage": Row("cause_gone", WAIVED, None, None),
    "invoice_mismatch": Row("cause_gone", "retried", "done", "done"),
    "payment_mismatch": Row("cause_gone", WAIVED, *HELD),
    "remittance_out_of_balance": Row("superseded", "corrected", "discarded", "done"),
    "duplicate_service": Row("cause_gone", WAIVED, *HELD),
    "duplicate_patient": Row("cause_gone", "cause_gone", None, None),
    "delayed_payment": Row("cause_gone", WAIVED, None, None),
    "unmapped_code": Row("cause_gone", "cause_gone", "done", "done"),
    "schema_mismatch": Row("superseded", "corrected", "discarded", "done"),
    "missing_dependency": Row("cause_gone", WAIVED, *HELD),
    "retry_exhausted": Row("cause_gone", "retried", "done", "done"),
    "delivery_failed": Row("cause_gone", WAIVED, None, None),
    "source_silent": Row("cause_gone", WAIVED, None, None),
}


class TestExceptionCategories(ClaimCase):
    account = endpoint = target = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = new_test_user(
            cls.env,
            "test-desk",
            groups=f"base.group_user,base.group_partner_manager,"
            f"product.group_product_manager,{GROUP}finance,{GROUP}administrator,"
            f"{GROUP}phi_reader",
        )

    def test_the_table_is_complete(self):
        self.assertEqual(set(TABLE), {category for category, _label in CATEGORIES})
        self.assertEqual(set(TABLE), set(errors.CATEGORIES))

    def check(self, category, by_person):
        row = TABLE[category]
        held = getattr(self, f"raise_{category}")()
        issue = self.issues(category)
        self.assertEqual(len(issue), 1, self.issues().mapped("reason"))
        self.assertEqual(issue.blocks_event, bool(held))
        self.assertTrue(issue.reason)
        self.assertTrue(issue.next_step)
        self.assertTrue(issue.user_id)
        self.assertTrue(issue.deadline)
        self.assertEqual(self.told(issue), ["open"])
        if held:
            self.assertEqual(held.state, "exception")
            self.assertEqual(issue.event_id, held)
        if by_person:
            getattr(self, f"person_{category}")(issue.with_user(self.person))
        else:
            getattr(self, f"heal_{category}")()
        self.process()
        self.env.invalidate_all()
        resolution = row.by_person if by_person else row.healed
        waived = resolution == WAIVED
        self.assertEqual(issue.state, "waived" if waived else "resolved")
        self.assertEqual(issue.resolution, resolution)
        self.assertTrue(issue.resolved_at)
        self.assertTrue(issue.resolved_by_id)
        if waived:
            self.assertEqual(issue.resolved_by_id, self.person)
            self.assertEqual(issue.waive_reason, "Agreed")
        state = row.event_by_person if by_person else row.event_healed
        if held:
            self.assertEqual(held.state, state)
        self.assertEqual(self.told(issue), ["open", issue.state])
        self.assertFalse(self.issues(category))

    def told(self, issue):
        """Return the states that facts told of an exception."""
        facts = self.env["healthcare.fact"].search(
            [("fact_type", "=", "exception"), ("res_id", "=", issue.id)],
            order="sequence",
        )
        return [fact.columns["state"] for fact in facts]

    def waive(self, issue):
        wizards = self.env["healthcare.waive.wizard"].with_user(self.person)
        wizards.create(
            {"exception_ids": [(6, 0, issue.ids)], "reason": "Agreed"}
        ).action_waive()

    def make(self, issue, **values):
        action = issue.action_fix()
        self.env[action["res_model"]].with_user(self.person).with_context(
            **action["context"]
        ).create(values).action_make()

    def correct(self, issue, old, new):
        wizards = self.env["healthcare.correct.wizard"].with_user(self.person)
        values = {"exception_ids": [(6, 0, issue.ids)], "reason": "Typing error"}
        content = wizards.new(values).content
        self.assertIn(old, content)
        wizards.create({**values, "content": content.replace(old, new)})

    # -- missing_payer ----------------------------------------------------------

    def raise_missing_payer(self):
        return self.play(self.register("X1", payer="T-NEW"))

    def heal_missing_payer(self):
        self.env["res.partner"].create(
            {
                "name": "New payer",
                "healthcare_is_payer": True,
                "healthcare_payer_code": "T-NEW",
            }
        )

    def person_missing_payer(self, issue):
        existing = self.env["res.partner"].create(
            {"name": "Known already", "is_company": True}
        )
        self.make(issue, choice="existing", payer_id=existing.id)
        self.assertEqual(existing.healthcare_payer_code, "T-NEW")

    # -- authorization_gap ------------------------------------------------------

    def authorization(self, kind, minute):
        data = {
            "facility": "T-EAST",
            "patient": self.patient_ref("K1"),
            "authorization": {"number": "A1"},
            "appointment_id": "V1",
            "payer": {"code": "T-PAYER"},
        }
        return event(f"authorization.{kind}", data, time=self.at(minute))

    def raise_authorization_gap(self):
        self.mri.authorization_required = True
        self.play(self.appointment("booked", "K1", "V1", 10))
        return self.play(self.completed("K1", "SV1", 60, "V1"))

    def heal_authorization_gap(self):
        self.play(self.authorization("approved", 20))

    def person_authorization_gap(self, issue):
        self.waive(issue)

    # -- stock_shortage ---------------------------------------------------------

    def raise_stock_shortage(self):
        self._stock(self.contrast, 0)
        self.play(self.appointment("confirmed", "K1", "V1", 10))

    def heal_stock_shortage(self):
        self._stock(self.contrast, 10)

    def person_stock_shortage(self, issue):
        self.waive(issue)

    # -- invoice_mismatch -------------------------------------------------------

    def raise_invoice_mismatch(self):
        self.play(self.completed("K1", "SV1", 60))
        self.account = self.company.healthcare_account_co_id
        self.company.healthcare_account_co_id = False
        return self.play(self.decided())

    def heal_invoice_mismatch(self):
        self.company.healthcare_account_co_id = self.account

    def person_invoice_mismatch(self, issue):
        # By hand, without telling anybody.
        self.env.cr.execute(
            "UPDATE res_company SET healthcare_account_co_id = %s WHERE id = %s",
            [self.account.id, self.company.id],
        )
        self.company.invalidate_recordset()
        issue.action_retry()

    # -- payment_mismatch -------------------------------------------------------

    def raise_payment_mismatch(self):
        return self.play(self.payment("PAY1", "800.00", 90, "K1"))

    def heal_payment_mismatch(self):
        self.play(self.completed("K1", "SV1", 60))

    def person_payment_mismatch(self, issue):
        self.waive(issue)

    # -- remittance_out_of_balance ----------------------------------------------

    def raise_remittance_out_of_balance(self):
        self.play(self.completed("K1", "SV1", 60))
        return self.play(self.decided(paid="500.00"))

    def heal_remittance_out_of_balance(self):
        self.play(self.decided(minute=130))
        self.engine._cron_sweep()

    def person_remittance_out_of_balance(self, issue):
        self.correct(issue, '"500.00"', '"600.00"')

    # -- duplicate_service ------------------------------------------------------

    def raise_duplicate_service(self):
        self.play(self.completed("K1", "SV1", 60))
        return self.play(self.completed("K1", "SV1", 61))

    def heal_duplicate_service(self):
        self.bill().button_draft()
        self.bill().unlink()
        first = self.env["healthcare.completion"].search([("identifier", "=", "SV1")])
        first.unlink()
        self.engine._cron_sweep()

    def person_duplicate_service(self, issue):
        self.waive(issue)

    # -- duplicate_patient ------------------------------------------------------

    def raise_duplicate_patient(self):
        twin = {
            "name": {"family": "Vandermeulen", "given": ["Isolde"]},
            "phones": ["5550100"],
        }
        self.play(*(self.register(mrn, 5, patient=twin) for mrn in ("D1", "D2")))

    def heal_duplicate_patient(self):
        data = {
            "facility": "T-EAST",
            "survivor": self.patient_ref("D1"),
            "retired": self.patient_ref("D2"),
        }
        self.play(event("patient.merged", data, time=self.at(30)))

    def person_duplicate_patient(self, issue):
        action = issue.action_open_merge()
        wizards = self.env["healthcare.merge.wizard"].with_user(self.person)
        wizards.with_context(**action["context"]).create(
            {"reason": "Same card"}
        ).action_merge()

    # -- delayed_payment --------------------------------------------------------

    def raise_delayed_payment(self):
        self.play(self.completed("K1", "SV1", 60))
        self.env["account.move"]._cron_healthcare_delayed_payments()

    def heal_delayed_payment(self):
        self.play(self.payment("PAY1", "800.00", 200, "K1"))

    def person_delayed_payment(self, issue):
        self.waive(issue)

    # -- unmapped_code ----------------------------------------------------------

    def raise_unmapped_code(self):
        return self.play(
            self.appointment("booked", "K1", "V1", 10, services=["T-UNKNOWN"])
        )

    def heal_unmapped_code(self):
        self._service("T-UNKNOWN", 50.0, {})

    def person_unmapped_code(self, issue):
        self.make(issue, name="Ultrasound", price=90.0)
        service = self.env["healthcare.service"].search([("code", "=", "T-UNKNOWN")])
        self.assertEqual((service.name, service.list_price), ("Ultrasound", 90.0))

    # -- schema_mismatch --------------------------------------------------------

    def raise_schema_mismatch(self):
        bad = patient_data("X2", birth_date="Unsinn", facility="T-EAST")
        receipts = self.send(event("registration.created", bad, id="bad-1"))
        return self.events(receipts)

    def heal_schema_mismatch(self):
        good = patient_data("X2", birth_date="1950-01-31", facility="T-EAST")
        self.play(event("registration.created", good, id="bad-1"))

    def person_schema_mismatch(self, issue):
        self.correct(issue, "Unsinn", "1950-01-31")

    # -- missing_dependency -----------------------------------------------------

    def raise_missing_dependency(self):
        return self.play(self.appointment("booked", "X3", "V1", 10))

    def heal_missing_dependency(self):
        self.play(self.register("X3"))

    def person_missing_dependency(self, issue):
        self.waive(issue)

    # -- retry_exhausted --------------------------------------------------------

    def raise_retry_exhausted(self):
        """The keys of an event are gone from this server."""
        self.patch(type(self.engine), "_wake_at", lambda *args: None)
        receipts = self.send(self.register("X4"))
        held = self.events(receipts)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        other = os.path.join(folder.name, "other.json")
        Keyring.generate_file(other)
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: other}):
            for _attempt in range(held.type_id.max_attempts):
                self.env.cr.postcommit.data.pop("healthcare.contents", None)
                self.env.cr.execute(
                    "UPDATE healthcare_event SET run_after = NULL WHERE id = %s",
                    held.ids,
                )
                held.invalidate_recordset()
                self.process()
        self.env.cr.postcommit.data.pop("healthcare.contents", None)
        return held

    def heal_retry_exhausted(self):
        self.engine._cron_retry_exhausted()
        self.process()
        self.assertTrue(self.issues("retry_exhausted"), "not before an hour is over")
        self.env.cr.execute(
            "UPDATE healthcare_sync_log SET date = date - interval '61 minutes'"
        )
        self.engine._cron_retry_exhausted()

    def person_retry_exhausted(self, issue):
        issue.action_retry()

    # -- delivery_failed --------------------------------------------------------

    def deliver(self):
        self.env.flush_all()
        self.target.open_until = fields.Datetime.now() - timedelta(seconds=1)
        with self.enter_registry_test_mode():
            self.env.ref("healthcare_connector.cron_deliver").method_direct_trigger()
        self.env.invalidate_all()

    def raise_delivery_failed(self):
        self.endpoint = Endpoint()
        self.addCleanup(self.endpoint.close)
        self.patch(
            type(self.env["healthcare.delivery"]), "_await_probe", lambda *args: False
        )
        self.target = self.env["healthcare.target"].create(
            {"name": "Warehouse", "url": self.endpoint.url}
        )
        self.play(self.register("X5"))
        self.endpoint.answers = [403]
        self.deliver()

    def heal_delivery_failed(self):
        self.deliver()
        self.assertFalse(self.target.refused)

    def person_delivery_failed(self, issue):
        """The refused batch is given up, so that what came later goes on."""
        self.waive(issue)
        batch = self.env["healthcare.delivery.batch"].search(
            [("target_id", "=", self.target.id)], limit=1
        )
        self.assertEqual(batch.state, "failed")
        self.deliver()
        self.assertFalse(self.target.pending_count)
        self.assertEqual(len(self.endpoint.requests), 2)

    # -- source_silent ----------------------------------------------------------

    def raise_source_silent(self):
        self.source.expected_silence = 6
        self.env["healthcare.source"]._cron_silence()
        self.assertFalse(self.issues("source_silent"))
        self.env.cr.execute(
            """UPDATE healthcare_event SET received_at = received_at
            - interval '7 hours' WHERE source_id = %s""",
            self.source.ids,
        )
        for _hour in range(2):
            self.env["healthcare.source"]._cron_silence()

    def heal_source_silent(self):
        self.send(self.register("X6"))

    def person_source_silent(self, issue):
        self.waive(issue)
        self.env["healthcare.source"]._cron_silence()
        self.assertFalse(self.issues("source_silent"), "decided: not asked again")
        self.assertTrue(self.source.silent_since)
        self.send(self.register("X6"))
        self.assertFalse(self.source.silent_since, "watched again")


def _add_tests():
    """Give each category a test of its own for either way."""
    for category in TABLE:
        for by_person in (False, True):

            def test(self, category=category, by_person=by_person):
                self.check(category, by_person)

            way = "by_a_person" if by_person else "by_itself"
            setattr(TestExceptionCategories, f"test_{category}_{way}", test)


_add_tests()
