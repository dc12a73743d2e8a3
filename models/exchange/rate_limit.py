"""How much each source sent lately, counted for all processes and nodes together."""

import logging

import psycopg2

from odoo import api, models
from odoo.sql_db import PoolError
from odoo.tools import SQL

from ...core.protection import rates
from .aside import aside

_logger = logging.getLogger(__name__)


class HealthcareRate(models.AbstractModel):
    """Counts in PostgreSQL, one row per source and limit.

    One statement in a transaction of its own, so that a request that is rolled back
    has been counted all the same, and one that waits for another's row does not fail.
    The table is not logged: after a crash of the database counting begins anew.
    """

    _name = "healthcare.rate"
    _description = "Rate of a Source"

    def init(self):
        self.env.cr.execute(
            SQL(
                """CREATE UNLOGGED TABLE IF NOT EXISTS healthcare_rate (
                source_id integer NOT NULL,
                kind varchar NOT NULL,
                slot bigint NOT NULL,
                counts integer[] NOT NULL,
                granted boolean NOT NULL,
                PRIMARY KEY (source_id, kind)
                ) WITH (fillfactor = 50)"""
            )
        )

    @api.model
    def _spend(self, source_id, kind, quota, window, cost):
        """Count ``cost`` if the quota of the last ``window`` seconds allows it.

        :param kind: which limit, ``requests`` or ``events``
        :return: :class:`~...core.protection.rates.Verdict`; ``None`` when it could not
            be counted, since events matter more than their rate
        """
        slot = window / rates.SLOTS
        try:
            with aside(self.env.cr.dbname) as cr:
                cr.execute(
                    # Another window has other slots, so it is another row.
                    self._statement(source_id, f"{kind}/{window}", quota, slot, cost)
                )
                granted, counts, into = cr.fetchone()
        except (psycopg2.Error, PoolError) as error:
            _logger.warning(
                "The rate of source %d was not counted: %s",
                source_id,
                type(error).__name__,
            )
            return None
        return rates.verdict(granted, kind, quota, window, counts, into, cost)

    @api.model
    def _statement(self, source_id, kind, quota, slot, cost):
        # The time is the database's: nodes need not agree on theirs. Newest slot first;
        # the row is locked when SET is evaluated, so it sees what others just wrote.
        return SQL(
            """
            WITH clock AS (
                SELECT extract(epoch FROM statement_timestamp())::float8 AS now)
            INSERT INTO healthcare_rate AS r (source_id, kind, slot, counts, granted)
            SELECT %(source)s, %(kind)s, floor(now / %(slot)s)::bigint,
                   ARRAY[%(cost)s] || array_fill(0, ARRAY[%(slots)s]), true
              FROM clock
            ON CONFLICT (source_id, kind) DO UPDATE
               SET (slot, counts, granted) = (
                SELECT greatest(r.slot, excluded.slot),
                       CASE WHEN fits
                            THEN ARRAY[past[1] + %(cost)s] || past[2:] ELSE past END,
                       fits
                  FROM (SELECT past,
                               (SELECT sum(spent) FROM unnest(past) spent) + %(cost)s
                               <= %(quota)s AS fits
                          FROM (SELECT (array_fill(0, ARRAY[least(
                                    greatest(excluded.slot - r.slot, 0),
                                    %(slots)s + 1)::int])
                                    || r.counts)[1:%(slots)s + 1] AS past) moved
                       ) summed)
            RETURNING granted, counts,
                      extract(epoch FROM statement_timestamp())::float8
                      - slot * %(slot)s
            """,
            source=source_id,
            kind=kind,
            slot=slot,
            cost=cost,
            slots=rates.SLOTS,
            quota=quota,
        )
