"""Numbers that systems know a patient by."""

from odoo import api, fields, models


class HealthcarePatientIdentifier(models.Model):
    _name = "healthcare.patient.identifier"
    _description = "Patient Identifier"
    _order = "partner_id, sequence, id"
    _rec_name = "value"

    partner_id = fields.Many2one(
        "res.partner", string="Patient", required=True, index=True, ondelete="cascade"
    )
    system = fields.Char(required=True, help="Who issues the number, a URI.")
    value = fields.Char(string="Number", required=True)
    sequence = fields.Integer(default=10, help="The first is the medical record number")
    subject = fields.Char(
        required=True,
        index=True,
        readonly=True,
        help="Keyed hash of system and number: how events of this patient are found "
        "and ordered without the number itself.",
    )

    _identifier_unique = models.UniqueIndex(
        "(system, value)", "This identifier belongs to a patient already."
    )

    @api.model_create_multi
    def create(self, vals_list):
        ordering = self.env["healthcare.ordering"]
        for vals in vals_list:
            vals.setdefault(
                "subject", ordering._patient_key(vals["system"], vals["value"])
            )
        return super().create(vals_list)
