"""A connector of one's own to kill: database, server, receiver, vendor.

These tests commit for real, in a clone of the database and with a server process of
their own, so they need the developer tools that ``dev/test`` sets up.
"""

import contextlib
import os
import threading

from odoo.tests import BaseCase

from ..dev import expectation, feed, fingerprint, instance, play, receiver, report
from ..dev import server as servers
from ..dev.common import WORK, DevError

SECRET = "whsec_" + "c2VjcmV0" * 5


class Site:
    """A running connector on a fresh clone of the database.

    :param name: of the database
    :param dev: :class:`~..dev.instance.Dev`, whose cluster is used
    """

    def __init__(self, dev, name):
        self.dev, self.name = dev, name
        self.receiver = receiver.Receiver(secret=SECRET)
        self.receiver.start()
        self.key = dev.script(
            name,
            f"""
env["healthcare.target"].create({{
    "name": "Receiver", "url": {self.receiver.url!r}, "secret": {SECRET!r},
    "batch_size": 20, "parallel": 2}})  # many batches, the next written ahead
source = env["healthcare.source"].search([("code", "=", "demo-access")])
print(source._issue_key(["healthcare.events"], "durability", 1))
env.cr.commit()
""",
        ).strip()
        log = WORK / "logs" / f"{name}.log"
        log.unlink(missing_ok=True)
        self.server = servers.Server(dev, name, cron_threads=4, log=log)
        self.sent = None

    def play(self, events, **options):
        """Send events; see :func:`..dev.play.play`."""
        self.sent = play.play(self.server.url, self.key, events, **options)
        return self.sent

    @contextlib.contextmanager
    def playing(self, events, **options):
        """Send events meanwhile; yields a function that waits for so many answers."""
        answered = threading.Condition()
        count, failure = [0], []

        def note(number):
            with answered:
                count[0] = number
                answered.notify_all()

        def run():
            try:
                self.play(events, on_answer=note, **options)
            except DevError as error:
                failure.append(error)

        def wait_for(number):
            with answered:
                if not answered.wait_for(lambda: count[0] >= number, 120):
                    raise DevError("the feed got stuck")

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield wait_for
        finally:
            thread.join()
        if failure:
            raise failure[0]

    def settle(self, seconds=180, deliver=True, crashed=False):
        """Wait until everything is processed and delivered.

        :param crashed: a process died between a commit and what follows it and may
            have left events waiting that nobody wakes. The sweep finds them, a job of
            its own that comes every minute: it is run here instead of waited for
        """
        play.wait_settled(self.dev, self.name, seconds, deliver)
        if crashed:
            self.dev.script(
                self.name,
                "from odoo.service.model import retrying\n"
                'retrying(env["healthcare.engine"]._cron_sweep, env)',
            )
            play.wait_settled(self.dev, self.name, seconds, deliver)

    def fingerprint(self):
        """Return the summary of all business documents."""
        return fingerprint.fingerprint(self.dev, self.name)

    def problems(self):
        """Return what is lost, doubled or undelivered."""
        return report.verdict(
            report.collect(self.dev, self.name, self.sent, self.receiver)
        )

    def reset_breaker(self):
        """Send again at once, as an administrator does who knows the target is up.

        Begun again when the delivery job writes at the same moment, as a click is.
        """
        self.dev.script(
            self.name,
            "from odoo.service.model import retrying\n"
            'targets = env["healthcare.target"].search([])\n'
            "retrying(targets.action_reset_breaker, env)",
        )

    def close(self):
        """End the processes and drop the database."""
        self.server.stop()
        self.receiver.stop()
        self.dev.cluster.drop(self.name)


class DurabilityCase(BaseCase):
    """Offers sites and what the demo feed, sent once in order, leads to."""

    _reference = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.environ.get("HEALTHCARE_DEV"):
            reason = "needs the developer tools: run dev/test"
            if os.environ.get("CI"):
                raise AssertionError(reason)
            cls.skipTest(cls, reason)
        cls.dev = instance.Dev()
        cls.events = feed.generate()

    def site(self, name, dev=None, started=True):
        """Make a site that ends with the test."""
        dev = dev or self.dev
        name = f"{name}_{os.getpid()}"
        if dev is self.dev:
            dev.clone(name)
        else:
            source = self.dev.clone(f"source_{name}")
            try:
                dev.cluster.copy_from(self.dev.cluster, source, name)
            finally:
                self.dev.cluster.drop(source)
        site = Site(dev, name)
        self.addCleanup(site.close)
        if started:
            site.server.start()
        return site

    @property
    def reference(self):
        """Fingerprint after the feed was sent once, in order, by one connection."""
        if DurabilityCase._reference is None:
            site = self.site("reference")
            site.play(self.events, batch=40)
            site.settle()
            self.assertFalse(site.problems())
            DurabilityCase._reference = site.fingerprint()
        return DurabilityCase._reference

    def assertSound(self, site):
        """Nothing lost, doubled or undelivered, and the documents of the reference."""
        self.assertFalse(site.problems())
        found = fingerprint.differences(self.reference, site.fingerprint())
        self.assertFalse(found, "\n".join(["documents differ", *found[:40]]))

    def once(self):
        """Return the feed's good events, each once."""
        return [
            event
            for event in feed.unique(self.events)
            if not expectation.is_malformed(event)
        ]
