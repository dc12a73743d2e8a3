"""Short statements beside the request's own transaction."""

from contextlib import contextmanager

from odoo.sql_db import db_connect


@contextmanager
def aside(database):
    """Yield a cursor on which every statement commits by itself, at once.

    For what must be kept though the request fails, and must never make it fail: at
    READ COMMITTED a statement waits for another's row and then sees it.

    :raise odoo.sql_db.PoolError: when no connection is left
    """
    with db_connect(database).cursor() as cr:
        cr.connection.set_session(isolation_level="DEFAULT", autocommit=True)
        yield cr
