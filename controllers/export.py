"""Odoo's own exports, with texts as texts.

What patients, vendors and payers are called was written by strangers. A name such as
``=HYPERLINK(…)`` must not come alive in the spreadsheet of whoever exports a list.
"""

from odoo.addons.web.controllers import export

# Odoo's CSV export sees to =, + and - itself.
_REST = ("@", "\t", "\r", "\n")


class _Texts:
    """Writes each text as a text; Odoo lets XlsxWriter guess, which sees formulas."""

    def write(self, row, column, cell_value, style=None):
        if not isinstance(cell_value, str):
            return super().write(row, column, cell_value, style)
        return self.worksheet.write_string(row, column, cell_value, style)


class _Sheet(_Texts, export.ExportXlsxWriter):
    """A list of records."""


class _GroupedSheet(_Texts, export.GroupExportXlsxWriter):
    """Records in groups."""


class ExcelExport(export.ExcelExport):
    def from_group_data(self, fields, columns_headers, groups):
        with _GroupedSheet(fields, columns_headers, groups.count) as sheet:
            x, y = 1, 0
            for name, group in groups.children.items():
                x, y = sheet.write_group(x, y, name, group)
        return sheet.value

    def from_data(self, fields, columns_headers, rows):
        with _Sheet(fields, columns_headers, len(rows)) as sheet:
            for row_number, row in enumerate(rows, 1):
                for column, value in enumerate(row):
                    sheet.write_cell(row_number, column, value)
        return sheet.value


class CSVExport(export.CSVExport):
    def from_data(self, fields, columns_headers, rows):
        return super().from_data(
            fields, columns_headers, [[_harmless(cell) for cell in row] for row in rows]
        )


def _harmless(cell):
    if isinstance(cell, str) and cell.startswith(_REST):
        return f"'{cell}"
    return cell
