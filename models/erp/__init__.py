"""Master data of a provider, and what we add to Odoo's own documents."""

from . import awaited
from . import facility
from . import service
from . import patient
from . import coverage
from . import visit
from . import billing
from . import claim
from . import payment
from . import traced
from . import facility_limit
