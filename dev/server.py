"""An Odoo server as a child process."""

import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from .common import WORK, DevError, free_port


def _launcher():
    """Return a program that is Odoo."""
    path = WORK / "odoo-bin"
    temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    temporary.write_text("from odoo.cli.command import main\n\nmain()\n")
    temporary.replace(path)
    return path


class Server:
    """An Odoo server on one database.

    :param dev: :class:`~.instance.Dev`
    :param database: name of the database
    :param port: HTTP port, 0 for any free one
    :param workers: 0 is one threaded process, more are worker processes
    :param cron_threads: threads (or processes) that run scheduled actions
    :param log: path of the log file; appended to
    :param options: further options of Odoo's configuration file; ``node`` tells apart
        several servers on one database
    """

    def __init__(
        self, dev, database, port=0, workers=0, cron_threads=2, log=None, **options
    ):
        self.dev = dev
        self.database = database
        self.port = port or free_port()
        self.workers = workers
        self.cron_threads = cron_threads
        self.log = log or WORK / "logs" / f"{database}.log"
        self.options = options
        self.process = None

    @property
    def url(self):
        """Address of the server, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, wait=60):
        """Start the process and wait until it answers.

        :param wait: seconds; 0 does not wait
        :raises DevError: it ended or did not answer in time
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        options = {
            "http_port": self.port,
            "gevent_port": free_port(),
            "workers": self.workers,
            "max_cron_threads": self.cron_threads,
            "log_level": "info",
            # as deployed: Odoo counts all jobs that follow each other
            "limit_time_real_cron": 900,
            **self.options,
        }
        command = self.dev.command(self.database, **options)
        # Odoo starts itself again (its live-chat process, a reload when a limit is
        # reached) by its own file name, which must be a program: `-m odoo` is none
        place = command.index("-m")
        command[place : place + 2] = [str(_launcher())]
        with open(self.log, "ab") as log:
            # own process group: a terminal's Ctrl-C reaches us first, and a kill
            # reaches its workers too
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.dev.variables(),
                cwd=WORK / "addons",
                start_new_session=True,
            )
        if wait:
            self.wait_ready(wait)
        return self

    def wait_ready(self, seconds=60):
        """Wait until the server answers requests."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DevError(f"the server ended at start:\n{self.tail()}")
            try:
                address = f"{self.url}/web/health"
                with urllib.request.urlopen(address, timeout=5) as answer:
                    if answer.status == 200:
                        return self
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        self.kill()
        raise DevError(f"the server did not answer in time:\n{self.tail()}")

    def running(self):
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self, wait=20):
        """Ask the process to end, and make it end when it does not."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        """End the process and its workers at once, as ``kill -9`` does."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was quicker
            self.process.wait()

    def tail(self, lines=30):
        """The last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self):
        return self if self.running() else self.start()

    def __exit__(self, *_exception):
        self.stop()
