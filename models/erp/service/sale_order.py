from odoo import fields, models
from odoo.exceptions import UserError


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

    healthcare_billing_hold = fields.Boolean(
        string="Billing on Hold",
        related="healthcare_appointment_id.billing_hold",
        store=True,
    )
    healthcare_billing_hold_reason = fields.Char(
        string="Why Billing Is on Hold",
        related="healthcare_appointment_id.billing_hold_reason",
        store=True,
    )

    _healthcare_order_key_unique = models.UniqueIndex(
        "(healthcare_order_key) WHERE healthcare_order_key IS NOT NULL",
        "This order exists already.",
    )
    _healthcare_appointment_unique = models.UniqueIndex(
        "(healthcare_appointment_id) WHERE healthcare_appointment_id IS NOT NULL",
        "An appointment has one service order.",
    )

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Bill nothing by hand that a payer refused.

        :raise UserError: for an order on hold
        """
        for order in self.filtered("healthcare_billing_hold"):
            raise UserError(
                self.env._(
                    "Billing of %(order)s is on hold: %(reason)s",
                    order=order.name,
                    reason=order.healthcare_billing_hold_reason or "",
                )
            )
        return super()._create_invoices(grouped=grouped, final=final, date=date)


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    healthcare_ordered = fields.Float(
        string="Ordered",
        copy=False,
        digits="Product Unit",
        help="Ordered by a physician's order, whatever the appointment plans.",
    )
