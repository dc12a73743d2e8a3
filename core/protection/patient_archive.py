"""What is held about a patient, as a file to hand over: JSON and a page to read."""

import io
import json
import zipfile
from html import escape

_STYLE = (
    "body{font:14px/1.5 sans-serif;margin:2rem auto;max-width:60rem;color:#222}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "th,td{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;"
    "vertical-align:top}th{background:#f3f3f3}pre{white-space:pre-wrap}"
)


def build(title, notes, sections):
    """Return a ZIP (bytes) with ``data.json`` and ``index.html``.

    :param str title: heading of the page
    :param notes: sentences under it
    :param sections: list of ``{"name", "title", "rows"}``; rows are dicts of a label
        each and a JSON value; all rows of a section have the same labels
    """
    data = {
        "title": title,
        "notes": list(notes),
        **{section["name"]: section["rows"] for section in sections},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "data.json", json.dumps(data, indent=2, ensure_ascii=False, default=str)
        )
        archive.writestr("index.html", page(title, notes, sections))
    return buffer.getvalue()


def page(title, notes, sections):
    """Return the page (text); everything in it is escaped and nothing is loaded."""
    parts = [
        '<!DOCTYPE html><html><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(note)}</p>" for note in notes),
    ]
    for section in sections:
        parts.append(f"<h2>{escape(section['title'])}</h2>")
        parts.append(_table(section["rows"]))
    parts.append("</body></html>")
    return "".join(parts)


def _table(rows):
    if not rows:
        return "<p>–</p>"
    heads = "".join(f"<th>{escape(str(label))}</th>" for label in rows[0])
    lines = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{heads}</tr>{lines}</table>"


def _cell(value):
    if value in (None, False, ""):
        return ""
    if isinstance(value, dict | list):
        text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
        return f"<pre>{escape(text)}</pre>"
    return escape(str(value))
