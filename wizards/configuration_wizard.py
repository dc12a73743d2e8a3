"""Carry configuration from one environment to another, after a look at what changes."""

import base64
import binascii
import json

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core import strict_json
from ..core.errors import InputError

MAX_BYTES = 10 * 1024 * 1024


class HealthcareConfigurationWizard(models.TransientModel):
    """Gives the file of this database, or takes one in."""

    _name = "healthcare.configuration.wizard"
    _description = "Carry Over Configuration"

    state = fields.Selection(
        [("file", "File"), ("preview", "Preview"), ("done", "Done")],
        required=True,
        default="file",
    )
    export_file = fields.Binary(readonly=True, attachment=False)
    export_name = fields.Char(default="configuration.json")
    file = fields.Binary(string="File of the Other Environment", attachment=False)
    filename = fields.Char()
    line_ids = fields.One2many("healthcare.configuration.wizard.line", "wizard_id")
    changes = fields.Integer(string="To Change", compute="_compute_counts")
    problems = fields.Integer(string="Cannot Be Brought In", compute="_compute_counts")

    @api.depends("line_ids.change")
    def _compute_counts(self):
        for wizard in self:
            kinds = wizard.line_ids.mapped("change")
            wizard.changes = kinds.count("new") + kinds.count("changed")
            wizard.problems = kinds.count("problem")

    def action_export(self):
        """Make the file."""
        self.ensure_one()
        document = self.env["healthcare.configuration"]._export()
        text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
        self.export_file = base64.b64encode(text.encode())
        return self._reopen()

    def action_preview(self):
        """Compare the file with what is here."""
        self.ensure_one()
        self._show(self.env["healthcare.configuration"]._compare(self._document()))
        self.state = "preview"
        return self._reopen()

    def action_apply(self):
        """Bring in what can be."""
        self.ensure_one()
        self._show(self.env["healthcare.configuration"]._apply(self._document()))
        self.state = "done"
        return self._reopen()

    def _document(self):
        """Return what the file holds.

        :raise UserError: when it is no JSON
        """
        try:
            content = base64.b64decode(self.file or b"", validate=False)
            if len(content) > MAX_BYTES:
                raise UserError(self.env._("The file is too large."))
            return strict_json.loads(content)
        except (binascii.Error, InputError) as error:
            raise UserError(
                self.env._("This file holds no configuration of ours.")
            ) from error

    def _show(self, differences):
        models_of = self.env["ir.model"].sudo()  # names of models, for a heading
        titles = {
            name: models_of._get(name).name for name in {d.model for d in differences}
        }
        self.line_ids.unlink()
        self.line_ids = [
            fields.Command.create(
                {
                    "kind": titles[difference.model],
                    "name": difference.name,
                    "change": difference.change,
                    "text": difference.text,
                }
            )
            for difference in differences
            if difference.change != "same"
        ]

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self._description,
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }


class HealthcareConfigurationWizardLine(models.TransientModel):
    _name = "healthcare.configuration.wizard.line"
    _description = "Difference of Configuration"

    wizard_id = fields.Many2one(
        "healthcare.configuration.wizard", required=True, ondelete="cascade"
    )
    kind = fields.Char(readonly=True)
    name = fields.Char(readonly=True)
    change = fields.Selection(
        [("new", "New"), ("changed", "Changed"), ("problem", "Not Possible")],
        readonly=True,
    )
    text = fields.Char(string="What", readonly=True)
