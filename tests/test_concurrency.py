"""Two workers, or eight senders, at the same moment: one consistent result.

Real processes with connections of their own that meet in the middle of their
transactions, so that neither sees what the other is about to commit.
"""

import json
import pathlib
import tempfile
import textwrap
import threading

from odoo.tests import tagged

from ..dev import play
from .common import event
from .durability import DurabilityCase

SYSTEM = "urn:concurrency:mrn"

SETUP = """
import json
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.healthcare_connector.models.exchange.ordering import PARTITIONS

env["ir.config_parameter"].set_param("healthcare_connector.shards", str(PARTITIONS))
facility = env["healthcare.facility"].search([("code", "=", "NORTH")])
facility.invoice_policy = POLICY
product = env["product.product"].create({
    "name": "Last one", "default_code": "LAST-ONE", "type": "consu",
    "is_storable": True})
env["stock.quant"]._update_available_quantity(
    product, facility.warehouse_id.lot_stock_id, 1)
first = env["healthcare.source"].search([("code", "=", "demo-access")])
second = first.copy({"code": "second-access", "name": "Second"})
second.namespace = first.namespace
engine = env["healthcare.engine"]

def send(source, *events):
    body = strict_json.dumps(list(events))
    items = cloudevents.read("application/cloudevents-batch+json", {}, body).items
    receipts = env["healthcare.intake"]._receive(source, items)
    assert all(receipt.status == "accepted" for receipt in receipts), receipts
    return env["healthcare.event"].search(
        [("uuid", "in", [receipt.event for receipt in receipts])])

given, *ones = json.loads(EVENTS)
send(first, *given)
env.cr.commit()
while engine._process_some(list(range(PARTITIONS))):
    pass
rows = [send(source, one) for source, one in zip((first, second), ones)]
env.cr.commit()
print(json.dumps([row.partition for row in rows]))
"""

WORK = """
import pathlib, psycopg2.errors, time
from odoo.addons.healthcare_connector.models.exchange.engine_turns import LOCK_CLASS

folder = pathlib.Path(FOLDER)
workflow = type(env["healthcare.workflow.service"])
workflow._takes_turns = TURNS
original = workflow._create_completions
met = []

def meeting(self, cases):
    if not met:
        met.append(True)
        (folder / f"met-{NUMBER}").touch()
        end = time.monotonic() + 30
        while len(list(folder.glob("met-*"))) < 2 and time.monotonic() < end:
            self.env.cr.execute(
                "SELECT FROM pg_locks WHERE classid = %s AND NOT granted", [LOCK_CLASS])
            if self.env.cr.rowcount:
                (folder / "other-waits").touch()
                break
            time.sleep(0.005)
    try:
        result = original(self, cases)
        self.env.flush_all()
        return result
    except psycopg2.errors.UniqueViolation as error:
        (folder / f"refused-{error.diag.constraint_name}").touch()
        raise

workflow._create_completions = meeting
env["healthcare.engine"]._cron_process(PARTITION + 1)
"""

LOOK = """
import json
done = [("state", "=", "done")]
product = env["product.product"].search([("default_code", "=", "LAST-ONE")])
moves = env["stock.move"].search([("product_id", "=", product.id)])
quants = env["stock.quant"].search(
    [("product_id", "=", product.id), ("location_id.usage", "=", "internal")])
services = env["healthcare.completion"].search([("identifier", "like", "TWICE-%")])
invoices = services.invoice_ids
entries = env["account.move.line"].search([("move_id", "in", invoices.ids)])
print(json.dumps({
    "services": len(services),
    "invoices": sorted(invoices.mapped("state")),
    "orders": len(services.order_id),
    "balance": sum(entries.mapped("balance")),
    "on_hand": sum(quants.mapped("quantity")),
    "reserved": sum(quants.mapped("reserved_quantity")),
    "moves": sorted(moves.mapped("state")),
    "events": sorted(env["healthcare.event"].search(
        [("type_id.code", "=", "service.completed")]).mapped("state")),
    "issues": sorted(env["healthcare.exception"].search(
        [("is_open", "=", True)]).mapped("category")),
}))
"""


def registration(mrn):
    return event(
        "registration.created",
        {
            "facility": "NORTH",
            "patient": {
                "identifiers": [{"system": SYSTEM, "value": mrn}],
                "name": {"family": f"Family{mrn}", "given": ["Given"]},
                "birth_date": "1970-01-01",
            },
            "coverages": [
                {"payer": {"code": "PAYER-A"}, "member_id": f"M{mrn}", "priority": 1}
            ],
        },
        id=f"registered-{mrn}",
    )


def booking(mrn, number):
    return event(
        "appointment.booked",
        {
            "facility": "NORTH",
            "patient": {"identifiers": [{"system": SYSTEM, "value": mrn}]},
            "appointment": {
                "id": number,
                "start": "2026-03-05T09:00:00Z",
                "services": [{"code": "CONSULT"}],
            },
        },
        id=f"booked-{number}",
    )


def completion(mrn, service, id, **more):
    return event(
        "service.completed",
        {
            "facility": "NORTH",
            "patient": {"identifiers": [{"system": SYSTEM, "value": mrn}]},
            "service": {"id": service, "performed_at": "2026-03-05T09:30:00Z"},
            "charges": [{"code": "CONSULT", "quantity": 1, "unit_price": "100.00"}],
            "consumables": [],
            **more,
        },
        id=id,
        time="2026-03-05T10:00:00Z",
    )


@tagged("post_install", "-at_install")
class TestConcurrency(DurabilityCase):
    def together(self, name, given, one, other, policy="post", turns=False):
        """Have two workers process one event each at the same moment.

        :param given: events that are processed before
        :param policy: of the facility, for invoices
        :param turns: whether shards take turns; what is right must not depend on it
        :return: what is there afterwards, and which constraints refused a worker's own
            documents after both had met
        """
        site = self.site(name, started=False)
        events = json.dumps(json.dumps([given, one, other]))
        head = f"POLICY = {policy!r}; EVENTS = {events}"
        partitions = json.loads(self.script(site, f"{head}\n{SETUP}"))
        self.assertNotEqual(*partitions)
        with tempfile.TemporaryDirectory() as folder:
            threads, failures = [], []
            for number, partition in enumerate(partitions):
                head = f"FOLDER = {folder!r}; NUMBER = {number}; TURNS = {turns}; "
                code = f"{head}PARTITION = {partition}\n{WORK}"
                threads.append(
                    threading.Thread(target=self._try, args=(site, code, failures))
                )
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertFalse(failures)
            told = sorted(path.name for path in pathlib.Path(folder).iterdir())
        self.assertEqual(told[:2], ["met-0", "met-1"], "the two did not meet")
        found = json.loads(self.script(site, LOOK))
        return {**found, "refused": told[2:]}

    def _try(self, site, code, failures):
        try:
            self.script(site, code)
        except Exception as error:  # told of where the test can see it
            failures.append(error)

    def script(self, site, code):
        return self.dev.script(site.name, textwrap.dedent(code))

    def test_one_service_by_two_sources(self):
        found = self.together(
            "one_service",
            [registration("C1"), booking("C1", "V1")],
            completion("C1", "TWICE-1", "by-visit", appointment_id="V1"),
            completion("C1", "TWICE-1", "by-number"),
            # Drafts have no number yet: two would not conflict over that.
            policy="draft",
        )
        self.assertEqual(
            found,
            {
                "refused": ["refused-healthcare_completion_key_unique"],
                "services": 1,
                "invoices": ["draft"],
                "orders": 1,
                "balance": 0,
                "on_hand": 1,
                "reserved": 0,
                "moves": [],
                "events": ["done", "exception"],
                "issues": ["duplicate_service"],
            },
        )

    def test_the_last_unit(self):
        last = [{"code": "LAST-ONE", "quantity": 1}]
        found = self.together(
            "last_unit",
            [registration("C2")],
            completion("C2", "TWICE-2", "one", consumables=last),
            completion("C2", "TWICE-3", "other", consumables=last),
        )
        self.assertEqual(
            found,
            {
                "refused": [],
                "services": 2,
                "invoices": ["posted", "posted"],
                "orders": 2,
                "balance": 0,
                "on_hand": 0,
                "reserved": 0,
                "moves": ["confirmed", "done"],
                "events": ["done", "done"],
                "issues": ["stock_shortage"],
            },
        )

    def test_shards_take_turns(self):
        last = [{"code": "LAST-ONE", "quantity": 1}]
        found = self.together(
            "turns",
            [registration("C4")],
            completion("C4", "TWICE-4", "one", consumables=last),
            completion("C4", "TWICE-5", "other", consumables=last),
            turns=True,
        )
        self.assertEqual(found["refused"], ["other-waits"])
        self.assertEqual(found["invoices"], ["posted", "posted"])
        self.assertEqual(found["on_hand"], 0)
        self.assertEqual(found["issues"], ["stock_shortage"])

    def test_one_event_by_eight_senders(self):
        site = self.site("eight_senders")
        one, start, sent = registration("C3"), threading.Barrier(8), []

        def post():
            start.wait()
            sent.append(play.play(site.server.url, site.key, [one]))

        threads = [threading.Thread(target=post) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = sorted(
            receipt["status"] for each in sent for _event, receipt in each.receipts
        )
        self.assertEqual(statuses, ["accepted", *["duplicate"] * 7])
        numbers = {
            receipt["event"] for each in sent for _event, receipt in each.receipts
        }
        self.assertEqual(len(numbers), 1)
        site.settle(60, deliver=False)
        [[patients]] = self.dev.cluster.psql(
            site.name,
            "SELECT count(*) FROM healthcare_patient_identifier "
            f"WHERE system = '{SYSTEM}'",
        )
        self.assertEqual(int(patients), 1)
