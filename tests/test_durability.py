"""Nothing lost, nothing doubled: through resends, disorder, crashes and dead targets.

Real processes and real commits; see :mod:`.durability`.
"""

import os

from odoo.tests import tagged

from ..dev import fingerprint, instance
from .durability import DurabilityCase


@tagged("post_install", "-at_install")
class TestDurability(DurabilityCase):
    def test_resent(self):
        """The feed three times leads to what it leads to once."""
        site = self.site("resent")
        first = site.play(self.events)
        site.settle()
        self.assertSound(site)
        for _ in range(2):
            again = site.play(self.events, batch=100)
            self.assertEqual(again.count("accepted"), 0)
            site.settle()
        site.sent = first
        self.assertSound(site)

    def test_shuffled(self):
        """Any order, by four connections at once, leads to the same documents."""
        for seed in (7, 11):
            with self.subTest(seed=seed):
                site = self.site(f"shuffled_{seed}")
                site.play(self.events, shuffle=seed, connections=4)
                site.settle()
                self.assertSound(site)

    def test_server_killed(self):
        """``kill -9`` of the server in mid-feed, twice."""
        site = self.site("killed")
        with site.playing(self.events, connections=2) as wait_for:
            for part in (0.3, 0.7):
                wait_for(int(len(self.events) * part))
                site.server.kill()
                site.server.start()
        site.settle(crashed=True)
        self.assertSound(site)

    def test_database_restarted(self):
        """A crash of PostgreSQL in mid-feed, in a cluster of its own."""
        dev = instance.Dev(cluster=f"chaos-{os.getpid()}")
        self.addCleanup(dev.cluster.remove)
        site = self.site("restarted", dev)
        with site.playing(self.events, connections=2) as wait_for:
            wait_for(len(self.events) // 2)
            dev.cluster.restart("immediate")
        site.settle(crashed=True)
        self.assertSound(site)

    def test_receiver_down(self):
        """A dead, then a faulty receiver gets every fact once and in sequence."""
        site = self.site("receiver")
        site.receiver.stop()
        site.play(self.events, batch=25)
        site.settle(deliver=False)
        self.assertFalse(site.receiver.facts())
        site.receiver.fail("lost", 1)
        site.receiver.start()
        site.reset_breaker()
        site.settle(240)
        self.assertSound(site)
        self.assertGreaterEqual(site.receiver.summary()["repeats"], 1)

    def test_receiver_faulty(self):
        """A receiver that refuses, loses answers and cuts connections meanwhile."""
        site = self.site("faulty")
        with site.playing(self.events) as wait_for:
            for number, how in enumerate(("500", "lost", "drop", "429")):
                wait_for((number + 1) * len(self.events) // 6)
                site.receiver.fail(how, 1)
        site.settle()
        self.assertSound(site)

    def test_differences_are_seen(self):
        """The comparison itself notices a document more."""
        other = {name: list(found) for name, found in self.reference.items()}
        other["invoices"] = other["invoices"] + other["invoices"][:1]
        self.assertTrue(fingerprint.differences(self.reference, other))
        self.assertFalse(fingerprint.differences(self.reference, self.reference))
