"""Facts: written with the document they tell of, delivered to targets."""

from . import fact
from . import fact_retelling
from . import surrogate
from . import target
from . import target_pause
from . import delivery
from . import subscription
from . import delivery_failure
