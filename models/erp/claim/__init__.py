"""Claims and what payers answer."""

from . import adjustment_code
from . import claim
from . import claim_adjustment
from . import claim_accounts
