"""New mappings: copied from what is in force, from the addon's own, or imported."""

import base64
import binascii

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core import strict_json
from ..core.errors import InputError
from ..core.mapping import mapping as core_mapping
from ..models.exchange.message import formats


class HealthcareMappingNew(models.TransientModel):
    """Copies a mapping to a draft of a source, to be changed there."""

    _name = "healthcare.mapping.new"
    _description = "New Mapping"

    source_id = fields.Many2one("healthcare.source", required=True)
    format = fields.Selection(formats, required=True, default="hl7v2")
    hl7v2_kind = fields.Selection(lambda self: _kinds("hl7v2"), string="Message")
    fhir_r4_kind = fields.Selection(lambda self: _kinds("fhir_r4"), string="Resource")
    x12_kind = fields.Selection(lambda self: _kinds("x12"), string="Transaction")
    kind = fields.Char(
        string="Other Message",
        help="A message the addon has no mapping for, e.g. ADT^A03 or Immunization. "
        "Write what of it makes which event.",
    )
    like_kind = fields.Selection(
        lambda self: _kinds("hl7v2"),
        string="Begin With the Rows Of",
        help="The mapping of a similar message, to be changed.",
    )

    like_resource = fields.Selection(
        lambda self: _kinds("fhir_r4"),
        string="Begin With the Rows Of the",
        help="The mapping of a similar resource, to be changed.",
    )

    @api.onchange("format")
    def _onchange_format(self):
        self.kind = self.like_kind = self.like_resource = False

    def _chosen(self):
        """Return ``(kind, kind whose mapping is copied)``."""
        name = f"{self.format}_kind"
        # kinds of formats that other addons bring are written, not chosen
        listed = self[name] if name in self._fields else False
        kind = (self.kind or "").strip()
        if self.format == "x12" or not kind:
            return listed, listed
        like = self.like_kind if self.format == "hl7v2" else self.like_resource
        return kind, kind if kind in dict(_kinds(self.format)) else like

    def action_copy(self):
        """Make the draft and open it."""
        self.ensure_one()
        kind, like = self._chosen()
        if not kind or not like:
            raise UserError(
                self.env._("Choose a message, or a similar one to begin with.")
            )
        mappings = self.env["healthcare.mapping"]
        found = mappings._in_force(self.source_id, self.format, like)
        document = {**found.mapping.document, "kinds": [kind]}
        draft = mappings._from_document(document, self.source_id, kind, found.label)
        return draft._open()


class HealthcareMappingImport(models.TransientModel):
    """Reads mappings from JSON files, each into a draft of a source."""

    _name = "healthcare.mapping.import"
    _description = "Import Mapping"

    source_id = fields.Many2one("healthcare.source", required=True)
    file = fields.Binary(string="JSON File", attachment=False, required=True)
    filename = fields.Char()

    def action_import(self):
        """Make a draft for each kind of message the file maps."""
        self.ensure_one()
        try:
            content = base64.b64decode(self.file, validate=False)
            if len(content) > 2 * core_mapping.MAX_SIZE:
                raise UserError(self.env._("The file is too large."))
            document = strict_json.loads(content)
        except (binascii.Error, InputError) as error:
            reason = getattr(error, "detail", self.env._("it cannot be read"))
            raise UserError(self.env._("This is no mapping: %s", reason)) from error
        mappings = self.env["healthcare.mapping"]
        kinds = document.get("kinds") if isinstance(document, dict) else None
        drafts = mappings
        for kind in kinds if isinstance(kinds, list) and kinds else [None]:
            drafts |= mappings._from_document(
                document, self.source_id, kind, self.filename or self.env._("a file")
            )
        if len(drafts) == 1:
            return drafts._open()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_mapping"
        )
        return {**action, "domain": [("id", "in", drafts.ids)]}


def _kinds(format_name):
    shipped = core_mapping.shipped(format_name)
    return [(kind, f"{kind} {shipped[kind].document['title']}") for kind in shipped]
