"""Facts that a target does not take: set aside, told of, replaced, sent again.

A later fact of the same key does not wait behind a refused one: it says all there is to
say of that key, and by contract a higher sequence replaces a lower, so the target ends
up right without the one it could not take. The refused one is then *superseded* and
never sent any more, since nothing lower may arrive after something higher. Were the
later one held back instead, the target would be wrong until a person acts. Events do
not replace each other: there the later ones of a subject wait.
"""

from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import SQL

from ...core.delivery import receipts

#: Facts refused by a target that never took any: it is the target, not the facts.
UNPROVEN = 10


class HealthcareDelivery(models.Model):
    _inherit = "healthcare.delivery"

    @api.model
    def _park(self, batch, refused):
        """Set facts of a batch aside.

        :param refused: ``{fact id: reason}``; reasons have no value of a fact in them
        :return: how many; one that is off the queue was taken before
        """
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_delivery d
                SET state = 'failed', reason = r.reason, batch_number = %s
                FROM unnest(%s::int[], %s::text[]) AS r(fact_id, reason)
                WHERE d.target_id = %s AND d.fact_id = r.fact_id
                AND d.state = 'pending' RETURNING d.id""",
                batch.id,
                list(refused),
                list(refused.values()),
                batch.target_id.id,
            )
        )
        batch.target_id._tell_refused(set(refused.values()))
        return len(rows)

    @api.model
    def _supersede(self, batch):
        """Let go of refused facts of keys of which the target now has a later one."""
        target = batch.target_id
        if target.content == "events" or not target._refused_any():
            return
        batch.flush_recordset()
        rows = self.env.execute_query(
            SQL(
                """WITH refused AS (
                    SELECT d.id, d.reason, f.key, f.sequence FROM healthcare_delivery d
                    JOIN healthcare_fact f ON f.id = d.fact_id
                    WHERE d.target_id = %s AND d.state = 'failed')
                UPDATE healthcare_delivery d SET state = 'superseded'
                FROM refused r WHERE d.id = r.id AND EXISTS (
                    SELECT 1 FROM healthcare_fact f
                    JOIN healthcare_delivery_batch b ON b.id = %s AND %s
                    WHERE f.key = r.key AND f.sequence > r.sequence)
                RETURNING d.reason""",
                batch.target_id.id,
                batch.id,
                SQL(receipts.RECEIPT),
            )
        )
        if rows:
            self._forget_cached()
            batch.target_id._tell_refused({row[0] for row in rows})

    @api.model
    def _send_refused_again(self, targets, reasons=None):
        """Put refused facts back in line, in their old place.

        :param reasons: only those refused for one of these
        """
        rows = self.env.execute_query(
            SQL(
                """UPDATE healthcare_delivery SET state = 'pending',
                    batch_number = NULL, reason = NULL
                WHERE target_id = ANY(%s) AND state = 'failed' AND %s
                RETURNING fact_id""",
                targets.ids,
                SQL("true") if reasons is None else SQL("reason = ANY(%s)", reasons),
            )
        )
        self._forget_cached()
        if rows:
            self._wake()
        return len(rows)

    @api.model
    def _give_up_refused(self, target, reason):
        """Leave facts refused for a reason alone, by a person's decision."""
        self.env.execute_query(
            SQL(
                """UPDATE healthcare_delivery SET state = 'given_up'
                WHERE target_id = %s AND state = 'failed' AND reason = %s
                RETURNING fact_id""",
                target.id,
                reason,
            )
        )
        self._forget_cached()


class HealthcareTarget(models.Model):
    _inherit = "healthcare.target"

    refused_count = fields.Integer(
        string="Facts Refused", compute="_compute_refused_count"
    )

    def _compute_refused_count(self):
        found = dict(
            self.env["healthcare.delivery"]._read_group(
                [("target_id", "in", self.ids), ("state", "=", "failed")],
                ["target_id"],
                ["__count"],
            )
        )
        for target in self:
            target.refused_count = found.get(target, 0)

    def _refused_any(self):
        """Whether facts are set aside that this target refused."""
        query = SQL(
            """SELECT 1 FROM healthcare_delivery
            WHERE target_id = %s AND state = 'failed' LIMIT 1""",
            self.id,
        )
        return bool(self.env.execute_query(query))

    def _is_unproven(self):
        """Whether it refused so much, and took nothing, that it is not the facts."""
        if self.last_delivery_at:
            return False
        counts = self._refused_counts().values()
        return sum(sum(ones.values()) for ones in counts) > UNPROVEN

    def _refused_counts(self):
        """Return ``{reason: {fact type: count}}`` of what is set aside."""
        self.ensure_one()
        found = defaultdict(dict)
        for reason, fact_type, count in self.env.execute_query(
            SQL(
                """SELECT d.reason, f.fact_type, count(*) FROM healthcare_delivery d
                JOIN healthcare_fact f ON f.id = d.fact_id
                WHERE d.target_id = %s AND d.state = 'failed'
                GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2""",
                self.id,
            )
        ):
            found[reason][fact_type] = count
        return found

    def _tell_refused(self, reasons):
        """Open, update or close the exceptions of why facts are refused."""
        self.ensure_one()
        # Stands in for the system: delivery closes what it opened.
        exceptions = self.env["healthcare.exception"].sudo()
        counts = self._refused_counts()
        exceptions._open_or_update(
            [self._refused_issue(one, counts[one]) for one in reasons if one in counts]
        )
        gone = [self._refused_mark(one) for one in reasons if one not in counts]
        if gone:
            exceptions.search(
                [("fingerprint", "in", gone), ("state", "in", ("open", "assigned"))]
            )._close("resolved", "cause_gone")

    def _refused_mark(self, reason):
        return f"delivery/{self.id}/{reason}"

    def _refused_issue(self, reason, counts):
        types = self.env["healthcare.fact"]._fields["fact_type"]
        labels = dict(types._description_selection(self.env))
        kinds = ", ".join(
            f"{labels[fact_type]} ({count})" for fact_type, count in counts.items()
        )
        return {
            "category": "delivery_failed",
            "fingerprint": self._refused_mark(reason),
            "cause_key": f"target/{self.id}/{reason}",
            "res_model": self._name,
            "res_id": self.id,
            "reason": self.env._(
                "%(target)s does not take some facts: %(answer)s. Set aside: "
                "%(kinds)s. All others go on.",
                target=self.name,
                answer=reason,
                kinds=kinds,
            ),
        }

    def action_send_refused_again(self):
        """Send what was refused once more."""
        self.check_access("write")
        for target in self:
            reasons = set(target._refused_counts())
            self.env["healthcare.delivery"]._send_refused_again(target)
            target._tell_refused(reasons)
        return True

    def action_open_refused(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Refused Facts"),
            "res_model": "healthcare.delivery",
            "views": [(False, "list")],
            "domain": [("target_id", "=", self.id), ("state", "=", "failed")],
        }
