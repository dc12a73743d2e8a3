"""What is past due for too long goes to whoever the policy names, once."""

from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.tools import SQL

from .exception import OPEN_STATES

SLICE = 1000
_COLUMNS = ("category", "facility_id", "payer_id", "amount_at_risk")


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    escalated_at = fields.Datetime(
        string="Escalated",
        readonly=True,
        copy=False,
        help="When it was handed to whoever answers for what is past due.",
    )

    escalated_to_id = fields.Many2one("res.users", readonly=True, copy=False)

    _late_index = models.Index(
        "(deadline, id) WHERE state IN ('open', 'assigned') AND escalated_at IS NULL"
    )
    # Who owns what of which problem, read whenever exceptions open, close or move.
    _share_index = models.Index(
        "(cause_id, user_id) INCLUDE (deadline, escalated_to_id) "
        "WHERE state IN ('open', 'assigned')"
    )

    @api.model
    def _cron_escalate(self):
        """Go through all that is past due, slice by slice."""
        engine = self.env["healthcare.engine"]
        after, changed = (None, 0), False
        while after:
            slice_of = partial(self._escalate_slice, after)
            after, escalated = engine._committed(lambda _attempt, do=slice_of: do())
            changed = changed or bool(escalated)
        if changed:
            self.env["healthcare.exception.cause"]._wake()

    @api.model
    def _escalate_slice(self, after):
        """Hand over what is past due for too long, of the next ones.

        :param after: ``(deadline, id)`` of the last one looked at
        :return: where to go on, ``None`` at the end; and what was escalated
        """
        self.env.flush_all()
        policies = self.env["healthcare.exception.policy"]._rules()
        categories, hours = policies.escalating()
        now = fields.Datetime.now()
        rows = self._late(categories, now - timedelta(hours=hours), after)
        by_user = {}
        for issue_id, deadline, *values in rows:
            found = policies.escalation(dict(zip(_COLUMNS, values, strict=True)))
            if found and deadline + timedelta(hours=found[1]) <= now:
                by_user.setdefault(found[0], []).append(issue_id)
        escalated = self.browse()
        for user_id, ids in by_user.items():
            issues = self.browse(ids)
            issues._escalate_to(self.env["res.users"].browse(user_id), now)
            escalated |= issues
        self.env.flush_all()
        following = (rows[-1][1], rows[-1][0]) if len(rows) == SLICE else None
        return following, escalated

    @api.model
    def _late(self, categories, before, after):
        if not categories:
            return []
        deadline, last = after
        return self.env.execute_query(
            SQL(
                """SELECT id, deadline, category, facility_id, payer_id, amount_at_risk
                FROM healthcare_exception
                WHERE state IN %s AND escalated_at IS NULL AND category IN %s
                AND deadline <= %s AND (deadline, id) > (%s, %s)
                ORDER BY deadline, id LIMIT %s""",
                OPEN_STATES,
                tuple(categories),
                before,
                deadline or "-infinity",
                last,
                SLICE,
            )
        )

    def _escalate_to(self, user, now):
        """Hand these over quietly: the new owner is told once of their problem."""
        quiet = self.with_context(
            mail_auto_subscribe_no_notify=True, tracking_disable=True
        )
        quiet.write({"escalated_at": now, "escalated_to_id": user.id})
        for owner, group in quiet.grouped("user_id").items():
            if owner == user:
                continue
            group.write({"user_id": user.id, "state": "assigned"})
            note = self.env._(
                "Past due: handed over from %(owner)s to %(user)s.",
                owner=owner.name or self.env._("nobody"),
                user=user.name,
            )
            group._message_log_batch(bodies=dict.fromkeys(group.ids, note))
