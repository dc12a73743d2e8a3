"""What the browser fetches as a file, or as a page to print, is recorded."""

import io
import json

import openpyxl

from odoo.http import Request
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestDownloads(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.record = cls.env["healthcare.payload.access"]
        cls.patient = cls.env["res.partner"].create(
            {
                "name": '=HYPERLINK("http://x.example")',
                "healthcare_is_patient": True,
                "healthcare_reference": "DL-1",
            }
        )
        cls.order = cls.env["sale.order"].create({"partner_id": cls.patient.id})

    def setUp(self):
        super().setUp()
        self.authenticate("admin", "admin")

    def newest(self):
        row = self.record.search([], limit=1)
        self.assertEqual(row.kind, "export")
        return row

    def pivot(self, **more):
        heading = {"title": self.patient.name, "width": 1, "height": 1}
        table = {
            "model": "sale.order",
            "title": "Orders",
            "measure_count": 1,
            "col_group_headers": [[heading]],
            "measure_headers": [{"title": "http://x.example", "is_bold": False}],
            "rows": [
                {
                    "title": self.patient.name,
                    "indent": 0,
                    "values": [{"value": 7, "is_bold": False}],
                }
            ],
            **more,
        }
        answer = self.url_open(
            "/web/pivot/export_xlsx",
            data={"data": json.dumps(table), "csrf_token": Request.csrf_token(self)},
        )
        self.assertEqual(answer.status_code, 200, answer.text[:500])
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        return [cell for row in book.active.iter_rows() for cell in row]

    def test_a_pivot_is_recorded_and_stays_text(self):
        cells = self.pivot(
            healthcare={
                "domain": [["partner_id", "=", self.patient.id]],
                "groupings": ["partner_id", "date_order:month"],
            }
        )
        self.assertFalse(
            [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
        )
        self.assertIn(7, [cell.value for cell in cells])
        row = self.newest()
        self.assertEqual(row.patients, self.patient.ids)
        self.assertIn("1 rows, by Customer, Order Date; filter: Customer", row.detail)
        self.assertNotIn("HYPERLINK", row.detail)
        # From a browser that has the page of before.
        self.pivot()
        self.assertIn("filter: not known", self.newest().detail)

    def test_a_printed_document_is_recorded(self):
        answer = self.url_open(f"/report/html/sale.report_saleorder/{self.order.id}")
        self.assertEqual(answer.status_code, 200)
        row = self.newest()
        self.assertEqual(row.patients, self.patient.ids)
        self.assertIn("Sales Order, 1 printed", row.detail)

    def test_files_of_invoices_are_recorded(self):
        move = self.env["account.move"].create(
            {"move_type": "out_invoice", "partner_id": self.patient.id}
        )
        paper = self.env["ir.attachment"].create(
            {
                "name": "a.txt",
                "raw": b"a",
                "res_model": move._name,
                "res_id": move.id,
            }
        )
        answer = self.url_open(f"/account/download_invoice_attachments/{paper.id}")
        self.assertEqual(answer.text, "a")
        self.assertEqual(self.newest().patients, self.patient.ids)
