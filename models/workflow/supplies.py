"""Supplies of visits and services: reserved, consumed, missing, released.

Odoo's own transfers do it; here they are made and changed for many visits at once.
When there is not enough for all, services already performed come first, then the
earlier visit, so that the same events in any order give the same reservations.
"""

from odoo import Command, api, models
from odoo.tools import SQL

OPEN_MOVES = ("waiting", "confirmed", "partially_available", "assigned")


class HealthcareWorkflowSupplies(models.AbstractModel):
    _name = "healthcare.workflow.supplies"
    _description = "Supplies Workflow"
    _inherit = "healthcare.workflow"

    # -- visits -----------------------------------------------------------------

    @api.model
    def _reserve(self, events):
        """Have one transfer per visit that reserves what its services need.

        :param events: ``{appointment: event}``
        :return: other appointments whose reservations changed
        """
        needs = {}
        for appointment in events:
            need = {}
            for line in appointment.line_ids:
                for supply in line.service_id.supply_ids:
                    product = supply.product_id
                    need[product] = (
                        need.get(product, 0) + supply.quantity * line.quantity
                    )
            needs[appointment] = need
        moves, released = self._fit(
            {
                appointment: (self._open_picking(appointment), need)
                for appointment, need in needs.items()
            },
        )
        touched = self._assign(moves, released)
        return self._after(touched, events) - self._appointments(events)

    @api.model
    def _release(self, events):
        """Give back what cancelled visits had reserved.

        :param events: ``{appointment: event}``
        :return: other appointments whose reservations changed
        """
        pickings = self._appointments(events).picking_ids.filtered(
            lambda p: (
                p.state not in ("done", "cancel") and not p.healthcare_completion_id
            )
        )
        released = self._cancel(pickings.move_ids)
        touched = self._assign(self.env["stock.move"], released)
        for appointment, event in events.items():
            event._resolve_issues(f"stock/{appointment.id}")
        return self._after(touched, events) - self._appointments(events)

    # -- services ---------------------------------------------------------------

    @api.model
    def _consume(self, rows):
        """Move what services used out of stock, as far as stock has it.

        What it does not have stays behind as a waiting transfer.

        :param rows: ``{completion: (event, {product: quantity},
            {product: {lot name: quantity}})}``
        :return: other appointments whose reservations changed
        """
        owners, events, lots = {}, {}, {}
        for completion, (event, need, names) in rows.items():
            picking = self._open_picking(completion.appointment_id)
            by_hand = completion.appointment_id.picking_ids.filtered(
                lambda p: p.state == "done" and not p.healthcare_completion_id
            )
            for move in by_hand.move_ids.filtered(lambda m: m.state == "done"):
                if move.product_id in need:
                    need[move.product_id] -= move.quantity
            by_hand.healthcare_completion_id = completion
            owners[completion] = (picking, {p: q for p, q in need.items() if q > 0})
            events[completion] = event
            if names:
                lots[completion] = names
        moves, released = self._fit(owners)
        for completion, (picking, _need) in owners.items():
            if picking.state not in ("cancel", False):
                picking.healthcare_completion_id = completion
        touched = self._assign(moves, released)
        self._use_lots(moves, lots)
        self._finish(moves)
        touched |= moves.exists().picking_id.backorder_ids | moves.exists().picking_id
        others = self._after(touched, events)
        return others - self.env["healthcare.appointment"].concat(
            *(completion.appointment_id for completion in rows)
        )

    @api.model
    def _finish(self, moves):
        """Validate what of these moves of performed services is reserved."""
        ready = moves.filtered(lambda m: m.state in OPEN_MOVES and m.quantity > 0)
        if ready:
            ready.picked = True
            ready.picking_id.with_context(healthcare_no_reassign=True)._action_done()

    @api.model
    def _use_lots(self, moves, lots):
        """Take the lots that were really used, where they are in stock.

        :param lots: ``{completion: {product: {lot name: quantity}}}``
        """
        tracked = [
            (move, lots[completion][move.product_id])
            for completion in lots
            for move in moves
            if move.picking_id.healthcare_completion_id == completion
            and move.product_id in lots[completion]
            and move.product_id.tracking != "none"
        ]
        if not tracked:
            return
        found = self.env["stock.lot"].search(
            [
                ("name", "in", [name for _move, names in tracked for name in names]),
                ("product_id", "in", [move.product_id.id for move, _names in tracked]),
            ]
        )
        by_name = {(lot.product_id, lot.name): lot for lot in found}
        for move, names in tracked:
            wanted = {
                by_name[move.product_id, name]: quantity
                for name, quantity in names.items()
                if (move.product_id, name) in by_name
            }
            if not wanted or set(move.lot_ids) == set(wanted) and len(wanted) == 1:
                continue
            move._do_unreserve()
            left = move.product_qty
            for lot, quantity in wanted.items():
                taken = left if len(wanted) == 1 else min(quantity, left)
                if taken > 0:
                    move._update_reserved_quantity(taken, move.location_id, lot_id=lot)
                    left -= taken
            move._action_assign()

    @api.model
    def _take_back(self, completion, lines):
        """Move supplies that a service did not use after all back into stock.

        :param lines: ``(move out, lot, quantity)``
        :return: the transfer, done, and the transfers that may have got some of it
        """
        none = self.env["stock.picking"]
        if not lines:
            return none, none
        move = lines[0][0]
        kind = move.picking_type_id.return_picking_type_id or move.picking_type_id
        places = {
            "location_id": move.location_dest_id.id,
            "location_dest_id": move.location_id.id,
            "company_id": completion.company_id.id,
        }
        values = {
            **places,
            "picking_type_id": kind.id,
            "origin": completion.order_id.name,
            "healthcare_appointment_id": completion.appointment_id.id,
            "healthcare_completion_id": completion.id,
            "move_ids": [
                Command.create(
                    {
                        **places,
                        "product_id": one.product_id.id,
                        "product_uom": one.product_id.uom_id.id,
                        "product_uom_qty": quantity,
                        "origin_returned_move_id": one.id,
                        "picked": True,
                        "move_line_ids": [
                            Command.create(
                                {
                                    "product_id": one.product_id.id,
                                    "product_uom_id": one.product_id.uom_id.id,
                                    "quantity": quantity,
                                    "lot_id": lot.id,
                                    "location_id": places["location_id"],
                                    "location_dest_id": places["location_dest_id"],
                                }
                            )
                        ],
                    }
                )
                for one, lot, quantity in lines
            ],
        }
        self._name_pickings([values])
        picking = self.env["stock.picking"].create(values)
        waiting = self.env["stock.move"].search(
            [
                ("product_id", "in", picking.move_ids.product_id.ids),
                ("location_id", "=", places["location_dest_id"]),
                ("state", "in", ("confirmed", "partially_available")),
                "|",
                ("picking_id.healthcare_appointment_id", "!=", False),
                ("picking_id.healthcare_completion_id", "!=", False),
            ]
        )
        picking.with_context(healthcare_no_reassign=True)._action_done()
        return picking, waiting.picking_id

    # -- transfers --------------------------------------------------------------

    @api.model
    def _appointments(self, records):
        return self.env["healthcare.appointment"].concat(*records)

    @api.model
    def _open_picking(self, appointment):
        return appointment.picking_ids.filtered(
            lambda p: (
                p.state not in ("done", "cancel") and not p.healthcare_completion_id
            )
        )[:1]

    @api.model
    def _fit(self, owners):
        """Make transfers have exactly the moves that are needed.

        :param owners: ``{appointment or completion: (picking, {product: quantity})}``
        :return: ``(open moves, {(product, location)} given back)``
        """
        moves = self.env["stock.move"]
        superfluous, move_vals, picking_vals = [], [], []
        # Read at once what is looked at one by one below.
        known = self.env["stock.picking"].concat(*(p for p, _need in owners.values()))
        known.move_ids.mapped("state")
        for owner, (picking, need) in owners.items():
            missing = dict(need)
            for move in picking.move_ids.filtered(lambda m: m.state in OPEN_MOVES):
                product = move.product_id
                demand = move.product_qty
                if product.uom_id.compare(demand, missing.get(product, 0)) > 0:
                    # Taken back and made anew: no chatter, and the plan stays to see.
                    superfluous.append(move.id)
                else:
                    missing[product] -= demand
                    moves += move
            lines = [
                self._move_values(owner, product, quantity)
                for product, quantity in missing.items()
                if product.uom_id.compare(quantity, 0) > 0
            ]
            if not lines or not owner.facility_id.warehouse_id:
                continue
            if picking:
                move_vals += [{**line, "picking_id": picking.id} for line in lines]
            else:
                picking_vals.append(self._picking_values(owner, lines))
        self._name_pickings(picking_vals)
        created = self.env["stock.picking"].create(picking_vals).move_ids
        created += self.env["stock.move"].create(move_vals)
        released = self._cancel(moves.browse(superfluous))
        created._action_confirm(merge=False)
        for move in {(m.product_id, m.location_id): m for m in created}.values():
            move._trigger_scheduler()
        return moves + created, released

    @api.model
    def _move_values(self, owner, product, quantity):
        warehouse = owner.facility_id.warehouse_id
        return {
            "product_id": product.id,
            "product_uom": product.uom_id.id,
            "product_uom_qty": quantity,
            "location_id": warehouse.lot_stock_id.id,
            "location_dest_id": warehouse._get_partner_locations()[0].id,
            "picking_type_id": warehouse.out_type_id.id,
            "warehouse_id": warehouse.id,
            "company_id": owner.company_id.id,
            "origin": owner.order_id.name,
            "date": owner.start if "start" in owner._fields else owner.performed_at,
        }

    @api.model
    def _picking_values(self, owner, lines):
        is_visit = owner._name == "healthcare.appointment"
        appointment = owner if is_visit else owner.appointment_id
        return {
            "picking_type_id": lines[0]["picking_type_id"],
            "location_id": lines[0]["location_id"],
            "location_dest_id": lines[0]["location_dest_id"],
            "origin": lines[0]["origin"],
            "company_id": lines[0]["company_id"],
            "healthcare_appointment_id": appointment.id,
            "healthcare_completion_id": False if is_visit else owner.id,
            "move_ids": [Command.create(line) for line in lines],
        }

    @api.model
    def _name_pickings(self, vals_list):
        """Number transfers in bulk, each type by its own sequence."""
        by_type = {}
        for vals in vals_list:
            by_type.setdefault(vals["picking_type_id"], []).append(vals)
        for type_id, group in by_type.items():
            kind = self.env["stock.picking.type"].browse(type_id)
            numbers = self._sequence_numbers(None, len(group), kind.sequence_id)
            for vals, number in zip(group, numbers, strict=True):
                vals["name"] = number

    @api.model
    def _cancel(self, moves):
        """Cancel open moves; return which ``(product, location)`` they gave back."""
        moves = moves.filtered(lambda m: m.state in ("draft", *OPEN_MOVES))
        released = {(move.product_id, move.location_id) for move in moves}
        moves._action_cancel()
        return released

    # -- who gets what ----------------------------------------------------------

    @api.model
    def _assign(self, moves, released=()):
        """Reserve moves, and what was given back to whom it is due.

        :return: transfers whose reservations may have changed
        """
        moves.filtered(
            lambda m: m.state in ("confirmed", "partially_available")
        )._action_assign()
        scarce = {(m.product_id, m.location_id) for m in moves if _lacks(m)}
        touched = moves.picking_id
        if pairs := scarce | set(released):
            touched |= self._allocate(pairs, bool(scarce))
        self.env["healthcare.replenishment"]._replenish(pairs)
        return touched

    @api.model
    def _allocate(self, pairs, mark=False):
        """Give scarce supplies to whom they are due; return the transfers concerned.

        :param pairs: ``(product, location)``
        :param mark: whether somebody lacks some and waits
        """
        products = self.env["product.product"].concat(*(p for p, _location in pairs))
        locations = self.env["stock.location"].concat(*(one for _p, one in pairs))
        if mark:
            self._mark_scarce(products, locations)
        rivals = self.env["stock.move"].search(
            [
                ("product_id", "in", products.ids),
                ("location_id", "in", locations.ids),
                ("state", "in", OPEN_MOVES),
                ("picked", "=", False),
                "|",
                ("picking_id.healthcare_appointment_id", "!=", False),
                ("picking_id.healthcare_completion_id", "!=", False),
            ]
        )
        touched = self.env["stock.picking"]
        for pair, group in rivals.grouped(
            lambda m: (m.product_id, m.location_id)
        ).items():
            if pair not in pairs:
                continue
            ordered = group.sorted(_due)
            first = next((i for i, move in enumerate(ordered) if _lacks(move)), None)
            if first is None:
                continue
            late = ordered[first + 1 :].filtered("quantity")
            late._do_unreserve()
            ordered[first:]._action_assign()
            touched |= (ordered[first] + late).picking_id
            touched |= ordered[first:].filtered("quantity").picking_id
        return touched

    @api.model
    def _mark_scarce(self, products, locations):
        """Make two workers that see the same shortage at once notice each other.

        Who waits changes no quant, and so would not conflict with who gives back.
        """
        self.env["stock.quant"].flush_model()
        self.env.execute_query(
            SQL(
                """UPDATE stock_quant SET reserved_quantity = reserved_quantity
                WHERE product_id = ANY(%s) AND location_id = ANY(%s) RETURNING id""",
                products.ids,
                locations.ids,
            )
        )

    # -- what is missing --------------------------------------------------------

    @api.model
    def _after(self, pickings, events):
        """Open and close shortages of transfers; return the visits concerned.

        :param events: ``{appointment or completion: event}``; of transfers of others
            the first event tells
        """
        pickings = pickings.exists()
        some = next(iter(events.values()), None)
        for fingerprint, group in pickings.grouped(
            lambda picking: picking._healthcare_fingerprint()
        ).items():
            appointment = group.healthcare_appointment_id
            completion = group.healthcare_completion_id[:1]
            owner = completion or appointment
            event = events.get(completion) or events.get(appointment) or some
            missing = (group | appointment.picking_ids).move_ids.filtered(_lacks)
            if not missing:
                event._resolve_issues(fingerprint)
                continue
            event._raise_issue(
                "stock_shortage",
                self._describe(missing),
                fingerprint,
                cause=fingerprint,
                appointment_id=appointment.id,
                patient_id=owner.patient_id.id,
                product_id=missing.product_id.sorted("id")[:1].id,
                facility_id=owner.facility_id.id,
                company_id=owner.company_id.id,
                res_model="stock.picking",
                res_id=missing[0].picking_id.id,
                amount_at_risk=completion.amount_total or appointment.amount_expected,
            )
        return pickings.healthcare_appointment_id

    @api.model
    def _describe(self, moves):
        parts = [
            f"{move.product_qty - move.quantity:g} {move.product_id.uom_id.name} "
            f"{move.product_id.display_name}"
            for move in moves
        ]
        return self.env._("Not in stock: %s.", ", ".join(parts))

    # -- from outside an event --------------------------------------------------

    @api.model
    def _stock_arrived(self, pairs):
        """Reserve what has come for whom it is due, and finish what waited for it."""
        touched = self._give(pairs)
        self.env["healthcare.exception"].with_context(
            healthcare_no_reassign=True
        ).search(
            [
                ("fingerprint", "in", [p._healthcare_fingerprint() for p in touched]),
                ("state", "in", ("open", "assigned")),
            ]
        )._recheck()

    @api.model
    def _give(self, pairs):
        """Reserve free stock of ``(product, location)``; return transfers concerned."""
        touched = self._allocate(pairs)
        self._finish(touched.filtered("healthcare_completion_id").move_ids)
        touched.healthcare_appointment_id._refresh_supplies()
        return touched


def _lacks(move):
    return (
        move.state in OPEN_MOVES
        and move.product_uom.compare(move.quantity, move.product_uom_qty) < 0
    )


def _due(move):
    """Sort key: performed services first, then the earlier visit."""
    picking = move.picking_id
    visit = picking.healthcare_appointment_id
    if completion := picking.healthcare_completion_id:
        return (0, completion.performed_at, completion.key, move.id)
    return (1, visit.start, visit.subject, move.id)
