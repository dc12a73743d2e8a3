"""Technical failures: tried again by themselves, in case what was broken is mended."""

from odoo import api, fields, models
from odoo.tools import SQL

RETRY_AFTER_HOURS = 1
KEEP_TRYING_DAYS = 7


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _cron_retry_exhausted(self):
        """Give what failed technically one more try an hour.

        A missing key or a full disk is mended by an administrator, and no event tells
        of it. What still fails stays the same open exception.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT e.event_id FROM healthcare_exception e
                WHERE e.category = 'retry_exhausted' AND e.blocks_event
                AND e.state IN ('open', 'assigned') AND e.opened_at > %s
                AND NOT EXISTS (SELECT 1 FROM healthcare_sync_log l
                    WHERE l.event_id = e.event_id AND l.date > %s)""",
                fields.Datetime.subtract(fields.Datetime.now(), days=KEEP_TRYING_DAYS),
                fields.Datetime.subtract(
                    fields.Datetime.now(), hours=RETRY_AFTER_HOURS
                ),
            )
        )
        self._requeue([row[0] for row in rows])
