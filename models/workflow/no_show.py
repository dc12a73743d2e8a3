"""The fee of who does not come: invoiced once, credited when it proves wrong."""

from odoo import Command, api, models


class HealthcareWorkflowScheduling(models.AbstractModel):
    _inherit = "healthcare.workflow.scheduling"

    @api.model
    def _judge(self, events, others, event=None):
        self._settle_fees(events)
        return super()._judge(events, others, event)

    @api.model
    def _settle_fees(self, events):
        """Have exactly the no-show fees that follow from what visits came to.

        :param events: ``{appointment: event}``
        """
        visits = self.env["healthcare.appointment"].browse(
            [one.id for one in events if (one.known_fields or {}).get("no_show")]
        )
        if not visits:
            return
        fees = self.env["account.move"].search(
            [
                ("healthcare_fee_appointment_id", "in", visits.ids),
                ("move_type", "=", "out_invoice"),
                ("state", "!=", "cancel"),
                ("healthcare_fee_dropped", "=", False),
            ]
        )
        owed = visits.filtered(
            lambda one: one.state == "no_show" and one.facility_id.no_show_fee
        )
        told = self._bill_fees(owed - fees.healthcare_fee_appointment_id)
        told |= self._drop_fees(
            fees.filtered(lambda fee: fee.healthcare_fee_appointment_id not in owed),
            events,
        )
        for move in told:
            visit = move.healthcare_fee_appointment_id
            event = events[visit]
            event._link(move)
            if move.move_type == "out_invoice":
                subjects = visit.patient_id.healthcare_identifier_ids.mapped("subject")
                event._announce(
                    f"invoice/{move.name}",
                    visit.patient_id.healthcare_account_key,
                    *(f"patient-invoice/{subject}" for subject in subjects),
                )
        self.env["account.move"]._emit_healthcare_invoices(
            {
                move: events[move.healthcare_fee_appointment_id]
                for move in told | fees
                if move.move_type == "out_invoice"
            }
        )

    @api.model
    def _bill_fees(self, visits):
        """Create and post the fees of visits, all at once."""
        moves = self.env["account.move"].create(
            [self._fee_values(visit) for visit in visits]
        )
        if moves:
            moves._post(soft=False)
        return moves

    @api.model
    def _fee_values(self, visit):
        facility = visit.facility_id
        return {
            "move_type": "out_invoice",
            "partner_id": visit.patient_id.id,
            "invoice_date": visit.start.date(),
            "invoice_origin": visit.order_id.name,
            "invoice_user_id": False,
            "currency_id": facility.company_id.currency_id.id,
            **(
                {"journal_id": facility.sale_journal_id.id}
                if facility.sale_journal_id
                else {}
            ),
            "healthcare_patient_id": visit.patient_id.id,
            "healthcare_facility_id": facility.id,
            "healthcare_fee_appointment_id": visit.id,
            "healthcare_responsible": "patient",
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": facility.no_show_product_id.id,
                        "quantity": 1,
                        "price_unit": facility.no_show_fee,
                        "analytic_distribution": {
                            str(facility.analytic_account_id.id): 100.0
                        }
                        if facility.analytic_account_id
                        else False,
                    }
                )
            ],
        }

    @api.model
    def _drop_fees(self, fees, events):
        """Credit fees that proved wrong; return the credit notes.

        A fee that was paid leaves the patient a credit.
        """
        drafts = fees.filtered(lambda move: move.state == "draft")
        drafts.button_cancel()
        posted = fees - drafts
        if not posted:
            return posted
        credits = posted._reverse_moves(
            [
                {
                    "invoice_date": events[
                        move.healthcare_fee_appointment_id
                    ].occurred_at.date(),
                    "ref": self.env._("No no-show after all: %s", move.name),
                    "healthcare_patient_id": move.healthcare_patient_id.id,
                    "healthcare_facility_id": move.healthcare_facility_id.id,
                    "healthcare_fee_appointment_id": (
                        move.healthcare_fee_appointment_id.id
                    ),
                    "healthcare_responsible": "patient",
                }
                for move in posted
            ],
            cancel=True,
        )
        posted.healthcare_fee_dropped = True
        return credits
