"""No question of every day reads more of a table the more there is in it."""

import json
from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from ..benchmarks import _volume, _volume_measure
from .workflow_common import WorkflowCase

EVENTS = 20_000
#: a scan may read that part of a table: the backlog is 7 % of all events
SHARE = 0.12
LARGE = (
    "healthcare_event",
    "healthcare_fact",
    "healthcare_fact_latest",
    "healthcare_delivery_batch",
    "healthcare_sync_log",
    "healthcare_document_link",
    "healthcare_tally",
)
# Months of tallies or facts are a large part of a year's, and a page of batches is all
# that there are here.
BY_NATURE = {
    "control room, month",
    "control room, week",
    "dashboard, month",
    "dashboard, year",
    "deliveries",
    "margin of a quarter, pivot",
    "reimbursement of a quarter, pivot",
}


@tagged("post_install", "-at_install")
class TestVolumePlans(WorkflowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["healthcare.target"].create(
            {"name": "Volume", "url": "https://example.com/"}
        )
        cls.env.flush_all()
        cls.made = _volume.fill(cls.env.cr, EVENTS)
        cls.env.invalidate_all()
        cls.env.cr.execute(f"ANALYZE {', '.join(cls.made)}")
        cls.users = [
            new_test_user(
                cls.env,
                f"volume-{role}",
                groups=f"base.group_user,healthcare_connector.group_{role}",
            )
            for role in ("operator", "auditor", "administrator")
        ]

    def test_the_generator_keeps_its_proportions(self):
        self.assertEqual(self.made["healthcare_event"], EVENTS)
        self.assertEqual(self.made["healthcare_fact"], 2 * EVENTS)
        self.assertEqual(self.made["healthcare_delivery"], _volume.PENDING)
        delivered = 2 * EVENTS - _volume.PENDING
        batches = delivered / _volume.BATCH
        self.assertEqual(self.made["healthcare_delivery_batch"], batches)
        exceptions = self.env["healthcare.exception"]
        mine = [("name", "like", "VOL/")]
        still_open = exceptions.search_count([*mine, ("is_open", "=", True)])
        closed = exceptions.search_count([*mine, ("is_open", "=", False)])
        self.assertAlmostEqual(still_open / EVENTS, 0.05, delta=0.002)
        self.assertAlmostEqual(closed / EVENTS, 0.2, delta=0.01)

    def test_totals_are_the_sums_of_all_tallies(self):
        self.env["healthcare.tally"]._add([("done", self.source.id, None, None, 1)] * 3)
        figures = self.env["healthcare.figures"]
        for _turn in range(2):
            self.env.cr.execute("SELECT sum(count) FROM healthcare_tally")
            (expected,) = self.env.cr.fetchone()
            self.assertEqual(sum(row[3] for row in figures._totals()), expected)
            self.env["healthcare.tally"]._cron_fold()

    def test_no_scan_grows_with_the_table(self):
        with patch.dict(_volume_measure.LIST, {"count_limit": 101}):
            found = _volume_measure.measure(self.env, 0, self.users)
        # A table of this size is soon read as a whole; a large one must not be.
        for way in ("seqscan", "hashjoin", "mergejoin"):
            self.env.cr.execute(f"SET LOCAL enable_{way} = off")
        rows = {name: self.made[name] for name in LARGE}
        too_much = {}
        for asked, (_seconds, queries) in found.items():
            what = asked.removeprefix("limited: ")
            for _took, query, params in queries:
                if what in BY_NATURE or not any(name in query for name in LARGE):
                    continue
                if not _volume_measure.can_explain(query):
                    continue
                (plan,) = _volume_measure.plan(
                    self.env.cr, query, params, "ANALYZE, FORMAT JSON"
                )
                plan = json.loads(plan) if isinstance(plan, str) else plan
                for table, read in _scans(plan[0]["Plan"]):
                    if read > SHARE * rows.get(table, float("inf")):
                        too_much[asked, table] = (int(read), " ".join(query.split()))
        self.assertFalse(too_much, "\n".join(map(str, too_much.items())))


def _scans(node):
    """Yield (table, rows read) of each scan of a plan."""
    if "Relation Name" in node and "Scan" in node["Node Type"]:
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        yield node["Relation Name"], read * node["Actual Loops"]
    for child in node.get("Plans", ()):
        yield from _scans(child)
