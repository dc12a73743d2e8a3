"""Gaps at targets: in the control room, in metrics, and for alert rules."""

from odoo import api, models
from odoo.tools import SQL

from ..monitoring.metrics import _family


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def _gaps(self):
        """Return per target ``(id, name, facts missing, seconds since the check)``.

        Of the last check that could be made; none for a target never checked.
        """
        return self.env.execute_query(
            SQL(
                """SELECT DISTINCT ON (t.id) t.id, t.name,
                    coalesce(c.missing_count, 0),
                    extract(epoch FROM now() AT TIME ZONE 'UTC' - c.checked_at)
                FROM healthcare_target t
                JOIN healthcare_completeness c ON c.target_id = t.id
                WHERE t.active AND c.state != 'failed' ORDER BY t.id, c.id DESC"""
            )
        )

    @api.model
    def _watched_facts_missing(self):
        return [
            (None, name, name, missing) for _id, name, missing, _age in self._gaps()
        ]

    @api.model
    def _delivery_metrics(self):
        gaps = self._gaps()
        return [
            *super()._delivery_metrics(),
            _family(
                "gauge",
                "healthcare_facts_missing",
                "Facts that lacked at a target when it was last compared with Odoo",
                ["target"],
                [((name,), missing) for _id, name, missing, _age in gaps],
            ),
            _family(
                "gauge",
                "healthcare_completeness_age_seconds",
                "For how long a target was not compared with Odoo",
                ["target"],
                [((name,), age) for _id, name, _missing, age in gaps],
            ),
        ]

    @api.model
    def _freshness_figures(self):
        return [
            *super()._freshness_figures(),
            *(
                self._figure(
                    f"missing-{number}",
                    self.env._("Missing at %s", name),
                    missing,
                    bad=bool(missing),
                    help=self.env._("By the last comparison with Odoo."),
                    model="healthcare.completeness",
                    domain=[("target_id", "=", number)],
                )
                for number, name, missing, _age in self._gaps()
            ),
        ]
