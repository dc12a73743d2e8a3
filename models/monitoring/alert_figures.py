"""What alert rules watch: each figure as numbers per facility and subject."""

from collections import namedtuple
from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from ...core import clock
from ..exchange.event import UNFINISHED

#: What may be watched. ``unit`` is count, minutes, percent, money or state; ``apart``
#: is what it is told apart by: facility, type (of event), source, target or job.
Watched = namedtuple("Watched", "label unit apart")
WATCHED = {
    "unfinished": Watched("Events under way", "count", "facility"),
    "oldest_waiting": Watched("Oldest event waiting", "minutes", "facility"),
    "held": Watched("Events held up", "count", "facility"),
    "failure_share": Watched("Share of events held up", "percent", "type"),
    "rejected": Watched("Events refused by schema", "count", "facility"),
    "throttled": Watched("Events throttled", "count", "facility"),
    "failed": Watched("Retries exhausted", "count", "facility"),
    "exceptions_overdue": Watched(
        "Exceptions past their due time", "count", "facility"
    ),
    "amount_at_risk": Watched("Amount at risk", "money", "facility"),
    "not_cleared": Watched("Coming visits not cleared", "count", "facility"),
    "source_silence": Watched("Source silent", "minutes", "source"),
    "facts_oldest": Watched("Oldest fact to be delivered", "minutes", "target"),
    "breaker_open": Watched("Deliveries stopped by the breaker", "state", "target"),
    "facts_missing": Watched("Facts missing at a target", "count", "target"),
    "quality_failed": Watched(
        "Facts that break a quality rule, in two days", "count", "facility"
    ),
    "job_late": Watched("Scheduled job late", "minutes", "job"),
}
#: counted over hours
COUNTED = ("rejected", "throttled", "failed", "failure_share")
_FAILURES = ("parked", "failed")
_OUTCOMES = ("done", "stale", *_FAILURES)

#: One number: of a facility (or of none) and of a subject, whose label people read.
Reading = namedtuple("Reading", "facility subject label value total", defaults=(None,))


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def _watched(self, figure, hours=1, days=3, currency_id=None):
        """Return the :class:`Reading` rows of one figure, by one query.

        :param str figure: a key of :data:`WATCHED`
        :param int hours: of what is counted, the running hour among them
        :param int days: of coming visits
        :param currency_id: of amounts; others are left out
        """
        if figure in COUNTED:
            hour = clock.utc_now().replace(minute=0, second=0, microsecond=0)
            since = hour - timedelta(hours=hours - 1)
            if figure == "failure_share":
                rows = self._watched_failures(since)
            else:
                rows = self._watched_tallies(figure, since)
        elif figure == "not_cleared":
            rows = self._watched_not_cleared(days)
        elif figure == "amount_at_risk":
            rows = self._watched_amount_at_risk(currency_id)
        else:
            rows = getattr(self, f"_watched_{figure}")()
        return [Reading(*row) for row in rows]

    def _watched_states(self, value, states):
        return self.env.execute_query(
            SQL(
                """SELECT facility_id, '', '', %s FROM healthcare_event
                WHERE state = ANY(%s) GROUP BY 1""",
                value,
                list(states),
            )
        )

    def _watched_unfinished(self):
        states = [state for state in UNFINISHED if state != "exception"]
        return self._watched_states(SQL("count(*)"), states)

    def _watched_held(self):
        return self._watched_states(SQL("count(*)"), ["exception"])

    def _watched_oldest_waiting(self):
        states = [state for state in UNFINISHED if state != "exception"]
        age = SQL("extract(epoch FROM %s - min(received_at)) / 60", clock.utc_now())
        return self._watched_states(age, states)

    def _watched_tallies(self, kind, since):
        return self.env.execute_query(
            SQL(
                """SELECT facility_id, '', '', sum(count) FROM healthcare_tally
                WHERE hour >= %s AND kind = %s GROUP BY 1""",
                since,
                kind,
            )
        )

    def _watched_failures(self, since):
        return self.env.execute_query(
            SQL(
                """SELECT t.facility_id, y.code, y.name->>'en_US',
                    coalesce(sum(t.count) FILTER (WHERE t.kind = ANY(%s)), 0),
                    sum(t.count)
                FROM healthcare_tally t
                JOIN healthcare_event_type y ON y.id = t.type_id
                WHERE t.hour >= %s AND t.kind = ANY(%s) GROUP BY 1, 2, 3""",
                list(_FAILURES),
                since,
                list(_OUTCOMES),
            )
        )

    def _watched_exceptions_overdue(self):
        return self.env.execute_query(
            SQL(
                """SELECT facility_id, '', '', count(*) FROM healthcare_exception
                WHERE state IN ('open', 'assigned') AND deadline < %s GROUP BY 1""",
                clock.utc_now(),
            )
        )

    def _watched_amount_at_risk(self, currency_id):
        return self.env.execute_query(
            SQL(
                """SELECT facility_id, '', '', sum(amount_at_risk)
                FROM healthcare_exception
                WHERE state IN ('open', 'assigned') AND currency_id = %s GROUP BY 1""",
                currency_id,
            )
        )

    def _watched_not_cleared(self, days):
        now = clock.utc_now()
        return self.env.execute_query(
            SQL(
                """SELECT facility_id, '', '', count(*) FROM healthcare_appointment
                WHERE start >= %s AND start < %s
                AND state IN ('booked', 'confirmed', 'checked_in')
                AND clearance != 'cleared' GROUP BY 1""",
                now,
                now + timedelta(days=days),
            )
        )

    def _watched_source_silence(self):
        """Silence is what was noticed as such, from when it was last heard."""
        return self.env.execute_query(
            SQL(
                """SELECT NULL::int, code, name, coalesce(
                    extract(epoch FROM %s - silent_since) / 60, 0)
                FROM healthcare_source WHERE active AND paused IS NOT TRUE""",
                clock.utc_now(),
            )
        )

    def _watched_facts_oldest(self):
        return [
            (None, name, name, float(age) / 60)
            for name, _pending, age, _breaker in self._deliveries()
        ]

    def _watched_breaker_open(self):
        return [
            (None, name, name, int(breaker > 0))
            for name, _pending, _age, breaker in self._deliveries()
        ]

    def _watched_job_late(self):
        return self.env.execute_query(
            SQL(
                """SELECT NULL::int, d.name, c.cron_name,
                    greatest(extract(epoch FROM %s - c.nextcall) / 60, 0)
                FROM ir_cron c
                JOIN ir_model_data d ON d.model = 'ir.cron' AND d.res_id = c.id
                    AND d.module = 'healthcare_connector'
                WHERE c.active""",
                clock.utc_now(),
            )
        )
