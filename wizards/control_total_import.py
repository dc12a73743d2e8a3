"""Control totals from a file, for vendors that cannot call an endpoint."""

import base64
from collections import defaultdict
from datetime import date, datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..core.contract import totals
from ..core.errors import InputError
from ..core.spreadsheets import spreadsheet

#: what a column is, by what people call it
COLUMNS = {
    "date": "date",
    "day": "date",
    "type": "type",
    "event": "type",
    "event type": "type",
    "count": "count",
    "total": "count",
    "number": "count",
    "id": "id",
    "event id": "id",
    "vendor id": "id",
    "facility": "facility",
}
MAX_COUNT = 10_000_000


class HealthcareControlTotalImport(models.TransientModel):
    """Reads a table of date, type and count, or of date, type and id, line by line."""

    _name = "healthcare.control.total.import"
    _description = "Import Control Totals"

    source_id = fields.Many2one("healthcare.source", required=True)
    file = fields.Binary(required=True, attachment=False)
    filename = fields.Char()
    timezone = fields.Char(
        required=True,
        default=lambda self: self.env.company.partner_id.tz or "UTC",
        help="Whose midnight begins the day, e.g. America/Chicago.",
    )
    state = fields.Selection(
        [("file", "File"), ("done", "Done")], required=True, default="file"
    )
    line_ids = fields.One2many("healthcare.control.total.import.line", "import_id")
    kept = fields.Integer(string="Totals Kept", readonly=True)
    bad = fields.Integer(string="Lines Left Out", readonly=True)
    total_ids = fields.Many2many("healthcare.control.total", readonly=True)

    def action_import(self):
        """Keep what the good lines say; list the others with their reasons."""
        self.ensure_one()
        if not self.env.user.has_group("healthcare_connector.group_operator"):
            raise AccessError(self.env._("Only operators import control totals."))
        if totals.bounds_of(date(2026, 1, 1), self.timezone) is None:
            raise UserError(self.env._("%s is not a time zone.", self.timezone))
        days, problems = self._read()
        # Stands in for the system: totals are written by nobody by hand.
        kept = self.env["healthcare.control.total"].sudo()
        rows = kept.browse()
        for (day, facility), entries in days.items():
            told = totals.Totals(
                day,
                self.timezone,
                *totals.bounds_of(day, self.timezone),
                facility,
                {code: (count, ids) for code, (count, ids, _n) in entries.items()},
            )
            found, errors = kept._tell(self.source_id.sudo(), told)
            rows |= found
            if errors:
                reason = self.env._("Names no facility this source may speak for.")
                problems += [
                    (number, reason)
                    for _count, _ids, numbers in entries.values()
                    for number in numbers
                ]
        self.write(
            {
                "state": "done",
                "kept": len(rows),
                "bad": len(problems),
                "total_ids": [fields.Command.set(rows.ids)],
                "line_ids": [
                    fields.Command.create({"number": number, "reason": reason})
                    for number, reason in sorted(problems)
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import Control Totals"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def action_open_totals(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_control_total"
        )
        action["domain"] = [("id", "in", self.total_ids.ids)]
        action["context"] = {}
        return action

    # -- reading ----------------------------------------------------------------

    def _read(self):
        """Return what the lines say, and what is wrong with which.

        :return: ``{(day, facility): {type code: (count, ids, line numbers)}}`` and
            ``[(line number, reason)]``
        :raise UserError: for a file that is no table of ours at all
        """
        try:
            sheets = spreadsheet.read(base64.b64decode(self.file))
        except InputError as error:
            raise UserError(self.env._(error.detail)) from error
        rows = next((sheet.rows for sheet in sheets if sheet.rows), [])
        if not rows:
            raise UserError(self.env._("The file is empty."))
        columns = self._columns(rows[0][1])
        known = self.env["healthcare.event.type"]._ids_by_code()
        told, problems = defaultdict(dict), []
        for number, cells in rows[1:]:
            line = {
                name: cells[place] if place < len(cells) else None
                for name, place in columns.items()
            }
            reason = self._take(told, line, number, known)
            if reason:
                problems.append((number, reason))
        for entries in told.values():
            for code, (count, ids, numbers) in entries.items():
                entries[code] = (count, sorted(ids) if ids else None, numbers)
        return told, problems

    @api.model
    def _columns(self, cells):
        columns = {}
        for place, cell in enumerate(cells):
            name = COLUMNS.get(str(cell or "").strip().lower().replace("_", " "))
            if name:
                columns.setdefault(name, place)
        if not {"date", "type"} <= columns.keys() or not {"count", "id"} & set(columns):
            raise UserError(
                self.env._(
                    "The first line must name the columns: date, type, and count or "
                    "id; facility if need be."
                )
            )
        return columns

    @api.model
    def _take(self, told, line, number, known):
        """Add one line to what was told; return what is wrong with it, or nothing."""
        day = _day(line["date"])
        if day is None or not 2000 <= day.year <= fields.Date.today().year + 1:
            return self.env._("The date must be written like 2026-03-02.")
        code = totals.type_code(str(line["type"] or ""))
        if code not in known:
            return self.env._("There is no such type of event.")
        facility = line.get("facility")
        entries = told[day, str(facility).strip() if facility else None]
        count, ids, numbers = entries.get(code, (None, set(), []))
        if line.get("id") not in (None, ""):
            if count is not None and not ids:
                return self.env._("This day and type has a count already.")
            one = _text(line["id"])
            if one in ids:
                return self.env._("This id is here twice.")
            ids.add(one)
            entries[code] = len(ids), ids, [*numbers, number]
            return None
        value = _count(line.get("count"))
        if value is None:
            return self.env._("The count must be a whole number.")
        if code in entries:
            return self.env._("This day and type is here twice.")
        entries[code] = value, set(), [number]
        return None


class HealthcareControlTotalImportLine(models.TransientModel):
    """A line that was left out, and why."""

    _name = "healthcare.control.total.import.line"
    _description = "Line Left Out"
    _order = "number, id"

    import_id = fields.Many2one(
        "healthcare.control.total.import", required=True, ondelete="cascade"
    )
    number = fields.Integer(string="Line")
    reason = fields.Char()


def _day(cell):
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    try:
        return date.fromisoformat(str(cell or "").strip())
    except ValueError:
        return None


def _text(cell):
    """Return an id as text: a spreadsheet makes 17 of it, and sometimes 17.0."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()


def _count(cell):
    text = _text(cell) if cell is not None else ""
    if not text.isascii() or not text.isdigit() or len(text) > 8:
        return None
    return int(text) if int(text) <= MAX_COUNT else None
