"""Invoices of performed services, posted in bulk to payers and patients."""

from odoo import Command, api, models


class HealthcareWorkflowBilling(models.AbstractModel):
    _name = "healthcare.workflow.billing"
    _description = "Billing Workflow"
    _inherit = "healthcare.workflow"

    @api.model
    def _invoice(self, cases):
        """Create and post one invoice per completed service, all at once.

        :param cases: :class:`.service.Case` with completion, charges and order lines
        :return: the invoices, in the order of the cases
        """
        invoices = self.env["account.move"].create(
            [self._invoice_values(case) for case in cases]
        )
        invoices._post(soft=False)
        return invoices

    @api.model
    def _invoice_values(self, case):
        facility = case.event.facility_id
        payer = case.completion.payer_id
        return {
            "move_type": "out_invoice",
            "partner_id": (payer or case.patient).id,
            "partner_shipping_id": case.patient.id,
            "invoice_date": case.performed_at.date(),
            "invoice_origin": case.order.name,
            "invoice_user_id": False,
            "currency_id": facility.company_id.currency_id.id,
            **(
                {"journal_id": facility.sale_journal_id.id}
                if facility.sale_journal_id
                else {}
            ),
            "healthcare_patient_id": case.patient.id,
            "healthcare_facility_id": facility.id,
            "healthcare_completion_id": case.completion.id,
            "healthcare_responsible": "payer" if payer else "patient",
            "invoice_line_ids": [
                Command.create(self._line_values(case, *charge))
                for charge in case.charges
            ],
        }

    @api.model
    def _line_values(self, case, service, quantity, price, modifiers):
        name = service.name
        if modifiers:
            name = f"{name} ({', '.join(modifiers)})"
        return {
            "product_id": service.product_id.id,
            "name": name,
            "quantity": quantity,
            "price_unit": price,
            "analytic_distribution": self.env["healthcare.workflow.orders"]._analytic(
                case.event.facility_id, service
            ),
            "sale_line_ids": [Command.link(case.lines[service].id)],
        }

    @api.model
    def _tell(self, cases, invoices):
        """Link and announce invoices, so that money that waited finds them."""
        events = {}
        for case, invoice in zip(cases, invoices, strict=True):
            events[invoice] = case.event
            case.event._link(invoice)
            subjects = case.patient.healthcare_identifier_ids.mapped("subject")
            case.event._announce(
                f"invoice/{invoice.name}",
                case.patient.healthcare_account_key,
                *(f"patient-invoice/{subject}" for subject in subjects),
            )
        self.env["account.move"]._emit_healthcare_invoices(events)
