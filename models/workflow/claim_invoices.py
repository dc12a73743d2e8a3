"""Which invoice a claim is about, and whether it charges what the invoice says."""

from odoo import api, models

OPEN = ("not_paid", "partial")


class HealthcareClaimWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow.claim"

    @api.model
    def _find_invoices(self, cases):
        """Give every case its invoice: as told, as known, or the one that fits.

        One that fits is an open invoice to this payer for this patient over exactly the
        amount charged that no other claim is tied to; the oldest of several.
        """
        by_number = self._invoices_by_number(cases)
        told, open_ones = [], []
        for case in cases:
            given = case.data["claim"].get("invoice")
            move = by_number.get(given or case.data["claim"]["id"])
            if move and (given or move.partner_id == case.payer):
                case.move = move
                told.append(case)
            elif given:
                case.park(
                    "missing_dependency",
                    self.env._("The invoice of this claim is not known yet."),
                    cause=f"invoice/{given}",
                )
            elif case.claim.move_id and not self._was_corrected(case.claim.move_id):
                case.move = case.claim.move_id
            elif case.patient:
                open_ones.append(case)
            else:
                case.park(
                    "missing_dependency",
                    self.env._(
                        "The claim names neither invoice nor patient, and its "
                        "submission is not known yet."
                    ),
                    cause=case.event.subject,
                )
        self._check_invoices(told)
        self._match_invoices(open_ones)
        for case in self._unparked(cases):
            case.patient = case.patient or case.move.healthcare_patient_id

    @api.model
    def _invoices_by_number(self, cases):
        numbers = {
            number
            for case in cases
            for number in (case.data["claim"].get("invoice"), case.data["claim"]["id"])
            if number
        }
        moves = self.env["account.move"].search(
            [
                ("name", "in", list(numbers)),
                ("company_id", "=", self.env.company.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
            ]
        )
        return {move.name: move for move in moves}

    @api.model
    def _check_invoices(self, cases):
        """Park cases whose invoice is not theirs."""
        tied = self._tied([case.move.id for case in cases])
        for case in cases:
            move, other = case.move, tied.get(case.move.id)
            if move.healthcare_responsible != "payer" or move.partner_id != case.payer:
                reason = self.env._(
                    "The invoice of this claim is not one to this payer."
                )
            elif self._was_corrected(move):
                reason = self.env._(
                    "The invoice of this claim was credited and the service billed "
                    "anew. Submit the claim again with the new invoice."
                )
            elif case.patient and move.healthcare_patient_id != case.patient:
                reason = self.env._("The invoice of this claim is another patient's.")
            elif other and other != case.event.subject:
                reason = self.env._("Another claim is tied to the invoice of this one.")
            else:
                tied[move.id] = case.event.subject
                continue
            case.park("invoice_mismatch", reason, res_model=move._name, res_id=move.id)

    @api.model
    def _was_corrected(self, move):
        """Return whether the service of an invoice was billed anew since."""
        return move.healthcare_completion_id.superseded

    @api.model
    def _tied(self, move_ids):
        """Return ``{invoice id: subject of its claim}``."""
        claims = self.env["healthcare.claim"].search([("move_id", "in", move_ids)])
        return {claim.move_id.id: claim.subject for claim in claims}

    @api.model
    def _match_invoices(self, cases):
        if not cases:
            return
        moves = self.env["account.move"].search(
            [
                ("healthcare_patient_id", "in", [case.patient.id for case in cases]),
                ("partner_id", "in", [case.payer.id for case in cases]),
                ("company_id", "=", self.env.company.id),
                ("healthcare_responsible", "=", "payer"),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("payment_state", "not in", ("reversed", "blocked")),
            ],
            order="invoice_date, id",
        )
        taken = set(self._tied(moves.ids))
        totals = self._claimable(moves.filtered(lambda move: move.id not in taken))
        fitting = moves.grouped(lambda m: (m.healthcare_patient_id, m.partner_id))
        for case in cases:
            free = [
                move
                for move in fitting.get((case.patient, case.payer), ())
                if move.id not in taken
            ]
            exact = [
                move
                for move in free
                if move.currency_id.compare_amounts(totals[move], float(case.charged))
                == 0
            ]
            exact = [m for m in exact if m.payment_state in OPEN] or exact
            if exact:
                case.move = exact[0]
                taken.add(case.move.id)
                continue
            cause = case.patient.healthcare_identifier_ids[:1].subject
            if free:
                case.move = free[0]
                self._park_charged(case, totals[free[0]], f"patient-invoice/{cause}")
            else:
                case.park(
                    "missing_dependency",
                    self.env._("No invoice to this payer is open for the patient yet."),
                    cause=f"patient-invoice/{cause}",
                    amount=float(case.charged),
                )

    @api.model
    def _claimable(self, moves):
        """Return ``{invoice: what a claim may charge}``, the patient's share included.

        What the patient was billed for the same service at once (a copay) is part of
        what is charged to the payer.
        """
        moves = list(moves)
        shares = self._patient_shares(moves)
        return {move: move.amount_total + shares.get(move, 0.0) for move in moves}

    @api.model
    def _patient_shares(self, moves):
        services = [move.healthcare_completion_id.id for move in moves]
        bills = self.env["account.move"].search(
            [
                ("healthcare_completion_id", "in", [one for one in services if one]),
                ("healthcare_responsible", "=", "patient"),
                ("healthcare_claim_id", "=", False),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("payment_state", "!=", "reversed"),
            ]
        )
        by_service = bills.grouped("healthcare_completion_id")
        return {
            move: sum(by_service[move.healthcare_completion_id].mapped("amount_total"))
            for move in moves
            if move.healthcare_completion_id in by_service
        }

    @api.model
    def _check_charged(self, cases):
        """Park claims that charge something else than their invoice says."""
        shares = self._patient_shares([case.move for case in cases])
        for case in cases:
            case.patient_share = shares.get(case.move, 0.0)
            total = case.move.amount_total + case.patient_share
            if case.move.currency_id.compare_amounts(total, float(case.charged)):
                self._park_charged(case, total)

    @api.model
    def _check_shares(self, cases):
        """Park decisions that leave less to patients than they were billed already."""
        for case in cases:
            left = float(case.left_to_patient)
            if case.move.currency_id.compare_amounts(left, case.patient_share) < 0:
                case.park(
                    "invoice_mismatch",
                    self.env._(
                        "The patient was billed %(billed)s for this service, the payer "
                        "leaves %(left)s. Credit the difference and retry.",
                        billed=f"{case.patient_share:.2f}",
                        left=f"{left:.2f}",
                    ),
                    amount=case.patient_share - left,
                    res_model=case.move._name,
                    res_id=case.move.id,
                )

    @api.model
    def _park_charged(self, case, total, cause=None):
        difference = abs(float(case.charged) - total)
        case.park(
            "invoice_mismatch",
            self.env._(
                "The claim charges %(charged)s, the invoice %(invoice)s is over "
                "%(total)s.",
                charged=f"{case.charged:.2f}",
                invoice=case.move.name,
                total=f"{total:.2f}",
            ),
            cause=cause,
            amount=difference,
            res_model=case.move._name,
            res_id=case.move.id,
        )
