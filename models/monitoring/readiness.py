"""Whether events can be taken, and whether anybody works on them."""

from odoo import api, models
from odoo.tools import SQL

from ...core import clock

#: jobs that must run for events to become documents and facts
VITAL_JOBS = ("cron_process", "cron_sweep", "cron_deliver")
#: they run each minute; a batch of long work may keep one for a while
LATE_SECONDS = 600
#: no more are counted: whoever asks wants an answer at once
COUNTED = 100_000


class HealthcareFigures(models.AbstractModel):
    _inherit = "healthcare.figures"

    @api.model
    def _readiness(self):
        """Return ``({check: "ok" or what is wrong}, whether events can be taken)``.

        ``waiting`` is how many events are to be processed, ``job_age_seconds`` how
        long ago the job that is most behind ran.
        """
        keyring = self.env["healthcare.keyring"]._status()
        paused = self.env["healthcare.source"]._intake_paused()
        over = self.env["healthcare.backlog"]._is_over()
        age = self._vital_age()
        checks = {
            "database": "ok",
            "keyring": keyring or "ok",
            "intake": "paused" if paused else "ok",
            "backlog": "over_limit" if over else "ok",
            "jobs": "ok" if age is not None and age < LATE_SECONDS else "late",
            "waiting": self.env["healthcare.backlog"]._waiting(COUNTED),
            "job_age_seconds": age,
        }
        return checks, not (keyring or paused or over)

    @api.model
    def _vital_age(self):
        """Return for how many seconds some vital job has not run; ``None`` if off."""
        rows = self.env.execute_query(
            SQL(
                """SELECT c.active, extract(epoch FROM %s
                    - coalesce(c.lastcall, c.create_date))
                FROM ir_cron c
                WHERE c.healthcare_shard > 0 AND c.active OR c.id IN (
                    SELECT res_id FROM ir_model_data WHERE model = 'ir.cron'
                    AND module = 'healthcare_connector' AND name = ANY(%s))""",
                clock.utc_now(),
                list(VITAL_JOBS),
            )
        )
        if not rows or not all(active for active, _age in rows):
            return None
        return max(0, int(max(age for _active, age in rows)))
