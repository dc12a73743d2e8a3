"""The rights of each role, measured: models by operation, public methods by calling.

``security/rights.csv`` keeps them; :mod:`test_rights_table` compares. To write it anew
after a change that is meant: ``HEALTHCARE_RIGHTS=write`` in the environment.
"""

import csv
import inspect
import io
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.models import BaseModel
from odoo.sql_db import Cursor
from odoo.tools import mute_logger

ADDON = "healthcare_connector"
OPERATIONS = {"r": "read", "w": "write", "c": "create", "u": "unlink"}
WRITING = ("INSERT", "UPDATE", "DELETE")


def public_methods(registry):
    """Return ``{model: [method]}`` of all that RPC may call and that we have made."""
    found = {}
    for name, model in registry.items():
        for cls in model.__mro__:
            if ADDON not in (cls.__module__ or "").split("."):
                continue
            for method, function in vars(cls).items():
                if (
                    not method.startswith("_")
                    and callable(getattr(model, method))
                    and (inspect.isfunction(function))
                    and not getattr(getattr(model, method), "_api_private", False)
                    and not hasattr(BaseModel, method)
                ):
                    found.setdefault(name, set()).add(method)
    return {name: sorted(methods) for name, methods in sorted(found.items())}


def measured(env, users):
    """Return ``{(model, method or ""): {role: right}}``.

    The right on a model is letters of :data:`OPERATIONS`. On a method it is ``no``
    where a right is missing, ``do`` where something is written, ``look`` where nothing
    is, and ``error`` where nothing is because something else is wrong with the record.
    """
    rows = {}
    for name, model in sorted(env.registry.items()):
        if name.startswith("healthcare.") and not model._abstract:
            rows[name, ""] = {
                role: "".join(
                    letter
                    for letter, operation in OPERATIONS.items()
                    if env[name].with_user(user).has_access(operation)
                )
                or "no"
                for role, user in users.items()
            }
    for name, methods in public_methods(env.registry).items():
        if env[name]._abstract and not name.endswith(".figures"):
            continue  # measured where it is inherited
        sample = _sample(env, name)
        for method in methods:
            rows[name, method] = {
                role: _called(sample.with_user(user), method)
                for role, user in users.items()
            }
    return rows


def _sample(env, name):
    records = env[name].sudo()
    if records._abstract:
        return records
    found = records.with_context(active_test=False).search(
        _OF_OURS.get(name, []), limit=1
    )
    return found or records.browse(1)


# Where any record of Odoo's would do, one that our methods are about.
_OF_OURS = {
    "account.move": [("healthcare_completion_id", "!=", False)],
    "healthcare.alert": [("state", "=", "open"), ("acknowledged_by_id", "=", False)],
    "res.partner": [("healthcare_is_patient", "=", True)],
    "res.users.apikeys": [("scope", "=like", "healthcare.%")],
    "sale.order": [("healthcare_appointment_id", "!=", False)],
    "stock.picking": [("healthcare_appointment_id", "!=", False)],
}


def _called(record, method):
    """Return what came of calling it, all of which is undone."""
    env, written = record.env, []
    execute = Cursor.execute

    def watching(cursor, query, *args, **kwargs):
        text = str(getattr(query, "code", query)).lstrip().upper()
        written.extend(word for word in WRITING if text.startswith(word))
        return execute(cursor, query, *args, **kwargs)

    env.invalidate_all()
    savepoint = env.cr.savepoint()
    try:
        with (
            patch.object(Cursor, "execute", watching),
            mute_logger("odoo", "odoo.sql_db"),
        ):
            getattr(record.with_env(env(su=False)), method)()
            env.flush_all()
    except AccessError:
        return "no"
    except Exception:
        return "do" if written else "error"
    finally:
        env.cr.postcommit.clear()
        env.cr.precommit.clear()
        savepoint.close(rollback=True)
        env.invalidate_all(flush=False)
    return "do" if written else "look"


def text(rows, roles):
    """Return the table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", "method", *roles])
    for (model, method), rights in sorted(rows.items()):
        writer.writerow([model, method, *(rights[role] for role in roles)])
    return out.getvalue()
