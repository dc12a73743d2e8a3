"""Installation hooks."""


def post_init_hook(env):
    """Make one processing job per configured shard."""
    env["healthcare.engine"]._sync_shards()


def uninstall_hook(env):
    """Leave Odoo usable: archive our integration users so that no key opens."""
    users = env["healthcare.source"].with_context(active_test=False).search([]).user_id
    users.write({"active": False})
    env.cr.execute("DROP TABLE IF EXISTS healthcare_rate")
    # The table goes with its triggers, not what they call.
    env.cr.execute("DROP FUNCTION IF EXISTS healthcare_payload_access_guard() CASCADE")
    env.cr.execute("DROP SCHEMA IF EXISTS healthcare_analytics CASCADE")
