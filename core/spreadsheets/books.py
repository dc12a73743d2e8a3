"""XLSX workbooks that we write: templates to fill in, and lists to take along.

Pure Python. What comes from outside goes through :func:`~.spreadsheet.safe` and is
written as a text, never as a formula.
"""

import io
from datetime import date, datetime, time

from .downtime_sheets import FIXED, MARK, SHEETS, VERSION
from .spreadsheet import safe

LINES = 2000  # of a template that are prepared
_HEAD = {"bold": True, "bg_color": "#017E84", "font_color": "#FFFFFF", "border": 1}
_HEADING = {**_HEAD, "text_wrap": True, "valign": "top"}
_FORMATS = {
    "date": "yyyy-mm-dd",
    "time": "hh:mm",
    "amount": "#,##0.00",
    "quantity": "0.######",
}
_WIDEST = 60


def _book(stream):
    # Imported when needed: a worker that writes no spreadsheet does not pay for it.
    import xlsxwriter

    return xlsxwriter.Workbook(
        stream,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        },
    )


class _Writer:
    def __init__(self):
        self._stream = io.BytesIO()
        self.book = _book(self._stream)
        self._formats = {}

    def style(self, **properties):
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(properties)
        return self._formats[key]

    def cell(self, sheet, row, column, value, kind="text"):
        """Write one value; only what a program wrote as number or date is one."""
        if value is None or value is False or value == "":
            return
        if isinstance(value, (datetime, date, time)):
            name = "yyyy-mm-dd hh:mm" if isinstance(value, datetime) else None
            name = name or _FORMATS["time" if isinstance(value, time) else "date"]
            sheet.write_datetime(row, column, value, self.style(num_format=name))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            name = _FORMATS.get(kind, "General")
            sheet.write_number(row, column, value, self.style(num_format=name))
        else:
            sheet.write_string(
                row, column, safe(str(value)), self.style(num_format="@")
            )

    def close(self):
        self.book.close()
        return self._stream.getvalue()


# -- lists --------------------------------------------------------------------------


def write_lists(lists):
    """Return a workbook of lists, one sheet each.

    :param lists: ``[(title, note, [heading], [[cell]])]``
    """
    writer = _Writer()
    for title, note, headings, rows in lists:
        sheet = writer.book.add_worksheet(title[:31])
        sheet.write_string(0, 0, safe(note), writer.style(italic=True))
        for column, heading in enumerate(headings):
            sheet.write_string(1, column, heading, writer.style(**_HEADING))
            longest = max(
                [len(str(row[column] or "")) for row in rows[:200]] + [len(heading)]
            )
            sheet.set_column(column, column, min(longest + 3, _WIDEST))
        for number, row in enumerate(rows, 2):
            for column, value in enumerate(row):
                writer.cell(sheet, number, column, value)
        sheet.freeze_panes(2, 0)
        sheet.autofilter(1, 0, max(len(rows) + 1, 2), len(headings) - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
    return writer.close()


# -- templates ----------------------------------------------------------------------


def write_template(titles, instructions, choices, filled=None, reason=None):
    """Return the workbook that people fill in while systems are down.

    :param titles: ``{kind: title of its sheet}``, the sheets that are wanted
    :param instructions: ``(title, [paragraph])``; none are written where it is ``None``
    :param choices: ``{list: [label]}`` of facilities, payers and services
    :param filled: ``{kind: [(line, [problem])]}`` to be put right; a line is
        ``{key: cell}``
    :param reason: heading of the column that says what is wrong with a line
    """
    writer = _Writer()
    if instructions:
        _write_instructions(writer, *instructions)
    sheets = {kind: writer.book.add_worksheet(title) for kind, title in titles.items()}
    everything = {
        **choices,
        **{name: list(labels) for name, labels in FIXED.items()},
    }
    ranges = _write_choices(writer, everything)
    for kind, sheet in sheets.items():
        _write_sheet(writer, sheet, kind, ranges, (filled or {}).get(kind), reason)
    mark = writer.book.add_worksheet("healthcare")
    mark.write_row(0, 0, [MARK, VERSION])
    mark.very_hidden()
    return writer.close()


def _write_instructions(writer, title, paragraphs):
    sheet = writer.book.add_worksheet(title[:31])
    sheet.set_column(0, 0, 100)
    sheet.hide_gridlines(2)
    for row, (heading, text) in enumerate(paragraphs):
        if heading:
            sheet.write_rich_string(
                row,
                0,
                writer.style(bold=True),
                f"{heading}  ",
                writer.style(),
                text or " ",
                writer.style(text_wrap=True, valign="top"),
            )
        else:
            sheet.write_string(row, 0, text, writer.style(text_wrap=True))


def _write_choices(writer, choices):
    sheet = writer.book.add_worksheet("Lists")
    sheet.hide()
    ranges = {}
    for column, (name, labels) in enumerate(sorted(choices.items())):
        for row, label in enumerate(labels):
            sheet.write_string(row, column, safe(label))
        if labels:
            letter = chr(ord("A") + column)
            ranges[name] = f"=Lists!${letter}$1:${letter}${len(labels)}"
    return ranges


def _write_sheet(writer, sheet, kind, ranges, filled, reason):
    columns = SHEETS[kind]
    for place, column in enumerate(columns):
        heading = f"{column.label} *" if column.required else column.label
        sheet.write_string(0, place, heading, writer.style(**_HEADING))
        sheet.write_string(1, place, column.key)
        style = writer.style(num_format=_FORMATS.get(column.kind, "@"))
        sheet.set_column(place, place, column.width, style)
        if rule := _validation(column, ranges):
            sheet.data_validation(2, place, LINES + 1, place, rule)
    # Keys by which columns are found, whatever their headings are changed to.
    sheet.set_row(1, None, None, {"hidden": True})
    sheet.freeze_panes(2, 1)
    if filled is not None:
        place = len(columns)
        sheet.write_string(0, place, reason, writer.style(**_HEADING))
        sheet.set_column(place, place, _WIDEST)
        for row, (line, problems) in enumerate(filled, 2):
            for position, column in enumerate(columns):
                writer.cell(sheet, row, position, line.get(column.key), column.kind)
            said = " ".join(
                f"{label}: {text}" if label else text for label, text in problems
            )
            writer.cell(sheet, row, place, said)


def _validation(column, ranges):
    if column.kind == "list" and column.choices in ranges:
        return {
            "validate": "list",
            "source": ranges[column.choices],
            "error_title": "Not in the list",
            "error_message": "Choose one of the list.",
        }
    if column.kind == "date":
        return {
            "validate": "date",
            "criteria": ">",
            "value": date(1900, 1, 2),
            "error_title": "Not a date",
            "error_message": "Write a date such as 2026-03-02.",
        }
    if column.kind == "time":
        return {
            "validate": "time",
            "criteria": "between",
            "minimum": time(0, 0),
            "maximum": time(23, 59, 59),
            "error_title": "Not a time",
            "error_message": "Write a time such as 14:30.",
        }
    if column.kind in ("amount", "quantity"):
        return {
            "validate": "decimal",
            "criteria": ">",
            "value": 0,
            "error_title": "Not a number",
            "error_message": "Write a number above zero.",
        }
    return None
