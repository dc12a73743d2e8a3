"""One value of many refused or parked events corrected at once."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, new_test_user

from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.core.contract import corrections, fault_words

from .test_replay import GROUP, ReplayCase


class TestCorrections(BaseCase):
    def test_values_and_corrected_copies(self):
        event = {"data": {"coverages": [{"payer": {"code": "A"}}, {"payer": {}}]}}
        place = "/data/coverages/*/payer/code"
        self.assertEqual(corrections.values(event, place), ["A", corrections.MISSING])

        def only_a(old):
            return "B" if old == "A" else corrections.KEEP

        new = corrections.corrected(event, place, only_a)
        self.assertEqual(corrections.values(new, place), ["B", corrections.MISSING])
        self.assertEqual(corrections.values(event, place)[0], "A")
        self.assertIsNone(corrections.corrected(new, place, only_a))
        self.assertEqual(
            corrections.corrected({"data": {}}, "/data/a/b", lambda _old: 1),
            {"data": {"a": {"b": 1}}},
        )
        self.assertIsNone(
            corrections.corrected({"data": {}}, place, lambda _old: "C"),
            "A list that is not there has no entries to set",
        )

    def test_what_people_write(self):
        asked = fault_words.members("registration.created", "1.0")
        for place, text, value in (
            ("/data/patient/name/given", "Ada, Marie", ["Ada", "Marie"]),
            ("/data/patient/birth_date", " 1950-01-31 ", "1950-01-31"),
            ("/data/coverages/*/priority", "2", 2),
        ):
            self.assertEqual(corrections.parse(text, asked[place].schema), value)
        self.assertIs(corrections.parse("Yes", {"type": "boolean"}), True)
        with self.assertRaises(corrections.InputError):
            corrections.parse("first", asked["/data/coverages/*/priority"].schema)


class TestCorrectMany(ReplayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = new_test_user(
            cls.env,
            "test-many-reader",
            groups=f"base.group_user,{GROUP}operator,{GROUP}phi_reader",
        )

    def refuse(self, births):
        """Send registrations with these birth dates; return the refused events."""
        return self.events(
            self.send(
                *(
                    self.register(f"B{number}", patient={"birth_date": birth})
                    for number, birth in enumerate(births)
                )
            )
        )

    def wizard(self, events, user):
        ones = events.exception_ids.with_user(user)
        action = ones.action_open_correct_many()
        return self.env[action["res_model"]].with_user(user).browse(action["res_id"])

    def preview(self, wizard):
        action = wizard.action_preview()
        return self.jobs.with_user(wizard.env.user).browse(action["res_id"])

    def test_refused_at_the_same_place_is_one_problem(self):
        self.refuse(["31.01.1950", "gestern"])
        self.send(self.register("C1", patient={"name": {"family": "Q"}}))
        self.env.flush_all()
        opened, _closed = self.env["healthcare.exception.cause"]._sync()
        self.assertEqual(sorted(opened.mapped("exception_count")), [1, 2])
        big = opened.filtered(lambda cause: cause.exception_count == 2)
        self.assertIn("The patient's birth date is not a date.", big.name)
        self.assertTrue(big.can_correct)
        wizard = self.env["healthcare.correct.many.wizard"].browse(
            big.action_open_correct_many()["res_id"]
        )
        self.assertEqual(wizard.place_id.name, "The patient's birth date")

    def test_by_what_it_is_now_with_a_look_first(self):
        events = self.refuse(["31.01.1950", "31.01.1950", "gestern"])
        wizard = self.wizard(events, self.reader)
        wizard.action_show_values()
        readings = self.env["healthcare.payload.access"].search(
            [("event_id", "in", events.ids)]
        )
        self.assertEqual(readings.user_id, self.reader)
        self.assertEqual(len(readings), 3)
        # As a form reads it.
        shown = wizard.with_context(bin_size=True).web_read(
            {"value": {}, "value_ids": {"fields": {"old_value": {}, "new_value": {}}}}
        )
        self.assertEqual(len(shown[0]["value_ids"]), 2)
        rows = {row.old_value: row for row in wizard.value_ids}
        self.assertEqual(rows["31.01.1950"].count, 2)
        rows["31.01.1950"].new_value = "1950-01-31"
        wizard.reason = "Dates of the old desk"
        job = self.preview(wizard)
        self.assertEqual(
            {row.outcome: row.count for row in job.preview_ids},
            {"done": 2, "skipped": 1},
        )
        made = {row.res_model: row.count for row in job.difference_ids}
        self.assertEqual(made["res.partner"], 2)
        self.assertStates(events, "exception")
        self.assertTrue(all(events.mapped("rejected")))
        self.assertFalse(events.correction_ids)
        job.action_start()
        self.work(job.sudo())
        self.assertEqual(events.mapped("state"), ["done", "done", "exception"])
        versions = events.correction_ids
        self.assertEqual(versions.user_id, self.reader)
        self.assertEqual(set(versions.mapped("reason")), {"Dates of the old desk"})
        self.assertEqual(set(versions.mapped("places")), {"/data/patient/birth_date"})
        self.assertEqual(self.results(job), {("done", False): 2, ("skipped", False): 1})
        closed = events[:2].exception_ids
        self.assertEqual(set(closed.mapped("resolution")), {"corrected"})

    def test_nothing_lies_in_the_clear(self):
        events = self.refuse(["31.01.1950"])
        wizard = self.wizard(events, self.reader)
        wizard.action_show_values()
        wizard.value_ids.new_value = "1950-01-31"
        wizard.value = "1950-01-31"
        wizard.reason = "Because"
        job = self.preview(wizard)
        self.env.flush_all()
        for table in (wizard._table, wizard.value_ids._table, job._table):
            self.env.cr.execute(f"SELECT * FROM {table}")
            for row in self.env.cr.fetchall():
                for cell in row:
                    text = bytes(cell) if isinstance(cell, memoryview) else str(cell)
                    text = text if isinstance(text, bytes) else text.encode()
                    self.assertNotIn(b"1950", text.replace(b"test", b""))

    def test_who_reads_nothing_sets_codes_but_nothing_of_a_person(self):
        events = self.park("D1", "D2")
        wizard = self.wizard(events, self.operator)
        with self.assertRaises(AccessError):
            wizard.action_show_values()
        places = {place.pattern: place for place in wizard.place_ids}
        wizard.reason = "The old code of the payer"
        wizard.place_id = places["/data/patient/birth_date"]
        wizard.value = "1950-01-31"
        self.assertFalse(wizard.may_set)
        with self.assertRaises(AccessError):
            wizard.action_preview()
        wizard.place_id = places["/data/coverages/*/payer/code"]
        wizard.value = "T-PAYER"
        job = self.preview(wizard)
        self.assertEqual(
            {row.outcome: row.count for row in job.preview_ids}, {"done": 2}
        )
        with self.assertRaises(AccessError):
            job.with_user(self.user).action_start()
        job.action_start()
        self.work(job.sudo())
        self.assertStates(events, "done")

    def test_a_value_that_is_still_wrong_leaves_all_as_it_is(self):
        events = self.refuse(["gestern"])
        wizard = self.wizard(events, self.reader)
        with self.assertRaisesRegex(UserError, "Say why"):
            wizard.action_preview()
        wizard.write({"value": "tomorrow", "reason": "A guess"})
        job = self.preview(wizard)
        self.assertEqual({row.outcome for row in job.preview_ids}, {"skipped"})
        job.action_start()
        self.work(job.sudo())
        self.assertEqual(self.results(job), {("failed", False): 1})
        self.assertIn("birth date is not a date", job.result_ids.message)
        self.assertNotIn("tomorrow", job.result_ids.message)
        self.assertStates(events, "exception")

    def test_many_take_few_statements(self):
        def correct(births):
            events = self.refuse(births)
            intake = self.env["healthcare.intake"]
            envelopes = events._envelopes()
            for envelope in envelopes.values():
                envelope["data"]["patient"]["birth_date"] = "1950-01-31"
                envelope["id"] += strict_json.dumps(births).decode()[:40]
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self.assertFalse(intake._correct_all(envelopes, "Test"))
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        correct(["a"])
        few = correct([f"b{n}" for n in range(3)])
        self.assertLessEqual(correct([f"c{n}" for n in range(60)]), few + 10)
