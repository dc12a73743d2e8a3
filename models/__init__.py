"""The way of the data: exchange -> workflow -> erp -> analytics, governed throughout.

exchange/    sources and their keys, the event store, intake, the processing engine
governance/  exceptions, who read which payload
erp/         facilities, patients, coverage, visits, services, bills, claims, payments:
             master data, and what we add to Odoo's own documents
workflow/    what each event means: one file per business flow
analytics/   facts, targets, delivery
replay/      decisions on many: events run again, with a look at it before
monitoring/  tallies, figures, metrics: how it is going
insight/     what facts tell: SQL views, reports, lineage, quality, completeness
privacy/     keys and re-encryption, who saw what, retention, patients' requests
continuity/  while systems are down: what is written by hand, what is printed
"""

from . import exchange
from . import governance
from . import erp
from . import continuity
from . import workflow
from . import analytics
from . import replay
from . import monitoring
from . import insight
from . import privacy
from .governance import data_governance  # after the event types it extends
from . import res_config_settings
