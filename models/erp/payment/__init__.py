"""Money that came, and whose it is."""

from . import account_payment
from . import account_reconcile
from . import delayed_payment
from . import payment_suggestion
from . import payment_suggestion_search
