"""``odoo healthcare_access_record``: check the record of who saw what."""

import pathlib

from odoo.cli import Command
from odoo.modules.module import load_script

_core = load_script(
    str(pathlib.Path(__file__).resolve().with_name("_core.py")), "healthcare_cli_core"
)


class HealthcareAccessRecord(Command):
    """Check the chained record of who saw patients' data in a database.

    Options of the server (-c, --db_host and so on) come after ``--``.
    """

    name = "healthcare_access_record"

    def run(self, args):
        _core.run("protection.access_record_command", args)
