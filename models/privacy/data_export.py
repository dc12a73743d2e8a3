"""A copy of everything held about a patient."""

from odoo import fields, models
from odoo.exceptions import UserError

from ...core.errors import InputError, KeyringError
from ...core.protection import patient_archive

# Section: (model, field of the patient, fields). Fields of links give their names.
SECTIONS = {
    "account": (
        "res.partner",
        "id",
        "name healthcare_reference healthcare_account_number healthcare_birth_date "
        "healthcare_sex phone email street street2 city zip state_id country_id "
        "healthcare_guarantor_id comment",
    ),
    "identifiers": ("healthcare.patient.identifier", "partner_id", "system value"),
    "coverages": (
        "healthcare.coverage",
        "patient_id",
        "payer_id member_id group_number plan relationship date_from date_to status",
    ),
    "appointments": (
        "healthcare.appointment",
        "patient_id",
        "identifier facility_id start end state reason provider location self_pay",
    ),
    "authorizations": (
        "healthcare.authorization",
        "patient_id",
        "number payer_id state date_from date_to reason service_ids",
    ),
    "services": (
        "healthcare.completion",
        "patient_id",
        "identifier facility_id performed_at provider amount_total",
    ),
    "claims": (
        "healthcare.claim",
        "patient_id",
        "identifier payer_id state charged paid remarks",
    ),
    "invoices": (
        "account.move",
        "healthcare_patient_id",
        "name invoice_date invoice_date_due partner_id amount_total amount_residual "
        "currency_id state payment_state",
    ),
    "invoice_lines": (
        "account.move.line",
        "move_id.healthcare_patient_id",
        "move_id name quantity price_unit price_total",
    ),
    "payments": (
        "account.payment",
        "partner_id",
        "name date amount currency_id state memo",
    ),
    "exceptions": (
        "healthcare.exception",
        "patient_id",
        "name category state reason opened_at resolved_at",
    ),
    "access": ("healthcare.access.patient", "patient_id", "date kind purpose"),
}


class HealthcareDataRequest(models.Model):
    _inherit = "healthcare.data.request"

    def _archive(self):
        """Return the ZIP that is handed over (bytes); this is recorded."""
        self.ensure_one()
        self._check_reader()
        self._check_kind("export")
        if not (self.reason or "").strip():
            raise UserError(self.env._("Say how it was asked: it goes on record."))
        # Stands in for the PHI reader, who was checked: the copy holds what the reader
        # would see in no single screen, and of the reader's companies only.
        request = self.sudo()
        patients = request._patients()
        sections = [request._section(name, patients) for name in SECTIONS]
        sections.append(request._events_of(patients))
        self.env["healthcare.payload.access"]._append(
            [
                {
                    "kind": "request",
                    "purpose": self.env._("Request of the patient: %s", self.reason),
                    "detail": self.display_name,
                    "patients": patients.ids,
                }
            ]
        )
        if self.state == "draft":
            request.write({"state": "done", "done_at": fields.Datetime.now()})
        companies = ", ".join(self.env.companies.mapped("name"))
        return patient_archive.build(
            self.env._("Data held about patient %s", self.patient_reference or ""),
            [
                self.env._("Made on %s (UTC).", fields.Datetime.now()),
                self.env._("Held by %s.", companies),
            ],
            sections,
        )

    def _section(self, name, patients):
        model, path, names = SECTIONS[name]
        records = self.env[model].with_context(active_test=False)
        domain = [(path, "in", patients.ids)]
        if "company_id" in records._fields and model != "res.partner":
            domain += [("company_id", "in", [*self.env.companies.ids, False])]
        if name == "invoice_lines":
            domain += [("display_type", "=", "product")]
        records = records.search(domain, limit=100_000)
        labels = records.fields_get(names.split(), ["string"])
        return {
            "name": name,
            "title": {
                "account": self.env._("Patient account"),
                "access": self.env._("When the data were looked at"),
                "invoice_lines": self.env._("What was billed"),
                "services": self.env._("Services"),
            }.get(name, name.replace("_", " ").capitalize()),
            "rows": [
                {
                    labels[field]["string"]: _plain(record, field)
                    for field in names.split()
                }
                for record in records
            ],
        }

    def _events_of(self, patients):
        events = self.env["healthcare.event"]
        events = events.browse(events._ids_of_patients(patients))
        allowed = self.env.companies
        rows = []
        for event in events:
            company = event.facility_id.company_id
            if company and company not in allowed:
                continue
            try:
                content = event._envelopes()[event]
            except KeyringError as error:
                content = error.detail
            except InputError as error:
                content = error.detail
            if len(event._patients().get(event.id, ())) > 1:
                content = self.env._("It is also about others and is given on demand.")
            rows.append(
                {
                    self.env._("Event"): event.uuid,
                    self.env._("Type"): event.type_id.code or "",
                    self.env._("From"): event.source_id.name,
                    self.env._("Occurred"): str(event.occurred_at or ""),
                    self.env._("Received"): str(event.received_at or ""),
                    self.env._("State"): event.state,
                    self.env._("Content"): content,
                }
            )
        return {"name": "events", "title": self.env._("Events"), "rows": rows}


def _plain(record, name):
    """Return a field's value as JSON: words for selections, names for links."""
    field, value = record._fields[name], record[name]
    if field.type == "selection":
        return dict(field._description_selection(record.env)).get(value, "")
    if field.relational:
        return ", ".join(value.mapped("display_name"))
    if value is False and field.type != "boolean":
        return ""
    if field.type in ("date", "datetime", "html"):
        return str(value)
    return value
