"""What leaves for a sample record, beside what is held back and why."""

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..core import facts
from ..models.analytics.fact import fact_types
from ..models.analytics.policy import CLASSES

SEALED = "••••"
READER = "healthcare_connector.group_phi_reader"


class HealthcarePolicyPreview(models.TransientModel):
    """Renders one fact by the code that deliveries use, and sets it beside the fact.

    Who may not read patient data sees that there is a value, not which.
    """

    _name = "healthcare.policy.preview"
    _description = "Preview of What Leaves"

    target_id = fields.Many2one("healthcare.target")
    policy_id = fields.Many2one("healthcare.policy")
    fact_type = fields.Selection(fact_types, string="Kind", default="registration")
    patient_id = fields.Many2one(
        "res.partner",
        domain="[('healthcare_is_patient', '=', True)]",
        help="The newest fact of this patient; empty: the newest of all.",
    )
    fact_id = fields.Many2one(
        "healthcare.fact", compute="_compute_fact", store=True, readonly=False
    )
    sees_patients = fields.Boolean(compute="_compute_lines")
    line_ids = fields.One2many(
        "healthcare.policy.preview.line", "preview_id", compute="_compute_lines"
    )
    held_back = fields.Integer(compute="_compute_lines")

    @api.depends("fact_type", "patient_id")
    def _compute_fact(self):
        for preview in self:
            domain = [("operation", "=", "upsert")]
            if preview.fact_type:
                domain.append(("fact_type", "=", preview.fact_type))
            if preview.patient_id:
                domain.append(("partner_id", "=", preview.patient_id.id))
            preview.fact_id = self.env["healthcare.fact"].search(
                domain, limit=1, order="id desc"
            )

    @api.depends("fact_id", "target_id", "policy_id")
    @api.depends_context("uid")
    def _compute_lines(self):
        reader = self.env.user.has_group(READER)
        for preview in self:
            preview.sees_patients = reader
            rows = preview._rows(reader) if preview.fact_id else []
            preview.line_ids = [Command.clear(), *map(Command.create, rows)]
            preview.held_back = len([row for row in rows if row["kind"] == "held"])

    def _leaving(self, target, fact):
        """Return the document that leaves for a fact."""
        document = target._render(fact)
        if not document:
            raise UserError(
                self.env._("This target gets events, and the fact raises none of them.")
            )
        return document[0].get("data", document[0])

    def _rows(self, reader):
        """Return a row for each column: as it is here, as it leaves, and why."""
        self.ensure_one()
        fact = self.fact_id._origin or self.fact_id
        target = self.target_id._origin or self.target_id
        if not target:
            target = target.new({"policy": self.policy_id.base or "safe_harbor"})
        leaving = self._leaving(target, fact)
        rules = self.env["healthcare.policy"]._in_force(target.policy)
        sealed = fact._phi_values()[fact]
        here = {**target._as_it_is(fact), **(fact.columns or {}), **sealed}
        columns = {**facts.ENVELOPE, **facts.CATALOGUE[fact.fact_type]}
        if reader and any(value is not None for value in sealed.values()):
            self.env["healthcare.payload.access"]._record_fact(
                fact, self.env._("Preview of what leaves")
            )
        rows = []
        for name, value in leaving.items():
            column = columns[name]
            phi_class = column.phi
            mine, theirs = here.get(name), value
            if mine == theirs:
                kind = "same" if theirs is not None else "empty"
            else:
                kind = "held" if theirs is None else "changed"
            if name in sealed and not reader and mine is not None:
                mine = SEALED
                theirs = SEALED if kind == "same" else theirs
            rows.append(
                {
                    "name": name,
                    "phi_class": phi_class,
                    "here": _shown(mine),
                    "leaving": _shown(theirs),
                    "kind": kind,
                    "why": self._why(kind, phi_class, rules, leaving, name, fact),
                }
            )
        return rows

    def _why(self, kind, phi_class, rules, leaving, name, fact):
        """Say why a column leaves as it does."""
        if kind == "empty":
            return self.env._("There is nothing.")
        if leaving.get("suppressed") and kind == "held":
            return self.env._(
                "Of fewer than %s patients: it could tell of one.", rules.smallest
            )
        if kind == "same":
            return ""
        if name in ("key", "lineage_document") and fact.partner_id:
            return self.env._("A number in Odoo would tell which patient it is.")
        words = dict(
            self.env["healthcare.policy.rule"]
            ._fields["treatment"]
            ._description_selection(self.env)
        )
        return words.get(rules.treatments[phi_class], "") if kind else ""


class HealthcarePolicyPreviewLine(models.TransientModel):
    _name = "healthcare.policy.preview.line"
    _description = "Column of a Preview"
    _order = "id"

    preview_id = fields.Many2one("healthcare.policy.preview", ondelete="cascade")
    name = fields.Char(string="Column")
    phi_class = fields.Selection(CLASSES, string="Class")
    here = fields.Char(string="In Odoo")
    leaving = fields.Char(string="Leaves As")
    kind = fields.Selection(
        [
            ("same", "As It Is"),
            ("changed", "Changed"),
            ("held", "Held Back"),
            ("empty", "Empty"),
        ],
        string="Result",
    )
    why = fields.Char()


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    def _as_it_is(self, fact):
        """Return the columns that every fact has, without any policy."""
        return {
            "fact_id": fact.fact_id,
            "fact_type": fact.fact_type,
            "schema_version": fact.schema_version,
            "operation": fact.operation,
            "key": fact.key,
            "sequence": fact.sequence,
            "occurred_at": fact.occurred_at.isoformat() + "Z",
            "recorded_at": fact.recorded_at.isoformat() + "Z",
            "company": fact.company_id.name or None,
            "facility": fact.facility_id.code or None,
            "service_line": fact.service_line_id.code or None,
            "patient_key": fact.patient_reference or None,
            "lineage_event": fact.event_id.uuid or None,
            "lineage_correlation": fact.event_id.uuid and fact.correlation_id or None,
            "lineage_document": f"{fact.res_model},{fact.res_id}",
        }

    def action_preview(self):
        """Open what leaves for the newest fact."""
        self.ensure_one()
        return _action(self.env, {"default_target_id": self.id})


class HealthcarePolicy(models.Model):
    _inherit = "healthcare.policy"

    def action_preview(self):
        """Open what leaves under this policy for the newest fact."""
        self.ensure_one()
        return _action(self.env, {"default_policy_id": self.id})


def _action(env, context):
    return {
        "type": "ir.actions.act_window",
        "name": env._("What Leaves"),
        "res_model": "healthcare.policy.preview",
        "views": [(False, "form")],
        "target": "new",
        "context": context,
    }


def _shown(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
