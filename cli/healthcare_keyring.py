"""``odoo healthcare_keyring``: look after keyring files."""

import pathlib

from odoo.cli import Command
from odoo.modules.module import load_script

_core = load_script(
    str(pathlib.Path(__file__).resolve().with_name("_core.py")), "healthcare_cli_core"
)


class HealthcareKeyring(Command):
    """Check, make and rotate the keyring files of the healthcare connector.

    Options of the server (-c, --db_host and so on) come after ``--``.
    """

    name = "healthcare_keyring"

    def run(self, args):
        _core.run("protection.keyring_command", args)
