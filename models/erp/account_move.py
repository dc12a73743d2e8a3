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
                    "values": move._healthcare_fact(),
                }
                for move, event in events.items()
            ],
        )

    def _healthcare_fact(self):
        """Return the columns of the fact that tells of an invoice."""
        self.ensure_one()
        return {
            "state": self.payment_state if self.state == "posted" else self.state,
            "date": self.invoice_date.isoformat() if self.invoice_date else None,
            "responsible": self.healthcare_responsible or None,
            "payer": self.partner_id.healthcare_payer_code or None,
            "currency": self.currency_id.name,
            "amount_total": money(self.amount_total),
            "amount_residual": money(self.amount_residual),
        }
