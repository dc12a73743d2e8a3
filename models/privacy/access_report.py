"""Who saw whose data, by patient: one row per reading and patient."""

from odoo import api, fields, models

from ..governance.payload_access import KINDS


class HealthcareAccessPatient(models.Model):
    """Readings of merged accounts count as of the patient who survives."""

    _name = "healthcare.access.patient"
    _description = "PHI Access by Patient"
    _auto = False
    _order = "date desc, id desc"
    _rec_name = "patient_reference"
    _depends = {
        "healthcare.payload.access": ["patients", "user_id", "date", "kind"],
        "res.partner": ["healthcare_reference", "healthcare_merged_into_id"],
    }

    access_id = fields.Many2one("healthcare.payload.access", readonly=True)
    patient_id = fields.Many2one("res.partner", string="Patient Account", readonly=True)
    patient_reference = fields.Char(string="Patient", readonly=True)
    user_id = fields.Many2one("res.users", string="Reader", readonly=True)
    date = fields.Datetime(string="When", readonly=True)
    kind = fields.Selection(KINDS, string="What", readonly=True)
    purpose = fields.Char(readonly=True)
    detail = fields.Char(readonly=True)
    event_id = fields.Many2one("healthcare.event", readonly=True)
    count = fields.Integer(string="Readings", readonly=True, aggregator="sum")

    @property
    def _table_query(self):
        return """SELECT (a.id::bigint << 20) + p.place AS id, a.id AS access_id,
                s.id AS patient_id, s.healthcare_reference AS patient_reference,
                a.user_id, a.date, a.kind, a.purpose,
                coalesce(a.detail, a.worklist) AS detail, a.event_id, 1 AS count
            FROM healthcare_payload_access a
            CROSS JOIN LATERAL jsonb_array_elements_text(
                CASE jsonb_typeof(a.patients) WHEN 'array' THEN a.patients
                ELSE '[]'::jsonb END) WITH ORDINALITY p (number, place)
            JOIN res_partner o ON o.id = p.number::int
            JOIN res_partner s
                ON s.id = coalesce(o.healthcare_merged_into_id, o.id)"""


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_open_healthcare_access(self):
        """Show who saw the data of these patients."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_access_patient"
        )
        return {**action, "domain": [("patient_id", "in", self.ids)], "context": {}}


class ReportAccess(models.AbstractModel):
    """What the printed page is made of: readings by patient, then by time."""

    _name = "report.healthcare_connector.report_access"
    _description = "Printed Access Record"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return ``{"docs", "groups"}``: rows of the user's own choice."""
        rows = self.env["healthcare.access.patient"].browse(docids)
        rows.check_access("read")
        return {
            "docs": rows,
            "groups": rows.sorted("date").grouped("patient_reference"),
            "printed_at": fields.Datetime.context_timestamp(
                self, fields.Datetime.now()
            ).strftime("%Y-%m-%d %H:%M"),
        }
