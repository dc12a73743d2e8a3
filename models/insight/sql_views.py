"""The views over facts that BI tools read in Odoo's own database."""

import logging

from odoo import models
from odoo.tools import SQL

from ...core.analytics import sql_views

_logger = logging.getLogger(__name__)


class HealthcareSqlViews(models.AbstractModel):
    """Made anew whenever the addon is installed or updated."""

    _name = "healthcare.sql.views"
    _description = "SQL Views of Facts"

    def init(self):
        """Make the views; a database user without the right to leaves them out."""
        ((may_create,),) = self.env.execute_query(
            SQL(
                """SELECT has_database_privilege(current_database(), 'CREATE')
                OR EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)""",
                sql_views.SCHEMA,
            )
        )
        if not may_create:
            _logger.warning(
                "The schema %s was not made: Odoo's database user may not create one.",
                sql_views.SCHEMA,
            )
            return
        for statement in sql_views.statements():
            # Made of the catalogue alone, never of what somebody entered.
            self.env.cr.execute(statement)  # pylint: disable=sql-injection
