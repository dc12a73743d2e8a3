"""Spreadsheets that strangers filled: read within limits, written harmlessly.

Pure Python. Cells are ``None``, text, numbers, booleans, dates, times or datetimes.
Formulas are never worked out: of a cell with one, the value its program kept is read.
"""

import csv
import io
import re
import zipfile
from collections import namedtuple
from datetime import date, datetime, time

from ..errors import InputError
from ..marked import _lt

# This folder has no environment to translate with.
# pylint: disable=prefer-env-translation

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_BYTES = 5 * 1024 * 1024  # of the file
MAX_INFLATED = 32 * 1024 * 1024  # of what an XLSX holds
MAX_PARTS = 200  # files in an XLSX
MAX_SHEETS = 20
MAX_ROWS = 10_000  # of all sheets together
MAX_COLUMNS = 60
MAX_CELL = 4_000  # characters
MAX_BLANK = 2_000  # empty rows in a row, after which a sheet is taken as over

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# What programs take as the beginning of a formula in a text that is opened or pasted.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

#: A sheet: ``rows`` is a list of ``(line number, [cells])`` without empty rows.
Sheet = namedtuple("Sheet", "title rows hidden")


def safe(value):
    """Return a cell no program takes for a formula: such a text begins with ``'``."""
    if isinstance(value, str) and value.startswith((*_FORMULA, "'")):
        return f"'{value}"
    return value


def plain(value):
    """Return a text as it was before :func:`safe`, without spaces around it."""
    if not isinstance(value, str):
        return value
    value = value.strip()
    if value.startswith("'") and value[1:].startswith((*_FORMULA, "'")):
        return value[1:]
    return value


# -- writing ----------------------------------------------------------------------


def write_csv(rows):
    """Return rows as CSV bytes (UTF-8 with a mark, which Excel asks for)."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    for row in rows:
        writer.writerow([_text(safe(value)) for value in row])
    return stream.getvalue().encode("utf-8-sig")


def _text(value):
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, time):
        return value.isoformat("minutes")
    return value.isoformat() if isinstance(value, date) else str(value)


# -- reading ----------------------------------------------------------------------


def read(content):
    """Read a spreadsheet, XLSX or CSV.

    :param bytes content: the file
    :return: list of :class:`Sheet`; a CSV is one, without a title
    :raise InputError: ``too_large`` (413), ``not_a_spreadsheet``, ``not_safe``
    """
    if len(content) > MAX_BYTES:
        raise _too_large(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
    if content.startswith(_ZIP):
        return _read_xlsx(content)
    if content.startswith(_OLD_EXCEL):
        raise _invalid(
            _lt("This is an old or a protected Excel file: save it as .xlsx.")
        )
    return [Sheet("", _read_csv(content), False)]


def _invalid(detail):
    return InputError("not_a_spreadsheet", detail)


def _too_large(detail):
    return InputError("too_large", detail, status=413)


def _read_csv(content):
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _invalid(
            _lt("This is neither an .xlsx nor a CSV file in UTF-8.")
        ) from None
    if "\x00" in text:
        raise _invalid(_lt("This is neither an .xlsx nor a CSV file in UTF-8."))
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            _take(rows, reader.line_num, cells, 0)
    except csv.Error:
        raise _invalid(
            _lt("The lines of this CSV file cannot be told apart.")
        ) from None
    return rows


def _take(rows, number, cells, before):
    """Add a row unless it is empty; refuse it where it breaks a limit."""
    cells = [plain(cell) if cell != "" else None for cell in cells]
    while cells and cells[-1] in (None, ""):
        cells.pop()
    if not cells:
        return
    if len(cells) > MAX_COLUMNS:
        raise _too_large(f"There are more than {MAX_COLUMNS} columns.")
    if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in cells):
        raise _too_large(f"A cell is longer than {MAX_CELL} characters.")
    if before + len(rows) >= MAX_ROWS:
        raise _too_large(f"There are more than {MAX_ROWS} lines.")
    rows.append((number, [None if cell == "" else cell for cell in cells]))


def _read_xlsx(content):
    _check_archive(content)
    # Imported when needed: a worker that reads no spreadsheet does not pay for it.
    import openpyxl

    try:
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        try:
            return _read_book(book)
        finally:
            book.close()
    except InputError:
        raise
    except MemoryError:
        raise _too_large(_lt("This file is too large.")) from None
    # Whatever a library of many parts makes of a broken file: it is the file's fault,
    # and its messages may hold what is in the file.
    except Exception:  # pylint: disable=broad-except
        raise _invalid(_lt("This .xlsx file is broken: save it anew.")) from None


def _read_book(book):
    if len(book.worksheets) > MAX_SHEETS:
        raise _too_large(f"There are more than {MAX_SHEETS} sheets.")
    sheets, total = [], 0
    for sheet in book.worksheets:
        # What a file says of its own size is not believed.
        sheet.reset_dimensions()
        rows, blank = [], 0
        lines = sheet.iter_rows(max_col=MAX_COLUMNS + 1, values_only=True)
        for number, cells in enumerate(lines, 1):
            count = len(rows)
            _take(rows, number, cells, total)
            blank = blank + 1 if len(rows) == count else 0
            if blank > MAX_BLANK:
                break
        total += len(rows)
        sheets.append(Sheet(sheet.title, rows, sheet.sheet_state != "visible"))
    return sheets


def _check_archive(content):
    """Refuse archives that would grow out of bounds, and XML with definitions."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            # The sizes bind: zipfile never gives out more than a part declares.
            size = sum(part.file_size for part in parts)
            if len(parts) > MAX_PARTS or size > MAX_INFLATED:
                raise _too_large(
                    _lt(
                        "What this file holds is too large: copy the lines into a "
                        "new one."
                    )
                )
            names = {part.filename for part in parts}
            if "[Content_Types].xml" not in names:
                raise _invalid(_lt("This is no spreadsheet: save it as .xlsx or CSV."))
            for part in parts:
                if part.flag_bits & 1:
                    raise _invalid(_lt("This file is protected by a password."))
                with archive.open(part) as stream:
                    _check_part(stream)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
        raise _invalid(_lt("This .xlsx file is broken: save it anew.")) from None
    # zlib and lzma have errors of their own.
    except (RuntimeError, ValueError, zipfile.zlib.error):
        raise _invalid(_lt("This .xlsx file is broken: save it anew.")) from None


def _check_part(stream):
    tail = b""
    while block := stream.read(256 * 1024):
        if _DOCTYPE.search(tail + block):
            raise InputError("not_safe", _lt("This file defines things of its own."))
        tail = block[-16:]
