from odoo import fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    healthcare_facility_id = fields.Many2one(
        "healthcare.facility", string="Facility", copy=False
    )
    healthcare_appointment_id = fields.Many2one(
        "healthcare.appointment",
        string="Appointment",
        copy=False,
        index="btree_not_null",
    )

    healthcare_order_key = fields.Char(
        copy=False, help="Keyed hash of the vendor's order number."
    )

    healthcare_subject = fields.Char(
        copy=False,
        index="btree_not_null",
        help="Keyed hash of the appointment this was ordered for, before it is booked.",
    )

    _healthcare_order_key_unique = models.UniqueIndex(
        "(healthcare_order_key) WHERE healthcare_order_key IS NOT NULL",
        "This order exists already.",
    )
    _healthcare_appointment_unique = models.UniqueIndex(
        "(healthcare_appointment_id) WHERE healthcare_appointment_id IS NOT NULL",
        "An appointment has one service order.",
    )

    def action_open_healthcare_appointment(self):
        self.ensure_one()
        return self.healthcare_appointment_id._open(
            "healthcare.appointment", self.healthcare_appointment_id.ids
        )


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    healthcare_ordered = fields.Float(
        string="Ordered",
        copy=False,
        digits="Product Unit",
        help="Ordered by a physician's order, whatever the appointment plans.",
    )
