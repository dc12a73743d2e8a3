"""Delivery of facts: what each target still has to get, and the batches sent."""

# The driver of a job commits: the batch before it is sent, the answer after it.
# pylint: disable=invalid-commit

import logging
import time
import uuid

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock
from ...core.errors import KeyringError, TechnicalError

_logger = logging.getLogger(__name__)

BUDGET_SECONDS = 20
SOON_SECONDS = 10


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
        "healthcare.fact", required=True, index=True, ondelete="cascade", readonly=True
    )
    target_id = fields.Many2one(
        "healthcare.target", required=True, ondelete="cascade", readonly=True
    )
    batch_id = fields.Many2one(
        "healthcare.delivery.batch", index="btree_not_null", readonly=True
    )
    recorded_at = fields.Datetime(required=True, readonly=True)
    state = fields.Selection(
        [("pending", "To Deliver"), ("delivered", "Delivered"), ("failed", "Failed")],
        required=True,
        default="pending",
        readonly=True,
    )
    fact_type = fields.Selection(related="fact_id.fact_type")

    _fact_unique = models.UniqueIndex("(target_id, fact_id)")
    _pending_index = models.Index("(target_id, fact_id) WHERE state = 'pending'")

    @api.model
    def _enqueue(self, routes):
        """Put facts in line for targets.

        :param routes: pairs of a target and the ids of facts it gets
        """
        now = clock.utc_now()
        rows = [
            (fact_id, target.id, now, "pending")
            for target, fact_ids in routes
            for fact_id in fact_ids
        ]
        if rows:
            self.env.cr.execute_values(
                """INSERT INTO healthcare_delivery
                (fact_id, target_id, recorded_at, state) VALUES %s""",
                rows,
                page_size=len(rows),
            )
            self._wake()

    @api.model
    def _wake(self):
        """Wake the delivery job once the transaction has committed."""
        # Stands in for the system: facts are written by whoever makes a document.
        self.env.ref("healthcare_connector.cron_deliver").sudo()._healthcare_wake()

    # -- driving ----------------------------------------------------------------

    @api.model
    def _cron_deliver(self):
        """Send what is waiting, target by target, until done or the time is up."""
        end = time.monotonic() + BUDGET_SECONDS
        targets = self.env["healthcare.target"].search([("paused", "=", False)])
        progressing = targets
        while time.monotonic() < end:
            progressing = progressing.filtered(lambda target: self._try_one(target))
            if not progressing:
                if not self._await_probe(targets, end - time.monotonic()):
                    break
                progressing = targets
        self.env.cr.commit()
        if progressing:
            self._wake()

    @api.model
    def _await_probe(self, targets, seconds):
        """Sleep until a target may be tried again, if that is soon; tell whether.

        A wake-up at a set time is noticed at the next poll, up to a minute late.
        """
        rows = self.env.execute_query(
            SQL(
                """SELECT min(t.open_until) FROM healthcare_target t
                WHERE t.id = ANY(%s) AND t.active AND NOT coalesce(t.paused, false)
                AND EXISTS (SELECT 1 FROM healthcare_delivery d
                    WHERE d.target_id = t.id AND d.state = 'pending')""",
                targets.ids,
            )
        )
        self.env.cr.commit()
        due = rows[0][0]
        wait = (due - clock.utc_now()).total_seconds() if due else seconds
        if not 0 < wait < min(seconds, SOON_SECONDS):
            return False
        time.sleep(wait + 1)  # open_until is kept in whole seconds
        return True

    @api.model
    def _try_one(self, target):
        """Deliver one batch; begin again when somebody changed the target meanwhile.

        The batch was committed before it was sent, so it goes out again as it was.
        """
        try:
            return self._deliver_one(target)
        except psycopg2.errors.SerializationFailure:
            self.env.cr.rollback()
            return True

    @api.model
    def _deliver_one(self, target):
        """Send one batch to one target; tell whether there may be more to send now."""
        target.invalidate_recordset()
        if not target._may_send():
            self._wake_for_probe(target)
            return False
        batch = self._open_batch(target)
        self.env.cr.commit()
        if not batch:
            return False
        started = time.monotonic()
        try:
            documents = target._render(batch._facts())
            # Surrogates must be known here before they are known there.
            self.env.cr.commit()
            status = target._send(batch.uuid, documents)
        except (TechnicalError, KeyringError) as error:
            due = target._note_failure(
                str(error.detail),
                getattr(error, "retry_after", None),
                getattr(error, "final", False),
            )
            batch._note_failure(str(error.detail), started)
            self.env.ref("healthcare_connector.cron_deliver")._trigger(at=due)
            self.env.cr.commit()
            return False
        batch._note_success(status, started)
        target._note_success(batch.fact_count)
        self.env.cr.commit()
        return True

    @api.model
    def _wake_for_probe(self, target):
        if target.active and not target.paused and target.open_until:
            self.env.ref("healthcare_connector.cron_deliver")._trigger(
                at=target.open_until
            )

    @api.model
    def _open_batch(self, target):
        """Return the batch to send next: the one not acknowledged yet, or a new one."""
        batches = self.env["healthcare.delivery.batch"]
        batch = batches.search(
            [("target_id", "=", target.id), ("state", "=", "open")], limit=1
        )
        if batch:
            return batch
        rows = self.env.execute_query(
            SQL(
                """SELECT id FROM healthcare_delivery
                WHERE target_id = %s AND state = 'pending' AND batch_id IS NULL
                ORDER BY fact_id LIMIT %s""",
                target.id,
                target.batch_size,
            )
        )
        if not rows:
            return batches
        batch = batches.create(
            {
                "target_id": target.id,
                "uuid": str(uuid.uuid4()),
                "fact_count": len(rows),
                "opened_at": clock.utc_now(),
            }
        )
        batch.flush_recordset()
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_delivery SET batch_id = %s WHERE id = ANY(%s)
                RETURNING id""",
                batch.id,
                [row[0] for row in rows],
            )
        )
        return batch


class HealthcareDeliveryBatch(models.Model):
    """Facts sent together: the receipt of what left, when, to whom."""

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
        [("open", "On Its Way"), ("delivered", "Delivered")],
        required=True,
        default="open",
        readonly=True,
    )
    fact_count = fields.Integer(string="Facts", readonly=True, aggregator="sum")
    attempts = fields.Integer(readonly=True, aggregator=None)
    opened_at = fields.Datetime(readonly=True)
    delivered_at = fields.Datetime(readonly=True)
    status_code = fields.Integer(string="Answer", readonly=True, aggregator=None)
    message = fields.Char(readonly=True)
    log_ids = fields.One2many("healthcare.sync.log", "batch_id", string="History")

    _uuid_unique = models.UniqueIndex("(uuid)")
    _open_unique = models.UniqueIndex(
        "(target_id) WHERE state = 'open'", "One batch at a time is sent to a target."
    )

    def _facts(self):
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                "SELECT fact_id FROM healthcare_delivery WHERE batch_id = %s "
                "ORDER BY fact_id",
                self.id,
            )
        )
        return self.env["healthcare.fact"].browse([row[0] for row in rows])

    def _note_success(self, status, started):
        self.ensure_one()
        now = clock.utc_now()
        self.write(
            {
                "state": "delivered",
                "delivered_at": now,
                "status_code": status,
                "attempts": self.attempts + 1,
                "message": False,
            }
        )
        self._log("done", None, started)
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_delivery SET state = 'delivered'
                WHERE batch_id = %s RETURNING id""",
                self.id,
            )
        )
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_fact f SET state = 'delivered'
                FROM healthcare_delivery d
                WHERE d.batch_id = %s AND f.id = d.fact_id AND NOT EXISTS (
                    SELECT 1 FROM healthcare_delivery o
                    WHERE o.fact_id = f.id AND o.state != 'delivered')
                RETURNING f.id""",
                self.id,
            )
        )
        self.env["healthcare.fact"].invalidate_model(["state"])
        self.env["healthcare.delivery"].invalidate_model(["state", "batch_id"])

    def _note_failure(self, message, started):
        self.ensure_one()
        self.write({"attempts": self.attempts + 1, "message": message})
        self._log("retry", message, started)

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
