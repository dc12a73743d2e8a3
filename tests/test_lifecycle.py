"""Upgrade from the first published version, install from the wheel, uninstall.

One database goes through its whole life: the first published version is installed and
filled; it is upgraded by the addon of the built wheel; at last the addon is
uninstalled, and the documents it made are worked on without it.
"""

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from odoo.tests import BaseCase, tagged

from ..dev import instance, wheel
from ..dev.common import NAME, REPO, WORK, DevError, locked

#: The addon as it was first published, 19.0.1.0.0.
FIRST = "f8ef81329d1f"
FILL = """
import time
from odoo.addons.healthcare_connector.core import strict_json
from odoo.addons.healthcare_connector.dev import feed
from odoo.addons.healthcare_connector.formats import cloudevents
from odoo.addons.healthcare_connector.models.exchange.ordering import PARTITIONS
env["ir.config_parameter"].set_param("healthcare_connector.environment", "sandbox")
target = env["healthcare.target"].create(
    {"name": "Warehouse", "url": "https://wh.example.com/", "batch_size": 20})
source = env["healthcare.source"].search([("code", "=", "demo-access")])
body = strict_json.dumps(feed.generate())
reading = cloudevents.read(
    "application/cloudevents-batch+json", {}, body, max_events=10000)
env["healthcare.intake"]._receive(source, reading.items)
env.cr.commit()
engine = env["healthcare.engine"]
while queues := engine._claim(list(range(PARTITIONS))):
    engine._settle(engine._run_queues(queues))
    env.cr.commit()
# a batch that was delivered, and one that is on its way
env["healthcare.delivery"]._open_batch(target)._note_success(200, time.monotonic())
env["healthcare.delivery"]._open_batch(target)
env.cr.commit()
"""
COUNT = """
import json
print(json.dumps({name: env[name].search_count([]) for name in (
    "healthcare.event", "healthcare.exception", "healthcare.fact",
    "healthcare.appointment", "healthcare.completion", "account.move",
    "account.payment", "stock.picking", "sale.order", "res.partner")}))
"""
AFTER_UPGRADE = """
import json
events = env["healthcare.event"].search([])
one = events.filtered(lambda event: event.state == "done")[:1]
env["healthcare.tally"]._cron_fold()
totals = env["healthcare.tally"]._read_group([], ["kind"], ["count:sum"])
facts = env["healthcare.fact"]
way, receipt = env["healthcare.delivery.batch"].search([])
states = dict(facts._read_group([], ["state"], ["__count"]))
print(json.dumps({
    "opens": bool(list(one._envelopes().values())[0]["data"]),
    "unversioned": len(events.filtered(lambda event: not event.schema_version)),
    "unbooked": env["healthcare.appointment"].search_count([("booked_at", "=", False)]),
    "untied": env["healthcare.completion"].search_count([("event_id", "=", False)]),
    "unknown": env["res.partner"].search_count(
        [("id", "in", env["healthcare.appointment"].search([]).patient_id.ids),
         ("healthcare_known_facility_ids", "=", False)]),
    "done": len(events.filtered(lambda event: event.state == "done")),
    "tallied": dict(totals).get("done"),
    "delivered": [states.get("delivered"), len(receipt.facts), len(way._facts())],
    "pending": states["pending"] - env["healthcare.delivery"].search_count([]),
    "in": facts.search([("state", "=", "delivered")]).receipt_ids == receipt,
    "version": env.ref("base.module_healthcare_connector").installed_version,
    "path": __import__("odoo.addons.healthcare_connector").addons
        .healthcare_connector.__file__,
}))
"""
UNINSTALL = """
env.ref("base.module_healthcare_connector").button_immediate_uninstall()
"""
AFTER_UNINSTALL = """
import json
from odoo import Command
# the documents of before
bill = env["account.move"].search(
    [("move_type", "=", "out_invoice"), ("state", "=", "posted"),
     ("payment_state", "=", "not_paid")], limit=1)
env["account.payment.register"].with_context(
    active_model="account.move", active_ids=bill.ids).create({})._create_payments()
picking = env["stock.picking"].search(
    [("state", "=", "assigned"), ("picking_type_code", "=", "outgoing")]
).filtered(
    lambda one: set(one.move_ids.mapped("state")) == {"assigned"}
    and set(one.move_ids.product_id.mapped("tracking")) == {"none"})[:1]
picking.move_ids.picked = True
picking.with_context(skip_backorder=True, skip_sms=True).button_validate()
order = env["sale.order"].search([("state", "=", "draft")], limit=1)
order.action_confirm()
# new ones
partner = env["res.partner"].create({"name": "Somebody"})
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
new = env["account.move"].create({
    "move_type": "out_invoice", "partner_id": partner.id,
    "invoice_line_ids": [Command.create(
        {"product_id": product.id, "quantity": 1, "price_unit": 10})]})
new.action_post()
# every screen of these models can be drawn
for model in ("res.partner", "account.move", "sale.order", "stock.picking",
              "account.payment", "product.template", "res.users", "res.company"):
    env[model].get_views([(False, "form"), (False, "list"), (False, "search")])
env["res.config.settings"].get_views([(False, "form")])
env["ir.ui.menu"].load_menus(False)
query = '''
    SELECT 'column ' || table_name || '.' || column_name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name LIKE '%healthcare%'
    UNION ALL
    SELECT 'table ' || table_name FROM information_schema.tables
     WHERE table_schema != 'pg_catalog' AND table_name LIKE '%healthcare%'
    UNION ALL
    SELECT 'schema ' || schema_name FROM information_schema.schemata
     WHERE schema_name LIKE '%healthcare%'
    UNION ALL
    SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE '%healthcare%'
    UNION ALL
    SELECT 'job ' || cron_name FROM ir_cron WHERE cron_name ILIKE '%healthcare%'
    UNION ALL
    SELECT 'action ' || id FROM ir_act_window WHERE res_model LIKE 'healthcare.%'
    UNION ALL
    SELECT 'view ' || name FROM ir_ui_view WHERE model LIKE 'healthcare.%'
    UNION ALL
    SELECT 'data ' || name FROM ir_model_data WHERE module = 'healthcare_connector'
       AND (model LIKE 'ir.%' OR model LIKE 'healthcare.%' OR model = 'res.groups')
    UNION ALL
    SELECT 'key ' || k.id FROM res_users_apikeys k WHERE k.scope LIKE 'healthcare.%'
    UNION ALL
    SELECT 'user ' || login FROM res_users WHERE active AND login LIKE 'healthcare.%'
'''
env.cr.execute(query)
print(json.dumps({
    "paid": bill.payment_state, "moved": picking.state, "sold": order.state,
    "posted": new.state, "left": sorted(row[0] for row in env.cr.fetchall()),
}))
"""


@tagged("post_install", "-at_install")
class TestLifecycle(BaseCase):
    def setUp(self):
        super().setUp()
        if not os.environ.get("HEALTHCARE_DEV"):
            reason = "needs the developer tools: run dev/test"
            if os.environ.get("CI"):
                raise AssertionError(reason)
            self.skipTest(reason)
        self.dev = instance.Dev()
        self.folder = Path(tempfile.mkdtemp(prefix="lifecycle-", dir=WORK))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.database = f"lifecycle_{os.getpid()}"
        with locked(f"db-{self.dev.base()}-copy"):
            self.dev.cluster.clone(self.dev.base(), self.database)
        self.addCleanup(self.dev.cluster.drop, self.database)
        self.addons = None

    def use(self, folder):
        """Take the addon from another folder from now on."""
        others = self.dev.environment.addons_path.split(",")[1:]
        self.addons = ",".join([str(folder), *others])

    def odoo(self, *words, code=None):
        """Run Odoo to its end; it must not warn. Return what a script printed."""
        words = self.dev.command(self.database, *words, addons_path=self.addons)
        done = subprocess.run(
            words,
            env=self.dev.variables(),
            cwd=self.folder,
            input=code,
            capture_output=True,
            text=True,
        )
        noise = ("security risk", "Running as user")
        said = [
            line
            for line in done.stderr.splitlines()
            if line.strip() and not any(word in line for word in noise)
        ]
        self.assertFalse(done.returncode, "\n".join(said[-30:]))
        self.assertFalse(
            [line for line in said if " WARNING " in line or " ERROR " in line]
        )
        return done.stdout

    def shell(self, code, level="error"):
        printed = self.odoo("shell", "--no-http", f"--log-level={level}", code=code)
        return printed.strip().splitlines()[-1] if printed.strip() else ""

    def install(self, flag):
        self.odoo(flag, NAME, "--stop-after-init", "--no-http", "--log-level=warn")

    def first_version(self):
        """Unpack the first published version; return its addons folder."""
        folder = self.folder / "first"
        tree = folder / NAME
        tree.mkdir(parents=True)
        archive = self.folder / "first.tar"
        safe = ("git", "-c", f"safe.directory={REPO}", "-C", REPO)
        made = subprocess.run(
            [*safe, "archive", "-o", archive, FIRST], capture_output=True
        )
        if made.returncode:
            return None  # no history beside this checkout
        shutil.unpack_archive(archive, tree)
        return folder

    def unpacked_wheel(self):
        """Build the wheel and install it into an empty folder, as pip would."""
        path = wheel.build(self.dev.environment, self.folder)
        self.assertRegex(
            path.name, r"^odoo_addon_healthcare_connector-19\.0\.2\.0\.0.*none-any.whl$"
        )
        with zipfile.ZipFile(path) as archive:
            metadata = next(n for n in archive.namelist() if n.endswith("/METADATA"))
            text = archive.read(metadata).decode()
        self.assertIn("Name: odoo-addon-healthcare_connector", text)
        for name in ("cryptography", "jmespath", "odoo==19.0.*", "pyx12"):
            self.assertIn(f"Requires-Dist: {name}", text)
        site = self.folder / "site"
        pip = (self.dev.environment.python, "-m", "pip", "install", "-q", "--no-deps")
        subprocess.run([*pip, "--no-index", "--target", site, path], check=True)
        addons = site / "odoo" / "addons"
        self.assertFalse((addons / NAME / "tests").exists())
        self.assertFalse((addons / NAME / "dev").exists())
        return addons

    def test_upgrade_and_uninstall(self):
        new = self.unpacked_wheel()
        old = self.first_version()
        if old:
            self.use(old)
            self.install("-i")
            self.shell(FILL)
            before = json.loads(self.shell(COUNT))
            self.assertGreater(before["healthcare.completion"], 20)
            self.use(new)
            self.install("-u")
            self.assertEqual(json.loads(self.shell(COUNT)), before)
            self.check_upgraded(new)
        elif os.environ.get("CI"):
            raise DevError("the history of the repository is needed")
        else:
            self.use(new)
            self.install("-i")
        # Odoo tries to delete what others still name, and logs that as an error.
        self.shell(UNINSTALL, "critical")
        found = json.loads(self.shell(AFTER_UNINSTALL))
        self.assertFalse(found.pop("left"))
        if old:
            expected = {"paid": "paid", "moved": "done", "sold": "sale"}
            self.assertEqual(found, {**expected, "posted": "posted"})

    def check_upgraded(self, addons):
        found = json.loads(self.shell(AFTER_UPGRADE))
        self.assertTrue(found["opens"])
        for name in ("unversioned", "unbooked", "untied", "unknown"):
            self.assertEqual(found[name], 0, name)
        self.assertEqual(found["tallied"], found["done"])
        # what was delivered is in its receipt, and in line no more
        self.assertEqual(found["delivered"], [20, 20, 20])
        self.assertEqual((found["pending"], found["in"]), (0, True))
        self.assertEqual(found["version"], "19.0.2.0.0")
        self.assertTrue(found["path"].startswith(str(addons)), found["path"])
