"""Facts end up in ClickHouse, one for one, whatever happens on the way.

In a real server of an early version and in the engine of a current one, which answers
in other words. Skipped without them, unless ``CI`` is set: then it is an error.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import timedelta
from unittest.mock import patch

from odoo.tests import tagged

from ..core.analytics import completeness, warehouse
from ..dev import clickhouse
from ..dev.common import DevError
from ..models.insight import completeness as job
from .chdb_engine import Chdb
from .delivery_common import DeliveryCase, had
from .relay import Relay
from .test_guides_run import commands, invoices

TABLE = warehouse.TABLE


class WarehouseCase(DeliveryCase):
    """A target whose facts go through a relay to an engine, into a fresh database."""

    engine_type = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.warehouse = cls.engine_type().start()
        except DevError as error:
            if os.environ.get("CI"):
                raise
            cls.skipTest(cls, f"no ClickHouse: {error}")
        cls.addClassCleanup(cls.warehouse.remove)

    def setUp(self):
        super().setUp()
        self.database = self._testMethodName
        self.warehouse.query(f"CREATE DATABASE {self.database}")
        for statement in warehouse.statements(warehouse.script("clickhouse")):
            self.warehouse.query(statement, self.database)
        self.relay = Relay(self.warehouse.url)
        self.addCleanup(self.relay.close)
        self.target.write(
            {
                "url": self.relay.url,
                "dialect": "clickhouse",
                "table": f"{self.database}.{TABLE}",
                "authentication": "basic",
                "username": self.warehouse.user,
                "password": self.warehouse.password,
                "policy": "limited",
                "batch_size": 12,
                "timeout_seconds": 10,
            }
        )

    # -- what happens -----------------------------------------------------------

    def happen(self):
        """Tell of many things, some of them again, one of them withdrawn."""
        patients = self.make(*(f"payer {number}" for number in range(6)))
        self.tell(patients[:3], birth_date="1931-07-19", sex="female", coverages=2)
        emit = self.env["healthcare.fact"]._emit
        for amount, state in (("800.00", "posted"), ("0.10", "paid")):
            emit(
                "invoice",
                [
                    {
                        "document": patient,
                        "patient": patient,
                        "values": {
                            "amount_total": amount,
                            "amount_residual": f"-{amount}",
                            "date": "2026-03-02",
                            "state": state,
                            "payer": 'Ünïcode "quoted", tab\t, line\n',
                        },
                    }
                    for patient in patients
                ],
            )
        emit(
            "appointment",
            [
                {
                    "document": patients[0],
                    "patient": patients[0],
                    "values": {"billing_hold": True, "start": "2026-03-05T09:00:00Z"},
                }
            ],
        )
        emit(
            "service",
            [
                {
                    "document": patients[1],
                    "values": {"quantity": 2.5, "amount_charged": "12345678901.99"},
                }
            ],
        )
        self.env["healthcare.fact"]._withdraw("invoice", patients[5], None)
        return patients

    def deliver_all(self):
        for _turn in range(30):
            self.deliver()
            if not self.target.pending_count:
                return
            self.probe_now()
        self.fail(f"not delivered: {self.target.last_error}")

    # -- what is there ----------------------------------------------------------

    def expected(self):
        """Return the newest of each key as Odoo tells it, by type."""
        facts = had(self.env["healthcare.fact"].search([]), self.target)
        newest = {}
        for fact in facts.sorted("sequence"):
            newest[fact.key] = fact
        records = self.env["healthcare.fact"].union(*newest.values())
        found = defaultdict(list)
        for document in self.target._render(records):
            row = {name: document.get(name) for name in warehouse.columns()}
            found[document["fact_type"]].append(self.plain(row))
        return found

    def plain(self, row):
        """Return a row with numbers that do not tell where they come from."""
        for name, kind in warehouse.columns().items():
            if kind in ("boolean", "number", "integer") and row[name] is not None:
                with contextlib.suppress(ValueError):
                    row[name] = float(row[name])
        return row

    def stored(self):
        text = self.warehouse.query(
            f"SELECT * FROM {TABLE} FINAL FORMAT JSONEachRow", self.database
        )
        found = defaultdict(list)
        for line in text.splitlines():
            row = self.plain(json.loads(line))
            found[row["fact_type"]].append(row)
        return found

    def sums(self, rows):
        """Return ``{type: (count, checksum)}``."""
        texts = {
            kind: sorted(json.dumps(one, sort_keys=True) for one in ones)
            for kind, ones in rows.items()
        }
        return {
            kind: (len(ones), hashlib.sha256("\n".join(ones).encode()).hexdigest())
            for kind, ones in texts.items()
        }

    def assertEqualToOdoo(self):
        expected, stored = self.expected(), self.stored()
        self.assertTrue(expected)
        for kind in expected:
            by_key = sorted(expected[kind], key=lambda row: row["key"])
            there = sorted(stored[kind], key=lambda row: row["key"])
            self.assertEqual(there, by_key)
        self.assertEqual(self.sums(stored), self.sums(expected))
        self.assertFalse(
            self.env["healthcare.delivery"].search([("target_id", "=", self.target.id)])
        )


class ClickHouseCases:
    """What is tested with every engine."""

    def test_plain(self):
        patients = self.happen()
        self.deliver_all()
        self.assertEqualToOdoo()
        shown = self.warehouse.query(
            "SELECT key, state, amount_total, date, date_year FROM healthcare_invoice "
            "ORDER BY key FORMAT JSONEachRow",
            self.database,
        )
        rows = [json.loads(line) for line in shown.splitlines()]
        self.assertEqual(len(rows), len(patients) - 1, "one was withdrawn")
        self.assertEqual({float(row["amount_total"]) for row in rows}, {0.1})
        self.assertEqual({row["date"] for row in rows}, {"2026-03-02"})
        parts = self.warehouse.query(completeness.parts_query(TABLE), self.database)
        counted = completeness.read_parts(parts).values()
        ids = [row["fact_id"] for rows in self.expected().values() for row in rows]
        self.assertEqual(sum(count for count, _sum in counted), len(ids))
        self.assertEqual(
            sum(total for _count, total in counted), completeness.checksum(ids)
        )
        for name in warehouse.facts.CATALOGUE:
            view = warehouse.view_name(name)
            self.warehouse.query(f"SELECT * FROM {view}", self.database)

    def test_what_was_lost_there_is_found_and_sent_again(self):
        """Rows removed from the warehouse by hand, and one that Odoo never sent."""
        self.happen()
        self.deliver_all()
        checks = self.env["healthcare.completeness"]
        self.enterContext(patch.object(self.env.cr, "commit", lambda: None))
        # What was told a moment ago counts, too.
        self.enterContext(patch.object(job, "GRACE", timedelta(minutes=-1)))
        self.assertEqual(checks._check(self.target).state, "complete")
        self.lose("fact_type = 'registration' OR key LIKE '%service%'")
        expected = self.expected()
        rows = expected["registration"] + expected["service"]
        lost = [row["fact_id"] for row in rows]
        self.target.resend_gaps = False
        found = checks._check(self.target)
        self.assertEqual((found.state, found.method), ("gap", "query"))
        self.assertEqual(set(found.missing_ids.mapped("fact_id")), set(lost))
        self.assertEqual(
            {line.fact_type: line.missing_count for line in found.line_ids},
            {"registration": len(expected["registration"]), "service": 1},
        )
        self.target.resend_gaps = True
        again = checks._check(self.target)
        self.assertEqual((again.state, again.missing_count), ("resent", len(lost)))
        self.deliver_all()
        self.assertEqual(checks._check(self.target).state, "complete")
        self.assertEqualToOdoo()

    def lose(self, condition):
        """Remove rows by making the table anew without them, as any version can."""
        for statement in (
            f"CREATE TABLE kept AS {TABLE}",
            f"INSERT INTO kept SELECT * FROM {TABLE} WHERE NOT ({condition})",
            f"TRUNCATE TABLE {TABLE}",
            f"INSERT INTO {TABLE} SELECT * FROM kept",
            "DROP TABLE kept",
        ):
            self.warehouse.query(statement, self.database)

    def test_everything_goes_wrong(self):
        """Too many at once, broken, half stored, stored but said not to be, dropped."""
        self.target.breaker_threshold = 3
        self.relay.mischief = [
            *("busy", "broken", "half", "stored", "drop"),
            *("passed", "stored", "half", "busy"),
        ]
        self.happen()
        self.deliver_all()
        self.assertIn("passed", self.relay.seen[9:])
        self.assertFalse(self.relay.mischief)
        self.assertEqualToOdoo()
        self.assertEqual(self.target.breaker_state, "closed")

    def test_slow_answers(self):
        self.target.timeout_seconds = 3
        self.relay.mischief = ["passed", "slow"]
        self.happen()
        self.deliver_all()
        self.assertEqual(self.relay.seen.count("slow"), 1)
        self.assertEqualToOdoo()

    def test_a_row_it_cannot_take_is_set_aside(self):
        self.target.fact_types = "registration,invoice,appointment"
        self.happen()
        # a table that cannot hold one value, as after a change nobody told of
        bad = self.env["healthcare.fact"].search(
            [("fact_type", "=", "appointment")], limit=1
        )
        self.env.cr.execute(
            """UPDATE healthcare_fact
            SET columns = columns::jsonb || '{"billing_hold": "perhaps"}'
            WHERE id = %s""",
            [bad.id],
        )
        self.env.invalidate_all()
        self.deliver_all()
        (refused,) = self.env["healthcare.delivery"].search([("state", "=", "failed")])
        self.assertEqual(refused.fact_id, bad)
        self.assertRegex(refused.reason, r"ClickHouse \d+: ")
        self.assertNotIn("perhaps", refused.reason)
        stored, expected = self.stored(), self.expected()
        del expected["appointment"]
        self.assertEqual(self.sums(stored), self.sums(expected))

    def test_a_missing_table_is_the_target_s_fault(self):
        self.warehouse.query(f"DROP TABLE {TABLE}", self.database)
        self.happen()
        self.deliver()
        self.assertTrue(self.target.refused)
        self.assertIn("no such table", self.target.last_error)
        self.assertEqual(self.target.refused_count, 0)
        for statement in warehouse.statements(warehouse.script("clickhouse"))[:1]:
            self.warehouse.query(statement, self.database)
        self.probe_now()
        self.deliver_all()
        self.assertEqualToOdoo()

    def test_a_wrong_password(self):
        self.target.password = "another"
        self.happen()
        self.deliver()
        self.assertTrue(self.target.refused)
        self.assertRegex(self.target.last_error, r"ClickHouse \d+: ")
        self.assertNotIn("another", self.target.last_error)
        self.target.password = self.warehouse.password
        self.probe_now()
        self.deliver_all()
        self.assertEqualToOdoo()

    def test_outage_and_restart(self):
        patients = self.happen()
        self.deliver()
        self.warehouse.stop(signal.SIGKILL)
        self.tell(patients, sex="unknown")
        self.deliver()
        self.assertEqual(self.target.last_error, "HTTP 502")
        self.assertGreater(self.target.pending_count, 0)
        self.warehouse.start()
        self.probe_now()
        self.deliver_all()
        self.assertEqualToOdoo()


@tagged("post_install", "-at_install")
class TestClickHouse(ClickHouseCases, WarehouseCase):
    engine_type = clickhouse.ClickHouse

    def test_the_commands_of_the_guide(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        root = pathlib.Path(__file__).resolve().parents[1]
        pathlib.Path(folder, "core").symlink_to(root / "core")
        pathlib.Path(folder, "facts.ndjson").write_text(invoices())
        login = f"//{self.warehouse.user}:{self.warehouse.password}@"
        variables = {
            **os.environ,
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "WAREHOUSE": self.warehouse.url.replace("//", login).rstrip("/"),
        }
        tables, load, read = commands("clickhouse")
        for code in (tables, load, tables, load, read):
            answer = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", code],
                env=variables,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=60,
            )
            self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertEqual(answer.stdout.split(), ["1", "90.0000"])


@tagged("post_install", "-at_install")
class TestCurrentClickHouse(ClickHouseCases, WarehouseCase):
    """The same with the engine of a current ClickHouse, and what only that can do."""

    engine_type = Chdb

    def test_an_older_table_gets_what_newer_catalogues_added(self):
        for name in ("lapsed", "billing_hold", "amount_total"):
            self.warehouse.query(
                f"ALTER TABLE {TABLE} DROP COLUMN {name}", self.database
            )
        for text in (warehouse.columns_script(), warehouse.script("clickhouse")):
            for statement in warehouse.statements(text):
                self.warehouse.query(statement, self.database)
        self.happen()
        self.deliver_all()
        self.assertEqualToOdoo()
