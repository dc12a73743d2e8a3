"""Who is limited to one facility sees nothing of another one, wherever he looks."""

from odoo import Command
from odoo.exceptions import AccessError, UserError

from .facility_common import FacilityCase
from .test_format_hl7v2 import ADT, body


class TestFacilityRights(FacilityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        player = cls()  # plays what all tests look at, once
        player.engine = cls.env["healthcare.engine"]
        player.day(cls.facility, "E")
        before = player.rows()
        cls.figures_before = {
            role: player.figures(user) for role, user in cls.users.items()
        }
        player.day(cls.west, "W")
        cls.theirs = {
            model: sorted(ids - before[model]) for model, ids in player.rows().items()
        }
        for model, records in (
            ("healthcare.facility", cls.west),
            ("healthcare.source", cls.sources[cls.west]),
        ):
            cls.theirs[model] = records.ids
        cls.env.invalidate_all()

    def figures(self, user):
        """Return what a user's control room counts."""
        self.env.flush_all()
        data = self.env["healthcare.figures"].with_user(user).control_room()
        found = {
            figure["key"]: figure["value"]
            for figure in data["transactions"] + data["business"]
            if figure["unit"] in ("count", "money")
        }
        for row in data["workflows"]:
            found[row["name"]] = row["volume"], row["backlog"]
        found["series"] = sum(p["received"] + p["trouble"] for p in data["series"])
        found["pauses"] = [pause["name"] for pause in data["pauses"]]
        found["alerts"] = sorted(alert["id"] for alert in data["alerts"])
        found["facilities"] = [one["name"] for one in data["facilities"]]
        return found

    def as_user(self, user, model):
        """Return the model as a user sees it; None when he reads none of it."""
        records = self.env[model].with_user(user).with_context(active_test=False)
        return records if records.has_access("read") else None

    def test_nothing_of_another_facility(self):
        seen = []
        for model, ids in self.theirs.items():
            for role, user in self.users.items():
                if (records := self.as_user(user, model)) is not None:
                    for way in self.ways_to(records, ids):
                        seen.append((model, role, way))
        self.assertFalse(seen, "\n".join(map(str, seen)))
        nothing = [model for model, ids in self.theirs.items() if not ids]
        self.assertFalse(nothing, "The day makes none of these to look for")

    def ways_to(self, records, ids):
        """Return how a user gets at records of another facility after all."""
        everything = [("id", "in", ids)]
        one = records.browse(ids[:1])
        finding = {
            "search": lambda: records.search(everything),
            "search_count": lambda: records.search_count(everything),
            "search_read": lambda: records.search_read(everything, ["id"]),
            "read_group": lambda: (
                records._read_group(everything, [], ["__count"]) != [(0,)]
            ),
            "filtered": lambda: one._filtered_access("read"),
        }
        reading = {
            "read": lambda: one.read(),
            "web_read": lambda: one.web_read({"display_name": {}}),
            "export_data": lambda: one.export_data(["id", "display_name"]),
        }
        if not one._auto:
            reading.pop("export_data")  # Odoo exports no views that have an id column
        ways = [way for way, find in finding.items() if find()]
        for way, read in reading.items():
            try:
                read()
            except AccessError:
                continue
            ways.append(way)
        return ways

    def test_who_is_not_limited_sees_it(self):
        """Else the test above would find nothing because nobody sees anything."""
        missing = [
            model
            for model, ids in self.theirs.items()
            if (records := self.as_user(self.free, model)) is not None
            and not records.search_count([("id", "in", ids)])
        ]
        self.assertFalse(missing)

    def test_own_facility_is_seen(self):
        for model, domain in (
            ("healthcare.event", [("state", "=", "done")]),
            ("healthcare.event", [("facility_id", "=", False)]),
            ("healthcare.exception", []),
            ("healthcare.exception.cause", []),
            ("healthcare.sync.log", [("facility_id", "!=", False)]),
            ("healthcare.message", []),
            ("healthcare.coverage", []),
            ("healthcare.patient.timeline", []),
            ("healthcare.appointment", []),
            ("healthcare.payment.suggestion", []),
            ("healthcare.delivery", []),
            ("healthcare.alert", []),
            ("res.partner", [("healthcare_is_patient", "=", True)]),
            ("res.partner", [("healthcare_is_payer", "=", True)]),
            ("account.move", [("healthcare_facility_id", "=", self.facility.id)]),
            ("account.move", [("healthcare_facility_id", "=", False)]),
            ("account.payment", []),
            ("sale.order", [("healthcare_facility_id", "=", self.facility.id)]),
            ("stock.picking", [("healthcare_appointment_id", "!=", False)]),
            ("stock.picking", [("healthcare_appointment_id", "=", False)]),
        ):
            records = self.env[model].with_user(self.users["finance"])
            self.assertTrue(records.search_count(domain), (model, domain))

    def test_figures_are_of_own_facilities(self):
        for role, user in self.users.items():
            with self.subTest(role=role):
                after = self.figures(user)
                self.assertEqual(after, self.figures_before[role])
                self.assertEqual(after["facilities"], ["East"])
                self.assertGreater(after["received"], 5)
                self.assertGreater(after["held"], 1)
        self.assertGreater(
            self.figures(self.free)["received"], 2 * after["received"] - 1
        )

    def test_each_figure_opens_as_many_as_it_counts(self):
        user = self.users["operator"]
        figures = self.env["healthcare.figures"].with_user(user)
        for chosen in (False, self.facility.id, self.west.id):
            data = figures.control_room(facility_id=chosen)
            for figure in data["transactions"] + data["business"]:
                if not figure["model"] or figure["key"] in ("oldest", "failed"):
                    continue
                records = self.env[figure["model"]].with_user(user)
                if figure["unit"] == "count":
                    found = records.search_count(figure["domain"])
                else:
                    ((found,),) = records._read_group(
                        figure["domain"], [], ["amount_at_risk:sum"]
                    )
                self.assertEqual(found or 0, figure["value"], figure)
            for row in data["workflows"]:
                self.assertTrue(
                    self.env["healthcare.event"]
                    .with_user(user)
                    .search_count(row["domain"])
                )
            self.assertFalse([a for a in data["alerts"] if "West" in a["name"]])

    def test_a_problem_of_both_counts_what_is_seen(self):
        self.env["healthcare.exception.cause"]._sync()
        letter = {"E1": self.facility, "W1": self.west}
        events = self.play(
            *(
                {
                    **(envelope := self.register(f"{mrn}B", payer="T-BOTH")),
                    "data": {**envelope["data"], "facility": facility.code},
                }
                for mrn, facility in letter.items()
            )
        )
        self.env["healthcare.exception.cause"]._sync()
        cause = events.exception_ids.cause_id
        self.assertEqual(len(cause), 1)
        self.assertEqual(cause.with_user(self.free).exception_count, 2)
        seen = cause.with_user(self.users["operator"])
        self.assertEqual((seen.exception_count, seen.total_count), (1, 1))
        action = seen.action_open_exceptions()
        found = self.env["healthcare.exception"].with_user(self.users["operator"])
        self.assertEqual(found.search(action["domain"]), events[0].exception_ids)

    def test_buttons_lead_to_nothing_of_another_facility(self):
        """All that opens something, called on records one must not see."""
        called = 0
        for model, ids in self.theirs.items():
            records = self.env[model].browse(ids[:1])
            names = [
                name
                for name in dir(type(records))
                if name.startswith(("action_open", "action_print"))
                and "healthcare_connector" in getattr(type(records), name).__module__
            ]
            for name in names:
                for role in ("operator", "finance", "phi_reader"):
                    user = self.users[role]
                    if not self.env[model].with_user(user).has_access("read"):
                        continue
                    with self.subTest(model=model, button=name, role=role):
                        self.env.invalidate_all()
                        self.opens_nothing(records.with_user(user), name)
                        called += 1
        self.assertGreater(called, 50)

    def opens_nothing(self, record, name):
        try:
            action = getattr(record, name)()
        except UserError:
            return
        if not isinstance(action, dict) or "res_model" not in action:
            return
        found = self.env[action["res_model"]].with_user(record.env.user)
        if found._transient:
            with self.assertRaises(UserError):
                values = {
                    key.removeprefix("default_"): value
                    for key, value in (action.get("context") or {}).items()
                    if key.startswith("default_")
                }
                filled = {"user_id": record.env.uid, "reason": "because"}
                values |= {k: v for k, v in filled.items() if k in found._fields}
                found.create(values).read()
        elif not found.has_access("read"):
            return
        elif action.get("res_id"):
            self.assertFalse(found.browse(action["res_id"])._filtered_access("read"))
        elif action.get("domain"):
            theirs = set(self.theirs.get(action["res_model"], ()))
            self.assertFalse(theirs & set(found.search(action["domain"]).ids))


class TestLimiting(FacilityCase):
    def test_archived_facilities_do_not_free_anybody(self):
        user = self.users["operator"]
        self.facility.active = False
        self.env.registry.clear_cache()
        self.assertEqual(user._healthcare_limit().facilities, (self.facility.id,))

    def test_nobody_limited_changes_limits(self):
        user = self.users["administrator"]
        with self.assertRaises(AccessError):
            self.facility.with_user(user).user_ids = False
        user.group_ids |= self.env.ref("base.group_erp_manager")
        with self.assertRaises(AccessError):
            user.with_user(user).healthcare_facility_ids = False
        with self.assertRaises(AccessError):
            self.users["operator"].with_user(user).healthcare_facility_ids = False

    def test_facilities_name_their_users(self):
        operator = self.users["operator"]
        west = self.west.with_user(self.free)
        west.user_ids = [Command.link(operator.id)]
        self.assertEqual(
            operator._healthcare_limit().facilities, (self.facility.id, self.west.id)
        )
        west.user_ids = [Command.unlink(operator.id)]
        self.assertEqual(operator._healthcare_limit().facilities, self.facility._ids)
        with self.assertRaises(UserError) as caught:
            self.facility.with_user(self.free).user_ids = False
        self.assertIn("would then see all facilities", str(caught.exception))

    def test_nobody_owns_what_he_does_not_see(self):
        operator = self.users["operator"]
        policies = self.env["healthcare.exception.policy"]
        policies.search([("category", "=", "missing_payer")]).unlink()
        policies.create(
            {
                "category": "missing_payer",
                "user_id": operator.id,
                "escalate_user_id": operator.id,
            }
        )
        rules = policies._rules()
        here, there = (
            {"category": "missing_payer", "facility_id": facility.id}
            for facility in (self.facility, self.west)
        )
        self.assertEqual(rules.decide(here)[0], operator.id)
        self.assertNotEqual(rules.decide(there)[0], operator.id)
        self.assertTrue(rules.escalation(here))
        self.assertFalse(rules.escalation(there))
        for facility in (self.facility, self.west):
            bill = self.register(f"H{facility.id}", payer="T-NEW")
            bill["data"]["facility"] = facility.code
            issue = self.play(bill).exception_ids
            wizard = self.env["healthcare.assign.wizard"].create(
                {"exception_ids": [Command.set(issue.ids)], "user_id": operator.id}
            )
            if facility == self.west:
                with self.assertRaises(UserError):
                    wizard.action_assign()
            else:
                wizard.action_assign()
                self.assertEqual(issue.user_id, operator)

    def test_sources_count_from_the_moment_they_change(self):
        user = self.users["operator"]
        own, theirs = (self.sources[one] for one in (self.facility, self.west))
        limit = user._healthcare_limit()
        self.assertIn(own.id, limit.own_sources)
        self.assertIn(self.source.id, limit.sources)
        self.assertNotIn(self.source.id, limit.own_sources)
        self.assertNotIn(theirs.id, limit.sources)
        theirs.facility_ids |= self.facility
        limit = user._healthcare_limit()
        self.assertIn(theirs.id, limit.sources)
        self.assertNotIn(theirs.id, limit.own_sources)

    def test_a_message_of_two_facilities_is_for_who_sees_both(self):
        source = self.sources[self.facility]
        first = [line.replace("NORTH", "T-EAST") for line in ADT]
        second = [line.replace("C1|P", "C2|P") for line in first]
        self.env["healthcare.intake"]._receive_body(
            source, "hl7v2", body(*first, *second)
        )
        messages = self.env["healthcare.message"].search(
            [("source_id", "=", source.id)]
        )
        self.assertEqual(len(messages), 2)
        self.assertEqual(messages.facility_id, self.facility)
        source.facility_ids = False
        messages[0].event_ids.facility_id = self.west
        messages[:1]._note_facilities()
        self.assertFalse(messages.facility_id)
        self.assertFalse(messages.body_id.facility_id)
        for user in (self.users["phi_reader"], self.users["auditor"]):
            self.assertFalse(
                self.env["healthcare.message"]
                .with_user(user)
                .search([("id", "in", messages.ids)])
            )
