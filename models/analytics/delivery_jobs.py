"""How many jobs deliver side by side, on one node or on several."""

from odoo import api, fields, models, tools

PARAMETER = "healthcare_connector.delivery_jobs"
MOST = 16


class IrCron(models.Model):
    _inherit = "ir.cron"

    healthcare_delivery_job = fields.Integer(
        help="Number of the delivery job this is, counted from two; the first has its "
        "own name.",
    )


class HealthcareDelivery(models.Model):
    _inherit = "healthcare.delivery"

    @api.model
    def _job_count(self):
        # Reading one parameter of ours on behalf of any caller.
        value = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        return min(max(int(value), 1), MOST) if value and value.isdigit() else 1

    @api.model
    def _sync_jobs(self):
        """Have exactly as many active jobs as are asked for."""
        count = self._job_count()
        # Stands in for the system: jobs are configuration of ours.
        crons = self.env["ir.cron"].sudo().with_context(active_test=False)
        found = crons.search([("healthcare_delivery_job", ">", 1)])
        existing = {cron.healthcare_delivery_job: cron for cron in found}
        first = self.env.ref("healthcare_connector.cron_deliver").sudo()
        for number in range(2, count + 1):
            cron = existing.get(number) or first.copy(
                {
                    "name": f"Healthcare: deliver facts ({number})",
                    "healthcare_delivery_job": number,
                }
            )
            if not cron.active:
                cron.active = True
        for number, cron in existing.items():
            if number > count and cron.active:
                cron.active = False
        self.env.registry.clear_cache()

    @api.model
    def _jobs(self):
        # Stands in for the system: facts are written by whoever makes a document.
        return self.env["ir.cron"].sudo().browse(self._job_ids())

    @api.model
    @tools.ormcache()
    def _job_ids(self):
        first = self.env.ref("healthcare_connector.cron_deliver").sudo()  # as above
        others = first.search([("healthcare_delivery_job", ">", 1)])
        return (first.id, *others.ids)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    healthcare_delivery_jobs = fields.Integer(
        string="Delivery Jobs", default=1, config_parameter=PARAMETER
    )

    def set_values(self):
        result = super().set_values()
        self.env["healthcare.delivery"]._sync_jobs()
        return result
