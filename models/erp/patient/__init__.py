"""What Odoo knows of a patient: account, identifiers, duplicates, timeline."""

from . import patient_identifier
from . import res_partner
from . import patient_duplicate
from . import patient_merge
from . import patient_merge_undo
from . import patient_merge_approval
from . import patient_sweep
from . import timeline
