"""What our commands share. No command itself: its name cannot be one's.

Odoo loads the files of commands by themselves, without the addon around them.
"""

import importlib
import importlib.util
import pathlib
import sys

from odoo.sql_db import db_connect
from odoo.tools import config

_CORE = pathlib.Path(__file__).resolve().parent.parent / "core"
_NAME = "healthcare_connector_core"


def run(module, arguments):
    """Run ``main`` of a module of core and end with its exit code.

    :param arguments: those of the command; options of the server come after ``--``
    """
    options = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, options = arguments[:at], arguments[at + 1 :]
    config.parse_config(options, setup_logging=False)
    sys.exit(
        _pure(module).main(
            arguments,
            connect=lambda name: db_connect(name).cursor(),
            default_path=config.get("healthcare_keyring_file") or None,
        )
    )


def _pure(module):
    """Return a module of our pure code, loaded without the models."""
    if _NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            _NAME, _CORE / "__init__.py", submodule_search_locations=[str(_CORE)]
        )
        package = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{_NAME}.{module}")
