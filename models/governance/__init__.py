"""What went wrong and who looked."""

from . import exception
from . import exception_recheck
from . import payload_access
