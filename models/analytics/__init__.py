"""Facts: written with the document they tell of, delivered to targets."""

from . import fact
from . import values_access
from . import values_money
from . import values_care
from . import fact_retelling
from . import fact_changes
from . import snapshot
from . import snapshot_stock
from . import snapshot_procurement
from . import snapshot_cells
from . import snapshot_utilization
from . import snapshot_financial
from . import surrogate
from . import target
from . import target_authentication
from . import target_exchange
from . import target_breaker
from . import target_flow
from . import target_pause
from . import delivery
from . import delivery_batch
from . import delivery_parking
from . import delivery_driver
from . import subscription
from . import delivery_failure
