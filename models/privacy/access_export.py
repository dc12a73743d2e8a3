"""Exports, tables and printed documents that tell of patients are recorded."""

from odoo import api, models
from odoo.fields import Domain

# Which fields lead to the patient.
CARRIERS = {
    "account.analytic.line": "partner_id",
    "account.bank.statement.line": "healthcare_patient_id partner_id",
    "account.invoice.report": "partner_id",
    "account.move": "healthcare_patient_id partner_id",
    "account.move.line": "partner_id",
    "account.payment": "partner_id",
    "healthcare.access.patient": "patient_id",
    "healthcare.appointment": "patient_id",
    "healthcare.appointment.service": "appointment_id.patient_id",
    "healthcare.authorization": "patient_id",
    "healthcare.authorization.use": "authorization_id.patient_id",
    "healthcare.claim": "patient_id",
    "healthcare.claim.adjustment": "claim_id.patient_id",
    "healthcare.completion": "patient_id",
    "healthcare.completion.line": "completion_id.patient_id",
    "healthcare.completion.supply": "completion_id.patient_id",
    "healthcare.coverage": "patient_id",
    "healthcare.data.request": "partner_id",
    "healthcare.exception": "patient_id",
    "healthcare.fact": "partner_id",
    "healthcare.legal.hold": "partner_id",
    "healthcare.patient.distinct": "patient_id",
    "healthcare.patient.identifier": "partner_id",
    "healthcare.patient.merge": "survivor_id",
    "healthcare.patient.timeline": "patient_id",
    "res.partner": "id",
    "sale.order": "partner_id",
    "sale.order.line": "order_partner_id",
    "sale.report": "partner_id",
    "stock.move": "partner_id",
    "stock.picking": "partner_id",
}


class Base(models.AbstractModel):
    _inherit = "base"

    def export_data(self, fields_to_export):
        """Record the export when the rows are patients or documents of patients."""
        if self._name in CARRIERS:
            self.check_access("read")
            if patients := self._healthcare_patients():
                self.env["healthcare.payload.access"]._record_export(
                    self.env._(
                        "%(what)s, %(count)s rows: %(columns)s",
                        what=self._description,
                        count=len(self),
                        columns=self._healthcare_labels(fields_to_export),
                    ),
                    patients,
                )
        return super().export_data(fields_to_export)

    def _healthcare_patients(self):
        """Return the patients whom these rows are about."""
        # Stands in for the system: whose rows these are is recorded, not shown.
        rows = self.sudo()
        partners = self.env["res.partner"].sudo()
        for path in CARRIERS[self._name].split():
            partners |= rows if path == "id" else rows.mapped(path)
        return partners.filtered("healthcare_is_patient")

    @api.model
    def _healthcare_labels(self, names):
        """Return in words what fields are called, from paths to them or to parts."""
        labels = [
            field.string
            for name in names
            if (field := self._fields.get(_base(name))) and field.name != "id"
        ]
        return ", ".join(dict.fromkeys(labels))


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    @api.model
    def _record_export(self, detail, patients):
        """Record that the user takes something along.

        :param str detail: what it is, without a value of it
        :param patients: the partners whom it is about
        """
        sittings = self.env["healthcare.sitting"]
        self._append(
            [
                {
                    "kind": "export",
                    "purpose": sittings._purpose() if sittings._current() else None,
                    "detail": detail[:500],
                    "patients": patients.ids,
                }
            ]
        )

    @api.model
    def _record_documents(self, documents, name=None):
        """Record that documents are printed or downloaded, as a file or a page.

        :param documents: recordset of any model; that the user reads them is checked
        :param str name: of the report
        """
        if documents._name not in CARRIERS:
            return
        documents.check_access("read")
        patients = documents._healthcare_patients()
        if patients or not documents:
            self._record_export(
                self.env._(
                    "%(what)s, %(count)s printed: %(report)s",
                    what=documents._description,
                    count=len(documents),
                    report=name or self.env._("as files"),
                ),
                patients,
            )

    @api.model
    def _record_table(self, model, rows, domain=None, groupings=None):
        """Record that a table of figures is downloaded.

        The patients are those whom its headings name: by themselves, or by documents
        of theirs. Figures that name nobody are recorded without a patient.

        :param str model: what was counted
        :param int rows: how many rows the table has
        :param domain: what was counted of it; ``None`` where it is not known
        :param groupings: fields of its rows and columns, ``create_date:month``
        """
        if model not in CARRIERS:
            return
        table = self.env[model]
        table.check_access("read")
        groupings = groupings or []
        patients = self.env["res.partner"]
        if domain is None:
            kept = self.env._("not known")
        else:
            domain = Domain(domain).optimize(table)
            kept = table._healthcare_labels(
                condition.field_expr for condition in domain.iter_conditions()
            )
            for grouping in groupings:
                patients |= self._named_by(table, domain, grouping)
        self._record_export(
            self.env._(
                "Table of %(what)s, %(count)s rows, by %(groupings)s; filter: "
                "%(filter)s",
                what=table._description,
                count=rows,
                groupings=table._healthcare_labels(groupings) or self.env._("nothing"),
                filter=kept or self.env._("none"),
            ),
            patients,
        )

    def _named_by(self, table, domain, grouping):
        """Return the patients whom the headings of one grouping name."""
        field = table._fields.get(_base(grouping))
        if not field:
            return self.env["res.partner"]
        if field.comodel_name in CARRIERS:
            leading = [field.name]
        elif field.type in ("char", "text"):
            leading = map(_base, CARRIERS[table._name].split())
        else:
            leading = []
        patients = self.env["res.partner"]
        for name in leading:
            if name == "id":
                patients |= table.search(domain)._healthcare_patients()
            else:
                groups = table._read_group(domain, [name])
                headings = self.env[table._fields[name].comodel_name]
                headings = headings.union(*(one for (one,) in groups))
                patients |= headings._healthcare_patients()
        return patients


def _base(name):
    """Return the field at the beginning of ``a/b``, ``a.b`` or ``a:month``."""
    return name.replace("/", ".").replace(":", ".").partition(".")[0]
