"""Services performed and what they used."""

from .column import (
    COMPANY,
    COUNT,
    CURRENCY,
    HOURS,
    MONEY,
    NUMBER,
    TEXT,
    UNIT,
    Column,
    money,
    number,
    text,
)

SERVICE = {
    "performed_at": Column(
        "datetime",
        "date",
        "When it was performed",
        None,
        "data.service.performed_at",
    ),
    "services": Column(
        TEXT, "none", "Charge codes, separated by commas", None, "data.charges[].code"
    ),
    "quantity": Column(
        NUMBER,
        "none",
        "Sum of charged quantities",
        COUNT,
        "data.charges[].quantity",
    ),
    "payer": Column(
        TEXT,
        "none",
        "Payer code, empty for self-pay",
        None,
        "healthcare.completion.payer_id",
    ),
    "amount_charged": Column(
        MONEY,
        "none",
        "Charged, before taxes",
        COMPANY,
        "healthcare.completion.line.amount",
    ),
    "amount_revenue": money(
        "Posted to income accounts for it, less credit notes; revenue that is "
        "recognized over months counts whole",
        "account.move.line.balance of the service's invoices and credit notes",
    ),
    "service_key": text(
        "Equal for the facts of one performed service: one that has charges of "
        "several service lines has a fact for each",
        "healthcare.completion.id",
    ),
    "appointment_key": text(
        "Key of the appointment fact it was performed at",
        "healthcare.completion.appointment_id",
    ),
    "provider": text("Who performed it", "data.service.provider"),
    "told_hours": number(
        "From when it was performed to when we were told",
        HOURS,
        "data.service.performed_at, healthcare.event.received_at",
    ),
    "currency": CURRENCY,
}

CONSUMABLE_USAGE = {
    "product": Column(
        TEXT,
        "none",
        "Internal reference of the product",
        None,
        "product.product.default_code",
    ),
    "quantity": Column(
        NUMBER,
        "none",
        "Quantity used, in unit",
        UNIT,
        "data.consumables[].quantity",
    ),
    "planned": Column(
        NUMBER,
        "none",
        "Quantity planned for the service",
        UNIT,
        "healthcare.service.supply.quantity",
    ),
    "wasted": Column(
        NUMBER,
        "none",
        "Of the quantity, wasted",
        UNIT,
        "data.consumables[].wasted",
    ),
    "unit": Column(TEXT, "none", "Unit of measure", None, "product.product.uom_id"),
    "cost": Column(
        MONEY,
        "none",
        "Quantity used at standard cost when it was told",
        COMPANY,
        "product.product.standard_price",
    ),
    "quantity_moved": number(
        "Taken out of stock, less what was returned", UNIT, "stock.move.quantity"
    ),
    "cost_actual": money(
        "Value of what was taken out of stock, less what was returned",
        "stock.move.value",
    ),
    "service_key": text(
        "Value of the same column in the facts of the service",
        "healthcare.completion.id",
    ),
    "currency": CURRENCY,
}
