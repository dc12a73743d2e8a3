"""While systems are down: what is written by hand, and what is printed for it."""

from . import downtime_source
from . import downtime_import
from . import alike
from . import worklist_access
from . import downtime_reader
