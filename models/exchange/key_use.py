"""When each key was used last, and who was told that it ends."""

import logging
import time
from collections import OrderedDict

import psycopg2

from odoo import api, fields, models
from odoo.sql_db import PoolError
from odoo.tools import SQL

from .aside import aside

_logger = logging.getLogger(__name__)

WRITE_SECONDS = 600  # at most one write per key in this time, of all processes
_KEPT = 4096
# What this process wrote last: {(database, key): seconds}.
_written = OrderedDict()


class HealthcareKeyUse(models.Model):
    """Beside Odoo's own table of keys, which has no room for it.

    No foreign key: the row is written on another connection than the one that may just
    be making or removing the key.
    """

    _name = "healthcare.key.use"
    _description = "Use of a Key"
    _log_access = False

    key_id = fields.Integer(required=True)
    used_at = fields.Datetime()
    reminded_for = fields.Datetime(
        help="End of the key for which the administrators have been reminded."
    )

    _key_unique = models.UniqueIndex("(key_id)")

    @api.model
    def _note(self, key_id):
        """Keep that a key was used just now: cheaply, and never failing the request.

        A statement of its own on another connection. It cannot conflict with the
        request, and stays when the request is rolled back.
        """
        place, now = (self.env.cr.dbname, key_id), time.monotonic()
        if now - _written.get(place, -WRITE_SECONDS) < WRITE_SECONDS:
            return
        _written[place] = now
        while len(_written) > _KEPT:
            _written.popitem(last=False)
        try:
            with aside(self.env.cr.dbname) as cr:
                cr.execute(
                    SQL(
                        """INSERT INTO healthcare_key_use AS u (key_id, used_at)
                        VALUES (%s, now() AT TIME ZONE 'UTC')
                        ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at
                        WHERE u.used_at IS NULL OR u.used_at
                            < excluded.used_at - make_interval(secs => %s)""",
                        key_id,
                        WRITE_SECONDS,
                    )
                )
        except (psycopg2.Error, PoolError) as error:
            _logger.warning("The use of a key was not kept: %s", type(error).__name__)

    @api.autovacuum
    def _gc_removed_keys(self):
        """Forget keys that are no more."""
        self.env.cr.execute(
            """DELETE FROM healthcare_key_use u WHERE NOT EXISTS (
            SELECT 1 FROM res_users_apikeys k WHERE k.id = u.key_id)"""
        )
