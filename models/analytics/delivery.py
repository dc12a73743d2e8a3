"""The queue: what each target still has to get, in the order it came about."""

import zlib

from odoo import api, fields, models

from ...core import clock
from ...core.bulk import as_array

#: Facts of one key are all in one shard; targets that take several requests at once
#: share the shards out among them.
SHARDS = 64


class HealthcareDelivery(models.Model):
    """One fact that one target has still to get, or that was set aside.

    Rows are written with the fact and taken in the order of their facts. A batch names
    the facts it has, and is committed, before anything is sent: whatever dies then, the
    same facts are sent again under the same idempotency key. When the target has taken
    a fact, its row is deleted: the batch is the receipt.
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
    # Neither an index nor a foreign key: both cost more than the row itself. A batch
    # knows its facts, and stays as long as a delivery names it.
    batch_number = fields.Integer(readonly=True, aggregator=None)
    batch_id = fields.Many2one(
        "healthcare.delivery.batch",
        string="Batch",
        compute="_compute_batch_id",
        help="With which others it was sent last, or is on its way.",
    )
    recorded_at = fields.Datetime(required=True, readonly=True)
    state = fields.Selection(
        [
            ("pending", "To Deliver"),
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

    @api.depends("batch_number", "state")
    def _compute_batch_id(self):
        batches = self.env["healthcare.delivery.batch"]
        on_their_way = {
            (batch.target_id.id, fact_id): batch
            for batch in batches.search(
                [("state", "=", "open"), ("target_id", "in", self.target_id.ids)]
            )
            for fact_id in batch.facts or []
        }
        there = batches.browse(filter(None, self.mapped("batch_number"))).exists()
        known = {batch.id: batch for batch in there}
        for delivery in self:
            if delivery.state == "pending":
                key = delivery.target_id.id, delivery.fact_id.id
                delivery.batch_id = on_their_way.get(key, batches)
            else:
                delivery.batch_id = known.get(delivery.batch_number, batches)

    @api.model
    def _enqueue(self, fact_type, routes):
        """Put facts in line for targets.

        :param routes: pairs of a target and pairs (id, key) of the facts it gets
        """
        now = clock.utc_now()
        for target, facts in routes:
            self.env.cr.execute(
                """INSERT INTO healthcare_delivery
                    (fact_id, target_id, recorded_at, state, latency, shard)
                SELECT f.id, %s, %s, 'pending', %s, f.shard
                FROM unnest(%s::int[], %s::int[]) AS f(id, shard)""",
                [
                    target.id,
                    now,
                    target._latency_of(fact_type),
                    as_array(fact_id for fact_id, _key in facts),
                    as_array(shard_of(key) for _fact_id, key in facts),
                ],
            )
        if routes:
            self._wake()

    @api.model
    def _put_in_line(self, target, rows):
        """Put facts of before in line for a target, in the place of what was set aside.

        :param rows: (id, key, fact type) of each
        """
        ids, keys, kinds = zip(*rows, strict=True)
        classes = {kind: target._latency_of(kind) for kind in set(kinds)}
        self.env.cr.execute(
            """INSERT INTO healthcare_delivery
                (fact_id, target_id, recorded_at, state, latency, shard)
            SELECT f.id, %s, %s, 'pending', f.latency, f.shard
            FROM unnest(%s, %s, %s) AS f(id, latency, shard)
            ON CONFLICT (fact_id, target_id) DO UPDATE
            SET state = 'pending', batch_number = NULL, reason = NULL,
                recorded_at = EXCLUDED.recorded_at, latency = EXCLUDED.latency,
                shard = EXCLUDED.shard""",
            [
                target.id,
                clock.utc_now(),
                list(ids),
                [classes[kind] for kind in kinds],
                [shard_of(key) for key in keys],
            ],
        )
        self.env.cr.execute(
            """UPDATE healthcare_fact SET routed = TRUE
            WHERE id = ANY(%s) AND routed IS NOT TRUE""",
            [list(ids)],
        )
        self._forget_cached()
        self._wake()

    @api.model
    def _forget_cached(self):
        """Read anew what was written past the ORM: how deliveries and facts stand."""
        self.invalidate_model()
        self.env["healthcare.fact"].invalidate_model(
            ["state", "routed", "delivery_ids", "receipt_ids"]
        )

    @api.model
    def _wake(self):
        """Wake the delivery jobs once the transaction has committed."""
        self._jobs()._healthcare_wake()


def shard_of(key):
    """Return the shard of a key, the same in every process."""
    return zlib.crc32(key.encode()) % SHARDS
