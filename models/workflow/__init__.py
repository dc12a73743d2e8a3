"""What each event means for Odoo. One file per business flow.

A workflow method ``_on_<event>(events)`` receives many events of one type, at most
one per subject, and writes in bulk. See ``workflow.py`` for what it may call.
"""

from . import workflow
from . import companies
from . import registration
from . import guarantor
from . import patient_merge
from . import replenishment
from . import supplies
from . import orders
from . import billing
from . import billing_copay
from . import coverage
from . import scheduling
from . import no_show
from . import authorization
from . import service
from . import authorization_use
from . import service_charges
from . import service_facts
from . import service_correction
from . import claim
from . import claim_invoices
from . import claim_posting
from . import claim_superseded
from . import payment
from . import payment_matching
from . import payment_taken_back
from . import patient_money
from . import deposit
from . import claim_confirmation
from . import alike
