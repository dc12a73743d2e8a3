"""The runner of benchmarks/*.py."""

import datetime
import importlib
import os
import platform

from .common import REPO, DevError, say
from .instance import Dev

FOLDER = REPO / "benchmarks"
HEADINGS = ("benchmark", "what", "value", "unit", "aim")


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
    dev, rows = Dev(), []
    for name in names or known:
        say(f"benchmark {name}")
        module = importlib.import_module(f"benchmarks.{name}")
        rows += [(name, *map(_text, row)) for row in module.main(dev)]
    table = markdown(HEADINGS, rows)
    print(table)
    if save:
        where = f"{os.cpu_count()} processors, Python {platform.python_version()}"
        day = datetime.date.today().isoformat()
        head = f"# Benchmarks\n\nLast run of `dev/bench --save`: {day}, {where}.\n\n"
        (FOLDER / "RESULTS.md").write_text(f"{head}{table}\n")
    return 0


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
