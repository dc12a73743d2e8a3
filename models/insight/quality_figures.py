"""Quality of facts: in metrics and for alert rules."""

from odoo import api, models
from odoo.tools import SQL

from ..monitoring.metrics import _family


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def _quality(self):
        """Return per rule and facility ``(facility id, code, rule, facts, failing)``.

        Of today and yesterday, as days of facilities begin at different times.
        """
        return self.env.execute_query(
            SQL(
                """SELECT r.facility_id, coalesce(p.code, ''), q.name->>'en_US',
                    sum(r.checked_count), sum(r.failed_count)
                FROM healthcare_quality_result r
                JOIN healthcare_quality_rule q ON q.id = r.rule_id
                LEFT JOIN healthcare_facility p ON p.id = r.facility_id
                WHERE q.active AND r.day >= (now() AT TIME ZONE 'UTC')::date - 1
                GROUP BY 1, 2, 3 ORDER BY 2, 3"""
            )
        )

    @api.model
    def _watched_quality_failed(self):
        return [
            (facility, "", "", failed)
            for facility, _code, _rule, _checked, failed in self._quality()
        ]

    @api.model
    def _delivery_metrics(self):
        rows = self._quality()
        return [
            *super()._delivery_metrics(),
            _family(
                "gauge",
                "healthcare_quality_checked",
                "Facts of yesterday and today that a quality rule looked at",
                ["rule", "facility"],
                [((rule, code), checked) for _id, code, rule, checked, _n in rows],
            ),
            _family(
                "gauge",
                "healthcare_quality_failed",
                "Facts of yesterday and today that break a quality rule",
                ["rule", "facility"],
                [((rule, code), failed) for _id, code, rule, _n, failed in rows],
            ),
        ]
