"""Which event made or changed which document."""

from odoo import api, fields, models


class HealthcareDocumentLink(models.Model):
    """The trace between an event and a business document, readable both ways."""

    _name = "healthcare.document.link"
    _description = "Document of an Event"
    _order = "id"
    _log_access = False

    event_id = fields.Many2one(
        "healthcare.event", required=True, index=True, ondelete="cascade"
    )
    res_model = fields.Char(string="Document Model", required=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", required=True
    )
    document_type = fields.Char(compute="_compute_document")
    document_name = fields.Char(string="Document", compute="_compute_document")

    _link_unique = models.UniqueIndex(
        "(event_id, res_model, res_id)", "This document is linked already."
    )
    _document_index = models.Index("(res_model, res_id)")

    @api.depends("res_model", "res_id")
    def _compute_document(self):
        for link in self:
            model = self.env.get(link.res_model)
            record = model.browse(link.res_id).exists() if model is not None else None
            kind = self.env["ir.model"]._get(link.res_model)
            link.document_type = kind.name if model is not None else False
            link.document_name = (
                record.display_name if record and record.has_access("read") else False
            )

    def action_open(self):
        self.ensure_one()
        action = {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "views": [(False, "form")],
        }
        if self.res_model == "res.partner":
            form = "healthcare_connector.view_patient_form"
            action["context"] = {"form_view_ref": form}
        return action
