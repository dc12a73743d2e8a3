"""A real ClickHouse server on the loopback, from Debian's package, never installed.

Debian carried it up to its release 11; the package is unpacked with the libraries it
was built against, so that it runs on any newer system.
"""

import base64
import glob
import os
import pathlib
import resource
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from . import debian
from .common import CACHE, DevError, free_port, locked, say

SUITE = "bullseye"
PACKAGES = """
clickhouse-server clickhouse-common
libboost-filesystem1.74.0 libboost-program-options1.74.0 libcapnp-0.7.0 libcctz2
libcpuinfo0 libdouble-conversion3 libexpat1 libfarmhash0 libgcc-s1 libicu67 libjemalloc2
libltdl7 liblz4-1 libmariadb3 libmetrohash1 libodbc1 libpcre3 libpococrypto70
libpocodata70 libpocodataodbc70 libpocofoundation70 libpocojson70 libpocomongodb70
libpoconet70 libpoconetssl70 libpocoutil70 libpocoxml70 librdkafka1 libre2-9 libsasl2-2
libssl1.1 libstdc++6 libzstd1 zlib1g
""".split()
USER = "odoo"
PATIENCE = 30  # seconds for the server to answer

CONFIGURATION = """<?xml version="1.0"?>
<yandex>
  <logger>
    <level>warning</level><log>{folder}/server.log</log>
    <errorlog>{folder}/error.log</errorlog>
  </logger>
  <http_port>{port}</http_port>
  <listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <mark_cache_size>16777216</mark_cache_size>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
</yandex>
"""
USERS = """<?xml version="1.0"?>
<yandex>
  <profiles><default>
    <max_memory_usage>1000000000</max_memory_usage>
    <max_read_buffer_size>65536</max_read_buffer_size>
  </default></profiles>
  <users><{user}>
    <password>{password}</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota>
  </{user}></users>
  <quotas><default/></quotas>
</yandex>
"""


def program():
    """Return (path of the server's program, path of its libraries).

    Fetched the first time (about 30 MB). ``HEALTHCARE_CLICKHOUSE`` names another one.

    :raise DevError: when there is none and none can be had
    """
    if given := os.environ.get("HEALTHCARE_CLICKHOUSE"):
        if not shutil.which(given):
            raise DevError("HEALTHCARE_CLICKHOUSE is not a program")
        return shutil.which(given), ""
    folder = CACHE / "clickhouse"
    with locked("clickhouse"):
        if not (folder / ".complete").exists():
            say("ClickHouse (once)")
            shutil.rmtree(folder, ignore_errors=True)
            packages = folder / "packages"
            wanted = [(name, SUITE, None) for name in PACKAGES]
            debian.download(wanted, packages, (SUITE,))
            for package in glob.glob(f"{packages}/*.deb"):
                debian.unpack(package, folder, ["./usr/share"])
            shutil.rmtree(packages)
            (folder / ".complete").touch()
    patterns = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib")
    libraries = [path for one in patterns for path in glob.glob(f"{folder}/{one}")]
    return str(folder / "usr/sbin/clickhouse-server"), ":".join(libraries)


def _unbounded():
    # Odoo bounds its own address space, which its children inherit
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


class ClickHouse:
    """A server with a folder of its own; what it holds outlives :meth:`stop`.

    :param folder: where its data and log are; None makes one
    """

    def __init__(self, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="clickhouse-"))
        self.port = free_port()
        self.user, self.password = USER, secrets.token_hex(16)
        self.process = None

    @property
    def url(self):
        """Address of its HTTP interface."""
        return f"http://127.0.0.1:{self.port}/"

    def command(self):
        """Return what starts it: a command line and environment variables.

        :raise DevError: when there is no engine and none can be had
        """
        binary, libraries = program()
        (self.folder / "config.xml").write_text(
            CONFIGURATION.format(folder=self.folder, port=self.port)
        )
        users = self.folder / "users.xml"
        users.touch(mode=0o600)
        users.write_text(USERS.format(user=self.user, password=self.password))
        config = f"--config-file={self.folder / 'config.xml'}"
        return [binary, config], {"LD_LIBRARY_PATH": libraries}

    def start(self):
        """Start it, or start it again; returns when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command, variables = self.command()
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **variables},
                stdout=output,
                stderr=output,
                cwd=self.folder,
                preexec_fn=_unbounded,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.query("SELECT 1")
                return self
            except OSError:
                time.sleep(0.05)
        self.stop()
        said = (self.folder / "output").read_text(errors="replace")[-2000:]
        raise DevError(f"ClickHouse did not start:\n{said}")

    def stop(self, how=signal.SIGTERM):
        """End it; its data stays."""
        if self.process:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def remove(self):
        """End it and remove what it held."""
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql, database="default"):
        """Return what the server answers to one statement, as text.

        :raise DevError: with the server's words, when it refuses
        """
        pair = f"{self.user}:{self.password}".encode()
        request = urllib.request.Request(
            f"{self.url}?database={database}",
            sql.encode(),
            {"Authorization": f"Basic {base64.b64encode(pair).decode()}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise DevError(error.read().decode(errors="replace")) from error

    def hint(self):
        """Return a command line that asks it something, for a person to go on from."""
        return (
            f"curl -s -u {self.user}:{self.password} {self.url} "
            "-d 'SELECT fact_type, count(*) FROM healthcare_facts GROUP BY fact_type'"
        )
