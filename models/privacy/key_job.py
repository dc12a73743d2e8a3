"""Jobs over everything that is sealed: re-encrypt it, or look whether it opens."""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...core.errors import KeyringError
from ...core.protection import sealed_columns
from ..exchange.slice_job import CANCELLED, DONE, PAUSED, RUNNING, STATE

ADMINISTRATOR = "healthcare_connector.group_administrator"
KEY_STATES = [
    ("active", "Active"),
    ("standby", "Standby"),
    ("retired", "Retired"),
    ("missing", "Missing"),
]


class HealthcareKeyJob(models.Model):
    """Works through all sealed columns slice by slice; can be stopped at any moment.

    How far it is gets committed together with what was re-encrypted. Nothing waits for
    it: rows that others work on are left for the next pass.
    """

    _name = "healthcare.key.job"
    _description = "Key Job"
    _inherit = ["healthcare.slice.job.steered"]
    _order = "id desc"
    _job_cron = "cron_key_job"

    kind = fields.Selection(
        [
            ("rotate", "Re-encrypt under the active key"),
            ("check", "Check that everything opens"),
        ],
        string="What",
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [RUNNING, PAUSED, DONE, CANCELLED], default="running", **STATE
    )
    user_id = fields.Many2one(
        "res.users",
        string="By",
        required=True,
        readonly=True,
        default=lambda self: self.env.uid,
    )
    key_id = fields.Char(string="Active Key", readonly=True)
    started_at = fields.Datetime(default=fields.Datetime.now)
    message = fields.Char(readonly=True)
    line_ids = fields.One2many("healthcare.key.job.line", "job_id", readonly=True)
    count_ids = fields.One2many("healthcare.key.count", "job_id", readonly=True)
    problem_ids = fields.One2many("healthcare.key.problem", "job_id", readonly=True)
    total_count = fields.Integer(
        string="Records", compute="_compute_counts", compute_sudo=True
    )
    seen_count = fields.Integer(
        string="Looked At", compute="_compute_counts", compute_sudo=True
    )
    changed_count = fields.Integer(
        string="Re-encrypted", compute="_compute_counts", compute_sudo=True
    )
    problem_count = fields.Integer(
        string="Cannot Be Opened", compute="_compute_counts", compute_sudo=True
    )
    progress = fields.Float(compute="_compute_counts", compute_sudo=True)

    # One at a time: two would only stand in each other's way.
    _running_unique = models.UniqueIndex(
        "((1)) WHERE state IN ('running', 'paused')",
        "Another key job is under way; finish or cancel it first.",
    )

    @api.depends("kind", "started_at")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for job in self:
            job.display_name = kinds.get(job.kind, "")

    @api.depends("line_ids.total", "line_ids.seen", "line_ids.changed", "state")
    def _compute_counts(self):
        problems = dict(
            self.env["healthcare.key.problem"]._read_group(
                [("job_id", "in", self.ids)], ["job_id"], ["__count"]
            )
        )
        for job in self:
            job.total_count = sum(job.line_ids.mapped("total"))
            job.seen_count = sum(job.line_ids.mapped("seen"))
            job.changed_count = sum(job.line_ids.mapped("changed"))
            job.problem_count = problems.get(job, 0)
            share = job.seen_count / job.total_count if job.total_count else 1.0
            job.progress = 100.0 if job.state == "done" else min(share, 1.0) * 100.0

    # -- what people do ---------------------------------------------------------

    @api.model
    def _begin(self, kind):
        """Make a job and wake it.

        :param kind: ``rotate`` or ``check``
        :raise AccessError: for who is no administrator
        :raise UserError: where there is no usable keyring, or a job already
        """
        self._check_administrator()
        try:
            key_id = self.env["healthcare.keyring"]._get().active
        except KeyringError as error:
            raise UserError(
                self.env._("The keyring cannot be used: %s", error.detail)
            ) from error
        # Stands in for the administrator: nobody writes by hand how far it is.
        jobs = self.sudo()
        if jobs.search_count([("state", "in", ("running", "paused"))]):
            raise UserError(
                self.env._("Another key job is under way; finish or cancel it first.")
            )
        job = jobs.create(
            {
                "kind": kind,
                "user_id": self.env.uid,
                "key_id": key_id,
                "line_ids": [
                    fields.Command.create({"name": name, "sequence": number})
                    for number, name in enumerate(sealed_columns.BY_NAME)
                ],
            }
        )
        job._wake()
        return job.with_env(self.env)

    def _move(self, states, state):
        """Change the state; what stood in the way before is forgotten."""
        result = super()._move(states, state)
        self.sudo().write({"message": False})  # checked just now
        return result

    def _check_may_work(self):
        self._check_administrator()

    @api.model
    def _check_administrator(self):
        if not self.env.su and not self.env.user.has_group(ADMINISTRATOR):
            raise AccessError(self.env._("Only administrators look after keys."))

    # -- counting ---------------------------------------------------------------

    @api.model
    def _count_by_key(self):
        """Return ``[(name of column, key id or None, state, number)]``."""
        try:
            states = self.env["healthcare.keyring"]._get().states
        except KeyringError:
            states = {}
        self.env.flush_all()
        found = []
        for name, column in sealed_columns.BY_NAME.items():
            # pylint: disable=sql-injection
            # Names of tables and columns from our own list.
            self.env.cr.execute(sealed_columns.count_query(column))
            found += [
                (name, key_id, states.get(key_id, "missing"), count)
                for key_id, count in self.env.cr.fetchall()
            ]
        return found


class HealthcareKeyJobLine(models.Model):
    """How far a job is in one column."""

    _name = "healthcare.key.job.line"
    _description = "Key Job: Column"
    _order = "job_id, sequence"
    _log_access = False

    job_id = fields.Many2one(
        "healthcare.key.job", required=True, index=True, ondelete="cascade"
    )
    sequence = fields.Integer()
    name = fields.Char(required=True, help="Table and column.")
    label = fields.Char(string="What", compute="_compute_label")
    cursor = fields.Integer(help="Everything up to this id was looked at.")
    passes = fields.Integer(help="How often it was gone through.")
    left = fields.Integer(help="Rows that others worked on in this pass.")
    total = fields.Integer(string="Records")
    seen = fields.Integer(string="Looked At")
    changed = fields.Integer(string="Re-encrypted")
    state = fields.Selection(
        [("waiting", "Waiting"), ("running", "Running"), ("done", "Done")],
        required=True,
        default="waiting",
    )

    @api.depends("name")
    def _compute_label(self):
        for line in self:
            line.label = _label(line.name)


class HealthcareKeyCount(models.Model):
    """How many records each key sealed when a job had ended."""

    _name = "healthcare.key.count"
    _description = "Records by Key"
    _order = "job_id, name, key_id"
    _log_access = False

    job_id = fields.Many2one(
        "healthcare.key.job", required=True, index=True, ondelete="cascade"
    )
    name = fields.Char(required=True)
    label = fields.Char(string="What", compute="_compute_label")
    key_id = fields.Char(string="Key")
    key_state = fields.Selection(KEY_STATES, string="State of Key")
    count = fields.Integer(string="Records")

    @api.depends("name")
    def _compute_label(self):
        for line in self:
            line.label = _label(line.name)


class HealthcareKeyProblem(models.Model):
    """A record that cannot be opened: which, and with which key it was sealed."""

    _name = "healthcare.key.problem"
    _description = "Record That Cannot Be Opened"
    _order = "job_id desc, name, res_id"
    _log_access = False

    job_id = fields.Many2one(
        "healthcare.key.job", required=True, index=True, ondelete="cascade"
    )
    name = fields.Char(required=True)
    label = fields.Char(string="What", compute="_compute_label")
    res_id = fields.Integer(string="Record ID", aggregator=None)
    key_id = fields.Char(string="Key")
    code = fields.Selection(
        [
            ("unknown_key", "Its key is not in the keyring"),
            ("tampered", "Wrong key, changed, or moved from another record"),
        ],
        string="Why",
        required=True,
    )

    _record_unique = models.UniqueIndex("(job_id, name, res_id)")

    @api.depends("name", "res_id")
    def _compute_display_name(self):
        for problem in self:
            label = _label(problem.name)
            problem.display_name = f"{label} #{problem.res_id}"

    @api.depends("name")
    def _compute_label(self):
        for problem in self:
            problem.label = _label(problem.name)

    def action_open(self):
        """Open the record, where there is a screen for it."""
        self.ensure_one()
        column = sealed_columns.BY_NAME.get(self.name)
        model = column and column.table.replace("_", ".")
        record = self.env[model].browse(self.res_id) if column else None
        if record is None or not record.exists():
            raise UserError(self.env._("This record was deleted meanwhile."))
        # Some have no screen of their own, but belong to something that has.
        owner = {
            "healthcare.event.correction": "event_id",
            "healthcare.source.secret": "source_id",
        }.get(record._name)
        record = record[owner] if owner else record
        record.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
        }


def _label(name):
    column = sealed_columns.BY_NAME.get(name)
    return column.label if column else name
