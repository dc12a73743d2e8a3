"""Shards as jobs of OCA's queue_job, where it is installed and an operator wants it.

Nothing here needs queue_job to be there. A job carries one shard; its identity key
keeps a second one from waiting for the same. The scheduled jobs stay as they are: they
do what is due later, and find whatever no job was made for.
"""

import logging

import psycopg2

from odoo import api, models

_logger = logging.getLogger(__name__)

PARAMETER = "healthcare_connector.executor"
WAKING = "healthcare.queue_shards"
LOCK = 0x68637131  # of ours alone, with the number of the shard


class HealthcareEngine(models.AbstractModel):
    _inherit = "healthcare.engine"

    @api.model
    def _by_queue(self):
        """Return whether shards run as jobs of queue_job."""
        if "queue.job" not in self.env.registry:
            return False
        # Stands in for the system: whoever brings an event may start its processing.
        parameters = self.env["ir.config_parameter"].sudo()
        return parameters.get_param(PARAMETER) == "queue_job"

    @api.model
    def _wake(self, partitions):
        if not self._by_queue():
            return super()._wake(partitions)
        count = self._shard_count()
        hooks = self.env.cr.postcommit
        waking = hooks.data.get(WAKING)
        if waking is None:
            waking = hooks.data[WAKING] = set()
            registry = self.env.registry
            # After the commit, so that a job that waits already starts later than it
            # and sees what was committed.
            hooks.add(lambda: _enqueue(registry, waking))
        waking.update(partition % count + 1 for partition in partitions)

    @api.model
    def _queue_process(self, shard):
        """Work on one shard as a job, which must not commit on its own cursor."""
        from odoo.addons.queue_job.exception import RetryableJobError

        if shard > self._shard_count():
            return  # there are fewer shards now
        with self.env.registry.cursor() as cr:
            worked = self.with_env(self.env(cr=cr))._cron_process(shard)
        if not worked:
            # Whoever works on it may have looked for the last time already.
            raise RetryableJobError(
                "Another one works on this shard.", seconds=1, ignore_retry=True
            )

    @api.model
    def _queue_shard(self, shard):
        """Have a job for a shard unless one waits already."""
        # Stands in for the system, as above.
        self.sudo().with_delay(
            identity_key=f"healthcare-shard-{shard}",
            description=f"Healthcare: process events ({shard})",
            priority=5,
        )._queue_process(shard)


def _enqueue(registry, shards):
    """Make the jobs in transactions of their own; the sweep makes up for a failure."""
    try:
        with registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            for shard in sorted(shards):
                # Locked before the transaction that looks begins, so that of two who
                # look the second sees what the first has made.
                cr.execute("SELECT pg_advisory_lock(%s, %s)", (LOCK, shard))
                cr.commit()  # pylint: disable=invalid-commit
                try:
                    env["healthcare.engine"]._queue_shard(shard)
                    cr.commit()  # pylint: disable=invalid-commit
                finally:
                    cr.rollback()
                    cr.execute("SELECT pg_advisory_unlock(%s, %s)", (LOCK, shard))
                    cr.commit()  # pylint: disable=invalid-commit
                    env.invalidate_all()
    except psycopg2.Error as error:
        _logger.error("No job could be queued: %s", type(error).__name__)
    finally:
        shards.clear()
