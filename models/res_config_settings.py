from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    healthcare_environment = fields.Selection(
        [("production", "Production"), ("sandbox", "Sandbox")],
        string="Environment",
        default="production",
        config_parameter="healthcare_connector.environment",
    )
    healthcare_shards = fields.Integer(
        string="Processing Shards",
        default=2,
        config_parameter="healthcare_connector.shards",
    )
    healthcare_intake_paused = fields.Boolean(
        string="Pause Intake",
        config_parameter="healthcare_connector.intake_paused",
    )
    healthcare_backlog_limit = fields.Integer(
        string="Events That May Wait",
        config_parameter="healthcare_connector.backlog_limit",
    )
    healthcare_key_reminder_days = fields.Integer(
        string="Days Before a Key Ends",
        default=14,
        config_parameter="healthcare_connector.key_reminder_days",
    )
    healthcare_duplicate_threshold = fields.Integer(
        string="Duplicate Threshold (%)",
        default=85,
        config_parameter="healthcare_connector.duplicate_threshold",
    )
    healthcare_executor = fields.Selection(
        [
            ("cron", "Scheduled jobs of Odoo"),
            ("queue_job", "Jobs of OCA queue_job"),
        ],
        string="Who Processes Events",
        default="cron",
        config_parameter="healthcare_connector.executor",
    )
    healthcare_queue_installed = fields.Boolean(
        compute="_compute_healthcare_queue_installed"
    )
    healthcare_waive_limit = fields.Monetary(
        related="company_id.healthcare_waive_limit",
        readonly=False,
        currency_field="healthcare_currency_id",
        groups="healthcare_connector.group_administrator",
    )
    healthcare_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Currency of the Limit"
    )
    healthcare_merge_second_person = fields.Selection(
        [
            ("production", "Needs a second person in production only"),
            ("always", "Always needs a second person"),
            ("never", "One person may do it alone"),
        ],
        string="Merging Patients",
        default="production",
        config_parameter="healthcare_connector.merge_second_person",
    )
    healthcare_keyring_status = fields.Char(
        string="Keyring", compute="_compute_healthcare_keyring_status"
    )

    @api.depends("healthcare_environment")
    def _compute_healthcare_keyring_status(self):
        problem = self.env["healthcare.keyring"]._status()
        for settings in self:
            settings.healthcare_keyring_status = problem or self.env._("Ready")

    @api.depends("healthcare_environment")
    def _compute_healthcare_queue_installed(self):
        self.healthcare_queue_installed = "queue.job" in self.env.registry

    def set_values(self):
        result = super().set_values()
        self.env["healthcare.engine"]._sync_shards()
        return result
