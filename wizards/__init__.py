from . import correct_wizard
from . import key_wizard
from . import payload_viewer
from . import waive_wizard
