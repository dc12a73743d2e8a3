"""The test bench: what a draft makes of messages, and who may see it."""

from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .test_format_hl7v2 import ADT, SIU
from .test_mapping_model import GROUP, MappingCase


class TestBench(MappingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = f"base.group_user,{GROUP}administrator"
        cls.admin = new_test_user(cls.env, "bench-admin", groups=groups)
        cls.reader = new_test_user(
            cls.env, "bench-reader", groups=f"{groups},{GROUP}phi_reader"
        )

    def bench(self, mapping, user, **values):
        return (
            self.env["healthcare.mapping.bench"]
            .with_user(user)
            .create({"mapping_id": mapping.id, **values})
        )

    def test_a_recent_message_shows_result_errors_and_difference(self):
        (result,) = self.receive(*self.their(*ADT))
        mapping = self.draft()
        self.row(mapping, "account_number").write({"mode": "value", "value": "X-1"})
        message = self.message(result)
        bench = self.bench(mapping, self.reader, message_id=message.id)
        bench.action_try()
        self.assertIn("Quillfeather", bench.result)
        self.assertIn("valid", bench.summary)
        self.assertIn("/data/account_number", bench.summary)
        reading = self.env["healthcare.payload.access"].search([], limit=1)
        self.assertEqual((reading.message_id, reading.user_id), (message, self.reader))
        self.row(mapping, "patient.birth_date").write(
            {"mode": "value", "value": "soon", "transforms": False}
        )
        bench.invalidate_recordset()
        self.assertIn("would be refused", bench.summary)
        self.assertIn("/data/patient/birth_date", bench.summary)

    def test_what_is_pasted_is_encrypted(self):
        mapping = self.draft()
        bench = self.bench(mapping, self.reader, pasted="\n".join(self.their(*ADT)))
        bench.action_try()
        self.assertIn("Quillfeather", bench.result)
        self.env.flush_all()
        self.env.cr.execute("SELECT * FROM healthcare_mapping_bench")
        self.assertNotIn("Quillfeather", str(self.env.cr.fetchall()))
        bench = self.bench(mapping, self.reader, pasted="\n".join(SIU))
        bench.action_try()
        self.assertIn("another kind", bench.summary)
        bench = self.bench(mapping, self.reader, pasted="nonsense")
        bench.action_try()
        self.assertIn("cannot be read", bench.summary)

    def test_only_readers_see_messages(self):
        (result,) = self.receive(*self.their(*ADT))
        message = self.message(result)
        bench = self.bench(self.draft(), self.admin, message_id=message.id)
        with self.assertRaises(AccessError):
            bench.action_try()
        bench.tried = True
        self.assertFalse(bench.result)
        self.assertFalse(bench.summary)
        with self.assertRaises(AccessError):
            message.with_user(self.admin).action_open_content()
        self.env["healthcare.sitting"].with_user(self.reader)._begin("interface")
        viewer = (
            self.env["healthcare.message.viewer"]
            .with_user(self.reader)
            .create({"message_id": message.id})
        )
        self.assertIn("PID|1||M-1", viewer.content)
        self.assertIn("\nPID", viewer.content)

    def test_messages_about_another_company_stay_closed(self):
        (result,) = self.receive(*self.their(*ADT))
        company = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "bench-stranger",
            groups=f"base.group_user,{GROUP}administrator,{GROUP}phi_reader",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        message = self.message(result).with_user(stranger)
        with self.assertRaises(AccessError):
            message._readable()
        bench = self.bench(self.draft(), stranger, message_id=message.id)
        with self.assertRaises(AccessError):
            bench.action_try()

    def test_the_last_messages_are_compared_by_counts(self):
        for number in range(3):
            self.receive(
                *[line.replace("M-1^", f"M-{number}^") for line in self.their(*ADT)]
            )
        no_account = self.their(*ADT)
        no_account[2] = no_account[2].replace("|ACC-9", "|").replace("M-1^", "M-7^")
        self.receive(*no_account)
        mapping = self.draft()
        bench = self.bench(mapping, self.admin)
        bench.action_try_last()
        self.assertIn("Same result", bench.report)
        self.assertIn("4", bench.report)
        self.row(mapping, "account_number").required = "yes"
        bench.action_try_last()
        self.assertIn("Newly failing", bench.report)
        self.assertNotIn("Quillfeather", bench.report)
        counts, _places = bench._compare(
            self.env["healthcare.message"].search([("kind", "=", "ADT^A04")])
        )
        self.assertEqual((counts["same"], counts["failing"]), (3, 1))
