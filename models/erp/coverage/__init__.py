"""Who pays, and what they have approved."""

from . import coverage
from . import coverage_release
from . import coverage_member
from . import authorization
from . import authorization_use
from . import authorization_rule
