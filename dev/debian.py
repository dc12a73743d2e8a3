"""Debian packages fetched and unpacked without root and without installing.

Odoo 19 is not on PyPI; Debian carries it. apt runs with lists of its own, so that
the machine's configuration stays as it is. The mirror is the machine's own.
"""

import getpass
import glob
import os
import pathlib
import shutil
import subprocess
import tarfile

from .common import CACHE, DevError, sh

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = ("sid", "trixie")
_updated = set()


def _mirror():
    """Address of the Debian archive, from the machine's own configuration."""
    if not shutil.which("apt-get"):
        raise DevError("apt-get is not there: set HEALTHCARE_ODOO to an Odoo checkout")
    found = sh(
        *("apt-get", "indextargets", "--format", "$(REPO_URI)"),
        "Created-By: Packages",
    )
    for address in found.split():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise DevError(
        "apt knows no Debian archive on this machine: set HEALTHCARE_ODOO to a "
        "checkout of Odoo 19.0"
    )


def _home(suites):
    """Where apt's lists of some suites are: others' troubles are not theirs."""
    return CACHE / ("apt" if suites == SUITES else "-".join(("apt", *suites)))


def _apt(folder, suites, *words):
    home = _home(suites)
    for part in ("lists/partial", "cache/archives/partial"):
        (home / part).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    if not os.path.exists(KEYRING):
        raise DevError("the package debian-archive-keyring is not installed")
    mirror = _mirror()
    sources = "".join(
        f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in suites
    )
    (home / "sources.list").write_text(sources)
    options = {
        "Dir::State": home,
        "Dir::State::Lists": home / "lists",
        "Dir::State::status": home / "status",
        "Dir::Cache": home / "cache",
        "Dir::Etc::SourceList": home / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Update::Error-Mode": "any",
        "APT::Update::Post-Invoke-Success": "",
        "APT::Sandbox::User": getpass.getuser(),
    }
    flags = [
        word for key, value in options.items() for word in ("-o", f"{key}={value}")
    ]
    return sh("apt-get", "-q", *flags, *words, cwd=folder)


def download(packages, folder, suites=SUITES):
    """Fetch packages into a folder.

    :param packages: tuples (name, suite, version or None)
    :param suites: those to look in; each such set has lists of its own
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if suites not in _updated:
        _apt(folder, suites, "update")
        _updated.add(suites)
    exact = [
        f"{name}={version}" if version else f"{name}/{suite}"
        for name, suite, version in packages
    ]
    try:
        _apt(folder, suites, "download", *exact)
    except DevError:
        # an archive keeps only the newest version: take what the suite has now
        newest = [f"{name}/{suite}" for name, suite, _v in packages]
        _apt(folder, suites, "download", *newest)


def unpack(package, folder, exclude=()):
    """Unpack a .deb file (or the first that matches a pattern) into a folder."""
    matches = sorted(glob.glob(str(package)))
    if not matches:
        raise DevError(f"{os.path.basename(str(package))} was not downloaded")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("dpkg-deb"):
        source = subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", matches[-1]], stdout=subprocess.PIPE
        )
        excluded = [f"--exclude={pattern}" for pattern in exclude]
        tar = ["tar", "-x", "--no-same-owner", "-C", str(folder), *excluded]
        done = subprocess.run(tar, stdin=source.stdout)
        if source.wait() or done.returncode:
            raise DevError(f"cannot unpack {matches[-1]}")
        return
    # a .deb is an ar archive; without dpkg Python reads it (xz and gz)
    with open(matches[-1], "rb") as handle:
        handle.read(8)
        while header := handle.read(60):
            size = int(header[48:58])
            if header.startswith(b"data.tar"):
                with tarfile.open(fileobj=handle, mode="r|*") as archive:
                    archive.extractall(folder, filter="tar")
                return
            handle.seek(size + size % 2, 1)
