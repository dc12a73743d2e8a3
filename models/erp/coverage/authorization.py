"""A payer's permission for services."""

from datetime import datetime, time

from odoo import api, fields, models

from ..visit.clearance import UPCOMING

HOLDING = ("denied", "expired")


class HealthcareAuthorization(models.Model):
    _name = "healthcare.authorization"
    _description = "Authorization"
    _order = "id desc"
    _rec_name = "number"

    key = fields.Char(required=True, readonly=True)
    number = fields.Char(help="The payer's number, once there is one.")
    facility_id = fields.Many2one("healthcare.facility", required=True, index=True)
    company_id = fields.Many2one(related="facility_id.company_id", store=True)
    patient_id = fields.Many2one("res.partner", index="btree_not_null")
    payer_id = fields.Many2one("res.partner")
    appointment_id = fields.Many2one("healthcare.appointment", index="btree_not_null")
    state = fields.Selection(
        [
            ("requested", "Requested"),
            ("approved", "Approved"),
            ("denied", "Denied"),
            ("expired", "Expired"),
        ],
        required=True,
        default="requested",
    )
    lapsed = fields.Boolean(
        readonly=True,
        help="Expired because its period is over, not because the payer said so.",
    )
    units = fields.Float()
    date_from = fields.Date(string="From")
    date_to = fields.Date(string="Until")
    reason = fields.Char()
    service_ids = fields.Many2many("healthcare.service", string="Services")
    known_at = fields.Datetime(help="Time of the newest event about it.")
    known_fields = fields.Json(help="Time of the event each field came from.")
    decisions = fields.Json(help="When each state was reached, by event time.")

    _key_unique = models.UniqueIndex("(key)", "This authorization exists already.")

    @api.depends("number", "payer_id")
    def _compute_display_name(self):
        for record in self:
            record.display_name = record.number or self.env._("Authorization request")

    def _state_at(self, moment, day=None):
        """Return the state that counts for a service, ``None`` for none.

        Besides the states there is ``early``: approved from a later day on.

        What was decided by then counts, and an approval given afterwards. So a service
        meets the same answer whether its event or the decision arrives first. The end
        of the period is read from the period itself: it counts the same whether the
        timer ran before or runs after, and moves when the payer extends it.

        :param moment: naive UTC datetime
        :param day: date the service was performed on
        """
        if not self:
            return None
        self.ensure_one()
        decisions = self.decisions or {}
        limit = moment.isoformat(timespec="microseconds")
        before = [(at, state) for state, at in decisions.items() if at <= limit]
        at, state = max(before, default=("", None))
        if state != "approved" and decisions.get("approved", "") > at:
            state = "approved"
        if state == "approved" and day:
            if not self._lasts(day):
                return "expired"
            if not self._begun(day):
                return "early"
        return state

    def _lasts(self, day):
        """Return whether the period is not over on a day."""
        self.ensure_one()
        return not self.date_to or day <= self.date_to

    def _state_for_visit(self, day):
        """Return the state that counts for a visit planned for a day.

        An authorization whose period is over still holds for visits within it.
        """
        if self.lapsed and self._lasts(day):
            return "approved"
        return self.state

    # -- what it leaves open ------------------------------------------------------

    def _leaves_gap(self):
        """Return whether somebody must ask the payer again.

        Nobody must when the visit is off or the patient pays for it, nor when a period
        ended on which no coming visit relies any more.
        """
        self.ensure_one()
        visit = self.appointment_id
        if self.state not in HOLDING or visit.state in ("cancelled", "no_show"):
            return False
        if visit.self_pay:
            return False
        return not self.lapsed or not visit or self._concerns(visit)

    def _concerns(self, visit):
        """Return whether the end of the period leaves a coming visit uncovered."""
        return visit.state in UPCOMING and not self._lasts(visit.start.date())

    def _gap_values(self):
        """Return the exception that a refusal or an end leaves, as field values."""
        self.ensure_one()
        return {
            "category": "authorization_gap",
            "reason": self._hold_sentence(),
            "fingerprint": f"authorization/{self.key}",
            "cause_key": f"authorization/{self.key}",
            "facility_id": self.facility_id.id,
            "company_id": self.company_id.id,
            "currency_id": self.company_id.currency_id.id,
            "patient_id": self.patient_id.id,
            "payer_id": self.payer_id.id,
            "appointment_id": self.appointment_id.id,
            "res_model": self._name,
            "res_id": self.id,
            "amount_at_risk": self.appointment_id.amount_expected,
        }

    # -- the timer ----------------------------------------------------------------

    @api.model
    def _cron_expire(self):
        """Expire what was approved until a day that is over (UTC), all at once.

        What no longer holds anything is closed by the same run, e.g. because the visit
        was moved into the period.
        """
        over = self.search(
            [("state", "=", "approved"), ("date_to", "<", fields.Date.today())]
        )
        over.write({"state": "expired", "lapsed": True})
        self.env["healthcare.workflow.authorization"]._follow_timer(over)
        self.env["healthcare.exception"].search(
            [("category", "=", "authorization_gap"), ("is_open", "=", True)]
        )._recheck()

    def _end_of_period(self):
        """Return the last moment of the period, naive UTC; ``None`` without an end."""
        self.ensure_one()
        return datetime.combine(self.date_to, time.max) if self.date_to else None

    def _hold_sentence(self):
        """Say in plain words why billing is on hold."""
        self.ensure_one()
        if self.state == "expired":
            return self.env._("The authorization has expired.")
        if self.payer_id.healthcare_payer_code:
            return self.env._(
                "%s denied the authorization.", self.payer_id.healthcare_payer_code
            )
        return self.env._("The payer denied the authorization.")
