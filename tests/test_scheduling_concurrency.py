"""A cancel and a confirm of one appointment, sent at the same moment.

Real processes and real commits; see :mod:`.durability`.
"""

import json
import threading

from odoo.tests import tagged

from ..dev import play
from .common import event
from .durability import DurabilityCase

SYSTEM = "urn:concurrency:mrn"
VISITS = 6

LOOK = """
import json
out = []
for visit in env["healthcare.appointment"].search([("identifier", "like", "SC-")]):
    moves = visit.picking_ids.move_ids
    out.append([
        visit.identifier, visit.state, visit.order_id.state,
        sum(moves.filtered(lambda m: m.state != "done").mapped("quantity")),
        len(moves.filtered(lambda m: m.state not in ("done", "cancel"))),
        len(visit.order_id),
    ])
parked = env["healthcare.event"].search_count([("state", "!=", "done")])
print(json.dumps([sorted(out), parked]))
"""


@tagged("post_install", "-at_install")
class TestSchedulingConcurrency(DurabilityCase):
    def visit(self, number, kind, minute):
        return event(
            f"appointment.{kind}",
            {
                "facility": "NORTH",
                "patient": {
                    "identifiers": [{"system": SYSTEM, "value": f"SC-{number}"}]
                },
                "appointment": {
                    "id": f"SC-{number}",
                    "start": "2026-03-05T09:00:00Z",
                    "services": [{"code": "MRI-KNEE", "quantity": 1}],
                },
            },
            id=f"sc-{number}-{kind}",
            time=f"2026-03-02T08:{minute:02d}:00Z",
        )

    def patient(self, number):
        return event(
            "registration.created",
            {
                "facility": "NORTH",
                "patient": {
                    "identifiers": [{"system": SYSTEM, "value": f"SC-{number}"}],
                    "name": {"family": f"Quillfeather{number}", "given": ["Zed"]},
                    "birth_date": f"19{50 + number}-07-19",
                },
            },
            id=f"sc-{number}-patient",
        )

    def test_cancel_and_confirm_at_once(self):
        site = self.site("scheduling")
        numbers = range(VISITS)
        site.play([self.patient(number) for number in numbers], batch=VISITS)
        site.play([self.visit(number, "booked", 5) for number in numbers])
        site.settle(deliver=False)
        barrier = threading.Barrier(2)
        failures = []

        def send(kind, minute):
            try:
                for number in numbers:
                    barrier.wait(60)
                    play.play(
                        site.server.url, site.key, [self.visit(number, kind, minute)]
                    )
            except Exception as error:  # told by the thread that waits
                failures.append(error)
                barrier.abort()

        threads = [
            threading.Thread(target=send, args=("confirmed", 10)),
            threading.Thread(target=send, args=("cancelled", 11)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(failures)
        site.settle(deliver=False)
        visits, parked = self.looked(site)
        self.assertFalse(parked)
        self.assertEqual(len(visits), VISITS)
        for _name, state, order, reserved, open_moves, orders in visits:
            self.assertEqual((state, order), ("cancelled", "cancel"))
            self.assertEqual((reserved, open_moves, orders), (0, 0, 1))

    def looked(self, site):
        return json.loads(self.dev.script(site.name, LOOK).strip().splitlines()[-1])
