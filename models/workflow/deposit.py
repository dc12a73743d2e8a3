"""Payments of patients before their visits: kept as credit, and counted."""

from odoo import api, models
from odoo.tools import SQL

from ..erp.values import day
from .payment import ON_ACCOUNT
from .payment_matching import OPEN


class HealthcareWorkflowPayment(models.AbstractModel):
    _inherit = "healthcare.workflow.payment"

    @api.model
    def _on_payment_received(self, events):
        deposits = self._find_deposits(events)
        result = super()._on_payment_received(
            events.filtered(lambda event: event not in deposits)
        )
        self._post_deposits(deposits)
        return result

    # -- which payments are deposits ----------------------------------------------

    @api.model
    def _find_deposits(self, events):
        """Return ``{event: visit}`` of patients' payments that a deposit is due for.

        Money that an open invoice could be for is left to matching.
        """
        if not self.env["healthcare.facility"]._deposit_facilities():
            return {}
        patients = self._paying_patients(events.filtered("facility_id"))
        if not patients:
            return {}
        ids = [patient.id for patient in patients.values()]
        company = self.env.company
        visits = {}
        for visit in self.env["healthcare.appointment"].search(
            [
                ("patient_id", "in", ids),
                ("company_id", "=", company.id),
                ("deposit_state", "=", "due"),
            ],
            order="start desc, subject desc",
        ):
            visits[visit.patient_id] = visit
        owing = (
            self.env["account.move"]
            .search(
                [
                    ("healthcare_patient_id", "in", ids),
                    ("healthcare_responsible", "=", "patient"),
                    ("move_type", "=", "out_invoice"),
                    ("state", "=", "posted"),
                    ("payment_state", "in", OPEN),
                    ("company_id", "=", company.id),
                ]
            )
            .healthcare_patient_id
        )
        known = set(
            self.env["account.payment"]
            .search([("healthcare_payment_key", "in", events.mapped("subject"))])
            .mapped("healthcare_payment_key")
        )
        return {
            event: visits[patient]
            for event, patient in patients.items()
            if patient in visits and patient not in owing and event.subject not in known
        }

    @api.model
    def _paying_patients(self, events):
        """Return ``{event: patient}`` of payments that name an account at most."""
        ordering = self.env["healthcare.ordering"]
        keys = {}
        for event in events:
            data = event._content()
            payment = data["payment"]
            allocations = data.get("allocations") or ()
            if (
                payment["payer_type"] != "patient"
                or payment["currency"] != self.env.company.currency_id.name
                or float(payment["amount"]) <= 0
                or any(not one.get("account_number") for one in allocations)
                or data.get(ON_ACCOUNT)
            ):
                continue
            keys[event] = {
                ordering._account_key(one["account_number"]) for one in allocations
            } or set(self._patient_keys(data)[:1])
        wanted = {key for ones in keys.values() for key in ones}
        found = self._patients_by_account(wanted) if wanted else {}
        named = {
            event: {found.get(key) for key in ones} for event, ones in keys.items()
        }
        return {
            event: next(iter(ones))
            for event, ones in named.items()
            if len(ones) == 1 and None not in ones
        }

    # -- documents ------------------------------------------------------------------

    @api.model
    def _post_deposits(self, deposits):
        """Post deposits as patients' credit, all at once, and judge their visits."""
        if not deposits:
            return
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.env.company.id)], limit=1
        )
        payments = self.env["account.payment"].create(
            [
                self._deposit_values(event, visit, bank)
                for event, visit in deposits.items()
            ]
        )
        payments.action_post()
        told = dict(zip(payments, deposits, strict=True))
        for payment, event in told.items():
            event._link(payment, payment.healthcare_deposit_visit_id)
        self._refresh_clearance(
            {visit.patient_id: event for event, visit in deposits.items()}
        )
        self._emit_payments(
            {payment: (event, payment.partner_id) for payment, event in told.items()}
        )

    @api.model
    def _deposit_values(self, event, visit, bank):
        data = event._content()["payment"]
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": visit.patient_id.id,
            "amount": float(data["amount"]),
            "currency_id": self.env.company.currency_id.id,
            "date": day(data["paid_at"]),
            "journal_id": (event.facility_id.payment_journal_id or bank).id,
            "memo": data.get("reference") or data["id"],
            "healthcare_facility_id": event.facility_id.id,
            "healthcare_payment_ref": data["id"],
            "healthcare_payment_key": event.subject,
            "healthcare_deposit_visit_id": visit.id,
        }

    @api.model
    def _on_payment_reversed(self, events):
        result = super()._on_payment_reversed(events)
        deposits = self.env["account.payment"].search(
            [
                ("healthcare_payment_key", "in", events.mapped("subject")),
                ("healthcare_deposit_visit_id", "!=", False),
            ]
        )
        by_key = {event.subject: event for event in events}
        self._refresh_clearance(
            {
                one.healthcare_deposit_visit_id.patient_id: by_key[
                    one.healthcare_payment_key
                ]
                for one in deposits
            }
        )
        return result


class HealthcareWorkflow(models.AbstractModel):
    _inherit = "healthcare.workflow"

    @api.model
    def _causes_present(self, causes):
        """A payment may wait for a visit that asks for a deposit, too."""
        present = super()._causes_present(causes)
        if not self.env["healthcare.facility"]._deposit_facilities():
            return present
        keys = {
            cause.removeprefix("patient-invoice/"): cause
            for cause in causes
            if cause.startswith(("account/", "patient-invoice/"))
        }
        rows = self.env.execute_query(
            SQL(
                """SELECT p.healthcare_account_key FROM healthcare_appointment v
                JOIN res_partner p ON p.id = v.patient_id
                WHERE v.deposit_state = 'due'
                AND p.healthcare_account_key = ANY(%(keys)s)
                UNION SELECT i.subject FROM healthcare_appointment v
                JOIN healthcare_patient_identifier i ON i.partner_id = v.patient_id
                WHERE v.deposit_state = 'due' AND i.subject = ANY(%(keys)s)""",
                keys=list(keys),
            )
        )
        return present | {keys[row[0]] for row in rows}
