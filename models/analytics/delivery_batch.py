"""Batches: facts sent together, chosen, divided and put on record."""

import time
import uuid

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock
from ...core.bulk import as_array
from .delivery_run import taking


class HealthcareDeliveryBatch(models.Model):
    """Facts sent together: the receipt of what left, when, to whom.

    Of a delivered batch ``facts`` are those that the target took, all of them and no
    other; what it refused names the batch that it was in last.

    A target that takes several requests at once has as many lanes, each with its part
    of the shards, so that facts of one key go through one lane, one batch at a time.
    """

    _name = "healthcare.delivery.batch"
    _description = "Delivery Batch"
    _order = "id desc"
    _log_access = False
    _rec_name = "uuid"

    uuid = fields.Char(string="Idempotency Key", required=True, readonly=True)
    target_id = fields.Many2one(
        "healthcare.target",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    state = fields.Selection(
        [
            ("open", "On Its Way"),
            ("delivered", "Delivered"),
            ("divided", "Divided"),
            ("failed", "Given Up"),
        ],
        required=True,
        default="open",
        readonly=True,
        help="Divided: the target refused it as a whole; its facts went again in "
        "smaller batches, to find the one it does not take.",
    )
    fact_count = fields.Integer(string="Facts", readonly=True, aggregator="sum")
    refused_count = fields.Integer(string="Refused", readonly=True, aggregator="sum")
    attempts = fields.Integer(readonly=True, aggregator=None)
    opened_at = fields.Datetime(readonly=True)
    delivered_at = fields.Datetime(readonly=True)
    status_code = fields.Integer(string="Answer", readonly=True, aggregator=None)
    message = fields.Char(readonly=True)
    lane = fields.Integer(readonly=True, default=0, aggregator=None)
    lanes = fields.Integer(readonly=True, default=1, aggregator=None)
    limit_count = fields.Integer(
        readonly=True, aggregator=None, help="How many facts it could have had."
    )
    facts = fields.Json(
        string="Numbers of Facts",
        readonly=True,
        prefetch=False,
        help="What is in it, in its order; of a delivered one what was taken.",
    )
    log_ids = fields.One2many("healthcare.sync.log", "batch_id", string="History")

    _uuid_unique = models.UniqueIndex("(uuid)")
    _open_unique = models.UniqueIndex(
        "(target_id, lane) WHERE state = 'open'",
        "One batch at a time is sent to a target, or to each of its lanes.",
    )
    _lane_index = models.Index("(target_id, lane, id)")

    # -- choosing ---------------------------------------------------------------

    @api.model
    def _lanes_of(self, target):
        """Return the lanes to work on, as pairs (lane, how many there are).

        When their number was changed, what is on its way is finished first: facts of a
        key may be in another lane from now on.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT lane, lanes FROM healthcare_delivery_batch
                WHERE target_id = %s AND state = 'open'""",
                target.id,
            )
        )
        old = [(lane, lanes) for lane, lanes in rows if lanes != target.parallel]
        return old or [(lane, target.parallel) for lane in range(target.parallel)]

    @api.model
    def _open_batch(self, target, lane=0, lanes=None, foreseen=None):
        """Return the batch to send next: the one not acknowledged yet, or a new one.

        Empty where nothing of a class that may leave now waits.

        :param foreseen: ids of facts chosen already, in their order
        """
        lanes = lanes or target.parallel
        last = self.search(
            [("target_id", "=", target.id), ("lane", "=", lane)],
            order="id desc",
            limit=1,
        )
        if last.state == "open":
            return last
        limit = last._next_limit(target._size())
        if foreseen is not None and len(foreseen) <= limit:
            ids = foreseen
        else:
            ids = self._choose(target, lane, lanes, limit)
        if not ids:
            return self.browse()
        return self.create(
            {
                "target_id": target.id,
                "uuid": str(uuid.uuid4()),
                "fact_count": len(ids),
                "facts": ids,
                "opened_at": clock.utc_now(),
                "lane": lane,
                "lanes": lanes,
                "limit_count": limit,
            }
        )

    def _next_limit(self, size):
        """Return how many facts the batch after this one may have.

        Half of one that was refused, until the fact that is not taken stands alone;
        twice as many again after each that was taken.
        """
        if not self or not self.limit_count:
            return size
        if self.state == "divided":
            return max(1, min(size, self.fact_count // 2))
        if self.state == "delivered":
            return min(size, self.limit_count * 2)
        return min(size, self.limit_count)

    @api.model
    def _choose(self, target, lane, lanes, limit, without=()):
        """Return ids of facts that wait, in their order.

        Nothing says on a row that it is in a batch: a lane has one batch at a time.

        :param without: ids of facts that are on their way
        """
        of_lane = SQL("d.shard %% %s = %s", lanes, lane) if lanes > 1 else SQL("true")
        if target.content == "events" and target._refused_any():
            # an event does not replace the one before: its subject's events wait
            of_lane = SQL(
                """%s AND NOT EXISTS (SELECT 1 FROM healthcare_delivery o
                    JOIN healthcare_fact p ON p.id = o.fact_id
                    JOIN healthcare_fact f ON f.key = p.key
                    WHERE o.target_id = d.target_id AND o.state = 'failed'
                    AND f.id = d.fact_id)""",
                of_lane,
            )
        ids = []
        for latency in target._open_classes():
            ((found, oldest),) = self.env.execute_query(
                SQL(
                    """SELECT array_agg(fact_id), CASE WHEN %s THEN min(recorded_at) END
                    FROM (SELECT d.fact_id, d.recorded_at FROM healthcare_delivery d
                        WHERE d.target_id = %s AND d.state = 'pending'
                        AND d.latency = %s AND d.fact_id <> ALL (%s::int[]) AND %s
                        ORDER BY d.fact_id LIMIT %s) waiting""",
                    latency == "near_real_time",
                    target.id,
                    latency,
                    as_array(without),
                    of_lane,
                    limit,
                )
            )
            found = found or []
            if latency == "near_real_time" and 0 < len(found) < limit:
                if (clock.utc_now() - oldest).total_seconds() < target.batch_age:
                    continue  # neither full nor old
            ids += found
        return sorted(ids)[:limit]

    def _is_of(self, fact_ids):
        """Whether these are its facts, if they are not another open batch's.

        To read them all in order to compare them takes as long as marking them.
        """
        self.ensure_one()
        known = self.first_fact, self.last_fact, self.fact_count
        return known == (fact_ids[0], fact_ids[-1], len(fact_ids))

    def _fact_ids(self):
        """Return the numbers of its facts, in their order.

        Not by the field: reading that copies each number, which for thousands takes
        longer than sending them.
        """
        self.ensure_one()
        self.flush_recordset(["facts"])
        ((found,),) = self.env.execute_query(
            SQL("SELECT facts FROM healthcare_delivery_batch WHERE id = %s", self.id)
        )
        return found or []

    def _facts(self):
        """Return the facts of a batch, in their order; of an open one what is left."""
        ids = self._fact_ids()
        if self.attempts and self.state == "open":
            # Perhaps somebody decided on one of them since it was sent first. One
            # without a row was taken, and the job ended before it was on record.
            aside = self._in_line(ids, "AND state <> 'pending'")
            ids = [fact_id for fact_id in ids if fact_id not in aside]
        return self.env["healthcare.fact"].browse(ids)

    # -- what came of it --------------------------------------------------------

    def _note_taken(self, status, started, refused=(), again=(), marked=0):
        """Put on record that it was taken, but for some of its facts.

        :param refused: ``{fact id: reason}`` of facts that are never taken
        :param again: ids of facts to send once more
        :param marked: how many of its facts are off the queue already
        :return: how many were taken
        """
        self.ensure_one()
        deliveries, parked = self.env["healthcare.delivery"], self.refused_count
        if refused:
            parked += deliveries._park(self, refused)
        if marked and marked == self.fact_count:
            self._note_receipt(status, marked, parked)
        else:
            facts = self._take(self._fact_ids(), again)
            marked = len(facts)
            self._note_receipt(status, marked, parked, facts=facts)
        self._log("done", None, started)
        deliveries._supersede(self)
        deliveries._forget_cached()
        return marked

    def _note_receipt(self, status, count, refused, **values):
        """Make it the receipt of so many facts.

        :param refused: how many others it had that were refused
        :param values: ``facts``, where they are not all that it had, and others
        """
        self.write(
            {
                "state": "delivered",
                "delivered_at": clock.utc_now(),
                "status_code": status,
                "attempts": self.attempts + 1,
                "fact_count": count + refused,
                "refused_count": refused,
                "message": False,
                **values,
            }
        )

    def _note_failure(self, message, started):
        """Put on record that it did not arrive; it is sent again as it is."""
        self.ensure_one()
        self.write({"attempts": self.attempts + 1, "message": message})
        self._log("retry", message, started)

    def _note_refused(self, answer, fact_ids, started):
        """Put on record that something in it is not taken; tell whether it was found.

        Divided unless it has one fact; that one is set aside. What the target took
        before, when the job ended too early to put it on record, it has.
        """
        self.ensure_one()
        facts = self._fact_ids()
        if len(self._in_line(facts)) < len(facts):
            self._note_taken(self.status_code, started, again=fact_ids)
            return False
        self.write(
            {
                "state": "divided" if len(fact_ids) > 1 else "failed",
                "attempts": self.attempts + 1,
                "status_code": answer.status,
                "message": answer.reason,
                "refused_count": len(fact_ids) == 1,
            }
        )
        found = len(fact_ids) == 1
        if found:
            self.env["healthcare.delivery"]._park(self, {fact_ids[0]: answer.reason})
        self._log("failed" if found else "retry", answer.reason, started)
        self.env["healthcare.delivery"]._forget_cached()
        return found

    def _take(self, facts, again=()):
        """Take what was taken off the queue.

        :param facts: ids of all that it had
        :param again: ids of those to send once more
        :return: ids of those that it delivered: they have no row any more
        """
        left = set(again)
        taken = [fact_id for fact_id in facts if fact_id not in left]
        if taken:
            self.env.cr.execute(taking(self.target_id.id, taken))
        left = self._in_line(facts)
        return [fact_id for fact_id in facts if fact_id not in left]

    def _in_line(self, facts, condition=""):
        """Return the ids of those facts that wait or were set aside.

        :param condition: one more on the deliveries, as SQL
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT fact_id FROM healthcare_delivery
                WHERE target_id = %s AND fact_id = ANY(%s::int[]) %s""",
                self.target_id.id,
                as_array(facts),
                SQL(condition),
            )
        )
        return {row[0] for row in rows}

    def _log(self, outcome, message, started):
        self.env["healthcare.sync.log"].create(
            {
                "batch_id": self.id,
                "operation": "deliver",
                "outcome": outcome,
                "attempt": self.attempts,
                "message": message,
                "date": clock.utc_now(),
                "duration_ms": (time.monotonic() - started) * 1000,
                "batch_size": self.fact_count,
            }
        )
