from odoo import api, fields, models

from .values import money


class AccountMove(models.Model):
    _inherit = "account.move"

    healthcare_patient_id = fields.Many2one(
        "res.partner", string="Patient", copy=False, index="btree_not_null"
    )
    healthcare_facility_id = fields.Many2one(
        "healthcare.facility", string="Facility", copy=False
    )
    healthcare_completion_id = fields.Many2one(
        "healthcare.completion",
        string="Completed Service",
        copy=False,
        index="btree_not_null",
    )
    healthcare_responsible = fields.Selection(
        [("payer", "Payer"), ("patient", "Patient")], copy=False
    )

    _healthcare_completion_unique = models.UniqueIndex(
        "(healthcare_completion_id, healthcare_responsible) "
        "WHERE healthcare_completion_id IS NOT NULL "
        "AND move_type = 'out_invoice' AND state != 'cancel'",
        "This service is invoiced already.",
    )

    @api.model
    def _emit_healthcare_invoices(self, events):
        """Tell of invoices issued, or paid since.

        :param events: ``{invoice: event}``
        """
        self.env["healthcare.fact"]._emit(
            "invoice",
            [
                {
                    "document": move,
                    "event": event,
                    "facility": move.healthcare_facility_id,
                    "patient": move.healthcare_patient_id,
                    "values": {
                        "state": move.payment_state
                        if move.state == "posted"
                        else move.state,
                        "date": move.invoice_date.isoformat(),
                        "responsible": move.healthcare_responsible or None,
                        "payer": move.partner_id.healthcare_payer_code or None,
                        "currency": move.currency_id.name,
                        "amount_total": money(move.amount_total),
                        "amount_residual": money(move.amount_residual),
                    },
                }
                for move, event in events.items()
            ],
        )
