"""A short run with faults: nothing lost, nothing doubled; and that it would be seen.

The long ones are ``dev/faults --minutes 60``; what they found is in
``benchmarks/FAULTS.md``.
"""

import json
import pathlib
import select
import tempfile

from odoo import sql_db
from odoo.tests import get_db_name, tagged

from odoo.addons.healthcare_connector.models.exchange import cron_watch

from ..dev import bench, faults
from ..dev.fault_kinds import KINDS, plan
from ..dev.fault_ledger import Answers, compare
from .durability import DurabilityCase

SEED, SECONDS = 7, 16

# What a connector could do wrong, each done to the database of a good run.
HARM = """
env.cr.execute("SET LOCAL session_replication_role = replica")
env.cr.execute('''DELETE FROM healthcare_event WHERE id = (
    SELECT min(id) FROM healthcare_event WHERE state = 'done')''')
env.cr.execute('''UPDATE healthcare_event SET external_id = 'other' WHERE id = (
    SELECT max(id) FROM healthcare_event WHERE state = 'done')''')
env.cr.execute('''DELETE FROM healthcare_exception WHERE id = (
    SELECT min(id) FROM healthcare_exception WHERE blocks_event
       AND state IN ('open', 'assigned'))''')
# The database itself refuses a second one.
env.cr.execute("DROP INDEX account_move_healthcare_completion_unique")
move = env["account.move"].search(
    [("healthcare_completion_id", "!=", False), ("state", "=", "posted")], limit=1)
move.copy({"healthcare_completion_id": move.healthcare_completion_id.id,
    "healthcare_responsible": move.healthcare_responsible})
env.cr.commit()
"""


@tagged("post_install", "-at_install")
class TestFaults(DurabilityCase):
    def test_a_short_run(self):
        with faults.World(SEED, large=12, most=60, connections=3) as world:
            summary, problems = world.run(SECONDS)
            self.assertFalse(problems, "\n".join(problems))
            self.assertGreater(summary["sent"]["accepted"], 100)
            self.assertGreater(summary["found"]["facts"], 100)
            self.assertGreaterEqual(sum(summary["faults"].values()), 5)
            world.dev.script(world.name, HARM)
            told = self.compared(world)
        for words in (
            "is not stored",
            "is stored with another content",
            "in exception without an open exception",
            "invoice of a service",
        ):
            self.assertIn(words, told)

    def compared(self, world):
        """Return what a comparison of the same ledger says now, as one text."""
        answers = Answers(world.ledger.path)
        events = [one for some in world.senders.answered for one in some]
        _counts, problems = compare(
            answers, world.dev, world.name, events, world.receiver
        )
        return "\n".join(problems)

    def test_jobs_are_looked_for_at_once_after_a_crash(self):
        """Odoo's threads would wait a minute after they start."""
        with sql_db.db_connect("postgres").cursor() as cr:
            cr.execute("LISTEN cron_trigger")
            cr._cnx.commit()  # only then it listens
            cron_watch._tell()
            select.select([cr._cnx], [], [], 10)
            cr._cnx.poll()
            told = {one.payload for one in cr._cnx.notifies}
        self.assertIn(get_db_name(), told)

    def test_a_plan_is_its_seed_s_and_has_every_kind(self):
        one = plan(3, 600, 8)
        self.assertEqual(one, plan(3, 600, 8))
        self.assertNotEqual(one, plan(4, 600, 8))
        self.assertEqual({name for _at, name in one}, set(KINDS))
        self.assertTrue(all(0 < at < 600 for at, _name in one))

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def test_results_of_other_benchmarks_stay(self):
        path = self.folder() / "RESULTS.md"
        bench.keep("b", [("b", "rate", "1", "/s", "at least 2")], "a machine", path)
        bench.keep("a", [("a", "one", "1", "s"), ("a", "two", "2", "s")], "this", path)
        bench.keep("b", [("b", "rate", "3", "/s", "at least 2")], "another", path)
        text = path.read_text()
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")][:5]
            for line in text.splitlines()
            if line.startswith("| ")
        ]
        self.assertEqual(
            rows[2:],
            [
                ["a", "one", "1", "s", ""],
                ["a", "two", "2", "s", ""],
                ["b", "rate", "3", "/s", "at least 2"],
            ],
        )
        self.assertIn("another", text)

    def test_a_run_is_kept_with_its_seed(self):
        summary = {
            "day": "2026-11-23",
            "seed": 3,
            "minutes": 60,
            "sent": {"events": 9000, "receipts": 12000, "answers not read": 500},
            "faults": {"odoo killed": 40},
            "found": {
                "lost": 0,
                "doubled": 0,
                "different": 0,
                "documents": 8000,
                "facts": 12345,
            },
            "replayed by a person": 2,
        }
        path = self.folder() / "FAULTS.md"
        faults.save(summary, path)
        faults.save({**summary, "seed": 4}, path)
        faults.save(json.loads(json.dumps(summary)), path)
        rows = [line for line in path.read_text().splitlines() if "| 60 |" in line]
        self.assertEqual(
            rows,
            [
                "| 2026-11-23 | 4 | 60 | 9,000 | 12,000 | 500 | 40 | 8,000 | 12,345 "
                "| 2 | 0 | 0 | 0 |",
                "| 2026-11-23 | 3 | 60 | 9,000 | 12,000 | 500 | 40 | 8,000 | 12,345 "
                "| 2 | 0 | 0 | 0 |",
            ],
        )
        self.assertIn("- odoo killed: 40", path.read_text())
