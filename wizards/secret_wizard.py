import uuid

from odoo import api, fields, models


class HealthcareSecretWizard(models.TransientModel):
    """Adds a signing secret to a source: made here and shown once, or given to us."""

    _name = "healthcare.secret.wizard"
    _description = "New Signing Secret"

    source_id = fields.Many2one("healthcare.source", required=True)
    name = fields.Char(string="Purpose", help="Shown in the list of secrets.")
    origin = fields.Selection(
        [
            ("made", "Make one, to be given to the vendor"),
            ("given", "Enter one that the vendor gave us"),
            ("named", "Name one that the server keeps outside the database"),
        ],
        string="Which",
        required=True,
        default="made",
    )
    given = fields.Char(
        string="Vendor's Secret",
        compute="_compute_given",
        inverse="_inverse_given",
        help="It begins with whsec_. It is stored encrypted and not shown again.",
    )
    reference = fields.Char(
        string="Where",
        help="env:HEALTHCARE_SECRET_NAME names a variable of the server, file:NAME a "
        "file in its folder of secrets.",
    )
    given_sealed = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    given_uuid = fields.Char(groups=fields.NO_ACCESS)
    has_others = fields.Boolean(compute="_compute_has_others")
    overlap_days = fields.Integer(
        string="Older Ones Work for (days)",
        default=14,
        required=True,
        help="Time for the vendor to change over. Secrets that end sooner stay so.",
    )
    secret = fields.Char(
        compute="_compute_secret", help="Copy it now: it is not shown again."
    )
    state = fields.Selection(
        [("ask", "Ask"), ("shown", "Shown")], default="ask", required=True
    )

    def _compute_given(self):
        self.given = False

    def _inverse_given(self):
        # Between saving and the button's work it must not lie in the clear.
        for wizard in self.filtered("given"):
            record = wizard.sudo()  # fields that nobody may read
            record.given_uuid = str(uuid.uuid4())
            record.given_sealed = self.env["healthcare.keyring"]._seal(
                wizard.given.strip().encode(), self._name, record.given_uuid, "given"
            )

    @api.depends("source_id")
    def _compute_has_others(self):
        for wizard in self:
            wizard.has_others = wizard.source_id.has_valid_secret

    @api.depends_context("healthcare_fresh_secret")
    def _compute_secret(self):
        # Handed over in memory: a stored field would keep it in the database.
        for wizard in self:
            wizard.secret = self.env.context.get("healthcare_fresh_secret", False)

    def _take_given(self):
        """Return the secret that was entered, and forget it."""
        record = self.sudo()  # fields that nobody may read
        if not record.given_sealed:
            return ""
        text = (
            self.env["healthcare.keyring"]
            ._open(record.given_sealed, self._name, record.given_uuid, "given")
            .decode()
        )
        record.write({"given_sealed": False, "given_uuid": False})
        return text

    def action_add(self):
        """Store the secret; show it if it was made here."""
        self.ensure_one()
        self.source_id.check_access("write")
        # An empty entry is no secret and is refused as such.
        given = None
        if self.origin != "made":
            named = self.origin == "named"
            given = (self.reference if named else self._take_given()) or "-"
        secret = self.env["healthcare.source.secret"]._issue(
            self.source_id,
            name=self.name,
            secret=given,
            overlap_days=max(self.overlap_days, 0),
        )
        if given:
            return {"type": "ir.actions.act_window_close"}
        self.state = "shown"
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Signing Secret"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
            "context": {"healthcare_fresh_secret": secret},
        }
