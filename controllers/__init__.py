"""The HTTP surface, one file per part of it.

``responses`` says how we answer and refuse, ``protection`` guards what takes events
in; the others are routes.
"""

from . import responses
from . import protection
from . import events
from . import export
from . import downloads
from . import formats
from . import totals
from . import status
from . import monitoring
from . import documentation
from . import guide
from . import continuity
from . import privacy
from . import unknown
