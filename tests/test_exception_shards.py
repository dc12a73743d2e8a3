"""Many shards, connections and commits: still one alert for one problem."""

import time

from odoo.tests import tagged

from .common import SYSTEM, event
from .durability import DurabilityCase

MANY = 300
CODE = "PAYER-OF-NOBODY"
NUMBERS = f"""
SELECT (SELECT count(*) FROM healthcare_exception WHERE cause_key = 'payer/{CODE}'),
    (SELECT count(*) FROM healthcare_exception_cause WHERE key = 'payer/{CODE}'),
    (SELECT count(*) FROM healthcare_exception_cause
        WHERE key = 'payer/{CODE}' AND state = 'open'),
    (SELECT count(*) FROM mail_activity a WHERE a.active
        AND a.res_model = 'healthcare.exception.cause'),
    (SELECT count(*) FROM mail_message m
        JOIN mail_notification n ON n.mail_message_id = m.id
        WHERE m.model = 'healthcare.exception.cause'),
    (SELECT count(*) FROM healthcare_event WHERE state != 'done')
"""


@tagged("post_install", "-at_install")
class TestExceptionShards(DurabilityCase):
    def numbers(self, site):
        (row,) = site.dev.cluster.psql(site.name, NUMBERS)
        return tuple(int(number) for number in row)

    def await_numbers(self, site, expected):
        end = time.monotonic() + 150
        while self.numbers(site) != expected and time.monotonic() < end:
            time.sleep(1)
        self.assertEqual(self.numbers(site), expected)

    def registration(self, number):
        data = {
            "facility": "NORTH",
            "patient": {
                "identifiers": [{"system": SYSTEM, "value": f"SH-{number}"}],
                "name": {"family": f"Family{number:03d}", "given": ["Ada"]},
                "birth_date": f"19{number % 90 + 10}-01-{number % 28 + 1:02d}",
            },
            "coverages": [
                {"payer": {"code": CODE}, "member_id": f"M{number}", "priority": 1}
            ],
        }
        return event("registration.created", data, id=f"shards-{number}")

    def test_one_alert_from_many_shards(self):
        site = self.site("shards")
        site.dev.script(
            site.name,
            'env["ir.config_parameter"].set_param("healthcare_connector.shards", "4")\n'
            'env["healthcare.engine"]._sync_shards()\n'
            "env.cr.commit()",
        )
        site.play([self.registration(i) for i in range(MANY)], batch=15, connections=4)
        self.await_numbers(site, (MANY, 1, 1, 1, 1, MANY))
        site.dev.script(
            site.name,
            'env["res.partner"].create({"name": "New", "healthcare_is_payer": True, '
            f'"healthcare_payer_code": "{CODE}"}})\n'
            "env.cr.commit()",
        )
        self.await_numbers(site, (MANY, 1, 0, 0, 2, 0))
