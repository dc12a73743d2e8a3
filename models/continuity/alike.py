"""What was written by hand, and what a system sends of the same thing later."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

DISTINCT = "healthcare_distinct"  # member of the data of a corrected event
ALIKE = "alike-"  # how kinds of causes begin that tell of likeness


class HealthcareAlike(models.Model):
    """Makes transactions see each other that write what may be the same thing.

    Two that ask for the same place at once: the second is undone by the database and
    run again by the engine, and then sees what the first has written.
    """

    _name = "healthcare.alike"
    _description = "Place of Things Alike"
    _log_access = False

    key = fields.Char(required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True)

    _key_unique = models.UniqueIndex("(key)", "This place is taken.")

    @api.model
    def _take(self, keys):
        """Ask for places, in the same order whoever asks."""
        keys = sorted(set(keys))
        if keys:
            self.env.execute_query(
                SQL(
                    "INSERT INTO healthcare_alike (key, date) "
                    "SELECT k, %s FROM unnest(%s) AS k "
                    "ON CONFLICT (key) DO NOTHING RETURNING id",
                    fields.Datetime.now(),
                    keys,
                )
            )

    @api.autovacuum
    def _gc_places(self):
        """Drop places no running transaction can ask for any more."""
        limit = fields.Datetime.now() - timedelta(days=2)
        self.env.execute_query(
            SQL("DELETE FROM healthcare_alike WHERE date < %s RETURNING id", limit)
        )


class HealthcareCompletion(models.Model):
    _inherit = "healthcare.completion"

    by_hand = fields.Boolean(
        readonly=True, help="Written down by hand while systems were down."
    )

    _patient_day_index = models.Index("(patient_id, performed_at)")


class AccountPayment(models.Model):
    _inherit = "account.payment"

    healthcare_by_hand = fields.Boolean(
        string="Taken by Hand",
        readonly=True,
        copy=False,
        help="Written down by hand while systems were down.",
    )

    _healthcare_alike_index = models.Index(
        "(date, amount) WHERE healthcare_payment_key IS NOT NULL"
    )


class HealthcareException(models.Model):
    _inherit = "healthcare.exception"

    is_alike = fields.Boolean(
        compute="_compute_is_alike",
        help="Something alike was written by hand, or sent by a system.",
    )

    @api.depends("cause_key")
    def _compute_is_alike(self):
        for issue in self:
            issue.is_alike = (issue.cause_key or "").startswith(ALIKE)

    @api.depends("cause_key")
    def _compute_next_step(self):
        result = super()._compute_next_step()
        for issue in self.filtered("is_alike"):
            issue.next_step = (
                self.env._(
                    "Compare it with the completion. Waive it when it is the same "
                    "service; bill anew with it when it corrects the first; take both "
                    "when these are two services."
                )
                if issue.category == "duplicate_service"
                else self.env._(
                    "Compare it with the payment. Waive it when it is the same money; "
                    "take both when these are two payments."
                )
            )
        return result

    def action_not_alike(self):
        """Take the event for another thing than the one it is like."""
        self.ensure_one()
        self._check_open()
        if not self.env.user.has_group("healthcare_connector.group_finance"):
            raise AccessError(
                self.env._("Only finance users may say that these are two things.")
            )
        if not self.is_alike:
            raise UserError(self.env._("There is nothing that it is like."))
        reason = self.env._("Looked at: these are two different things.")
        # Stands in for the system: who decides need not read what events hold.
        event = self.event_id.sudo()
        envelope = event._envelopes()[event]
        envelope["data"][DISTINCT] = True
        event.sudo(False)._correct(envelope, reason)
        self._note_decision("corrected", reason)
        # Stands in for the system: how it ends is told by the event itself.
        self.sudo().write({"resolution": "corrected"})
        return True
