"""nginx, which checks and plays the recipe of the reverse proxy, from Debian's package.

Unpacked beside Odoo, never installed.
"""

import os
import pathlib
import shutil

from . import debian
from .common import CACHE, DevError, locked, say, sh


def path():
    """Return the program's path, fetching it the first time (1 MB).

    ``HEALTHCARE_NGINX`` names another one; one of the machine's own is taken too.

    :raise DevError: when there is none and none can be had
    """
    if given := os.environ.get("HEALTHCARE_NGINX"):
        if not shutil.which(given):
            raise DevError("HEALTHCARE_NGINX is not a program")
        return given
    if found := shutil.which("nginx"):
        return found
    folder = CACHE / "nginx"
    program = folder / "nginx"
    with locked("nginx"):
        if not program.exists():
            say("nginx (once)")
            package = folder / "package"
            # of the machine's own release: it brings the libraries
            suite = _release()
            debian.download([("nginx", suite, None)], package, (suite,))
            debian.unpack(f"{package}/nginx_*.deb", package)
            # moved last: what is there is whole
            (package / "usr/sbin/nginx").replace(program)
            shutil.rmtree(package)
    sh(str(program), "-v")
    return str(program)


def _release():
    """Return the code name of the machine's Debian."""
    text = pathlib.Path("/etc/os-release").read_text()
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if values.get("ID") != "debian":
        raise DevError("no Debian: install nginx, or set HEALTHCARE_NGINX")
    return values.get("VERSION_CODENAME", "sid").strip('"')
