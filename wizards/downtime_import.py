"""Takes in what was written by hand, once each line has been looked at."""

import base64
import binascii
import uuid

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core.errors import InputError, KeyringError
from ..core.spreadsheets import books as spreadsheet_books
from ..models.continuity.downtime_reader import label_of

SHOWN = 200  # lines that are listed on the screen; the file to download has them all


class HealthcareDowntimeImportWizard(models.TransientModel):
    """The file lies sealed between the two steps: it is full of patients."""

    _name = "healthcare.downtime.import.wizard"
    _description = "Import What Was Written by Hand"

    uuid = fields.Char(
        required=True, readonly=True, default=lambda self: str(uuid.uuid4())
    )
    sealed = fields.Binary(attachment=False, groups="base.group_no_one")
    file = fields.Binary(
        string="Filled Template",
        compute="_compute_file",
        inverse="_inverse_file",
        store=False,
    )
    filename = fields.Char(store=False)
    state = fields.Selection(
        [("upload", "Choose File"), ("checked", "Check"), ("done", "Done")],
        required=True,
        default="upload",
        readonly=True,
    )
    good_count = fields.Integer(string="New Lines", readonly=True)
    known_count = fields.Integer(string="Imported Before", readonly=True)
    bad_count = fields.Integer(string="Lines with Problems", readonly=True)
    summary = fields.Text(readonly=True)
    time_zones = fields.Char(
        string="Times Are Of",
        readonly=True,
        help="The time zone of the warehouse's address, else of the company's, else "
        "yours.",
    )
    problem_ids = fields.One2many(
        "healthcare.downtime.problem", "wizard_id", string="Problems", readonly=True
    )
    import_ids = fields.Many2many(
        "healthcare.downtime.import",
        relation="healthcare_downtime_wizard_rel",
        column1="wizard_id",
        column2="import_id",
        string="Imports",
        readonly=True,
    )

    def _compute_file(self):
        # What was chosen is not shown again, and never leaves by this field.
        for wizard in self:
            wizard.file = False

    def _inverse_file(self):
        for wizard in self:
            try:
                content = base64.b64decode(wizard.file or b"")
            except binascii.Error as error:
                raise UserError(self.env._("The file did not arrive whole.")) from error
            # Stands in for the system: nobody reads or writes sealed content by hand.
            wizard.sudo().sealed = wizard._seal(content) if content else False
        # Or what was chosen would be sent back from the cache.
        self.invalidate_recordset(["file"], flush=False)

    def _seal(self, content):
        try:
            return self.env["healthcare.keyring"]._seal(
                content, self._name, self.uuid, "file"
            )
        except KeyringError as error:
            raise UserError(
                self.env._("Nothing can be taken in: %s.", error.detail)
            ) from error

    def _lines(self):
        """Return the lines of the file, read anew: the world may have changed."""
        self.ensure_one()
        # Stands in for the system: nobody reads or writes sealed content by hand.
        sealed = self.sudo().with_context(bin_size=False).sealed
        if not sealed:
            raise UserError(self.env._("Choose the file first."))
        content = self.env["healthcare.keyring"]._open(
            sealed, self._name, self.uuid, "file"
        )
        try:
            return self.env["healthcare.downtime.reader"]._read_file(content)
        except InputError as error:
            raise UserError(self.env._(error.detail)) from error

    # -- steps --------------------------------------------------------------------

    def action_check(self):
        """Look at each line and show what importing would do."""
        self.check_access("write")
        lines = self._lines()
        reader = self.env["healthcare.downtime.reader"]
        known = reader._known_ids(lines)
        good = [line for line in lines if line.envelope]
        fresh = [line for line in good if line.envelope["id"] not in known]
        bad = [line for line in lines if line.problems]
        facilities = self.env["healthcare.facility"].union(
            *(one.facility for one in good)
        )
        self.problem_ids.unlink()
        self.write(
            {
                "state": "checked",
                "good_count": len(fresh),
                "known_count": len(good) - len(fresh),
                "bad_count": len(bad),
                "summary": self._summary(fresh),
                "time_zones": ", ".join(sorted({f._time_zone() for f in facilities})),
            }
        )
        titles = self.env["healthcare.downtime.template"]._titles()
        self.env["healthcare.downtime.problem"].create(
            [
                {
                    "wizard_id": self.id,
                    "sheet": line.sheet or titles[line.kind],
                    "number": line.number,
                    "column": column,
                    "reason": reason,
                }
                for line in bad[:SHOWN]
                for column, reason in line.problems
            ]
        )
        return self._show()

    def _summary(self, lines):
        kinds = self.env["healthcare.downtime.template"]._titles()
        counts = {}
        for line in lines:
            key = (line.facility.name, line.kind)
            counts[key] = counts.get(key, 0) + 1
        return "\n".join(
            f"{name}, {kinds[kind]}: {count}" for (name, kind), count in counts.items()
        )

    def action_import(self):
        """Take in the lines that are good and not known yet."""
        self.ensure_one()
        if self.state != "checked":
            raise UserError(self.env._("Check the file first."))
        lines = self._lines()
        imports = self.env["healthcare.downtime.reader"]._take_in(lines)
        self.write({"state": "done", "import_ids": [fields.Command.set(imports.ids)]})
        return self._show()

    def action_back(self):
        """Choose another file."""
        self.problem_ids.unlink()
        # Stands in for the system: nobody reads or writes sealed content by hand.
        self.sudo().write({"sealed": False, "state": "upload"})
        return self._show()

    def action_open_events(self):
        """Open the events that came of the file."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_event"
        )
        ids = [one for record in self.import_ids for one in record.event_ids or []]
        return {**action, "domain": [("id", "in", ids)], "context": {}}

    def action_download_problems(self):
        """Download the lines with problems, each with its reason, to be put right."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/healthcare/continuity/problems/{self.id}",
            "target": "download",
        }

    def _problems_workbook(self):
        """Return the lines with problems as a template that holds them (bytes)."""
        filled, kinds = {}, self.env["healthcare.downtime.template"]._titles()
        for line in self._lines():
            if line.problems:
                filled.setdefault(line.kind, []).append((line.cells, line.problems))
        templates = self.env["healthcare.downtime.template"]
        return spreadsheet_books.write_template(
            {kind: title for kind, title in kinds.items() if kind in filled}
            or {"registration": kinds["registration"]},
            None,
            templates._labels(),
            filled,
            self.env._("What is wrong"),
        )

    def _show(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import What Was Written by Hand"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }


class HealthcareDowntimeProblem(models.TransientModel):
    """What is wrong with a line: where and why, never what it holds."""

    _name = "healthcare.downtime.problem"
    _description = "Problem of a Line"
    _order = "id"

    wizard_id = fields.Many2one(
        "healthcare.downtime.import.wizard", required=True, ondelete="cascade"
    )
    sheet = fields.Char(readonly=True)
    number = fields.Integer(string="Line", readonly=True)
    column = fields.Char(readonly=True)
    reason = fields.Char(readonly=True)


class HealthcareDowntimeTemplate(models.AbstractModel):
    """The workbook people fill in while systems are down."""

    _name = "healthcare.downtime.template"
    _description = "Downtime Template"

    @api.model
    def _titles(self):
        return {
            "registration": self.env._("Registrations"),
            "completion": self.env._("Services"),
            "payment": self.env._("Payments"),
        }

    @api.model
    def _labels(self):
        choices = self.env["healthcare.downtime.reader"]._choices()
        return {name: [label_of(*one) for one in v] for name, v in choices.items()}

    @api.model
    def _workbook(self):
        """Return the empty workbook, with the lists of today (bytes)."""
        return spreadsheet_books.write_template(
            self._titles(),
            (self.env._("Instructions"), self._instructions()),
            self._labels(),
        )

    @api.model
    def _instructions(self):
        """Return ``[(heading, text)]``."""
        return [
            (
                self.env._("For downtimes"),
                self.env._("Write here what happens while systems are down."),
            ),
            (
                "",
                self.env._(
                    "One line for each registration, service visit and payment."
                ),
            ),
            ("", ""),
            (
                self.env._("Columns"),
                self.env._("Those marked * must be filled. Keep the headings."),
            ),
            (
                self.env._("Facility, Payer, Services"),
                self.env._("Choose from the list in the cell."),
            ),
            (
                self.env._("Dates and times"),
                self.env._(
                    "As 2026-03-02 and 14:30, as the clock at the facility showed."
                ),
            ),
            (
                self.env._("Record number"),
                self.env._(
                    "The patient's number at the facility. Where there is none yet, "
                    "give a temporary number, such as that of the paper form, and use "
                    "it again for services and payments of the same patient. Give both "
                    "as soon as the record number is known."
                ),
            ),
            (
                self.env._("Form and receipt number"),
                self.env._(
                    "Of the paper form or receipt. Each is used once a day: two lines "
                    "with the same one are taken for the same service or payment."
                ),
            ),
            (
                self.env._("Supplies"),
                self.env._(
                    "Those planned for a service are taken as used. Correct it later."
                ),
            ),
            ("", ""),
            (
                self.env._("Afterwards"),
                self.env._(
                    "Healthcare / Continuity / Import. The file is checked line by "
                    "line before anything happens. Importing it again changes nothing, "
                    "so put wrong lines right and import the whole file once more."
                ),
            ),
            (
                self.env._("What systems send later"),
                self.env._(
                    "Of the same services and payments is recognised, and waits for a "
                    "person instead of being billed again."
                ),
            ),
            (
                self.env._("Keep it safe"),
                self.env._(
                    "This file holds data of patients: delete it when it is imported."
                ),
            ),
        ]
