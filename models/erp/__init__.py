"""Master data of a provider, and what we add to Odoo's own documents."""

from . import facility
from . import service_line
from . import service
from . import patient_identifier
from . import res_partner
from . import patient_duplicate
from . import coverage
from . import appointment
from . import clearance
from . import authorization
from . import authorization_rule
from . import completion
from . import adjustment_code
from . import claim
from . import claim_adjustment
from . import claim_accounts
from . import product
from . import sale_order
from . import stock_picking
from . import account_move
from . import account_payment
from . import delayed_payment
from . import stock_move
from . import patient_merge
from . import patient_merge_undo
from . import patient_sweep
