from . import test_delivery
from . import test_engine
from . import test_http_events
from . import test_intake
