"""From booking to the day: appointments, clearance, deposits, no-shows."""

from . import appointment
from . import clearance
from . import no_show_fee
from . import deposit
