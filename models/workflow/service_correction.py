"""Another completion of a service: a duplicate, or by decision its correction.

A correction takes the earlier version back (invoices by credit note, supplies that were
not used after all into stock, quantities off the order) and is then billed like any
other completion. Money that was received stays and goes to the new invoices.
"""

from odoo import api, fields, models


class HealthcareWorkflowService(models.AbstractModel):
    _inherit = "healthcare.workflow.service"

    # -- before -----------------------------------------------------------------

    @api.model
    def _check_duplicate(self, cases):
        """Park second completions, but those that a person chose over the first."""
        found = self.env["healthcare.completion"].search(
            [
                ("superseded", "=", False),
                "|",
                ("key", "in", [case.key for case in cases]),
                ("replacement_event_id", "in", [case.event.id for case in cases]),
            ]
        )
        by_key = {one.key: one for one in found}
        chosen = {one.replacement_event_id: one for one in found}
        for case in cases:
            case.replaced = chosen.get(case.event)
            first = by_key.get(case.key)
            if first and first != case.replaced:
                self._park_duplicate(
                    case,
                    first,
                    self.env._("This service was completed and billed already."),
                )
            elif case.replaced and (obstacle := case.replaced._correction_obstacle()):
                self._park_duplicate(case, case.replaced, obstacle)

    @api.model
    def _park_duplicate(self, case, first, reason):
        case.park(
            "duplicate_service",
            reason,
            cause=f"completion/{first.id}",
            amount=first.amount_total,
            patient_id=case.patient.id,
            appointment_id=first.appointment_id.id,
            res_model=first._name,
            res_id=first.id,
        )

    # -- documents --------------------------------------------------------------

    @api.model
    def _create_completions(self, cases):
        self._credit_replaced([case for case in cases if case.replaced])
        return super()._create_completions(cases)

    @api.model
    def _completion_values(self, case):
        values = super()._completion_values(case)
        if case.replaced:
            values["replaces_id"] = case.replaced.id
        return values

    @api.model
    def _credit_replaced(self, cases):
        """Take back what earlier versions billed and delivered."""
        today = fields.Date.context_today(self)
        told = {}
        for case in cases:
            old = case.replaced
            invoices = old._live_invoices()
            drafts = invoices.filtered(lambda move: move.state == "draft")
            drafts.button_cancel()
            posted = invoices - drafts
            receivable = self._receivable(posted)
            case.freed = receivable.matched_credit_ids.credit_move_id
            notes = posted._reverse_moves(
                [
                    {
                        "date": today,
                        "invoice_date": today,
                        "ref": self.env._("Corrected: %s", old.identifier),
                        "healthcare_patient_id": move.healthcare_patient_id.id,
                        "healthcare_facility_id": move.healthcare_facility_id.id,
                        "healthcare_responsible": move.healthcare_responsible,
                        "healthcare_completion_id": old.id,
                    }
                    for move in posted
                ],
                cancel=True,
            )
            case.event._link(old, notes)
            case.event._resolve_issues(*(f"partial/{move.id}" for move in posted))
            told.update(dict.fromkeys(posted, case.event))
            self._take_off_order(old)
            old.superseded = True
        self.env["account.move"]._emit_healthcare_invoices(told)
        # The index lets a new version in when the old one is marked, not before.
        self.env["healthcare.completion"].flush_model(["superseded"])
        self._withdraw_facts(cases)

    @api.model
    def _receivable(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable"
        )

    @api.model
    def _take_off_order(self, old):
        lines = {line.product_id: line for line in old.order_id.order_line}
        for charge in old.line_ids:
            if line := lines.get(charge.service_id.product_id):
                line.qty_delivered = max(line.qty_delivered - charge.quantity, 0)

    @api.model
    def _find_orders(self, cases):
        """A correction stays on the order of the version it replaces."""
        result = super()._find_orders(cases)
        for case in cases:
            old = case.replaced
            if (
                old
                and not case.order
                and old.patient_id == case.patient
                and old.facility_id == case.event.facility_id
                and old.appointment_id == case.appointment
            ):
                case.order = old.order_id
        return result

    @api.model
    def _use_freed_money(self, cases):
        """Put money that the earlier version had received to the new invoices."""
        plan = []
        for case in cases:
            for invoice in case.invoices if case.replaced else ():
                open_lines = (self._receivable(invoice) | case.freed).filtered(
                    lambda line, invoice=invoice: (
                        not line.reconciled
                        and line.partner_id == invoice.commercial_partner_id
                        and line.parent_state == "posted"
                    )
                )
                if len(open_lines.move_id) > 1 and invoice in open_lines.move_id:
                    plan.append(open_lines)
        if plan:
            self.env["account.move.line"]._reconcile_plan(plan)

    # -- supplies ---------------------------------------------------------------

    @api.model
    def _needs(self, cases):
        """Return what is still to be taken out of stock, after what goes back.

        What the earlier version used, and this one uses too, stays as it was moved.
        """
        needs = super()._needs(cases)
        for case in cases:
            if case.replaced:
                for product, quantity in self._return_surplus(case).items():
                    needs[case][product] = needs[case].get(product, 0) - quantity
        return needs

    @api.model
    def _return_surplus(self, case):
        """Return to stock what is used no more; return ``{product: kept}``."""
        supplies = self.env["healthcare.workflow.supplies"]
        old, pickings = case.replaced, case.replaced.picking_ids
        waiting = pickings.filtered(lambda p: p.state not in ("done", "cancel"))
        released = supplies._cancel(waiting.move_ids)
        case.event._resolve_issues(f"stock-service/{old.id}")
        moves = pickings.move_ids.filtered(lambda move: move.state == "done")
        out = moves.filtered(lambda move: move.location_dest_id.usage == "customer")
        kept, lines = {}, []
        for product, group in out.grouped("product_id").items():
            back = (moves - out).filtered(lambda m, one=product: m.product_id == one)
            used = sum(group.mapped("quantity")) - sum(back.mapped("quantity"))
            kept[product] = self._kept(case, product, used, group)
            if product.uom_id.compare(used, kept[product]) > 0:
                lines += self._surplus_lines(group, used - kept[product])
        back, touched = supplies._take_back(old, lines)
        # The transfers now tell of the version that counts.
        (pickings | back).filtered(
            lambda p: p.state != "cancel"
        ).healthcare_completion_id = case.completion
        pairs = released | {(m.product_id, m.location_dest_id) for m in back.move_ids}
        if pairs:
            touched |= supplies._assign(self.env["stock.move"], pairs)
            case.others = supplies._after(
                touched | waiting, {case.completion: case.event}
            )
        return kept

    @api.model
    def _kept(self, case, product, used, moves):
        """Return how much of what was moved out is still right."""
        warehouse = case.replaced.facility_id.warehouse_id
        if warehouse != case.event.facility_id.warehouse_id:
            return 0
        lots = set(moves.move_line_ids.lot_id.mapped("name"))
        if lots and case.lots.get(product) and lots != set(case.lots[product]):
            return 0
        return min(used, case.consumed.get(product, 0))

    @api.model
    def _surplus_lines(self, moves, quantity):
        """Return ``(move, lot, quantity)`` that goes back, the last used first."""
        result = []
        for line in moves.move_line_ids.sorted("id", reverse=True):
            taken = min(line.quantity_product_uom, quantity)
            if taken > 0:
                result.append((line.move_id, line.lot_id, taken))
                quantity -= taken
        return result

    # -- facts ------------------------------------------------------------------

    @api.model
    def _withdraw_facts(self, cases):
        """Tell targets to forget the service and usage facts of earlier versions."""
        if not cases:
            return
        facts = self.env["healthcare.fact"]
        events = {case.replaced.id: case.event for case in cases}
        last = facts._latest(
            {(case.replaced._name, case.replaced.id) for case in cases}
        )
        for fact_type, ones in last.grouped("fact_type").items():
            facts._emit(
                fact_type,
                [
                    {
                        "document": self.env[one.res_model].browse(one.res_id),
                        "part": ":".join(one.key.split(":")[2:]),
                        "event": events[one.res_id],
                        "facility": one.facility_id,
                        "patient": one.partner_id,
                        "operation": "delete",
                        "values": {},
                    }
                    for one in ones
                    if one.operation == "upsert"
                ],
            )
