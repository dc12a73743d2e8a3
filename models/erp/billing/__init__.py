"""Bills, and what happens to them by hand."""

from . import billing_policy
from . import account_move
from . import revenue
from . import account_move_changes
from . import account_move_changes_told
