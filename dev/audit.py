"""Known vulnerabilities of what is locked, and whether all of it is locked.

The advisories come from OSV (https://osv.dev), which has those of PyPI and npm. Where
it cannot be reached, the command says so and fails: silence is never a pass.
"""

import json
import os
import pathlib
import re
import urllib.error
import urllib.request

from .common import REPO, say

OSV = "https://api.osv.dev/v1/querybatch"
LOCKS = REPO / "dev" / "locks"
NODE = REPO / "dev" / "node" / "package-lock.json"
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
BATCH = 500
FOUND, UNREACHED = 1, 2  # exit codes


def requirements(text):
    """Read a lock file; yields ``(name, version, line)``.

    What is not pinned with a hash has no version.
    """
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        pin = PIN.match(line)
        locked = pin and HASH.search(line)
        yield (pin[1], pin[2], line) if locked else (None, None, line)


def packages(text):
    """Read ``package-lock.json``; yields ``(name, version, whether it has a hash)``."""
    for place, package in json.loads(text)["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            yield name, package["version"], "integrity" in package


def unlocked(folder=LOCKS, node=NODE):
    """Return what is not pinned to a version and a hash, as lines to show."""
    problems = []
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        for name, _version, line in requirements(path.read_text()):
            if not name:
                problems.append(f"{path.name}: {line[:70]}")
    for name, version, hashed in packages(pathlib.Path(node).read_text()):
        if not hashed:
            problems.append(f"{pathlib.Path(node).name}: {name} {version}")
    return problems


def locked(folder=LOCKS, node=NODE):
    """Return all that is locked: a sorted list of ``(ecosystem, name, version)``."""
    found = {
        ("PyPI", name, version)
        for path in pathlib.Path(folder).glob("*.txt")
        for name, version, _line in requirements(path.read_text())
        if name
    }
    found |= {
        ("npm", name, version)
        for name, version, _hashed in packages(pathlib.Path(node).read_text())
    }
    return sorted(found)


def advisories(wanted, address):
    """Ask OSV; return ``[(ecosystem, name, version, [advisory ids])]`` of the bad ones.

    :raise OSError: when it cannot be reached
    :raise ValueError: when it answers something else
    """
    found = []
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        queries = [
            {"package": {"ecosystem": ecosystem, "name": name}, "version": version}
            for ecosystem, name, version in part
        ]
        request = urllib.request.Request(
            address,
            json.dumps({"queries": queries}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            results = json.loads(answer.read())["results"]
        if len(results) != len(part):
            raise ValueError("it answered for other packages than were asked")
        for package, result in zip(part, results, strict=True):
            ids = [one["id"] for one in (result or {}).get("vulns", ())]
            if ids:
                found.append((*package, ids))
    return found


def main(arguments):
    """The command ``dev/audit``: 0: nothing is known, 1: something, 2: not reached."""
    problems = unlocked()
    for line in problems:
        say("not locked by version and hash:", line)
    wanted = locked()
    address = os.environ.get("HEALTHCARE_OSV", OSV)
    try:
        found = advisories(wanted, address)
    except (OSError, ValueError, KeyError, urllib.error.URLError) as error:
        say(f"could not reach {address}: {error}")
        say(f"nothing is known about {len(wanted)} packages: this is not a pass")
        return UNREACHED
    for ecosystem, name, version, ids in found:
        say(f"{ecosystem} {name} {version}: {', '.join(ids)}")
    say(f"{len(wanted)} packages, {len(found)} with known vulnerabilities")
    return FOUND if found or problems else 0
