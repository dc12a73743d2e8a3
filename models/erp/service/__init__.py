"""What was done and what it took, as Odoo sells and supplies it."""

from . import service_line
from . import service
from . import modifier
from . import completion
from . import completion_line
from . import completion_correction
from . import product
from . import sale_order
from . import stock_picking
from . import stock_move
