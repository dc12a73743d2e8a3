"""The demo: database, server, receiver, feed and report in one go (``dev/run``)."""

import argparse
import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import time

from core.analytics import warehouse

from . import feed, play, report
from .clickhouse import ClickHouse
from .common import DevError, free_port, say
from .instance import Dev
from .keys import STATE
from .receiver import Receiver
from .server import Server

SOURCE = "demo-access"
PORT = 8069
#: seconds for the server to finish what it accepted
PATIENCE = 180


def main(arguments, description=None):
    """The command ``dev/run``; with ``--once`` 1 if anything went wrong."""
    options = _options(arguments, description)
    demo = Demo(options.port)
    # an interrupted run must not leave a server behind
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with demo.running():
        found, problems = {}, []
        if not options.no_feed:
            found, problems = demo.play()
            report.print_table(found)
            for problem in problems:
                print("PROBLEM:", problem)
        print(demo.where_to_look(), flush=True)
        if options.json:
            print(json.dumps({**found, "problems": problems}, default=str))
        if not options.once:
            demo.serve()
    return int(bool(problems))


def _options(arguments, description):
    parser = argparse.ArgumentParser("dev/run", description=description)
    parser.add_argument(
        "--once", action="store_true", help="stop after the table; fail on problems"
    )
    parser.add_argument("--json", action="store_true", help="the table as JSON, last")
    parser.add_argument("--no-feed", action="store_true", help="only serve")
    parser.add_argument("--port", type=int, help=f"default: {PORT} or any free one")
    return parser.parse_args(arguments)


class Demo:
    """One demo server; several stand side by side on their own ports.

    :param port: HTTP port; None takes the usual one, or another if that is taken
    """

    def __init__(self, port=None):
        self.port = port or (PORT if _is_free(PORT) else free_port())
        if port and not _is_free(port):
            raise DevError(f"port {port} is in use")
        self.dev = Dev()
        self.database = f"demo_{self.port}"
        self.folder = STATE / str(self.port)
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.server = self.receiver = self.key = self.warehouse = None

    @contextlib.contextmanager
    def running(self):
        """Fresh database, receiver and server; all ended at the end."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        say(f"demo database {self.database}")
        self.dev.clone(self.database)
        self.receiver = Receiver(
            port=0, directory=self.folder / "facts", secret=self.secret
        )
        self.receiver.start()
        self._start_warehouse()
        self.key = self._configure()
        log = self.folder / "server.log"
        self.server = Server(
            self.dev, self.database, self.port, cron_threads=4, log=log
        )
        try:
            self.server.start()
            state = {"database": self.database, "port": self.port, "pid": os.getpid()}
            (self.folder / "state.json").write_text(json.dumps(state))
            say(f"server at {self.server.url}, log {log}")
            yield self
        finally:
            self.server.stop()
            self.receiver.stop()
            if self.warehouse:
                self.warehouse.remove()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.dev.cluster.drop(self.database)

    def _start_warehouse(self):
        """Start a ClickHouse with the tables of ``docs/warehouse``, if there is one."""
        server = ClickHouse(self.folder / "clickhouse")
        try:
            server.start()
        except DevError as error:
            if os.environ.get("CI"):
                raise
            say(f"warning: no ClickHouse, facts go to the receiver only: {error}")
            return
        for statement in warehouse.statements(warehouse.script("clickhouse")):
            server.query(statement)
        self.warehouse = server

    def _warehouse_values(self):
        server = self.warehouse
        return server and {
            "name": "Demo warehouse (ClickHouse)",
            "url": server.url,
            "dialect": "clickhouse",
            "table": warehouse.TABLE,
            "authentication": "basic",
            "username": server.user,
            "password": server.password,
        }

    def _configure(self):
        """Point the analytics target at the receiver; returns a vendor key."""
        return self.dev.script(
            self.database,
            f"""
target = env["healthcare.target"].search([], limit=1, order="id")
values = {{"url": {self.receiver.url!r}, "secret": {self.secret!r}, "paused": False}}
if target:
    target.write(values)
else:
    env["healthcare.target"].create(dict(values, name="Demo analytics"))
warehouse = {self._warehouse_values()!r}
if warehouse:
    env["healthcare.target"].create(warehouse)
env["ir.config_parameter"].set_param("web.base.url", {f"http://127.0.0.1:{self.port}"!r})
env["ir.config_parameter"].set_param("web.base.url.freeze", "True")
source = env["healthcare.source"].search([("code", "=", {SOURCE!r})])
print(source._issue_key(["healthcare.events"], "demo feed", 1))
env.cr.commit()
""",
        ).strip()

    def play(self):
        """Send the feed, wait until all is settled; returns (report, problems)."""
        events = feed.generate()
        say(f"playing {len(events)} events")
        sent = play.play(self.server.url, self.key, events)
        say("waiting until everything is processed and delivered")
        problems = []
        try:
            play.wait_settled(self.dev, self.database, PATIENCE)
        except DevError as error:
            # the table shows better than the error what is amiss
            problems.append(str(error))
        found = report.collect(self.dev, self.database, sent, self.receiver)
        return found, problems + report.verdict(found)

    def where_to_look(self):
        """Addresses and logins, as text."""
        asked = f"Warehouse   {self.warehouse.hint()}\n" if self.warehouse else ""
        return f"""
Odoo        {self.server.url}/odoo            admin / admin
Exceptions  {self.server.url}/odoo/healthcare-exceptions
API         {self.server.url}/healthcare/v1/openapi.json
Receiver    {self.receiver.url}
{asked}Logins      operator, phi_reader, finance, auditor (password = login)
Vendor key  dev/key {SOURCE}
Log         {self.server.log}
"""

    def serve(self):
        """Keep serving until Ctrl-C."""
        say("serving until Ctrl-C")
        try:
            while self.server.running():
                time.sleep(0.5)
        except KeyboardInterrupt:
            say("stopping")
            return
        raise DevError(f"the server ended by itself:\n{self.server.tail()}")


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
