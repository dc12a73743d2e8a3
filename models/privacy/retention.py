"""How long what is kept: policies, and the proof of what was erased."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..exchange.slice_job import DONE, RUNNING, STATE
from .legal_hold import ADMINISTRATOR

KINDS = [
    ("event", "Contents of events"),
    ("message", "Messages as received"),
    ("exception", "Notes on closed exceptions"),
    ("log", "Texts of the sync log"),
    ("fact", "Patient data of replaced facts"),
]


# What runs of policies and erasures that patients asked for leave a proof of.
ERASED = [*KINDS, ("patient", "Patient account")]


class HealthcareRetentionPolicy(models.Model):
    """Keeps a payload so many days; then only its skeleton: ids, hash, states."""

    _name = "healthcare.retention.policy"
    _description = "Retention Policy"
    _inherit = ["mail.thread"]
    _order = "kind, type_id"

    kind = fields.Selection(KINDS, string="What", required=True)
    type_id = fields.Many2one(
        "healthcare.event.type",
        string="Event Type",
        ondelete="cascade",
        help="Empty: all types that have no policy of their own.",
    )
    days = fields.Integer(
        string="Keep (days)",
        required=True,
        default=365,
        tracking=True,
        help="Counted from when it was done with: processed, closed, received.",
    )
    enabled = fields.Boolean(
        tracking=True, help="Nothing is erased before this is switched on."
    )
    note = fields.Char(help="E.g. the law or contract this follows from.")
    run_ids = fields.One2many("healthcare.retention.run", "policy_id", readonly=True)
    last_run_at = fields.Datetime(string="Last Run", compute="_compute_last")
    erased_count = fields.Integer(string="Erased So Far", compute="_compute_last")

    _kind_unique = models.UniqueIndex(
        "(kind, coalesce(type_id, 0))", "There is a policy for this already."
    )
    _days_positive = models.Constraint(
        "CHECK (days >= 1)", "At least one day has to be kept."
    )
    _type_of_event = models.Constraint(
        "CHECK (kind = 'event' OR type_id IS NULL)",
        "Only contents of events are told apart by type.",
    )

    @api.depends("kind", "type_id")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for policy in self:
            parts = [kinds.get(policy.kind), policy.type_id.name]
            policy.display_name = ": ".join(filter(None, parts))

    @api.depends("run_ids")
    def _compute_last(self):
        found = {
            policy: (ended, erased)
            for policy, ended, erased in self.env[
                "healthcare.retention.run"
            ]._read_group(
                [("policy_id", "in", self.ids)],
                ["policy_id"],
                ["started_at:max", "erased_count:sum"],
            )
        }
        for policy in self:
            policy.last_run_at, policy.erased_count = found.get(policy, (False, 0))

    def _cutoff(self):
        return fields.Datetime.now() - timedelta(days=self.days)

    # -- running ----------------------------------------------------------------

    @api.model
    def _cron_start(self):
        """Begin the daily run of each policy that is switched on."""
        self.search([("enabled", "=", True)])._start()

    def action_run(self):
        """Begin a run now."""
        self._check_administrator()
        if any(not policy.enabled for policy in self):
            raise UserError(self.env._("Switch the policy on first."))
        self._start()

    def action_preview(self):
        """Say how many records a run would erase now, and how many holds keep."""
        self.ensure_one()
        self._check_administrator()
        # Stands in for the administrator: only numbers come out of it.
        run = self.env["healthcare.retention.run"].sudo().new(self._values_of_run())
        erased, held = run._count_due()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.display_name,
                "message": self.env._(
                    "%(erased)s records would be erased now; holds keep %(held)s.",
                    erased=erased,
                    held=held,
                ),
                "type": "info",
            },
        }

    def _values_of_run(self):
        return {
            "policy_id": self.id,
            "kind": self.kind,
            "type_id": self.type_id.id,
            "cutoff": self._cutoff(),
            "user_id": self.env.uid,
        }

    def _start(self):
        # Stands in for whoever may start it: proofs are not written by hand.
        runs = self.env["healthcare.retention.run"].sudo()
        busy = runs.search(
            [("policy_id", "in", self.ids), ("state", "=", "running")]
        ).policy_id
        runs.create([policy._values_of_run() for policy in self.sudo() - busy])
        runs._wake()

    def _check_administrator(self):
        if not self.env.su and not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(self.env._("Only administrators start this."))


class HealthcareRetentionRun(models.Model):
    """One run: how much was erased, and a hash over what; the proof that stays."""

    _name = "healthcare.retention.run"
    _description = "Erasure"
    _inherit = ["healthcare.slice.job"]
    _order = "id desc"
    _log_access = False
    _job_cron = "cron_retention"
    _jobs_at_once = 1

    policy_id = fields.Many2one(
        "healthcare.retention.policy", readonly=True, index=True, ondelete="set null"
    )
    kind = fields.Selection(ERASED, string="What", required=True, readonly=True)
    type_id = fields.Many2one("healthcare.event.type", readonly=True)
    cutoff = fields.Datetime(string="Older Than", required=True, readonly=True)
    user_id = fields.Many2one("res.users", string="By", readonly=True)
    state = fields.Selection([RUNNING, DONE], default="running", **STATE)
    started_at = fields.Datetime(required=True, default=fields.Datetime.now)
    cursor = fields.Integer(readonly=True, aggregator=None)
    erased_count = fields.Integer(string="Erased", readonly=True, aggregator="sum")
    held_count = fields.Integer(string="Kept by Holds", readonly=True, aggregator="sum")
    ids_hash = fields.Char(
        string="Hash of IDs",
        readonly=True,
        help="SHA-256 over the ids in order: shows later whether a list of ids is "
        "the one that was erased.",
    )

    _running_index = models.Index("(id) WHERE state = 'running'")

    @api.depends("kind", "started_at")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for run in self:
            run.display_name = f"{kinds.get(run.kind, '')} #{run.id}"
