"""A job whose server is killed: it goes on where it was, and does nothing twice."""

import time

from odoo.tests import tagged

from .durability import DurabilityCase

MANY = 5000
BEGIN = f"""
env.cr.execute('''INSERT INTO healthcare_exception (name, category, state, fingerprint,
    reason, company_id, currency_id, amount_at_risk, opened_at, deadline)
SELECT 'BULK' || n, 'delayed_payment', 'open', 'bulk/' || n, 'Late', %s, %s, 10,
    now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
FROM generate_series(1, {MANY}) n RETURNING id''',
    [env.company.id, env.company.currency_id.id])
ids = [row[0] for row in env.cr.fetchall()]
env["healthcare.waive.wizard"].create(
    {{"exception_ids": [(6, 0, ids)], "reason": "Agreed"}}).action_waive()
env.cr.commit()
"""
NUMBERS = """
SELECT (SELECT count(*) FROM healthcare_exception
        WHERE category = 'delayed_payment' AND state = 'waived'),
    (SELECT coalesce(max(done_count), 0) FROM healthcare_replay),
    (SELECT count(*) FROM healthcare_replay_line WHERE state = 'done'),
    (SELECT coalesce(max(n), 0) FROM (SELECT count(*) n FROM mail_message
        WHERE model = 'healthcare.exception' GROUP BY res_id) x),
    (SELECT count(*) FROM healthcare_replay WHERE state = 'done')
"""


@tagged("post_install", "-at_install")
class TestReplayDurability(DurabilityCase):
    def numbers(self, site):
        (row,) = site.dev.cluster.psql(site.name, NUMBERS)
        return tuple(int(number) for number in row)

    def await_numbers(self, site, reached):
        end = time.monotonic() + 240
        while time.monotonic() < end:
            numbers = self.numbers(site)
            if reached(*numbers):
                return numbers
            time.sleep(0.2)
        return self.fail(f"It got stuck at {numbers}")

    def test_killed_while_waiving_thousands(self):
        site = self.site("replay")
        site.dev.script(site.name, BEGIN)
        self.await_numbers(site, lambda waived, *_rest: waived >= 600)
        site.server.kill()
        waived, done, lines, _messages, over = self.numbers(site)
        self.assertFalse(over)
        self.assertEqual((done, lines), (waived, waived))
        site.server.start()
        numbers = self.await_numbers(site, lambda *n: n[-1])
        self.assertEqual(numbers, (MANY, MANY, MANY, 1, 1))
