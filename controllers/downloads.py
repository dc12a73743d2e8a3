"""What people take along is recorded: tables of figures, printed documents, files.

Lists are recorded where they are made (``models/privacy/access_export.py``). Each of
these writes, unlike Odoo's own, so that none may run on a replica.
"""

import json
import re

from werkzeug.datastructures import FileStorage

from odoo.http import request, route

from odoo.addons.account.controllers.download_docs import (
    AccountDocumentDownloadController,
)
from odoo.addons.web.controllers.pivot import TableExporter
from odoo.addons.web.controllers.report import ReportController

# What XlsxWriter makes a formula or a link of.
_ALIVE = re.compile(r"\{?=|\w+://|mailto:|internal:|external:")


class PivotDownload(TableExporter):
    @route(readonly=False)
    def export_xlsx(self, data, **kw):
        """Record the table; its headings stay texts.

        The figures come from the browser, and so does what they are of: nothing is
        read here. ``static/src/privacy`` has the browser tell filter and groupings.
        """
        table = json.load(data) if isinstance(data, FileStorage) else json.loads(data)
        if table:
            told = table.pop("healthcare", None) or {}
            for heading in _headings(table):
                if _ALIVE.match(heading["title"]):
                    heading["title"] = f" {heading['title']}"
            request.env["healthcare.payload.access"]._record_table(
                table["model"],
                len(table["rows"]),
                told.get("domain"),
                told.get("groupings"),
            )
        return super().export_xlsx(json.dumps(table), **kw)


class ReportDownload(ReportController):
    @route(readonly=False)
    def report_routes(self, reportname, docids=None, converter=None, **data):
        """Record whose documents are shown or printed, ``/report/download`` too."""
        response = super().report_routes(
            reportname, docids=docids, converter=converter, **data
        )
        # As Odoo's own: whoever may print it need not read what reports there are.
        report = request.env["ir.actions.report"]._get_report(reportname)
        if report.model in request.env:
            ids = [int(one) for one in (docids or "").split(",") if one.isdigit()]
            request.env["healthcare.payload.access"]._record_documents(
                request.env[report.model].browse(ids).exists(), report.name
            )
        return response


class InvoiceDownload(AccountDocumentDownloadController):
    @route()
    def download_invoice_documents_filetype(
        self, invoices, filetype, allow_fallback=True
    ):
        response = super().download_invoice_documents_filetype(
            invoices, filetype, allow_fallback
        )
        request.env["healthcare.payload.access"]._record_documents(invoices)
        return response

    @route()
    def download_invoice_attachments(self, attachments):
        response = super().download_invoice_attachments(attachments)
        moves = request.env["account.move"].browse(attachments.mapped("res_id"))
        request.env["healthcare.payload.access"]._record_documents(moves)
        return response

    @route()
    def download_move_attachments(self, moves):
        response = super().download_move_attachments(moves)
        request.env["healthcare.payload.access"]._record_documents(moves)
        return response


def _headings(table):
    """Yield what has a title: columns, measures, rows."""
    for row in table["col_group_headers"]:
        yield from row
    yield from table["measure_headers"]
    yield from table["rows"]
