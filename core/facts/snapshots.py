"""Daily figures: of a facility and a day in its company's time zone."""

from .column import (
    COUNT,
    CURRENCY,
    DAY,
    DAYS,
    MINUTES,
    MOMENT,
    UNIT,
    flag,
    money,
    new,
    number,
    text,
)

#: Ages of what is open, in days since it was due: name and first day.
BUCKETS = (("0_30", None), ("31_60", 31), ("61_90", 61), ("91_120", 91), ("121", 121))

#: What every snapshot says of itself.
COVERS = {
    "day": new(DAY, "none", "Day, in the time zone", None, "date"),
    "timezone": text("IANA name", "res.company.partner_id.tz"),
    "covers_from": new(
        MOMENT, "none", "First moment that is counted", None, "start of the day"
    ),
    "covers_to": new(
        MOMENT,
        "none",
        "Last moment that is counted: the end of the day, or when it was computed",
        None,
        "end of the day",
    ),
    "complete": flag("Whether the day was over when it was computed"),
}
_SUPPRESSED = flag(
    "Whether the figures were left out: so few patients that they could tell of one"
)
_PATIENTS = number("Patients the figures are about", COUNT, "patient_id")
_SMALLEST = number(
    "The count that decides about leaving out: own patients, or those of the smallest "
    "cell beside it, which could be computed from this one",
    COUNT,
)

STOCK_LEVEL = {
    "product": text(
        "Internal reference of the product", "product.product.default_code"
    ),
    **COVERS,
    "unit": text("Unit of measure", "product.product.uom_id"),
    "quantity": number("On hand at the end", UNIT, "stock.move.quantity"),
    "received": number("Brought in within the day", UNIT, "stock.move.quantity"),
    "issued": number("Taken out within the day", UNIT, "stock.move.quantity"),
    "adjusted": number(
        "Of the difference, by counting", UNIT, "stock.move.is_inventory"
    ),
    "scrapped": number("Of what was taken out, scrapped", UNIT, "stock.move.quantity"),
    "reserved": number(
        "Reserved, empty for past days", UNIT, "stock.quant.reserved_quantity"
    ),
    "minimum": number(
        "Reordering point as it is set now",
        UNIT,
        "stock.warehouse.orderpoint.product_min_qty",
    ),
    "unit_cost": money("Of one unit, at the end", "product.value, stock.move.value"),
    "value": money("On hand at unit cost", "quantity * unit_cost"),
    "currency": CURRENCY,
}

PROCUREMENT = {
    "product": text(
        "Internal reference of the product", "product.product.default_code"
    ),
    "vendor": text("Name of the vendor", "res.partner.name"),
    **COVERS,
    "unit": text("Unit of measure", "product.product.uom_id"),
    "orders": number("Orders confirmed within the day", COUNT, "purchase.order"),
    "quantity_ordered": number(
        "Confirmed within the day", UNIT, "purchase.order.line.product_qty"
    ),
    "amount_ordered": money(
        "Confirmed within the day, before taxes", "purchase.order.line.price_subtotal"
    ),
    "receipts": number("Receipts within the day", COUNT, "stock.move"),
    "quantity_received": number(
        "Received within the day, less returns", UNIT, "stock.move.quantity"
    ),
    "lead_days": number(
        "From confirmation to receipt, mean of the receipts within the day",
        DAYS,
        "purchase.order.date_approve, stock.move.date",
    ),
    "open_quantity": number(
        "Confirmed and not received at the end", UNIT, "purchase.order.line"
    ),
    "late_quantity": number(
        "Of it, expected before the end", UNIT, "purchase.order.line.date_planned"
    ),
    "open_replenishments": number(
        "Orders drafted and not confirmed at the end; drafts cancelled since then are "
        "not counted",
        COUNT,
        "purchase.order",
    ),
    "currency": CURRENCY,
}

UTILIZATION = {
    "provider": text("Who performs", "healthcare.appointment.provider"),
    **COVERS,
    "booked": number("Visits booked within the day", COUNT, "booked_at"),
    "scheduled": number("Visits planned to start within the day", COUNT, "start"),
    "completed": number("Of these, completed", COUNT, "healthcare.appointment.state"),
    "cancelled": number("Of these, cancelled", COUNT, "healthcare.appointment.state"),
    "no_shows": number("Of these, not come to", COUNT, "healthcare.appointment.state"),
    "minutes_scheduled": number("Planned for the day", MINUTES, "start, end"),
    "minutes_completed": number("Of these, of completed visits", MINUTES, "start, end"),
    "performed": number(
        "Services performed within the day", COUNT, "healthcare.completion"
    ),
    "quantity": number(
        "Charged quantities of these", COUNT, "healthcare.completion.line.quantity"
    ),
    "patients": _PATIENTS,
    "patients_smallest": _SMALLEST,
    "suppressed": _SUPPRESSED,
}

FINANCIAL_SUMMARY = {
    "payer": text("Payer code, empty for patients", "healthcare_payer_code"),
    **COVERS,
    "charges": money("Invoiced within the day, before taxes", "account.move"),
    "adjustments": money(
        "Written off within the day, for claims", "account.move.line.balance"
    ),
    "credits": money("Credit notes within the day, before taxes", "account.move"),
    "payments": money(
        "Put to invoices of the day's payments", "account.partial.reconcile.amount"
    ),
    "refunds": money(
        "Paid back within the day", "account.payment.payment_type outbound"
    ),
    **{
        f"ar_{side}_{name}": money(
            f"Owed by {whom} at the end, due since "
            + (f"{first} days or more" if name == "121" else f"{name} days")
            .replace("_", " to ")
            .replace("0 to 30 days", "30 days at most, or not yet"),
            "account.move.line.balance less account.partial.reconcile.amount",
        )
        for side, whom in (("payer", "payers"), ("patient", "patients"))
        for name, first in BUCKETS
    },
    "denials": number("Claims denied within the day", COUNT, "healthcare.claim"),
    "amount_denied": money("Charged by these", "healthcare.claim.charged"),
    "patients": _PATIENTS,
    "patients_smallest": _SMALLEST,
    "suppressed": _SUPPRESSED,
    "currency": CURRENCY,
}

#: ``{type: columns that name a cell}``; the others are measures.
CELLS = {
    "utilization": ("provider", *COVERS, "suppressed"),
    "financial_summary": ("payer", *COVERS, "suppressed", "currency"),
}
