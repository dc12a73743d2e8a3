"""promtool, which checks metrics and alert rules, from Debian's package.

Unpacked beside Odoo, never installed.
"""

import os
import shutil

from . import debian
from .common import CACHE, DevError, locked, say

PACKAGE = ("promtool", "trixie", None)


def path():
    """Return the program's path, fetching it the first time (about 30 MB).

    ``HEALTHCARE_PROMTOOL`` names another one; one of the machine's own is taken too.

    :raise DevError: when there is none and none can be had
    """
    if given := os.environ.get("HEALTHCARE_PROMTOOL"):
        if not shutil.which(given):
            raise DevError("HEALTHCARE_PROMTOOL is not a program")
        return given
    if found := shutil.which("promtool"):
        return found
    folder = CACHE / "promtool"
    program = folder / "promtool"
    with locked("promtool"):
        if not program.exists():
            say("promtool (once)")
            package = folder / "package"
            debian.download([PACKAGE], package)
            debian.unpack(f"{package}/promtool_*.deb", package)
            # moved last: what is there is whole
            (package / "usr/bin/promtool").replace(program)
            shutil.rmtree(package)
    return str(program)
