"""What analytics is told of performed services."""

from odoo import api, models

from ..erp.values import money


class HealthcareWorkflowService(models.AbstractModel):
    _inherit = "healthcare.workflow.service"

    @api.model
    def _emit_services(self, cases):
        facts = self.env["healthcare.fact"]
        common = {
            case: {
                "document": case.completion,
                "event": case.event,
                "facility": case.event.facility_id,
                "service_line": case.charges[0].service.service_line_id
                if case.charges
                else None,
                "patient": case.patient,
                "occurred_at": case.performed_at,
            }
            for case in cases
        }
        facts._emit(
            "service",
            [
                {
                    **common[case],
                    "values": {
                        "performed_at": case.performed_at.isoformat() + "Z",
                        "services": ",".join(one.service.code for one in case.charges),
                        "quantity": sum(one.quantity for one in case.charges),
                        "payer": case.coverage.payer_id.healthcare_payer_code
                        if case.coverage
                        else None,
                        "amount_charged": money(case.amount),
                    },
                }
                for case in cases
            ],
        )
        facts._emit(
            "consumable_usage",
            [
                {
                    **common[case],
                    "part": product.id,
                    "values": {
                        "product": product.default_code or None,
                        "quantity": quantity,
                        "planned": case.planned.get(product, 0),
                        "wasted": case.wasted.get(product, 0),
                        "unit": product.uom_id.name,
                        "cost": money(product.standard_price * quantity),
                    },
                }
                for case in cases
                for product, quantity in case.consumed.items()
            ],
        )
