"""The control room says what happened, to whom it concerns."""

import time
from datetime import timedelta

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from odoo.addons.healthcare_connector.models.exchange.engine import Run
from odoo.addons.healthcare_connector.models.monitoring.control_room import _quantile

from .workflow_common import WorkflowCase

GROUP = "healthcare_connector.group_"


class TestControlRoom(WorkflowCase):
    def figures(self, period="day", facility=False, user=None):
        self.env.flush_all()
        model = self.env["healthcare.figures"].with_user(user or self.env.user)
        data = model.control_room(period, facility)
        data["by_key"] = {
            figure["key"]: figure for figure in data["transactions"] + data["business"]
        }
        return data

    def play_day(self):
        self.play(
            self.register("C1"),
            self.appointment("booked", "C1", "CV1", 1),
            self.appointment("confirmed", "C1", "CV1", 2),
            self.appointment("booked", "C9", "CV9", 1),
        )

    def test_figures_follow_what_happens(self):
        chosen = self.facility.id
        before = self.figures(facility=chosen)["by_key"]
        self.play_day()
        data = self.figures(facility=chosen)
        grown = {
            key: data["by_key"][key]["value"] - before[key]["value"]
            for key in ("received", "done", "held", "rejected", "unsynchronised")
        }
        self.assertEqual(
            grown,
            {
                "received": 4,
                "done": 3,
                "held": 1,
                "rejected": 0,
                "unsynchronised": 1,
            },
        )
        booked = next(
            row for row in data["workflows"] if row["name"] == "Appointment booked"
        )
        self.assertEqual((booked["volume"], booked["backlog"]), (1, 1))
        self.assertEqual(booked["failures"], 50.0)
        self.assertEqual(sum(p["received"] for p in data["series"]), 4)
        self.assertEqual(len(data["series"]), 24)

    def test_each_figure_opens_the_records_behind_it(self):
        self.play_day()
        data = self.figures(facility=self.facility.id)
        opened = 0
        for figure in data["by_key"].values():
            if not figure["model"] or figure["unit"] != "count":
                continue
            found = self.env[figure["model"]].search_count(figure["domain"])
            self.assertEqual(found, figure["value"], figure["key"])
            opened += bool(found)
        self.assertGreaterEqual(opened, 4)

    def test_retries_exhausted_opens_what_it_counts(self):
        self.patch(type(self.env["healthcare.engine"]), "_wake_at", lambda *_a: None)
        first, again, other = self.events(
            self.send(*(self.register(number) for number in ("C5", "C6", "C7")))
        )
        other.attempts = 3  # tried several times, held up for another reason
        self.process()
        for held in (first, again, again):
            held.attempts = held.type_id.max_attempts
            run = Run()
            run.retried = {held.id: ("line is down", None)}
            self.env["healthcare.engine"]._write_outcome(
                run, held.ids, [], time.monotonic()
            )
        figure = self.figures(facility=self.facility.id)["by_key"]["failed"]
        found = self.env[figure["model"]].search(figure["domain"])
        self.assertEqual(figure["value"], 3)
        self.assertEqual((len(found), found.event_id), (3, again + first))

    def test_the_time_before_is_compared_with(self):
        tallies = self.env["healthcare.tally"]
        tallies._add([("received", self.source.id, None, self.facility.id, None)] * 5)
        row = tallies.search([], order="id desc", limit=1)
        row.hour -= timedelta(hours=30)
        figure = self.figures(facility=self.facility.id)["by_key"]["received"]
        self.assertEqual((figure["value"], figure["before"]), (0, 5))
        figure = self.figures("week", self.facility.id)["by_key"]["received"]
        self.assertEqual((figure["value"], figure["before"]), (5, 0))

    def test_other_companies_stay_out(self):
        self.play_day()
        other = self.env["res.company"].create({"name": "Other clinic"})
        self.env["healthcare.facility"].create(
            {"name": "Other", "code": "T-OTHER", "company_id": other.id}
        )
        user = new_test_user(
            self.env,
            "control-other",
            groups=f"base.group_user,{GROUP}operator",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        data = self.figures(user=user)
        self.assertEqual([f["name"] for f in data["facilities"]], ["Other"])
        for key in ("held", "not_cleared", "denied", "at_risk"):
            self.assertFalse(data["by_key"][key]["value"], key)
        self.assertFalse(any(row["volume"] for row in data["workflows"]))

    def test_who_may_look(self):
        nobody = new_test_user(self.env, "control-nobody", groups="base.group_user")
        with self.assertRaises(AccessError):
            self.figures(user=nobody)
        auditor = new_test_user(
            self.env, "control-auditor", groups=f"base.group_user,{GROUP}auditor"
        )
        self.assertTrue(self.figures(user=auditor)["transactions"])

    def test_quantiles(self):
        self.assertEqual(_quantile({}, 0.95), 0.0)
        self.assertAlmostEqual(_quantile({3: 10}, 0.5), 0.75)
        self.assertAlmostEqual(_quantile({0: 90, 8: 10}, 0.95), 45.0)
        self.assertEqual(_quantile({12: 1}, 0.5), 3600.0)
