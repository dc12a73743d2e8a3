"""Targets, asked what they have."""

from odoo import fields, models

from ...core.delivery import parcel
from ...core.errors import TechnicalError
from ...core.protection import outbound

PATIENCE = 60.0  # seconds: it reads all it has


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    completeness_ids = fields.One2many(
        "healthcare.completeness", "target_id", string="Completeness Checks"
    )
    completeness_asked = fields.Boolean(readonly=True, copy=False)
    resend_gaps = fields.Boolean(
        string="Send Gaps Again",
        default=True,
        tracking=True,
        help="What the daily check finds missing is sent again by itself, once. What "
        "lacks after that is for a person to look at.",
    )
    completeness_state = fields.Selection(
        selection=lambda self: (
            self.env["healthcare.completeness"]
            ._fields["state"]
            ._description_selection(self.env)
        ),
        string="Completeness",
        compute="_compute_completeness",
    )
    missing_count = fields.Integer(string="Missing", compute="_compute_completeness")

    def _compute_completeness(self):
        checks = self.env["healthcare.completeness"]
        last = checks._last_of(self)
        by_target = {check.target_id: check for check in last}
        for target in self:
            check = by_target.get(target, checks)
            target.completeness_state = check.state
            target.missing_count = check.missing_count

    def _can_be_asked(self):
        """Whether the target answers queries about what it has."""
        self.ensure_one()
        return self.dialect == "clickhouse"

    def _ask(self, query):
        """Return the text a target answers to a query.

        :raise TechnicalError: it did not answer, or not to this query
        :raise KeyringError: when its credentials cannot be opened
        """
        self.ensure_one()
        credentials = self._credentials()
        with credentials.files() as (cert, authority):
            response = outbound.post(
                self.url,
                data=query.encode(),
                headers={"User-Agent": parcel.AGENT, **credentials.header()},
                timeout=max(self.timeout_seconds, PATIENCE),
                allowed=self.env["healthcare.outbound"]._allowed(),
                cert=cert,
                authority=authority,
            )
        if response.status_code != 200:
            # The text of the answer may repeat what is in the table.
            raise TechnicalError(f"HTTP {response.status_code}")
        return response.content.decode()

    def action_check_completeness(self):
        """Have the target compared with Odoo now, by the job that does so daily."""
        self.check_access("write")
        self.completeness_asked = True
        # Stands in for the system: a person may wake the job, not change it.
        self.env.ref("healthcare_connector.cron_completeness").sudo()._trigger()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._("It is being compared; look here again soon."),
                "type": "info",
            },
        }

    def action_open_completeness(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_completeness"
        )
        action.update(domain=[("target_id", "=", self.id)], context={})
        return action
