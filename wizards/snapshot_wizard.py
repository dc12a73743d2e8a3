"""Daily snapshots of chosen days, taken or taken again."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..core import facts

MAX_DAYS = 92  # in one go, while somebody waits for the answer
GROUPS = "healthcare_connector.group_administrator,healthcare_connector.group_finance"


class HealthcareSnapshotWizard(models.TransientModel):
    _name = "healthcare.snapshot.wizard"
    _description = "Snapshot for a Period"

    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: fields.Date.context_today(self) - timedelta(days=1),
    )
    date_to = fields.Date(
        string="Until",
        required=True,
        default=lambda self: fields.Date.context_today(self) - timedelta(days=1),
    )
    facility_ids = fields.Many2many(
        "healthcare.facility", string="Facilities", help="Empty: all of them."
    )
    stock_level = fields.Boolean(default=True)
    procurement = fields.Boolean(default=True)
    utilization = fields.Boolean(default=True)
    financial_summary = fields.Boolean(default=True)

    @api.model
    def default_get(self, fields_list):
        self._check_allowed()
        return super().default_get(fields_list)

    @api.model
    def _check_allowed(self):
        if not self.env.user.has_groups(GROUPS):
            raise AccessError(
                self.env._("Snapshots are taken by finance and by administrators.")
            )

    def action_take(self):
        """Take them; tell how many facts were new."""
        self.ensure_one()
        self._check_allowed()
        snapshots = self.env["healthcare.snapshot"]
        facilities = self.facility_ids or self.facility_ids.search(
            [("company_id", "in", self.env.companies.ids)]
        )
        types = [name for name in facts.SNAPSHOTS if self[name]]
        days = (self.date_to - self.date_from).days + 1
        if days < 1:
            raise UserError(self.env._("The period ends before it begins."))
        if days > MAX_DAYS:
            raise UserError(
                self.env._("Take at most %s days in one go.", MAX_DAYS),
            )
        if any(self.date_to > snapshots._today(one) for one in facilities.company_id):
            raise UserError(self.env._("There is nothing to count of days to come."))
        told = sum(
            snapshots._take(facilities, self.date_from + timedelta(days=number), types)
            for number in range(days)
        )
        message = self.env._(
            "%(days)s days were taken; %(told)s figures were new.",
            days=days,
            told=told,
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "success",
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
