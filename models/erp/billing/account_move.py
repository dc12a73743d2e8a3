from odoo import api, fields, models

from ..values import money


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

    def _post(self, soft=True):
        posted = super()._post(soft)
        bills = posted.filtered(
            lambda move: (
                move.move_type == "out_invoice" and move.healthcare_completion_id
            )
        )
        # Workflows tell of what they post themselves.
        if bills and "healthcare_run" not in self.env.context:
            bills._healthcare_tell_posted()
        return posted

    def _healthcare_tell_posted(self):
        """Tell of drafts that a person has posted, and let go on what waits for them.

        What is posted again, after somebody took it back, is told of with all other
        changes made by hand, see :mod:`.account_move_changes`.
        """
        # Stands in for the system: who posts an invoice need not see events.
        bills = self.sudo()
        told = bills.env["healthcare.fact"]._latest(
            {(self._name, i) for i in bills.ids}
        )
        bills = bills.filtered(lambda move: move.id not in told.mapped("res_id"))
        bills._emit_healthcare_invoices(
            {move: move.healthcare_completion_id.event_id for move in bills}
        )
        keys = {key for move in bills for key in move._healthcare_keys()}
        self.env["healthcare.exception"]._cause_gone(keys)

    def _healthcare_keys(self):
        """Return the keys that money and claims for this invoice may wait for."""
        self.ensure_one()
        patient = self.healthcare_patient_id
        keys = [f"invoice/{self.name}", patient.healthcare_account_key]
        # Of a payer's payment that names nothing, the reference may be of a remittance.
        keys.append(self.env["healthcare.claim"]._remittance_key(self.name))
        for identifier in patient.healthcare_identifier_ids:
            keys.append(f"patient-invoice/{identifier.subject}")
        return [key for key in keys if key]

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
                    "event": events[move],
                    "facility": move.healthcare_facility_id,
                    "service_line": move._healthcare_fact_line(),
                    "patient": move.healthcare_patient_id,
                    "values": move._healthcare_fact(),
                }
                for move in self.browse().concat(*events)
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
            **self._healthcare_fact_figures(),
        }
