"""What went wrong and who looked."""

from . import exception
from . import payload_access
