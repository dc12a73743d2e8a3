"""The rate of a source over several connections, worker processes and databases' time.

With a server process of its own, since its workers must not share memory.
"""

import http.client
import json
import math
import threading
import time
from urllib.parse import urlsplit

from odoo.tests import tagged

from ..core.protection.rates import SLOTS
from ..dev import server as servers
from .common import event, patient_data
from .durability import DurabilityCase

CONNECTIONS = 4
WORKERS = 2


@tagged("post_install", "-at_install")
class TestRateAcrossProcesses(DurabilityCase):
    def site_with(self, **values):
        site = self.site("rates", started=False)
        self.dev.script(
            site.name,
            f"""
source = env["healthcare.source"].search([("code", "=", "demo-access")])
source.write({values!r})
env.cr.commit()
""",
        )
        site.server = servers.Server(
            self.dev, site.name, workers=WORKERS, cron_threads=0, log=site.server.log
        ).start()
        return site

    def hammer(self, site, seconds, batch=1):
        """Send on several connections as fast as it goes; return what was answered.

        :return: list of ``(sent, answered, status, headers)``, times in seconds since
            the start
        """
        address = urlsplit(site.server.url)
        answers, begin = [], time.monotonic()
        headers = {
            "Authorization": f"Bearer {site.key}",
            "Content-Type": "application/cloudevents-batch+json",
        }

        def run(number):
            count = 0
            while time.monotonic() - begin < seconds:
                connection = http.client.HTTPConnection(address.hostname, address.port)
                count += 1
                body = json.dumps(
                    [
                        event(
                            "registration.created",
                            patient_data(f"R-{number}-{count}-{one}"),
                            id=f"r-{number}-{count}-{one}",
                        )
                        for one in range(batch)
                    ]
                )
                sent = time.monotonic() - begin
                connection.request("POST", "/healthcare/v1/events", body, headers)
                answer = connection.getresponse()
                answer.read()
                at = time.monotonic() - begin
                answers.append((sent, at, answer.status, dict(answer.getheaders())))
                connection.close()
                if answer.status == 429:
                    time.sleep(0.05)  # a vendor that does not wait long enough

        threads = [
            threading.Thread(target=run, args=(number,))
            for number in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def assertHeld(self, taken, refused, quota, window, seconds):
        """Within 5 % of the quota in any window, and nobody is refused below it.

        A request was counted at some moment between being sent and being answered; so
        it holds however slow the machine is.
        """
        for begin, _at in taken:
            within = [1 for sent, at in taken if begin <= sent and at <= begin + window]
            self.assertLessEqual(len(within), quota * 1.05)
        self.assertLessEqual(len(taken), quota * math.ceil(seconds / window) * 1.05)
        # The slot in which a window begins counts whole.
        longest = window * (1 + 1 / SLOTS)
        for began, ended in refused:
            before = [
                1 for sent, at in taken if at >= began - longest and sent <= ended
            ]
            self.assertGreaterEqual(len(before), quota * 0.95)

    def test_requests(self):
        quota, window, seconds = 20, 5, 14.9
        site = self.site_with(rate_requests=quota, rate_window=window)
        answers = self.hammer(site, seconds)
        self.assertEqual({status for _, _, status, _ in answers}, {202, 429})
        taken = [(sent, at) for sent, at, status, _ in answers if status == 202]
        refused = [(sent, at) for sent, at, status, _ in answers if status == 429]
        self.assertHeld(taken, refused, quota, window, seconds)
        for _sent, _at, status, headers in answers:
            self.assertEqual("Retry-After" in headers, status == 429)
            self.assertIn("RateLimit", headers)
        [[stored]] = self.dev.cluster.psql(
            site.name, "SELECT count(*) FROM healthcare_event"
        )
        self.assertEqual(int(stored), len(taken))

    def test_events(self):
        quota, window, seconds, batch = 100, 5, 14.9, 5
        site = self.site_with(rate_events=quota, rate_window=window)
        answers = self.hammer(site, seconds, batch)
        taken = [
            (sent, at)
            for sent, at, status, _ in answers
            if status == 202
            for _event in range(batch)
        ]
        refused = [(sent, at) for sent, at, status, _ in answers if status == 429]
        self.assertHeld(taken, refused, quota, window, seconds)
