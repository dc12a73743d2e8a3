"""Coverage that people enter lets services go on that waited for one."""

from odoo import api, models

TELLING = {"status", "date_from", "date_to", "payer_id", "patient_id", "active"}


class HealthcareCoverage(models.Model):
    _inherit = "healthcare.coverage"

    @api.model_create_multi
    def create(self, vals_list):
        coverages = super().create(vals_list)
        coverages._release_waiting()
        return coverages

    def write(self, vals):
        result = super().write(vals)
        if TELLING & vals.keys():
            self._release_waiting()
        return result

    def _release_waiting(self):
        if "healthcare_run" in self.env.context:
            return  # workflows announce what they bring, once it is committed
        valid = self.filtered(lambda one: one.active and one.status != "inactive")
        self.env["healthcare.exception"]._cause_gone(
            [
                f"coverage/{identifier.subject}"
                for identifier in valid.patient_id.healthcare_identifier_ids
            ]
        )
