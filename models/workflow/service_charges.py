"""What a completion says was done and used: prices, modifiers, supplies."""

from odoo import api, models

from ..erp.values import number
from .service_case import Charge


class HealthcareWorkflowService(models.AbstractModel):
    _inherit = "healthcare.workflow.service"

    # -- charges ----------------------------------------------------------------

    @api.model
    def _map_charges(self, cases):
        services = self._services_by_code(
            {charge["code"] for case in cases for charge in case.data["charges"]}
        )
        for case in cases:
            unknown = None
            for charge in case.data["charges"]:
                quantity = number(charge.get("quantity"), 1.0)
                service = services.get(charge["code"])
                if not service:
                    unknown = unknown or charge["code"]
                    case.amount += quantity * number(charge.get("unit_price"))
                    continue
                given = charge.get("unit_price") is not None
                price = number(charge.get("unit_price"), service.list_price)
                case.charges.append(
                    Charge(
                        service,
                        quantity,
                        price,
                        "event" if given else "list",
                        list(charge.get("modifiers") or ()),
                    )
                )
                case.amount += quantity * price
            if unknown is not None:
                case.park(
                    "unmapped_code",
                    self.env._("No service has the code %s.", unknown),
                    cause=f"service/{unknown}",
                )

    @api.model
    def _price_charges(self, cases):
        """Price what events gave no price for: contract, else list; then modifiers.

        One computation per price list, quantity and day, whatever the number of cases.
        """
        groups = {}
        for case in cases:
            bearer = case.payer or case.patient
            pricelist = bearer.specific_property_product_pricelist
            for charge in case.charges if pricelist else ():
                if charge.source == "list":
                    key = (pricelist, charge.quantity, case.performed_at.date())
                    groups.setdefault(key, []).append(charge)
        for (pricelist, quantity, date), charges in groups.items():
            products = self.env["product.product"].concat(
                *{charge.service.product_id for charge in charges}
            )
            prices = pricelist._compute_price_rule(
                products, quantity, currency=self.env.company.currency_id, date=date
            )
            for charge in charges:
                price, rule = prices[charge.service.product_id.id]
                if rule:
                    charge.base, charge.source = price, "contract"
        self._apply_modifiers(cases)

    @api.model
    def _apply_modifiers(self, cases):
        """Change our own prices as modifiers say; a price of the event has them in."""
        ours = [
            (case, charge)
            for case in cases
            for charge in case.charges
            if charge.source != "event"
        ]
        modifiers = self.env["healthcare.modifier"]._by_code(
            {code for _case, charge in ours for code in charge.modifiers}
        )
        for case, charge in ours:
            factor = 1.0
            for code in charge.modifiers:
                if code in modifiers:
                    factor *= modifiers[code].percentage / 100
            charge.price = charge.base
            if factor != 1.0:
                currency = case.event.facility_id.company_id.currency_id
                charge.price = currency.round(charge.base * factor)
        for case in cases:
            # Line by line, as the invoice does it.
            currency = case.event.facility_id.company_id.currency_id
            for one in case.charges:
                one.amount = currency.round(one.quantity * one.price)
            case.amount = currency.round(sum(one.amount for one in case.charges))

    # -- supplies ---------------------------------------------------------------

    @api.model
    def _map_consumables(self, cases):
        """Read what was used; what is not told of was used as planned."""
        used = [line for case in cases for line in case.data.get("consumables") or ()]
        products = self._supplies_by_code({line["code"] for line in used})
        units = self._units_by_name({line["uom"] for line in used if line.get("uom")})
        for case in cases:
            for charge in case.charges:
                for supply in charge.service.supply_ids:
                    case.planned[supply.product_id] = (
                        case.planned.get(supply.product_id, 0)
                        + supply.quantity * charge.quantity
                    )
            if "consumables" not in case.data:
                case.consumed = dict(case.planned)
                continue
            for line in case.data["consumables"]:
                product = products.get(line["code"])
                if not product:
                    case.park(
                        "unmapped_code",
                        self.env._("No product has the code %s.", line["code"]),
                        cause=f"supply/{line['code']}",
                    )
                    break
                case.use(product, line, units.get((line.get("uom") or "").lower()))
            else:
                self._note_substitutes(case)

    @api.model
    def _units_by_name(self, names):
        if not names:
            return {}
        units = self.env["uom.uom"].search([("name", "=ilike", "%")])
        return {unit.name.lower(): unit for unit in units}

    @api.model
    def _note_substitutes(self, case):
        """Pair what was used unplanned with what was planned and not used.

        A supply's own list of alternatives decides; where none fits, the product
        category does. By internal reference, so that it does not depend on the order
        in which an event lists them.
        """

        def code(product):
            return (product.default_code or "", product.id)

        other = [
            p for p, used in case.consumed.items() if used and p not in case.planned
        ]
        spare = [p for p in case.planned if not case.consumed.get(p)]
        if not other or not spare:
            return
        listed = {}
        for charge in case.charges:
            for supply in charge.service.supply_ids:
                listed.setdefault(supply.product_id, set()).update(
                    supply.alternative_ids
                )
        for fits in (
            lambda used, planned: used in listed[planned],
            lambda used, planned: used.categ_id == planned.categ_id,
        ):
            for used in sorted(other, key=code):
                if used in case.substitutes:
                    continue
                planned = next(
                    (one for one in sorted(spare, key=code) if fits(used, one)), None
                )
                if planned:
                    case.substitutes[used] = planned
                    spare.remove(planned)
