"""Who is limited to one facility sees nothing of another one, wherever he looks."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .test_format_hl7v2 import ADT, body
from .workflow_common import WorkflowCase, event

GROUP = "healthcare_connector.group_"
ROLES = {
    "operator": f"{GROUP}operator,sales_team.group_sale_salesman_all_leads,"
    "stock.group_stock_user",
    "finance": f"{GROUP}finance,account.group_account_manager,"
    "sales_team.group_sale_manager,stock.group_stock_manager",
    "auditor": f"{GROUP}auditor",
    "administrator": f"{GROUP}administrator",
    "phi_reader": f"{GROUP}operator,{GROUP}phi_reader",
    "replay": f"{GROUP}operator,{GROUP}replay",
}
ODOO = (
    "account.move",
    "account.move.line",
    "account.payment",
    "res.partner",
    "sale.order",
    "sale.order.line",
    "stock.picking",
)
# Settings for all facilities, and what no user may read at all.
FOR_ALL = {
    "healthcare.adjustment.code",
    "healthcare.alike",
    "healthcare.authorization.rule",
    "healthcare.event.type",
    "healthcare.event.type.version",
    "healthcare.key.use",
    "healthcare.mapping.event",
    "healthcare.mapping.row",
    "healthcare.modifier",
    "healthcare.service",
    "healthcare.service.line",
    "healthcare.service.supply",
    "healthcare.surrogate",
    "healthcare.target",
}


class FacilityCase(WorkflowCase):
    """A day at the east and a day at the west clinic, of one company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.west = cls.env["healthcare.facility"].create(
            {"name": "West", "code": "T-WEST", "warehouse_id": cls.warehouse.id}
        )
        for facility in (cls.facility, cls.west):
            facility.deposit_policy = "estimate"
        cls.sources = {
            facility: cls.env["healthcare.source"].create(
                {
                    "name": f"Only {facility.name}",
                    "code": f"only-{facility.code.lower()}",
                    "environment": "sandbox",
                    "facility_ids": [Command.set(facility.ids)],
                }
            )
            for facility in (cls.facility, cls.west)
        }
        cls.users = {
            role: new_test_user(
                cls.env,
                f"east-{role}",
                groups=f"base.group_user,base.group_allow_export,{groups}",
            )
            for role, groups in ROLES.items()
        }
        cls.free = new_test_user(
            cls.env,
            "free-of-limits",
            groups=f"base.group_user,{GROUP}administrator,{GROUP}replay,"
            + ROLES["finance"],
        )
        for user in cls.users.values():
            user.healthcare_facility_ids = cls.facility
        cls.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "https://example.test/facts", "paused": True}
        )

    def day(self, facility, letter):
        """Play a day at a facility: all that a facility can have of its own."""
        own = self.sources[facility]

        def here(envelope):
            data = envelope["data"]
            return {**envelope, "data": {**data, "facility": facility.code}}

        def about(name, minute, **data):
            data = {"patient": self.patient_ref(f"{letter}1"), **data}
            return here(
                event(name, {"facility": facility.code, **data}, time=self.at(minute))
            )

        one, two, visit = f"{letter}1", f"{letter}2", f"{letter}V1"
        payer = {"code": "T-PAYER"}
        named = {"name": {"family": letter, "given": [letter]}}
        self.play(
            here(self.register(one)),
            # The same person once more, by another number.
            here(self.register(two, patient=named)),
            here(self.register(f"{letter}3", patient=named)),
            here(self.appointment("booked", one, visit, 1)),
            here(self.appointment("confirmed", one, visit, 2)),
            here(self.appointment("booked", one, f"{letter}V2", 3, self_pay=True)),
            here(self.appointment("confirmed", f"{letter}9", f"{letter}V9", 3)),
            about(
                "authorization.approved",
                4,
                authorization={"number": f"{letter}A", "units": 5},
                appointment_id=visit,
                payer=payer,
            ),
        )
        self._stock(self.contrast, 1)
        self.play(here(self.completed(one, f"{letter}S1", 60, visit)))
        self._stock(self.contrast, 50)
        invoice = self.visit(visit).invoice_ids
        claim = {"id": f"{letter}C", "invoice": invoice.name, "charged": "800.00"}
        adjustment = {"group": "CO", "reason": "45", "amount": "300.00"}
        self.play(about("claim.submitted", 70, claim=claim, payer=payer))
        self.play(
            about(
                "claim.adjudicated",
                71,
                claim={**claim, "paid": "500.00", "adjustments": [adjustment]},
                payer=payer,
            ),
            here(self.payment(f"{letter}P1", "3.00", 72, one)),
            here(self.payment(f"{letter}P2", "7.00", 73, one, payer_type="patient")),
            here(self.register(f"{letter}4", payer=f"{letter}-NEW")),
        )
        bad = self.register(f"{letter}5", patient={"birth_date": "Unsinn"})
        self.send(here(bad))
        unknown = self.register(f"{letter}6")
        unknown["data"].pop("facility")
        self.send(unknown, source=own)
        message = [
            line.replace("C1|P", f"{letter}|P").replace("NORTH", facility.code)
            for line in ADT
        ]
        intake = self.env["healthcare.intake"]
        intake._receive_body(own, "hl7v2", body(*message))
        strange = [line.replace("ADT^A04^ADT_A01", "ADT^A13") for line in message]
        intake._receive_body(own, "hl7v2", body(*strange))
        self.process()
        self.around(facility, letter)
        self.env.flush_all()

    def around(self, facility, letter):
        """Make what people and jobs make of a facility's events."""
        events = self.env["healthcare.event"].search(
            [("facility_id", "=", facility.id)]
        )
        rule = self.env["healthcare.alert.rule"].create(
            {
                "name": f"Held up {letter}",
                "figure": "held",
                "threshold": 1,
                "close_threshold": 0,
                "scope": "one",
                "facility_id": facility.id,
                "user_ids": [Command.set(self.free.ids)],
            }
        )
        self.env.flush_all()
        self.env["healthcare.alert"]._evaluate()
        self.assertTrue(rule.alert_ids.notice_ids)
        bad = events.filtered("rejected")
        self.env["healthcare.event.correction"].create(
            {
                "event_id": bad[:1].id,
                "version": 1,
                "uuid": letter,
                "user_id": self.env.uid,
                "reason": letter,
                "body": b"x",
            }
        )
        readings = self.env["healthcare.payload.access"]
        readings._record(events[:1])
        readings._record_messages(events.message_id)
        readings._record_worklist(facility, "appointments", "test")
        self.env["healthcare.control.total"].create(
            {
                "source_id": self.source.id,
                "type_id": events.type_id[:1].id,
                "day": "2026-03-02",
                "day_start": "2026-03-02 00:00:00",
                "day_end": "2026-03-03 00:00:00",
                "facility_id": facility.id,
                "told_at": "2026-03-02 20:00:00",
                "due_at": "2026-03-02 20:00:00",
            }
        )
        job = self.env["healthcare.replay"].create(
            {"reason": letter, "facility_id": facility.id, "event_state": "exception"}
        )
        job._fix_lines()
        for model, more in (
            ("outcome", {"phase": "result", "outcome": "done", "count": 1}),
            ("difference", {"change": "created", "document": letter, "res_model": "x"}),
        ):
            self.env[f"healthcare.replay.{model}"].create({"replay_id": job.id, **more})
        source = self.sources[facility]
        self.env["healthcare.downtime.import"].create(
            {"facility_id": facility.id, "source_id": source.id}
        )
        self.env["healthcare.exception.policy"].create(
            {"category": "stock_shortage", "facility_id": facility.id}
        )
        self.env["healthcare.value.map"].create(
            {
                "source_id": source.id,
                "kind": "facilities",
                "code": letter,
                "facility_id": facility.id,
            }
        )
        self.env["healthcare.mapping"].create(
            {"name": letter, "format": "hl7v2", "source_id": source.id, "kind": "X^X"}
        )
        self.env["healthcare.pause"].create(
            {"scope": "source", "source_id": source.id, "reason": letter}
        )
        self.env["healthcare.source.secret"]._issue(source)
        twins = self.patient(f"{letter}2") | self.patient(f"{letter}3")
        distinct = self.env["healthcare.patient.distinct"]
        distinct._remember([tuple(sorted(twins.ids))], letter)
        self.env["healthcare.patient.merge"]._merge(
            *(self.patient(f"{letter}{number}") for number in (2, 3)),
            event=None,
            reason=letter,
        )
        target = self.env["healthcare.target"].search([("name", "=", "Warehouse")])
        batch = {"target_id": target.id, "uuid": letter, "state": "delivered"}
        self.env["healthcare.delivery.batch"].create(batch)
        issue = events.exception_ids.filtered(lambda x: x.event_id.type_id)[:1]
        self.env["healthcare.payment.suggestion"].create(
            {"exception_id": issue.id, "currency_id": issue.currency_id.id}
        )
        self.env["healthcare.tally.total"]._add_fresh()
        self.env["healthcare.exception.cause"]._sync()

    def stored(self):
        """Return the models to be walked: all of ours with rows, and Odoo's own."""
        ours = [
            name
            for name, model in self.env.registry.items()
            if name.startswith("healthcare.")
            and not model._abstract
            and not model._transient
            and name not in FOR_ALL
        ]
        return sorted([*ours, *ODOO])

    def rows(self):
        self.env.flush_all()
        return {
            model: set(
                self.env[model]
                .sudo()
                .with_context(active_test=False)
                .search([], order="id")
                .ids
            )
            for model in self.stored()
        }


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
