"""How it is going: tallies kept while working, figures read from them."""

from . import tally
from . import tally_total
from . import counting
from . import figures
from . import metrics
from . import readiness
from . import control_room
from . import alert_figures
from . import alert_rule
from . import alert
from . import alert_notice
from . import source_rhythm
from . import control_total
from . import control_total_compare
