"""Pausing and resuming: who stopped what, why, since when and until when."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_datetime

from .ordering import PARTITIONS

# Set while the record and its pause are brought in line, so that neither asks for more.
IN_LINE = "healthcare_pause_in_line"

#: Groups of event types that one workflow handles, by the last part of its name.
FLOWS = [
    ("registration", "Registration"),
    ("coverage", "Coverage"),
    ("scheduling", "Appointments"),
    ("authorization", "Authorizations"),
    ("service", "Services"),
    ("claim", "Claims"),
    ("payment", "Payments"),
]
WORKFLOW = "healthcare.workflow."


class HealthcarePause(models.Model):
    """One stop, from the click that made it to the click (or the time) that ended it.

    Takes effect with the next request, batch or delivery, on every node: all of them
    look here or at the ``paused`` field this keeps in line. Nothing is lost meanwhile:
    vendors are told to come back, events and facts wait in the database.
    """

    _name = "healthcare.pause"
    _description = "Pause"
    _order = "resumed_at desc, since desc, id desc"

    scope = fields.Selection(
        [
            ("intake", "Refuse what a source sends"),
            ("source", "Take in from a source, process later"),
            ("type", "Hold one kind of event"),
            ("flow", "Hold a whole flow of work"),
            ("target", "Send nothing to a target"),
        ],
        string="What Stops",
        required=True,
        default="intake",
    )
    source_id = fields.Many2one("healthcare.source", ondelete="cascade")
    type_id = fields.Many2one(
        "healthcare.event.type", string="Kind of Event", ondelete="cascade"
    )
    flow = fields.Selection(
        FLOWS, help="All kinds of events of this flow are held, later ones, too."
    )
    target_id = fields.Many2one("healthcare.target", ondelete="cascade")
    reason = fields.Char(required=True)
    user_id = fields.Many2one(
        "res.users",
        string="By",
        required=True,
        readonly=True,
        default=lambda self: self.env.uid,
    )
    since = fields.Datetime(
        required=True, readonly=True, default=fields.Datetime.now, index=True
    )
    until = fields.Datetime(
        string="Resume At", help="Goes on by itself then. Empty: when somebody says so."
    )
    resumed_at = fields.Datetime(string="Resumed", readonly=True)
    resumed_by_id = fields.Many2one("res.users", string="Resumed By", readonly=True)
    is_open = fields.Boolean(compute="_compute_is_open")
    held_count = fields.Integer(
        string="Held Back",
        compute="_compute_held_count",
        help="Events, or facts for a target, that go on with this.",
    )

    _open_unique = models.UniqueIndex(
        "(scope, COALESCE(source_id, 0), COALESCE(type_id, 0), COALESCE(target_id, 0),"
        " COALESCE(flow, ''))"
        " WHERE resumed_at IS NULL",
        "This is paused already.",
    )

    # -- computed ---------------------------------------------------------------

    @api.depends("resumed_at")
    def _compute_is_open(self):
        for pause in self:
            pause.is_open = not pause.resumed_at

    @api.depends("scope", "source_id", "type_id", "flow", "target_id")
    def _compute_display_name(self):
        flows = dict(self._fields["flow"]._description_selection(self.env))
        for pause in self:
            if pause.scope == "flow":
                name = flows.get(pause.flow)
            else:
                name = pause._record().display_name
            pause.display_name = name or self.env._("Pause")

    @api.depends("scope", "source_id", "type_id", "flow", "target_id", "resumed_at")
    def _compute_held_count(self):
        for pause in self:
            pause.held_count = pause._count_held()

    def _count_held(self):
        if self.resumed_at or not self._record() or self.scope == "intake":
            return 0
        if self.scope == "target":
            return self.target_id.pending_count
        held = self._record().ids
        return self.env["healthcare.event"].search_count(
            [
                ("source_id" if self.scope == "source" else "type_id", "in", held),
                ("state", "in", ("received", "retrying", "waiting")),
            ]
        )

    def _record(self):
        """Return the source, kinds of events or target this is about."""
        self.ensure_one()
        if self.scope == "flow":
            return self._types_of([self.flow])
        return self["source_id" if self.scope == "intake" else f"{self.scope}_id"]

    @api.model
    def _types_of(self, flows):
        """Return the kinds of events of flows, archived ones, too."""
        # Stands in for the system: the catalogue of kinds is no secret.
        types = self.env["healthcare.event.type"].sudo()
        return types.with_context(active_test=False).search(
            [("workflow", "in", [f"{WORKFLOW}{flow}" for flow in flows if flow])]
        )

    def _note(self):
        """Return in one sentence who paused it, since when and why."""
        self.ensure_one()
        note = self.env._(
            "Paused by %(user)s since %(since)s: %(reason)s",
            user=self.user_id.name,
            since=format_datetime(self.env, self.since, dt_format="short"),
            reason=self.reason,
        )
        if self.until:
            note += " · " + self.env._(
                "goes on by itself at %s",
                format_datetime(self.env, self.until, dt_format="short"),
            )
        return note

    # -- made and ended ---------------------------------------------------------

    @api.constrains("scope", "source_id", "type_id", "flow", "target_id")
    def _check_record(self):
        for pause in self:
            if not pause._record():
                raise ValidationError(self.env._("Say what is to be paused."))

    @api.constrains("until", "since")
    def _check_until(self):
        for pause in self:
            if pause.until and pause.until <= pause.since:
                raise ValidationError(
                    self.env._("The time to resume must be in the future.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            # Only what the scope is about, whatever was chosen in the dialog before.
            scope = vals.get("scope", "intake")
            wanted = {"intake": "source_id", "flow": "flow"}.get(scope, f"{scope}_id")
            for name in {"source_id", "type_id", "flow", "target_id"} - {wanted}:
                vals.pop(name, None)
        pauses = super().create(vals_list)
        pauses._set_paused(True)
        for due in {pause.until for pause in pauses if pause.until}:
            # Stands in for the system: jobs are configuration of ours.
            self.env.ref("healthcare_connector.cron_pauses").sudo()._trigger(at=due)
        return pauses

    def _set_paused(self, paused):
        """Bring the ``paused`` field of sources and targets in line."""
        if self.env.context.get(IN_LINE):
            return
        for pause in self:
            record = pause._record()
            record.invalidate_recordset()  # what it tells of its pauses
            if pause.scope not in ("intake", "target") or record.paused == paused:
                continue
            values = {"paused": paused}
            if pause.scope == "intake":
                values["pause_reason"] = pause.reason if paused else False
            record.with_context(**{IN_LINE: True}).write(values)

    def action_resume(self):
        """Let go on what was stopped; wake whoever works on it."""
        self.check_access("write")
        pauses = self.filtered("is_open")
        if not pauses:
            raise UserError(self.env._("This goes on already."))
        pauses.write(
            {"resumed_at": fields.Datetime.now(), "resumed_by_id": self.env.uid}
        )
        pauses._set_paused(False)
        pauses._wake()
        return True

    def _wake(self):
        scopes = set(self.mapped("scope"))
        if scopes & {"source", "type", "flow"}:
            self.env["healthcare.engine"]._wake(range(PARTITIONS))
        if "target" in scopes:
            self.env["healthcare.delivery"]._wake()

    @api.model
    def _cron_resume(self):
        """Let go on what was paused until now."""
        due = self.search(
            [("resumed_at", "=", False), ("until", "<=", fields.Datetime.now())]
        )
        if due:
            due.action_resume()

    # -- what others ask --------------------------------------------------------

    @api.model
    def _open_ones(self, scope, records):
        """Return ``{record: pause}`` of what is paused in this scope now."""
        name = "source_id" if scope == "intake" else f"{scope}_id"
        # Stands in for the system: whoever sees a record sees that it is paused.
        pauses = self.sudo().search(
            [
                ("scope", "=", scope),
                (name, "in", records.ids),
                ("resumed_at", "=", False),
            ]
        )
        return {pause[name]: pause for pause in pauses}

    @api.model
    def _open_flows(self, types):
        """Return ``{kind of event: pause}`` of those whose flow is paused now."""
        # Stands in for the system, as above.
        pauses = self.sudo().search(
            [("scope", "=", "flow"), ("resumed_at", "=", False)]
        )
        by_workflow = {f"{WORKFLOW}{pause.flow}": pause for pause in pauses}
        return {
            kind: by_workflow[kind.workflow]
            for kind in types
            if kind.workflow in by_workflow
        }

    @api.model
    def _holding(self):
        """Return SQL true of the rows of ``healthcare_event`` held by a pause.

        Small lists: asked anew for every batch, so that a pause counts at once.
        """
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """SELECT type_id, source_id, flow FROM healthcare_pause
                WHERE resumed_at IS NULL AND scope IN ('type', 'source', 'flow')"""
            )
        )
        if not rows:
            return SQL("FALSE")
        flows = {flow for *_ids, flow in rows if flow}
        types = {type_id for type_id, *_more in rows if type_id}
        if flows:
            types.update(self._types_of(flows).ids)
        return SQL(
            "(coalesce(type_id, 0) = ANY(%s) OR source_id = ANY(%s))",
            sorted(types),
            [source_id for _type, source_id, _flow in rows if source_id],
        )

    @api.model
    def _strip(self):
        """Return ``[{id, name, note}]`` of all that is paused, for the control room."""
        pauses = self.search([("resumed_at", "=", False)])
        scopes = dict(self._fields["scope"]._description_selection(self.env))
        return [
            {
                "id": pause.id,
                "name": f"{pause.display_name}: {scopes[pause.scope]}",
                "note": pause._note(),
            }
            for pause in pauses
        ]
