"""The key figures of docs/warehouse, from facts in the documented tables, by hand."""

import contextlib
import json
import os
import re
from datetime import date, timedelta

from odoo.tests import tagged
from odoo.tools import file_open

from ..core.analytics import warehouse
from ..dev import clickhouse
from ..dev.common import DevError
from .chdb_engine import Chdb
from .common import event
from .story_common import StoryCase

NAMES = {
    "days_in_ar",
    "clean_claim_rate",
    "denial_rate",
    "net_collection_rate",
    "no_show_rate",
    "authorization_turnaround",
    "supply_cost_per_case",
    "service_line_margin",
    "throughput",
    "charge_lag",
}


def queries(engine):
    """Return ``{name: (meaning, query)}`` of a file of key figures."""
    path = f"healthcare_connector/docs/warehouse/{engine}/kpi.sql"
    with file_open(path) as file:
        text = file.read()
    result = {}
    for part in re.split(r"(?m)^-- (?=[a-z_]+: )", text)[1:]:
        name, _colon, rest = part.partition(": ")
        lines = rest.splitlines()
        words = [lines[0]]
        while lines[len(words)].startswith("-- "):
            words.append(lines[len(words)][3:])
        query = "\n".join(lines[len(words) :]).strip().rstrip(";")
        result[name] = " ".join(words), query
    return result


@tagged("post_install", "-at_install")
class TestKpi(StoryCase):
    def setUp(self):
        super().setUp()
        self.play(
            *(
                event(
                    f"authorization.{kind}",
                    {
                        "facility": "T-EAST",
                        "patient": self.patient_ref("K1"),
                        "authorization": {
                            "number": "AUTH-1",
                            "services": [{"code": "T-MRI"}],
                        },
                        "payer": {"code": "T-PAYER"},
                    },
                    time=self.at(minute),
                )
                for kind, minute in (("requested", 0), ("approved", 12 * 60))
            )
        )
        first = date(2026, 3, 1)
        for day in range(6):
            self.env["healthcare.snapshot"]._take(
                self.facility, first + timedelta(days=day)
            )
        self.env.flush_all()

    def documents(self):
        """Return all facts of the facility as they leave for a warehouse."""
        target = self.env["healthcare.target"].create(
            {"name": "KPI", "url": "https://example.com/", "policy": "limited"}
        )
        facts = self.env["healthcare.fact"].search(
            [("facility_id", "=", self.facility.id)], order="id"
        )
        return target._render(facts)

    @contextlib.contextmanager
    def postgresql(self):
        documents = self.documents()
        self.env.cr.execute("CREATE SCHEMA test_kpi")
        self.env.cr.execute("SET LOCAL search_path TO test_kpi")
        try:
            self.env.cr.execute(warehouse.script("postgresql"))
            for document in documents:
                names = ", ".join(f'"{name}"' for name in document)
                places = ", ".join(["%s"] * len(document))
                self.env.cr.execute(
                    f"INSERT INTO healthcare_facts ({names}) VALUES ({places})",
                    list(document.values()),
                )
            yield
        finally:
            self.env.cr.execute("SET LOCAL search_path TO public")

    def ask_postgresql(self, query):
        self.env.cr.execute(query)
        names = [column.name for column in self.env.cr.description]
        return [list(row) for row in self.env.cr.fetchall()], names

    def check(self, ask, found):
        answers = {name: ask(query)[0] for name, (_meaning, query) in found.items()}

        def numbers(name):
            return [
                [round(float(cell), 2) for cell in row if _is_number(cell)]
                for row in answers[name]
            ]

        self.assertEqual(answers["clean_claim_rate"][0][0], "T-EAST")
        # CL1 was paid at once, CL2 denied.
        self.assertEqual(numbers("clean_claim_rate"), [[50.0]])
        self.assertEqual(numbers("denial_rate"), [[50.0, 800.0]])
        # 600 of the 650 that are allowed; the patient has not paid his 50.
        self.assertEqual(numbers("net_collection_rate"), [[92.3]])
        # V3 of V1, V2 and V3.
        self.assertEqual(numbers("no_show_rate"), [[33.3]])
        # Asked at eight, granted at twenty o'clock.
        self.assertEqual(numbers("authorization_turnaround"), [[1.0, 0.5]])
        # Two of contrast at 5 each, in each of two services.
        self.assertEqual(numbers("supply_cost_per_case"), [[2.0, 10.0]])
        self.assertEqual(
            numbers("service_line_margin"), [[1600.0, 150.0, 20.0, 1430.0]]
        )
        # Performed on the 5th at 9:30, told on the 7th at 12:00.
        self.assertEqual(numbers("charge_lag"), [[2.0, 50.5]])
        days = {str(row[0])[:10]: row for row in answers["throughput"]}
        self.assertEqual([int(cell) for cell in days["2026-03-05"][3:]], [4, 2, 2])
        # 800 that were denied and 50 of the patient, by 1600 charged in 90 days.
        found = [[row[0], float(row[1])] for row in answers["days_in_ar"]]
        self.assertEqual(found, [["T-EAST", 47.8]])

    def test_each_has_a_meaning(self):
        for engine in ("postgresql", "clickhouse"):
            found = queries(engine)
            self.assertEqual(found.keys(), NAMES)
            for name, (meaning, query) in found.items():
                self.assertGreater(len(meaning), 30, name)
                self.assertNotIn(";", query, name)
        both = [queries(engine) for engine in ("postgresql", "clickhouse")]
        for name in NAMES:
            self.assertEqual(both[0][name][0], both[1][name][0])

    def test_postgresql(self):
        with self.postgresql():
            self.check(self.ask_postgresql, queries("postgresql"))

    def test_clickhouse(self):
        self.check_clickhouse(clickhouse.ClickHouse)

    def test_current_clickhouse(self):
        self.check_clickhouse(Chdb)

    def check_clickhouse(self, engine_type):
        try:
            engine = engine_type().start()
        except DevError as error:
            if os.environ.get("CI"):
                raise
            self.skipTest(f"no ClickHouse: {error}")
        self.addCleanup(engine.remove)
        for statement in warehouse.statements(warehouse.script("clickhouse")):
            engine.query(statement)
        rows = "\n".join(json.dumps(document) for document in self.documents())
        engine.query(f"INSERT INTO healthcare_facts FORMAT JSONEachRow\n{rows}")

        def ask(query):
            answer = engine.query(f"{query} FORMAT JSONCompact")
            document = json.loads(answer)
            return document["data"], [one["name"] for one in document["meta"]]

        self.check(ask, queries("clickhouse"))


def _is_number(cell):
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True
