"""What facts tell: views and reports to read them, and whether they can be trusted."""

from . import sql_views
