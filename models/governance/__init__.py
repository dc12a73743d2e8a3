"""What went wrong and who looked."""

from . import exception
from . import approval
from . import waive_approval
from . import exception_policy
from . import exception_cause
from . import exception_reminder
from . import exception_escalation
from . import exception_fault
from . import exception_fix
from . import exception_recheck
from . import exception_recheck_claims
from . import payload_access
from . import message_access
from . import configuration_transfer
