"""The same questions to a database with 10,000 events and to one with a million.

What people and systems ask all day must take the same order of time, apart from figures
of all that happened within a time: these have an aim of their own. ``--plans`` writes
the slowest queries with their plans to benchmarks/VOLUME.md. ``HEALTHCARE_VOLUME`` sets
another number than 1,000,000; it takes some six minutes and 6 GB.
"""

import json
import os
import sys

from dev import lint
from dev.bench import FOLDER, markdown
from dev.common import say

from . import _shared

SMALL = 10_000
LARGE = int(os.environ.get("HEALTHCARE_VOLUME", "1000000"))
TIMES, ENOUGH = 3, 0.25  # at most so many times longer, or so many seconds
PLANS = 12
#: seconds, for what reads all facts of a time
AIMS = {
    "dashboard, week": 1.0,
    "dashboard, month": 1.0,
    "dashboard, year": 5.0,
    "reimbursement of a quarter, pivot": 2.0,
    "margin of a quarter, pivot": 2.0,
}

FILL = """
from benchmarks import _volume
env["healthcare.target"].create({"name": "Volume", "url": "https://example.com/"})
for number in range(4):
    env["healthcare.source"].create(
        {"name": f"Volume {number}", "code": f"volume-{number}"})
for number in range(6):
    env["healthcare.facility"].create(
        {"name": f"Volume {number}", "code": f"VOLUME-{number}"})
made = _volume.fill(env.cr, SIZE)
env.cr.commit()
print(json.dumps(made))
"""
MEASURE = """
from benchmarks import _volume_measure
found = _volume_measure.measure(env)
worst = sorted(((what, *query) for what, (_s, queries) in found.items()
    for query in queries[:3]), key=lambda row: -row[1])
plans, seen = [], set()
for what, seconds, query, params in worst:
    if (len(plans) < COUNT and query not in seen
            and _volume_measure.can_explain(query)):
        seen.add(query)
        lines = _volume_measure.plan(env.cr, query, params)
        plans.append((what, seconds, " ".join(query.split()), lines))
print(json.dumps([{what: seconds for what, (seconds, _q) in found.items()}, plans]))
"""


def main(dev):
    times, plans = {}, []
    for size in (SMALL, LARGE):
        times[size], plans = _one(dev, size)
    rows = []
    for what, large in sorted(times[LARGE].items(), key=lambda row: -row[1]):
        small = times[SMALL][what]
        enough = AIMS.get(what, ENOUGH)
        good = large < enough or (what not in AIMS and large < TIMES * small)
        aim = f"under {enough * 1000:.0f} ms"
        if what not in AIMS:
            aim = "" if good else f"under {TIMES} × or {ENOUGH * 1000:.0f} ms"
        rows.append((what, f"{small * 1000:.1f} / {large * 1000:.1f}", "ms", aim))
    if "--plans" in sys.argv:
        _save(rows, plans)
        lint.tidy(dev.environment, FOLDER / "VOLUME.md")
    return rows


def _one(dev, size):
    """Return ``({what: seconds}, plans)`` of a database of that size."""
    database = f"bench_volume_{size}_{os.getpid()}"
    dev.clone(database)
    head = (
        f"import json, sys; sys.path.insert(0, {str(_shared._root())!r})\n"
        f"SIZE, COUNT = {size}, {PLANS}\n"
    )
    try:
        made = json.loads(dev.script(database, head + FILL))
        say(", ".join(f"{rows:,} {name}" for name, rows in made.items()))
        dev.cluster.psql(database, "VACUUM ANALYZE")
        return json.loads(dev.script(database, head + MEASURE))
    finally:
        dev.cluster.drop(database)


def _save(rows, plans):
    table = markdown(
        ("what", f"{SMALL:,} / {LARGE:,}", "unit", "too slow"),
        rows,
    )
    parts = [
        "# Volume\n",
        f"Medians in a database of {SMALL:,} and in one of {LARGE:,} events, with all "
        "that belongs to them (`dev/bench volume --plans`).\n",
        f"{table}\n",
        f"## The slowest queries at {LARGE:,}\n",
    ]
    for what, seconds, query, lines in plans:
        plan = "\n".join(line[:200] for line in lines)
        parts.append(
            f"### {what}: {seconds * 1000:.0f} ms\n\n"
            f"```sql\n{query[:1500]}\n```\n\n```text\n{plan}\n```\n"
        )
    (FOLDER / "VOLUME.md").write_text("\n".join(parts))
