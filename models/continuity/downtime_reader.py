"""From a filled spreadsheet to the canonical events it means."""

from collections import namedtuple
from datetime import UTC

from odoo import api, fields, models

from ...core import strict_json
from ...core.contract import schema
from ...core.errors import InputError
from ...core.spreadsheets import downtime_sheets, spreadsheet
from ...formats import cloudevents

AT_ONCE = 500  # events stored in one round
#: One line: where it is, its cells by key of their columns, which facility's it is, and
#: its event; with a problem there is none.
Read = namedtuple("Read", "kind sheet number cells facility envelope problems")


class HealthcareDowntimeReader(models.AbstractModel):
    _name = "healthcare.downtime.reader"
    _description = "Reader of Downtime Sheets"

    @api.model
    def _read_file(self, content):
        """Read a file into lines, each with an event or with what is wrong.

        :param bytes content: XLSX or CSV
        :return: list of :class:`Read`, in the order of the file; ``problems`` are
            ``(column, reason)`` and never repeat what a cell holds
        :raise InputError: for the file as a whole
        """
        sheets = spreadsheet.read(content)
        downtime_sheets.check_version(sheets)
        context = self._reading_context()
        lines, found = [], False
        for sheet in sheets:
            located = None if sheet.hidden else downtime_sheets.locate(sheet)
            if located:
                found = True
                kind, columns, rows = located
                for number, cells in rows:
                    lines.append(
                        self._read_line(kind, columns, sheet, number, cells, context)
                    )
        if not found:
            raise InputError(
                "no_sheet",
                self.env._(
                    "No sheet has the headings of a template: registrations, services "
                    "or payments."
                ),
            )
        return self._without_repeats(lines)

    @api.model
    def _reading_context(self):
        """Return what cells mean, looked up once with the rights of the user."""
        facilities = self.env["healthcare.facility"].search([("active", "=", True)])
        by_code = facilities.grouped("code")
        currencies = {one.code: one.company_id.currency_id.name for one in facilities}
        systems = facilities._record_systems()
        return {
            "lists": self._meanings(),
            "facilities": by_code,
            "moment": lambda code, day, clock: (
                (by_code[code] if code in by_code else facilities[:1])._moment(
                    day, clock
                )
                if facilities
                else None
            ),
            "now": fields.Datetime.now().replace(tzinfo=UTC),
            "record_system": {one.code: system for one, system in systems.items()},
            "temporary_system": {
                one.code: f"urn:healthcare:downtime:{one.code}" for one in facilities
            },
            "currency": currencies,
        }

    @api.model
    def _choices(self):
        """Return ``{list: [(code, label)]}`` of what the templates offer."""
        payers = self.env["res.partner"].search(
            [("healthcare_payer_code", "!=", False)], order="healthcare_payer_code"
        )
        services = self.env["healthcare.service"].search([("active", "=", True)])
        facilities = self.env["healthcare.facility"].search(
            [("active", "=", True)], order="code"
        )
        return {
            "facilities": [(one.code, one.name) for one in facilities],
            "payers": [(one.healthcare_payer_code, one.name) for one in payers],
            "services": [(one.code, one.name) for one in services],
        }

    @api.model
    def _meanings(self):
        """Return ``{list: {written in lower case: meant}}``."""
        meanings = {}
        for name, choices in self._choices().items():
            meanings[name] = {label_of(*one).casefold(): one[0] for one in choices}
            # A code counts before what another's label may look like.
            meanings[name].update((code.casefold(), code) for code, _name in choices)
        for name, choices in downtime_sheets.FIXED.items():
            meanings[name] = {label.casefold(): v for label, v in choices.items()}
        return meanings

    @api.model
    def _read_line(self, kind, columns, sheet, number, cells, context):
        line = downtime_sheets.read_line(kind, columns, cells, context)
        facility = context["facilities"].get(line.facility)
        problems = [(label, self.env._(reason)) for label, reason in line.problems]
        envelope = None
        if not problems:
            envelope = self._envelope(kind, line)
            problems = self._schema_problems(kind, line.data)
        return Read(
            kind,
            sheet.title,
            number,
            {
                column.key: cells[place]
                for place, column in columns.items()
                if place < len(cells)
            },
            facility,
            None if problems else envelope,
            problems,
        )

    @api.model
    def _schema_problems(self, kind, data):
        code = downtime_sheets.EVENTS[kind]
        version = self.env["healthcare.event.type"]._version_by_code()[code]
        problems = []
        for error in schema.registry().validate(code, version, data):
            column = downtime_sheets.columns_at(kind, error["pointer"])
            if (column, error["detail"]) not in problems:
                problems.append((column, error["detail"]))
        return problems

    @api.model
    def _envelope(self, kind, line):
        """Return the event of a line; its id is made of all that the line says."""
        keyring = self.env["healthcare.keyring"]._get()
        content = strict_json.dumps([kind, line.content]).decode()
        code = downtime_sheets.EVENTS[kind]
        version = self.env["healthcare.event.type"]._version_by_code()[code]
        return {
            "specversion": "1.0",
            "id": f"downtime-{keyring.blind_index('downtime-line', content)}",
            "source": f"urn:healthcare:downtime:{line.facility}",
            "type": f"healthcare.{code}.v{version.partition('.')[0]}",
            "time": line.moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "data": line.data,
        }

    @api.model
    def _without_repeats(self, lines):
        """Refuse a line that says the very same as one before it."""
        first, kept = {}, []
        for line in lines:
            if line.envelope:
                before = first.setdefault(line.envelope["id"], line)
                if before is not line:
                    line = line._replace(
                        envelope=None,
                        problems=[
                            ("", self.env._("The same as line %s.", before.number))
                        ],
                    )
            kept.append(line)
        return kept

    @api.model
    def _known_ids(self, lines):
        """Return the ids of those good lines that were taken in before."""
        wanted = {line.envelope["id"] for line in lines if line.envelope}
        facilities = self.env["healthcare.facility"].union(
            *(line.facility for line in lines if line.envelope)
        )
        # Stands in for the system: that a line is known tells nothing of its content.
        events = self.env["healthcare.event"].sudo()
        return set(
            events.search(
                [
                    ("source_id.downtime_facility_id", "in", facilities.ids),
                    ("external_id", "in", list(wanted)),
                    ("rejected", "!=", True),
                ]
            ).mapped("external_id")
        )

    @api.model
    def _take_in(self, lines):
        """Take the good lines in as events of their facilities' downtime sources.

        :return: ``healthcare.downtime.import`` records, one per facility
        """
        good = [line for line in lines if line.envelope]
        facilities = self.env["healthcare.facility"].union(
            *(line.facility for line in good)
        )
        facilities.check_access("read")
        sources = self.env["healthcare.source"]._downtime_sources(facilities)
        # Stands in for the system: intake works for sources, and who may import was
        # checked by the wizard's own rights.
        intake = self.env["healthcare.intake"].sudo()
        imports = []
        for facility, source in sources.items():
            mine = [line for line in good if line.facility == facility]
            receipts = []
            for start in range(0, len(mine), AT_ONCE):
                items = [
                    cloudevents.Item(index, line.envelope, line.envelope, [])
                    for index, line in enumerate(mine[start : start + AT_ONCE])
                ]
                receipts += intake._receive(source, items, derived=True)
            imports.append(self._import_values(facility, source, mine, receipts))
        # Stands in for the system: the record of an import is nobody's to write.
        return self.env["healthcare.downtime.import"].sudo().create(imports).sudo(False)

    @api.model
    def _import_values(self, facility, source, lines, receipts):
        fresh = [
            (line, receipt)
            for line, receipt in zip(lines, receipts, strict=True)
            if receipt.status == "accepted"
        ]
        # Stands in for the system: ids of what was just stored.
        events = self.env["healthcare.event"].sudo()
        events = events.search(
            [("uuid", "in", [receipt.event for _line, receipt in fresh])]
        )
        values = {
            "facility_id": facility.id,
            "source_id": source.id,
            "user_id": self.env.uid,
            "duplicate_count": len(lines) - len(fresh),
            "event_ids": events.ids,
        }
        for kind in downtime_sheets.SHEETS:
            values[f"{kind}_count"] = sum(line.kind == kind for line, _r in fresh)
        return values


def label_of(code, name):
    """Return a choice as the lists of the templates show it."""
    return code if not name or name == code else f"{code} | {name}"
