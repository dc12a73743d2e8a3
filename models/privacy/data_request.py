"""What a patient may ask for: a copy of the data, or that they are erased."""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .legal_hold import ADMINISTRATOR

PHI = "healthcare_connector.group_phi_reader"


class HealthcareDataRequest(models.Model):
    """Who asked, what became of it. What is handed over is made and not stored."""

    _name = "healthcare.data.request"
    _description = "Data Request"
    _inherit = ["mail.thread"]
    _order = "id desc"

    partner_id = fields.Many2one(
        "res.partner",
        string="Patient",
        required=True,
        domain=[("healthcare_is_patient", "=", True)],
        ondelete="restrict",
    )
    patient_reference = fields.Char(
        related="partner_id.healthcare_reference", string="Patient Reference"
    )
    kind = fields.Selection(
        [("export", "A copy of the data"), ("erase", "Erasure")],
        string="Asked For",
        required=True,
        default="export",
    )
    reason = fields.Char(
        string="How It Was Asked",
        required=True,
        help="E.g. Letter of March 3, identity checked by passport.",
    )
    state = fields.Selection(
        [
            ("draft", "Being Prepared"),
            ("waiting", "To Be Approved"),
            ("running", "Being Erased"),
            ("done", "Done"),
            ("refused", "Refused"),
        ],
        required=True,
        readonly=True,
        default="draft",
        tracking=True,
    )
    user_id = fields.Many2one(
        "res.users",
        string="Prepared By",
        required=True,
        readonly=True,
        default=lambda self: self.env.uid,
    )
    approver_id = fields.Many2one(
        "res.users", string="Decided By", readonly=True, tracking=True
    )
    done_at = fields.Datetime(readonly=True)
    refusal = fields.Char(string="Why Refused", help="Told to the patient.")
    line_ids = fields.One2many(
        "healthcare.data.request.line", "request_id", string="What Goes and What Stays"
    )
    run_ids = fields.One2many(
        "healthcare.retention.run", "request_id", string="Erased", readonly=True
    )
    total_count = fields.Integer(string="To Erase", readonly=True)
    erased_count = fields.Integer(string="Erased So Far", compute="_compute_progress")
    progress = fields.Float(compute="_compute_progress", aggregator=None)
    may_decide = fields.Boolean(compute="_compute_may_decide")

    @api.depends("kind", "patient_reference")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for request in self:
            parts = [kinds.get(request.kind), request.patient_reference]
            request.display_name = ": ".join(filter(None, parts))

    @api.depends_context("uid")
    @api.depends("user_id", "state")
    def _compute_may_decide(self):
        administrator = self.env.user.has_group(ADMINISTRATOR)
        for request in self:
            request.may_decide = (
                administrator
                and request.state == "waiting"
                and request.user_id != self.env.user
            )

    @api.depends("total_count", "state", "run_ids.erased_count")
    def _compute_progress(self):
        for request in self:
            contents = request.run_ids.filtered(lambda run: run.kind != "patient")
            request.erased_count = sum(contents.mapped("erased_count"))
            total = request.total_count
            share = min(request.erased_count / total, 1.0) if total else 0.0
            request.progress = 100.0 if request.state == "done" else 100.0 * share

    @api.model_create_multi
    def create(self, vals_list):
        """Put who prepares it on record, whatever is said."""
        if not self.env.su:
            for vals in vals_list:
                vals["user_id"] = self.env.uid
                vals.pop("state", None)
        return super().create(vals_list)

    def write(self, vals):
        """Let only what is prepared be changed, and nobody write what came of it."""
        if not self.env.su:
            free = {"refusal"}
            if all(request.state == "draft" for request in self):
                free |= {"partner_id", "kind", "reason"}
            if vals.keys() - free:
                raise UserError(
                    self.env._("What was asked and decided stays on record.")
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_only_drafts(self):
        if any(request.state != "draft" for request in self):
            raise UserError(self.env._("What was asked stays on record."))

    # -- what people do ---------------------------------------------------------

    def action_download(self):
        """Hand over a copy of everything held about the patient."""
        self.ensure_one()
        self._check_reader()
        return {
            "type": "ir.actions.act_url",
            "url": f"/healthcare/privacy/request/{self.id}",
            "target": "download",
        }

    def action_preview(self):
        """Say what erasure would take away, what stays and why."""
        self.ensure_one()
        self._check_reader()
        self._check_kind("erase")
        if self.state != "draft":
            raise UserError(self.env._("This was decided on what it said then."))
        self._preview()
        return True

    def action_submit(self):
        """Ask another person to approve the erasure."""
        self.ensure_one()
        self._check_reader()
        self._check_kind("erase")
        if self.state != "draft":
            raise UserError(self.env._("This was handed in already."))
        self._preview()
        self.sudo().state = "waiting"  # stands in for the reader, checked above

    def action_approve(self):
        """Begin to erase: somebody else than who prepared it."""
        self.ensure_one()
        self._check_decider()
        self._check_kind("erase")
        # Stands in for the administrator, who was checked just now: events and
        # patients are changed by the system alone.
        request = self.sudo()
        request._preview()
        request.write({"state": "running", "approver_id": self.env.uid})
        request._begin()

    def action_refuse(self):
        self.ensure_one()
        self._check_decider()
        if not (self.refusal or "").strip():
            raise UserError(self.env._("Say why it is refused."))
        # Stands in for the administrator, who was checked just now.
        self.sudo().write(
            {
                "state": "refused",
                "approver_id": self.env.uid,
                "done_at": fields.Datetime.now(),
            }
        )

    def _check_reader(self):
        self.check_access("read")
        if not self.env.user.has_group(PHI):
            raise AccessError(self.env._("Only PHI readers work on data requests."))
        if self.env.user._healthcare_limit().facilities:
            raise AccessError(
                self.env._(
                    "It concerns all facilities: somebody must do it who may see them "
                    "all."
                )
            )

    def _check_decider(self):
        self.check_access("read")
        if not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(self.env._("Only administrators decide on erasures."))
        if self.state != "waiting":
            raise UserError(self.env._("There is nothing to decide."))
        if self.user_id == self.env.user:
            raise UserError(
                self.env._("Somebody else must decide: you prepared it yourself.")
            )

    def _check_kind(self, kind):
        if self.kind != kind:
            raise UserError(self.env._("This is not what was asked for."))

    def _patients(self):
        """Return the patient with the accounts merged into it."""
        partner = self.partner_id.sudo().with_context(active_test=False)
        return partner | partner.search(
            [("healthcare_merged_into_id", "=", partner.id)]
        )


class HealthcareDataRequestLine(models.Model):
    """One kind of data: what of it goes, what stays and why."""

    _name = "healthcare.data.request.line"
    _description = "What Goes and What Stays"
    _order = "request_id, id"
    _log_access = False

    request_id = fields.Many2one(
        "healthcare.data.request", required=True, index=True, ondelete="cascade"
    )
    part = fields.Char(readonly=True)
    name = fields.Char(string="What", required=True, readonly=True)
    goes = fields.Integer(readonly=True)
    stays = fields.Integer(readonly=True)
    reason = fields.Char(string="Why It Stays", readonly=True)


class HealthcareRetentionRun(models.Model):
    _inherit = "healthcare.retention.run"

    request_id = fields.Many2one(
        "healthcare.data.request", string="Patient's Request", readonly=True, index=True
    )


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_healthcare_data_request(self):
        """Begin a request of this patient."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Data Request"),
            "res_model": "healthcare.data.request",
            "views": [(False, "form")],
            "context": {"default_partner_id": self.id},
        }
