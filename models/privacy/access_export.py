"""Exports of lists that tell of patients are recorded."""

from odoo import models

# Which field leads to the patient.
CARRIERS = {
    "account.move": "healthcare_patient_id",
    "account.payment": "partner_id",
    "healthcare.appointment": "patient_id",
    "healthcare.authorization": "patient_id",
    "healthcare.claim": "patient_id",
    "healthcare.completion": "patient_id",
    "healthcare.coverage": "patient_id",
    "healthcare.exception": "patient_id",
    "healthcare.fact": "partner_id",
    "healthcare.patient.identifier": "partner_id",
    "healthcare.patient.timeline": "patient_id",
    "res.partner": "id",
    "sale.order": "partner_id",
}


class Base(models.AbstractModel):
    _inherit = "base"

    def export_data(self, fields_to_export):
        """Record the export when the rows are patients or documents of patients."""
        if path := CARRIERS.get(self._name):
            self._healthcare_record_export(path, fields_to_export)
        return super().export_data(fields_to_export)

    def _healthcare_record_export(self, path, names):
        self.check_access("read")
        # Stands in for the system: whose rows these are is recorded, not shown.
        rows = self.sudo()
        partners = rows if path == "id" else rows[path]
        patients = partners.filtered("healthcare_is_patient")
        if not patients:
            return
        labels = [
            self._fields[name.partition("/")[0].partition(":")[0]].string
            for name in names
            if name.partition("/")[0].partition(":")[0] in self._fields
        ]
        sittings = self.env["healthcare.sitting"]
        self.env["healthcare.payload.access"]._append(
            [
                {
                    "kind": "export",
                    "purpose": sittings._purpose() if sittings._current() else None,
                    "detail": self.env._(
                        "%(what)s, %(count)s rows: %(columns)s",
                        what=self._description,
                        count=len(self),
                        columns=", ".join(dict.fromkeys(labels)),
                    )[:500],
                    "patients": patients.ids,
                }
            ]
        )
