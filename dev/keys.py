"""Vendor keys for a running demo (``dev/key``)."""

import json
import os

from .common import WORK, DevError, locked
from .instance import Dev

#: one folder per running demo, named by its port
STATE = WORK / "demo"
SCOPES = ("events", "status", "metrics")


def running_demos():
    """States of the demo servers of this checkout that run, newest first."""
    paths = sorted(
        STATE.glob("*/state.json"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    states = [json.loads(path.read_text()) for path in paths]
    return [state for state in states if os.path.exists(f"/proc/{state['pid']}")]


def main(arguments):
    """The command ``dev/key``: fresh keys on stdout, one line each."""
    source, *scopes = arguments
    scopes = [word.removeprefix("healthcare.") for word in scopes or ["events"]]
    if unknown := set(scopes) - set(SCOPES):
        raise DevError(f"no such scope: {', '.join(sorted(unknown))}")
    demos = running_demos()
    if not demos:
        raise DevError("no demo is running: start dev/run first")
    code = f"""
source = env["healthcare.source"].search([("code", "=", {source!r})])
for scope in {scopes!r}:
    if source:
        print(source._issue_key(["healthcare." + scope], "dev/key " + scope, 30))
env.cr.commit()
"""
    with locked("key"):
        keys = Dev().script(demos[0]["database"], code).strip()
    if not keys:
        raise DevError(f"the demo database has no source {source}")
    print(keys)
    return 0
