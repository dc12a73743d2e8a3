"""Receipts: a fact was delivered by the batches that have it, and has no row for it."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...core.delivery import receipts


class HealthcareDeliveryBatch(models.Model):
    _inherit = "healthcare.delivery.batch"

    # The range that its facts are looked for by; 0 to 0 where it has none. Written with
    # them: reading the field to compute these would copy every number.
    first_fact = fields.Integer(readonly=True, aggregator=None)
    last_fact = fields.Integer(readonly=True, aggregator=None)

    _facts_index = models.Index(receipts.INDEX)

    @api.model_create_multi
    def create(self, vals_list):
        return super().create(
            [{**one, **_range(one.get("facts"))} for one in vals_list]
        )

    def write(self, vals):
        if "facts" in vals:
            vals = {**vals, **_range(vals["facts"])}
        return super().write(vals)


def _range(facts):
    facts = facts or [0]
    return {"first_fact": min(facts), "last_fact": max(facts)}


class HealthcareFact(models.Model):
    _inherit = "healthcare.fact"

    receipt_ids = fields.One2many(
        "healthcare.delivery.batch",
        string="Delivered With",
        compute="_compute_receipt_ids",
    )

    def _compute_receipt_ids(self):
        found = self._receipts()
        for fact in self:
            fact.receipt_ids = found[fact]

    def _receipts(self):
        """Return ``{fact: batches that delivered it}``, the first one first."""
        batches = self.env["healthcare.delivery.batch"]
        batches.flush_model(["state", "facts", "first_fact", "last_fact"])
        found = {fact_id: [] for fact_id in self.ids}
        for fact_id, batch_id in self.env.execute_query(
            SQL(
                """SELECT f.id, b.id FROM unnest(%s::int[]) AS f(id)
                JOIN healthcare_delivery_batch b ON %s
                ORDER BY b.delivered_at, b.id""",
                self.ids,
                SQL(receipts.RECEIPT),
            )
        ):
            found[fact_id].append(batch_id)
        return {fact: batches.browse(found.get(fact.id, ())) for fact in self}


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    def _received(self, first, last):
        """Return the SQL of ids of facts delivered to a target, in a range of ids."""
        self.ensure_one()
        return SQL(
            "SELECT n.fact_id::int AS id FROM %s WHERE b.target_id = %s AND %s",
            SQL(receipts.CONTENTS),
            self.id,
            SQL(receipts.BETWEEN, first, last),
        )

    def _concerns(self):
        """Return the condition that a fact ``f`` was sent to a target, or is to be."""
        self.ensure_one()
        return SQL(
            """(EXISTS (SELECT FROM healthcare_delivery d
                    WHERE d.fact_id = f.id AND d.target_id = %s)
                OR EXISTS (SELECT FROM healthcare_delivery_batch b
                    WHERE b.target_id = %s AND %s))""",
            self.id,
            self.id,
            SQL(receipts.SENT),
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_without_receipts(self):
        if self.env["healthcare.delivery.batch"].search_count(
            [("target_id", "in", self.ids), ("state", "=", "delivered")], limit=1
        ):
            raise UserError(
                self.env._(
                    "A target that got facts is archived, not deleted: what was "
                    "delivered to it is evidence."
                )
            )

    def unlink(self):
        self._route_no_more()
        return super().unlink()

    def _route_no_more(self):
        """Have facts that only these targets were to get be on their way to nobody."""
        facts = self.env["healthcare.fact"]
        self.env.flush_all()
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_fact f SET routed = FALSE
                FROM healthcare_delivery d
                WHERE d.fact_id = f.id AND d.target_id = ANY(%s)
                AND NOT EXISTS (SELECT FROM healthcare_delivery o
                    WHERE o.fact_id = f.id AND NOT o.target_id = ANY(%s))
                AND NOT EXISTS (SELECT FROM healthcare_delivery_batch b
                    WHERE %s AND NOT b.target_id = ANY(%s))
                RETURNING f.id""",
                self.ids,
                self.ids,
                SQL(receipts.SENT),
                self.ids,
            )
        )
        facts.invalidate_model(["routed", "state"])
