"""From a document back to the events and exceptions behind it."""

from odoo import fields, models
from odoo.fields import Domain


class HealthcareTraced(models.AbstractModel):
    """A document that events make or change, and that exceptions may be about."""

    _name = "healthcare.traced"
    _description = "Document of Events"

    # Counted for the system, within the user's facilities; shown to those who may open
    # what is counted.
    healthcare_event_count = fields.Integer(
        string="Events", compute="_compute_healthcare_trace", compute_sudo=True
    )
    healthcare_exception_count = fields.Integer(
        string="Exceptions", compute="_compute_healthcare_trace", compute_sudo=True
    )

    def _compute_healthcare_trace(self):
        user = self.env.user
        events = dict(
            self.env["healthcare.document.link"]._read_group(
                Domain("res_model", "=", self._name)
                & Domain("res_id", "in", self.ids)
                & user._healthcare_within("event_id.facility_id", "event_id.source_id"),
                ["res_id"],
                ["event_id:count_distinct"],
            )
        )
        exceptions = self.env["healthcare.exception"]
        within = user._healthcare_within(source="source_id")
        for document in self:
            document.healthcare_event_count = events.get(document.id, 0)
            document.healthcare_exception_count = document.id and (
                exceptions.search_count(
                    Domain(document._healthcare_exceptions()) & within
                )
            )

    def _healthcare_exceptions(self):
        """Return the domain of exceptions about this document or its visit."""
        self.ensure_one()
        domain = [("res_model", "=", self._name), ("res_id", "=", self.id)]
        if visit := self._healthcare_visit():
            domain = ["|", ("appointment_id", "=", visit.id), "&", *domain]
        return domain

    def _healthcare_visit(self):
        """Return the appointment the document belongs to, or none."""
        for name in ("healthcare_appointment_id", "appointment_id"):
            if name in self._fields:
                return self[name]
        return self.env["healthcare.appointment"]

    def action_open_healthcare_events(self):
        self.ensure_one()
        links = self.env["healthcare.document.link"].search(
            [("res_model", "=", self._name), ("res_id", "=", self.id)]
        )
        visits = self.env["healthcare.appointment"]
        return visits._open("healthcare.event", links.event_id.ids)

    def action_open_healthcare_exceptions(self):
        self.ensure_one()
        found = self.env["healthcare.exception"].search(self._healthcare_exceptions())
        visits = self.env["healthcare.appointment"]
        return visits._open("healthcare.exception", found.ids)

    def action_open_healthcare_appointment(self):
        self.ensure_one()
        visit = self._healthcare_visit()
        return visit._open(visit._name, visit.ids)


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "healthcare.traced"]

    healthcare_completion_ids = fields.One2many("healthcare.completion", "order_id")
    healthcare_completion_count = fields.Integer(
        compute="_compute_healthcare_documents", compute_sudo=True
    )
    healthcare_picking_count = fields.Integer(
        compute="_compute_healthcare_documents", compute_sudo=True
    )

    def _compute_healthcare_documents(self):
        for order in self:
            order.healthcare_completion_count = len(order.healthcare_completion_ids)
            order.healthcare_picking_count = len(order._healthcare_pickings())

    def _healthcare_pickings(self):
        self.ensure_one()
        return (
            self.healthcare_appointment_id.picking_ids
            | self.healthcare_completion_ids.picking_ids
        )

    def action_open_healthcare_completions(self):
        self.ensure_one()
        visits = self.env["healthcare.appointment"]
        return visits._open("healthcare.completion", self.healthcare_completion_ids.ids)

    def action_open_healthcare_pickings(self):
        self.ensure_one()
        visits = self.env["healthcare.appointment"]
        return visits._open("stock.picking", self._healthcare_pickings().ids)


class StockPicking(models.Model):
    _name = "stock.picking"
    _inherit = ["stock.picking", "healthcare.traced"]


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "healthcare.traced"]

    def _healthcare_visit(self):
        return (
            self.healthcare_completion_id.appointment_id
            or self.healthcare_fee_appointment_id
        )


class AccountPayment(models.Model):
    _name = "account.payment"
    _inherit = ["account.payment", "healthcare.traced"]

    def _healthcare_visit(self):
        return self.healthcare_deposit_visit_id


class HealthcareAuthorization(models.Model):
    _name = "healthcare.authorization"
    _inherit = ["healthcare.authorization", "healthcare.traced"]


class HealthcareCompletion(models.Model):
    _name = "healthcare.completion"
    _inherit = ["healthcare.completion", "healthcare.traced"]


class HealthcareClaim(models.Model):
    _name = "healthcare.claim"
    _inherit = ["healthcare.claim", "healthcare.traced"]
