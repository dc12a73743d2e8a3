"""What is said to a target: its dialect, one batch, and a test."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...core.delivery import dialects
from ...core.delivery import parcel as parcels
from ...core.errors import KeyringError, TechnicalError


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    dialect = fields.Selection(
        [
            ("ndjson", "NDJSON"),
            ("json_array", "JSON Array"),
            ("clickhouse", "ClickHouse"),
            ("elasticsearch", "Elasticsearch"),
        ],
        required=True,
        default="ndjson",
        tracking=True,
        help="How facts are written: one JSON object a line; one array; rows for a "
        "table of ClickHouse; documents for an index of Elasticsearch or OpenSearch.",
    )
    table = fields.Char(
        string="Table or Index",
        tracking=True,
        help="healthcare_facts, with the definitions in docs/warehouse; in "
        "ClickHouse perhaps with its database before it: analytics.healthcare_facts.",
    )

    needs_table = fields.Boolean(compute="_compute_needs_table")

    @api.depends("dialect")
    def _compute_needs_table(self):
        for target in self:
            target.needs_table = dialects.needs_table(target.dialect)

    @api.constrains("dialect", "table")
    def _check_table(self):
        for target in self:
            if not dialects.check_table(target.dialect, target.table):
                raise ValidationError(
                    self.env._(
                        "Name the table or index that facts go to: letters, digits and "
                        "underscores, e.g. healthcare_facts."
                    )
                )

    def _content(self, documents):
        """Return a ready (content type, bytes); None leaves it to the dialect."""

    def _parcel(self, batch_uuid, documents):
        """Return a batch as it goes out, with all that is needed without a database.

        :raise KeyringError: when a secret cannot be opened
        """
        self.ensure_one()
        content = self._content(documents)
        # what is ready says itself what it is: of the answer only the status counts
        dialect = "json_array" if content else self.dialect
        return parcels.Parcel(
            url=dialects.address(dialect, self.url, self.table),
            dialect=dialect,
            documents=documents,
            number=batch_uuid,
            timeout=self.timeout_seconds,
            credentials=self._credentials(),
            secret=self._signing_secret(),
            content=content,
            allowed=self.env["healthcare.outbound"]._allowed(),
        )

    def _send(self, batch_uuid, documents):
        """Send something at once and return the status of the answer.

        :raise TechnicalError: when it was not taken as a whole
        :raise KeyringError: when a secret cannot be opened
        """
        answer = parcels.send(self._parcel(batch_uuid, documents))
        if answer.kind != "taken" or answer.refused or answer.again:
            raise TechnicalError(
                answer.reason or self.env._("not all of it was taken"),
                retry_after=answer.retry_after,
                final=answer.kind != "later",
            )
        return answer.status

    def action_send_test(self):
        """Send an empty batch to see whether the target answers."""
        self.ensure_one()
        self.check_access("write")
        try:
            status = self._send(str(uuid.uuid4()), [])
        except (TechnicalError, KeyringError) as error:
            raise UserError(
                self.env._("The target did not take it: %s", error.detail)
            ) from error
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._("The target answered %s.", status),
                "type": "success",
            },
        }
