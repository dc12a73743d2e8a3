"""The last net: what may not stand in a server's log, whoever writes it there."""

import logging

from .protection.redaction import RedactingFilter

OURS = "odoo.addons.healthcare_connector"
SQL_LOGGER = "odoo.sql_db"


class StatementFilter(logging.Filter):
    """Keeps values out of what Odoo logs of a statement that failed.

    A serialization conflict is an everyday thing, and Odoo logs the whole statement
    with its values: names and birth dates, when it was about a patient.
    """

    def filter(self, record):
        if isinstance(record.msg, str) and record.msg.startswith("bad query"):
            error = record.args[-1] if isinstance(record.args, tuple) else None
            record.msg = "A statement failed: %s (SQLSTATE %s); its text is withheld"
            record.args = (type(error).__name__, getattr(error, "pgcode", None))
            record.exc_info = record.exc_text = None
        return True


class OursFilter(RedactingFilter):
    """Redacts records of this addon; others pass as they are."""

    def filter(self, record):
        return not record.name.startswith(OURS) or super().filter(record)


def install():
    """Put the filters in place, once a process.

    Ours sits on the handlers, since a logger's filter does not see its children's
    records.
    """
    statements = logging.getLogger(SQL_LOGGER)
    if not any(isinstance(one, StatementFilter) for one in statements.filters):
        statements.addFilter(StatementFilter())
    for handler in logging.getLogger().handlers:
        if not any(isinstance(one, OursFilter) for one in handler.filters):
            handler.addFilter(OursFilter())
