from .core import logs

logs.install()

from . import controllers  # noqa: E402 the net is there before anything is logged
from . import models  # noqa: E402
from . import wizards  # noqa: E402
from .hooks import post_init_hook, uninstall_hook  # noqa: E402
