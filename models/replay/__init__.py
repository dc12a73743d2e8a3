"""Decisions on many: events run again after a look at it, exceptions closed."""

from . import job
from . import line
from . import run
from . import preview
from . import correct
