"""How messages of a source become events: versions of mappings, one in force."""

import base64
import json
from collections import OrderedDict, namedtuple

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ...core import strict_json
from ...core.errors import InputError
from ...core.mapping import mapping as core_mapping
from .message import formats

#: A compiled mapping, the id of its record (None: shipped), and what it is called.
InForce = namedtuple("InForce", "mapping id label")
KEPT_COMPILED = 256
# Active mappings never change, so what was compiled stays right: by database and id,
# and the moment of activation, as an id may return in a restored database.
_compiled = OrderedDict()


class HealthcareMapping(models.Model):
    """One version of the mapping of one kind of message of one source.

    Where a source has none in force, the addon's own of that kind is.
    """

    _name = "healthcare.mapping"
    _description = "Mapping"
    _order = "source_id, format, kind, version desc"

    name = fields.Char(string="Title", required=True)
    source_id = fields.Many2one(
        "healthcare.source", required=True, index=True, ondelete="cascade"
    )
    format = fields.Selection(formats, required=True, default="hl7v2")
    kind = fields.Char(
        string="Message Kind", required=True, help="E.g. ADT^A04, Patient or 835."
    )
    version = fields.Integer(readonly=True, copy=False, default=0)
    state = fields.Selection(
        [("draft", "Draft"), ("active", "Active"), ("retired", "Retired")],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
    )
    based_on = fields.Char(readonly=True, help="What it was copied from.")
    note = fields.Text(help="What is special about this source.")
    event_ids = fields.One2many("healthcare.mapping.event", "mapping_id", copy=False)
    row_ids = fields.One2many("healthcare.mapping.row", "mapping_id", copy=False)
    maps = fields.Text(
        string="Built-in Codes",
        help="JSON: codes this mapping itself knows. The codes of the source come "
        "before them.",
    )
    unhandled = fields.Text(
        string="Known and Not Taken",
        help="JSON: what of a message makes no event and is told to the sender.",
    )
    document = fields.Text(
        readonly=True, copy=False, help="The mapping as it was activated."
    )
    activated_at = fields.Datetime(readonly=True, copy=False)
    activated_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    message_count = fields.Integer(string="Events", compute="_compute_message_count")
    export_file = fields.Binary(compute="_compute_export_file")

    _version_unique = models.UniqueIndex("(source_id, format, kind, version)")
    _active_unique = models.UniqueIndex(
        "(source_id, format, kind) WHERE state = 'active'",
        "Another version of this mapping is in force.",
    )

    @api.depends("kind", "version")
    def _compute_display_name(self):
        for one in self:
            one.display_name = one._label()

    def _label(self):
        return self.env._(
            "%(kind)s, version %(version)s", kind=self.kind, version=self.version
        )

    def _compute_message_count(self):
        counts = dict(
            self.env["healthcare.event"]._read_group(
                [("mapping_id", "in", self.ids)], ["mapping_id"], ["__count"]
            )
        )
        for one in self:
            one.message_count = counts.get(one, 0)

    def _compute_export_file(self):
        for one in self:
            text = json.dumps(one._document(), indent=2, ensure_ascii=False)
            one.export_file = base64.b64encode(text.encode())

    # -- keeping versions -------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals.setdefault("version", 0)
        mappings = super().create(vals_list)
        for one in mappings.filtered(lambda mapping: not mapping.version):
            one.version = one._next_version()
        return mappings

    def _next_version(self):
        last = self.search(
            [
                ("source_id", "=", self.source_id.id),
                ("format", "=", self.format),
                ("kind", "=", self.kind),
            ],
            order="version desc",
            limit=1,
        )
        return last.version + 1

    def write(self, vals):
        fixed = {"name", "note"}
        own = {"state", "document", "activated_at", "activated_by_id", "version"}
        if vals.keys() - fixed - own:
            self._check_draft()
        return super().write(vals)

    def _check_draft(self):
        if any(one.state != "draft" for one in self):
            raise UserError(
                self.env._(
                    "Only a draft can be changed. Make a new version and change that."
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if any(one.state != "draft" for one in self):
            raise UserError(
                self.env._("Only drafts can be deleted: events tell what mapped them.")
            )

    # -- what it says -----------------------------------------------------------

    def _document(self):
        """Return the mapping as ``core.mapping.mapping`` reads it."""
        self.ensure_one()
        if self.document:
            return strict_json.loads(self.document.encode())
        document = {
            "format": self.format,
            "kinds": [self.kind],
            "title": self.name,
            "version": self.version,
            "events": [event._document() for event in self.event_ids],
        }
        if self.note:
            document["comment"] = self.note
        for name in ("maps", "unhandled"):
            if self[name]:
                document[name] = self._parsed(name)
        return document

    def _parsed(self, name):
        try:
            return strict_json.loads(self[name].encode())
        except InputError as error:
            label = self._fields[name]._description_string(self.env)
            raise ValidationError(
                self.env._("%(field)s: %(reason)s", field=label, reason=error.detail)
            ) from error

    def _compile(self):
        """Return the compiled mapping.

        :raise ValidationError: with the place at fault, in words
        """
        self.ensure_one()
        return self._compiled_of(self._document())

    @api.model
    def _compiled_of(self, document):
        try:
            return core_mapping.compile(document)
        except InputError as error:
            raise ValidationError(
                self.env._(
                    "%(place)s: %(reason)s",
                    place=_place_in_words(document, error.pointer),
                    reason=error.detail,
                )
            ) from error

    @api.constrains("format", "kind", "maps", "unhandled")
    def _check_document(self):
        """Refuse what cannot be, apart from what is still being written."""
        for one in self:
            document = one._document()
            for event in document["events"]:
                event["rows"] = _written(event["rows"])
            document["events"] = [e for e in document["events"] if e["rows"]]
            if document["events"]:
                one._compiled_of(document)

    @api.constrains("state", "document")
    def _check_in_force(self):
        for one in self:
            if one.state == "active" and not one.document:
                raise ValidationError(self.env._("Activate the mapping itself."))
            if one.document:
                one._compile()

    @api.model
    def _from_document(self, document, source, kind=None, based_on=None):
        """Make a draft from a mapping's JSON.

        :param dict document: as ``core.mapping.mapping`` describes it
        :param str kind: one of its kinds; the first one otherwise
        :raise ValidationError: when it is no mapping
        """
        compiled = self._compiled_of(document)
        if compiled.format not in dict(formats(self)):
            raise ValidationError(self.env._("There is no such format."))
        if not compiled.kinds:
            raise ValidationError(self.env._("The mapping names no kind of message."))
        mapping = self.create(
            {
                "name": document.get("title") or compiled.kinds[0],
                "source_id": source.id,
                "format": compiled.format,
                "kind": kind or compiled.kinds[0],
                "based_on": based_on,
                "note": document.get("comment"),
                "maps": _text(document.get("maps")),
                "unhandled": _text(document.get("unhandled")),
            }
        )
        self.env["healthcare.mapping.event"]._from_documents(
            mapping, document["events"]
        )
        return mapping

    # -- what is in force -------------------------------------------------------

    @api.model
    def _all_in_force(self, source, format_name):
        """Return ``{kind: InForce}``: the source's own, else the addon's."""
        found = dict(_shipped(format_name))
        rows = self.env.execute_query(
            SQL(
                """SELECT id, kind, version, activated_at FROM healthcare_mapping
                WHERE source_id = %s AND format = %s AND state = 'active'""",
                source.id,
                format_name,
            )
        )
        for mapping_id, kind, version, activated_at in rows:
            key = self.env.cr.dbname, mapping_id, activated_at
            compiled = _compiled.get(key)
            if compiled is None:
                document = self.browse(mapping_id)._document()
                compiled = _compiled[key] = core_mapping.compile(document)
                while len(_compiled) > KEPT_COMPILED:
                    _compiled.popitem(last=False)
            found[kind] = InForce(compiled, mapping_id, f"{kind}, version {version}")
        return found

    @api.model
    def _own_kinds(self, source, format_name):
        """Return the kinds a source has mappings of its own for, drafts included."""
        groups = self._read_group(
            [
                ("source_id", "=", source.id),
                ("format", "=", format_name),
                ("state", "!=", "retired"),
            ],
            ["kind"],
        )
        return frozenset(kind for (kind,) in groups)

    @api.model
    def _in_force(self, source, format_name, kind):
        """Return the :class:`InForce` of one kind, or None."""
        return self._all_in_force(source, format_name).get(kind)

    # -- actions ----------------------------------------------------------------

    def action_activate(self):
        """Put a draft in force; the version before it retires."""
        for one in self:
            one._check_draft()
            one._compile()
            others = self.search(
                [
                    ("source_id", "=", one.source_id.id),
                    ("format", "=", one.format),
                    ("kind", "=", one.kind),
                    ("state", "=", "active"),
                ]
            )
            others.write({"state": "retired"})
            # The unique index wants the old one gone first.
            others.flush_recordset()
            one.write(
                {
                    "state": "active",
                    "document": strict_json.dumps(one._document()).decode(),
                    "activated_at": fields.Datetime.now(),
                    "activated_by_id": self.env.uid,
                }
            )
        self.flush_recordset()

    def action_retire(self):
        """Take a version out of force: the addon's own mapping counts again."""
        self.filtered(lambda one: one.state == "active").write({"state": "retired"})
        self.flush_recordset()

    def action_new_version(self):
        """Copy a version to a new draft and open it."""
        self.ensure_one()
        draft = self._from_document(
            self._document(), self.source_id, self.kind, self._label()
        )
        return draft._open()

    def _open(self):
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
        }

    def action_export(self):
        self.ensure_one()
        name = f"{self.source_id.code}-{self.kind}-{self.version}".replace("^", "_")
        return {
            "type": "ir.actions.act_url",
            "target": "download",
            "url": f"/web/content/{self._name}/{self.id}/export_file/{name}.json"
            "?download=true",
        }

    def action_test(self):
        """Open the test bench."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Test Bench"),
            "res_model": "healthcare.mapping.bench",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_mapping_id": self.id},
        }


def _shipped(format_name):
    return {
        kind: InForce(compiled, None, f"{kind}, shipped version {compiled.version}")
        for kind, compiled in core_mapping.shipped(format_name).items()
    }


def _text(value):
    return json.dumps(value, indent=2, ensure_ascii=False) if value else False


def _written(rows):
    """Return rows without lists that have no parts yet."""
    kept = [
        {**row, "rows": _written(row["rows"])} if "rows" in row else row for row in rows
    ]
    return [row for row in kept if row.get("rows", True)]


def _place_in_words(document, pointer):
    """Say which row a pointer means: the event's name and the field's path."""
    names, value = [], document
    for step in pointer.split("/")[1:]:
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            break
        if isinstance(value, dict):
            name = value.get("event") or value.get("field")
            if isinstance(name, str):
                names.append(name)
    last = pointer.rpartition("/")[2]
    if last and not last.isdigit() and names:
        names.append(last)
    return " › ".join(names) or pointer or "Mapping"
