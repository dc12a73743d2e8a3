"""What analytics is told of performed services."""

from odoo import api, models


class HealthcareWorkflowService(models.AbstractModel):
    _inherit = "healthcare.workflow.service"

    @api.model
    def _emit_services(self, cases):
        facts = self.env["healthcare.fact"]
        events = {case.completion: case.event for case in cases}
        completions = self.env["healthcare.completion"].concat(*events)
        for fact_type, rows in completions._fact_rows(events).items():
            facts._emit(fact_type, rows)
