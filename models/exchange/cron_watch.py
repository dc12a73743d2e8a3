"""Bring back scheduled-action threads that a restart of PostgreSQL has ended.

A threaded Odoo server runs ``ir.cron`` in threads that end for good when they cannot
reach the database at the moment they want to reconnect (seen with 19.0: every thread
dies when PostgreSQL is away for half a second). Nothing would be processed until
somebody restarts the server. Worker processes (``--workers``) need none of this: their
master starts another one.

Threads that start, the first ones of a process too, wait for a notification or a minute
before they look for jobs. What a crash left behind need not wait that long: they are
told as soon as they listen.
"""

import logging
import threading
import time

import psycopg2

from odoo import models, sql_db
from odoo.modules.registry import Registry
from odoo.service import server as servers

_logger = logging.getLogger(__name__)

PREFIX = "odoo.service.cron.cron"
INTERVAL = 2.0  # seconds
_started = threading.Lock()


class IrCron(models.Model):
    _inherit = "ir.cron"

    def _register_hook(self):
        result = super()._register_hook()
        server = servers.server
        # held for ever: one watch per process, whatever databases it serves
        if isinstance(server, servers.ThreadedServer) and _started.acquire(False):
            threading.Thread(
                target=_watch, args=(server,), name="healthcare.cron_watch", daemon=True
            ).start()
        return result


def _watch(server):
    seen, started = set(), True
    while True:
        time.sleep(INTERVAL)
        if started and _database_answers():
            _tell()
            started = False
        alive = {t.name for t in threading.enumerate() if t.name.startswith(PREFIX)}
        seen |= alive
        missing = sorted(seen - alive)
        if missing and _database_answers():
            for name in missing:
                _logger.warning("Thread %s had ended, starting it again", name)
                _spawn(server, name)
            started = True


def _database_answers():
    try:
        with sql_db.db_connect("postgres").cursor() as cr:
            cr.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True


def _tell():
    """Have scheduled-action threads look for jobs now."""
    try:
        # Odoo's channel is that of this database, whichever the jobs are in.
        with sql_db.db_connect("postgres").cursor() as cr:
            for name in list(Registry.registries):
                cr.execute("SELECT pg_notify('cron_trigger', %s)", [name])
    except psycopg2.Error:
        _logger.info("The next look for jobs is in a minute")


def _spawn(server, name):
    """Start a thread as ``ThreadedServer.cron_spawn`` does."""
    number = int(name.removeprefix(PREFIX))
    thread = threading.Thread(
        target=server.cron_thread, args=(number,), name=name, daemon=True
    )
    thread.type = "cron"
    thread.start()
