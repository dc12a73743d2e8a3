"""Money for an account that was merged goes to the account that goes on with it."""

from odoo import api, models


class HealthcareWorkflowPayment(models.AbstractModel):
    _inherit = "healthcare.workflow.payment"

    @api.model
    def _open_invoices(self, cases):
        """Look under the survivor's account number for what names an ended one.

        The key of the allocation changes with it: a payment that has to wait is then
        woken by the survivor's next invoice.
        """
        named = [
            allocation
            for case in cases
            for allocation in case.allocations
            if allocation.get("account_number") and allocation.get("key")
        ]
        if named:
            ended = self._patients_by_subject({one["key"] for one in named})
            for one in named:
                survivor = ended.get(one["key"])
                if survivor and survivor.healthcare_account_key:
                    one["key"] = survivor.healthcare_account_key
        return super()._open_invoices(cases)
