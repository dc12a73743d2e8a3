"""What a privacy officer asks for: keys, who saw what, how long, patients' rights."""

from . import key_job
from . import key_job_run
