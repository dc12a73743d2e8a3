"""What a visit will cost the patient, and what is to be paid before it.

A facility decides whether it asks for a deposit. What the patient has paid and no
invoice has used yet counts, the earliest visit first.
"""

from odoo import api, fields, models, tools

from ..values import money
from .clearance import UPCOMING

POLICIES = [
    ("none", "No Deposit"),
    ("copay", "The Copay"),
    ("estimate", "The Estimated Patient Share"),
    ("percent", "A Percentage of the Estimate"),
]


class HealthcareFacility(models.Model):
    _inherit = "healthcare.facility"

    deposit_policy = fields.Selection(
        POLICIES,
        string="Deposit Before the Visit",
        default="none",
        required=True,
        help="What a patient pays before a visit is financially cleared.",
    )
    deposit_percent = fields.Float(string="Percent of the Estimate", default=50.0)

    _deposit_percent_range = models.Constraint(
        "CHECK(deposit_percent IS NULL OR deposit_percent BETWEEN 0 AND 100)",
        "The percentage must be between 0 and 100.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        facilities = super().create(vals_list)
        self.env.registry.clear_cache()
        return facilities

    def write(self, vals):
        result = super().write(vals)
        if {"deposit_policy", "deposit_percent", "active"} & vals.keys():
            self.env.registry.clear_cache()
            # Stands in for the system: a policy concerns visits on which who sets it
            # need not have any right.
            visits = self.env["healthcare.appointment"].sudo()
            visits.search(
                [("facility_id", "in", self.ids), ("state", "in", UPCOMING)]
            )._refresh_supplies()
        return result

    @api.model
    @tools.ormcache()
    def _deposit_facilities(self):
        """Return ids of the facilities that ask for deposits."""
        # Stands in for the system: read for everybody's postings.
        return self.sudo().search([("deposit_policy", "!=", "none")])._ids

    def _deposit_of(self, estimate, copay):
        """Return what to pay beforehand, in the company's currency."""
        self.ensure_one()
        if self.deposit_policy == "copay":
            return copay
        if self.deposit_policy == "estimate":
            return estimate
        if self.deposit_policy == "percent":
            share = estimate * self.deposit_percent / 100.0
            return self.company_id.currency_id.round(share)
        return 0.0


class HealthcareAppointment(models.Model):
    _inherit = "healthcare.appointment"

    patient_estimate = fields.Monetary(
        readonly=True,
        help="What the patient will probably pay: copay and remaining deductible, or "
        "everything when self-payment is agreed.",
    )
    deposit_required = fields.Monetary(
        readonly=True, help="To be paid before the visit."
    )
    deposit_received = fields.Monetary(
        readonly=True, help="Paid by the patient and not used by an invoice yet."
    )
    deposit_state = fields.Selection(
        [
            ("not_required", "Not Required"),
            ("due", "To Be Paid"),
            ("received", "Received"),
        ],
        string="Deposit",
        default="not_required",
        readonly=True,
        index=True,
    )

    def _with_deposit_rivals(self):
        """Return these visits and others that share the same patients' deposits."""
        facilities = self.env["healthcare.facility"]._deposit_facilities()
        if not facilities or not set(self.facility_id.ids) & set(facilities):
            return self
        return self | self.search(
            [
                ("patient_id", "in", self.patient_id.ids),
                ("facility_id", "in", facilities),
                ("state", "in", UPCOMING),
            ]
        )

    def _deposits(self, coverages):
        """Return ``{visit: (estimate, required, received)}``.

        :param coverages: ``{patient id: coverages}``
        """
        wanted, shares = {}, {}
        for visit in self:
            coverage = coverages.get(visit.patient_id.id, coverages[None])
            copay, estimate = visit._estimate(coverage._first_on(visit.start.date()))
            required = 0.0
            if visit.state in UPCOMING:
                required = visit.facility_id._deposit_of(estimate, copay)
            wanted[visit] = (estimate, required)
        asking = [visit for visit, (_estimate, required) in wanted.items() if required]
        if asking:
            left = self.concat(*asking)._patient_credits()
            for visit in sorted(asking, key=lambda one: (one.start, one.subject)):
                key = (visit.patient_id, visit.company_id)
                shares[visit] = min(wanted[visit][1], left.get(key, 0.0))
                left[key] = left.get(key, 0.0) - shares[visit]
        return {
            visit: (estimate, required, shares.get(visit, 0.0))
            for visit, (estimate, required) in wanted.items()
        }

    def _estimate(self, coverage):
        """Return ``(copay, estimated share of the patient)``.

        Nothing is estimated while nobody knows who insures the patient.
        """
        self.ensure_one()
        charge = self.amount_expected
        if self.self_pay:
            return 0.0, charge
        if not coverage:
            return 0.0, 0.0
        copay = min(coverage.copay, charge)
        deductible = min(coverage.deductible_remaining, charge - copay)
        return copay, copay + deductible

    def _patient_credits(self):
        """Return ``{(patient, company): what they have paid and nothing has used}``.

        What was paid for a visit that is over is left to its invoice.
        """
        groups = self.env["account.move.line"]._read_group(
            [
                ("partner_id", "in", self.patient_id.ids),
                ("company_id", "in", self.company_id.ids),
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("amount_residual", "<", 0),
                (
                    "payment_id",
                    "not any",
                    [("healthcare_deposit_visit_id.state", "=", "completed")],
                ),
            ],
            ["partner_id", "company_id"],
            ["amount_residual:sum"],
        )
        return {(partner, company): -total for partner, company, total in groups}

    def _judge_deposit(self, deposit, reasons):
        """Return the deposit's fields of one visit."""
        estimate, required, received = deposit
        currency = self.company_id.currency_id
        missing = required - received
        state = "not_required"
        if currency.compare_amounts(required, 0) > 0:
            state = "due" if currency.compare_amounts(missing, 0) > 0 else "received"
        if state == "due":
            reasons.append(
                self.env._("A deposit of %s is due before the visit.", money(missing))
            )
        return {
            "patient_estimate": currency.round(estimate),
            "deposit_required": required,
            "deposit_received": currency.round(received),
            "deposit_state": state,
        }

    def _release_deposits(self):
        """Let payments go on that came before anything was due."""
        due = self.filtered(lambda visit: visit.deposit_state == "due")
        keys = set(due.patient_id.mapped("healthcare_account_key")) - {False}
        keys |= {
            f"patient-invoice/{subject}"
            for subject in due.patient_id.healthcare_identifier_ids.mapped("subject")
        }
        self.env["healthcare.exception"]._cause_gone(keys)

    # -- when money moves ---------------------------------------------------------

    @api.model
    def _note_credits(self, lines):
        """Judge visits anew before the transaction ends: patients' credit changed.

        Not at once: what is posted now may be reconciled in a moment.

        :param lines: ``account.move.line`` that were posted, reconciled or undone
        """
        if not self.env["healthcare.facility"]._deposit_facilities():
            return
        lines = lines.filtered(lambda line: line.account_type == "asset_receivable")
        patients = lines.partner_id.filtered("healthcare_is_patient")
        if not patients:
            return
        precommit = self.env.cr.precommit
        waiting = precommit.data.setdefault("healthcare.credits", set())
        if not waiting:
            # Stands in for the system: who posts payments need not see visits.
            precommit.add(self.sudo()._judge_noted_credits)
        waiting.update(patients.ids)

    @api.model
    def _judge_noted_credits(self):
        patients = self.env.cr.precommit.data.pop("healthcare.credits", set())
        self.search(
            [
                ("patient_id", "in", list(patients)),
                ("state", "in", UPCOMING),
                ("deposit_state", "!=", "not_required"),
            ]
        )._refresh_supplies()


class AccountPayment(models.Model):
    _inherit = "account.payment"

    healthcare_deposit_visit_id = fields.Many2one(
        "healthcare.appointment",
        string="Deposit For",
        copy=False,
        readonly=True,
        index="btree_not_null",
    )


class AccountMove(models.Model):
    _inherit = "account.move"

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._healthcare_use_deposits()
        self.env["healthcare.appointment"]._note_credits(posted.line_ids)
        return posted

    def button_draft(self):
        result = super().button_draft()
        self.env["healthcare.appointment"]._note_credits(self.line_ids)
        return result

    def _healthcare_use_deposits(self):
        """Pay patients' invoices from what they paid before their visits."""
        ours = self.filtered(
            lambda move: (
                move.move_type == "out_invoice"
                and move.healthcare_responsible == "patient"
                and move.healthcare_patient_id
            )
        )
        if not ours or not self.env["healthcare.facility"]._deposit_facilities():
            return
        # Stands in for the system: whoever posts the invoice, the deposit pays it.
        lines = self.env["account.move.line"].sudo()
        deposits = lines.search(
            [
                ("payment_id.healthcare_deposit_visit_id", "!=", False),
                ("partner_id", "in", ours.healthcare_patient_id.ids),
                ("company_id", "in", ours.company_id.ids),
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("amount_residual", "<", 0),
            ]
        )
        plan = []
        for key, group in deposits.grouped(
            lambda line: (line.partner_id, line.company_id, line.account_id)
        ).items():
            open_lines = ours.sudo().line_ids.filtered(
                lambda line, key=key: (
                    (line.partner_id, line.company_id, line.account_id) == key
                    and line.amount_residual > 0
                )
            )
            if open_lines:
                plan.append(group | open_lines)
        if plan:
            lines._reconcile_plan(plan)


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        lines = partials.debit_move_id | partials.credit_move_id
        self.env["healthcare.appointment"]._note_credits(lines)
        return partials

    def unlink(self):
        lines = self.debit_move_id | self.credit_move_id
        result = super().unlink()
        self.env["healthcare.appointment"]._note_credits(lines.exists())
        return result
