"""Deliveries told to whoever keeps the lineage of data, as OpenLineage events.

The endpoint is a target of its own kind, so that it is called through the same way out,
with the same credentials, time limits and breaker as the others. It is told after a
batch is over, by a job of its own: deliveries never wait for it.
"""

# The driver of a job commits: each run once it was told.
# pylint: disable=invalid-commit

import time
import uuid

from odoo import api, fields, models
from odoo.tools import SQL

from ...core import clock, strict_json
from ...core.analytics import lineage
from ...core.delivery import receipts
from ...core.errors import KeyringError, TechnicalError

BUDGET_SECONDS = 20
AT_ONCE = 50


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    content = fields.Selection(
        selection_add=[("lineage", "Lineage")],
        ondelete={"lineage": "set default"},
        help="Facts tell analytics how every document is now. Events tell other "
        "systems, as CloudEvents, that something has come about. Alerts tell who "
        "runs this, as CloudEvents, that a rule has opened or closed an alert. Lineage "
        "tells a catalogue of data, as OpenLineage events, what was delivered where "
        "and which column came from which.",
    )

    def _positions_wanted(self, fact_type, names):
        if self.content == "lineage":
            return []
        return super()._positions_wanted(fact_type, names)

    def _content(self, documents):
        if self.content == "lineage":
            body = documents[0] if len(documents) == 1 else documents
            return "application/json", strict_json.dumps(body)
        return super()._content(documents)


class HealthcareLineageRun(models.Model):
    """A batch that an endpoint was told of."""

    _name = "healthcare.lineage.run"
    _description = "Lineage Told"
    _order = "id desc"
    _log_access = False
    _rec_name = "batch_id"

    endpoint_id = fields.Many2one(
        "healthcare.target", required=True, readonly=True, ondelete="cascade"
    )
    batch_id = fields.Many2one(
        "healthcare.delivery.batch",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    told_at = fields.Datetime(string="Told", required=True, readonly=True)

    _once = models.UniqueIndex("(endpoint_id, batch_id)")

    @api.model
    def _cron_tell(self):
        """Tell every endpoint of the batches that are over since it was set up."""
        end = time.monotonic() + BUDGET_SECONDS
        endpoints = self.env["healthcare.target"].search(
            [("content", "=", "lineage"), ("paused", "=", False)]
        )
        unfinished = False
        for endpoint in endpoints:
            while endpoint._may_send() and (batches := self._untold(endpoint)):
                unfinished = not self._tell(endpoint, batches, end)
                if unfinished or endpoint.open_until:
                    break
            self.env.cr.commit()
        if unfinished:
            self.env.ref("healthcare_connector.cron_lineage")._trigger()

    @api.model
    def _untold(self, endpoint):
        """Return some batches that are over and that an endpoint does not know."""
        rows = self.env.execute_query(
            SQL(
                """SELECT b.id FROM healthcare_delivery_batch b
                WHERE b.state != 'open' AND b.opened_at >= %s AND NOT EXISTS (
                    SELECT FROM healthcare_lineage_run r
                    WHERE r.batch_id = b.id AND r.endpoint_id = %s)
                ORDER BY b.id LIMIT %s""",
                endpoint.create_date,
                endpoint.id,
                AT_ONCE,
            )
        )
        return self.env["healthcare.delivery.batch"].browse(row[0] for row in rows)

    @api.model
    def _tell(self, endpoint, batches, end):
        """Tell an endpoint of batches; return whether there was time for all.

        A failure opens its breaker and ends the turn; the rest is told later.
        """
        read = batches._lineage_read()
        for batch in batches:
            if time.monotonic() > end:
                return False
            try:
                for number, event in enumerate(batch._lineage_events(read[batch.id])):
                    key = uuid.uuid5(uuid.UUID(batch.uuid), f"{endpoint.id}/{number}")
                    endpoint._send(str(key), [event])
            except (TechnicalError, KeyringError) as error:
                endpoint._note_failure(
                    str(error.detail),
                    getattr(error, "retry_after", None),
                    getattr(error, "final", False),
                )
                self.env.cr.commit()
                return True
            self.create(
                {
                    "endpoint_id": endpoint.id,
                    "batch_id": batch.id,
                    "told_at": clock.utc_now(),
                }
            )
            endpoint._note_success(0)
            self.env.cr.commit()
        return True


class HealthcareDeliveryBatch(models.Model):
    _inherit = "healthcare.delivery.batch"

    lineage_run_ids = fields.One2many(
        "healthcare.lineage.run", "batch_id", string="Lineage"
    )

    def _lineage_read(self):
        """Return ``{batch id: rows}`` of what batches read, for ``run_events``."""
        rows = self.env.execute_query(
            SQL(
                """SELECT b.id, f.fact_type, s.code, y.code, f.res_model, count(*)
                FROM %s JOIN healthcare_fact f ON f.id = n.fact_id::int
                LEFT JOIN healthcare_event e ON e.id = f.event_id
                LEFT JOIN healthcare_source s ON s.id = e.source_id
                LEFT JOIN healthcare_event_type y ON y.id = e.type_id
                WHERE b.id = ANY(%s) AND (b.state = 'delivered' OR EXISTS (
                    SELECT FROM healthcare_delivery d WHERE d.fact_id = f.id
                    AND d.target_id = b.target_id AND d.batch_number = b.id))
                GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
                SQL(receipts.CONTENTS),
                self.ids,
            )
        )
        result = {batch_id: [] for batch_id in self.ids}
        for batch_id, *row in rows:
            result[batch_id].append(tuple(row))
        return result

    def _lineage_events(self, read):
        """Return the OpenLineage events of one batch."""
        self.ensure_one()
        # Stands in for the system: reading the database's own number.
        parameters = self.env["ir.config_parameter"].sudo()
        ended = self.delivered_at or self.log_ids[:1].date or self.opened_at
        target = self.target_id
        return lineage.run_events(
            {
                "id": self.uuid,
                "database": parameters.get_param("database.uuid"),
                "target": (target.id, target.name),
                "url": target.url,
                "table": target.table or None,
                "began": self.opened_at.isoformat() + "Z",
                "ended": ended.isoformat() + "Z",
                "error": None
                if self.state == "delivered"
                else self.message or self.state,
                "read": read,
            }
        )
