"""Tallies: what happened per hour, counted where it happens.

Who works adds rows and never changes any, so counting costs one ``INSERT`` a batch and
conflicts with nobody. A job folds the rows of an hour, later of a day, into one; sums
stay the same whenever they are read.
"""

from bisect import bisect_left
from collections import Counter
from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock

#: upper bounds of latency classes, in seconds; one more class is above all of them
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)

KINDS = [
    ("received", "Received"),
    ("duplicate", "Repeats"),
    ("rejected", "Refused by Schema"),
    ("throttled", "Throttled"),
    ("done", "Done"),
    ("stale", "Older than Known"),
    ("parked", "Needs a Person"),
    ("waiting", "Waiting"),
    ("retry", "Will Retry"),
    ("failed", "Retries Exhausted"),
]
#: for how long each hour is kept apart; then days are
HOURS_KEPT = timedelta(days=35)
#: for how long each day is kept apart; then one sum is
DAYS_KEPT = timedelta(days=400)
EVER = datetime(1970, 1, 1)


class HealthcareTally(models.Model):
    """How often something happened in an hour, per source, type and facility."""

    _name = "healthcare.tally"
    _description = "Tally of Events"
    _order = "hour desc, id desc"
    _log_access = False

    hour = fields.Datetime(required=True, help="Beginning of the hour, or of the day.")
    kind = fields.Selection(KINDS, required=True)
    source_id = fields.Many2one("healthcare.source", ondelete="set null")
    type_id = fields.Many2one("healthcare.event.type", ondelete="set null")
    facility_id = fields.Many2one("healthcare.facility", ondelete="set null")
    latency_class = fields.Integer(
        help="Of what is done: from received to processed, by upper bound."
    )
    count = fields.Integer(required=True, aggregator="sum")
    seconds = fields.Float(help="Sum of latencies.", aggregator="sum")
    folded = fields.Boolean(help="Its hour was over when it was made.")
    totalled = fields.Boolean(help="Is part of the totals since the beginning.")

    # Holds all that the control room reads.
    _hour_index = models.Index(
        "(hour) INCLUDE (kind, facility_id, type_id, source_id, latency_class, count)"
    )
    _loose_index = models.Index("(hour) WHERE folded IS NOT TRUE")
    _hours_index = models.Index("(hour) WHERE hour != date_trunc('day', hour)")
    _fresh_index = models.Index("(id) WHERE totalled IS NOT TRUE")

    @api.model
    def _add(self, rows):
        """Count what happened, in the transaction it happened in.

        :param rows: ``(kind, source id, type id, facility id, seconds)`` for each
            event; ``seconds`` is the latency of what is done, else ``None``
        """
        counts, sums = Counter(), Counter()
        for kind, source, kind_of_event, facility, seconds in rows:
            latency = None if seconds is None else bisect_left(BOUNDS, seconds)
            key = (kind, source or None, kind_of_event or None, facility or None)
            counts[*key, latency] += 1
            sums[*key, latency] += seconds or 0.0
        if not counts:
            return
        hour = clock.utc_now().replace(minute=0, second=0, microsecond=0)
        self.env.cr.execute_values(
            """INSERT INTO healthcare_tally (hour, kind, source_id, type_id,
            facility_id, latency_class, count, seconds) VALUES %s""",
            [(hour, *key, count, sums[key]) for key, count in counts.items()],
            page_size=len(counts),
        )

    # -- folding ----------------------------------------------------------------

    @api.model
    def _cron_fold(self):
        """Fold rows of one hour into one; old hours into days, old days into a sum."""
        now = clock.utc_now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        today = hour.replace(hour=0)
        self.env["healthcare.tally.total"]._add_fresh()
        # The running hour is folded again each time, until it is over.
        self._fold(SQL("hour"), SQL("folded IS NOT TRUE"), hour)
        self._fold(
            SQL("date_trunc('day', hour)"),
            SQL(
                "hour < %s AND hour != date_trunc('day', hour)",
                today - HOURS_KEPT,
            ),
            hour,
        )
        self._fold(
            SQL("%s::timestamp", EVER),
            SQL("hour < %s AND hour > %s", today - DAYS_KEPT, EVER),
            hour,
        )

    @api.model
    def _fold(self, into, which, now):
        """Replace rows by one per key that holds their sums, in one statement.

        :param SQL into: the hour they are folded into
        :param SQL which: the condition of the rows
        :param now: beginning of the hour that is still running
        """
        self.env.execute_query(
            SQL(
                """
                WITH gone AS (
                    DELETE FROM healthcare_tally t USING (
                        SELECT id FROM healthcare_tally WHERE %s
                        FOR UPDATE SKIP LOCKED
                    ) old WHERE t.id = old.id RETURNING t.*
                )
                INSERT INTO healthcare_tally (hour, kind, source_id, type_id,
                    facility_id, latency_class, count, seconds, folded, totalled)
                SELECT into_hour, kind, source_id, type_id, facility_id,
                    latency_class, sum(count), sum(seconds), into_hour < %s, totalled
                FROM (SELECT gone.*, %s AS into_hour FROM gone) grouped
                GROUP BY 1, 2, 3, 4, 5, 6, totalled RETURNING id
                """,
                which,
                now,
                into,
            )
        )
