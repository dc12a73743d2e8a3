"""A copay that becomes known after its service was billed.

A verification of before the service may arrive after it. The bills are then split as if
it had come in time, as long as nobody has paid or decided on them.
"""

from odoo import Command, api, models


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _refresh_clearance(self, events):
        result = super()._refresh_clearance(events)
        # A merge by hand, of which no event tells, bills nothing.
        told = {patient: event for patient, event in events.items() if event}
        if told and "healthcare_run" in self.env.context:
            self.env["healthcare.workflow.billing"]._split_late(told)
        return result


class HealthcareWorkflowBilling(models.AbstractModel):
    _inherit = "healthcare.workflow.billing"

    @api.model
    def _split_late(self, events):
        """Split bills of services that patients' coverages now tell a copay of.

        :param events: ``{patient: event}`` that changed coverages
        """
        copays = self._late_copays(events)
        if not copays:
            return
        invoices = self.env["account.move"].union(
            *(completion._live_invoices() for completion in copays)
        )
        posted = invoices.filtered(lambda move: move.state == "posted")
        posted.button_draft()
        vals_list = []
        for completion, copay in copays.items():
            mine = completion._live_invoices().grouped("healthcare_responsible")
            self._set_copay(completion, mine["payer"], -copay)
            if bill := mine.get("patient"):
                self._set_copay(completion, bill, copay)
            else:
                vals_list.append(self._copay_values(completion, copay))
            completion.copay = copay
        bills = self.env["account.move"].create(vals_list)
        posted |= bills.filtered(
            lambda move: move.healthcare_facility_id.invoice_policy == "post"
        )
        posted._post(soft=False)
        told = {move: events[move.healthcare_patient_id] for move in posted}
        for move in posted | bills:
            event = events[move.healthcare_patient_id]
            event._link(move)
            if move.state == "posted":
                event._announce(*move._healthcare_keys())
        self.env["account.move"]._emit_healthcare_invoices(told)

    @api.model
    def _set_copay(self, completion, move, amount):
        account = completion.company_id._healthcare_claim_account("transfer")
        line = move.invoice_line_ids.filtered(lambda one: one.account_id == account)
        if line:
            line.price_unit = amount
        else:
            values = self._transfer_values(completion, amount)
            move.write({"invoice_line_ids": [Command.create(values)]})

    @api.model
    def _late_copays(self, events):
        """Return ``{completion: copay}`` of bills that are to be split anew."""
        found = self.env["healthcare.completion"].search(
            [
                ("patient_id", "in", [patient.id for patient in events]),
                ("superseded", "=", False),
                ("company_id", "=", self.env.company.id),
                "|",
                ("payer_id.healthcare_copay_at_service", "=", "yes"),
                "&",
                ("payer_id", "!=", False),
                ("facility_id.copay_at_service", "=", True),
            ]
        )
        if not found or not self.env.company._healthcare_claim_account("transfer"):
            return {}
        coverages = self.env["healthcare.coverage"].search(
            [("patient_id", "in", found.patient_id.ids)]
        )
        by_patient = coverages.grouped("patient_id")
        claims = self.env["healthcare.claim"].search(
            [("move_id", "in", found.invoice_ids.ids), ("decision", "!=", False)]
        )
        copays = {}
        for completion in found:
            day = completion.performed_at.date()
            ones = by_patient.get(completion.patient_id, coverages.browse())
            coverage = ones._first_on(day)
            if coverage.payer_id != completion.payer_id or not completion.event_id:
                continue
            copay = self._copay(
                coverage, completion.event_id, completion.amount_total, day
            )
            currency = completion.currency_id
            if not copay or not currency.compare_amounts(copay, completion.copay):
                continue
            moves = completion._live_invoices()
            if moves and all(self._untouched(one, claims.move_id) for one in moves):
                copays[completion] = copay
        return copays

    @api.model
    def _untouched(self, move, decided):
        """Return whether an invoice may still be changed."""
        if move.state == "draft":
            return True
        return (
            move.payment_state == "not_paid"
            and move not in decided
            and not move.reversal_move_ids
            and not move._get_violated_lock_dates(move.date, False)
        )
