"""Too much waiting to be processed: better to say so than to fall behind for hours."""

import time

from odoo import api, models
from odoo.tools import SQL

LIMIT = "healthcare_connector.backlog_limit"
PAUSED = "healthcare_connector.intake_paused"
FRESH_SECONDS = 5
# What this process found last: {database: (limit, over, until)}.
_found = {}


class HealthcareBacklog(models.AbstractModel):
    _name = "healthcare.backlog"
    _description = "Backlog of Events"

    @api.model
    def _limit(self):
        """Return how many events may wait; 0 is any number."""
        # One parameter of ours, read on behalf of any caller.
        value = self.env["ir.config_parameter"].sudo().get_param(LIMIT)
        return int(value) if value and value.isdigit() else 0

    @api.model
    def _is_over(self):
        """Whether more events are waiting than the settings allow.

        Asked again after some seconds only, and never counts further than the limit.
        """
        limit = self._limit()
        if not limit:
            return False
        database = self.env.cr.dbname
        known, over, until = _found.get(database, (None, False, 0))
        if known == limit and time.monotonic() < until:
            return over
        over = self._waiting(limit + 1) > limit
        _found[database] = (limit, over, time.monotonic() + FRESH_SECONDS)
        return over

    @api.model
    def _waiting(self, at_most):
        """Count events ready to be processed, without what persons hold or paused."""
        return self.env.execute_query(
            SQL(
                """SELECT count(*) FROM (
                SELECT 1 FROM healthcare_event
                 WHERE state IN ('received', 'retrying', 'processing')
                 AND NOT %s LIMIT %s) waiting""",
                self.env["healthcare.pause"]._holding(),
                at_most,
            )
        )[0][0]
