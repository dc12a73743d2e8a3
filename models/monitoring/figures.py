"""Figures of how it is going: what metrics, the control room and alerts read.

Each is one query over an index or over tallies, never over all events.
"""

from odoo import api, models
from odoo.tools import SQL

from ...core import clock
from ..exchange.event import UNFINISHED


class HealthcareFigures(models.AbstractModel):
    _name = "healthcare.figures"
    _description = "Figures"

    # -- counted ever since -----------------------------------------------------

    @api.model
    def _totals(self):
        """Return ``[(kind, source code, type code, count)]`` since the beginning."""
        return self.env.execute_query(
            SQL(
                """SELECT t.kind, coalesce(s.code, ''), coalesce(y.code, ''),
                    sum(t.count)
                FROM %s t
                LEFT JOIN healthcare_source s ON s.id = t.source_id
                LEFT JOIN healthcare_event_type y ON y.id = t.type_id
                GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
                self.env["healthcare.tally.total"]._every(),
            )
        )

    @api.model
    def _latencies(self):
        """Return ``[(type code, latency class, count, seconds)]`` of what is done."""
        return self.env.execute_query(
            SQL(
                """SELECT coalesce(y.code, ''), t.latency_class, sum(t.count),
                    sum(t.seconds)
                FROM %s t
                LEFT JOIN healthcare_event_type y ON y.id = t.type_id
                WHERE t.latency_class IS NOT NULL
                GROUP BY 1, 2 ORDER BY 1, 2""",
                self.env["healthcare.tally.total"]._every(),
            )
        )

    # -- at this moment ---------------------------------------------------------

    @api.model
    def _backlog(self):
        """Return ``[(state, type code, count, seconds the oldest has waited)]``.

        Read from an index alone (``open_index`` of events).
        """
        return self.env.execute_query(
            SQL(
                """SELECT e.state, coalesce(y.code, ''), e.count, e.age
                FROM (SELECT state, type_id, count(*) AS count,
                        extract(epoch FROM %s - min(received_at)) AS age
                    FROM healthcare_event WHERE state IN %s GROUP BY 1, 2) e
                LEFT JOIN healthcare_event_type y ON y.id = e.type_id
                ORDER BY 1, 2""",
                clock.utc_now(),
                UNFINISHED,
            )
        )

    @api.model
    def _denied_claims(self):
        """Return ``[(facility code, count)]`` of claims that are denied."""
        return self.env.execute_query(
            SQL(
                """SELECT f.code, count(*) FROM healthcare_claim c
                JOIN healthcare_facility f ON f.id = c.facility_id
                WHERE c.state = 'denied' GROUP BY 1 ORDER BY 1"""
            )
        )

    @api.model
    def _open_exceptions(self):
        """Return ``[(category, facility code, currency, count, overdue, amount)]``."""
        return self.env.execute_query(
            SQL(
                """SELECT x.category, coalesce(f.code, ''), c.name, count(*),
                    count(*) FILTER (WHERE x.deadline < %s),
                    coalesce(sum(x.amount_at_risk), 0)
                FROM healthcare_exception x
                LEFT JOIN healthcare_facility f ON f.id = x.facility_id
                JOIN res_currency c ON c.id = x.currency_id
                WHERE x.state IN ('open', 'assigned')
                GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
                clock.utc_now(),
            )
        )

    @api.model
    def _deliveries(self):
        """Return per target ``(name, pending, age of the oldest, breaker)``, ages in s.

        ``breaker`` is 0 closed, 1 half open, 2 open.
        """
        return self.env.execute_query(
            SQL(
                """SELECT t.name, count(d.id),
                    coalesce(extract(epoch FROM %s - min(d.recorded_at)), 0),
                    CASE t.breaker_state WHEN 'open' THEN 2
                        WHEN 'half_open' THEN 1 ELSE 0 END
                FROM healthcare_target t
                LEFT JOIN healthcare_delivery d
                    ON d.target_id = t.id AND d.state = 'pending'
                WHERE t.active GROUP BY t.id ORDER BY 1""",
                clock.utc_now(),
            )
        )

    @api.model
    def _visits(self, days=7):
        """Return ``[(clearance, facility code, count)]`` of the coming days' visits."""
        now = clock.utc_now()
        return self.env.execute_query(
            SQL(
                """SELECT a.clearance, f.code, count(*)
                FROM healthcare_appointment a
                JOIN healthcare_facility f ON f.id = a.facility_id
                WHERE a.start >= %s AND a.start < %s + make_interval(days => %s)
                AND a.state IN ('booked', 'confirmed', 'checked_in')
                GROUP BY 1, 2 ORDER BY 1, 2""",
                now,
                now,
                days,
            )
        )

    @api.model
    def _jobs(self):
        """Return ``[(name of the job, seconds since it last ran, failures)]``."""
        return self.env.execute_query(
            SQL(
                """SELECT d.name,
                    extract(epoch FROM %s - coalesce(c.lastcall, c.create_date)),
                    c.failure_count
                FROM ir_cron c
                JOIN ir_model_data d ON d.model = 'ir.cron' AND d.res_id = c.id
                    AND d.module = 'healthcare_connector'
                WHERE c.active ORDER BY 1""",
                clock.utc_now(),
            )
        )
