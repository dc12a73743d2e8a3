"""A pytest plugin: several processes share one list of tests.

Each collects all tests and takes a class at a time, the longest of the last run first,
so that all processes end at about the same time. What was taken is in one file under
a lock; how long it took is written next to it for the next run.
"""

import contextlib
import fcntl
import json
import os
import time

FOLDER = os.environ["HEALTHCARE_TEST_SHARES"]
DURATIONS = os.environ["HEALTHCARE_TEST_DURATIONS"]


@contextlib.contextmanager
def _shared(name):
    """Give the content of a JSON file, a dict, and write it back under a lock."""
    with open(os.path.join(FOLDER, name), "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        content = json.loads(file.read() or "{}")
        yield content
        file.seek(0)
        file.truncate()
        json.dump(content, file)


def _durations():
    try:
        with open(DURATIONS, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _group(item):
    return item.nodeid.rpartition("::")[0]


def pytest_runtestloop(session):
    """Run what no other process has taken."""
    if session.testsfailed and not session.config.option.continue_on_collection_errors:
        raise session.Interrupted("errors during collection")
    if session.config.option.collectonly:
        return True
    groups = {}
    for item in session.items:
        groups.setdefault(_group(item), []).append(item)
    known = _durations()
    # What is not known may be long: it goes first.
    for name in sorted(groups, key=lambda name: -known.get(name, 1e9)):
        with _shared("taken") as taken:
            if name in taken:
                continue
            taken[name] = os.getpid()
        started = time.monotonic()
        items = groups[name]
        for index, item in enumerate(items):
            following = items[index + 1] if index + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        with _shared("durations") as durations:
            durations[name] = round(time.monotonic() - started, 2)
    return True
