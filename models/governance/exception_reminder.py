"""One activity for each owner of a problem, however many exceptions it has."""

from collections import defaultdict, namedtuple

from odoo import api, fields, models
from odoo.tools import SQL

from .exception import OPEN_STATES

#: What an owner has to do about a problem. ``due``: of the first of the exceptions.
_Share = namedtuple("_Share", "due count escalated")


class HealthcareExceptionCause(models.Model):
    _inherit = "healthcare.exception.cause"

    @api.model
    def _remind(self):
        """Have activities follow who owns what, and until when it is due.

        An activity that a person has marked as done is not given again.
        """
        shares = self._shares()
        causes = self.browse(shares)
        known = defaultdict(dict)
        for activity in self._reminders(causes):
            known[activity.res_id][activity.user_id.id] = activity
        for cause in causes:
            cause._remind_owners(shares[cause.id], known[cause.id])

    @api.model
    def _shares(self):
        """Return ``{cause id: {user id: share}}`` of all open problems."""
        self.env["healthcare.exception"].flush_model(
            ["cause_id", "user_id", "deadline", "escalated_to_id", "state"]
        )
        shares = defaultdict(dict)
        for cause_id, user_id, *share in self.env.execute_query(
            SQL(
                """SELECT cause_id, user_id, min(deadline), count(*),
                    count(*) FILTER (WHERE escalated_to_id = user_id) > 0
                FROM healthcare_exception WHERE state IN %s
                AND cause_id IS NOT NULL AND user_id IS NOT NULL
                GROUP BY cause_id, user_id ORDER BY cause_id, count(*) DESC""",
                OPEN_STATES,
            )
        ):
            shares[cause_id][user_id] = _Share(*share)
        return shares

    @api.model
    def _reminders(self, causes):
        """Return the activities given by :meth:`_remind`, done ones, too."""
        return (
            self.env["mail.activity"]
            .with_context(active_test=False)
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", causes.ids),
                    ("automated", "=", True),
                ]
            )
        )

    def _remind_owners(self, shares, known):
        """Give, move and take back the activities of one problem.

        :param shares: ``{user id: share}``, whoever has most of it first
        :param known: ``{user id: activity}``
        """
        self.ensure_one()
        if self.user_id.id not in shares:
            self.write({"user_id": next(iter(shares))})
        free = [
            activity
            for user_id, activity in known.items()
            if activity.active and user_id not in shares
        ]
        for user_id, share in shares.items():
            user = self.env["res.users"].browse(user_id)
            if user_id not in known:
                self._give(user, share, free.pop() if free else None)
            elif known[user_id].active and known[user_id].date_deadline != self._day(
                user, share
            ):
                known[user_id].date_deadline = self._day(user, share)
        self.env["mail.activity"].union(*free).unlink()

    def _give(self, user, share, moved):
        """Give an owner one thing to do, moving what another had to do."""
        told = self.with_context(lang=user.lang)
        values = {
            "date_deadline": self._day(user, share),
            "summary": self.name,
            "note": told.next_step,
        }
        if share.escalated:
            values["summary"] = told.env._("Past due: %s", self.name)
            values["note"] = told.env._(
                "This was not solved in time and is yours now: %(count)s "
                "exception(s). %(step)s",
                count=share.count,
                step=told.next_step or "",
            )
        if moved:
            # Who hands over tells it; only what is escalated nobody has told of.
            moved.with_context(mail_activity_quick_update=not share.escalated).write(
                {**values, "user_id": user.id}
            )
        else:
            self.activity_schedule(
                "mail.mail_activity_data_todo", user_id=user.id, **values
            )

    def _day(self, user, share):
        """Return the day it is due, as the owner's calendar has it."""
        due = share.due or self.opened_at
        zone = self.with_context(tz=user.tz or "UTC")
        return fields.Datetime.context_timestamp(zone, due).date()

    def _remind_no_more(self):
        """Mark what owners had to do about problems that are over as done."""
        activities = self._reminders(self).filtered("active")
        activities.write({"active": False, "date_done": fields.Date.today()})


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    def write(self, vals):
        quiet = self.env.context.get("mail_auto_subscribe_no_notify")
        many = vals.get("user_id") and len(self) > 1 and not quiet
        if many:  # one message for many, instead of Odoo's own for each
            self = self.with_context(mail_auto_subscribe_no_notify=True)
        result = super().write(vals)
        if many:
            self._tell_owner()
        if vals.keys() & {"user_id", "deadline"}:
            self.env["healthcare.exception.cause"]._wake()  # reminders follow
        return result

    def _tell_owner(self, note=None):
        """Tell the new owner of these once, unless they took them themselves."""
        first, owner = self[:1], self[:1].user_id
        if owner == self.env.user:
            return
        told = self.with_context(lang=owner.lang).env
        first.message_notify(
            partner_ids=owner.partner_id.ids,
            subject=told._("%s exceptions for you", len(self)),
            body=told._(
                "%(name)s handed %(count)s exception(s) over to you: %(reason)s "
                "%(note)s",
                name=self.env.user.name,
                count=len(self),
                reason=first.reason or "",
                note=note or "",
            ),
        )
