"""The runner of benchmarks/*.py."""

import datetime
import importlib
import os
import platform

from . import lint
from .common import REPO, DevError, say, sh
from .environment import ODOO_VERSION
from .instance import Dev

FOLDER = REPO / "benchmarks"
RESULTS = FOLDER / "RESULTS.md"
HEADINGS = ("benchmark", "what", "value", "unit", "aim", "day")


def main(arguments):
    """The command ``dev/bench``."""
    save = "--save" in arguments
    names = [word for word in arguments if not word.startswith("-")]
    known = sorted(
        path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")
    )
    if unknown := sorted(set(names) - set(known)):
        raise DevError(f"no such benchmark: {', '.join(unknown)}")
    if not known:
        raise DevError("the folder benchmarks has none")
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in known}
    # What takes very long runs only when it is named.
    names = names or [
        name for name in known if not getattr(modules[name], "ALONE", False)
    ]
    dev, rows = Dev(), []
    for name in names:
        say(f"benchmark {name}")
        found = [(name, *map(_text, row)) for row in modules[name].main(dev)]
        rows += found
        if save:  # at once: the next one may take an hour
            keep(name, found, _machine(dev))
            lint.tidy(dev.environment, RESULTS)
            importlib.import_module("benchmarks._capacity").write()
    print(markdown(HEADINGS, rows))
    return 0


def keep(name, rows, machine, path=RESULTS):
    """Write a benchmark's rows to the results page; those of others stay.

    :param rows: tuples as the table's, without the day
    :param machine: what it ran on, for people
    """
    day = datetime.date.today().isoformat()
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [_cells(line) for line in lines if line.startswith("| ")]
    kept = [
        row for row in kept if row[0] not in (name, HEADINGS[0]) and row[0].strip("-")
    ]
    kept += [(*row[:5], *[""] * (5 - len(row)), day) for row in rows]
    kept.sort(key=lambda row: row[0])
    path.write_text(
        "# Benchmarks\n\n"
        "Each row is of the last run of `dev/bench NAME --save`. Both sides of a ratio "
        "ran in turns\nwithin one run; single figures are of this machine only: "
        f"{machine}.\n\n{markdown(HEADINGS, kept)}\n"
    )


def _cells(line):
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def _machine(dev):
    """Say what this runs on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line for line in file if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    postgres = sh(f"{dev.environment.postgres}/postgres", "--version").split()[2]
    return (
        f"{os.cpu_count()} processors\n({model}), {memory:.0f} GB, "
        f"Python {platform.python_version()}, Odoo {ODOO_VERSION}, "
        f"PostgreSQL {postgres}"
    )


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def markdown(headings, rows):
    """A table with aligned columns; rows shorter than the headings are filled."""
    rows = [(*row, *[""] * (len(headings) - len(row))) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [headings, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines
    )
