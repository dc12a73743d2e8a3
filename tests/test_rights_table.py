"""Who may do what: the table kept in the repository is what Odoo says and does."""

import csv
import os
import pathlib

from odoo.tests import new_test_user

from . import rights_table
from .facility_common import FacilityCase

GROUP = "healthcare_connector.group_"
# What Odoo's own documents name, for all employees.
SHARED = ("healthcare.facility", "healthcare.service", "healthcare.service.line")
TABLE = pathlib.Path(__file__).parents[1] / "security" / "rights.csv"
ROLES = (
    "nobody",
    "integration",
    "auditor",
    "operator",
    "finance",
    "administrator",
    "phi_reader",
    "replay",
)


class TestRightsTable(FacilityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.players = {
            role: new_test_user(
                cls.env,
                f"table-{role}",
                groups="base.group_user"
                + (f",{GROUP}{role}" if role != "nobody" else ""),
            )
            for role in ROLES
            if role != "integration"
        }
        source = cls.sources[cls.facility]
        source._issue_key(name="of the table")
        cls.players["integration"] = source.user_id
        player = cls()
        player.engine = cls.env["healthcare.engine"]
        player.day(cls.facility, "E")

    def test_the_table_says_what_is_so(self):
        rows = rights_table.measured(self.env, self.players)
        now = rights_table.text(rows, ROLES)
        if os.environ.get("HEALTHCARE_RIGHTS") == "write":
            TABLE.write_text(now)
        kept = TABLE.read_text()
        there, here = set(kept.splitlines()), set(now.splitlines())
        self.assertFalse(
            there ^ here,
            "\n".join(
                [
                    "If it is meant, run this test with HEALTHCARE_RIGHTS=write.",
                    "In the table, but not so:",
                    *sorted(there - here),
                    "So, but not in the table:",
                    *sorted(here - there),
                ]
            ),
        )

    def test_who_has_no_role_does_nothing(self):
        """Of what the table allows those who are nothing to us, nothing writes."""
        with TABLE.open() as file:
            rows = list(csv.DictReader(file))
        for role in ("nobody", "integration"):
            for row in rows:
                if not row["method"]:
                    employee = role == "nobody" and row["model"] in SHARED
                    self.assertEqual(row[role], "r" if employee else "no", row)
                elif row["model"].startswith("healthcare."):
                    self.assertIn(row[role], ("no", "look"), row)

    def test_auditors_change_nothing(self):
        with TABLE.open() as file:
            for row in csv.DictReader(file):
                if not row["method"]:
                    self.assertIn(row["auditor"], ("r", "no"), row["model"])
                elif row["model"].startswith("healthcare."):
                    self.assertNotEqual(row["auditor"], "do", row)
