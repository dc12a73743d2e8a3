"""``odoo healthcare_keyring``: look after keyring files.

Odoo loads this file by itself, without the addon around it.
"""

import importlib.util
import pathlib
import sys

from odoo.cli import Command
from odoo.sql_db import db_connect
from odoo.tools import config

_CORE = pathlib.Path(__file__).resolve().parent.parent / "core"
_NAME = "healthcare_connector_core"


def _command():
    """Return our pure code, loaded without the models."""
    if _NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            _NAME, _CORE / "__init__.py", submodule_search_locations=[str(_CORE)]
        )
        package = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{_NAME}.keyring_command")


class HealthcareKeyring(Command):
    """Check, make and rotate the keyring files of the healthcare connector.

    Options of the server (-c, --db_host and so on) come after ``--``.
    """

    name = "healthcare_keyring"

    def run(self, args):
        if "--" in args:
            at = args.index("--")
            args, options = args[:at], args[at + 1 :]
        else:
            options = []
        config.parse_config(options, setup_logging=False)
        sys.exit(
            _command().main(
                args,
                connect=lambda name: db_connect(name).cursor(),
                default_path=config.get("healthcare_keyring_file") or None,
            )
        )
