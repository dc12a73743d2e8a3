"""What a payer answered about a patient's coverage."""

from odoo import api, models


class HealthcareWorkflowCoverage(models.AbstractModel):
    _name = "healthcare.workflow.coverage"
    _description = "Coverage Workflow"
    _inherit = "healthcare.workflow"

    @api.model
    def _on_coverage_verified(self, events):
        """Record the answer; the payer's word outweighs what a registration said."""
        patients = self._with_patient(self._without_facility(events))
        payers = self._payers_by_code(
            event._content()["coverage"]["payer"]["code"] for event in patients
        )
        rows = []
        for event, patient in patients.items():
            data = event._content()
            code = data["coverage"]["payer"]["code"]
            if code in payers:
                answer = {**data["coverage"], "verified_at": data["verified_at"]}
                rows.append((event, patient, answer, payers[code], 1))
            else:
                event._park(
                    "missing_payer",
                    self.env._("No payer has the code %s.", code),
                    cause=f"payer/{code}",
                    patient_id=patient.id,
                )
        touched = set()
        coverages = self.env["healthcare.coverage"]._merge(rows, touched)
        by_patient = {}
        for (event, *_key), coverage in coverages.items():
            event._link(coverage)
            if coverage.patient_id in touched:
                by_patient[coverage.patient_id] = event
                event._announce(*self._coverage_keys(coverage.patient_id))
            else:
                event._note_stale()
        self._refresh_clearance(by_patient)

    @api.model
    def _coverage_keys(self, patient):
        """Return the causes that a patient's new coverage takes away."""
        return [
            f"coverage/{identifier.subject}"
            for identifier in patient.healthcare_identifier_ids
        ]
