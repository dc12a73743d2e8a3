"""Odoo on a database: configuration, templates, installing, one-off scripts.

``base_*`` has the addon's dependencies with demo data and is built once.
``template_*`` is the base with the addon installed and its assets compiled; it is
built again when a file of the addon changes. Everything else is a clone of these,
which takes a third of a second.
"""

import ast
import hashlib
import json
import os
import pathlib
import subprocess
import threading

from . import environment as environments
from .common import CHECKOUT, NAME, REPO, WORK, DevError, digest, locked, say, sh
from .database import Cluster

BUNDLES = {
    "js": (
        "web.assets_web",
        "web.assets_tests",
        "web.assets_frontend_minimal",
        "web.assets_frontend_lazy",
    ),
    "css": ("web.assets_web", "web.assets_frontend"),
}
# Not .po: they are read when a language is installed, which no template does.
SOURCES = (".py", ".xml", ".csv", ".js", ".scss", ".css", ".json", ".sql")
NOT_INSTALLED = {"tests", "dev", "benchmarks", "docs", "node_modules", "__pycache__"}


class Dev:
    """Everything the commands need: environment, running cluster, templates.

    :param cluster: name of the PostgreSQL cluster, see :class:`.database.Cluster`
    """

    def __init__(self, cluster="main"):
        self.environment = environments.prepare()
        self.cluster = Cluster(self.environment, cluster).start()

    def variables(self):
        """Environment of child processes, this cluster's address included."""
        return self.environment.variables() | self.cluster.variables()

    def configuration(self, database, node="", **options):
        """Write Odoo's configuration file for a database and return its path.

        A file and not command line options: pytest-odoo takes only a file, and the
        person's own ``~/.odoorc`` stays out of play.

        :param node: word that tells apart several servers on one database
        """
        values = {
            "addons_path": self.environment.addons_path,
            "db_host": self.cluster.socket,
            "db_port": 5432,
            "db_user": "odoo",
            "db_name": database,
            "list_db": False,
            "data_dir": self.cluster.attachments,
            "screenshots": WORK / "screenshots",
            "http_interface": "127.0.0.1",
            "max_cron_threads": 0,
            "with_demo": True,
            "log_level": "warn",
            **options,
        }
        folder = WORK / "configuration"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.cluster.name}-{database}{node}.conf"
        lines = [f"{name} = {value}" for name, value in values.items()]
        # Threads of one test may ask for the same file at the same moment.
        temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        temporary.write_text("\n".join(["[options]", *lines, ""]))
        temporary.replace(path)
        return path

    def command(self, database, *words, **options):
        """Command line of ``odoo`` on a database; a subcommand is the first word."""
        path = self.configuration(database, **options)
        words = list(map(str, words))
        subcommand = [words.pop(0)] if words and words[0].isalpha() else []
        odoo = [self.environment.python, "-m", "odoo", *subcommand]
        return [*odoo, "-c", str(path), *words]

    def odoo(self, database, *words, **options):
        """Run ``odoo`` on a database to its end and return its output."""
        return sh(
            *self.command(database, *words),
            env=self.variables(),
            cwd=WORK / "addons",
            **options,
        )

    def script(self, database, code):
        """Run Python in an Odoo shell; returns what it printed, commits nothing.

        The code sees ``env``; whatever it wants kept it commits itself.
        """
        words = self.command(database, "shell", "--no-http", "--log-level=error")
        marker = "\x1e"
        wrapped = f"print({marker!r}, end='')\n{code}\nprint({marker!r}, end='')\n"
        done = subprocess.run(
            words,
            env=self.variables(),
            cwd=WORK / "addons",
            input=wrapped,
            capture_output=True,
            text=True,
        )
        parts = done.stdout.split(marker)
        if done.returncode or len(parts) != 3:
            raise DevError(f"the script failed:\n{done.stderr[-3000:]}")
        return parts[1]

    def install(self, database, update=False):
        """Install or update the addon; warnings and errors appear on stderr."""
        flag = "-u" if update else "-i"
        log = WORK / f"{database}-install.log"
        stop = ("--stop-after-init", "--no-http", "--log-level=warn")
        self.odoo(database, flag, NAME, *stop, log=log)
        lines = log.read_text(errors="replace").splitlines()
        # as root Odoo says so at every start
        if lines := [line for line in lines if "security risk" not in line]:
            say("\n".join(lines))

    def compile_assets(self, database):
        """Compile the bundles that pages need, or every tour does it again."""
        lines = ["bundles = env['ir.qweb']._get_asset_bundle"]
        for kind, names in BUNDLES.items():
            for name in names:
                call = f"bundles({name!r}, css={kind == 'css'}, js={kind == 'js'})"
                lines.append(f"{call}.{kind}()")
        self.script(database, "\n".join([*lines, "env.cr.commit()"]))

    def base(self):
        """Name of the database with the addon's dependencies and demo data."""
        manifest = ast.literal_eval((REPO / "__manifest__.py").read_text())
        depends = sorted(manifest["depends"])
        name = f"base_{digest(self.environment.odoo, *depends)}"
        with locked(f"db-{name}"):
            if name not in self.cluster.databases():
                say(f"database with demo data of {', '.join(depends)} (1 min, once)")
                unfinished = f"unfinished_{name}"
                self.cluster.clone("template0", unfinished)
                stop = ("--stop-after-init", "--no-http")
                log = WORK / f"{name}.log"
                self.odoo(unfinished, "-i", ",".join(depends), *stop, log=log)
                self.cluster.rename(unfinished, name)
        return name

    @property
    def template_name(self):
        """What :meth:`template` is called, built or not."""
        return f"template_{CHECKOUT}"

    def template(self):
        """Name of the database with the current addon code installed."""
        name = self.template_name
        stamp = pathlib.Path(WORK / f"{name}.hash")
        base = self.base()
        with locked(f"db-{name}"):
            current = digest(base, source_hash())
            built = stamp.read_text() if stamp.exists() else ""
            if built != current or name not in self.cluster.databases():
                say("installing the addon into the template (10 s)")
                unfinished = f"unfinished_{name}"
                self.cluster.clone(base, unfinished)
                self.install(unfinished)
                self.compile_assets(unfinished)
                stamp.unlink(missing_ok=True)
                self.cluster.drop(name)
                self.cluster.rename(unfinished, name)
                stamp.write_text(current)
        return name

    def clone(self, database):
        """Make a fresh database with the addon and demo data; returns its name."""
        name = os.environ.get("HEALTHCARE_DEV_TEMPLATE")
        # within a test run the code is the code it started with
        known = name and name in self.cluster.databases()
        template = name if known else self.template()
        # nobody may rebuild the template while it is being copied
        with locked(f"db-{template}"):
            self.cluster.clone(template, database)
        return database


def source_hash():
    """Hash of all files that an installation of the addon reads."""
    result = hashlib.sha256()
    for folder, folders, files in os.walk(REPO):
        folders[:] = sorted(
            name
            for name in folders
            if name not in NOT_INSTALLED and not name.startswith(".")
        )
        for name in sorted(files):
            if name.endswith(SOURCES):
                path = pathlib.Path(folder, name)
                result.update(json.dumps(str(path.relative_to(REPO))).encode())
                result.update(path.read_bytes())
    return result.hexdigest()
