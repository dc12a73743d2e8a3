from odoo import fields, models


class StockPicking(models.Model):
    _inherit = "stock.picking"

    healthcare_appointment_id = fields.Many2one(
        "healthcare.appointment",
        string="Appointment",
        copy=False,
        index="btree_not_null",
    )
    healthcare_completion_id = fields.Many2one(
        "healthcare.completion",
        string="Completed Service",
        copy=False,
        index="btree_not_null",
    )

    def _create_backorder_picking(self):
        """A backorder is for the same visit or service."""
        backorder = super()._create_backorder_picking()
        if self.healthcare_appointment_id or self.healthcare_completion_id:
            backorder.write(
                {
                    "healthcare_appointment_id": self.healthcare_appointment_id.id,
                    "healthcare_completion_id": self.healthcare_completion_id.id,
                }
            )
        return backorder

    def _send_confirmation_email(self):
        """Say nothing by e-mail of a patient's supplies: it would be in the clear."""
        ours = self.filtered(
            lambda p: p.healthcare_appointment_id or p.healthcare_completion_id
        )
        return super(StockPicking, self - ours)._send_confirmation_email()

    def _healthcare_fingerprint(self):
        """Return what names the shortage of this transfer's visit or service."""
        self.ensure_one()
        if self.healthcare_appointment_id:
            return f"stock/{self.healthcare_appointment_id.id}"
        return f"stock-service/{self.healthcare_completion_id.id}"
