"""What is known of one completion while it is being worked on."""

from ..erp.values import moment, number


class Charge:
    """One line to bill.

    ``base`` is the price before modifiers; ``source`` says whose it is: the event's
    own (``event``), the price list of who pays (``contract``) or ours (``list``).
    """

    __slots__ = (
        "service",
        "quantity",
        "base",
        "price",
        "amount",
        "source",
        "modifiers",
    )

    def __init__(self, service, quantity, price, source, modifiers):
        self.service = service
        self.quantity = quantity
        self.base = self.price = price
        self.amount = 0.0  # rounded, set once the price is known
        self.source = source
        self.modifiers = modifiers


class Case:
    """One completion: what it says, what it needs, and what is made of it."""

    def __init__(self, event, patient, key):
        self.event = event
        self.patient = patient
        self.key = key
        self.data = event._content()
        self.performed_at = moment(self.data["service"]["performed_at"])
        self.parked = False
        self.appointment = None
        self.coverage = None
        self.order = None
        self.order_key = False
        self.completion = None
        self.replaced = None  # the earlier version of the same completion
        self.freed = None  # receivable lines of money the earlier version had received
        self.copay = 0.0
        self.invoices = None
        self.amount = 0.0
        self.charges = []
        self.lines = {}  # service -> sale.order.line
        self.planned, self.consumed, self.wasted = {}, {}, {}
        self.others = (
            None  # visits that got supplies which the earlier version had used
        )
        self.lots = {}  # product -> {lot name: quantity}
        self.uses = {}  # authorization -> units
        self.substitutes = {}  # product used -> product planned

    @property
    def payer(self):
        """The payer, an empty partner when the patient pays."""
        return self.coverage.payer_id if self.coverage else self.patient.browse()

    def park(self, category, reason, cause=None, amount=None, **values):
        self.parked = True
        values.setdefault("patient_id", self.patient.id)
        if self.appointment:
            values.setdefault("appointment_id", self.appointment.id)
        amount = self.amount if amount is None else amount
        if not amount:
            amount = sum(
                number(charge.get("quantity"), 1.0) * number(charge.get("unit_price"))
                for charge in self.data["charges"]
            )
        self.event._park(category, reason, cause=cause, amount=amount, **values)

    def quantities(self):
        """Return ``{service: quantity}`` of all charges."""
        quantities = {}
        for charge in self.charges:
            quantities[charge.service] = (
                quantities.get(charge.service, 0) + charge.quantity
            )
        return quantities

    def period(self):
        """Return the first and last day (UTC) on which the service was given."""
        performed = self.performed_at.date()
        visit = self.appointment
        first = visit.start.date() if visit and visit.start else performed
        last = visit.end.date() if visit and visit.end else performed
        return min(first, performed), max(last, performed)

    def use(self, product, line, unit):
        """Add a line of what was used, in the product's own unit."""
        quantity = number(line.get("quantity"), 1.0)
        wasted = number(line.get("wasted"))
        if (
            unit
            and unit != product.uom_id
            and unit._has_common_reference(product.uom_id)
        ):
            quantity = unit._compute_quantity(quantity, product.uom_id)
            wasted = unit._compute_quantity(wasted, product.uom_id)
        self.consumed[product] = self.consumed.get(product, 0) + quantity
        self.wasted[product] = self.wasted.get(product, 0) + wasted
        if line.get("lot"):
            lots = self.lots.setdefault(product, {})
            lots[line["lot"]] = lots.get(line["lot"], 0) + quantity
