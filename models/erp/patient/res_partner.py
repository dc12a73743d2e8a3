"""Patients and payers are contacts."""

from odoo import fields, models


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "healthcare.awaited"]
    _awaited_kind = "payer"
    _awaited_field = "healthcare_payer_code"

    healthcare_is_patient = fields.Boolean(string="Is a Patient", index=True)
    healthcare_is_payer = fields.Boolean(string="Is a Payer")
    healthcare_payer_code = fields.Char(
        string="Payer Code",
        copy=False,
        index="btree_not_null",
        help="The code events carry, e.g. PAYER-A.",
    )
    healthcare_reference = fields.Char(
        string="Patient Reference",
        copy=False,
        readonly=True,
        help="Our own number for this patient, safe to name in a queue or by phone.",
    )
    healthcare_account_number = fields.Char(
        string="Patient Account", copy=False, index="btree_not_null"
    )
    healthcare_account_key = fields.Char(copy=False, index="btree_not_null")
    healthcare_birth_date = fields.Date(string="Birth Date")
    healthcare_sex = fields.Selection(
        [
            ("female", "Female"),
            ("male", "Male"),
            ("other", "Other"),
            ("unknown", "Unknown"),
        ],
        string="Sex",
    )
    healthcare_known_at = fields.Datetime(
        help="Time of the newest registration event applied to this patient."
    )
    healthcare_known_fields = fields.Json(
        copy=False, help="Which event each part of the registration comes from."
    )
    healthcare_guarantor_id = fields.Many2one("res.partner", string="Guarantor")
    healthcare_identifier_ids = fields.One2many(
        "healthcare.patient.identifier", "partner_id", string="Identifiers"
    )
    healthcare_coverage_ids = fields.One2many(
        "healthcare.coverage", "patient_id", string="Coverages"
    )
    healthcare_appointment_ids = fields.One2many(
        "healthcare.appointment", "patient_id", string="Appointments"
    )
    healthcare_appointment_count = fields.Integer(
        compute="_compute_healthcare_appointment_count"
    )

    _healthcare_payer_code_unique = models.UniqueIndex(
        "(healthcare_payer_code) WHERE healthcare_payer_code IS NOT NULL",
        "Another payer already has this code.",
    )
    _healthcare_reference_unique = models.UniqueIndex(
        "(healthcare_reference) WHERE healthcare_reference IS NOT NULL",
        "Another patient already has this reference.",
    )

    def _compute_healthcare_appointment_count(self):
        found = dict(
            self.env["healthcare.appointment"]._read_group(
                [("patient_id", "in", self.ids)], ["patient_id"], ["__count"]
            )
        )
        for partner in self:
            partner.healthcare_appointment_count = found.get(partner, 0)

    def action_open_healthcare_appointments(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_appointment"
        )
        action["domain"] = [("patient_id", "=", self.id)]
        action["context"] = {}
        return action
