"""What a privacy officer asks for: keys, who saw what, how long, patients' rights."""

from . import patient_of
from . import sitting
from . import access_chain
from . import access_report
from . import access_export
from . import key_job
from . import key_job_run
from . import legal_hold
from . import retention
from . import retention_run
from . import skeleton
from . import data_request
from . import data_erasure
from . import data_export
