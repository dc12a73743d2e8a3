"""From the wire to the workflows: durable, deduplicated, in order."""

from . import keyring
from . import cron_watch
from . import ir_cron
from . import ir_http
from . import res_users_apikeys
from . import key_use
from . import source
from . import source_secret
from . import source_protection
from . import rate_limit
from . import backlog
from . import source_silence
from . import event_type
from . import event_type_version
from . import event
from . import event_correction
from . import document_link
from . import sync_log
from . import intake
from . import ordering
from . import engine
from . import engine_outcome
from . import engine_release
from . import engine_technical
from . import engine_dependent
