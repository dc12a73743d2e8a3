"""What facts tell: views and reports to read them, and whether they can be trusted."""

from . import sql_views
from . import report
from . import report_throughput
from . import report_utilization
from . import report_reimbursement
from . import report_margin
from . import dashboard
from . import lineage
from . import lineage_events
from . import completeness
from . import completeness_target
from . import completeness_figures
from . import quality
from . import quality_figures
