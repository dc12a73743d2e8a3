"""No patient data outside the documents that need it: looked for, not assumed."""

import collections
import os
import shutil
import subprocess

from odoo.tests import tagged

from ..dev import feed
from .durability import DurabilityCase

#: tables that are patients' documents, or name the patient a document is for
ALLOWED = {
    "res_partner",
    "healthcare_patient_identifier",
    "healthcare_coverage",
}
#: an invoice or payment of a self-paying patient names whom it is addressed to
NAMES = {
    "account_move",
    "account_move_line",
    "account_payment",
}


@tagged("post_install", "-at_install")
class TestPrivacy(DurabilityCase):
    def test_nothing_leaks(self):
        """Log, errors, facts and all other tables are free of the feed's patients."""
        site = self.site("privacy")
        site.play(self.events, batch=20)
        # refusals must not repeat what they refuse
        broken = [self._broken(event) for event in self.once()[:60]]
        refused = site.play(broken, batch=7)
        site.play(broken[:20])
        site.settle()
        strings = feed.phi_strings(self.events)
        self.assertGreater(len(strings), 300)
        self._assert_free("server log", site.server.log.read_text(), strings)
        errors = "\n".join(refused.errors + site.sent.errors)
        self.assertTrue(errors)
        self._assert_free("error bodies", errors, strings)
        self.assertTrue(site.receiver.facts())
        self._assert_free("facts", site.receiver.raw(), strings)
        self._assert_database_free(site, strings)

    def _broken(self, event):
        """Return the event with faults of several kinds in its own values."""
        data = dict(event["data"], facility=["NORTH"])
        if "appointment" in data:
            data["appointment"] = dict(data["appointment"], start="soon", services=4)
        if patient := data.get("patient"):
            wrong = {"birth_date": f"{patient.get('birth_date')} or so"}
            data["patient"] = dict(patient, name="".join(feed.phi_strings([event])))
            data["patient"].update(wrong)
        return dict(event, id=f"broken-{event['id']}", data=data)

    def _assert_free(self, place, text, strings):
        found = sum(string in text for string in strings)
        # the strings themselves stay out of the log of this test
        self.assertFalse(found, f"{found} values of patients in {place}")

    def _assert_database_free(self, site, strings):
        cluster = site.dev.cluster
        folder = site.server.log.parent
        dump, patterns = (folder / f"{site.name}.{end}" for end in ("sql", "phi"))
        self.addCleanup(dump.unlink, missing_ok=True)
        self.addCleanup(patterns.unlink, missing_ok=True)
        lines = sorted(strings) + sorted(text.encode().hex() for text in strings)
        patterns.write_text("\n".join(lines) + "\n")
        with open(dump, "wb") as output:
            subprocess.run(
                [f"{cluster.programs}/pg_dump", "--data-only", site.name],
                stdout=output,
                env={**os.environ, **cluster.variables()},
                check=True,
            )
        grep = shutil.which("grep")
        self.assertTrue(grep, "grep is needed")
        # numbers of the lines that begin a table or hold a value
        command = [grep, "-anF", "-f", patterns, dump]
        hits = subprocess.run(command, capture_output=True, text=True).stdout
        numbers = {
            int(line.partition(":")[0]): line.partition(":")[2]
            for line in hits.splitlines()
        }
        found = collections.Counter()
        names = {text for text in strings if text.isalpha()}
        table = None
        with open(dump, encoding="utf-8", errors="replace") as text:
            for number, line in enumerate(text, 1):
                if line.startswith("COPY "):
                    table = line.split()[1].removeprefix("public.").strip('"')
                elif number in numbers and table not in ALLOWED:
                    values = {one for one in strings if one in line}
                    if table in NAMES:
                        values -= names
                    found[table] += bool(values or table not in NAMES)
        found = {name: count for name, count in found.items() if count}
        self.assertFalse(found, f"values of patients in the database: {found}")
