from . import correct_wizard
from . import facility_wizard
from . import key_wizard
from . import merge_wizard
from . import partner_merge
from . import payload_viewer
from . import secret_wizard
from . import waive_wizard
