"""The rows of a mapping, as people edit them; :mod:`...core.mapping` applies them."""

import json

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...core import strict_json
from ...core.errors import InputError
from ...core.mapping import transforms as mapping_transforms

STEP = 10


class HealthcareMappingEvent(models.Model):
    """One event a mapping makes of a message, or of each part of it."""

    _name = "healthcare.mapping.event"
    _description = "Event of a Mapping"
    _order = "mapping_id, sequence, id"
    _rec_name = "event_type_id"

    mapping_id = fields.Many2one(
        "healthcare.mapping", required=True, index=True, ondelete="cascade"
    )
    sequence = fields.Integer(default=STEP)
    event_type_id = fields.Many2one(
        "healthcare.event.type", string="Event", required=True, ondelete="restrict"
    )
    when = fields.Char(string="Only When", help="JMESPath; empty: always.")
    each = fields.Char(
        string="One for Each", help="JMESPath of a list; its item is named group."
    )
    key = fields.Text(
        string="Told Apart By",
        help="JMESPath expressions, one a line: what makes two events of one message "
        "different.",
    )
    title = fields.Char()
    note = fields.Char()
    row_ids = fields.One2many("healthcare.mapping.row", "event_id", string="All Rows")
    top_row_ids = fields.One2many(
        "healthcare.mapping.row",
        "event_id",
        domain=[("parent_id", "=", False)],
        string="Rows",
    )

    @api.model_create_multi
    def create(self, vals_list):
        events = super().create(vals_list)
        events.mapping_id._check_draft()
        return events

    def write(self, vals):
        self.mapping_id._check_draft()
        result = super().write(vals)
        self.mapping_id._check_document()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self.mapping_id._check_draft()

    def _document(self):
        self.ensure_one()
        document = {"event": self.event_type_id.code}
        for name in ("title", "when", "each"):
            if self[name]:
                document[name] = self[name]
        if self.note:
            document["comment"] = self.note
        if self.key:
            document["key"] = _lines(self.key)
        children = self.row_ids.grouped("parent_id")
        rows = []
        for row in children.get(self.env["healthcare.mapping.row"], ()):
            part = row._document(children)
            if row.role == "field":
                rows.append(part)
            else:
                document[row.role] = part
        return {**document, "rows": rows}

    @api.model
    def _from_documents(self, mapping, documents):
        """Make the events and rows of a mapping in bulk."""
        types = {
            one.code: one.id
            for one in self.env["healthcare.event.type"]
            .with_context(active_test=False)
            .search([])
        }
        unknown = {one["event"] for one in documents} - types.keys()
        if unknown:
            raise ValidationError(
                self.env._("There is no event %s.", ", ".join(sorted(unknown)))
            )
        events = self.create(
            [
                {
                    "mapping_id": mapping.id,
                    "sequence": STEP * number,
                    "event_type_id": types[one["event"]],
                    "when": one.get("when"),
                    "each": one.get("each"),
                    "key": "\n".join(one.get("key", ())),
                    "title": one.get("title"),
                    "note": one.get("comment"),
                }
                for number, one in enumerate(documents, start=1)
            ]
        )
        level = []
        counter = 0
        for event, one in zip(events, documents, strict=True):
            for role in ("choose", "time"):
                if role in one:
                    level.append((event, False, role, one[role]))
            level += [(event, False, "field", row) for row in one["rows"]]
        rows = self.env["healthcare.mapping.row"]
        # Level by level, so that parents are there before what is below them.
        while level:
            values = []
            for event, parent, role, row in level:
                counter += 1
                values.append(rows._values(event, parent, role, row, counter * STEP))
            created = rows.with_context(healthcare_unchecked=True).create(values)
            level = [
                (event, new, "field", child)
                for new, (event, _parent, _role, row) in zip(
                    created, level, strict=True
                )
                for child in row.get("rows", ())
            ]
        mapping.invalidate_recordset(["event_ids", "row_ids"])
        mapping._compile()


class HealthcareMappingRow(models.Model):
    """One field of an event: where it comes from and what is done to it."""

    _name = "healthcare.mapping.row"
    _description = "Row of a Mapping"
    _order = "mapping_id, event_id, sequence, id"
    _rec_name = "path"

    event_id = fields.Many2one(
        "healthcare.mapping.event", required=True, index=True, ondelete="cascade"
    )
    mapping_id = fields.Many2one(
        related="event_id.mapping_id", store=True, index=True, precompute=True
    )
    event_name = fields.Char(related="event_id.event_type_id.code")
    parent_id = fields.Many2one(
        "healthcare.mapping.row", index=True, ondelete="cascade", string="Part Of"
    )
    child_ids = fields.One2many("healthcare.mapping.row", "parent_id", string="Parts")
    sequence = fields.Integer(default=1000 * STEP)
    role = fields.Selection(
        [("field", "Field"), ("time", "Time of the Event"), ("choose", "Which Event")],
        required=True,
        default="field",
    )
    field = fields.Char(
        string="Canonical Field", help="E.g. patient.birth_date; within data."
    )
    path = fields.Char(compute="_compute_path", recursive=True, string="Field")
    mode = fields.Selection(
        [("from", "Expression"), ("value", "Constant"), ("each", "List of Parts")],
        required=True,
        default="from",
    )
    expression = fields.Char(
        help="JMESPath into the message. HL7 v2: PID.f3[0].c1 is PID-3.1."
    )
    value = fields.Char(string="Constant", help="A text, or JSON.")
    default = fields.Char(
        string="Otherwise", help="Stands in where there is nothing. A text, or JSON."
    )
    required = fields.Selection(
        [("no", "No"), ("yes", "Yes"), ("item", "Else Leave Item Out")],
        required=True,
        default="no",
    )
    single = fields.Boolean(string="First Item Only")
    transforms = fields.Text(
        help="One a line, in their order: name or name:argument, e.g. hl7_date or "
        "truncate:64."
    )
    add_transform = fields.Selection(
        lambda self: [(name, name) for name in mapping_transforms.NAMES],
        store=False,
    )
    note = fields.Char()

    @api.depends("field", "role", "parent_id.path")
    def _compute_path(self):
        roles = dict(self._fields["role"]._description_selection(self.env))
        for row in self:
            own = row.field if row.role == "field" else roles[row.role]
            row.path = f"{row.parent_id.path} › {own}" if row.parent_id else own

    @api.onchange("add_transform")
    def _onchange_add_transform(self):
        if self.add_transform:
            lines = [*_lines(self.transforms), self.add_transform]
            self.transforms = "\n".join(lines)
            self.add_transform = False

    # -- keeping ----------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            _as_json(vals)
            if vals.get("parent_id") and not vals.get("event_id"):
                vals["event_id"] = self.browse(vals["parent_id"]).event_id.id
        rows = super().create(vals_list)
        rows.mapping_id._check_draft()
        if not self.env.context.get("healthcare_unchecked"):
            rows._check_rows()
        return rows

    def write(self, vals):
        self.mapping_id._check_draft()
        _as_json(vals)
        result = super().write(vals)
        self._check_rows()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        self.mapping_id._check_draft()

    def _check_rows(self):
        """Refuse what is dangerous, too large or no expression, with the reason."""
        for row in self:
            if row.role == "field" and not row.field:
                raise ValidationError(self.env._("A row names a field."))
        mappings = self.mapping_id
        mappings.invalidate_recordset(["event_ids", "row_ids"])
        mappings.event_ids.invalidate_recordset(["row_ids"])
        mappings._check_document()

    # -- what it says -----------------------------------------------------------

    def _document(self, children):
        """Return the row as ``core.mapping.mapping`` reads it.

        :param children: rows of the event by their parent
        """
        document = {"field": self.field} if self.role == "field" else {}
        if self.mode == "value":
            document["value"] = _json(self.value)
        else:
            document[self.mode] = self.expression or ""
        if self.mode == "each":
            document["rows"] = [
                child._document(children) for child in children.get(self, ())
            ]
        if self.single:
            document["single"] = True
        if self.transforms:
            document["transforms"] = _lines(self.transforms)
        if self.default:
            document["default"] = _json(self.default)
        if self.required != "no":
            document["required"] = True if self.required == "yes" else "item"
        if self.note:
            document["comment"] = self.note
        return document

    @api.model
    def _values(self, event, parent, role, row, sequence):
        """Return the values of a row from its JSON."""
        mode = next(name for name in ("from", "value", "each") if name in row)
        required = row.get("required", False)
        return {
            "event_id": event.id,
            "parent_id": parent and parent.id,
            "sequence": sequence,
            "role": role,
            "field": _dotted(row["field"]) if role == "field" else False,
            "mode": mode,
            "expression": False if mode == "value" else row[mode],
            "value": json.dumps(row["value"]) if mode == "value" else False,
            "default": json.dumps(row["default"]) if "default" in row else False,
            "required": {True: "yes", False: "no"}.get(required, required),
            "single": row.get("single", False),
            "transforms": "\n".join(row.get("transforms", ())),
            "note": row.get("comment"),
        }


def _lines(text):
    """Return the non-blank lines of a text; what is between blanks counts."""
    return [line for line in (text or "").split("\n") if line.strip()]


def _dotted(field):
    return field[1:].replace("/", ".") if field.startswith("/") else field


def _json(text):
    return strict_json.loads((text or "null").encode())


def _as_json(vals):
    """Take a plain text for a constant or a default as the text it is."""
    for name in ("value", "default"):
        text = vals.get(name)
        if text:
            try:
                _json(text)
            except InputError:
                vals[name] = json.dumps(text, ensure_ascii=False)
