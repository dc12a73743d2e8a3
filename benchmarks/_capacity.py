"""The tables of ``docs/capacity.rst``, computed from the kept results.

``dev/bench … --save`` writes them anew, as does ``python -m benchmarks._capacity``;
``tests/test_guides.py`` compares.
"""

import math
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
GUIDE = ROOT / "docs" / "capacity.rst"
BEGIN = ".. computed from benchmarks/RESULTS.md: {name}\n\n"
END = ".. end\n"

#: (what for people, benchmark, its row, events of one)
WORK = (
    ("Taken in, single events", "intake", "single events", 1),
    ("Taken in, batches of 500", "intake", "batches of 500", 1),
    (
        "Registrations to patients with a coverage",
        "registration",
        "registrations processed",
        1,
    ),
    (
        "Completed services to orders, supplies and posted invoices",
        "service",
        "completed services to posted invoices",
        1,
    ),
    (
        "Whole journeys of six events, to the last payment",
        "journey",
        "whole journeys, by events",
        6,
    ),
)
#: (provider, events of a day)
PROVIDERS = (
    ("One clinic, 300 visits", 2_000),
    ("A group, 5,000 visits", 30_000),
    ("A hospital, 30,000 visits", 200_000),
    ("A network, 150,000 visits", 1_000_000),
)
#: Share of a day's events that come in its busiest hour.
BUSIEST = 0.15
#: Share of what was measured that is planned for.
PLANNED = 0.5


def rows(path=RESULTS):
    """Return ``{(benchmark, what): value as text}`` of the kept results."""
    result = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and len(cells) > 2:
            result[cells[0], cells[1]] = cells[2]
    return result


def blocks(results):
    """Return ``{name: text}`` of the tables.

    :param results: of :func:`rows`
    :raise KeyError: when a measurement is missing
    """
    measured = {what: float(results[name, row]) for what, name, row, _n in WORK}
    costs = [("Work", "Row in the results", "A second", "Events an hour")]
    for what, name, row, events in WORK:
        rate = measured[what]
        hour = _rounded(rate * events * 3600)
        second = f"{rate:.3g}" if rate < 100 else f"{_rounded(rate):,}"
        costs.append((what, f"``{name}``: {row}", second, f"{hour:,}"))
    journeys = measured[WORK[-1][0]] * WORK[-1][3]
    sizes = [("Provider", "Events a day", "Work a day", "Such machines")]
    for provider, events in PROVIDERS:
        busiest = events * BUSIEST / (journeys * PLANNED * 3600)
        sizes.append(
            (
                provider,
                f"{events:,}",
                _duration(events / journeys),
                str(max(1, math.ceil(busiest))),
            )
        )
    return {"cost": _table(costs, "36 34 14 16"), "size": _table(sizes, "36 20 22 22")}


def filled(text, found):
    """Return the text of the guide with these blocks in it."""
    for name, block in found.items():
        begin = BEGIN.format(name=name)
        head, _begin, rest = text.partition(begin)
        _old, _end, tail = rest.partition(END)
        text = f"{head}{begin}{block}\n{END}{tail}"
    return text


def write():
    """Bring the guide up to date."""
    text = filled(GUIDE.read_text(encoding="utf-8"), blocks(rows()))
    GUIDE.write_text(text, encoding="utf-8")


def _rounded(number):
    """Return a number to three digits."""
    digits = max(0, int(math.log10(number)) - 2)
    return int(round(number, -digits))


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _table(lines, widths):
    text = f".. list-table::\n   :header-rows: 1\n   :widths: {widths}\n\n"
    for line in lines:
        for position, cell in enumerate(line):
            text += f"   {'* -' if not position else '  -'} {cell}\n"
    return text


if __name__ == "__main__":
    write()
