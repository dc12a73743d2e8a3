"""What each target still has to get, in the order it came about."""

import zlib

from odoo import api, fields, models

from ...core import clock

#: Facts of one key are all in one shard; targets that take several requests at once
#: share the shards out among them.
SHARDS = 64


class HealthcareDelivery(models.Model):
    """One fact on its way to one target.

    Rows are written with the fact and taken in the order of their facts. A row is put
    into a batch, and the batch committed, before anything is sent: whatever dies
    then, the same facts are sent again under the same idempotency key.
    """

    _name = "healthcare.delivery"
    _description = "Delivery"
    _order = "fact_id"
    _log_access = False
    _rec_name = "fact_id"

    fact_id = fields.Many2one(
        "healthcare.fact", required=True, ondelete="cascade", readonly=True
    )
    target_id = fields.Many2one(
        "healthcare.target", required=True, ondelete="cascade", readonly=True
    )
    batch_id = fields.Many2one(
        "healthcare.delivery.batch", index="btree_not_null", readonly=True
    )
    recorded_at = fields.Datetime(required=True, readonly=True)
    state = fields.Selection(
        [
            ("pending", "To Deliver"),
            ("delivered", "Delivered"),
            ("failed", "Refused"),
            ("superseded", "Replaced by a Later One"),
            ("given_up", "Given Up"),
        ],
        required=True,
        default="pending",
        readonly=True,
    )
    latency = fields.Char(readonly=True, default="real_time")
    shard = fields.Integer(readonly=True, aggregator=None, default=0)
    reason = fields.Char(readonly=True, help="What the target said when it refused.")
    fact_type = fields.Selection(related="fact_id.fact_type")

    # Each index is one more to be told of every delivery: these are all there are.
    _fact_unique = models.UniqueIndex("(fact_id, target_id)")
    _pending_index = models.Index(
        "(target_id, latency, fact_id) WHERE state = 'pending'"
    )
    _undone_index = models.Index(
        "(target_id, state, fact_id) WHERE state IN ('failed', 'given_up')"
    )

    @api.model
    def _enqueue(self, fact_type, routes):
        """Put facts in line for targets.

        :param routes: pairs of a target and pairs (id, key) of the facts it gets
        """
        now = clock.utc_now()
        rows = [
            (fact_id, target.id, now, "pending", latency, shard_of(key))
            for target, facts in routes
            for latency in [target._latency_of(fact_type)]
            for fact_id, key in facts
        ]
        if rows:
            self.env.cr.execute_values(
                """INSERT INTO healthcare_delivery
                (fact_id, target_id, recorded_at, state, latency, shard) VALUES %s""",
                rows,
                page_size=len(rows),
            )
            self._wake()

    @api.model
    def _forget_cached(self):
        """Read anew what was written past the ORM: how deliveries and facts stand."""
        self.invalidate_model(["state", "batch_id", "reason"])
        self.env["healthcare.fact"].invalidate_model(["state"])

    @api.model
    def _wake(self):
        """Wake the delivery job once the transaction has committed."""
        # Stands in for the system: facts are written by whoever makes a document.
        self.env.ref("healthcare_connector.cron_deliver").sudo()._healthcare_wake()


def shard_of(key):
    """Return the shard of a key, the same in every process."""
    return zlib.crc32(key.encode()) % SHARDS
