"""PostgreSQL: a private cluster and its databases."""

import os
import shutil
import subprocess

from .common import AS_ROOT, CACHE, DevError, locked, say, sh

# A crash of the machine may lose a development database, a crash of a process must
# not: hence no fsync, but synchronous commits, which crash tests rely on.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "512MB",
    "max_connections": "300",
    "max_wal_size": "4GB",
    "jit": "off",
    "listen_addresses": "",
}


class Cluster:
    """A PostgreSQL server process on a Unix socket.

    :param environment: :class:`~.environment.Environment`
    :param name: ``main`` is shared by all commands; a test that restarts its
        server takes a name of its own and removes it with :meth:`remove`
    """

    def __init__(self, environment, name="main"):
        self.environment = environment
        self.programs = environment.postgres
        version = sh(f"{self.programs}/postgres", "--version").split()[2]
        self.folder = CACHE / f"pg{version.split('.')[0]}-{name}"
        self.name = name
        #: Odoo's data_dir; databases of two clusters may have the same name
        self.attachments = CACHE / f"odoo-data-{name}"
        self.data = self.folder / "data"
        self.socket = self.folder / "s"
        if len(str(self.socket)) > 90:
            raise DevError("the cache path is too long for a socket: HEALTHCARE_CACHE")
        self._identity = _unprivileged()

    def filestore(self, database):
        """Folder of a database's attachments."""
        return self.attachments / "filestore" / database

    def variables(self):
        """Environment variables with which libpq finds the cluster."""
        return {"PGHOST": str(self.socket), "PGPORT": "5432", "PGUSER": "odoo"}

    def start(self):
        """Make the cluster if there is none and start it if it is down."""
        with locked(f"cluster-{self.name}"):
            if self.running():
                return self
            if not (self.data / "PG_VERSION").exists():
                self._create()
            try:
                self._start()
            except DevError as error:
                say("the PostgreSQL cluster is broken, making a new one:", error)
                self._create()
                self._start()
        return self

    def _create(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.socket.mkdir(parents=True)
        if AS_ROOT:
            for folder in (self.folder, self.socket):
                shutil.chown(folder, self._identity["user"], self._identity["group"])
        sh(
            *(f"{self.programs}/initdb", "-D", self.data, "-U", "odoo"),
            *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            **self._identity,
        )

    def _start(self):
        options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        log = self.folder / "log"
        command = [f"{self.programs}/pg_ctl", "-D", self.data, "-w", "-t", "60"]
        command += ["-l", log, "-o", f"-k {self.socket} {options}", "start"]
        # the server inherits the output: a pipe would never end
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = list(map(str, command))
        quiet["stdin"] = subprocess.DEVNULL
        if subprocess.run(command, **quiet, **self._identity).returncode:
            raise DevError(f"PostgreSQL did not start, see {log}")

    def running(self):
        """Whether the server process runs."""
        command = [f"{self.programs}/pg_ctl", "-D", str(self.data), "status"]
        quiet = subprocess.DEVNULL
        done = subprocess.run(command, stdout=quiet, stderr=quiet, **self._identity)
        return done.returncode == 0

    def stop(self, mode="fast"):
        """Stop the server; mode ``immediate`` is a crash."""
        if self.running():
            stop = (f"{self.programs}/pg_ctl", "-D", self.data, "-w", "-m", mode)
            sh(*stop, "stop", **self._identity)

    def restart(self, mode="fast"):
        """Stop and start, cutting every connection."""
        self.stop(mode)
        self.start()

    def remove(self):
        """Stop the server and delete its files."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.attachments, ignore_errors=True)

    def psql(self, database, query):
        """Run SQL; rows come back as lists of strings (NULL is an empty string)."""
        output = sh(
            *(f"{self.programs}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1"),
            *("-F", "\x1f", "-R", "\x1e", "-d", database, "-c", query),
            env={**os.environ, **self.variables()},
        )
        output = output.removesuffix("\n")
        return [row.split("\x1f") for row in output.split("\x1e")] if output else []

    def databases(self):
        """Names of all databases."""
        query = "SELECT datname FROM pg_database WHERE NOT datistemplate"
        return [row[0] for row in self.psql("postgres", query)]

    def create(self, database, template="template0"):
        """Create a database by copying another, files included."""
        self.psql("postgres", f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        if self.filestore(template).exists():
            self._link(self.filestore(template), self.filestore(database))

    def _link(self, source, target):
        # file contents are addressed by hash and never rewritten: links will do
        shutil.copytree(source, target, copy_function=os.link)

    def drop(self, *databases):
        """Drop databases with their files, cutting connections."""
        for database in databases:
            self.psql("postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            shutil.rmtree(self.filestore(database), ignore_errors=True)

    def clone(self, template, database):
        """Replace a database by a fresh copy of another."""
        self.drop(database)
        self.create(database, template)

    def rename(self, database, name):
        """Give a database and its files another name."""
        self.psql("postgres", f'ALTER DATABASE "{database}" RENAME TO "{name}"')
        if self.filestore(database).exists():
            shutil.rmtree(self.filestore(name), ignore_errors=True)
            self.filestore(database).rename(self.filestore(name))

    def copy_from(self, other, source, database):
        """Copy a database from another cluster (about ten seconds)."""
        self.drop(database)
        self.psql("postgres", f'CREATE DATABASE "{database}" TEMPLATE template0')
        dump = subprocess.Popen(
            [f"{self.programs}/pg_dump", "-Fp", source],
            stdout=subprocess.PIPE,
            env={**os.environ, **other.variables()},
        )
        sh(
            *(f"{self.programs}/psql", "-Xq", "-v", "ON_ERROR_STOP=1", database),
            stdin=dump.stdout,
            log=self.folder / "copy.log",
            env={**os.environ, **self.variables()},
        )
        if dump.wait():
            raise DevError(f"pg_dump of {source} failed")
        if other.filestore(source).exists():
            self._link(other.filestore(source), self.filestore(database))


def _unprivileged():
    """PostgreSQL refuses to run as root: the arguments that make it another user."""
    if not AS_ROOT:
        return {}
    import pwd

    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    variables = {**os.environ, "HOME": "/", "PWD": "/"}
    return {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": [],
        "env": variables,
        "cwd": "/",
    }
