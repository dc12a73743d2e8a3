"""Who answers for a patient's share: a contact of its own on the account."""

from odoo import api, models

from ..erp.values import changed, newer, stamp


class HealthcareWorkflowRegistration(models.AbstractModel):
    _inherit = "healthcare.workflow.registration"

    @api.model
    def _set_guarantors(self, contents, patients, keys, found):
        """Keep guarantors as they were last told of; what is not told stays.

        Each part counts for itself, so that the order of arrival does not matter.
        """
        places = self._places(
            {"patient": contents[event].get("guarantor") or {}} for event in patients
        )
        new = {}
        for event, patient in patients.items():
            parts = self._guarantor_parts(contents[event].get("guarantor"), places)
            if not parts:
                continue
            values, known = newer(
                patient.healthcare_known_fields,
                stamp(event, self._level(keys[event], found)),
                parts,
            )
            if not values:
                continue
            patient.healthcare_known_fields = known
            guarantor = patient.healthcare_guarantor_id
            if not guarantor:
                new.setdefault(patient, {}).update(values)
            elif values := changed(guarantor, values):
                guarantor.write(values)
        created = self.env["res.partner"].create(
            [
                {
                    "name": self.env._(
                        "Guarantor of %s", patient.healthcare_reference or ""
                    ),
                    **values,
                }
                for patient, values in new.items()
            ]
        )
        for patient, guarantor in zip(new, created, strict=True):
            patient.healthcare_guarantor_id = guarantor

    @api.model
    def _guarantor_parts(self, data, places):
        """Return ``{part: {field: value}}`` of what a guarantor's data carries."""
        data = data or {}
        parts = {}
        name = data.get("name") or {}
        names = [*(name.get("given") or ()), name.get("family")]
        if any(names):
            # The part that merges of patients know: the guarantor as such.
            parts["guarantor"] = {"name": " ".join(filter(None, names))}
        if data.get("phones"):
            parts["guarantor_phone"] = {"phone": data["phones"][0]}
        if data.get("emails"):
            parts["guarantor_email"] = {"email": data["emails"][0]}
        if data.get("address"):
            parts["guarantor_address"] = self._address(data["address"], places)
        return parts
